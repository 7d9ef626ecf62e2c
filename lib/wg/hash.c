/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <sodium.h>

#include "hash.h"

/*
 * libb2 takes the widest SIMD that the CPU has. But a block has to wait for the one before, and we
 * hash one or two: latency decides, not width, and the portable code of the same library is ahead,
 * 205 cycles a block against 465 on Zen 5. It is exported though not declared, hence weak: a libb2
 * without it serves as well, at its own speed.
 */
__attribute__((weak)) int blake2s_init_ref(blake2s_state *s, size_t out_len);
__attribute__((weak)) int
blake2s_init_key_ref(blake2s_state *s, size_t out_len, const void *key, size_t key_len);
__attribute__((weak)) int blake2s_update_ref(blake2s_state *s, const uint8_t *in, size_t len);
__attribute__((weak)) int blake2s_final_ref(blake2s_state *s, uint8_t *out, size_t out_len);

/* What a function works with, wiped by it. */
struct scratch {
	blake2s_state state;
	uint8_t pad[BLAKE2S_BLOCKBYTES];
	uint8_t digest[WG_HASH_LEN];
	uint8_t secret[WG_HASH_LEN];
	uint8_t block[WG_HASH_LEN + 1];
};

static void
init(blake2s_state *s)
{
	(blake2s_init_ref ? blake2s_init_ref : blake2s_init)(s, WG_HASH_LEN);
}

static void
init_mac(blake2s_state *s, const void *key, size_t len)
{
	(blake2s_init_key_ref ? blake2s_init_key_ref : blake2s_init_key)(s, WG_MAC_LEN, key, len);
}

static void
update(blake2s_state *s, const void *data, size_t len)
{
	(blake2s_update_ref ? blake2s_update_ref : blake2s_update)(s, data, len);
}

static void
final(blake2s_state *s, uint8_t *out, size_t len)
{
	(blake2s_final_ref ? blake2s_final_ref : blake2s_final)(s, out, len);
}

static void
hash(blake2s_state *s, uint8_t out[WG_HASH_LEN], const void *a, size_t a_len, const void *b,
	size_t b_len)
{
	init(s);
	update(s, a, a_len);
	update(s, b, b_len);
	final(s, out, WG_HASH_LEN);
}

void
wg_hash(uint8_t out[WG_HASH_LEN], const void *a, size_t a_len, const void *b, size_t b_len)
{
	blake2s_state s;

	hash(&s, out, a, a_len, b, b_len);
	sodium_memzero(&s, sizeof(s));
}

void
wg_mac(uint8_t out[WG_MAC_LEN], const void *key, size_t key_len, const void *data, size_t len)
{
	blake2s_state s;

	init_mac(&s, key, key_len);
	update(&s, data, len);
	final(&s, out, WG_MAC_LEN);
	sodium_memzero(&s, sizeof(s));
}

void
wg_mac_key_set(struct wg_mac_key *key, const uint8_t bytes[WG_HASH_LEN])
{
	init_mac(&key->state, bytes, WG_HASH_LEN);
}

void
wg_mac_public(uint8_t out[WG_MAC_LEN], const struct wg_mac_key *key, const void *data, size_t len)
{
	blake2s_state s = key->state;

	update(&s, data, len);
	final(&s, out, WG_MAC_LEN);
}

/* The half of HMAC with this padding. */
static void
keyed(struct scratch *s, uint8_t out[WG_HASH_LEN], const uint8_t key[WG_HASH_LEN], uint8_t padding,
	const void *data, size_t len)
{
	memset(s->pad, padding, sizeof(s->pad));
	for (size_t i = 0; i < WG_HASH_LEN; i++)
		s->pad[i] ^= key[i];
	hash(&s->state, out, s->pad, sizeof(s->pad), data, len);
}

static void
hmac(struct scratch *s, uint8_t out[WG_HASH_LEN], const uint8_t key[WG_HASH_LEN], const void *data,
	size_t len)
{
	keyed(s, s->digest, key, 0x36, data, len);
	keyed(s, out, key, 0x5c, s->digest, WG_HASH_LEN);
}

void
wg_kdf(uint8_t out1[WG_HASH_LEN], uint8_t out2[WG_HASH_LEN], uint8_t out3[WG_HASH_LEN],
	const uint8_t chaining_key[WG_HASH_LEN], const void *input, size_t len)
{
	uint8_t *const out[] = {out1, out2, out3};
	struct scratch s;
	size_t carried = 0;

	hmac(&s, s.secret, chaining_key, input, len);
	for (unsigned int i = 0; i < 3 && out[i]; i++) {
		s.block[carried] = i + 1;
		hmac(&s, s.block, s.secret, s.block, carried + 1);
		carried = WG_HASH_LEN;
		memcpy(out[i], s.block, WG_HASH_LEN);
	}
	sodium_memzero(&s, sizeof(s));
}
