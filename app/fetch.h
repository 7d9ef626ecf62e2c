/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that a burst of packets of many peers is about to need, asked for ahead, so that the
 * misses overlap. With few peers it is in the caches, and these do nothing. Data path; n is at most
 * TG_BURST. See run.h for what is known by peer.
 */
#ifndef TG_FETCH_H
#define TG_FETCH_H

#include "stage_crypto.h"

/*
 * Whom AllowedIPs name for where frames from a port go. NULL: nobody, or nobody has looked; the
 * same below.
 */
void tg_fetch_destinations(const struct tg_env *env, struct rte_mbuf **frames,
	struct wg_peer *peers[TG_BURST], unsigned int n);

/* Sessions of what is to be opened; WireGuard messages, or anything else, which is left out. */
void tg_fetch_sessions(const struct tg_env *env, struct rte_mbuf **pkts, unsigned int n);

/* Before the cipher, which takes long enough: peers and paths of what is being opened. */
void tg_fetch_senders(const struct tg_crypto *c, const struct tg_batch *b);

/* Behind the cipher: whom AllowedIPs name for where opened packets say that they come from. */
void tg_fetch_sources(
	const struct tg_env *env, const struct tg_batch *b, struct wg_peer *peers[TG_BURST]);

#endif
