/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A peer: what the data path reads and stamps first, each side on a cache line of its own; what
 * only the control thread touches after it.
 *
 * Peers are created and removed by wg_device_apply() and freed under RCU. What waits in a ring or a
 * queue holds the peer's id, never a pointer: wg_device_peer() turns an id into the peer, or into
 * NULL when that peer is gone, since a slot's next owner gets another generation.
 */
#ifndef WG_PEER_H
#define WG_PEER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "allowedips.h"
#include "cookie.h"
#include "endpoint.h"
#include "keypair.h"
#include "noise.h"
#include "timers.h"

#define WG_PEER_SLOT_BITS 21
#define WG_PEER_SLOT_MASK ((UINT32_C(1) << WG_PEER_SLOT_BITS) - 1)
#define WG_PEERS_MAX (UINT32_C(1) << (WG_PEER_SLOT_BITS - 1))
/* No peer has an id from here on: free for other tins. Nor has one 0. */
#define WG_PEER_ID_RESERVED (~WG_PEER_SLOT_MASK)

#define WG_WANT_INTERVAL (WG_NS_PER_S / 8)

#define WG_WEIGHT_DEFAULT 1
#define WG_WEIGHT_MAX 1024

struct wg_vault;

/* So many slots a device for max_peers has, from 0 on; see peers.h. */
static inline uint32_t
wg_peer_slots(uint32_t max_peers)
{
	return RTE_MAX(2 * max_peers, UINT32_C(64));
}

/* The newest message that has left, by session (local index). Counters are their low 32 bits. */
struct wg_sent {
	uint32_t session;
	uint32_t newest;
};

struct wg_peer {
	/* The head, WG_PEER_HEAD: the slot's, whose memory keeps it from owner to owner. */
	_Atomic uint32_t live; /* id while the peer is published, else one that leads elsewhere */
	uint32_t id; /* from wg_peers_add() on */

	/* Read by the data path. */
	_Atomic uint16_t weight; /* share of a saturated port */
	_Atomic uint16_t replay_window; /* packets that the peer accepts behind the newest */
	_Atomic uint16_t mtu; /* bytes of IP packet that fit the way to it; UINT16_MAX: not known */
	_Atomic bool ecn; /* the peer carries CE from the outer header to the inner one */
	_Atomic bool has_endpoint; /* without one nothing is kept for it */
	_Atomic uint64_t rate; /* limit each way, bytes per s as on the wire; 0: none */
	_Atomic(struct wg_keypair *) current;
	_Atomic(void *) path; /* the app's outer header for the endpoint; NULL: no session, or no
				 way there */
	_Atomic uint64_t path_tag; /* the app's too: of the endpoint that path leads to */
	_Atomic uint64_t way; /* the app's too: path in one word; 0: only path has it */
	/* Control's, here and below because there is room. */
	struct wg_vault *vault; /* that it is from */

	/* Stamped by who sends, who receives looks at it: ns, 0 for never. */
	_Atomic uint64_t last_sent __rte_cache_aligned;
	_Atomic uint64_t session_wanted; /* when control was last asked for a handshake */
	_Atomic uint64_t unanswered_since; /* first data sent after the last packet received */
	_Atomic uint64_t unacknowledged_since; /* first data received after the last packet sent */
	_Atomic uint64_t tx_bytes; /* data messages; by the peer's TX stage only */
	struct wg_sent
		sent[2]; /* of the session in use and the one before; the peer's TX stage only */
	struct wg_peer *same_bucket;

	/* Stamped by who receives. */
	_Atomic uint64_t last_received __rte_cache_aligned;
	_Atomic uint64_t rx_bytes; /* data messages; by the peer's crypto stage only */

	/* Control thread only. */
	struct wg_endpoint endpoint;
	uint16_t persistent_keepalive; /* s, 0 for off */
	struct wg_keypair *next;
	struct wg_keypair *previous;
	struct wg_handshake handshake;
	_Atomic uint64_t handshake_tx_bytes;
	_Atomic uint64_t handshake_rx_bytes;
	struct wg_cookie cookie;
	struct wg_peer_timers timers;
	struct wg_allowedips_list allowed;
	TAILQ_ENTRY(wg_peer) order;
	struct rcu_head rcu;
};

#define WG_PEER_HEAD offsetof(struct wg_peer, weight)

/*
 * Control. A peer that nobody sees yet, in a slot of its own; NULL and errno as wg_vault_take(). No
 * hugepages: there may be a million of them, and an idle one shall cost no more than itself.
 */
struct wg_peer *wg_peer_create(struct wg_vault *vault, const uint8_t public_key[WG_KEY_LEN]);
/* Wipes and frees, at once or as the function for rcu_call(). NULL is allowed for the former. */
void wg_peer_free(struct wg_peer *peer);
void wg_peer_free_rcu(struct rcu_head *head);

/* Data path. */
static inline bool
wg_peer_is_limited(const struct wg_peer *peer)
{
	return atomic_load_explicit(&peer->rate, memory_order_relaxed);
}

/* Data path. For a counter that one thread writes: without the bus lock of an atomic addition. */
static inline void
wg_peer_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
		memory_order_relaxed);
}

/* Data path. A data message has been sent; data: it is no keepalive. (Handshakes: see timers.h.) */
static inline void
wg_peer_sent(struct wg_peer *peer, uint64_t now, bool data)
{
	atomic_store_explicit(&peer->last_sent, now, memory_order_relaxed);
	if (atomic_load_explicit(&peer->unacknowledged_since, memory_order_relaxed))
		atomic_store_explicit(&peer->unacknowledged_since, 0, memory_order_relaxed);
	if (data && !atomic_load_explicit(&peer->unanswered_since, memory_order_relaxed))
		atomic_store_explicit(&peer->unanswered_since, now, memory_order_relaxed);
}

/* Data path. An authenticated data message has been received; data: it is no keepalive. */
static inline void
wg_peer_received(struct wg_peer *peer, uint64_t now, bool data)
{
	atomic_store_explicit(&peer->last_received, now, memory_order_relaxed);
	if (atomic_load_explicit(&peer->unanswered_since, memory_order_relaxed))
		atomic_store_explicit(&peer->unanswered_since, 0, memory_order_relaxed);
	if (data && !atomic_load_explicit(&peer->unacknowledged_since, memory_order_relaxed))
		atomic_store_explicit(&peer->unacknowledged_since, now, memory_order_relaxed);
}

/*
 * Data path, the stage that owns the peer's queue. The message with this counter is about to leave:
 * false when so many newer ones have left that the peer's replay window would refuse it. Takes note
 * of it else.
 */
static inline bool
wg_peer_in_window(struct wg_peer *peer, uint32_t session, uint32_t counter)
{
	struct wg_sent *sent = &peer->sent[0];

	if (sent->session != session)
		sent = &peer->sent[1];
	if (sent->session != session) {
		peer->sent[1] = peer->sent[0];
		peer->sent[0] = (struct wg_sent){.session = session, .newest = counter};
		return true;
	}
	if ((int32_t)(counter - sent->newest) > 0) {
		sent->newest = counter;
		return true;
	}
	return sent->newest - counter <=
		atomic_load_explicit(&peer->replay_window, memory_order_relaxed);
}

/* Data path. Shall control be asked for a handshake now? At most every WG_WANT_INTERVAL per peer.
 */
static inline bool
wg_peer_want_session(struct wg_peer *peer, uint64_t now)
{
	uint64_t last = atomic_load_explicit(&peer->session_wanted, memory_order_relaxed);

	if (last && now < last + WG_WANT_INTERVAL)
		return false;
	atomic_store_explicit(&peer->session_wanted, now, memory_order_relaxed);
	return true;
}

/* Data path. Control could not be asked after all. */
static inline void
wg_peer_want_again(struct wg_peer *peer)
{
	atomic_store_explicit(&peer->session_wanted, 0, memory_order_relaxed);
}

/*
 * Data path. What control was asked for is over, and there is more: it may be asked once before its
 * time, which the next time is later for. So whoever gets no session at all asks as often as ever.
 */
static inline bool
wg_peer_want_more(struct wg_peer *peer, uint64_t now)
{
	uint64_t last = atomic_load_explicit(&peer->session_wanted, memory_order_relaxed);

	if (last > now)
		return false;
	atomic_store_explicit(&peer->session_wanted,
		now < last + WG_WANT_INTERVAL ? last + WG_WANT_INTERVAL : now,
		memory_order_relaxed);
	return true;
}

/* Data path. The session to send under at time now, or NULL: the packet has to wait for one. */
static inline struct wg_keypair *
wg_peer_session(const struct wg_peer *peer, uint64_t now)
{
	struct wg_keypair *kp = atomic_load_explicit(&peer->current, memory_order_acquire);

	if (!kp || !wg_keypair_usable(kp, now))
		return NULL;
	return atomic_load_explicit(&kp->send_counter, memory_order_relaxed) <
			WG_REJECT_AFTER_MESSAGES
		? kp
		: NULL;
}

#endif
