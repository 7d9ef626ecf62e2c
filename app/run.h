/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs: packets in a row for the same peer. What concerns the peer is looked up once for a run, and
 * for all runs of a burst step by step: each step asks for the memory that the next one reads, so
 * that the misses of a burst of many peers overlap.
 */
#ifndef TG_RUN_H
#define TG_RUN_H

#include <rte_prefetch.h>

#include "env.h"
#include "path.h"
#include "ring.h"

struct tg_runs {
	unsigned int n;
	uint32_t ids[TG_BURST]; /* of peers, or reserved tins */
	struct wg_peer *peers[TG_BURST]; /* NULL: gone, or a reserved tin */
	uint8_t first[TG_BURST + 1]; /* packet; where the next run begins this one ends */
};

_Static_assert(TG_BURST <= UINT8_MAX, "counts of packets fit");

/* Data path. The runs of n packets, TG_BURST at most. */
static inline void
tg_runs_find(const struct tg_env *env, struct rte_mbuf **pkts, unsigned int n, struct tg_runs *r)
{
	uint32_t id, last = WG_PEER_ID_RESERVED;
	unsigned int i, runs = 0;

	/* Nothing is read that was just written: that would be the time a packet takes. */
	for (i = 0; i < n; i++) {
		id = tg_meta(pkts[i])->peer;
		if (!i || id != last) {
			r->ids[runs] = last = id;
			r->first[runs++] = (uint8_t)i;
		}
	}
	r->first[runs] = (uint8_t)n;
	r->n = runs;
	wg_device_peers(env->dev, r->ids, r->peers, runs);
}

/* Asks for the sessions to seal under. */
static inline void
tg_runs_fetch_sessions(const struct tg_runs *r)
{
	unsigned int i;

	for (i = 0; r->n > 1 && i < r->n; i++)
		if (r->peers[i])
			rte_prefetch0(
				atomic_load_explicit(&r->peers[i]->current, memory_order_relaxed));
}

/* Asks for the paths to send by, and for what is stamped then. */
static inline void
tg_runs_fetch_paths(const struct tg_runs *r)
{
	unsigned int i;

	for (i = 0; r->n > 1 && i < r->n; i++) {
		if (!r->peers[i])
			continue;
		rte_prefetch0(tg_path_of(r->peers[i]));
		rte_prefetch0(&r->peers[i]->last_sent);
	}
}

#endif
