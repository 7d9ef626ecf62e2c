/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs: packets in a row for the same peer. What concerns the peer is looked up once for a run, and
 * for all runs of a burst step by step: each step asks for the memory that the next one reads, so
 * that the misses of a burst of many peers overlap. In TX packets of a run are of the same kind as
 * well, and frames are one run whomever they are from: nothing has to be known of that peer unless
 * they are queued.
 */
#ifndef TG_RUN_H
#define TG_RUN_H

#include <rte_prefetch.h>

#include "env.h"
#include "path.h"
#include "ring.h"
#include "trunk.h"

struct tg_runs {
	unsigned int n;
	uint32_t ids[TG_BURST]; /* of peers, or reserved tins: the first packet's */
	struct wg_peer *peers[TG_BURST]; /* NULL: gone, or a reserved tin */
	const struct tg_path *paths[TG_BURST]; /* in TX, of messages; NULL: no way there */
	uint64_t to[TG_BURST]; /* the same: where, when the path is a trunk's */
	uint8_t first[TG_BURST]; /* packet */
	uint8_t len[TG_BURST]; /* packets */
};

_Static_assert(TG_BURST <= UINT8_MAX, "counts of packets fit");

/* by_way: as TX has it. */
static inline bool
tg_run_goes_on(const struct tg_meta *a, const struct tg_meta *b, bool by_way)
{
	if (!by_way)
		return a->peer == b->peer;
	if (a->op != b->op || a->port != b->port)
		return false;
	return a->op == TG_OP_FRAME ? a->limited == b->limited : a->peer == b->peer;
}

static inline void
tg_runs_cut(struct rte_mbuf **pkts, unsigned int n, struct tg_runs *r, bool by_way)
{
	unsigned int i, end;

	r->n = 0;
	for (i = 0; i < n; i = end) {
		const struct tg_meta *meta = tg_meta(pkts[i]);

		for (end = i + 1; end < n; end++)
			if (!tg_run_goes_on(meta, tg_meta(pkts[end]), by_way))
				break;
		r->ids[r->n] = meta->peer;
		r->peers[r->n] = NULL;
		r->first[r->n] = (uint8_t)i;
		r->len[r->n++] = (uint8_t)(end - i);
	}
}

/* Data path. The runs of n packets, TG_BURST at most. */
static inline void
tg_runs_find(const struct tg_env *env, struct rte_mbuf **pkts, unsigned int n, struct tg_runs *r)
{
	tg_runs_cut(pkts, n, r, false);
	wg_device_peers(env->dev, r->ids, r->peers, r->n);
}

/* TX. How to get to a peer: by its way, or else by its path, which is asked for. */
static inline void
tg_run_find_way(const struct tg_env *env, struct tg_runs *r, unsigned int i)
{
	uint64_t way = atomic_load_explicit(&r->peers[i]->way, memory_order_acquire);

	r->to[i] = tg_way_to(way);
	if (way) {
		r->paths[i] = &env->trunks[tg_way_trunk(way)].path;
		return;
	}
	r->paths[i] = tg_path_of(r->peers[i]);
	if (r->n > 1)
		rte_prefetch0(r->paths[i]);
}

/*
 * The same for TX, with the ways that messages are sent by. Asks for what is stamped then.
 */
static inline void
tg_runs_find_ways(
	const struct tg_env *env, struct rte_mbuf **pkts, unsigned int n, struct tg_runs *r)
{
	unsigned int i;

	tg_runs_cut(pkts, n, r, true);
	wg_device_peers(env->dev, r->ids, r->peers, r->n);
	for (i = 0; i < r->n; i++) {
		bool message = tg_meta(pkts[r->first[i]])->op == TG_OP_WIRE;

		r->paths[i] = NULL;
		if (!message || !r->peers[i])
			continue;
		tg_run_find_way(env, r, i);
		if (r->n > 1)
			rte_prefetch0(&r->peers[i]->last_sent);
	}
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

#endif
