/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The peers of a device: by id (data path), by public key and in order of addition (control).
 *
 * An id is a slot and that slot's generation, which grows with every owner. A slot is a place in
 * the peers' vault (vault.h), so an id leads to its peer by arithmetic. The peer's head stays
 * readable whoever has the slot, and says whose id is good. Slots are reused in the order they were
 * freed, so that an id comes back as late as possible, and there are twice as many as peers, since
 * a slot is free again only after a grace period: all peers may be replaced at once.
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
#include "vault.h"

TAILQ_HEAD(wg_peer_order, wg_peer);

struct wg_peers {
	struct wg_peer *slots; /* of those not published only the head may be read */
	uint32_t n_slots;

	uint32_t max;
	uint32_t count;
	struct wg_peer **buckets;
	uint32_t bucket_mask;
	uint8_t salt[crypto_shorthash_KEYBYTES];
	struct wg_peer_order order;
};

/* vault: of wg_peer_slots(max) things of struct wg_peer, with its head. 0 or -ENOMEM. */
int wg_peers_init(struct wg_peers *p, uint32_t max, const struct wg_vault *vault,
	const struct wg_random *rnd);
/* The peers themselves are the caller's. All zero is allowed. */
void wg_peers_fini(struct wg_peers *p);

/* Gives peer, from the vault, an id and publishes it. There must be room (count < max), and no peer
 * with its key. */
void wg_peers_add(struct wg_peers *p, struct wg_peer *peer);
/* Readers may hold the peer until a grace period has passed. */
void wg_peers_remove(struct wg_peers *p, struct wg_peer *peer);
struct wg_peer *wg_peers_find(const struct wg_peers *p, const uint8_t public_key[WG_KEY_LEN]);

/* Data path. NULL when that peer is gone. */
static inline struct wg_peer *
wg_peers_get(const struct wg_peers *p, uint32_t id)
{
	uint32_t slot = id & WG_PEER_SLOT_MASK;
	struct wg_peer *peer = &p->slots[slot];

	if (slot >= p->n_slots)
		return NULL;
	return atomic_load_explicit(&peer->live, memory_order_acquire) == id ? peer : NULL;
}

/* Data path. The same for n ids, whose misses overlap. */
static inline void
wg_peers_get_burst(
	const struct wg_peers *p, const uint32_t *ids, struct wg_peer **peers, unsigned int n)
{
	unsigned int i;

	for (i = 0; n > 1 && i < n; i++)
		rte_prefetch0(&p->slots[ids[i] & WG_PEER_SLOT_MASK]);
	for (i = 0; i < n; i++)
		peers[i] = wg_peers_get(p, ids[i]);
}

#endif
