/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker lcore does: it polls the stages that the lcore map gives it, one after the other,
 * and reports a quiescent state after each round.
 */
#ifndef TG_WORKER_H
#define TG_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_rcu_qsbr.h>

#include "lcores.h"

/*
 * Gaps in the data path: how long after the one before a round began, sleep of --poll adaptive left
 * out. It is the work of a round, or what took the lcore away. The worker counts, telemetry reads
 * and resets: one of both may then miss a gap that ends at the same moment.
 */
#define TG_GAP_SHIFT 14 /* counted from 2^14 ns on */
#define TG_GAPS 16

struct tg_gaps {
	_Atomic uint64_t longest; /* ns */
	_Atomic uint64_t counts[TG_GAPS]; /* [i]: of 2^(14+i) ns and more, the last of all above */
};

/* A stage: moves what there is, in bursts, never blocks, returns how many packets it moved. */
typedef unsigned int (*tg_stage_fn)(void *stage, uint64_t now);

struct tg_worker {
	unsigned int lcore;
	unsigned int reader; /* thread id for qsbr */
	struct rte_rcu_qsbr *qsbr;
	const _Atomic bool *stop;
	bool adaptive;
	unsigned int n_stages;
	struct {
		tg_stage_fn poll;
		void *stage;
	} stages[TG_STAGE_KINDS];
	uint64_t polls;
	uint64_t empty; /* of them, those that moved nothing */
	struct tg_gaps gaps;
};

/* For rte_eal_remote_launch(); arg is the struct tg_worker. Returns when *stop is set. */
int tg_worker_run(void *arg);

#endif
