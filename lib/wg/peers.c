/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "peers.h"

/* Generation 0 is left out: no id is 0. */
#define GENERATIONS ((WG_PEER_ID_RESERVED >> WG_PEER_SLOT_BITS) - 1)

/* What a slot says that nobody is in: an id that leads to another slot, so nobody asks for it here.
 */
static uint32_t
vacant(uint32_t slot)
{
	return ~slot;
}

int
wg_peers_init(
	struct wg_peers *p, uint32_t max, const struct wg_vault *vault, const struct wg_random *rnd)
{
	uint32_t buckets = rte_align32pow2(max);

	p->buckets = calloc(buckets, sizeof(struct wg_peer *));
	if (!p->buckets)
		return -ENOMEM;
	p->slots = wg_vault_base(vault);
	p->n_slots = wg_peer_slots(max);
	p->max = max;
	p->bucket_mask = buckets - 1;
	/* Where nobody has been yet there are zeroes, which name slot 0. */
	atomic_init(&p->slots[0].live, vacant(0));
	TAILQ_INIT(&p->order);
	wg_random_fill(rnd, p->salt, sizeof(p->salt));
	return 0;
}

void
wg_peers_fini(struct wg_peers *p)
{
	free(p->buckets);
	memset(p, 0, sizeof(*p));
}

static struct wg_peer **
bucket_of(const struct wg_peers *p, const uint8_t public_key[WG_KEY_LEN])
{
	uint8_t out[crypto_shorthash_BYTES];
	uint64_t hash;

	crypto_shorthash(out, public_key, WG_KEY_LEN, p->salt);
	memcpy(&hash, out, sizeof(hash));
	return &p->buckets[hash & p->bucket_mask];
}

struct wg_peer *
wg_peers_find(const struct wg_peers *p, const uint8_t public_key[WG_KEY_LEN])
{
	struct wg_peer *peer = *bucket_of(p, public_key);

	while (peer && memcmp(peer->handshake.remote_static, public_key, WG_KEY_LEN) != 0)
		peer = peer->same_bucket;
	return peer;
}

/* last: of the slot's owner before, 0 when there was none. */
static uint32_t
next_id(uint32_t last, uint32_t slot)
{
	return ((last >> WG_PEER_SLOT_BITS) % GENERATIONS + 1) << WG_PEER_SLOT_BITS | slot;
}

void
wg_peers_add(struct wg_peers *p, struct wg_peer *peer)
{
	struct wg_peer **bucket = bucket_of(p, peer->handshake.remote_static);

	p->count++;
	peer->id = next_id(peer->id, (uint32_t)(peer - p->slots));
	peer->same_bucket = *bucket;
	*bucket = peer;
	TAILQ_INSERT_TAIL(&p->order, peer, order);
	atomic_store_explicit(&peer->live, peer->id, memory_order_release);
}

void
wg_peers_remove(struct wg_peers *p, struct wg_peer *peer)
{
	struct wg_peer **link = bucket_of(p, peer->handshake.remote_static);

	while (*link != peer)
		link = &(*link)->same_bucket;
	*link = peer->same_bucket;
	TAILQ_REMOVE(&p->order, peer, order);
	atomic_store_explicit(&peer->live, vacant(peer->id), memory_order_release);
	p->count--;
}
