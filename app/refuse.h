/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that are not forwarded, and their sources, which are told.
 *
 * The stage that refuses a packet counts it, looks whether its source may be told and how many have
 * been told lately, and sends it to the control thread. That one knows our addresses: it makes an
 * ICMP error of the packet, in the same buffer, and sends it like any packet to where it came from.
 */
#ifndef TG_REFUSE_H
#define TG_REFUSE_H

#include "drops.h"
#include "env.h"
#include "icmp.h"
#include "ring.h"

/*
 * How many errors a thread sends: a token bucket of its own (RFC 1812 section 4.3.2.8, RFC 4443
 * section 2.4 f). As Linux has it for the whole machine: 1000 a second, 50 at once.
 */
#define TG_REFUSE_INTERVAL UINT64_C(1000000)
#define TG_REFUSE_BURST 50

/* Zeroed: full. */
struct tg_refuse_limit {
	uint64_t full_at; /* ns; the bucket lacks a token for each interval until then */
};

static inline bool
tg_refuse_may(struct tg_refuse_limit *l, uint64_t now)
{
	uint64_t full_at = l->full_at > now ? l->full_at : now;

	if (full_at - now > (TG_REFUSE_BURST - 1) * TG_REFUSE_INTERVAL)
		return false;
	l->full_at = full_at + TG_REFUSE_INTERVAL;
	return true;
}

/*
 * Data path. Says in the metadata of m, an IP packet, why it ends and what its source shall be
 * told. Returns TG_OP_REFUSED, for tg_refuse_may_tell(), or TG_OP_DROPPED when nobody must be told:
 * m is freed and counted then.
 */
enum tg_op tg_refuse(struct tg_counters *c, struct rte_mbuf *m, const struct pkt_ip *ip,
	enum tg_drop why, enum pkt_icmp what);

/* Data path and control. Counts a refused packet; true: m is for tg_refuse_answer(), in control.
 * false: too many, m is freed. */
bool tg_refuse_may_tell(
	struct tg_refuse_limit *limit, struct tg_counters *c, struct rte_mbuf *m, uint64_t now);

/* The two above at once for host unreachable. m's data are an IP packet, or nothing. */
bool tg_refuse_host(struct tg_refuse_limit *limit, struct tg_counters *c, struct rte_mbuf *m,
	enum tg_drop why, uint64_t now);

/*
 * Control. Makes the error of a refused packet and routes it. Returns TG_OP_SEAL, FRAME or RESOLVE,
 * with the metadata that this op needs, or TG_OP_DROPPED: m is freed and counted, for lack of a
 * source address, of room, or of a way back that is the tunnel's or a port's.
 */
enum tg_op tg_refuse_answer(const struct tg_env *env, struct tg_counters *c, struct rte_mbuf *m);

#endif
