/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One gateway and its many peers, each a WireGuard device of its own, on a network with weather, in
 * virtual time. Handshakes are real. Data messages are not encrypted: each carries the key that it
 * was sealed with, and opens where that is the key of the session that its index names.
 *
 *   world.c    devices, restarts, what a device asks for
 *   net.c      messages under way: lost, doubled, late, to whom has moved meanwhile
 *   traffic.c  who sends when
 *   story.c    what has happened, told when something does not hold
 *   main.c     the weather, misfortunes, and what must hold when they are over
 *
 * Whatever must never happen ends the program with a message: a (key, counter) sent twice or
 * accepted twice, a message refused that is in the window and new.
 */
#ifndef SOAK_WORLD_H
#define SOAK_WORLD_H

#include "device.h"
#include "event.h"
#include "nonces.h"
#include "story.h"

#define SOAK_S SIM_S
#define SOAK_MINUTE (60 * SIM_S)
#define SOAK_HOUR (60 * SOAK_MINUTE)
#define SOAK_STAGED_MAX 128
#define SOAK_MESSAGES (1u << 18)

/* Per thousand messages; ns. */
struct soak_weather {
	uint32_t lost, doubled, late;
	uint64_t delay, jitter;
};

enum soak_direction { SOAK_TO_PEER, SOAK_FROM_PEER };

/* What is between the gateway and a peer, by enum soak_direction. */
struct soak_pair {
	uint32_t id; /* of the peer, at the gateway */
	uint32_t staged[2]; /* packets that wait for a session */
	uint64_t newest[2]; /* when the newest packet that has arrived was sent */
	uint64_t set_back; /* when an end last took a message from before the sky cleared */
	uint32_t pattern; /* of traffic.c, in this episode */
	bool in_traffic;
};

/* Number 0 is the gateway, peers count from 1. */
struct soak_side {
	struct soak *soak;
	uint32_t number;
	struct wg_device *dev;
	uint8_t private_key[WG_KEY_LEN], public_key[WG_KEY_LEN];
	struct wg_endpoint address;
	uint64_t due; /* of the device's next tick */
	uint64_t dark_until; /* cut off from the network */
	bool under_load;
};

struct soak_counts {
	uint64_t messages, lost, doubled, late, misled; /* misled: to where nobody is any more */
	uint64_t handshakes, data, accepted, old, foreign, replayed, staged_over;
	uint64_t restarts, gateway_restarts, moves, cuts, purges;
	uint64_t set_back; /* pairs that came back late for a late message */
	uint64_t refusals[WG_REFUSAL_COUNT];
};

struct soak_message {
	uint32_t pair;
	enum soak_direction dir;
	uint64_t sent_at;
	struct wg_endpoint from, to;
	uint32_t len;
	uint8_t bytes[160];
	uint32_t next_free;
};

struct soak {
	struct sim_events ev;
	uint64_t seed;
	struct rcu *rcu;
	uint32_t n; /* peers */
	struct soak_side *sides; /* n + 1 */
	struct soak_pair *pairs; /* n + 1, the first unused */
	uint32_t *by_slot; /* the gateway's peers */
	struct soak_story *stories; /* n + 1 */
	struct soak_message *messages;
	uint32_t first_free;
	struct soak_weather weather;
	uint64_t cleared; /* when the sky last did */
	uint32_t busy; /* times as many peers in traffic as traffic.c says */
	uint64_t round; /* of traffic; what belongs to another one ends */
	uint64_t round_ends;
	bool steady; /* in this round every peer in traffic sends once a second, both ways */
	struct soak_nonces sent, accepted;
	struct soak_counts counts;
};

/* Ends the program when it is not so. */
void soak_check(const struct soak *s, bool holds, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

uint32_t soak_below(struct soak *s, uint32_t n);
static inline bool
soak_chance(struct soak *s, uint32_t per_thousand)
{
	return soak_below(s, 1000) < per_thousand;
}

/* world.c */
void soak_create(struct soak *s, uint32_t peers, uint32_t busy, uint64_t seed);
void soak_destroy(struct soak *s);
/* The process ends and begins anew: all but configuration, address and wall clock is forgotten. */
void soak_restart(struct soak *s, uint32_t number);
/* The peer has another address from now on. */
void soak_move(struct soak *s, uint32_t number);
void soak_set_keepalive(struct soak *s, uint32_t number, uint16_t seconds);
/* After every call into a device: runs its timers and sees to it that they run again. */
void soak_wake(struct soak_side *side);
struct wg_peer *soak_peer(struct soak *s, uint32_t number, enum soak_direction dir);

/* net.c */
void soak_net_create(struct soak *s);
void
soak_net_send(struct soak_side *from, const struct wg_endpoint *to, const void *msg, size_t len);
/* Data of a pair, or the wish for a session that it waits for. */
void soak_send(struct soak *s, uint32_t number, enum soak_direction dir);
/* A data message, if there is a session. */
bool soak_send_now(struct soak *s, uint32_t number, enum soak_direction dir, bool has_payload);

/* traffic.c */
/* Each peer sends as it will, until the given time. */
void soak_traffic_begin(struct soak *s, uint64_t until);
/* All peers that were in traffic send once a second, both ways; keepalives end. */
void soak_traffic_steady(struct soak *s, uint64_t until);

#endif
