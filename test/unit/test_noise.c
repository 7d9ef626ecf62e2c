/* SPDX-License-Identifier: BSD-3-Clause */
/* The handshake against an independent model (noise_model.py), and against forged messages. */
#include <string.h>

#include <sodium.h>

#include "cookie.h"
#include "noise.h"
#include "noise_vectors.h"
#include "test_eal.h"

#define NOW UINT64_C(1000000000)
#define MS UINT64_C(1000000)

struct sides {
	struct wg_identity id_i, id_r;
	struct wg_handshake to_r, to_i;
};

static const uint8_t no_psk[WG_KEY_LEN];

/* The orders 1, 2, 4 and 8 on the curve and its twist, canonical and not (RFC 7748, section 7). */
static const uint8_t low_order[][WG_KEY_LEN] = {
	{0},
	{1},
	{0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
		0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f,
		0x49, 0xb8, 0x00},
	{0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
		0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0,
		0x9f, 0x11, 0x57},
	{0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0x7f},
	{0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0x7f},
	{0xee, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0x7f},
};

static void
set_up_sides(struct sides *s, const uint8_t psk[WG_KEY_LEN])
{
	wg_identity_set(&s->id_i, vector_private_i);
	wg_identity_set(&s->id_r, vector_private_r);
	wg_handshake_init(&s->to_r, vector_public_r);
	wg_handshake_init(&s->to_i, vector_public_i);
	memcpy(s->to_r.preshared_key, psk, WG_KEY_LEN);
	memcpy(s->to_i.preshared_key, psk, WG_KEY_LEN);
}

static void
initiate_at(struct sides *s, struct wg_initiation *msg, uint64_t wall_clock)
{
	struct wg_cookie cookie = {0};

	assert_true(wg_noise_create_initiation(
		msg, &s->to_r, &s->id_i, VECTOR_INDEX_I, vector_ephemeral_i, wall_clock));
	wg_cookie_add_macs(&cookie, vector_public_r, msg, sizeof(*msg), NOW);
}

static bool
accept_at(struct sides *s, const struct wg_initiation *msg, struct wg_noise_responder *r,
	uint64_t now)
{
	return wg_noise_open_initiation(r, msg, &s->id_r) &&
		memcmp(r->remote_static, vector_public_i, WG_KEY_LEN) == 0 &&
		wg_noise_accept_initiation(r, msg, &s->to_i, &s->id_r, now);
}

static void
respond(struct sides *s, struct wg_noise_responder *r, struct wg_response *msg,
	struct wg_session_keys *keys)
{
	struct wg_cookie cookie = {0};

	assert_true(wg_noise_create_response(
		msg, r, &s->to_i, VECTOR_INDEX_R, vector_ephemeral_r, keys));
	wg_cookie_add_macs(&cookie, vector_public_i, msg, sizeof(*msg), NOW);
	sodium_memzero(r, sizeof(*r));
	assert_true(sodium_is_zero((uint8_t *)r, sizeof(*r)));
}

static void
run_handshake(const uint8_t psk[WG_KEY_LEN], const uint8_t *response, const uint8_t *from_i,
	const uint8_t *from_r)
{
	struct wg_session_keys keys_i, keys_r;
	struct wg_noise_responder r;
	struct wg_initiation initiation;
	struct wg_response answer;
	struct sides s;

	set_up_sides(&s, psk);
	initiate_at(&s, &initiation, VECTOR_WALL_CLOCK);
	assert_memory_equal(&initiation, vector_initiation, sizeof(initiation));
	assert_true(accept_at(&s, &initiation, &r, NOW));
	assert_int_equal(r.remote_index, VECTOR_INDEX_I);
	respond(&s, &r, &answer, &keys_r);
	assert_memory_equal(&answer, response, sizeof(answer));
	assert_true(wg_noise_consume_response(&s.to_r, &answer, &s.id_i, &keys_i));

	assert_memory_equal(keys_i.send, from_i, WG_KEY_LEN);
	assert_memory_equal(keys_i.receive, from_r, WG_KEY_LEN);
	assert_memory_equal(keys_r.send, from_r, WG_KEY_LEN);
	assert_memory_equal(keys_r.receive, from_i, WG_KEY_LEN);
	assert_false(s.to_r.waiting);
	assert_true(sodium_is_zero(s.to_r.ephemeral_private, WG_KEY_LEN));
	assert_true(sodium_is_zero((uint8_t *)&s.to_r.noise, sizeof(s.to_r.noise)));
}

static void
test_same_bytes_as_the_model(void **state)
{
	RTE_SET_USED(state);
	run_handshake(no_psk, vector_response, vector_from_initiator, vector_from_responder);
	run_handshake(vector_psk, vector_psk_response, vector_psk_from_initiator,
		vector_psk_from_responder);
}

static void
test_public_keys(void **state)
{
	const uint8_t none[WG_KEY_LEN] = {0};
	struct wg_identity id;

	RTE_SET_USED(state);
	wg_identity_set(&id, vector_private_i);
	assert_true(id.set);
	assert_memory_equal(id.public_key, vector_public_i, WG_KEY_LEN);
	assert_int_equal(id.private_key[0] & 0x07, 0);
	assert_int_equal(id.private_key[31] & 0xc0, 0x40);
	wg_identity_set(&id, none);
	assert_false(id.set);
	assert_true(sodium_is_zero(id.public_key, WG_KEY_LEN));
}

/* The type is the receiver's business, the sender index nobody's, and the macs are not Noise's. */
static void
test_initiation_with_any_byte_flipped(void **state)
{
	struct wg_initiation msg;
	struct wg_noise_responder r;
	struct sides s, untouched;

	RTE_SET_USED(state);
	set_up_sides(&s, no_psk);
	assert_true(wg_handshake_possible(&s.to_i, &s.id_r));
	untouched = s;
	for (size_t i = offsetof(struct wg_initiation, ephemeral);
		i < offsetof(struct wg_initiation, macs); i++) {
		memcpy(&msg, vector_initiation, sizeof(msg));
		((uint8_t *)&msg)[i] ^= 0x01;
		assert_false(accept_at(&s, &msg, &r, NOW));
		assert_memory_equal(&s, &untouched, sizeof(s));
	}
	memcpy(&msg, vector_initiation, sizeof(msg));
	assert_true(accept_at(&s, &msg, &r, NOW));
}

static void
test_response_with_any_byte_flipped(void **state)
{
	struct wg_initiation initiation;
	struct wg_session_keys keys;
	struct sides s, untouched;
	struct wg_response msg;

	RTE_SET_USED(state);
	set_up_sides(&s, vector_psk);
	initiate_at(&s, &initiation, VECTOR_WALL_CLOCK);
	untouched = s;
	for (size_t i = offsetof(struct wg_response, receiver);
		i < offsetof(struct wg_response, macs); i++) {
		memcpy(&msg, vector_psk_response, sizeof(msg));
		((uint8_t *)&msg)[i] ^= 0x80;
		/* An X25519 public key has 255 bits: the last is ignored, but it is hashed. */
		assert_false(wg_noise_consume_response(&s.to_r, &msg, &s.id_i, &keys));
		assert_memory_equal(&s, &untouched, sizeof(s));
	}
	memcpy(&msg, vector_psk_response, sizeof(msg));
	assert_true(wg_noise_consume_response(&s.to_r, &msg, &s.id_i, &keys));
	assert_false(wg_noise_consume_response(&s.to_r, &msg, &s.id_i, &keys));
}

static void
test_other_preshared_key(void **state)
{
	struct wg_initiation initiation;
	struct wg_session_keys keys;
	struct wg_response msg;
	struct sides s;

	RTE_SET_USED(state);
	set_up_sides(&s, no_psk);
	initiate_at(&s, &initiation, VECTOR_WALL_CLOCK);
	memcpy(&msg, vector_psk_response, sizeof(msg));
	assert_false(wg_noise_consume_response(&s.to_r, &msg, &s.id_i, &keys));
}

/* Initiations at these wall clocks reach the responder at these times: ms after the first. */
static void
test_timestamps(void **state)
{
	static const struct {
		const char *why;
		uint64_t wall_ms, now_ms;
		bool accepted;
	} cases[] = {
		{"the first, received at time 1 s", 0, 0, true},
		{"a replay", 0, 1000, false},
		{"newer, 19 ms after the last accepted", 5000, 19, false},
		{"newer, 20 ms after the last accepted", 5000, 20, true},
		{"older than the last, newer than the first", 4000, 2000, false},
		{"newer by less than the grain of 2^24 ns", 5001, 2000, false},
		{"newer by more than the grain", 5017, 2000, true},
	};
	struct wg_initiation msg;
	struct wg_noise_responder r;
	struct sides s;

	RTE_SET_USED(state);
	set_up_sides(&s, no_psk);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		/* A whole second is a whole number of no grains: the wall clock begins at one. */
		initiate_at(&s, &msg, 1700000000 * WG_NS_PER_S + cases[i].wall_ms * MS);
		if (accept_at(&s, &msg, &r, NOW + cases[i].now_ms * MS) != cases[i].accepted)
			fail_msg("%s", cases[i].why);
	}
}

static void
test_low_order_keys(void **state)
{
	struct wg_initiation initiation;
	struct wg_session_keys keys;
	struct wg_noise_responder r;
	struct wg_handshake hs;
	struct wg_response msg;
	struct sides s;

	RTE_SET_USED(state);
	set_up_sides(&s, no_psk);
	for (size_t i = 0; i < RTE_DIM(low_order); i++) {
		wg_handshake_init(&hs, low_order[i]);
		assert_false(wg_noise_create_initiation(&initiation, &hs, &s.id_i, VECTOR_INDEX_I,
			vector_ephemeral_i, VECTOR_WALL_CLOCK));
		assert_false(hs.waiting);

		memcpy(&initiation, vector_initiation, sizeof(initiation));
		memcpy(initiation.ephemeral, low_order[i], WG_KEY_LEN);
		assert_false(wg_noise_open_initiation(&r, &initiation, &s.id_r));

		initiate_at(&s, &initiation, VECTOR_WALL_CLOCK);
		memcpy(&msg, vector_response, sizeof(msg));
		memcpy(msg.ephemeral, low_order[i], WG_KEY_LEN);
		assert_false(wg_noise_consume_response(&s.to_r, &msg, &s.id_i, &keys));
	}
}

static void
test_without_identity(void **state)
{
	struct wg_identity none = {0};
	struct wg_initiation msg;
	struct sides s;

	RTE_SET_USED(state);
	set_up_sides(&s, no_psk);
	assert_false(wg_noise_create_initiation(
		&msg, &s.to_r, &none, VECTOR_INDEX_I, vector_ephemeral_i, VECTOR_WALL_CLOCK));
	wg_handshake_renew(&s.to_r);
	assert_true(wg_noise_create_initiation(
		&msg, &s.to_r, &s.id_i, VECTOR_INDEX_I, vector_ephemeral_i, VECTOR_WALL_CLOCK));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_bytes_as_the_model),
		cmocka_unit_test(test_public_keys),
		cmocka_unit_test(test_initiation_with_any_byte_flipped),
		cmocka_unit_test(test_response_with_any_byte_flipped),
		cmocka_unit_test(test_other_preshared_key),
		cmocka_unit_test(test_timestamps),
		cmocka_unit_test(test_low_order_keys),
		cmocka_unit_test(test_without_identity),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests_name("noise", tests, NULL, NULL);
}
