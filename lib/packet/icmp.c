/* SPDX-License-Identifier: BSD-3-Clause */
#include "icmp.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include <rte_ip.h>

#include "csum.h"

enum {
	QUOTED4_MAX = 576 - 28,
	QUOTED6_MAX = 1280 - 48,
	/* Internetwork control, as RFC 1812 section 4.3.2.5 has it. */
	TOS_ERROR = 0xc0,
};

/* Type and code, and a word of which only TOO_BIG makes use. */
struct icmp_header {
	uint8_t type;
	uint8_t code;
	uint8_t csum[2];
	rte_be32_t word;
} __rte_packed;

static const struct {
	uint8_t type;
	uint8_t code;
} kinds[2][PKT_ICMP_COUNT] = {
	{
		[PKT_ICMP_NET] = {ICMP_DEST_UNREACH, ICMP_NET_UNREACH},
		[PKT_ICMP_HOST] = {ICMP_DEST_UNREACH, ICMP_HOST_UNREACH},
		[PKT_ICMP_PROHIBITED] = {ICMP_DEST_UNREACH, ICMP_PKT_FILTERED},
		[PKT_ICMP_TOO_BIG] = {ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED},
		[PKT_ICMP_TTL] = {ICMP_TIME_EXCEEDED, ICMP_EXC_TTL},
	},
	{
		[PKT_ICMP_NET] = {ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOROUTE},
		[PKT_ICMP_HOST] = {ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR},
		[PKT_ICMP_PROHIBITED] = {ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADMIN},
		[PKT_ICMP_TOO_BIG] = {ICMP6_PACKET_TOO_BIG, 0},
		[PKT_ICMP_TTL] = {ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_TRANSIT},
	},
};

/* This network, loopback, link-local, multicast, reserved or broadcast. */
static bool
is_one_host4(const uint8_t *addr)
{
	return addr[0] != 0 && addr[0] != 127 && addr[0] < 224 &&
		!(addr[0] == 169 && addr[1] == 254);
}

/* Of ICMP only what asks or answers, as far as this was known when RFC 1812 was made. */
static bool
is_question4(uint8_t type)
{
	return type == ICMP_ECHO || type == ICMP_ECHOREPLY ||
		(type >= ICMP_TIMESTAMP && type <= ICMP_ADDRESSREPLY);
}

static bool
is_question6(uint8_t type)
{
	return (type & ICMP6_INFOMSG_MASK) && type != ND_REDIRECT;
}

bool
pkt_icmp_may_answer(const struct pkt_ip *ip, const uint8_t *p)
{
	bool v4 = ip->version == 4;
	bool icmp = ip->proto == (v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	if (ip->later_fragment)
		return false;
	if (v4 ? !is_one_host4(ip->src) || !is_one_host4(ip->dst)
	       : !pkt_ip6_is_one_host(ip->src) || !pkt_ip6_is_one_host(ip->dst))
		return false;
	if (!icmp)
		return true;
	if (ip->l4_off >= ip->total_len)
		return false;
	return v4 ? is_question4(p[ip->l4_off]) : is_question6(p[ip->l4_off]);
}

static void
cut(struct rte_mbuf *m, uint16_t max)
{
	rte_pktmbuf_free(m->next);
	m->next = NULL;
	m->nb_segs = 1;
	m->data_len = RTE_MIN(m->data_len, max);
	m->pkt_len = m->data_len;
}

static struct icmp_header
header(bool v4, enum pkt_icmp what, uint16_t mtu)
{
	return (struct icmp_header){
		.type = kinds[!v4][what].type,
		.code = kinds[!v4][what].code,
		.word = rte_cpu_to_be_32(what == PKT_ICMP_TOO_BIG ? mtu : 0),
	};
}

static void
put_csum(struct icmp_header *icmp, uint64_t sum, uint32_t len)
{
	uint16_t csum = (uint16_t)~pkt_csum_fold(sum + pkt_csum_sum((const uint8_t *)icmp, len));

	memcpy(icmp->csum, &csum, sizeof(csum));
}

static void
error4(struct rte_mbuf *m, const struct icmp_header *icmp, const uint8_t *src, uint8_t ttl)
{
	const struct rte_ipv4_hdr *about = rte_pktmbuf_mtod(m, const struct rte_ipv4_hdr *);
	struct {
		struct rte_ipv4_hdr ip;
		struct icmp_header icmp;
	} __rte_packed *e;

	cut(m, QUOTED4_MAX);
	e = (void *)rte_pktmbuf_prepend(m, sizeof(*e));
	e->icmp = *icmp;
	put_csum(&e->icmp, 0, m->data_len - sizeof(e->ip));
	e->ip = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = TOS_ERROR,
		.total_length = rte_cpu_to_be_16(m->data_len),
		.fragment_offset = RTE_BE16(RTE_IPV4_HDR_DF_FLAG),
		.time_to_live = ttl,
		.next_proto_id = IPPROTO_ICMP,
		.dst_addr = about->src_addr,
	};
	memcpy(&e->ip.src_addr, src, sizeof(e->ip.src_addr));
	e->ip.hdr_checksum = rte_ipv4_cksum(&e->ip);
}

static void
error6(struct rte_mbuf *m, const struct icmp_header *icmp, const uint8_t *src, uint8_t ttl)
{
	const struct rte_ipv6_hdr *about = rte_pktmbuf_mtod(m, const struct rte_ipv6_hdr *);
	struct {
		struct rte_ipv6_hdr ip;
		struct icmp_header icmp;
	} __rte_packed *e;
	uint16_t len;

	cut(m, QUOTED6_MAX);
	e = (void *)rte_pktmbuf_prepend(m, sizeof(*e));
	len = (uint16_t)(m->data_len - sizeof(e->ip));
	e->icmp = *icmp;
	e->ip = (struct rte_ipv6_hdr){
		.vtc_flow = rte_cpu_to_be_32(UINT32_C(6) << 28),
		.payload_len = rte_cpu_to_be_16(len),
		.proto = IPPROTO_ICMPV6,
		.hop_limits = ttl,
	};
	memcpy(e->ip.src_addr, src, sizeof(e->ip.src_addr));
	memcpy(e->ip.dst_addr, about->src_addr, sizeof(e->ip.dst_addr));
	put_csum(&e->icmp, rte_ipv6_phdr_cksum(&e->ip, 0), len);
}

bool
pkt_icmp_error(
	struct rte_mbuf *m, enum pkt_icmp what, uint16_t mtu, const uint8_t *src, uint8_t ttl)
{
	bool v4 = *rte_pktmbuf_mtod(m, const uint8_t *) >> 4 == 4;
	struct icmp_header icmp = header(v4, what, mtu);

	if (rte_pktmbuf_headroom(m) < PKT_ICMP_MAX_LEN)
		return false;
	if (v4)
		error4(m, &icmp, src, ttl);
	else
		error6(m, &icmp, src, ttl);
	return true;
}
