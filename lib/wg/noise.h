/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The handshake: Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s (white paper, section 5.4; the Noise
 * Protocol Framework, revision 34). Pure functions over messages and the states below; the macs at
 * the end of both messages are cookie.h's. Any thread, on values that are its own.
 *
 * Everything that takes a message is transactional: no state that outlives the call changes before
 * the message has authenticated. Every ephemeral and temporary secret is wiped before a function
 * returns, those in the structs, and what is below on the stack by then, by the functions that end
 * their use.
 */
#ifndef WG_NOISE_H
#define WG_NOISE_H

#include <stdbool.h>
#include <stdint.h>

#include "messages.h"
#include "rcu.h"

/* Our own keys. Secret: the device holds it in memory from sodium_malloc(), under RCU. */
struct wg_identity {
	bool set;
	uint32_t number; /* no two of a device have the same; not 0 */
	uint8_t private_key[WG_KEY_LEN];
	uint8_t public_key[WG_KEY_LEN];
	struct rcu_head rcu;
};

/* Noise's symmetric state. Secret. */
struct wg_noise {
	uint8_t hash[WG_HASH_LEN];
	uint8_t chaining_key[WG_HASH_LEN];
};

/*
 * Whether a secret can be agreed on with a peer: not with one whose public key is of low order, and
 * not without identity. Found out, and the secret kept, when first needed: a million idle peers
 * would cost the better part of a minute at start.
 */
enum wg_agreement {
	WG_AGREEMENT_UNTRIED,
	WG_AGREEMENT_POSSIBLE,
	WG_AGREEMENT_IMPOSSIBLE,
};

/* What handshakes with one peer need, part of the peer. Secret; wiped with it. */
struct wg_handshake {
	uint8_t remote_static[WG_KEY_LEN];
	uint8_t preshared_key[WG_KEY_LEN]; /* all zero: none */
	uint8_t static_static[WG_KEY_LEN]; /* DH of both static keys, when agreement is possible */
	enum wg_agreement agreement;
	uint8_t latest_timestamp[WG_TIMESTAMP_LEN];
	uint64_t last_consumed; /* ns, 0 for never */

	/* Our initiation, if it waits for a response. */
	bool waiting;
	uint32_t local_index;
	uint8_t ephemeral_private[WG_KEY_LEN];
	struct wg_noise noise;
};

/* A received initiation between its steps. Secret; the caller wipes it. */
struct wg_noise_responder {
	struct wg_noise noise;
	uint8_t remote_static[WG_KEY_LEN];
	uint8_t remote_ephemeral[WG_KEY_LEN];
	uint32_t remote_index;
};

/* A session's keys, as seen from here. Secret; the caller wipes it. */
struct wg_session_keys {
	uint8_t send[WG_KEY_LEN];
	uint8_t receive[WG_KEY_LEN];
};

/* Clamps the key and derives the public one. All zero: no identity. */
void wg_identity_set(struct wg_identity *id, const uint8_t private_key[WG_KEY_LEN]);

void wg_handshake_init(struct wg_handshake *hs, const uint8_t remote_static[WG_KEY_LEN]);
/* Our identity has changed. */
void wg_handshake_renew(struct wg_handshake *hs);
bool wg_handshake_possible(struct wg_handshake *hs, const struct wg_identity *id);
/*
 * What a copy of hs, worked on elsewhere, has found out: whether there is a secret; then, each
 * where it applies, our initiation, which now waits under an index, and a received one, unless hs
 * has taken one as new meanwhile.
 */
void wg_handshake_learn(struct wg_handshake *hs, const struct wg_handshake *copy);
void
wg_handshake_wait(struct wg_handshake *hs, const struct wg_handshake *copy, uint32_t local_index);
bool wg_handshake_take_initiation(struct wg_handshake *hs, const struct wg_handshake *copy);
/* Nobody waits for a response any longer. */
void wg_handshake_drop(struct wg_handshake *hs);

/*
 * Initiator. False, with nothing changed, when no secret can be agreed on with this peer. ephemeral
 * is 32 random bytes, wall_clock ns since 1970. The message lacks its macs.
 */
bool wg_noise_create_initiation(struct wg_initiation *msg, struct wg_handshake *hs,
	const struct wg_identity *id, uint32_t local_index, const uint8_t ephemeral[WG_KEY_LEN],
	uint64_t wall_clock);

/* Responder, first step: who is it? r->remote_static is authenticated by the next step only. */
bool wg_noise_open_initiation(struct wg_noise_responder *r, const struct wg_initiation *msg,
	const struct wg_identity *id);
/*
 * Second step, with the peer that r->remote_static names: authenticates, and refuses what is not
 * newer than the last initiation or comes less than WG_INITIATION_INTERVAL_MIN after it. now as in
 * device.h.
 */
bool wg_noise_accept_initiation(struct wg_noise_responder *r, const struct wg_initiation *msg,
	struct wg_handshake *hs, const struct wg_identity *id, uint64_t now);
/* Third step. False when the initiator's ephemeral key is of low order. The message lacks its macs.
 */
bool wg_noise_create_response(struct wg_response *msg, struct wg_noise_responder *r,
	const struct wg_handshake *hs, uint32_t local_index, const uint8_t ephemeral[WG_KEY_LEN],
	struct wg_session_keys *keys);

/* Initiator. On success hs no longer waits. */
bool wg_noise_consume_response(struct wg_handshake *hs, const struct wg_response *msg,
	const struct wg_identity *id, struct wg_session_keys *keys);

/* Wipes what the libraries have left of secrets on the stack: a thread's last step after the above.
 */
void wg_noise_leave(void);

#endif
