/* SPDX-License-Identifier: BSD-3-Clause */
#include "owners.h"

#include <stdlib.h>

struct owners_history {
	uint64_t n; /* entries ever */
	struct owner ring[OWNERS_KEPT];
};

void
owners_create(struct owners *o, uint32_t n)
{
	*o = (struct owners){.n = n, .histories = calloc(n, sizeof(*o->histories))};
	if (!o->histories)
		abort();
	for (uint32_t i = 0; i < n; i++)
		owners_set(o, i, OWNER_NONE);
}

void
owners_destroy(struct owners *o)
{
	free(o->histories);
}

void
owners_set(struct owners *o, uint32_t prefix, uint32_t peer)
{
	struct owners_history *h = &o->histories[prefix];

	h->ring[h->n++ % OWNERS_KEPT] = (struct owner){.since = ++o->version, .peer = peer};
}

uint32_t
owners_now(const struct owners *o, uint32_t prefix)
{
	const struct owners_history *h = &o->histories[prefix];

	return h->ring[(h->n - 1) % OWNERS_KEPT].peer;
}

void
owners_lose_all(struct owners *o, uint32_t peer)
{
	for (uint32_t i = 0; i < o->n; i++)
		if (owners_now(o, i) == peer)
			owners_set(o, i, OWNER_NONE);
}

uint32_t
owners_one_of(const struct owners *o, uint32_t peer, uint32_t otherwise)
{
	for (uint32_t i = 0; i < o->n; i++)
		if (owners_now(o, i) == peer)
			return i;
	return otherwise;
}

bool
owners_had(const struct owners *o, uint32_t prefix, uint32_t peer, uint64_t version)
{
	const struct owners_history *h;

	if (prefix >= o->n)
		return false;
	h = &o->histories[prefix];
	/* From the newest back to the one that held at that version. */
	for (uint64_t i = h->n; i > 0 && h->n - i < OWNERS_KEPT; i--) {
		const struct owner *e = &h->ring[(i - 1) % OWNERS_KEPT];

		if (e->peer == peer)
			return true;
		if (e->since <= version)
			return false;
	}
	return true;
}
