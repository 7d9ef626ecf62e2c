/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "update.h"

#define FIRST_ROOM 4

/*
 * Room for one more of n elements in an array that doubles whenever n reaches a power of two; the
 * old array, which may hold keys, is wiped. NULL without memory, the old array stays.
 */
static void *
grow(void *array, size_t n, size_t size)
{
	size_t room = n ? 2 * n : FIRST_ROOM;
	void *bigger;

	if (n && (n < FIRST_ROOM || (n & (n - 1))))
		return array;
	bigger = calloc(room, size);
	if (!bigger || !array)
		return bigger;
	memcpy(bigger, array, n * size);
	sodium_memzero(array, n * size);
	free(array);
	return bigger;
}

void
wg_update_init(struct wg_update *u)
{
	memset(u, 0, sizeof(*u));
}

struct wg_update_peer *
wg_update_add_peer(struct wg_update *u)
{
	struct wg_update_peer *peers = grow(u->peers, u->n_peers, sizeof(*peers));

	if (!peers)
		return NULL;
	u->peers = peers;
	return &peers[u->n_peers++];
}

struct wg_update_allowed *
wg_update_add_allowed(struct wg_update_peer *p)
{
	struct wg_update_allowed *allowed = grow(p->allowed, p->n_allowed, sizeof(*allowed));

	if (!allowed)
		return NULL;
	p->allowed = allowed;
	return &allowed[p->n_allowed++];
}

void
wg_update_free(struct wg_update *u)
{
	for (size_t i = 0; i < u->n_peers; i++)
		free(u->peers[i].allowed);
	if (u->peers)
		sodium_memzero(u->peers, u->n_peers * sizeof(*u->peers));
	free(u->peers);
	sodium_memzero(u, sizeof(*u));
}
