/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WireGuard on the wire: message layouts and protocol constants (WireGuard white paper, sections 5
 * and 6). Integers are little-endian; the layouts have no padding.
 */
#ifndef WG_MESSAGES_H
#define WG_MESSAGES_H

#include <stdint.h>

#include <rte_byteorder.h>

#define WG_NS_PER_S UINT64_C(1000000000)

enum wg_sizes {
	WG_KEY_LEN = 32,
	WG_HASH_LEN = 32,
	WG_TAG_LEN = 16,
	WG_MAC_LEN = 16,
	WG_COOKIE_LEN = 16,
	WG_COOKIE_NONCE_LEN = 24,
	WG_TIMESTAMP_LEN = 12,
};

enum wg_message_type {
	WG_MESSAGE_INITIATION = 1,
	WG_MESSAGE_RESPONSE = 2,
	WG_MESSAGE_COOKIE = 3,
	WG_MESSAGE_DATA = 4,
};

/* Limits of a session's life, in ns and messages (white paper, section 6.1). */
#define WG_REKEY_AFTER_MESSAGES (UINT64_C(1) << 60)
#define WG_REJECT_AFTER_MESSAGES (UINT64_MAX - (UINT64_C(1) << 13))
#define WG_REKEY_AFTER_TIME (120 * WG_NS_PER_S)
#define WG_REJECT_AFTER_TIME (180 * WG_NS_PER_S)
#define WG_REKEY_TIMEOUT (5 * WG_NS_PER_S)
#define WG_REKEY_ATTEMPT_TIME (90 * WG_NS_PER_S)
#define WG_REKEY_JITTER_MAX (333 * WG_NS_PER_S / 1000)
#define WG_KEEPALIVE_TIMEOUT (10 * WG_NS_PER_S)
#define WG_COOKIE_SECRET_MAX_AGE (120 * WG_NS_PER_S)
#define WG_COOKIE_LATENCY (5 * WG_NS_PER_S)
#define WG_INITIATION_INTERVAL_MIN (WG_NS_PER_S / 50)

/* DSCP AF41, ECN 0: handshake messages are few and everything waits for them. */
#define WG_HANDSHAKE_TOS 0x88

/* type is the message type in the first byte and three zero bytes: one little-endian word. */
struct wg_macs {
	uint8_t mac1[WG_MAC_LEN];
	uint8_t mac2[WG_MAC_LEN];
} __rte_packed;

struct wg_initiation {
	rte_le32_t type;
	rte_le32_t sender;
	uint8_t ephemeral[WG_KEY_LEN];
	uint8_t encrypted_static[WG_KEY_LEN + WG_TAG_LEN];
	uint8_t encrypted_timestamp[WG_TIMESTAMP_LEN + WG_TAG_LEN];
	struct wg_macs macs;
} __rte_packed;

struct wg_response {
	rte_le32_t type;
	rte_le32_t sender;
	rte_le32_t receiver;
	uint8_t ephemeral[WG_KEY_LEN];
	uint8_t encrypted_nothing[WG_TAG_LEN];
	struct wg_macs macs;
} __rte_packed;

struct wg_cookie_reply {
	rte_le32_t type;
	rte_le32_t receiver;
	uint8_t nonce[WG_COOKIE_NONCE_LEN];
	uint8_t encrypted_cookie[WG_COOKIE_LEN + WG_TAG_LEN];
} __rte_packed;

/* Followed by the ciphertext and its tag. */
struct wg_data {
	rte_le32_t type;
	rte_le32_t receiver;
	rte_le64_t counter;
} __rte_packed;

#define WG_DATA_LEN_MIN (sizeof(struct wg_data) + WG_TAG_LEN)

_Static_assert(sizeof(struct wg_initiation) == 148, "initiation is 148 bytes");
_Static_assert(sizeof(struct wg_response) == 92, "response is 92 bytes");
_Static_assert(sizeof(struct wg_cookie_reply) == 64, "cookie reply is 64 bytes");
_Static_assert(sizeof(struct wg_data) == 16, "data header is 16 bytes");

#endif
