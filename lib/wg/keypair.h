/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One session: the keys that a handshake left behind, its send counter and its replay window.
 *
 * The control thread creates and retires keypairs; they are published in a peer's slots and in the
 * index table and freed under RCU, wiped. In the data path any crypto lcore may take send counters;
 * the replay window belongs to the one lcore that decrypts the session (dispatch by receiver
 * index). Times are ns of the clock that is passed to wg_device_*().
 */
#ifndef WG_KEYPAIR_H
#define WG_KEYPAIR_H

#include <stdatomic.h>
#include <stdbool.h>

#include "messages.h"
#include "rcu.h"
#include "replay.h"

struct wg_index;
struct wg_peer;
struct wg_session_keys;
struct wg_vault;

/*
 * Keys are secret, and wiped when the memory is freed. Each direction finds all that it needs of a
 * session on one cache line, which is why the index and the age are there twice.
 */
struct wg_keypair {
	/* Sending. */
	uint8_t send_key[WG_KEY_LEN] __rte_cache_aligned;
	_Atomic uint64_t send_counter;
	uint64_t birth;
	uint32_t session; /* local_index, as the name of the session */
	uint32_t remote_index;

	/* Receiving. */
	uint8_t recv_key[WG_KEY_LEN] __rte_cache_aligned;
	struct wg_peer *peer;
	uint64_t recv_until;
	uint32_t local_index;
	bool initiator;
	_Atomic bool
		unconfirmed; /* a responder's, until control has made it the one to send under */
	_Atomic bool
		heard; /* set by the decrypting lcore at the first packet; it then tells control */
	struct wg_replay replay;

	struct wg_vault *vault; /* that it is from */
	struct rcu_head rcu;
};

_Static_assert(offsetof(struct wg_keypair, remote_index) < RTE_CACHE_LINE_SIZE &&
		offsetof(struct wg_keypair, replay.bits) == 2 * RTE_CACHE_LINE_SIZE,
	"a line for each direction");

/* Control. A session that nobody sees yet. NULL when memory is short. vault: of things of this
 * size.
 */
struct wg_keypair *
wg_keypair_create(struct wg_vault *vault, struct wg_peer *peer, const struct wg_session_keys *keys,
	uint32_t local_index, uint32_t remote_index, bool initiator, uint64_t now);

/*
 * Control. Takes kp, which is in no slot of its peer any longer, out of the index table and frees
 * it after a grace period. NULL is allowed.
 */
void wg_keypair_retire(struct wg_keypair *kp, struct wg_index *index, struct rcu *rcu);

/* Data path. May this session still carry packets at time now, which may lie shortly before birth?
 */
static inline bool
wg_keypair_usable(const struct wg_keypair *kp, uint64_t now)
{
	return now < kp->birth + WG_REJECT_AFTER_TIME;
}

/* The same for who receives. */
static inline bool
wg_keypair_receives(const struct wg_keypair *kp, uint64_t now)
{
	return now < kp->recv_until;
}

/*
 * Data path. Reserves n consecutive send counters in one atomic add; false when the session has
 * used up its messages, the counters are then lost and the session is dead.
 */
static inline bool
wg_keypair_take_counters(struct wg_keypair *kp, uint32_t n, uint64_t *first)
{
	*first = atomic_fetch_add_explicit(&kp->send_counter, n, memory_order_relaxed);
	return *first + n <= WG_REJECT_AFTER_MESSAGES && *first + n >= n;
}

#endif
