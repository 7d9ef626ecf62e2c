/* SPDX-License-Identifier: BSD-3-Clause */
#include "refuse.h"

#include <sys/socket.h>

#include "hash.h"
#include "route.h"

/* 64 on the wire: tg_route() takes one. */
#define ERROR_TTL 65

enum tg_op
tg_refuse(struct tg_counters *c, struct rte_mbuf *m, const struct pkt_ip *ip, enum tg_drop why,
	enum pkt_icmp what)
{
	struct tg_meta *meta = tg_meta(m);

	if (!pkt_icmp_may_answer(ip, rte_pktmbuf_mtod(m, const uint8_t *))) {
		tg_drop(c, m, why);
		return TG_OP_DROPPED;
	}
	meta->why = (uint8_t)why;
	meta->icmp = (uint8_t)what;
	return TG_OP_REFUSED;
}

bool
tg_refuse_may_tell(
	struct tg_refuse_limit *limit, struct tg_counters *c, struct rte_mbuf *m, uint64_t now)
{
	struct tg_meta *meta = tg_meta(m);

	if (!tg_refuse_may(limit, now)) {
		c->icmp_limited++;
		tg_drop(c, m, meta->why);
		return false;
	}
	/* The packet ends here; what goes on in its buffer is another one. */
	c->drops[meta->why]++;
	c->icmp++;
	meta->op = TG_OP_REFUSED;
	return true;
}

bool
tg_refuse_host(struct tg_refuse_limit *limit, struct tg_counters *c, struct rte_mbuf *m,
	enum tg_drop why, uint64_t now)
{
	struct pkt_ip ip;

	if (pkt_ip_parse(rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m), &ip) !=
		PKT_IP_OK) {
		tg_drop(c, m, why);
		return false;
	}
	return tg_refuse(c, m, &ip, why, PKT_ICMP_HOST) == TG_OP_REFUSED &&
		tg_refuse_may_tell(limit, c, m, now);
}

static bool
source(const struct tg_env *env, const struct pkt_ip *about, uint8_t src[16])
{
	uint16_t family = about->version == 4 ? AF_INET : AF_INET6;
	const struct tg_hop *back = family == AF_INET ? tg_fib_lookup4(env->fib, about->src)
						      : tg_fib_lookup6(env->fib, about->src);

	if (!back)
		return false;
	switch (back->type) {
	case TG_HOP_ETHER:
	case TG_HOP_ON_LINK:
	case TG_HOP_TUNNEL:
		return tg_fib_source(env->fib, back, family, about->src, src) ||
			tg_fib_any_source(env->fib, family, src);
	default:
		return false;
	}
}

static enum tg_op
end(struct tg_counters *c, struct rte_mbuf *m, enum tg_drop why)
{
	tg_drop(c, m, why);
	return TG_OP_DROPPED;
}

enum tg_op
tg_refuse_answer(const struct tg_env *env, struct tg_counters *c, struct rte_mbuf *m)
{
	struct tg_meta *meta = tg_meta(m);
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint8_t src[16];
	struct pkt_ip ip;
	struct tg_way way;
	enum tg_op op;

	/* Parsed before, and so is what is made of it: neither can fail. */
	pkt_ip_parse(p, rte_pktmbuf_data_len(m), &ip);
	if (!source(env, &ip, src))
		return end(c, m, TG_DROP_NO_ROUTE);
	if (!pkt_icmp_error(m, meta->icmp, meta->mtu, src, ERROR_TTL))
		return end(c, m, TG_DROP_NO_ROOM);
	p = rte_pktmbuf_mtod(m, const uint8_t *);
	pkt_ip_parse(p, rte_pktmbuf_data_len(m), &ip);
	m->hash.rss = pkt_flow_hash(&ip, p, env->salt);
	meta->fq.hash = m->hash.rss;
	tg_meta_join(meta, TG_TIN_TWIN, false);
	way = tg_route_lookup(env, &ip, NULL);
	op = tg_route(env, c, m, &ip, &way);
	switch (op) {
	case TG_OP_DROPPED:
		return op;
	case TG_OP_SEAL:
	case TG_OP_FRAME:
	case TG_OP_RESOLVE:
		c->icmp_sent++;
		return op;
	default:
		return end(c, m, TG_DROP_NO_ROUTE);
	}
}
