/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is to be done next for a peer, and when: a pure function of the peer's state. timers.c tells
 * all the rules. Control thread only. Times are ns as in device.h.
 */
#ifndef WG_TIMERS_H
#define WG_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

#include "wheel.h"

struct wg_peer;

/* Part of the peer. 0 is never, or none. */
struct wg_peer_timers {
	struct wg_wheel_entry entry;
	uint64_t attempt_since; /* a handshake of ours is under way since */
	uint64_t retry_at; /* the next initiation of that handshake */
	uint64_t last_initiation; /* sent */
	uint64_t last_message; /* authenticated handshake message sent or received */
	uint64_t keepalive_asked;
	uint64_t zero_at;
	uint64_t last_handshake; /* wall clock, ns since 1970, as wg shows it */
	bool keepalive_begins; /* the first persistent keepalive is to go now */
	uint32_t jitter; /* ns, drawn anew with each initiation */
};

enum wg_timer {
	WG_TIMER_NONE,
	WG_TIMER_LOOK,
	WG_TIMER_ZERO_KEYS,
	WG_TIMER_GIVE_UP,
	WG_TIMER_RETRY,
	WG_TIMER_UNANSWERED,
	WG_TIMER_REKEY,
	WG_TIMER_KEEPALIVE,
	WG_TIMER_PERSISTENT_KEEPALIVE,
};

struct wg_timer_due {
	enum wg_timer timer;
	uint64_t at; /* may have passed; UINT64_MAX for WG_TIMER_NONE */
};

struct wg_timer_due wg_timers_next(const struct wg_peer *peer, uint64_t now);

/* An authenticated handshake message to or from the peer; len counts as traffic of the peer. */
void wg_timers_handshake_sent(struct wg_peer *peer, size_t len, uint64_t now);
void wg_timers_handshake_received(struct wg_peer *peer, size_t len, uint64_t now);

#endif
