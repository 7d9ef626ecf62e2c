/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The peers of a device: by id (data path), by public key and in order of addition (control).
 *
 * An id is a slot and that slot's generation, which grows with every owner; slots are reused in the
 * order they were freed, so that an id comes back as late as possible. All memory is taken at the
 * start: adding a peer cannot fail but for want of a slot.
 */
#ifndef WG_PEERS_H
#define WG_PEERS_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/queue.h>

#include <rte_prefetch.h>
#include <sodium.h>

#include "messages.h"
#include "peer.h"
#include "random.h"

TAILQ_HEAD(wg_peer_order, wg_peer);

struct wg_peers {
	_Atomic(struct wg_peer *) *slots;
	uint32_t max;

	uint32_t count;
	uint16_t *generations;
	uint32_t *free_slots; /* a ring */
	uint32_t next_free;
	struct wg_peer **buckets;
	uint32_t bucket_mask;
	uint8_t salt[crypto_shorthash_KEYBYTES];
	struct wg_peer_order order;
};

/* 0 or -ENOMEM. */
int wg_peers_init(struct wg_peers *p, uint32_t max, const struct wg_random *rnd);
/* The peers themselves are the caller's. All zero is allowed. */
void wg_peers_fini(struct wg_peers *p);

/* Gives peer an id and publishes it. There must be room (count < max), and no peer with its key. */
void wg_peers_add(struct wg_peers *p, struct wg_peer *peer);
/* Readers may hold the peer until a grace period has passed. */
void wg_peers_remove(struct wg_peers *p, struct wg_peer *peer);
struct wg_peer *wg_peers_find(const struct wg_peers *p, const uint8_t public_key[WG_KEY_LEN]);

/* Data path. NULL when that peer is gone. */
static inline struct wg_peer *
wg_peers_get(const struct wg_peers *p, uint32_t id)
{
	uint32_t slot = id & WG_PEER_SLOT_MASK;
	struct wg_peer *peer;

	if (slot >= p->max)
		return NULL;
	peer = atomic_load_explicit(&p->slots[slot], memory_order_acquire);
	return peer && peer->id == id ? peer : NULL;
}

/*
 * Data path. The same for n ids, step by step: each asks for the memory that the next one reads, so
 * that misses overlap.
 */
static inline void
wg_peers_get_burst(
	const struct wg_peers *p, const uint32_t *ids, struct wg_peer **peers, unsigned int n)
{
	unsigned int i;

	for (i = 0; n > 1 && i < n; i++)
		rte_prefetch0(&p->slots[RTE_MIN(ids[i] & WG_PEER_SLOT_MASK, p->max - 1)]);
	for (i = 0; i < n; i++) {
		uint32_t slot = ids[i] & WG_PEER_SLOT_MASK;

		peers[i] = slot < p->max
			? atomic_load_explicit(&p->slots[slot], memory_order_acquire)
			: NULL;
		rte_prefetch0(peers[i]);
	}
	for (i = 0; i < n; i++)
		if (peers[i] && peers[i]->id != ids[i])
			peers[i] = NULL;
}

#endif
