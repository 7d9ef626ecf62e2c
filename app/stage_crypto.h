/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The crypto stage: opens what peers sent, seals what goes to them, in bursts and in place.
 *
 *   seal.c           IP packet for a peer -> WireGuard message; decides what has to wait
 *   open.c           WireGuard message -> IP packet, which is then forwarded
 *   crypto_queue.c   where packets wait for the cipher when more come than it can take
 *
 * A flow is sealed by one instance and a session is opened by one (env.h): order within a flow and
 * the replay window need no lock.
 */
#ifndef TG_STAGE_CRYPTO_H
#define TG_STAGE_CRYPTO_H

#include <stdatomic.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "aead.h"
#include "env.h"
#include "event.h"
#include "hint.h"
#include "recent.h"
#include "refuse.h"
#include "ring.h"

#define TG_HOLD_MAX 512
#define TG_PARK_MAX 512

/*
 * A sparse packet waits for the burst that is in the cipher. So when the cipher is slow a burst is
 * shorter: as many packets as it took this long for lately.
 */
#define TG_CRYPTO_BURST_NS UINT64_C(200000)

/* One burst on its way through the cipher. */
struct tg_batch {
	uint16_t n;
	struct rte_mbuf *pkts[TG_BURST];
	struct aead_job jobs[TG_BURST];
	struct wg_keypair *keypairs[TG_BURST]; /* open only */
};

/*
 * What keeps a peer's packets in order while they cannot go straight through.
 *
 * waiting: sent to TX as plaintext by this stage, and neither back nor dropped there (TX counts
 * down for those). A younger packet is not sealed before there are none: it follows to the closed
 * tin, or, when there is a session by now, it is held here for the moment that the others take.
 *
 * parked: opened, but from a new endpoint or as the first under a new session. They go on when
 * control has published the new path or session, so that the answer takes it; younger ones queue
 * behind them.
 */
struct tg_lane_peer {
	_Atomic uint16_t waiting;
	uint16_t held;
	uint16_t parked;
};

struct tg_lane {
	_Atomic uint32_t waiting; /* of all peers */
	struct tg_lane_peer peers[]; /* by slot */
};

/* Crypto, before TX can see them; TX, of the fragments of one that waits. */
static inline void
tg_lane_wait(struct tg_lane *lane, uint32_t peer, uint16_t n)
{
	atomic_fetch_add_explicit(&lane->waiting, n, memory_order_relaxed);
	atomic_fetch_add_explicit(
		&lane->peers[peer & WG_PEER_SLOT_MASK].waiting, n, memory_order_relaxed);
}

/* One has come back to the crypto stage, or TX has dropped it. */
static inline void
tg_lane_wait_over(struct tg_lane *lane, uint32_t peer)
{
	atomic_fetch_sub_explicit(
		&lane->peers[peer & WG_PEER_SLOT_MASK].waiting, 1, memory_order_relaxed);
	atomic_fetch_sub_explicit(&lane->waiting, 1, memory_order_release);
}

struct tg_crypto {
	const struct tg_env *env;
	struct aead *aead;
	uint8_t index; /* among the crypto stages */
	uint64_t now; /* of this poll */

	struct rte_ring *from_rx[TG_STAGES_MAX];
	struct rte_ring *from_tx[TG_STAGES_MAX]; /* what has waited for a session */
	struct rte_ring *from_queue[TG_STAGES_MAX]; /* of TX, see plain.h; NULL else */
	struct rte_ring *from_control;
	struct tg_outbox tx[TG_STAGES_MAX];
	struct tg_outbox local;
	struct rte_ring *events;

	const struct tg_hints *hints[TG_STAGES_MAX]; /* of the TX stages */
	bool sifts; /* in this poll not all that is new may be sealed now */
	uint32_t random;
	struct fq *queue;
	_Atomic uint16_t burst; /* packets per poll when more are there; TX reads it, see plain.c */
	uint64_t burst_cycles; /* that a burst may take */
	uint64_t cost; /* cycles per packet, average over about 8 bursts; never 0 */
	uint64_t delay; /* cycles per packet that the cipher is slowed by, for experiments */

	struct tg_batch seal;
	struct tg_batch open;

	struct tg_lane *lane;

	struct tg_recent_way recent;
	struct tg_recent_sender sender;
	struct tg_refuse_limit refused;

	uint16_t n_held;
	struct rte_mbuf *held[TG_HOLD_MAX];

	uint16_t first_parked;
	uint16_t n_parked;
	struct rte_mbuf *parked[TG_PARK_MAX];

	struct tg_counters counters;
	uint64_t sealed; /* packets */
	uint64_t opened; /* the same, whether they were authentic or not */
	uint64_t ring_peak; /* most packets that ever stood in the rings from RX at once */
};

/*
 * Empties the input rings, and takes one burst to the cipher when more came than that. Returns how
 * many packets it moved.
 */
unsigned int stage_crypto_poll(struct tg_crypto *c, uint64_t now);

/*
 * seal.c. A new IP packet for meta->peer, hash in m->hash.rss. False: it is not to be sealed now,
 * and has gone on to TX or has been dropped. Who does not sift need not ask.
 */
bool tg_seal_admit(struct tg_crypto *c, struct rte_mbuf *m);
/* Whether this poll shall. */
bool tg_seal_sifts(const struct tg_crypto *c);
/* Those that are: flushed to the cipher when the batch is full. */
void tg_seal_add(struct tg_crypto *c, struct rte_mbuf **pkts, unsigned int n);
void tg_seal_held(struct tg_crypto *c);
void tg_seal_flush(struct tg_crypto *c);

/* open.c. A WireGuard data message. */
void tg_open_add(struct tg_crypto *c, struct rte_mbuf *m);
void tg_open_parked(struct tg_crypto *c);
void tg_open_flush(struct tg_crypto *c);

/* After a burst has been through the cipher. */
static inline void
tg_crypto_slow_down(const struct tg_crypto *c, unsigned int n)
{
	uint64_t from;

	if (likely(!c->delay))
		return;
	from = rte_rdtsc();
	while (rte_rdtsc() - from < c->delay * n)
		rte_pause();
}

static inline struct tg_lane_peer *
tg_lane_peer(const struct tg_crypto *c, uint32_t peer)
{
	return &c->lane->peers[peer & WG_PEER_SLOT_MASK];
}

#endif
