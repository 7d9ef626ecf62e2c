/* SPDX-License-Identifier: BSD-3-Clause */
/* Senders that do not listen: constant rate, on and off, or a sparse probe. */
#include "net.h"

static uint64_t
about(struct sim_source *s, double ns)
{
	return (uint64_t)(ns * (0.9 + 0.2 * sim_random(s)));
}

static void
udp_send(void *ctx, uint64_t unused1, uint64_t unused2)
{
	struct sim_source *s = ctx;
	const struct sim_group *g = s->group;
	uint64_t wait = about(s, g->bytes * 8e3 / g->mbit);

	RTE_SET_USED(unused1);
	RTE_SET_USED(unused2);
	if (sim_stopped(s))
		return;
	sim_send(s, s->udp.seq++, g->bytes);
	if (g->off_ms > 0 && s->net->ev.now + wait >= s->udp.turn_end) {
		wait += about(s, g->off_ms * SIM_MS);
		s->udp.turn_end = s->net->ev.now + wait + about(s, g->on_ms * SIM_MS);
	}
	sim_after(&s->net->ev, wait, udp_send, s, 0, 0);
}

void
sim_udp_start(struct sim_source *s)
{
	s->udp.turn_end = s->net->ev.now + about(s, s->group->on_ms * SIM_MS);
	udp_send(s, 0, 0);
}
