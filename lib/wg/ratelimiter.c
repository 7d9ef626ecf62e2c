/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <rte_common.h>
#include <sodium.h>

#include "ratelimiter.h"

#define SETS 1024
#define WAYS 8
#define COST (WG_NS_PER_S / WG_RATELIMITER_PER_SECOND)

/* The bucket as one time: when it will be full again (the generic cell rate algorithm, ITU-T
 * I.371). */
struct entry {
	uint64_t source;
	uint64_t full_at;
};

struct wg_ratelimiter {
	uint8_t salt[crypto_shorthash_KEYBYTES];
	struct entry sets[SETS][WAYS];
};

struct wg_ratelimiter *
wg_ratelimiter_create(const struct wg_random *rnd)
{
	struct wg_ratelimiter *rl = calloc(1, sizeof(*rl));

	if (rl)
		wg_random_fill(rnd, rl->salt, sizeof(rl->salt));
	return rl;
}

void
wg_ratelimiter_destroy(struct wg_ratelimiter *rl)
{
	free(rl);
}

static uint64_t
hash_source(const struct wg_ratelimiter *rl, const struct wg_endpoint *from)
{
	uint8_t out[crypto_shorthash_BYTES], in[2 + 8] = {0};
	uint64_t hash;

	_Static_assert(sizeof(out) == sizeof(hash), "SipHash has 64 bits");
	memcpy(in, &from->family, 2);
	memcpy(in + 2, from->addr, from->family == AF_INET ? 4 : 8);
	crypto_shorthash(out, in, sizeof(in), rl->salt);
	memcpy(&hash, out, sizeof(hash));
	return hash;
}

/* The entry of this source, else one that nobody needs; NULL when there is neither. */
static struct entry *
find_entry(struct entry set[WAYS], uint64_t source, uint64_t now)
{
	struct entry *unused = NULL;

	for (unsigned int i = 0; i < WAYS; i++) {
		if (set[i].full_at <= now)
			unused = &set[i];
		else if (set[i].source == source)
			return &set[i];
	}
	return unused;
}

bool
wg_ratelimiter_allow(struct wg_ratelimiter *rl, const struct wg_endpoint *from, uint64_t now)
{
	uint64_t source = hash_source(rl, from);
	struct entry *e = find_entry(rl->sets[source % SETS], source, now);
	uint64_t full_at;

	if (!e)
		return false;
	full_at = RTE_MAX(e->full_at, now) + COST;
	if (full_at - now > WG_RATELIMITER_BURST * COST)
		return false;
	e->source = source;
	e->full_at = full_at;
	return true;
}
