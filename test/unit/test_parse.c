/* SPDX-License-Identifier: BSD-3-Clause */
/* The values of configuration files and UAPI: tables of good and of bad ones. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "parse.h"
#include "test_eal.h"

/* Bytes 0 to 31. */
#define KEY_BASE64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_HEX "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

#define assert_refused(reason, value)                                                              \
	do {                                                                                       \
		if (!(reason))                                                                     \
			fail_msg("`%s' is accepted", value);                                       \
	} while (0)

#define assert_accepted(reason, value)                                                             \
	do {                                                                                       \
		if (reason)                                                                        \
			fail_msg("`%s' %s", value, reason);                                        \
	} while (0)

static void
assert_counting_bytes(const uint8_t key[WG_KEY_LEN])
{
	for (int i = 0; i < WG_KEY_LEN; i++)
		assert_int_equal(key[i], i);
}

static void
test_keys(void **state)
{
	static const char *const bad_base64[] = {"", "AAEC", KEY_BASE64 "A", KEY_BASE64 "=",
		KEY_HEX, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", /* no padding */
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", /* bits past the 32nd byte */
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A", /* 33 bytes */
		"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", /* 31 bytes */
		"AAECAwQFBgcICQoLDA0OD-AREhMUFRYXGBkaGxwdHh8=", /* URL alphabet */
		"AAECAwQFBgcICQoLDA0OD AREhMUFRYXGBkaGxwdHh8="};
	static const char *const bad_hex[] = {"", "00", KEY_HEX "00", KEY_BASE64,
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1",
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1g",
		"0x0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"};
	uint8_t key[WG_KEY_LEN] = {0};

	(void)state;
	assert_accepted(tg_parse_key_base64(KEY_BASE64, key), KEY_BASE64);
	assert_counting_bytes(key);
	for (size_t i = 0; i < RTE_DIM(bad_base64); i++)
		assert_refused(tg_parse_key_base64(bad_base64[i], key), bad_base64[i]);
	assert_counting_bytes(key);
	memset(key, 0, sizeof(key));
	assert_accepted(tg_parse_key_hex(KEY_HEX, key), KEY_HEX);
	assert_counting_bytes(key);
	for (size_t i = 0; i < RTE_DIM(bad_hex); i++)
		assert_refused(tg_parse_key_hex(bad_hex[i], key), bad_hex[i]);
	assert_counting_bytes(key);
}

static void
test_endpoints(void **state)
{
	static const struct {
		const char *value;
		int family;
		const char *addr;
		uint16_t port;
	} good[] = {
		{"192.0.2.1:51820", AF_INET, "192.0.2.1", 51820},
		{"255.255.255.255:65535", AF_INET, "255.255.255.255", 65535},
		{"[2001:db8::1]:1", AF_INET6, "2001:db8::1", 1},
		{"[::ffff:192.0.2.1]:53", AF_INET6, "::ffff:192.0.2.1", 53},
	};
	static const char *const bad[] = {"", ":", ":51820", "192.0.2.1",
		"192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:+1", "192.0.2.1: 1",
		"192.0.2.1:0x10", "192.0.2.1:1:2", "192.0.2:1", "192.0.2.256:1",
		"2001:db8::1:51820", "[2001:db8::1]", "[2001:db8::1]51820", "[2001:db8::1:51820",
		"[]:1", "[192.0.2.1]:1", "[fe80::1%lo]:1", "localhost:1"};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(good); i++) {
		struct wg_endpoint ep,
			expected = {.family = good[i].family, .port = htons(good[i].port)};

		inet_pton(good[i].family, good[i].addr, expected.addr);
		memset(&ep, 0xff, sizeof(ep));
		assert_accepted(tg_parse_endpoint(good[i].value, &ep), good[i].value);
		assert_true(wg_endpoint_equal(&ep, &expected));
	}
	for (size_t i = 0; i < RTE_DIM(bad); i++) {
		struct wg_endpoint ep = {.port = 7};

		assert_refused(tg_parse_endpoint(bad[i], &ep), bad[i]);
		assert_int_equal(ep.port, 7);
	}
}

static void
test_names_are_resolved(void **state)
{
	struct wg_endpoint ep = {0};
	char too_long[400];

	(void)state;
	assert_null(tg_resolve_endpoint("192.0.2.1:51820", &ep));
	assert_int_equal(ep.family, AF_INET);
	assert_null(tg_resolve_endpoint("localhost:443", &ep));
	assert_true(ep.family == AF_INET || ep.family == AF_INET6);
	assert_int_equal(ep.port, htons(443));
	assert_int_equal(ep.addr[ep.family == AF_INET ? 0 : 15], ep.family == AF_INET ? 127 : 1);

	/* A name with an empty label is refused without a question to any server. */
	assert_string_equal(
		tg_resolve_endpoint("no..such:1", &ep), "does not resolve to an address");
	assert_refused(tg_resolve_endpoint("localhost", &ep), "localhost");
	assert_refused(tg_resolve_endpoint("[localhost]:1", &ep), "[localhost]:1");
	memset(too_long, 'a', sizeof(too_long));
	strcpy(too_long + sizeof(too_long) - 4, ":51");
	assert_refused(tg_resolve_endpoint(too_long, &ep), too_long);
}

static void
test_prefixes(void **state)
{
	static const struct {
		const char *value;
		const char *addr;
		uint8_t len;
	} good[] = {
		{"10.0.0.0/8", "10.0.0.0", 8},
		{"10.1.2.3", "10.1.2.3", 32},
		{"0.0.0.0/0", "0.0.0.0", 0},
		{"255.255.255.255/0", "0.0.0.0", 0},
		{"10.1.2.255/25", "10.1.2.128", 25},
		{"10.1.2.3/31", "10.1.2.2", 31},
		{"10.1.2.3/032", "10.1.2.3", 32},
		{"::/0", "::", 0},
		{"fd00::1", "fd00::1", 128},
		{"2001:db8:ffff:ffff::1/47", "2001:db8:fffe::", 47},
		{"2001:db8::ff/121", "2001:db8::80", 121},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127",
			"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", 127},
	};
	static const char *const bad[] = {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/8/8", "10.0.0.0/8 ", "10.0.0/8", "10.0.0.256/8", "fd00::/129", "fd00::/",
		"fd00:::/8", "fd00::/0x10", "-10.0.0.0/8", "+10.0.0.0/8", "localhost/8",
		"10.0.0.0/4294967328", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127"};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(good); i++) {
		struct lpm_prefix prefix, expected = {.len = good[i].len};

		expected.family = strchr(good[i].addr, ':') ? AF_INET6 : AF_INET;
		inet_pton(expected.family, good[i].addr, expected.addr);
		memset(&prefix, 0xff, sizeof(prefix));
		assert_accepted(tg_parse_prefix(good[i].value, &prefix), good[i].value);
		assert_memory_equal(&prefix, &expected, sizeof(prefix));
	}
	for (size_t i = 0; i < RTE_DIM(bad); i++) {
		struct lpm_prefix prefix = {.len = 7};

		assert_refused(tg_parse_prefix(bad[i], &prefix), bad[i]);
		assert_int_equal(prefix.len, 7);
	}
}

static void
test_numbers_of_16_bits(void **state)
{
	static const struct {
		const char *value;
		long port, keepalive, weight, window; /* -1: refused */
	} cases[] = {
		{"0", 0, 0, -1, -1},
		{"1", 1, 1, 1, 1},
		{"0025", 25, 25, 25, 25},
		{"1024", 1024, 1024, 1024, 1024},
		{"1025", 1025, 1025, -1, 1025},
		{"8128", 8128, 8128, -1, 8128},
		{"8129", 8129, 8129, -1, -1},
		{"65535", 65535, 65535, -1, -1},
		{"65536", -1, -1, -1, -1},
		{"18446744073709551617", -1, -1, -1, -1}, /* 1 modulo 2^64 */
		{"off", -1, 0, -1, -1},
		{"OFF", -1, 0, -1, -1},
		{"0x10", -1, -1, -1, -1},
		{"", -1, -1, -1, -1},
		{"-1", -1, -1, -1, -1},
		{"+1", -1, -1, -1, -1},
		{" 1", -1, -1, -1, -1},
		{"1s", -1, -1, -1, -1},
		{"1.5", -1, -1, -1, -1},
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		const char *value = cases[i].value;
		uint16_t n;

		assert_int_equal(tg_parse_port(value, &n) ? -1 : n, cases[i].port);
		assert_int_equal(tg_parse_keepalive(value, &n) ? -1 : n, cases[i].keepalive);
		assert_int_equal(tg_parse_weight(value, &n) ? -1 : n, cases[i].weight);
		assert_int_equal(tg_parse_replay_window(value, &n) ? -1 : n, cases[i].window);
	}
}

static void
test_rates(void **state)
{
	static const struct {
		const char *value;
		uint64_t rate; /* bytes per s */
	} good[] = {{"0", 0}, {"off", 0}, {"OFF", 0}, {"8", 1}, {"8bit", 1}, {"15", 1}, {"16", 2},
		{"1kbit", 125}, {"64KBIT", 8000}, {"50mbit", 6250000}, {"50Mbit", 6250000},
		{"0050mbit", 6250000}, {"1gbit", 125000000}, {"400gbit", 50000000000},
		{"1000gbit", 125000000000}, {"1000000mbit", 125000000000},
		{"4000000000", 500000000}};
	static const char *const bad[] = {"", "7", "7bit", "0bit", "0mbit", "mbit", "bit", "-8",
		"+8", " 8", "8 ", "50 mbit", "1.5mbit", "0x10mbit", "50m", "50mbits", "50mbit/s",
		"50mbyte", "1001gbit", "1000001mbit", "4294967296", "18446744073709551617mbit",
		"100000000000000000000000000", "offf", "on"};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(good); i++) {
		uint64_t rate = 7;

		assert_accepted(tg_parse_rate(good[i].value, &rate), good[i].value);
		assert_int_equal(rate, good[i].rate);
	}
	for (size_t i = 0; i < RTE_DIM(bad); i++) {
		uint64_t rate = 7;

		assert_refused(tg_parse_rate(bad[i], &rate), bad[i]);
		assert_int_equal(rate, 7);
	}
}

static void
test_switches(void **state)
{
	static const char *const on[] = {"on", "On", "ON", "1"};
	static const char *const off[] = {"off", "Off", "OFF", "0"};
	static const char *const bad[] = {
		"", "2", "01", "yes", "no", "true", "false", "o", "of", "onn", " on"};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(on); i++) {
		bool yes = false, no = true;

		assert_accepted(tg_parse_switch(on[i], &yes), on[i]);
		assert_true(yes);
		assert_accepted(tg_parse_switch(off[i], &no), off[i]);
		assert_false(no);
	}
	for (size_t i = 0; i < RTE_DIM(bad); i++) {
		bool yes = true;

		assert_refused(tg_parse_switch(bad[i], &yes), bad[i]);
		assert_true(yes);
	}
}

static void
test_fwmark(void **state)
{
	static const struct {
		const char *value;
		uint32_t mark;
	} good[] = {{"0", 0}, {"off", 0}, {"Off", 0}, {"51820", 51820}, {"4294967295", 0xffffffff},
		{"0x0", 0}, {"0xca6c", 0xca6c}, {"0xFFFFFFFF", 0xffffffff}};
	static const char *const bad[] = {"", "0x", "x10", "10h", "ca6c", "0x100000000",
		"4294967296", "-1", "0x-1", "0xx1", "offf"};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(good); i++) {
		uint32_t mark = 7;

		assert_accepted(tg_parse_fwmark(good[i].value, &mark), good[i].value);
		assert_int_equal(mark, good[i].mark);
	}
	for (size_t i = 0; i < RTE_DIM(bad); i++) {
		uint32_t mark = 7;

		assert_refused(tg_parse_fwmark(bad[i], &mark), bad[i]);
		assert_int_equal(mark, 7);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_names_are_resolved),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_numbers_of_16_bits),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_switches),
		cmocka_unit_test(test_fwmark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
