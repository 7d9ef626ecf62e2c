/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define NO_MESSAGE UINT32_MAX
#define LATE_MAX (10 * 60) /* s */

struct data {
	struct wg_data header;
	uint8_t key[WG_KEY_LEN];
	uint8_t has_payload;
} __rte_packed;

void
soak_net_create(struct soak *s)
{
	s->messages = mmap(NULL, SOAK_MESSAGES * sizeof(*s->messages), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	soak_check(s, s->messages != MAP_FAILED, "out of memory");
	for (uint32_t i = 0; i < SOAK_MESSAGES; i++)
		s->messages[i].next_free = i + 1 < SOAK_MESSAGES ? i + 1 : NO_MESSAGE;
}

static uint32_t
number_of(const struct wg_endpoint *e)
{
	const uint8_t *p = e->addr + (e->family == AF_INET ? 1 : 13);

	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

/* Who has this address now, or NULL. */
static struct soak_side *
owner(struct soak *s, const struct wg_endpoint *e)
{
	struct soak_side *side = &s->sides[number_of(e)];

	return side->address.port == e->port ? side : NULL;
}

static bool
is_dark(const struct soak_side *side)
{
	return side->soak->ev.now < side->dark_until;
}

/* In the window, and not yet accepted: that must not be refused. */
static const char *
check_refusal(struct soak *s, const struct wg_keypair *kp, uint64_t counter)
{
	bool old = kp->replay.highest > counter + WG_REPLAY_WINDOW;

	soak_check(s, old || soak_nonces_has(&s->accepted, kp->recv_key, counter),
		"counter %llu refused, which is new and in the window",
		(unsigned long long)counter);
	s->counts.old += old;
	s->counts.replayed += !old;
	return old ? "behind the window" : "replayed";
}

/*
 * Whatever authenticates is a sign of life: who hears one from before the sky cleared, of a session
 * that the other end has lost meanwhile, counts the silence anew.
 */
static void
heard(struct soak *s, const struct soak_message *m)
{
	if (m->sent_at < s->cleared)
		s->pairs[m->pair].set_back = s->ev.now;
}

static void
accept_data(struct soak_side *side, const struct soak_message *m, struct wg_keypair *kp,
	const struct wg_endpoint *from)
{
	struct soak *s = side->soak;
	const struct data *msg = (const void *)m->bytes;
	uint64_t *newest = &s->pairs[m->pair].newest[m->dir];
	struct wg_peer *peer = kp->peer;

	soak_check(s,
		soak_nonces_add(&s->accepted, kp->recv_key, rte_le_to_cpu_64(msg->header.counter)),
		"counter %llu accepted twice", (unsigned long long)msg->header.counter);
	s->counts.accepted++;
	heard(s, m);
	wg_peer_received(peer, s->ev.now, msg->has_payload);
	if (!wg_endpoint_equal(&peer->endpoint, from))
		wg_device_roamed(side->dev, peer->id, from);
	if (msg->has_payload)
		*newest = RTE_MAX(*newest, m->sent_at);
	if (!atomic_exchange(&kp->heard, true))
		wg_device_heard(side->dev, kp->local_index, s->ev.now);
}

/* As the data path does it; a wrong key is what a wrong tag would be. Returns what became of it. */
static const char *
receive_data(struct soak_side *side, const struct soak_message *m, const struct wg_endpoint *from)
{
	const struct data *msg = (const void *)m->bytes;
	struct soak *s = side->soak;
	uint32_t index = rte_le_to_cpu_32(msg->header.receiver);
	struct wg_keypair *kp = wg_index_keypair(wg_device_index(side->dev), index);

	if (!kp || !wg_keypair_receives(kp, s->ev.now) ||
		memcmp(kp->recv_key, msg->key, WG_KEY_LEN) != 0) {
		s->counts.foreign++;
		return "session unknown or over";
	}
	if (!wg_replay_update(&kp->replay, rte_le_to_cpu_64(msg->header.counter)))
		return check_refusal(s, kp, rte_le_to_cpu_64(msg->header.counter));
	accept_data(side, m, kp, from);
	return msg->has_payload ? "accepted" : "accepted, a keepalive";
}

static const char *
receive_handshake(
	struct soak_side *side, const struct soak_message *m, const struct wg_endpoint *from)
{
	struct soak *s = side->soak;
	enum wg_refusal refusal =
		wg_device_receive(side->dev, m->bytes, m->len, from, side->under_load, s->ev.now);

	s->counts.refusals[refusal]++;
	if (!refusal)
		heard(s, m);
	return soak_refusal_text(refusal);
}

static void
receive(struct soak_side *side, const struct soak_message *m)
{
	struct soak *s = side->soak;
	struct wg_endpoint from = m->from;

	/* The gateway answers from where it was reached. */
	if (!side->number)
		memcpy(from.src, side->address.addr, sizeof(from.src));
	soak_note_message(s, m,
		m->bytes[0] == WG_MESSAGE_DATA ? receive_data(side, m, &from)
					       : receive_handshake(side, m, &from));
	soak_wake(side);
}

static void
on_arrival(void *ctx, uint64_t i, uint64_t unused)
{
	struct soak *s = ctx;
	struct soak_message m = s->messages[i];
	struct soak_side *side = owner(s, &m.to);

	RTE_SET_USED(unused);
	s->messages[i].next_free = s->first_free;
	s->first_free = (uint32_t)i;
	if (!side) {
		s->counts.misled++;
		soak_note_message(s, &m, "nobody is there");
	} else if (is_dark(side)) {
		s->counts.lost++;
		soak_note_message(s, &m, "the line is cut");
	} else {
		receive(side, &m);
	}
}

static void
launch(struct soak *s, const struct soak_message *m, uint64_t delay)
{
	uint32_t i = s->first_free;

	soak_check(s, i != NO_MESSAGE, "too much under way");
	s->first_free = s->messages[i].next_free;
	s->messages[i] = *m;
	sim_after(&s->ev, delay, on_arrival, s, i, 0);
}

static uint64_t
delay_of(struct soak *s)
{
	const struct soak_weather *w = &s->weather;

	return w->delay + (w->jitter ? soak_below(s, (uint32_t)(w->jitter / SIM_US)) * SIM_US : 0);
}

/* One in the air at the start of a loss, one that a middlebox kept for minutes: both happen. */
void
soak_net_send(struct soak_side *from, const struct wg_endpoint *to, const void *msg, size_t len)
{
	struct soak *s = from->soak;
	struct soak_message m = {.pair = from->number ? from->number : number_of(to),
		.dir = from->number ? SOAK_FROM_PEER : SOAK_TO_PEER,
		.sent_at = s->ev.now,
		.from = from->address,
		.to = *to,
		.len = (uint32_t)len};
	uint64_t late = 0;

	soak_check(s, len <= sizeof(m.bytes), "a message of %zu bytes", len);
	memcpy(m.bytes, msg, len);
	s->counts.messages++;
	if (is_dark(from) || soak_chance(s, s->weather.lost)) {
		s->counts.lost++;
		soak_note_message(s, &m, "lost");
		return;
	}
	if (soak_chance(s, s->weather.late)) {
		late = soak_below(s, LATE_MAX) * SOAK_S;
		s->counts.late++;
	}
	launch(s, &m, late + delay_of(s));
	if (!soak_chance(s, s->weather.doubled))
		return;
	s->counts.doubled++;
	launch(s, &m, soak_below(s, LATE_MAX) * SOAK_S / 60 + delay_of(s));
}

bool
soak_send_now(struct soak *s, uint32_t number, enum soak_direction dir, bool has_payload)
{
	struct soak_side *side = &s->sides[dir == SOAK_TO_PEER ? 0 : number];
	struct wg_peer *peer = soak_peer(s, number, dir);
	struct wg_keypair *kp = wg_peer_session(peer, s->ev.now);
	struct data msg = {.has_payload = has_payload};
	uint64_t counter;

	if (!kp || !wg_keypair_take_counters(kp, 1, &counter))
		return false;
	soak_check(s, soak_nonces_add(&s->sent, kp->send_key, counter),
		"pair %u: counter %llu sent twice under one key", number,
		(unsigned long long)counter);
	s->counts.data++;
	msg.header.type = rte_cpu_to_le_32(WG_MESSAGE_DATA);
	msg.header.receiver = rte_cpu_to_le_32(kp->remote_index);
	msg.header.counter = rte_cpu_to_le_64(counter);
	memcpy(msg.key, kp->send_key, WG_KEY_LEN);
	wg_peer_sent(peer, s->ev.now, has_payload);
	soak_net_send(side, &peer->endpoint, &msg, sizeof(msg));
	return true;
}

void
soak_send(struct soak *s, uint32_t number, enum soak_direction dir)
{
	struct soak_side *side = &s->sides[dir == SOAK_TO_PEER ? 0 : number];
	struct wg_peer *peer = soak_peer(s, number, dir);
	uint32_t *staged = &s->pairs[number].staged[dir];

	if (!soak_send_now(s, number, dir, true)) {
		if (*staged == SOAK_STAGED_MAX)
			s->counts.staged_over++;
		else
			++*staged;
		if (wg_peer_want_session(peer, s->ev.now))
			wg_device_session_wanted(side->dev, peer->id, s->ev.now);
	}
	soak_wake(side);
}
