/* SPDX-License-Identifier: BSD-3-Clause */
/* Templates that leave open where they go: told where, they make the headers of one that goes
 * there. */
#include "test_eal.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_udp.h>

#include "outer.h"
#include "test_random.h"

static const struct rte_ether_addr mac_us = {.addr_bytes = {2, 0, 0, 0, 0, 1}};
static const struct rte_ether_addr mac_hop = {.addr_bytes = {2, 0, 0, 0, 0, 2}};

static struct rte_mempool *pool;

/* Of n bytes that are n, n + 1... */
static struct rte_mbuf *
message(uint8_t n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *p, i;

	assert_non_null(m);
	p = (uint8_t *)rte_pktmbuf_append(m, n);
	for (i = 0; i < n; i++)
		p[i] = (uint8_t)(n + i);
	return m;
}

static void
set(struct pkt_outer *o, uint32_t from, uint16_t from_port, uint32_t to, uint16_t to_port)
{
	struct pkt_addr src = {.family = AF_INET}, dst = {.family = AF_INET};

	memcpy(src.bytes, &from, sizeof(from));
	memcpy(dst.bytes, &to, sizeof(to));
	assert_int_equal(pkt_outer_set(o, &mac_us, &mac_hop, &src, &dst, from_port, to_port), 0);
}

static void
test_two_places(void **state)
{
	const uint32_t us = inet_addr("192.0.2.1");
	static const char *const places[] = {"198.51.100.7", "203.0.113.255"};
	struct pkt_outer first, open;

	(void)state;
	set(&first, us, htons(51820), inet_addr(places[0]), htons(1000));
	pkt_outer_open(&open, &first);
	for (unsigned int i = 0; i < RTE_DIM(places); i++) {
		struct rte_mbuf *m = message(32);
		uint64_t to = pkt_outer_to(inet_addr(places[i]), htons((uint16_t)(1000 + i)));
		const struct rte_ipv4_hdr *ip;
		const struct rte_udp_hdr *udp;

		assert_int_equal(
			pkt_outer_write_to(&open, to, m, 0, 1, PKT_OUTER_CSUM_SOFTWARE), 0);
		ip = rte_pktmbuf_mtod_offset(m, void *, RTE_ETHER_HDR_LEN);
		udp = (const void *)(ip + 1);
		assert_int_equal(ip->src_addr, us);
		assert_int_equal(ip->dst_addr, inet_addr(places[i]));
		assert_int_equal(ntohs(udp->src_port), 51820);
		assert_int_equal(ntohs(udp->dst_port), 1000 + i);
		assert_int_equal(rte_ipv4_cksum(ip), 0);
		rte_pktmbuf_free(m);
	}
}

/* Addresses, ports and all else at random, now and then all ones; every kind of checksum. */
static void
test_as_without_gap(void **state)
{
	uint64_t rng = 1;

	(void)state;
	for (unsigned int i = 0; i < 3000; i++) {
		uint32_t from = (uint32_t)test_random(&rng), to = (uint32_t)test_random(&rng);
		uint16_t us = (uint16_t)test_random(&rng), port = (uint16_t)test_random(&rng);
		struct rte_mbuf *a = message(i % 100), *b = message(i % 100);
		uint8_t tos = (uint8_t)test_random(&rng);
		struct pkt_outer whole, open;

		to |= i % 5 ? 0 : UINT32_MAX;
		port |= i % 7 ? 0 : UINT16_MAX;
		set(&whole, from, us, to, port);
		pkt_outer_open(&open, &whole);
		assert_int_equal(pkt_outer_write(&whole, a, tos, (uint16_t)i, i % 3), 0);
		assert_int_equal(pkt_outer_write_to(
					 &open, pkt_outer_to(to, port), b, tos, (uint16_t)i, i % 3),
			0);
		assert_int_equal(a->pkt_len, b->pkt_len);
		assert_int_equal(a->ol_flags, b->ol_flags);
		assert_memory_equal(
			rte_pktmbuf_mtod(a, void *), rte_pktmbuf_mtod(b, void *), a->data_len);
		rte_pktmbuf_free(a);
		rte_pktmbuf_free(b);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_places),
		cmocka_unit_test(test_as_without_gap),
	};

	if (test_eal_init() < 0)
		return EXIT_FAILURE;
	pool = rte_pktmbuf_pool_create("outer", 64, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (pool == NULL)
		return EXIT_FAILURE;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
