/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The handshake stage: the part of handshakes that costs. It refuses what has no right mac1, asks
 * for cookies under load, and does the X25519 of all handshakes, the peers' and ours, as jobs
 * (wg job.h) between which the control thread decides. Not on an lcore of the data path: a poll
 * takes up to a millisecond. Without --handshake-lcores the control thread polls it.
 *
 * RX deals messages out by source address, since cookies and rate limits are an instance's own.
 */
#ifndef TG_STAGE_HANDSHAKE_H
#define TG_STAGE_HANDSHAKE_H

#include "env.h"
#include "ring.h"

/* Jobs that exist at a time, and places in each ring of them. */
#define TG_HANDSHAKE_JOBS 4095
#define TG_HANDSHAKE_RING 2048

struct tg_handshake {
	const struct tg_env *env;
	struct wg_admission *admission;
	struct rte_mempool *jobs;
	struct rte_ring *from_rx[TG_STAGES_MAX]; /* messages */
	struct rte_ring *from_control; /* jobs, as to_control */
	struct rte_ring *to_control;
	uint64_t under_load_until;
	uint64_t refusals[WG_REFUSAL_COUNT]; /* of messages that ended here */
	struct tg_counters counters;
};

/* Runs jobs, then takes messages, for half a millisecond or so; returns how many of both. */
unsigned int stage_handshake_poll(struct tg_handshake *hs, uint64_t now);

/*
 * Room for n jobs. They carry keys, so as those of peers it is locked, left out of core dumps and
 * between guard pages (sodium_malloc()), and no memory of DPDK's, which devices can read. NULL and
 * rte_errno on failure; rte_mempool_free() wipes.
 */
struct rte_mempool *tg_handshake_jobs_create(unsigned int n);
/* Wipes and frees a job. */
void tg_handshake_job_end(struct rte_mempool *jobs, struct wg_job *job);

#endif
