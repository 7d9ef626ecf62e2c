/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_ip.h>

#include "csum.h"
#include "ip.h"

enum {
	IP4_MIN = sizeof(struct rte_ipv4_hdr),
	IP6_LEN = sizeof(struct rte_ipv6_hdr),
	EXT_MIN = 8,
	EXT_MAX_COUNT = 8,
};

static bool
is_extension(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
		proto == IPPROTO_DSTOPTS || proto == IPPROTO_AH;
}

/* RFC 8200 section 4: units of 8 octets, less the first; RFC 4302 section 2.2: of 4, less two. */
static uint32_t
extension_len(uint8_t proto, const uint8_t *ext)
{
	if (proto == IPPROTO_FRAGMENT)
		return EXT_MIN;
	if (proto == IPPROTO_AH)
		return (ext[1] + 2) * 4;
	return (ext[1] + 1) * 8;
}

static enum pkt_ip_reason
skip_extensions(const uint8_t *p, struct pkt_ip *ip)
{
	uint32_t off = ip->l4_off;
	uint32_t len;
	uint16_t frag = 0;
	int n;

	for (n = 0; n < EXT_MAX_COUNT && is_extension(ip->proto); n++) {
		if (off + EXT_MIN > ip->total_len)
			return PKT_IP_BAD_EXTENSION;
		len = extension_len(ip->proto, p + off);
		if (off + len > ip->total_len)
			return PKT_IP_BAD_EXTENSION;
		if (ip->proto == IPPROTO_FRAGMENT)
			frag = pkt_be16(p + off + 2);
		ip->proto = p[off];
		off += len;
		if (frag & RTE_IPV6_EHDR_FO_MASK)
			break;
	}
	ip->l4_off = off;
	ip->fragment = (frag & RTE_IPV6_FRAG_USED_MASK) != 0;
	ip->later_fragment = (frag & RTE_IPV6_EHDR_FO_MASK) != 0;
	return PKT_IP_OK;
}

static inline enum pkt_ip_reason
parse4(const uint8_t *p, uint32_t avail, struct pkt_ip *out)
{
	uint32_t header, total;
	uint16_t fragment;

	if (avail < IP4_MIN)
		return PKT_IP_TRUNCATED;
	header = (p[0] & 0xf) * 4;
	total = pkt_be16(p + 2);
	fragment = pkt_be16(p + 6);
	if (header < IP4_MIN)
		return PKT_IP_BAD_HEADER;
	if (total < header)
		return PKT_IP_BAD_LENGTH;
	if (total > avail)
		return PKT_IP_TRUNCATED;
	*out = (struct pkt_ip){
		.src = p + 12,
		.dst = p + 16,
		.total_len = total,
		.l4_off = (uint16_t)header,
		.version = 4,
		.addr_len = 4,
		.proto = p[9],
		.tos = p[1],
		.fragment = (fragment & (RTE_IPV4_HDR_OFFSET_MASK | RTE_IPV4_HDR_MF_FLAG)) != 0,
		.later_fragment = (fragment & RTE_IPV4_HDR_OFFSET_MASK) != 0,
	};
	return PKT_IP_OK;
}

/* Apart, so that IPv4 does not save its registers. */
static __rte_noinline enum pkt_ip_reason
parse6(const uint8_t *p, uint32_t avail, struct pkt_ip *out)
{
	enum pkt_ip_reason reason;
	struct pkt_ip ip;

	if (avail < IP6_LEN)
		return PKT_IP_TRUNCATED;
	ip.total_len = IP6_LEN + pkt_be16(p + 4);
	if (ip.total_len > avail)
		return PKT_IP_TRUNCATED;
	ip.src = p + 8;
	ip.dst = p + 24;
	ip.l4_off = IP6_LEN;
	ip.version = 6;
	ip.addr_len = 16;
	ip.proto = p[6];
	ip.tos = pkt_ip_tos(p);
	reason = skip_extensions(p, &ip);
	if (reason == PKT_IP_OK)
		*out = ip;
	return reason;
}

static inline enum pkt_ip_reason
parse(const uint8_t *p, uint32_t avail, struct pkt_ip *out)
{
	if (avail == 0)
		return PKT_IP_TRUNCATED;
	if (likely(p[0] >> 4 == 4))
		return parse4(p, avail, out);
	if (p[0] >> 4 == 6)
		return parse6(p, avail, out);
	return PKT_IP_BAD_VERSION;
}

enum pkt_ip_reason
pkt_ip_parse(const uint8_t *p, uint32_t avail, struct pkt_ip *out)
{
	return parse(p, avail, out);
}

bool
pkt_ip6_is_one_host(const uint8_t addr[16])
{
	static const uint8_t zero[15];

	return addr[0] != 0xff && !(addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80) &&
		!(memcmp(addr, zero, sizeof(zero)) == 0 && addr[15] <= 1);
}

/* 240.0.0.0/4 is reserved, and in use. */
bool
pkt_ip_odd_is_martian(const struct pkt_ip *ip)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};

	if (ip->version == 6)
		return !pkt_ip6_is_one_host(ip->src);
	return ip->src[0] < 240 || memcmp(ip->src, broadcast, sizeof(broadcast)) == 0;
}

static enum pkt_ip_reason
verify(uint64_t sum)
{
	return likely(pkt_csum_fold(sum) == UINT16_MAX) ? PKT_IP_OK : PKT_IP_BAD_CHECKSUM;
}

static __rte_noinline enum pkt_ip_reason
check_other(const uint8_t *p, uint32_t avail, struct pkt_ip *out)
{
	enum pkt_ip_reason reason = parse(p, avail, out);

	if (reason != PKT_IP_OK || out->version != 4)
		return reason;
	return verify(pkt_csum_sum(p, out->l4_off));
}

/* Inline where a program is linked as one: for RX and crypto, which do this for each packet. */
inline enum pkt_ip_reason
pkt_ip_check(const uint8_t *p, uint32_t avail, struct pkt_ip *out)
{
	enum pkt_ip_reason reason;

	/* Nearly all have no options: where the compiler knows the length there is no loop. */
	if (unlikely(avail < IP4_MIN || p[0] != RTE_IPV4_VHL_DEF))
		return check_other(p, avail, out);
	reason = parse4(p, avail, out);
	if (unlikely(reason != PKT_IP_OK))
		return reason;
	return verify(pkt_csum_sum(p, IP4_MIN));
}
