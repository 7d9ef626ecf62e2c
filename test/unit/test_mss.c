/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MSS clamping to an MTU of 1420: 1380 over IPv4, 1360 over IPv6. A line is the options of a SYN,
 * before and after.
 */
#include "test_eal.h"

#include <string.h>

#include <rte_ip.h>

#include "mss.h"

#define MTU 1420

struct line {
	const char *name;
	uint8_t version;
	uint8_t flags; /* 2 SYN, 16 ACK */
	uint8_t words; /* of the TCP header that its data offset claims; 0: as many as there are */
	uint8_t len; /* of the options that there are */
	uint8_t before[16];
	uint8_t after[16];
};

#define SAME(...)                                                                                  \
	{__VA_ARGS__},                                                                             \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

static const struct line lines[] = {
	{"SYN, 1460", 4, 2, 0, 4, {2, 4, 0x05, 0xb4}, {2, 4, 0x05, 0x64}},
	{"SYN and ACK", 4, 18, 0, 4, {2, 4, 0x05, 0xb4}, {2, 4, 0x05, 0x64}},
	{"IPv6, 1440", 6, 2, 0, 4, {2, 4, 0x05, 0xa0}, {2, 4, 0x05, 0x50}},
	{"65535", 4, 2, 0, 4, {2, 4, 0xff, 0xff}, {2, 4, 0x05, 0x64}},
	{"1381", 4, 2, 0, 4, {2, 4, 0x05, 0x65}, {2, 4, 0x05, 0x64}},
	{"1380 fits", 4, 2, 0, 4, SAME(2, 4, 0x05, 0x64)},
	{"536 is left", 4, 2, 0, 4, SAME(2, 4, 0x02, 0x18)},
	{"no SYN", 4, 16, 0, 4, SAME(2, 4, 0x05, 0xb4)},
	{"no options", 4, 2, 0, 0, SAME(0)},
	{"behind others", 4, 2, 0, 12, {4, 2, 3, 3, 7, 1, 2, 4, 0x05, 0xb4, 1, 0},
		{4, 2, 3, 3, 7, 1, 2, 4, 0x05, 0x64, 1, 0}},
	{"at an odd offset", 4, 2, 0, 8, {1, 2, 4, 0x05, 0xb4, 0, 0, 0},
		{1, 2, 4, 0x05, 0x64, 0, 0, 0}},
	{"at an odd offset, IPv6", 6, 2, 0, 8, {1, 2, 4, 0xff, 0x01, 0, 0, 0},
		{1, 2, 4, 0x05, 0x50, 0, 0, 0}},
	{"behind the end", 4, 2, 0, 8, SAME(0, 1, 1, 1, 2, 4, 0x05, 0xb4)},
	{"twice", 4, 2, 0, 8, {2, 4, 0x05, 0xb4, 2, 4, 0x05, 0xb5},
		{2, 4, 0x05, 0x64, 2, 4, 0x05, 0x64}},
	{"option of length 0", 4, 2, 0, 8, SAME(8, 0, 0, 0, 2, 4, 0x05, 0xb4)},
	{"option of length 1", 4, 2, 0, 8, SAME(8, 1, 0, 0, 2, 4, 0x05, 0xb4)},
	{"option past the header", 4, 2, 0, 4, SAME(8, 5, 0x05, 0xb4)},
	{"kind without a length", 4, 2, 0, 4, SAME(1, 1, 1, 2)},
	{"MSS of length 3", 4, 2, 0, 4, SAME(2, 3, 0x05, 0xb4)},
	{"MSS of length 5", 4, 2, 0, 8, SAME(2, 5, 0x05, 0xb4, 0, 0, 0, 0)},
	{"MSS cut off", 4, 2, 0, 4, SAME(1, 2, 4, 0x05)},
	{"header past the packet", 4, 2, 15, 4, SAME(2, 4, 0x05, 0xb4)},
	{"header too short", 4, 2, 4, 4, SAME(2, 4, 0x05, 0xb4)},
};

struct packet {
	uint16_t l4;
	uint16_t len;
	uint8_t p[128];
};

static void
put_checksum(struct packet *k)
{
	uint8_t *tcp = k->p + k->l4;
	uint16_t csum;

	memset(tcp + 16, 0, 2);
	csum = k->l4 == 20 ? rte_ipv4_udptcp_cksum((void *)k->p, tcp)
			   : rte_ipv6_udptcp_cksum((void *)k->p, tcp);
	memcpy(tcp + 16, &csum, 2);
}

static struct packet
make(const struct line *l, const uint8_t *options)
{
	struct packet k = {.l4 = l->version == 4 ? 20 : 40};
	uint8_t *tcp = k.p + k.l4;

	k.len = (uint16_t)(k.l4 + 20 + l->len + 10);
	if (l->version == 4)
		memcpy(k.p,
			(const uint8_t[20]){0x45, 0, 0, (uint8_t)k.len, [8] = 64, 6, [12] = 10, 0,
				0, 1, 10, 0, 0, 2},
			20);
	else
		memcpy(k.p,
			(const uint8_t[40]){0x60, [5] = (uint8_t)(k.len - 40), 6, 64,
				0xfd, [23] = 1, 0xfd, [39] = 2},
			40);
	memcpy(tcp, (const uint8_t[]){0x12, 0x34, 0, 80, 1, 2, 3, 4}, 8);
	tcp[12] = (uint8_t)((l->words ? l->words : 5 + l->len / 4) << 4);
	tcp[13] = l->flags;
	memcpy(tcp + 20, options, l->len);
	memset(tcp + 20 + l->len, 0x77, 10);
	put_checksum(&k);
	return k;
}

static void
test_options(void **state)
{
	const struct line *l = *state;
	struct packet k = make(l, l->before), expected = make(l, l->after);
	struct pkt_ip ip;

	assert_int_equal(pkt_ip_parse(k.p, k.len, &ip), PKT_IP_OK);
	pkt_mss_clamp(k.p, &ip, MTU);
	assert_memory_equal(k.p, expected.p, sizeof(k.p));
}

/* A tail of a fragmented SYN could look like a header. */
static void
test_fragments_are_left(void **state)
{
	struct packet k = make(&lines[0], lines[0].before), before;
	struct pkt_ip ip;

	(void)state;
	k.p[6] = 0x20;
	before = k;
	assert_int_equal(pkt_ip_parse(k.p, k.len, &ip), PKT_IP_OK);
	pkt_mss_clamp(k.p, &ip, MTU);
	assert_memory_equal(k.p, before.p, sizeof(k.p));
}

/* Every length that cuts the header. */
static void
test_truncated(void **state)
{
	struct packet k = make(&lines[0], lines[0].before), before;
	struct pkt_ip ip;

	(void)state;
	for (k.p[3] = 20; k.p[3] < 44; k.p[3]++) {
		before = k;
		assert_int_equal(pkt_ip_parse(k.p, k.p[3], &ip), PKT_IP_OK);
		pkt_mss_clamp(k.p, &ip, MTU);
		assert_memory_equal(k.p, before.p, sizeof(k.p));
	}
}

static void
test_other_protocols_are_left(void **state)
{
	struct packet k = make(&lines[0], lines[0].before), before;
	struct pkt_ip ip;

	(void)state;
	k.p[9] = 17;
	before = k;
	assert_int_equal(pkt_ip_parse(k.p, k.len, &ip), PKT_IP_OK);
	pkt_mss_clamp(k.p, &ip, MTU);
	assert_memory_equal(k.p, before.p, sizeof(k.p));
}

int
main(void)
{
	struct CMUnitTest tests[RTE_DIM(lines) + 3] = {
		cmocka_unit_test(test_fragments_are_left),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_other_protocols_are_left),
	};
	unsigned int i;

	for (i = 0; i < RTE_DIM(lines); i++)
		tests[3 + i] = (struct CMUnitTest){.name = lines[i].name,
			.test_func = test_options,
			.initial_state = (void *)(uintptr_t)&lines[i]};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
