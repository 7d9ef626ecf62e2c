/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>
#include <string.h>

#include <rte_branch_prediction.h>

#include "hash.h"

/* Odd, about half of the bits set, no pattern: the fraction of the golden ratio, of e and of pi. */
#define K0 UINT64_C(0x9e3779b97f4a7c15)
#define K1 UINT64_C(0xb7e151628aed2a6b)
#define K2 UINT64_C(0x243f6a8885a308d3)

static uint64_t
load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* A product of 128 bits, folded. One round leaves regular inputs uneven: hence the last one. */
static uint64_t
fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static bool
has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE ||
		proto == IPPROTO_SCTP || proto == IPPROTO_DCCP;
}

static uint64_t
transport_key(const struct pkt_ip *ip, const uint8_t *p)
{
	uint32_t ports = 0;

	if (unlikely(ip->fragment))
		return 0;
	if (has_ports(ip->proto) && ip->l4_off + sizeof(ports) <= ip->total_len)
		memcpy(&ports, p + ip->l4_off, sizeof(ports));
	return (uint64_t)ip->proto << 32 | ports;
}

/* Inline where a program is linked as one: for RX and crypto, which do this for each packet. */
inline uint32_t
pkt_flow_hash(const struct pkt_ip *ip, const uint8_t *p, uint64_t salt)
{
	uint64_t s0 = salt ^ K0, s1 = (salt << 32 | salt >> 32) ^ K1;
	uint64_t h = transport_key(ip, p) ^ s0;

	if (likely(ip->version == 4)) {
		h = fold(load64(ip->src) ^ s1, h);
	} else {
		/* Folded first: who chooses address and ports could make their xor what he likes.
		 */
		h = fold(h, K2);
		h = fold(load64(ip->src) ^ s1, load64(ip->src + 8) ^ h);
		h = fold(load64(ip->dst) ^ s0, load64(ip->dst + 8) ^ h);
	}
	h = fold(h ^ s1, K0);
	return (uint32_t)(h ^ h >> 32);
}
