/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hash functions of WireGuard (white paper, section 5.4): BLAKE2s (RFC 7693) from libb2, HMAC
 * (RFC 2104) and HKDF (RFC 5869) over it. Nothing secret stays on the stack. Any thread.
 */
#ifndef WG_HASH_H
#define WG_HASH_H

#include <stddef.h>
#include <stdint.h>

#include <blake2.h>

#include "messages.h"

/* BLAKE2s-256 of a and b one after the other. out may be a or b. */
void wg_hash(uint8_t out[WG_HASH_LEN], const void *a, size_t a_len, const void *b, size_t b_len);

/* BLAKE2s-128 with a key of up to 32 bytes. */
void wg_mac(uint8_t out[WG_MAC_LEN], const void *key, size_t key_len, const void *data, size_t len);

/*
 * The same with a key of WG_HASH_LEN bytes that is prepared once and is no secret, as mac1's: who
 * floods us makes us compute nothing else.
 */
struct wg_mac_key {
	blake2s_state state;
};

void wg_mac_key_set(struct wg_mac_key *key, const uint8_t bytes[WG_HASH_LEN]);
void
wg_mac_public(uint8_t out[WG_MAC_LEN], const struct wg_mac_key *key, const void *data, size_t len);

/*
 * HKDF: one to three outputs from a chaining key and an input; out2 and out3 may be NULL. Any
 * output may be the chaining key or the input.
 */
void wg_kdf(uint8_t out1[WG_HASH_LEN], uint8_t out2[WG_HASH_LEN], uint8_t out3[WG_HASH_LEN],
	const uint8_t chaining_key[WG_HASH_LEN], const void *input, size_t len);

#endif
