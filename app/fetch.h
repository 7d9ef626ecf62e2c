/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Before a burst is worked on packet by packet: asks for the memory that its packets will read in
 * tables of peers, step by step for all of them, so that the misses of many peers overlap. Changes
 * nothing; without many peers it does next to nothing.
 */
#ifndef TG_FETCH_H
#define TG_FETCH_H

#include "aead.h"
#include "env.h"
#include "stage_crypto.h"

/* Frames as received: the peers that their destinations may belong to. n at most TG_BURST. */
void tg_fetch_by_destination(const struct tg_env *env, struct rte_mbuf **pkts, unsigned int n);

/*
 * What a crypto stage takes: the sessions that messages to be opened came under, their peers and
 * paths, and what lanes holds for these. n at most TG_BURST.
 */
void tg_fetch_by_session(const struct tg_env *env, const struct tg_lane_peer *lanes,
	struct rte_mbuf **pkts, unsigned int n);

/* Inner packets after the cipher: the peers that their sources belong to. n at most TG_BURST. */
void tg_fetch_by_source(const struct tg_env *env, const struct aead_job *jobs, unsigned int n);

#endif
