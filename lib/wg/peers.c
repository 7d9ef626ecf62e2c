/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "peers.h"

#define GENERATIONS (WG_PEER_ID_RESERVED >> WG_PEER_SLOT_BITS)

int
wg_peers_init(struct wg_peers *p, uint32_t max, const struct wg_random *rnd)
{
	uint32_t buckets = rte_align32pow2(max);

	p->slots = calloc(max, sizeof(*p->slots));
	p->generations = calloc(max, sizeof(*p->generations));
	p->free_slots = calloc(max, sizeof(*p->free_slots));
	p->buckets = calloc(buckets, sizeof(struct wg_peer *));
	if (!p->slots || !p->generations || !p->free_slots || !p->buckets) {
		wg_peers_fini(p);
		return -ENOMEM;
	}
	p->max = max;
	p->bucket_mask = buckets - 1;
	for (uint32_t i = 0; i < max; i++)
		p->free_slots[i] = i;
	TAILQ_INIT(&p->order);
	wg_random_fill(rnd, p->salt, sizeof(p->salt));
	return 0;
}

void
wg_peers_fini(struct wg_peers *p)
{
	free(p->slots);
	free(p->generations);
	free(p->free_slots);
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

void
wg_peers_add(struct wg_peers *p, struct wg_peer *peer)
{
	struct wg_peer **bucket = bucket_of(p, peer->handshake.remote_static);
	uint32_t slot = p->free_slots[p->next_free];

	p->next_free = (p->next_free + 1) % p->max;
	p->count++;
	peer->id = (uint32_t)p->generations[slot] << WG_PEER_SLOT_BITS | slot;
	peer->same_bucket = *bucket;
	*bucket = peer;
	TAILQ_INSERT_TAIL(&p->order, peer, order);
	atomic_store_explicit(&p->slots[slot], peer, memory_order_release);
}

void
wg_peers_remove(struct wg_peers *p, struct wg_peer *peer)
{
	struct wg_peer **link = bucket_of(p, peer->handshake.remote_static);
	uint32_t slot = peer->id & WG_PEER_SLOT_MASK;

	while (*link != peer)
		link = &(*link)->same_bucket;
	*link = peer->same_bucket;
	TAILQ_REMOVE(&p->order, peer, order);
	atomic_store_explicit(&p->slots[slot], NULL, memory_order_release);
	p->generations[slot] = (p->generations[slot] + 1) % GENERATIONS;
	/* The ring's tail: max - count slots are free from next_free on. */
	p->free_slots[(p->next_free + p->max - p->count) % p->max] = slot;
	p->count--;
}
