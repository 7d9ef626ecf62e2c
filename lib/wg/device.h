/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A WireGuard device: identity, peers, sessions and their timers, as one state machine in the
 * caller's time. The control thread alone calls everything here that is not marked "data path".
 *
 * now is ns of a monotonic clock that the caller chooses and that must not be 0. What the device
 * wants done it asks for through struct wg_ops, from within the call that caused it.
 */
#ifndef WG_DEVICE_H
#define WG_DEVICE_H

#include <stdint.h>

#include "index.h"
#include "peer.h"
#include "update.h"

struct wg_device;

struct wg_ops {
	/* A handshake message or cookie reply for `to`. peer is NULL for a cookie reply. */
	void (*send)(void *ctx, struct wg_peer *peer, const struct wg_endpoint *to, const void *msg,
		size_t len);
	/* An empty data message to peer, through the crypto stage, under the current session. */
	void (*send_keepalive)(void *ctx, struct wg_peer *peer);
	/* peer->current has become usable: what waits for it may go. */
	void (*session_up)(void *ctx, struct wg_peer *peer);
	/* The handshake was given up or the peer is going: what waits for a session is to be
	 * dropped. */
	void (*purge)(void *ctx, struct wg_peer *peer);
	/* peer->endpoint is new or has changed: peer->path must follow. */
	void (*endpoint_changed)(void *ctx, struct wg_peer *peer);
	/* peer is unpublished and will be freed after a grace period: peer->path must be let go. */
	void (*peer_removed)(void *ctx, struct wg_peer *peer);
	/* Wall clock in ns since 1970 (TAI64N of initiations) and random bytes, both replaceable in
	 * tests. */
	uint64_t (*wall_clock)(void *ctx);
	void (*random)(void *ctx, void *buf, size_t len);
};

struct wg_device_params {
	uint32_t max_peers; /* 1 to WG_PEER_SLOTS_MAX */
	uint32_t lanes; /* crypto lcores, see index.h */
	struct rcu *rcu;
	const struct wg_ops *ops;
	void *ctx;
};

/* One line per way to refuse a message: name, help. The caller keeps the counters. */
#define WG_REFUSALS(X)                                                                             \
	X(LENGTH, "handshake message of a wrong length")                                           \
	X(TYPE, "unknown message type")                                                            \
	X(NO_IDENTITY, "no private key is set")                                                    \
	X(MAC1, "mac1 does not match our public key")                                              \
	X(UNDER_LOAD, "cookie reply sent instead of an answer")                                    \
	X(RATE_LIMIT, "too many handshakes from this source")                                      \
	X(INITIATION, "initiation does not authenticate, is unknown, old or too early")            \
	X(RESPONSE, "response does not authenticate or nobody waits for it")                       \
	X(COOKIE, "cookie reply does not authenticate or nobody waits for it")                     \
	X(RESOURCES, "no index or memory for a session")

enum wg_refusal {
	WG_OK,
#define X(name, help) WG_REFUSED_##name,
	WG_REFUSALS(X)
#undef X
		WG_REFUSAL_COUNT,
};

/* NULL and errno (EINVAL, ENOMEM) on failure. */
struct wg_device *wg_device_create(const struct wg_device_params *params);
/*
 * All readers must be offline. Removes every peer, with the calls that this entails, and wipes all
 * keys. NULL is allowed.
 */
void wg_device_destroy(struct wg_device *dev);

/*
 * Applies all of u or nothing (device_apply.c tells how, and of a reservation about memory). 0,
 * -ENOMEM, -ENOSPC (more peers than max_peers) or -EINVAL. A peer with our own public key is
 * silently ignored; a new private key drops such a peer and all sessions. Keepalive from 0 to N
 * sends one at once. Sessions of peers that keep their keys are not disturbed.
 */
int wg_device_apply(struct wg_device *dev, const struct wg_update *u, uint64_t now);

/* A message of type 1 to 3 (or anything that is not type 4). under_load asks for cookies (mac2). */
enum wg_refusal wg_device_receive(struct wg_device *dev, const void *msg, size_t len,
	const struct wg_endpoint *from, bool under_load, uint64_t now);

/* What the data path reports, in any order and possibly more than once. */
void wg_device_session_wanted(struct wg_device *dev, uint32_t peer_id, uint64_t now);
/* An authenticated data message came in under the session with this local index: confirms key
 * slots. */
void wg_device_heard(struct wg_device *dev, uint32_t local_index, uint64_t now);
/* An authenticated data message of the peer came from another endpoint. */
void wg_device_roamed(struct wg_device *dev, uint32_t peer_id, const struct wg_endpoint *from);

/* Runs the timers due; returns when it wants to be called next (ns), UINT64_MAX for never. */
uint64_t wg_device_tick(struct wg_device *dev, uint64_t now);

/* For `wg show` and for writing configurations. The private key is all zero when none is set. */
const uint8_t *wg_device_private_key(const struct wg_device *dev);
const uint8_t *wg_device_public_key(const struct wg_device *dev);
uint16_t wg_device_listen_port(const struct wg_device *dev);
uint32_t wg_device_fwmark(const struct wg_device *dev);
size_t wg_device_peer_count(const struct wg_device *dev);
/* In order of addition; fn must not change the device. */
void wg_device_walk(struct wg_device *dev, void (*fn)(struct wg_peer *peer, void *ctx), void *ctx);
struct wg_peer *wg_device_find(struct wg_device *dev, const uint8_t public_key[WG_KEY_LEN]);

/* Data path (and control): tables that live as long as the device. */
struct wg_peer *wg_device_peer(const struct wg_device *dev, uint32_t peer_id);
/* Ask for the memory that wg_device_peer() reads: first the slot, and when that is there the peer.
 */
void wg_device_fetch_slot(const struct wg_device *dev, uint32_t peer_id);
void wg_device_fetch_peer(const struct wg_device *dev, uint32_t peer_id);
const struct wg_index *wg_device_index(const struct wg_device *dev);
const struct wg_allowedips *wg_device_allowedips(const struct wg_device *dev);

#endif
