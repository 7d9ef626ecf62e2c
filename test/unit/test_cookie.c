/* SPDX-License-Identifier: BSD-3-Clause */
/* mac1, mac2, cookie replies and the rate limiter, against noise_model.py and by the clock. */
#include <arpa/inet.h>
#include <string.h>

#include <sodium.h>

#include "cookie.h"
#include "noise_vectors.h"
#include "ratelimiter.h"
#include "test_eal.h"

#define S WG_NS_PER_S
#define MS (WG_NS_PER_S / 1000)

/* Random bytes as the vectors have them: first the reply's nonce, then the cookie secret. */
struct script {
	unsigned int calls;
};

static void
scripted(void *ctx, void *buf, size_t len)
{
	struct script *script = ctx;

	if (len == sizeof(vector_cookie_nonce))
		memcpy(buf, vector_cookie_nonce, len);
	else if (len == sizeof(vector_cookie_secret))
		memcpy(buf, vector_cookie_secret, len);
	else
		memset(buf, 0x5a, len);
	/* Every secret but the first is another. */
	if (len == sizeof(vector_cookie_secret))
		((uint8_t *)buf)[0] ^= script->calls++;
}

static void
set_up(struct wg_cookie_checker *c, struct script *script)
{
	struct wg_random rnd = {scripted, script};

	script->calls = 0;
	wg_cookie_checker_init(c, &rnd);
	wg_cookie_checker_set_key(c, vector_public_r);
}

static struct wg_endpoint
source(const char *addr, uint16_t port)
{
	struct wg_endpoint e = {
		.family = strchr(addr, ':') ? AF_INET6 : AF_INET, .port = htons(port)};

	assert_int_equal(inet_pton(e.family, addr, e.addr), 1);
	return e;
}

static void
test_mac1(void **state)
{
	uint8_t msg[sizeof(vector_initiation)];
	struct wg_cookie_checker c;
	struct script script;

	RTE_SET_USED(state);
	set_up(&c, &script);
	memcpy(msg, vector_initiation, sizeof(msg));
	assert_true(wg_cookie_check_mac1(&c, msg, sizeof(msg)));
	for (size_t i = 0; i < sizeof(msg) - WG_MAC_LEN; i++) {
		msg[i] ^= 0x10;
		assert_false(wg_cookie_check_mac1(&c, msg, sizeof(msg)));
		msg[i] ^= 0x10;
	}
	wg_cookie_checker_set_key(&c, vector_public_i);
	assert_false(wg_cookie_check_mac1(&c, msg, sizeof(msg)));
}

static void
test_cookie_as_in_the_model(void **state)
{
	struct wg_endpoint from = source("192.0.2.7", 51820);
	uint8_t msg[sizeof(vector_initiation)];
	struct wg_cookie_reply reply;
	struct wg_cookie_checker c;
	struct wg_cookie cookie = {0};
	struct script script;

	RTE_SET_USED(state);
	set_up(&c, &script);
	memcpy(msg, vector_initiation, sizeof(msg));
	wg_cookie_add_macs(&cookie, vector_public_r, msg, sizeof(msg), S);
	assert_memory_equal(msg, vector_initiation, sizeof(msg));
	assert_false(wg_cookie_check_mac2(&c, msg, sizeof(msg), &from, S));

	wg_cookie_create_reply(&c, &reply, msg, sizeof(msg), &from, S);
	assert_memory_equal(&reply, vector_cookie_reply, sizeof(reply));

	assert_true(wg_cookie_consume_reply(&cookie, vector_public_r, &reply, S));
	assert_memory_equal(cookie.cookie, vector_cookie, sizeof(vector_cookie));
	wg_cookie_add_macs(&cookie, vector_public_r, msg, sizeof(msg), S);
	assert_memory_equal(msg, vector_initiation_mac2, sizeof(msg));
	assert_true(wg_cookie_check_mac2(&c, msg, sizeof(msg), &from, S));
}

static void
test_mac2_is_bound_to_the_source(void **state)
{
	struct wg_endpoint here = source("192.0.2.7", 51820), port = source("192.0.2.7", 51821),
			   addr = source("192.0.2.8", 51820);
	struct wg_cookie_checker c;
	struct script script;

	RTE_SET_USED(state);
	set_up(&c, &script);
	assert_true(wg_cookie_check_mac2(
		&c, vector_initiation_mac2, sizeof(vector_initiation_mac2), &here, S));
	assert_false(wg_cookie_check_mac2(
		&c, vector_initiation_mac2, sizeof(vector_initiation_mac2), &port, S));
	assert_false(wg_cookie_check_mac2(
		&c, vector_initiation_mac2, sizeof(vector_initiation_mac2), &addr, S));
}

/* An IPv6 address counts as a whole, not as its /64, which is for the rate limit. */
static void
test_cookie_for_ipv6(void **state)
{
	struct wg_endpoint here = source("2001:db8::7", 51820), port = source("2001:db8::7", 51821),
			   host = source("2001:db8::8", 51820), net = source("2001:db9::7", 51820);
	uint8_t msg[sizeof(vector_initiation)];
	struct wg_cookie_reply reply;
	struct wg_cookie_checker c;
	struct wg_cookie cookie = {0};
	struct script script;

	RTE_SET_USED(state);
	set_up(&c, &script);
	memcpy(msg, vector_initiation, sizeof(msg));
	wg_cookie_add_macs(&cookie, vector_public_r, msg, sizeof(msg), S);
	wg_cookie_create_reply(&c, &reply, msg, sizeof(msg), &here, S);
	assert_true(wg_cookie_consume_reply(&cookie, vector_public_r, &reply, S));
	wg_cookie_add_macs(&cookie, vector_public_r, msg, sizeof(msg), S);
	assert_true(wg_cookie_check_mac2(&c, msg, sizeof(msg), &here, S));
	assert_false(wg_cookie_check_mac2(&c, msg, sizeof(msg), &port, S));
	assert_false(wg_cookie_check_mac2(&c, msg, sizeof(msg), &host, S));
	assert_false(wg_cookie_check_mac2(&c, msg, sizeof(msg), &net, S));
}

/* The secret is made at 1 s: it serves until 121 s. */
static void
test_secret_changes_after_120_seconds(void **state)
{
	struct wg_endpoint from = source("192.0.2.7", 51820);
	struct wg_cookie_checker c;
	struct script script;

	RTE_SET_USED(state);
	set_up(&c, &script);
	assert_true(wg_cookie_check_mac2(&c, vector_initiation_mac2, 148, &from, 1 * S));
	assert_true(wg_cookie_check_mac2(&c, vector_initiation_mac2, 148, &from, 121 * S - 1));
	assert_int_equal(script.calls, 1);
	assert_false(wg_cookie_check_mac2(&c, vector_initiation_mac2, 148, &from, 121 * S));
	assert_int_equal(script.calls, 2);
}

static void
receive_cookie_at(struct wg_cookie *cookie, uint8_t msg[148], uint64_t now)
{
	memcpy(msg, vector_initiation, 148);
	wg_cookie_add_macs(cookie, vector_public_r, msg, 148, now);
	assert_true(wg_cookie_consume_reply(
		cookie, vector_public_r, (const void *)vector_cookie_reply, now));
}

/* A cookie received at 1 s is used until 116 s. */
static void
test_cookie_is_forgotten_after_115_seconds(void **state)
{
	const struct wg_macs *macs;
	struct wg_cookie cookie = {0};
	uint8_t msg[148];

	RTE_SET_USED(state);
	receive_cookie_at(&cookie, msg, 1 * S);
	macs = (const void *)(msg + 148 - sizeof(*macs));
	wg_cookie_add_macs(&cookie, vector_public_r, msg, 148, 116 * S - 1);
	assert_false(sodium_is_zero(macs->mac2, WG_MAC_LEN));
	wg_cookie_add_macs(&cookie, vector_public_r, msg, 148, 116 * S);
	assert_true(sodium_is_zero(macs->mac2, WG_MAC_LEN));
}

static void
test_cookie_reply_is_refused(void **state)
{
	struct wg_cookie cookie = {0}, before;
	struct wg_cookie_reply reply;
	uint8_t msg[148];

	RTE_SET_USED(state);
	memcpy(&reply, vector_cookie_reply, sizeof(reply));
	assert_false(wg_cookie_consume_reply(&cookie, vector_public_r, &reply, S));

	memcpy(msg, vector_initiation, sizeof(msg));
	wg_cookie_add_macs(&cookie, vector_public_r, msg, sizeof(msg), S);
	before = cookie;
	for (size_t i = offsetof(struct wg_cookie_reply, nonce); i < sizeof(reply); i++) {
		((uint8_t *)&reply)[i] ^= 0x04;
		assert_false(wg_cookie_consume_reply(&cookie, vector_public_r, &reply, S));
		((uint8_t *)&reply)[i] ^= 0x04;
	}
	assert_false(wg_cookie_consume_reply(&cookie, vector_public_i, &reply, S));
	assert_memory_equal(&cookie, &before, sizeof(cookie));
	assert_true(wg_cookie_consume_reply(&cookie, vector_public_r, &reply, S));
	assert_false(wg_cookie_consume_reply(&cookie, vector_public_r, &reply, S));
}

/* 20 a second with bursts of 5: one every 50 ms once the burst is spent. */
static void
test_rate_limit(void **state)
{
	static const struct {
		const char *from;
		uint64_t ms;
		bool allowed;
	} cases[] = {
		{"192.0.2.7", 1000, true},
		{"192.0.2.7", 1000, true},
		{"192.0.2.7", 1000, true},
		{"192.0.2.7", 1000, true},
		{"192.0.2.7", 1000, true},
		{"192.0.2.7", 1000, false},
		{"192.0.2.8", 1000, true},
		{"192.0.2.7", 1049, false},
		{"192.0.2.7", 1050, true},
		{"192.0.2.7", 1051, false},
		{"192.0.2.7", 1150, true},
		{"192.0.2.7", 1150, true},
		{"192.0.2.7", 1150, false},
		{"2001:db8::1", 2000, true},
		{"2001:db8::2", 2000, true},
		{"2001:db8::ffff:ffff:ffff:ffff", 2000, true},
		{"2001:db8::4", 2000, true},
		{"2001:db8::5", 2000, true},
		{"2001:db8::6", 2000, false},
		{"2001:db8:0:1::1", 2000, true},
	};
	struct script script = {0};
	struct wg_random rnd = {scripted, &script};
	struct wg_ratelimiter *rl = wg_ratelimiter_create(&rnd);

	RTE_SET_USED(state);
	assert_non_null(rl);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct wg_endpoint from = source(cases[i].from, 1024 + i);

		if (wg_ratelimiter_allow(rl, &from, cases[i].ms * MS) != cases[i].allowed)
			fail_msg("line %zu: %s at %u ms", i, cases[i].from,
				(unsigned int)cases[i].ms);
	}
	wg_ratelimiter_destroy(rl);
}

/* Memory for 8192 sources: of 100,000 at once some are refused, 250 ms later there is room again.
 */
static void
test_rate_limiter_is_bounded(void **state)
{
	struct script script = {0};
	struct wg_random rnd = {scripted, &script};
	struct wg_ratelimiter *rl = wg_ratelimiter_create(&rnd);
	struct wg_endpoint from = {.family = AF_INET};
	unsigned int allowed = 0;

	RTE_SET_USED(state);
	assert_non_null(rl);
	for (uint32_t i = 0; i < 100000; i++) {
		memcpy(from.addr, &i, sizeof(i));
		allowed += wg_ratelimiter_allow(rl, &from, S);
	}
	assert_int_equal(allowed, 8192);
	memset(from.addr, 0xff, 4);
	assert_false(wg_ratelimiter_allow(rl, &from, S));
	assert_true(wg_ratelimiter_allow(rl, &from, S + 250 * MS));
	wg_ratelimiter_destroy(rl);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mac1),
		cmocka_unit_test(test_cookie_as_in_the_model),
		cmocka_unit_test(test_mac2_is_bound_to_the_source),
		cmocka_unit_test(test_cookie_for_ipv6),
		cmocka_unit_test(test_secret_changes_after_120_seconds),
		cmocka_unit_test(test_cookie_is_forgotten_after_115_seconds),
		cmocka_unit_test(test_cookie_reply_is_refused),
		cmocka_unit_test(test_rate_limit),
		cmocka_unit_test(test_rate_limiter_is_bounded),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("cookie", tests, NULL, NULL);
}
