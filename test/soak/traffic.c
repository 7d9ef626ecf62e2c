/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

struct pattern {
	const char *name;
	uint32_t per_thousand; /* of the peers */
	uint32_t pause_min, pause_max; /* s from one turn to the next */
	/* What a pair sends in a turn. */
	void (*turn)(struct soak *s, uint32_t number);
};

static void
ask(struct soak *s, uint32_t number)
{
	soak_send(s, number, SOAK_FROM_PEER);
	if (soak_chance(s, 800))
		soak_send(s, number, SOAK_TO_PEER);
}

/* More than a replay window, in runs that the weather puts out of order. */
static void
flood(struct soak *s, uint32_t number)
{
	for (uint32_t i = 0; i < 2 * WG_REPLAY_WINDOW; i++)
		soak_send(s, number, soak_chance(s, 900) ? SOAK_TO_PEER : SOAK_FROM_PEER);
}

static void
only_up(struct soak *s, uint32_t number)
{
	soak_send(s, number, SOAK_FROM_PEER);
}

static void
only_down(struct soak *s, uint32_t number)
{
	soak_send(s, number, SOAK_TO_PEER);
}

static const struct pattern patterns[] = {
	{"sparse", 130, 600, 3600, ask},
	{"steady", 10, 1, 30, ask},
	{"keepalive", 4, 300, 1800, ask},
	{"only up", 2, 1, 60, only_up},
	{"only down", 2, 1, 60, only_down},
	{"flood", 2, 120, 1200, flood},
};

#define KEEPALIVE 2
#define KEEPALIVE_S 25

static void on_turn(void *ctx, uint64_t number, uint64_t round);

static void
next_turn(struct soak *s, uint32_t number, uint64_t delay)
{
	if (s->ev.now + delay < s->round_ends)
		sim_after(&s->ev, delay, on_turn, s, number, s->round);
}

static void
on_turn(void *ctx, uint64_t number, uint64_t round)
{
	struct soak *s = ctx;
	const struct pattern *p = &patterns[s->pairs[number].pattern];
	uint32_t pause;

	if (round != s->round)
		return;
	if (s->steady) {
		soak_send(s, (uint32_t)number, SOAK_FROM_PEER);
		soak_send(s, (uint32_t)number, SOAK_TO_PEER);
		next_turn(s, (uint32_t)number, SOAK_S);
		return;
	}
	p->turn(s, (uint32_t)number);
	pause = p->pause_min + soak_below(s, p->pause_max - p->pause_min);
	next_turn(s, (uint32_t)number, pause * SOAK_S + soak_below(s, 1000) * SIM_MS);
}

static uint32_t
draw_pattern(struct soak *s)
{
	uint32_t dice = soak_below(s, 1000), i = 0;

	while (i < RTE_DIM(patterns) && dice >= patterns[i].per_thousand * s->busy)
		dice -= patterns[i++].per_thousand * s->busy;
	return i;
}

void
soak_traffic_begin(struct soak *s, uint64_t until)
{
	s->round++;
	s->round_ends = until;
	s->steady = false;
	for (uint32_t i = 1; i <= s->n; i++) {
		struct soak_pair *pair = &s->pairs[i];

		pair->pattern = draw_pattern(s);
		pair->in_traffic = pair->pattern < RTE_DIM(patterns);
		if (pair->pattern == KEEPALIVE)
			soak_set_keepalive(s, i, KEEPALIVE_S);
		if (pair->in_traffic)
			next_turn(s, i,
				soak_below(s, (uint32_t)((until - s->ev.now) / SOAK_S)) / 4 *
					SOAK_S);
	}
}

void
soak_traffic_steady(struct soak *s, uint64_t until)
{
	s->round++;
	s->round_ends = until;
	s->steady = true;
	for (uint32_t i = 1; i <= s->n; i++) {
		if (s->pairs[i].pattern == KEEPALIVE)
			soak_set_keepalive(s, i, 0);
		if (s->pairs[i].in_traffic)
			next_turn(s, i, soak_below(s, 1000) * SIM_MS);
	}
}
