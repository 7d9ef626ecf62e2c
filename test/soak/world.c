/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "peer_of_key.h"
#include "test_random.h"

#define START (1000 * SOAK_S)
#define PORT 51820

void
soak_check(const struct soak *s, bool holds, const char *format, ...)
{
	va_list args;

	if (holds)
		return;
	fprintf(stderr, "soak: at %.3f s: ", (double)(s->ev.now - START) / 1e9);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(1);
}

uint32_t
soak_below(struct soak *s, uint32_t n)
{
	return (uint32_t)(test_random(&s->seed) % n);
}

struct wg_peer *
soak_peer(struct soak *s, uint32_t number, enum soak_direction dir)
{
	if (dir == SOAK_TO_PEER)
		return wg_device_peer(s->sides[0].dev, s->pairs[number].id);
	return peer_of_key(s->sides[number].dev, s->sides[0].public_key);
}

/* Which pair, and which way, a device sends when it sends to this peer. */
static uint32_t
pair_of(const struct soak_side *side, const struct wg_peer *peer, enum soak_direction *dir)
{
	*dir = side->number ? SOAK_FROM_PEER : SOAK_TO_PEER;
	return side->number ? side->number : side->soak->by_slot[peer->id & WG_PEER_SLOT_MASK];
}

static void
on_send(void *ctx, struct wg_peer *peer, const struct wg_endpoint *to, const void *msg, size_t len)
{
	RTE_SET_USED(peer);
	soak_net_send(ctx, to, msg, len);
}

static void
on_keepalive(void *ctx, struct wg_peer *peer)
{
	struct soak_side *side = ctx;
	enum soak_direction dir;
	uint32_t number = pair_of(side, peer, &dir);

	soak_check(side->soak, soak_send_now(side->soak, number, dir, false),
		"keepalive of pair %u asked for without a session", number);
}

static void
on_session_up(void *ctx, struct wg_peer *peer)
{
	struct soak_side *side = ctx;
	enum soak_direction dir;
	uint32_t number = pair_of(side, peer, &dir);
	uint32_t *staged = &side->soak->pairs[number].staged[dir];

	side->soak->counts.handshakes++;
	for (; *staged; --*staged)
		soak_check(side->soak, soak_send_now(side->soak, number, dir, true),
			"session of pair %u is up and cannot be sent under", number);
}

static void
on_purge(void *ctx, struct wg_peer *peer)
{
	struct soak_side *side = ctx;
	enum soak_direction dir;
	uint32_t number = pair_of(side, peer, &dir);

	side->soak->counts.purges++;
	side->soak->pairs[number].staged[dir] = 0;
}

static void
ignore(void *ctx, struct wg_peer *peer)
{
	RTE_SET_USED(ctx);
	RTE_SET_USED(peer);
}

static uint64_t
wall_clock(void *ctx)
{
	return 1700000000 * SOAK_S + ((struct soak_side *)ctx)->soak->ev.now;
}

static void
fill_random(void *ctx, void *buf, size_t len)
{
	struct soak *s = ((struct soak_side *)ctx)->soak;

	for (uint8_t *p = buf; len--; p++)
		*p = (uint8_t)test_random(&s->seed);
}

static const struct wg_ops ops = {
	.send = on_send,
	.send_keepalive = on_keepalive,
	.session_up = on_session_up,
	.purge = on_purge,
	.endpoint_changed = ignore,
	.peer_removed = ignore,
	.wall_clock = wall_clock,
	.random = fill_random,
};

/* 10.A.B.C, or for odd numbers 2001:db8::A:B:C; the gateway is number 0. */
static void
set_address(struct wg_endpoint *e, uint32_t number)
{
	uint32_t net = htonl(number);

	*e = (struct wg_endpoint){
		.family = number % 2 ? AF_INET6 : AF_INET, .port = htons(PORT), .addr = {10}};
	if (number % 2)
		memcpy(e->addr, (const uint8_t[]){0x20, 1, 0xd, 0xb8}, 4);
	memcpy(e->addr + (number % 2 ? 13 : 1), (const uint8_t *)&net + 1, 3);
}

static void
apply(struct soak_side *side, struct wg_update *u)
{
	int rc = wg_device_apply(side->dev, u, side->soak->ev.now);

	soak_check(side->soak, rc == 0, "update of side %u: %s", side->number, strerror(-rc));
	wg_update_free(u);
}

static struct wg_update_peer *
introduce(struct wg_update *u, const struct soak_side *who)
{
	struct wg_update_peer *up = wg_update_add_peer(u);

	memcpy(up->public_key, who->public_key, WG_KEY_LEN);
	return up;
}

/* Every second peer's first address is in the gateway's configuration. */
static void
configure_gateway(struct soak *s)
{
	struct wg_update_peer *up;
	struct wg_update u;

	wg_update_init(&u);
	for (uint32_t i = 1; i <= s->n; i++) {
		up = introduce(&u, &s->sides[i]);
		up->has_endpoint = i % 4 < 2;
		set_address(&up->endpoint, i);
		wg_update_add_allowed(up)->prefix = (struct lpm_prefix){.family = AF_INET,
			.len = 32,
			.addr = {100, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}};
	}
	apply(&s->sides[0], &u);
	for (uint32_t i = 1; i <= s->n; i++) {
		struct wg_peer *peer = peer_of_key(s->sides[0].dev, s->sides[i].public_key);

		s->pairs[i].id = peer->id;
		s->by_slot[peer->id & WG_PEER_SLOT_MASK] = i;
	}
}

static void
configure_peer(struct soak_side *side)
{
	struct wg_update_peer *up;
	struct wg_update u;

	wg_update_init(&u);
	up = introduce(&u, &side->soak->sides[0]);
	up->has_endpoint = true;
	up->endpoint = side->soak->sides[0].address;
	wg_update_add_allowed(up)->prefix = (struct lpm_prefix){.family = AF_INET};
	apply(side, &u);
}

static void
start(struct soak_side *side)
{
	struct soak *s = side->soak;
	struct wg_device_params params = {.max_peers = side->number ? 1 : s->n,
		.lanes = side->number ? 1 : 3,
		.rcu = s->rcu,
		.ops = &ops,
		.ctx = side};
	struct wg_update u;

	side->dev = wg_device_create(&params);
	soak_check(s, side->dev != NULL, "device %u: %s", side->number, strerror(errno));
	wg_update_init(&u);
	u.has_private_key = true;
	memcpy(u.private_key, side->private_key, WG_KEY_LEN);
	apply(side, &u);
	memcpy(side->public_key, wg_device_identity(side->dev)->public_key, WG_KEY_LEN);
	side->due = UINT64_MAX;
}

void
soak_create(struct soak *s, uint32_t peers, uint32_t busy, uint64_t seed)
{
	*s = (struct soak){
		.seed = seed, .n = peers, .busy = busy, .ev.now = START, .rcu = rcu_create(1)};
	s->sides = calloc(peers + 1, sizeof(*s->sides));
	s->pairs = calloc(peers + 1, sizeof(*s->pairs));
	s->by_slot = calloc(wg_peer_slots(peers), sizeof(*s->by_slot));
	s->stories = soak_story_create(peers + 1);
	soak_check(s, s->rcu && s->sides && s->pairs && s->by_slot && s->stories, "out of memory");
	soak_net_create(s);
	for (uint32_t i = 0; i <= peers; i++) {
		struct soak_side *side = &s->sides[i];

		side->soak = s;
		side->number = i;
		set_address(&side->address, i);
		fill_random(side, side->private_key, WG_KEY_LEN);
		start(side);
		if (i)
			configure_peer(side);
	}
	configure_gateway(s);
	rcu_barrier(s->rcu);
}

void
soak_destroy(struct soak *s)
{
	for (uint32_t i = 0; i <= s->n; i++)
		wg_device_destroy(s->sides[i].dev);
	rcu_destroy(s->rcu);
	munmap(s->messages, SOAK_MESSAGES * sizeof(*s->messages));
	soak_story_free(s->stories, s->n + 1);
	soak_nonces_free(&s->sent);
	soak_nonces_free(&s->accepted);
	sim_events_free(&s->ev);
	free(s->sides);
	free(s->pairs);
	free(s->by_slot);
}

void
soak_restart(struct soak *s, uint32_t number)
{
	struct soak_side *side = &s->sides[number];

	wg_device_destroy(side->dev);
	start(side);
	if (number) {
		configure_peer(side);
		soak_note(s, number, "the peer restarts");
		s->counts.restarts++;
	} else {
		configure_gateway(s);
		for (uint32_t i = 1; i <= s->n; i++)
			soak_note(s, i, "the gateway restarts");
		s->counts.gateway_restarts++;
	}
	soak_wake(side);
}

void
soak_move(struct soak *s, uint32_t number)
{
	struct wg_endpoint *e = &s->sides[number].address;

	e->port = htons((uint16_t)(1024 + soak_below(s, UINT16_MAX - 1024)));
	soak_note(s, number, "the peer moves");
	s->counts.moves++;
}

void
soak_set_keepalive(struct soak *s, uint32_t number, uint16_t seconds)
{
	struct wg_update_peer *up;
	struct wg_update u;

	wg_update_init(&u);
	up = introduce(&u, &s->sides[0]);
	up->update_only = true;
	up->has_keepalive = true;
	up->keepalive = seconds;
	apply(&s->sides[number], &u);
	soak_wake(&s->sides[number]);
}

static void
on_tick(void *ctx, uint64_t due, uint64_t unused)
{
	struct soak_side *side = ctx;

	RTE_SET_USED(unused);
	if (due != side->due)
		return;
	side->due = UINT64_MAX;
	soak_wake(side);
}

void
soak_wake(struct soak_side *side)
{
	struct soak *s = side->soak;
	uint64_t due = wg_device_tick(side->dev, s->ev.now);

	rcu_reclaim(s->rcu);
	if (due == side->due)
		return;
	side->due = due;
	if (due != UINT64_MAX)
		sim_after(&s->ev, due - s->ev.now, on_tick, side, due, 0);
}
