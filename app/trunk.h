/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trunks: what the paths of many peers have in common. Of peers behind one next hop the headers
 * over IPv4 differ in the address and the UDP port that they go to, and in nothing else. So a trunk
 * is a path that leaves these open, and a peer's way is one number: a trunk, an address, a port. It
 * is in the peer, on a line that TX reads anyway: with 100,000 peers no message needs a line of its
 * peer's path, and the few trunks are in the first-level cache.
 *
 * A peer's way leads where its path leads. 0: there is none, and the path itself has to be asked.
 * So it is over IPv6, and when all trunks were taken as routes were last asked for the path. What
 * the data path reads of either is one atomic word, and what that leads to stays as it is for a
 * grace period: a message goes wholly by the way before a change, or wholly by the one after.
 */
#ifndef TG_TRUNK_H
#define TG_TRUNK_H

#include "path.h"

#define TG_TRUNKS 64

/*
 * Made by control when the first way names it, and free a grace period after the last has gone. Its
 * hop is kept by the paths of those ways. Who comes first has it, however few share it.
 */
struct tg_trunk {
	struct tg_path path; /* to nobody; TX reads the first line. hop is NULL: free */
	uint32_t ways; /* that name it; control's */
} __rte_cache_aligned;

/* In a way: the trunk's number, from 1 on. The rest is as pkt_outer_to() has it. */
#define TG_WAY_TRUNK_SHIFT 32
#define TG_WAY_TRUNK_MASK (UINT64_C(0xffff) << TG_WAY_TRUNK_SHIFT)

static inline unsigned int
tg_way_trunk(uint64_t way)
{
	return (unsigned int)((way & TG_WAY_TRUNK_MASK) >> TG_WAY_TRUNK_SHIFT) - 1;
}

/* Data path. Where it goes by its trunk; 0 for no way. */
static inline uint64_t
tg_way_to(uint64_t way)
{
	return way & ~TG_WAY_TRUNK_MASK;
}

/* Control. TG_TRUNKS of them, or NULL on out of memory. */
struct tg_trunk *tg_trunks_create(void);
/* No way names any, and a grace period has passed. NULL is allowed. */
void tg_trunks_destroy(struct tg_trunk *trunks);

/* Control. The way along a path, or 0. The path is let go after it. */
uint64_t tg_way_take(struct tg_trunk *trunks, const struct tg_path *path);
/* Control. Nobody finds it any more, but who has found it may still use it. 0 is allowed. */
void tg_way_give(struct tg_trunk *trunks, struct rcu *rcu, uint64_t way);

#endif
