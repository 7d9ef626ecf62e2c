/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What looks at an inner packet: IP and extension headers, flow hash, ECN, TTL, and the outer
 * header in front of it. The first byte is the outer TOS, the second chooses how the header is
 * written.
 */
#include <sys/socket.h>

#include "ecn.h"
#include "eth.h"
#include "forward.h"
#include "fuzz.h"
#include "hash.h"
#include "ip.h"
#include "outer.h"

#define FRAME_MAX 2048

static struct rte_mempool *pool;
static struct pkt_outer outer[2];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct rte_ether_addr mac = {{2, 0, 0, 0, 0, 1}};
	static const struct pkt_addr addr[2] = {{AF_INET, {192, 0, 2, 1}}, {AF_INET6, {0x20, 1}}};

	RTE_SET_USED(argc);
	RTE_SET_USED(argv);
	if (fuzz_init())
		return -1;
	pool = rte_pktmbuf_pool_create("fuzz", 63, 0, 0, RTE_PKTMBUF_HEADROOM + FRAME_MAX, 0);
	fuzz_require(pool != NULL);
	for (int i = 0; i < 2; i++)
		fuzz_require(!pkt_outer_set(&outer[i], &mac, &mac, &addr[i], &addr[i], 1, 2));
	return 0;
}

static void
check(const struct pkt_ip *ip, const uint8_t *p, size_t len)
{
	fuzz_require(ip->total_len <= len && ip->l4_off <= ip->total_len);
	fuzz_require(ip->src > p && ip->dst == ip->src + ip->addr_len);
	fuzz_require(ip->dst + ip->addr_len <= p + ip->total_len);
	fuzz_require(ip->tos == pkt_ip_tos(p));
}

/* What is changed in place stays the packet that it was, with a checksum as good as before. */
static void
change(const struct pkt_ip *ip, uint8_t *p, uint8_t tos)
{
	uint32_t hash = pkt_flow_hash(ip, p, 1);
	struct pkt_ip again;
	bool good = pkt_ip_check(p, ip->total_len, &again) == PKT_IP_OK;

	pkt_ecn_decap(tos, p);
	pkt_ttl_dec(p);
	fuzz_require(pkt_ip_parse(p, ip->total_len, &again) == PKT_IP_OK);
	fuzz_require(pkt_flow_hash(&again, p, 1) == hash);
	fuzz_require(!good || pkt_ip_check(p, ip->total_len, &again) == PKT_IP_OK);
}

static void
encapsulate(const uint8_t *p, size_t len, uint8_t tos, uint8_t how)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct pkt_eth eth;

	fuzz_require(m != NULL);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), p, len);
	pkt_eth_parse(m, (const struct rte_ether_addr *)(const void *)&outer[0].hdr, &eth);
	fuzz_require(!pkt_outer_write(&outer[how % 2], m, tos, how, how / 2 % 3));
	fuzz_require(
		pkt_eth_parse(m, (const struct rte_ether_addr *)(const void *)&outer[0].hdr, &eth));
	rte_pktmbuf_free(m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	uint8_t tos = fuzz_byte(&in), how = fuzz_byte(&in);
	size_t len = RTE_MIN(in.left, (size_t)FRAME_MAX);
	uint8_t *p = fuzz_copy(in.p, len);
	struct pkt_ip ip;

	encapsulate(p, len, tos, how);
	if (pkt_ip_parse(p, (uint32_t)len, &ip) == PKT_IP_OK) {
		check(&ip, p, len);
		change(&ip, p, tos);
	}
	free(p);
	return 0;
}
