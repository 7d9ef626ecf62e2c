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
	uint8_t first[TG_BURST]; /* packet */
	uint8_t len[TG_BURST]; /* packets */
};

_Static_assert(TG_BURST <= UINT8_MAX, "counts of packets fit");

/* Data path. The runs of n packets, TG_BURST at most. */
static inline void
tg_runs_find(const struct tg_env *env, struct rte_mbuf **pkts, unsigned int n, struct tg_runs *r)
{
	unsigned int i;

	r->n = 0;
	for (i = 0; i < n; i++) {
		uint32_t id = tg_meta(pkts[i])->peer;

		if (!r->n || r->ids[r->n - 1] != id) {
			r->ids[r->n] = id;
			r->peers[r->n] = NULL;
			r->first[r->n] = (uint8_t)i;
			r->len[r->n++] = 0;
		}
		r->len[r->n - 1]++;
	}
	wg_device_peers(env->dev, r->ids, r->peers, r->n);
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
