/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "csum.h"
#include "outer.h"

enum {
	TTL = 64,
	IP4_LEN = sizeof(struct rte_ipv4_hdr),
	IP6_LEN = sizeof(struct rte_ipv6_hdr),
	UDP_LEN = sizeof(struct rte_udp_hdr),
	IP4_TO = RTE_ETHER_HDR_LEN + offsetof(struct rte_ipv4_hdr, dst_addr),
};

static_assert(PKT_OUTER_MAX_LEN == RTE_ETHER_HDR_LEN + IP6_LEN + UDP_LEN, "headers");
static_assert(PKT_OUTER_IP4_LEN == RTE_ETHER_HDR_LEN + IP4_LEN + UDP_LEN, "headers");

static void
set4(struct pkt_outer *o, const struct pkt_addr *src, const struct pkt_addr *dst)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(o->hdr + RTE_ETHER_HDR_LEN);

	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->time_to_live = TTL;
	ip->next_proto_id = IPPROTO_UDP;
	memcpy(&ip->src_addr, src->bytes, sizeof(ip->src_addr));
	memcpy(&ip->dst_addr, dst->bytes, sizeof(ip->dst_addr));
	o->l3_len = IP4_LEN;
	o->max_payload = UINT16_MAX - IP4_LEN - UDP_LEN;
	o->ip_sum = pkt_csum_fold(pkt_csum_sum((const uint8_t *)ip, IP4_LEN));
}

static void
set6(struct pkt_outer *o, const struct pkt_addr *src, const struct pkt_addr *dst)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(o->hdr + RTE_ETHER_HDR_LEN);

	ip->proto = IPPROTO_UDP;
	ip->hop_limits = TTL;
	memcpy(ip->src_addr, src->bytes, sizeof(ip->src_addr));
	memcpy(ip->dst_addr, dst->bytes, sizeof(ip->dst_addr));
	o->l3_len = IP6_LEN;
	o->max_payload = UINT16_MAX - UDP_LEN;
}

int
pkt_outer_set(struct pkt_outer *o, const struct rte_ether_addr *src_mac,
	const struct rte_ether_addr *dst_mac, const struct pkt_addr *src,
	const struct pkt_addr *dst, uint16_t src_port, uint16_t dst_port)
{
	struct rte_ether_hdr *eth = (struct rte_ether_hdr *)o->hdr;
	struct rte_udp_hdr *udp;
	uint32_t addr_len;

	if (src->family != dst->family || (src->family != AF_INET && src->family != AF_INET6))
		return -EINVAL;
	memset(o, 0, sizeof(*o));
	if (src->family == AF_INET)
		set4(o, src, dst);
	else
		set6(o, src, dst);

	eth->src_addr = *src_mac;
	eth->dst_addr = *dst_mac;
	eth->ether_type = rte_cpu_to_be_16(
		src->family == AF_INET ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	udp = (struct rte_udp_hdr *)(o->hdr + RTE_ETHER_HDR_LEN + o->l3_len);
	udp->src_port = src_port;
	udp->dst_port = dst_port;
	o->len = RTE_ETHER_HDR_LEN + o->l3_len + UDP_LEN;

	addr_len = src->family == AF_INET ? 4 : 16;
	o->pseudo_sum = pkt_csum_fold(pkt_csum_sum(src->bytes, addr_len) +
		pkt_csum_sum(dst->bytes, addr_len) + rte_cpu_to_be_16(IPPROTO_UDP));
	o->ports_sum = pkt_csum_fold((uint64_t)src_port + dst_port);
	return 0;
}

void
pkt_outer_open(struct pkt_outer *o, const struct pkt_outer *from)
{
	const struct rte_ether_hdr *eth = (const struct rte_ether_hdr *)from->hdr;
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)(eth + 1);
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)(ip + 1);
	struct pkt_addr src = {.family = AF_INET}, none = {.family = AF_INET};

	memcpy(src.bytes, &ip->src_addr, sizeof(ip->src_addr));
	/* Cannot fail: one family. */
	pkt_outer_set(o, &eth->src_addr, &eth->dst_addr, &src, &none, udp->src_port, 0);
}

/* Of all bytes from off on, which lies in the first segment. */
static uint64_t
payload_sum(const struct rte_mbuf *m, uint32_t off)
{
	uint64_t sum =
		pkt_csum_sum(rte_pktmbuf_mtod_offset(m, const uint8_t *, off), m->data_len - off);
	uint32_t done = m->data_len - off;

	for (m = m->next; m != NULL; m = m->next) {
		uint64_t part = pkt_csum_sum(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);

		/* RFC 1071 section 2(B): swapped bytes add up to the swapped sum. */
		sum += done & 1 ? rte_bswap16(pkt_csum_fold(part)) : part;
		done += m->data_len;
	}
	return sum;
}

/* What a template may leave open, and the source port between. */
static void
write_to(const struct pkt_outer *o, uint64_t to, uint8_t *hdr)
{
	uint64_t place;

	memcpy(&place, o->hdr + IP4_TO, sizeof(place));
	place |= to;
	memcpy(hdr + IP4_TO, &place, sizeof(place));
}

static void
write4(const struct pkt_outer *o, uint64_t to, uint8_t *hdr, uint8_t tos, uint16_t id,
	uint16_t udp_len)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(hdr + RTE_ETHER_HDR_LEN);
	uint16_t be_len = rte_cpu_to_be_16(IP4_LEN + udp_len), be_id = rte_cpu_to_be_16(id);
	struct rte_udp_hdr *udp = (struct rte_udp_hdr *)(ip + 1);

	memcpy(hdr, o->hdr, IP4_TO);
	write_to(o, to, hdr);
	udp->dgram_len = rte_cpu_to_be_16(udp_len);
	udp->dgram_cksum = 0;
	ip->type_of_service = tos;
	ip->total_length = be_len;
	ip->packet_id = be_id;
	/* Halves of the address: that all terms are short makes folding so. */
	ip->hdr_checksum = (uint16_t)~pkt_csum_fold((uint64_t)o->ip_sum + (uint16_t)to +
		(uint16_t)(to >> 16) + rte_cpu_to_be_16(tos) + be_len + be_id);
}

static void
write6(const struct pkt_outer *o, uint8_t *hdr, uint8_t tos, uint16_t udp_len)
{
	struct rte_ipv6_hdr *ip = (struct rte_ipv6_hdr *)(hdr + RTE_ETHER_HDR_LEN);

	memcpy(hdr, o->hdr, RTE_ETHER_HDR_LEN + IP6_LEN + UDP_LEN);
	ip->vtc_flow = rte_cpu_to_be_32(6U << 28 | (uint32_t)tos << RTE_IPV6_HDR_TC_SHIFT);
	ip->payload_len = rte_cpu_to_be_16(udp_len);
}

/* What belongs into the UDP checksum field. Apart, since most messages have none. */
static __rte_noinline uint16_t
udp_csum(const struct pkt_outer *o, uint64_t to, struct rte_mbuf *m, uint16_t be_len,
	enum pkt_outer_csum csum)
{
	uint64_t sum = (uint64_t)o->pseudo_sum + (uint32_t)to + be_len;
	uint16_t result;

	if (csum == PKT_OUTER_CSUM_OFFLOAD) {
		m->tx_offload =
			rte_mbuf_tx_offload(RTE_ETHER_HDR_LEN, o->l3_len, UDP_LEN, 0, 0, 0, 0);
		m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM |
			(o->l3_len == IP4_LEN ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6);
		return pkt_csum_fold(sum);
	}
	sum += (uint64_t)o->ports_sum + (to >> 48) + be_len + payload_sum(m, o->len);
	result = (uint16_t)~pkt_csum_fold(sum);
	return result != 0 ? result : UINT16_MAX;
}

int
pkt_outer_write_to(const struct pkt_outer *o, uint64_t to, struct rte_mbuf *m, uint8_t tos,
	uint16_t id, enum pkt_outer_csum csum)
{
	uint32_t payload = rte_pktmbuf_pkt_len(m);
	uint16_t udp_len = (uint16_t)(payload + UDP_LEN);
	struct rte_udp_hdr *udp;
	uint8_t *hdr;

	if (unlikely(payload > o->max_payload))
		return -EMSGSIZE;
	hdr = (uint8_t *)rte_pktmbuf_prepend(m, o->len);
	if (unlikely(hdr == NULL))
		return -ENOSPC;

	if (likely(o->l3_len == IP4_LEN)) {
		write4(o, to, hdr, tos, id, udp_len);
		udp = (struct rte_udp_hdr *)(hdr + RTE_ETHER_HDR_LEN + IP4_LEN);
		if (likely(csum == PKT_OUTER_CSUM_LAZY))
			return 0;
	} else {
		write6(o, hdr, tos, udp_len);
		udp = (struct rte_udp_hdr *)(hdr + RTE_ETHER_HDR_LEN + IP6_LEN);
		udp->dgram_len = rte_cpu_to_be_16(udp_len);
	}
	udp->dgram_cksum = udp_csum(o, to, m, udp->dgram_len, csum);
	return 0;
}
