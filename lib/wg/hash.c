/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <sodium.h>

#include "hash.h"

void
wg_hash(uint8_t out[WG_HASH_LEN], const void *a, size_t a_len, const void *b, size_t b_len)
{
	blake2s_state s;

	blake2s_init(&s, WG_HASH_LEN);
	blake2s_update(&s, a, a_len);
	blake2s_update(&s, b, b_len);
	blake2s_final(&s, out, WG_HASH_LEN);
	sodium_memzero(&s, sizeof(s));
}

void
wg_mac(uint8_t out[WG_MAC_LEN], const void *key, size_t key_len, const void *data, size_t len)
{
	blake2s_state s;

	blake2s_init_key(&s, WG_MAC_LEN, key, key_len);
	blake2s_update(&s, data, len);
	blake2s_final(&s, out, WG_MAC_LEN);
	sodium_memzero(&s, sizeof(s));
}

void
wg_mac_key_set(struct wg_mac_key *key, const uint8_t bytes[WG_HASH_LEN])
{
	blake2s_init_key(&key->state, WG_MAC_LEN, bytes, WG_HASH_LEN);
}

void
wg_mac_public(uint8_t out[WG_MAC_LEN], const struct wg_mac_key *key, const void *data, size_t len)
{
	blake2s_state s = key->state;

	blake2s_update(&s, data, len);
	blake2s_final(&s, out, WG_MAC_LEN);
}

static void
hmac(uint8_t out[WG_HASH_LEN], const uint8_t key[WG_HASH_LEN], const void *data, size_t len)
{
	uint8_t inner[BLAKE2S_BLOCKBYTES], outer[BLAKE2S_BLOCKBYTES], digest[WG_HASH_LEN];

	for (size_t i = 0; i < BLAKE2S_BLOCKBYTES; i++) {
		uint8_t byte = i < WG_HASH_LEN ? key[i] : 0;

		inner[i] = byte ^ 0x36;
		outer[i] = byte ^ 0x5c;
	}
	wg_hash(digest, inner, sizeof(inner), data, len);
	wg_hash(out, outer, sizeof(outer), digest, sizeof(digest));
	sodium_memzero(inner, sizeof(inner));
	sodium_memzero(outer, sizeof(outer));
	sodium_memzero(digest, sizeof(digest));
}

void
wg_kdf(uint8_t out1[WG_HASH_LEN], uint8_t out2[WG_HASH_LEN], uint8_t out3[WG_HASH_LEN],
	const uint8_t chaining_key[WG_HASH_LEN], const void *input, size_t len)
{
	uint8_t *const out[] = {out1, out2, out3};
	uint8_t secret[WG_HASH_LEN], block[WG_HASH_LEN + 1];
	size_t carried = 0;

	hmac(secret, chaining_key, input, len);
	for (unsigned int i = 0; i < 3 && out[i]; i++) {
		block[carried] = i + 1;
		hmac(block, secret, block, carried + 1);
		carried = WG_HASH_LEN;
		memcpy(out[i], block, WG_HASH_LEN);
	}
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(block, sizeof(block));
}
