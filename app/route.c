/* SPDX-License-Identifier: BSD-3-Clause */
#include "route.h"

#include <rte_branch_prediction.h>

#include "forward.h"
#include "mss.h"
#include "refuse.h"

/* Multicast, link-local, and broadcast. */
static bool
stays_on_link(const struct pkt_ip *ip)
{
	rte_be32_t word;
	uint32_t top;

	memcpy(&word, ip->dst, sizeof(word));
	top = rte_be_to_cpu_32(word);
	if (ip->version == 4)
		return top >> 28 == 0xe || top >> 16 == 0xa9fe || top == UINT32_MAX;
	return top >> 24 == 0xff || top >> 22 == 0xfe80 >> 6;
}

/* Inline where a program is linked as one: of many peers each packet is for another. */
inline struct tg_way
tg_route_over(const struct tg_env *env, const struct pkt_ip *ip, struct tg_hop *hop,
	const struct wg_peer *peer)
{
	struct tg_way way = {.hop = hop, .kernels = stays_on_link(ip)};

	if (hop && (hop->type == TG_HOP_LOCAL || hop->type == TG_HOP_KERNEL))
		way.kernels = true;
	if (hop && hop->type == TG_HOP_TUNNEL && !way.kernels)
		way.peer = peer ? peer : tg_route_peer(env, ip, ip->dst);
	return way;
}

struct tg_way
tg_route_lookup(const struct tg_env *env, const struct pkt_ip *ip, const struct wg_peer *peer)
{
	struct tg_hop *hop = ip->version == 4 ? tg_fib_lookup4(env->fib, ip->dst)
					      : tg_fib_lookup6(env->fib, ip->dst);

	return tg_route_over(env, ip, hop, peer);
}

bool
tg_route_frame(const struct tg_env *env, struct rte_mbuf *m, uint16_t port,
	const struct rte_ether_addr *mac, uint8_t version)
{
	struct rte_ether_hdr *eth = (void *)rte_pktmbuf_prepend(m, sizeof(*eth));

	if (!eth)
		return false;
	eth->dst_addr = *mac;
	eth->src_addr = env->ports[port].mac;
	eth->ether_type =
		rte_cpu_to_be_16(version == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	return true;
}

static enum tg_op
end(struct tg_counters *c, struct rte_mbuf *m, enum tg_drop why)
{
	tg_drop(c, m, why);
	return TG_OP_DROPPED;
}

enum tg_op
tg_route_too_big(struct tg_counters *c, struct rte_mbuf *m, const struct pkt_ip *ip, uint32_t mtu)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);

	if (!pkt_ttl_lasts(p))
		return tg_refuse(c, m, ip, TG_DROP_TTL, PKT_ICMP_TTL);
	tg_meta(m)->mtu = (uint16_t)mtu;
	if (tg_route_may_fragment(ip, p))
		return TG_OP_FRAGMENT;
	return tg_refuse(c, m, ip, TG_DROP_TOO_BIG, PKT_ICMP_TOO_BIG);
}

static enum tg_op
to_peer(const struct tg_env *env, struct tg_counters *c, struct rte_mbuf *m,
	const struct pkt_ip *ip, const struct wg_peer *peer)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t mtu = tg_route_peer_mtu(env, peer);

	if (unlikely(ip->total_len > mtu))
		return tg_route_too_big(c, m, ip, mtu);
	if (unlikely(!pkt_ttl_dec(p)))
		return tg_refuse(c, m, ip, TG_DROP_TTL, PKT_ICMP_TTL);
	if (unlikely(env->mss_clamp))
		pkt_mss_clamp(p, ip, mtu);
	tg_meta(m)->peer = peer->id;
	return TG_OP_SEAL;
}

/* What comes out of the tunnel is answered through it. */
static void
clamp_from_peer(const struct tg_env *env, struct rte_mbuf *m, const struct pkt_ip *ip, uint32_t mtu)
{
	if (tg_meta(m)->peer < WG_PEER_ID_RESERVED)
		pkt_mss_clamp(rte_pktmbuf_mtod(m, uint8_t *), ip,
			RTE_MIN(mtu, (uint32_t)tg_fib_tunnel_mtu(env->fib)));
}

static enum tg_op
to_port(const struct tg_env *env, struct tg_counters *c, struct rte_mbuf *m,
	const struct pkt_ip *ip, struct tg_hop *hop)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t mtu = tg_fib_port_mtu(env->fib, hop->port);
	struct rte_ether_addr mac;

	if (unlikely(ip->total_len > mtu))
		return tg_route_too_big(c, m, ip, mtu);
	if (unlikely(!pkt_ttl_lasts(p)))
		return tg_refuse(c, m, ip, TG_DROP_TTL, PKT_ICMP_TTL);
	if (unlikely(env->mss_clamp))
		clamp_from_peer(env, m, ip, mtu);
	if (hop->type == TG_HOP_ON_LINK || !tg_hop_mac(hop, &mac))
		return TG_OP_RESOLVE;
	pkt_ttl_dec(p);
	if (!tg_route_frame(env, m, hop->port, &mac, ip->version))
		return end(c, m, TG_DROP_NO_ROOM);
	tg_meta(m)->port = (uint8_t)hop->port;
	return TG_OP_FRAME;
}

/* Neither to a peer nor to a port. */
static __rte_noinline enum tg_op
end_here(struct tg_counters *c, struct rte_mbuf *m, const struct pkt_ip *ip,
	const struct tg_way *way)
{
	struct tg_hop *hop = way->hop;

	if (way->kernels)
		return TG_OP_TUNNEL;
	if (!hop || hop->type == TG_HOP_THROW)
		return tg_refuse(c, m, ip, TG_DROP_NO_ROUTE, PKT_ICMP_NET);
	switch (hop->type) {
	case TG_HOP_TUNNEL:
		return tg_refuse(c, m, ip, TG_DROP_NO_PEER, PKT_ICMP_HOST);
	case TG_HOP_UNREACHABLE:
		return tg_refuse(c, m, ip, TG_DROP_PROHIBITED,
			ip->version == 4 ? PKT_ICMP_HOST : PKT_ICMP_NET);
	case TG_HOP_PROHIBIT:
		return tg_refuse(c, m, ip, TG_DROP_PROHIBITED, PKT_ICMP_PROHIBITED);
	default:
		return end(c, m, TG_DROP_PROHIBITED);
	}
}

static enum tg_op
decide(const struct tg_env *env, struct tg_counters *c, struct rte_mbuf *m, const struct pkt_ip *ip,
	const struct tg_way *way)
{
	struct tg_hop *hop = way->hop;

	if (way->peer)
		return to_peer(env, c, m, ip, way->peer);
	if (hop && !way->kernels && (hop->type == TG_HOP_ETHER || hop->type == TG_HOP_ON_LINK))
		return to_port(env, c, m, ip, hop);
	return end_here(c, m, ip, way);
}

/* Inline where a program is linked as one: for RX and crypto, which do this for each packet. */
inline enum tg_op
tg_route(const struct tg_env *env, struct tg_counters *c, struct rte_mbuf *m,
	const struct pkt_ip *ip, const struct tg_way *way)
{
	enum tg_op op = decide(env, c, m, ip, way);

	if (op != TG_OP_DROPPED)
		tg_meta(m)->op = op;
	return op;
}
