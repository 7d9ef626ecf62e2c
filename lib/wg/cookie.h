/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mac1, mac2 and cookies (white paper, sections 5.3 and 5.4.4 and 5.4.7): proof that the sender of
 * a handshake message knows our public key and, under load, that it is where it says it is.
 *
 * len is that of the whole message; the macs are its last 32 bytes. A struct belongs to one thread.
 * Times are ns as in device.h.
 */
#ifndef WG_COOKIE_H
#define WG_COOKIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"
#include "hash.h"
#include "messages.h"
#include "random.h"

/* What a peer has asked us to prove ourselves with. Secret from third parties; part of the peer. */
struct wg_cookie {
	uint64_t birth; /* 0: no cookie */
	uint8_t cookie[WG_COOKIE_LEN];
	uint8_t last_mac1[WG_MAC_LEN];
	bool awaited; /* last_mac1 is that of a message which no cookie reply has answered yet */
};

/* What we check others with. secret is one; the device wipes it. */
struct wg_cookie_checker {
	struct wg_mac_key mac1_key;
	uint8_t cookie_key[WG_HASH_LEN];
	uint8_t secret[WG_HASH_LEN];
	uint64_t secret_birth; /* 0: none yet */
	struct wg_random random;
};

void wg_cookie_checker_init(struct wg_cookie_checker *c, const struct wg_random *rnd);
void wg_cookie_checker_set_key(struct wg_cookie_checker *c, const uint8_t public_key[WG_KEY_LEN]);

bool wg_cookie_check_mac1(const struct wg_cookie_checker *c, const void *msg, size_t len);
/* Against the cookie of that source at this time; renews the secret when it is too old. */
bool wg_cookie_check_mac2(struct wg_cookie_checker *c, const void *msg, size_t len,
	const struct wg_endpoint *from, uint64_t now);
/* The answer to msg, an initiation or a response. */
void wg_cookie_create_reply(struct wg_cookie_checker *c, struct wg_cookie_reply *reply,
	const void *msg, size_t len, const struct wg_endpoint *from, uint64_t now);

/* Fills the macs of a message to the owner of public_key; mac2 is zero without a fresh cookie. */
void wg_cookie_add_macs(struct wg_cookie *cookie, const uint8_t public_key[WG_KEY_LEN], void *msg,
	size_t len, uint64_t now);
/* False, with nothing changed, when it does not answer the last message to this peer. */
bool wg_cookie_consume_reply(struct wg_cookie *cookie, const uint8_t public_key[WG_KEY_LEN],
	const struct wg_cookie_reply *reply, uint64_t now);

#endif
