/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Backpressure: what the queue before the wire is going to drop is not worth the cipher.
 *
 * A TX stage watches the flows that keep losing packets in its port queues, and publishes what
 * share of each the crypto stages shall drop before they seal it.
 *
 * Which flows: the fattest of a shaped port, when it alone would keep the port busy for
 * TG_HINT_STANDING: a flood gets there before CoDel says a word. And those that lose TG_HINT_LOSSES
 * packets within TG_HINT_WINDOW, to CoDel, BLUE or a limit. CoDel takes some in that time from a
 * sender that slows down, never as many.
 *
 * What share: none while the flow's backlog is short, all when it is what the flow sends in
 * delay_ns, in proportion between. With delay_ns below CoDel's target the queue itself has nothing
 * left to drop. The way from crypto to TX is short, so the share follows the backlog at once.
 *
 * How long: as the backlog does. A flow that has not needed its share for TG_HINT_CALM is
 * forgotten.
 *
 * A hint is found by flow: a place in a table by one part of the hash of (peer, inner flow), and
 * another part in it to compare. Flows that meet in both would share it: one in 2^28 pairs does.
 */
#ifndef TG_HINT_H
#define TG_HINT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "fib.h"
#include "fq.h"
#include "peer.h"

#define TG_HINT_BITS 12
#define TG_HINT_FLOWS 64 /* watched at a time, by a TX stage */
#define TG_HINT_SUSPECTS 1024
#define TG_HINT_LOSSES 32
#define TG_HINT_STANDING UINT64_C(200000000)
#define TG_HINT_WINDOW UINT64_C(100000000)
#define TG_HINT_CALM UINT64_C(100000000)

/* What crypto reads: a TX stage's, and of all its ports. */
struct tg_hints {
	_Atomic uint32_t n; /* flows that have one */
	_Atomic uint32_t at[1 << TG_HINT_BITS]; /* 16 bits of hash, share of 65536 */
} __rte_cache_aligned;

/* One that lost packets lately. */
struct tg_hint_suspect {
	uint32_t key;
	uint32_t losses;
	uint64_t since;
};

struct tg_hint_flow {
	const struct fq *queue;
	uint32_t peer, hash; /* the hash without its top bit, as fq tells flows apart */
	uint32_t key;
	uint32_t full; /* packets of backlog from which on all are dropped */
	uint32_t sent; /* packets that left the queue since */
	uint64_t since;
	uint64_t needed; /* when the share was last above 0 */
};

/* The TX stage's own. Zeroed at first, but for delay_ns. */
struct tg_hinter {
	struct tg_hints hints;
	uint64_t delay_ns;
	uint64_t scanned;
	unsigned int n_ports;
	struct fq *ports[TG_PORTS_MAX]; /* queues in which to look for fat flows */
	unsigned int n;
	struct tg_hint_flow flows[TG_HINT_FLOWS];
	uint8_t watched[1 << TG_HINT_BITS]; /* index in flows, and one more */
	struct tg_hint_suspect suspects[TG_HINT_SUSPECTS];
};

/* The TX stage: a sealed packet of the flow (peer, hash) was dropped from queue. */
void tg_hint_lost(
	struct tg_hinter *h, const struct fq *queue, uint32_t peer, uint32_t hash, uint64_t now);

/* Control, at start: a queue in which hints are looked for. */
void tg_hint_add_port(struct tg_hinter *h, struct fq *queue);

/* The TX stage: brings the hints up to date. */
void tg_hint_poll(struct tg_hinter *h, uint64_t now);

static inline uint32_t
tg_hint_key(uint32_t peer, uint32_t hash)
{
	return ((hash & INT32_MAX) ^ peer * UINT32_C(0x9e3779b1)) * UINT32_C(0x85ebca6b);
}

static inline uint32_t
tg_hint_place(uint32_t key)
{
	return key >> (32 - TG_HINT_BITS);
}

/* The TX stage: a packet of the flow left the queue. */
static inline void
tg_hint_sent(struct tg_hinter *h, uint32_t peer, uint32_t hash)
{
	uint32_t key, i;

	if (likely(!h->n))
		return;
	key = tg_hint_key(peer, hash);
	i = h->watched[tg_hint_place(key)];
	if (i && h->flows[i - 1].key == key)
		h->flows[i - 1].sent++;
}

/* Crypto: is there a flow not to seal all packets of? */
static inline bool
tg_hint_any(const struct tg_hints *hints)
{
	return atomic_load_explicit(&hints->n, memory_order_relaxed);
}

/* How many of 65536 packets of the flow that are. */
static inline uint32_t
tg_hint_share(const struct tg_hints *hints, uint32_t peer, uint32_t hash)
{
	uint32_t key, hint;

	if (likely(!tg_hint_any(hints)))
		return 0;
	key = tg_hint_key(peer, hash);
	hint = atomic_load_explicit(&hints->at[tg_hint_place(key)], memory_order_relaxed);
	return hint >> 16 == (key & UINT16_MAX) ? hint & UINT16_MAX : 0;
}

#endif
