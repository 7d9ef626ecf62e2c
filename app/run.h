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

struct tg_run {
	uint32_t peer; /* id, or a reserved tin */
	uint16_t first;
	uint16_t n;
};

/* At most n runs, n at most TG_BURST; returns how many. */
static inline unsigned int
tg_runs(struct rte_mbuf **pkts, unsigned int n, struct tg_run runs[TG_BURST])
{
	unsigned int i, n_runs = 0;

	for (i = 0; i < n; i++) {
		uint32_t peer = tg_meta(pkts[i])->peer;

		if (!n_runs || runs[n_runs - 1].peer != peer)
			runs[n_runs++] = (struct tg_run){.peer = peer, .first = (uint16_t)i};
		runs[n_runs - 1].n++;
	}
	return n_runs;
}

/* A single run has nothing to overlap with. */
static inline void
tg_runs_fetch_peers(const struct tg_env *env, const struct tg_run *runs, unsigned int n)
{
	unsigned int i;

	if (n < 2)
		return;
	for (i = 0; i < n; i++)
		wg_device_fetch_slot(env->dev, runs[i].peer);
	for (i = 0; i < n; i++)
		wg_device_fetch_peer(env->dev, runs[i].peer);
}

/* After the peers: the sessions to seal under. */
static inline void
tg_runs_fetch_sessions(const struct tg_env *env, const struct tg_run *runs, unsigned int n)
{
	unsigned int i;

	if (n < 2)
		return;
	for (i = 0; i < n; i++) {
		const struct wg_peer *peer = wg_device_peer(env->dev, runs[i].peer);

		if (peer)
			rte_prefetch0(atomic_load_explicit(&peer->current, memory_order_relaxed));
	}
}

/* After the peers. */
static inline void
tg_runs_fetch_paths(const struct tg_env *env, const struct tg_run *runs, unsigned int n)
{
	unsigned int i;

	if (n < 2)
		return;
	for (i = 0; i < n; i++) {
		const struct wg_peer *peer = wg_device_peer(env->dev, runs[i].peer);
		const struct tg_path *path = peer ? tg_path_of(peer) : NULL;

		rte_prefetch0(path);
	}
}

#endif
