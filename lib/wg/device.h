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

#include "admission.h"
#include "index.h"
#include "job.h"
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
	/* peer is about to have a session, and needs a path from now on; it has none left, and does
	 * not. May be NULL both. */
	void (*path_needed)(void *ctx, struct wg_peer *peer);
	void (*path_not_needed)(void *ctx, struct wg_peer *peer);
	/* The handshake was given up or the peer is going: what waits for a session is to be
	 * dropped. */
	void (*purge)(void *ctx, struct wg_peer *peer);
	/* peer->endpoint is new or has changed: peer->path, if needed, must follow. */
	void (*endpoint_changed)(void *ctx, struct wg_peer *peer);
	/* peer is unpublished and will be freed after a grace period: peer->path must be let go. */
	void (*peer_removed)(void *ctx, struct wg_peer *peer);
	/* Copies job, to be run by any thread and then given to wg_device_proceed(); false: no room
	 * for it now. NULL: the device does both at once. */
	bool (*begin)(void *ctx, const struct wg_job *job);
	/* Wall clock in ns since 1970 (TAI64N of initiations) and random bytes, both replaceable in
	 * tests. */
	uint64_t (*wall_clock)(void *ctx);
	void (*random)(void *ctx, void *buf, size_t len);
};

struct wg_device_params {
	uint32_t max_peers; /* 1 to WG_PEERS_MAX */
	uint32_t lanes; /* crypto lcores, see index.h */
	struct rcu *rcu;
	const struct wg_ops *ops;
	void *ctx;
};

/* NULL and errno (EINVAL, ENOMEM) on failure. */
struct wg_device *wg_device_create(const struct wg_device_params *params);
/*
 * All readers must be offline. Removes every peer, with the calls that this entails, and wipes all
 * keys. NULL is allowed.
 */
void wg_device_destroy(struct wg_device *dev);

/*
 * Applies all of u or nothing (device_apply.c tells how). 0, -ENOMEM, -ENOSPC (more peers than
 * max_peers), -EAGAIN (so many were removed just now, or in u itself, that no slot is free before
 * the data path has let go of them) or -EINVAL. A peer with our own public key is silently ignored;
 * a new private key drops such a peer and all sessions. Keepalive from 0 to N makes the next tick
 * send one. Sessions of peers that keep their keys are not disturbed.
 */
int wg_device_apply(struct wg_device *dev, const struct wg_update *u, uint64_t now);

/*
 * As the tunnel's network device: down, a device has no sessions, makes and answers no handshake,
 * and what waits for a session is dropped. Up again, the next ticks speak to peers with a
 * persistent keepalive. It begins up.
 */
void wg_device_set_up(struct wg_device *dev, bool up, uint64_t now);

/*
 * A job that has been run. True: it is to be run again. False: it has ended, for the reason in
 * *refusal when it was a message.
 */
bool wg_device_proceed(
	struct wg_device *dev, struct wg_job *job, uint64_t now, enum wg_refusal *refusal);

/*
 * All of it in one call: a message of type 1 to 3 (or anything that is not type 4), admitted, run
 * and proceeded with here and now. under_load asks for cookies (mac2).
 */
enum wg_refusal wg_device_receive(struct wg_device *dev, const void *msg, size_t len,
	const struct wg_endpoint *from, bool under_load, uint64_t now);

/* What the data path reports, in any order and possibly more than once. */
void wg_device_session_wanted(struct wg_device *dev, uint32_t peer_id, uint64_t now);
/* An authenticated data message came in under the session with this local index: confirms key
 * slots. */
void wg_device_heard(struct wg_device *dev, uint32_t local_index, uint64_t now);
/* An authenticated data message of the peer came from another endpoint. */
void wg_device_roamed(struct wg_device *dev, uint32_t peer_id, const struct wg_endpoint *from);

/*
 * Runs timers that are due, a bounded number; returns when it wants to be called next (ns), which
 * is now when there are more, and UINT64_MAX for never.
 */
uint64_t wg_device_tick(struct wg_device *dev, uint64_t now);

/* For `wg show` and for writing configurations. The private key is all zero when none is set. */
const uint8_t *wg_device_private_key(const struct wg_device *dev);
uint16_t wg_device_listen_port(const struct wg_device *dev);
uint32_t wg_device_fwmark(const struct wg_device *dev);
size_t wg_device_peer_count(const struct wg_device *dev);

/*
 * A walk over the peers in order of addition, in as many steps as its owner likes: the device may
 * change in between. A peer that is there all the time is met once. next returns NULL at the end; a
 * walk is to be ended whether or not it came there, and before the device is destroyed.
 */
struct wg_walk {
	struct wg_peer *next;
	LIST_ENTRY(wg_walk) link;
};

void wg_walk_begin(struct wg_device *dev, struct wg_walk *walk);
struct wg_peer *wg_walk_next(struct wg_walk *walk);
void wg_walk_end(struct wg_walk *walk);

/* Any reader under RCU. Never NULL. */
const struct wg_identity *wg_device_identity(const struct wg_device *dev);

/* Data path (and control): tables that live as long as the device. */
struct wg_peer *wg_device_peer(const struct wg_device *dev, uint32_t peer_id);
/* The same for n ids, whose misses overlap; peers[i] is NULL when that one is gone. */
void wg_device_peers(
	const struct wg_device *dev, const uint32_t *ids, struct wg_peer **peers, unsigned int n);
const struct wg_index *wg_device_index(const struct wg_device *dev);
const struct wg_allowedips *wg_device_allowedips(const struct wg_device *dev);

#endif
