/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_rx.h"

#include <netinet/in.h>

#include <rte_ethdev.h>
#include <rte_prefetch.h>
#include <rte_udp.h>

#include "eth.h"
#include "fetch.h"
#include "forward.h"
#include "fragment.h"
#include "hash.h"

#define BOOTP_CLIENT 68
#define BOOTP_REPLY 2

static enum tg_op
end(struct tg_rx *rx, struct rte_mbuf *m, enum tg_drop why)
{
	tg_drop(&rx->counters, m, why);
	return TG_OP_DROPPED;
}

static bool
is_wireguard(const struct tg_env *env, const uint8_t *p, const struct pkt_ip *ip)
{
	const struct rte_udp_hdr *udp = (const void *)(p + ip->l4_off);
	uint16_t port = atomic_load_explicit(&env->listen_port, memory_order_relaxed);

	return ip->proto == IPPROTO_UDP && !ip->fragment && port &&
		ip->total_len >= ip->l4_off + sizeof(*udp) && udp->dst_port == port;
}

/* The beginning of DHCP's messages, RFC 2131 section 2. */
struct bootp {
	uint8_t op;
	uint8_t htype;
	uint8_t hlen;
	uint8_t hops;
	uint8_t words[24];
	struct rte_ether_addr chaddr;
};

/*
 * Who asks for an address is answered at that address, in a frame to his MAC (RFC 2131 section
 * 4.1): Linux has it not yet, and routes would lead elsewhere. Others' answers pass.
 */
static __rte_noinline bool
answers_our_dhcp(const uint8_t *p, const struct pkt_ip *ip, const struct tg_port *port)
{
	const struct rte_udp_hdr *udp = (const void *)(p + ip->l4_off);
	const struct bootp *answer = (const void *)(udp + 1);

	return ip->version == 4 && !ip->fragment &&
		ip->total_len >= ip->l4_off + sizeof(*udp) + sizeof(*answer) &&
		answer->op == BOOTP_REPLY && answer->hlen == RTE_ETHER_ADDR_LEN &&
		rte_is_same_ether_addr(&answer->chaddr, &port->mac);
}

static bool
is_dhcp_answer(const uint8_t *p, const struct pkt_ip *ip, const struct tg_port *port)
{
	const struct rte_udp_hdr *udp = (const void *)(p + ip->l4_off);

	return ip->proto == IPPROTO_UDP && ip->total_len >= ip->l4_off + sizeof(*udp) &&
		unlikely(udp->dst_port == RTE_BE16(BOOTP_CLIENT)) && answers_our_dhcp(p, ip, port);
}

/* Of what cookies and rate limits go by: the IPv4 address, or the IPv6 /64. */
static uint32_t
source_hash(const struct tg_env *env, const uint8_t *ip)
{
	uint64_t source = 0;

	if (ip[0] >> 4 == 4)
		memcpy(&source, ip + offsetof(struct rte_ipv4_hdr, src_addr), 4);
	else
		memcpy(&source, ip + offsetof(struct rte_ipv6_hdr, src_addr), 8);
	return (uint32_t)(((source ^ env->salt) * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

/*
 * p: the IP packet. Leaves the data at the WireGuard message. The checksum of UDP is not looked at
 * for data: the tag says more. Handshakes are authenticated in the same way.
 */
static enum tg_op
wireguard(struct tg_rx *rx, struct rte_mbuf *m, const uint8_t *p, const struct pkt_ip *ip)
{
	const struct rte_udp_hdr *udp = (const void *)(p + ip->l4_off);
	uint32_t off = ip->l4_off + sizeof(*udp);
	uint16_t len = rte_be_to_cpu_16(udp->dgram_len);
	rte_le32_t type;

	if (len < sizeof(*udp) || len > ip->total_len - ip->l4_off || off > UINT8_MAX)
		return end(rx, m, TG_DROP_WG_UDP_LENGTH);
	len -= sizeof(*udp);
	if (len < sizeof(type))
		return end(rx, m, TG_DROP_WG_SHORT);
	pkt_narrow(m, udp + 1, len);
	tg_meta(m)->outer_len = (uint8_t)off;
	memcpy(&type, udp + 1, sizeof(type));

	switch (rte_le_to_cpu_32(type)) {
	case WG_MESSAGE_DATA:
		if (len < WG_DATA_LEN_MIN)
			return end(rx, m, TG_DROP_WG_SHORT);
		return TG_OP_OPEN;
	case WG_MESSAGE_INITIATION:
	case WG_MESSAGE_RESPONSE:
	case WG_MESSAGE_COOKIE:
		m->hash.rss = source_hash(rx->env, p);
		return TG_OP_HANDSHAKE;
	}
	return end(rx, m, TG_DROP_WG_TYPE);
}

static enum tg_op
ip_packet(struct tg_rx *rx, const struct tg_port *port, struct rte_mbuf *m, uint16_t l2_len,
	const struct wg_peer *peer)
{
	const struct tg_env *env = rx->env;
	const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, l2_len);
	const struct tg_way *way;
	struct pkt_ip ip;
	enum pkt_ip_reason bad = pkt_ip_check(p, rte_pktmbuf_data_len(m) - l2_len, &ip);

	if (unlikely(bad != PKT_IP_OK))
		return end(rx, m, tg_drop_ip(bad));
	way = tg_recent_lookup(&rx->recent, env, &ip, peer);
	if (way->kernels) {
		if (way->hop && way->hop->type == TG_HOP_LOCAL && is_wireguard(env, p, &ip))
			return wireguard(rx, m, p, &ip);
		return TG_OP_TWIN;
	}
	if (is_dhcp_answer(p, &ip, port))
		return TG_OP_TWIN;
	if (unlikely(pkt_ip_martian(&ip)))
		return end(rx, m, TG_DROP_MARTIAN);
	m->hash.rss = pkt_flow_hash(&ip, p, env->salt);
	pkt_narrow(m, p, ip.total_len);
	tg_meta_join(tg_meta(m), TG_TIN_FORWARD, false);
	return tg_route(env, &rx->counters, m, &ip, way);
}

/* The cipher needs a packet in one piece; false when it is larger than a buffer. Takes cycles. */
static __rte_noinline bool
linearize(struct tg_rx *rx, struct rte_mbuf *m)
{
	if (rte_pktmbuf_linearize(m))
		return false;
	rx->linearized++;
	return true;
}

static enum tg_op
classify(struct tg_rx *rx, const struct tg_port *port, struct rte_mbuf *m,
	const struct wg_peer *peer)
{
	struct pkt_eth eth;

	if (unlikely(m->nb_segs != 1) && !linearize(rx, m))
		return end(rx, m, TG_DROP_CHAINED);
	if (!pkt_eth_parse(m, &port->mac, &eth))
		return end(rx, m, TG_DROP_RUNT);
	if (eth.dst == PKT_ETH_OTHER)
		return end(rx, m, TG_DROP_NOT_FOR_US);
	if (eth.vlan || eth.dst != PKT_ETH_US)
		return TG_OP_TWIN;
	if (!pkt_eth_is_ip(eth.ethertype))
		return TG_OP_TWIN;
	return ip_packet(rx, port, m, eth.l2_len, peer);
}

static inline void
deal(void *stage, struct rte_mbuf *m, enum tg_op op)
{
	struct tg_rx *rx = stage;
	const struct wg_data *msg;
	struct tg_outbox *box;

	switch (op) {
	case TG_OP_DROPPED:
		return;
	case TG_OP_OPEN:
		msg = rte_pktmbuf_mtod(m, const struct wg_data *);
		box = &rx->crypto[tg_crypto_of_session(rx->env, rte_le_to_cpu_32(msg->receiver))];
		break;
	case TG_OP_SEAL:
	case TG_OP_FRAME:
		box = &rx->crypto[tg_crypto_of_flow(rx->env, m->hash.rss)];
		break;
	case TG_OP_HANDSHAKE:
		box = &rx->handshake[tg_handshake_of_source(rx->env, m->hash.rss)];
		break;
	case TG_OP_FRAGMENT:
		tg_fragment_route(rx->env, &rx->counters, m, deal, rx);
		return;
	case TG_OP_REFUSED:
		if (!tg_refuse_may_tell(&rx->refused, &rx->counters, m, rx->now))
			return;
		box = &rx->local;
		break;
	default:
		box = &rx->local;
		break;
	}
	tg_meta(m)->op = op;
	tg_outbox_push(box, m, &rx->counters);
}

/* What the operator has taken down hears nothing, as any interface of Linux. */
static __rte_noinline void
end_all(struct tg_rx *rx, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		tg_drop(&rx->counters, pkts[i], TG_DROP_TWIN_DOWN);
	rx->counters.in += n;
}

static unsigned int
poll_queue(struct tg_rx *rx, const struct tg_rx_queue *q)
{
	const struct tg_port *port = &rx->env->ports[q->port];
	struct rte_mbuf *pkts[TG_BURST];
	struct wg_peer *peers[TG_BURST];
	uint16_t i, n = rte_eth_rx_burst(port->id, q->queue, pkts, TG_BURST);

	if (unlikely(atomic_load_explicit(&port->down, memory_order_relaxed))) {
		end_all(rx, pkts, n);
		return n;
	}
	for (i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	tg_fetch_destinations(rx->env, pkts, peers, n);
	for (i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

		tg_meta(m)->port = (uint8_t)q->port;
		deal(rx, m, classify(rx, port, m, peers[i]));
	}
	rx->counters.in += n;
	return n;
}

/* One more round, from where the last poll ended. False: no queue can have more, or that is enough.
 */
static bool
poll_queues(struct tg_rx *rx, unsigned int *n)
{
	unsigned int i, got;
	bool more = false;

	for (i = 0; i < rx->n_queues && *n < TG_RX_POLL_MAX; i++) {
		got = poll_queue(rx, &rx->queues[rx->next]);
		rx->next = (uint16_t)((rx->next + 1) % rx->n_queues);
		more |= got == TG_BURST;
		*n += got;
	}
	return more && *n < TG_RX_POLL_MAX;
}

/*
 * All that the ports have: what waits there is dropped blindly when it is too much. The stages
 * behind are slower, and choose.
 */
unsigned int
stage_rx_poll(struct tg_rx *rx, uint64_t now)
{
	unsigned int i, n = 0;

	rx->now = now;
	rx->recent.dst.version = 0;
	while (poll_queues(rx, &n))
		;
	if (!n)
		return 0;
	for (i = 0; i < rx->env->n_crypto; i++)
		tg_outbox_flush(&rx->crypto[i], &rx->counters);
	for (i = 0; i < rx->env->n_handshake; i++)
		tg_outbox_flush(&rx->handshake[i], &rx->counters);
	tg_outbox_flush(&rx->local, &rx->counters);
	return n;
}
