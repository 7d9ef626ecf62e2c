/* SPDX-License-Identifier: BSD-3-Clause */
#include "story.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

#include "world.h"

#define NOTES 128

struct note {
	uint64_t at, sent_at;
	const char *text;
	uint8_t type, dir; /* of a message; type 0: none */
};

struct soak_story {
	uint64_t n; /* the newest is number n - 1 */
	struct note notes[NOTES];
};

struct soak_story *
soak_story_create(uint32_t pairs)
{
	struct soak_story *story = mmap(NULL, pairs * sizeof(*story), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return story == MAP_FAILED ? NULL : story;
}

void
soak_story_free(struct soak_story *story, uint32_t pairs)
{
	munmap(story, pairs * sizeof(*story));
}

static struct note *
next_note(struct soak *s, uint32_t pair)
{
	struct soak_story *story = &s->stories[pair];

	return &story->notes[story->n++ % NOTES];
}

void
soak_note(struct soak *s, uint32_t pair, const char *text)
{
	*next_note(s, pair) = (struct note){.at = s->ev.now, .text = text};
}

void
soak_note_message(struct soak *s, const struct soak_message *m, const char *text)
{
	*next_note(s, m->pair) = (struct note){.at = s->ev.now,
		.sent_at = m->sent_at,
		.text = text,
		.type = m->bytes[0],
		.dir = (uint8_t)m->dir};
}

/* Nothing when it was or will be never. */
static void
tell_time(const struct soak *s, const char *name, uint64_t at)
{
	if (at && at != UINT64_MAX)
		fprintf(stderr, "  %s %+.3f s", name, ((double)at - (double)s->ev.now) / 1e9);
}

static void
tell_note(const struct soak *s, const struct note *note)
{
	static const char *const types[] = {"", "initiation", "response", "cookie", "data"};

	tell_time(s, "", note->at);
	if (note->type)
		fprintf(stderr, ": %s %s, sent %.3f s before",
			note->dir == SOAK_TO_PEER ? "to the peer:" : "from the peer:",
			types[note->type], (double)(note->at - note->sent_at) / 1e9);
	fprintf(stderr, ": %s\n", note->text);
}

static void
tell_session(const struct soak *s, const char *slot, const struct wg_keypair *kp)
{
	if (!kp)
		return;
	fprintf(stderr,
		"  %s: %s, index %08x here, %08x there, %" PRIu64 " sent, newest %" PRIu64
		", %s, %s",
		slot, kp->initiator ? "initiator" : "responder", kp->local_index, kp->remote_index,
		kp->send_counter, kp->replay.highest, kp->heard ? "heard" : "not heard",
		kp->unconfirmed ? "unconfirmed" : "confirmed");
	tell_time(s, "made", kp->birth);
	fprintf(stderr, "\n");
}

static void
tell_timers(const struct soak *s, const struct wg_peer *peer)
{
	struct wg_timer_due due = wg_timers_next(peer, s->ev.now);
	const struct wg_peer_timers *t = &peer->timers;

	tell_time(s, "attempt since", t->attempt_since);
	tell_time(s, "retry", t->retry_at);
	tell_time(s, "last initiation", t->last_initiation);
	tell_time(s, "last handshake message", t->last_message);
	tell_time(s, "zero keys", t->zero_at);
	fprintf(stderr, "\n");
	tell_time(s, "last sent", peer->last_sent);
	tell_time(s, "last received", peer->last_received);
	tell_time(s, "unanswered since", peer->unanswered_since);
	tell_time(s, "unacknowledged since", peer->unacknowledged_since);
	tell_time(s, "session wanted", peer->session_wanted);
	fprintf(stderr, "\n  next is timer %d", due.timer);
	tell_time(s, "at", due.at);
	tell_time(s, "in the wheel", t->entry.link ? t->entry.due : 0);
	fprintf(stderr, "\n");
}

static void
tell_end(struct soak *s, uint32_t pair, enum soak_direction dir)
{
	const struct soak_side *side = &s->sides[dir == SOAK_TO_PEER ? 0 : pair];
	const struct wg_peer *peer = soak_peer(s, pair, dir);

	fprintf(stderr, "%s: %u packets staged, %s%s%s\n", side->number ? "peer" : "gateway",
		s->pairs[pair].staged[dir], peer->endpoint.family ? "" : "no endpoint, ",
		peer->handshake.waiting ? "waits for a response, " : "",
		side->under_load ? "under load" : "not under load");
	tell_session(s, "current", peer->current);
	tell_session(s, "next", peer->next);
	tell_session(s, "previous", peer->previous);
	tell_timers(s, peer);
	tell_time(s, "cookie from", peer->cookie.birth);
	tell_time(s, "initiation consumed", peer->handshake.last_consumed);
	tell_time(s, "tick at", side->due);
	fprintf(stderr, "\n");
}

static void
tell(struct soak *s, uint32_t pair)
{
	const struct soak_story *story = &s->stories[pair];

	fprintf(stderr, "soak: pair %u, of pattern %u; times are from now\n", pair,
		s->pairs[pair].pattern);
	for (uint64_t i = story->n > NOTES ? story->n - NOTES : 0; i < story->n; i++)
		tell_note(s, &story->notes[i % NOTES]);
	tell_end(s, pair, SOAK_TO_PEER);
	tell_end(s, pair, SOAK_FROM_PEER);
}

const char *
soak_refusal_text(enum wg_refusal refusal)
{
	static const char *const texts[] = {"ok",
#define X(name, help) help,
		WG_REFUSALS(X)
#undef X
	};

	return texts[refusal];
}

void
soak_check_pair(struct soak *s, bool holds, uint32_t pair, const char *what)
{
	if (!holds)
		tell(s, pair);
	soak_check(s, holds, "pair %u %s", pair, what);
}
