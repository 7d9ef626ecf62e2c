/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors: about what one is sent, and what it looks like. */
#include "test_eal.h"

#include <string.h>

#include <rte_ip.h>
#include <rte_mbuf.h>

#include "icmp.h"

#define SRC4 10, 0, 0, 2
#define DST4 10, 9, 0, 9
#define SRC6 0xfd, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2
#define DST6 0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9

struct may {
	const char *name;
	bool answer;
	uint8_t p[64];
};

/* Total length 28, or payload 24; TTL 64. The header checksum is nobody's concern here. */
#define IP4(frag_hi, frag_lo, proto) 0x45, 0, 0, 28, 0, 1, frag_hi, frag_lo, 64, proto, 0, 0
#define IP6(len, next) 0x60, 0, 0, 0, 0, len, next, 64

static const struct may may[] = {
	{"UDP", true, {IP4(0, 0, 17), SRC4, DST4}},
	{"UDP with DF", true, {IP4(0x40, 0, 17), SRC4, DST4}},
	{"the first fragment", true, {IP4(0x20, 0, 17), SRC4, DST4}},
	{"a later fragment", false, {IP4(0x20, 1, 17), SRC4, DST4}},
	{"the last fragment, far away", false, {IP4(0x1f, 0, 17), SRC4, DST4}},
	{"echo request", true, {IP4(0, 0, 1), SRC4, DST4, 8}},
	{"echo reply", true, {IP4(0, 0, 1), SRC4, DST4, 0}},
	{"timestamp request", true, {IP4(0, 0, 1), SRC4, DST4, 13}},
	{"unreachable", false, {IP4(0, 0, 1), SRC4, DST4, 3, 1}},
	{"source quench", false, {IP4(0, 0, 1), SRC4, DST4, 4}},
	{"redirect", false, {IP4(0, 0, 1), SRC4, DST4, 5}},
	{"time exceeded", false, {IP4(0, 0, 1), SRC4, DST4, 11}},
	{"parameter problem", false, {IP4(0, 0, 1), SRC4, DST4, 12}},
	{"ICMP of an unknown type", false, {IP4(0, 0, 1), SRC4, DST4, 42}},
	{"ICMP without a type", false, {0x45, 0, 0, 20, 0, 1, 0, 0, 64, 1, 0, 0, SRC4, DST4, 8}},
	{"from 0.0.0.0", false, {IP4(0, 0, 17), 0, 0, 0, 0, DST4}},
	{"from loopback", false, {IP4(0, 0, 17), 127, 0, 0, 1, DST4}},
	{"from link-local", false, {IP4(0, 0, 17), 169, 254, 1, 1, DST4}},
	{"from multicast", false, {IP4(0, 0, 17), 224, 0, 0, 1, DST4}},
	{"from broadcast", false, {IP4(0, 0, 17), 255, 255, 255, 255, DST4}},
	{"to multicast", false, {IP4(0, 0, 17), SRC4, 239, 1, 1, 1}},
	{"to broadcast", false, {IP4(0, 0, 17), SRC4, 255, 255, 255, 255}},
	{"UDP, IPv6", true, {IP6(8, 17), SRC6, DST6}},
	{"echo request, IPv6", true, {IP6(8, 58), SRC6, DST6, 128}},
	{"unreachable, IPv6", false, {IP6(8, 58), SRC6, DST6, 1}},
	{"packet too big, IPv6", false, {IP6(8, 58), SRC6, DST6, 2}},
	{"an error of an unknown type, IPv6", false, {IP6(8, 58), SRC6, DST6, 127}},
	{"redirect, IPv6", false, {IP6(8, 58), SRC6, DST6, 137}},
	{"the first fragment, IPv6", true, {IP6(16, 44), SRC6, DST6, 17, 0, 0, 1}},
	{"a later fragment, IPv6", false, {IP6(16, 44), SRC6, DST6, 17, 0, 0, 8}},
	{"an error behind a header of options, IPv6", false,
		{IP6(16, 0), SRC6, DST6, 58, 0, 1, 4, 0, 0, 0, 0, 3}},
	{"from ::", false, {IP6(8, 17), [24] = DST6}},
	{"from ::1", false, {IP6(8, 17), [23] = 1, DST6}},
	{"from link-local, IPv6", false, {IP6(8, 17), 0xfe, 0x80, [23] = 1, DST6}},
	{"from multicast, IPv6", false, {IP6(8, 17), 0xff, 2, [23] = 1, DST6}},
	{"to multicast, IPv6", false, {IP6(8, 17), SRC6, 0xff, 2, [39] = 1}},
};

static void
test_who_is_told(void **state)
{
	const struct may *m = *state;
	struct pkt_ip ip;

	assert_int_equal(pkt_ip_parse(m->p, sizeof(m->p), &ip), PKT_IP_OK);
	assert_int_equal(pkt_icmp_may_answer(&ip, m->p), m->answer);
}

static struct rte_mempool *pool;

/* A packet of len bytes with the bytes 0, 1, 2, ... behind its addresses. */
static struct rte_mbuf *
packet(uint8_t version, uint16_t len)
{
	static const uint8_t ip4[] = {IP4(0x40, 0, 17), SRC4, DST4};
	static const uint8_t ip6[] = {IP6(0, 17), SRC6, DST6};
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *p = (void *)rte_pktmbuf_append(m, len);
	unsigned int i;

	for (i = 0; i < len; i++)
		p[i] = (uint8_t)i;
	if (version == 4) {
		memcpy(p, ip4, sizeof(ip4));
		p[2] = len >> 8;
		p[3] = (uint8_t)len;
	} else {
		memcpy(p, ip6, sizeof(ip6));
		p[4] = (len - 40) >> 8;
		p[5] = (uint8_t)(len - 40);
	}
	return m;
}

static const struct {
	enum pkt_icmp what;
	uint8_t type4, code4, type6, code6;
	uint16_t word; /* that a MTU of 1300 makes */
} kinds[] = {
	{PKT_ICMP_NET, 3, 0, 1, 0, 0},
	{PKT_ICMP_HOST, 3, 1, 1, 3, 0},
	{PKT_ICMP_PROHIBITED, 3, 13, 1, 1, 0},
	{PKT_ICMP_TOO_BIG, 3, 4, 2, 0, 1300},
	{PKT_ICMP_TTL, 11, 0, 3, 0, 0},
};

/* 1480 bytes are quoted up to 576 in all: 20 + 8 + 548. */
static void
test_error4(void **state)
{
	static const uint8_t us[4] = {10, 0, 0, 1};
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(kinds); i++) {
		struct rte_mbuf *m = packet(4, 1480), *was = packet(4, 1480);
		const uint8_t *p;
		struct pkt_ip ip;

		assert_true(pkt_icmp_error(m, kinds[i].what, 1300, us, 64));
		p = rte_pktmbuf_mtod(m, const uint8_t *);
		assert_int_equal(m->pkt_len, 576);
		assert_int_equal(pkt_ip_check(p, 576, &ip), PKT_IP_OK);
		assert_int_equal(ip.total_len, 576);
		assert_int_equal(ip.proto, 1);
		assert_int_equal(p[8], 64);
		assert_memory_equal(ip.src, us, 4);
		assert_memory_equal(ip.dst, ((const uint8_t[]){SRC4}), 4);
		assert_int_equal(p[20], kinds[i].type4);
		assert_int_equal(p[21], kinds[i].code4);
		assert_int_equal(p[24] << 8 | p[25], 0);
		assert_int_equal(p[26] << 8 | p[27], kinds[i].word);
		assert_int_equal(rte_raw_cksum(p + 20, 556), 0xffff);
		assert_memory_equal(p + 28, rte_pktmbuf_mtod(was, void *), 548);
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(was);
	}
}

/* Of the message and the pseudo-header: 0xffff where the checksum is right. */
static uint16_t
sum6(const uint8_t *p, uint16_t len)
{
	uint32_t sum = rte_ipv6_phdr_cksum((const void *)p, 0) + rte_raw_cksum(p + 40, len);

	return (uint16_t)(sum + (sum >> 16));
}

/* 1480 bytes are quoted up to 1280 in all: 40 + 8 + 1232. */
static void
test_error6(void **state)
{
	static const uint8_t us[16] = {0xfd, 1, [15] = 1};
	unsigned int i;

	(void)state;
	for (i = 0; i < RTE_DIM(kinds); i++) {
		struct rte_mbuf *m = packet(6, 1480), *was = packet(6, 1480);
		const uint8_t *p;
		struct pkt_ip ip;

		assert_true(pkt_icmp_error(m, kinds[i].what, 1300, us, 64));
		p = rte_pktmbuf_mtod(m, const uint8_t *);
		assert_int_equal(m->pkt_len, 1280);
		assert_int_equal(pkt_ip_parse(p, 1280, &ip), PKT_IP_OK);
		assert_int_equal(ip.total_len, 1280);
		assert_int_equal(ip.proto, 58);
		assert_int_equal(p[7], 64);
		assert_memory_equal(ip.src, us, 16);
		assert_memory_equal(ip.dst, ((const uint8_t[]){SRC6}), 16);
		assert_int_equal(p[40], kinds[i].type6);
		assert_int_equal(p[41], kinds[i].code6);
		assert_int_equal(p[46] << 8 | p[47], kinds[i].word);
		assert_int_equal(sum6(p, 1240), 0xffff);
		assert_memory_equal(p + 48, rte_pktmbuf_mtod(was, void *), 1232);
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(was);
	}
}

/* All of 100 bytes is quoted. */
static void
test_short_packets_are_quoted_whole(void **state)
{
	static const uint8_t us[16] = {1};
	struct rte_mbuf *m4 = packet(4, 100), *m6 = packet(6, 101);

	(void)state;
	assert_true(pkt_icmp_error(m4, PKT_ICMP_TTL, 0, us, 64));
	assert_true(pkt_icmp_error(m6, PKT_ICMP_TTL, 0, us, 64));
	assert_int_equal(m4->pkt_len, 128);
	assert_int_equal(m6->pkt_len, 149);
	assert_int_equal(sum6(rte_pktmbuf_mtod(m6, const uint8_t *), 109), 0xffff);
	rte_pktmbuf_free(m4);
	rte_pktmbuf_free(m6);
}

static void
test_without_headroom_nothing_changes(void **state)
{
	static const uint8_t us[16] = {1};
	struct rte_mbuf *m = packet(4, 1000), *was = packet(4, 1000);

	(void)state;
	rte_pktmbuf_prepend(m, (uint16_t)(rte_pktmbuf_headroom(m) - PKT_ICMP_MAX_LEN + 1));
	memcpy(rte_pktmbuf_mtod(m, void *), rte_pktmbuf_mtod(was, void *), 1000);
	assert_false(pkt_icmp_error(m, PKT_ICMP_TTL, 0, us, 64));
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), rte_pktmbuf_mtod(was, void *), 1000);
	rte_pktmbuf_free(m);
	rte_pktmbuf_free(was);
}

/* What is quoted lies in the first segment; the others return to the pool. */
static void
test_chained(void **state)
{
	static const uint8_t us[16] = {1};
	unsigned int before = rte_mempool_avail_count(pool);
	struct rte_mbuf *m = packet(4, 1400), *tail = packet(4, 500);

	(void)state;
	assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
	assert_true(pkt_icmp_error(m, PKT_ICMP_TOO_BIG, 1300, us, 64));
	assert_int_equal(m->nb_segs, 1);
	assert_int_equal(m->pkt_len, 576);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_mempool_avail_count(pool), before);
}

int
main(void)
{
	struct CMUnitTest tests[RTE_DIM(may) + 5] = {
		cmocka_unit_test(test_error4),
		cmocka_unit_test(test_error6),
		cmocka_unit_test(test_short_packets_are_quoted_whole),
		cmocka_unit_test(test_without_headroom_nothing_changes),
		cmocka_unit_test(test_chained),
	};
	unsigned int i;

	if (test_eal_init())
		return 1;
	pool = rte_pktmbuf_pool_create("icmp", 63, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	if (!pool)
		return 1;
	for (i = 0; i < RTE_DIM(may); i++)
		tests[5 + i] = (struct CMUnitTest){.name = may[i].name,
			.test_func = test_who_is_told,
			.initial_state = (void *)(uintptr_t)&may[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
