/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 packets that are larger than the way on and may be fragmented (RFC 791, RFC 1812 5.2.7). */
#ifndef TG_FRAGMENT_H
#define TG_FRAGMENT_H

#include "drops.h"
#include "env.h"

/* A packet that would need more is dropped: one of 9000 bytes makes 64 at an MTU of 164. */
#define TG_FRAGMENTS_MAX 64

/*
 * Data path and control. Cuts m, an IPv4 packet without DF, into fragments of at most meta->mtu
 * bytes, copies with metadata and flow hash of the whole: they stay in the order of its flow. Takes
 * m, which is counted in c. Returns how many there are; 0: there is no buffer, or it needs too
 * many.
 */
unsigned int tg_fragment(const struct tg_env *env, struct tg_counters *c, struct rte_mbuf *m,
	struct rte_mbuf *out[TG_FRAGMENTS_MAX]);

/*
 * Data path. The same, and each fragment goes where tg_route() sends it: to next, with the op that
 * it returned, which is not FRAGMENT.
 */
void tg_fragment_route(const struct tg_env *env, struct tg_counters *c, struct rte_mbuf *m,
	void (*next)(void *stage, struct rte_mbuf *m, enum tg_op op), void *stage);

#endif
