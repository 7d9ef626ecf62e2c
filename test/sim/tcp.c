/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP as far as a queue can tell: ack-clocked, slow start, Reno (RFC 5681) or CUBIC (RFC 9438), one
 * reduction per round trip for loss or CE (RFC 3168), retransmission timer (RFC 6298), SACK.
 *
 * Each transmission has a number of its own, and a delivered number is goodput: a retransmission is
 * just the next number. The queue keeps a flow's order, so a gap in what arrives is a loss. In
 * recovery an acknowledgement lets out at most two packets (RFC 6937).
 */
#include "net.h"

#include <math.h>

#define INITIAL_WINDOW 10.0 /* RFC 6928 */
#define MIN_WINDOW 2.0
#define MIN_RTO (200 * SIM_MS)
#define MAX_BACKOFF 6u
#define CUBIC_C 0.4
#define CUBIC_BETA 0.7
#define CUBIC_ALPHA (3 * (1 - CUBIC_BETA) / (1 + CUBIC_BETA))

static void timer_expired(void *ctx, uint64_t unused1, uint64_t unused2);

static void
timer_restart(struct sim_source *s)
{
	struct sim_tcp *t = &s->tcp;
	double rto = fmax(t->srtt + 4 * t->rttvar, (double)MIN_RTO);

	if (t->srtt <= 0)
		rto = SIM_S;
	t->deadline = s->net->ev.now + ((uint64_t)rto << t->backoff);
	if (!t->timer)
		sim_after(&s->net->ev, t->deadline - s->net->ev.now, timer_expired, s, 0, 0);
	t->timer = true;
}

static void
send_window(struct sim_source *s, uint64_t most)
{
	struct sim_tcp *t = &s->tcp;
	uint32_t transfer = s->group->transfer;

	if (sim_stopped(s) || t->thinking)
		return;
	for (; most && (double)t->in_flight + 1 <= t->cwnd; most--) {
		if (transfer && t->acked + t->in_flight >= transfer)
			break;
		t->in_flight++;
		sim_send(s, t->next++, SIM_MTU);
	}
	if (t->in_flight && !t->timer)
		timer_restart(s);
}

static void
reduce(struct sim_source *s)
{
	struct sim_tcp *t = &s->tcp;
	bool cubic = s->group->kind == SIM_CUBIC;

	if (cubic) {
		t->w_max = t->cwnd < t->w_max ? t->cwnd * (1 + CUBIC_BETA) / 2 : t->cwnd;
		t->epoch = 0;
	}
	t->ssthresh = fmax(t->cwnd * (cubic ? CUBIC_BETA : 0.5), MIN_WINDOW);
	t->cwnd = t->ssthresh;
	t->recover = t->next;
}

static void
timer_expired(void *ctx, uint64_t unused1, uint64_t unused2)
{
	struct sim_source *s = ctx;
	struct sim_tcp *t = &s->tcp;

	RTE_SET_USED(unused1);
	RTE_SET_USED(unused2);
	t->timer = false;
	if (!t->in_flight)
		return;
	if (s->net->ev.now < t->deadline) {
		sim_after(&s->net->ev, t->deadline - s->net->ev.now, timer_expired, s, 0, 0);
		t->timer = true;
		return;
	}
	reduce(s);
	t->cwnd = 1;
	t->una = t->next;
	t->in_flight = 0;
	if (t->backoff < MAX_BACKOFF)
		t->backoff++;
	send_window(s, 1);
}

static void
cubic_grow(struct sim_source *s)
{
	struct sim_tcp *t = &s->tcp;
	double since, target;

	if (!t->epoch) {
		t->epoch = s->net->ev.now;
		t->w_est = t->cwnd;
		t->w_max = fmax(t->w_max, t->cwnd);
		t->k = cbrt((t->w_max - t->cwnd) / CUBIC_C);
	}
	since = ((double)(s->net->ev.now - t->epoch) + t->srtt) / SIM_S - t->k;
	target = fmin(t->w_max + CUBIC_C * since * since * since, 1.5 * t->cwnd);
	t->w_est += CUBIC_ALPHA / t->cwnd;
	t->cwnd += fmax(target - t->cwnd, 0) / t->cwnd;
	t->cwnd = fmax(t->cwnd, t->w_est);
}

static void
grow(struct sim_source *s)
{
	struct sim_tcp *t = &s->tcp;

	if (t->cwnd < t->ssthresh)
		t->cwnd += 1;
	else if (s->group->kind == SIM_CUBIC)
		cubic_grow(s);
	else
		t->cwnd += 1 / t->cwnd;
}

static void
measure(struct sim_tcp *t, double rtt)
{
	t->rttvar = t->srtt > 0 ? t->rttvar * 0.75 + fabs(rtt - t->srtt) * 0.25 : rtt / 2;
	t->srtt = t->srtt > 0 ? t->srtt * 0.875 + rtt * 0.125 : rtt;
	t->backoff = 0;
}

static void
begin_transfer(void *ctx, uint64_t unused1, uint64_t unused2)
{
	struct sim_source *s = ctx;

	RTE_SET_USED(unused1);
	RTE_SET_USED(unused2);
	s->tcp.cwnd = INITIAL_WINDOW;
	s->tcp.ssthresh = INFINITY;
	s->tcp.epoch = 0;
	s->tcp.w_max = 0;
	s->tcp.acked = 0;
	s->tcp.recover = s->tcp.next;
	s->tcp.thinking = false;
	send_window(s, UINT64_MAX);
}

static void
end_transfer(struct sim_source *s)
{
	double think = 2 * s->group->think_ms * sim_random(s);

	s->tcp.thinking = true;
	sim_after(&s->net->ev, (uint64_t)(think * SIM_MS), begin_transfer, s, 0, 0);
}

static void
acked(void *ctx, uint64_t seq_ce, uint64_t sent)
{
	struct sim_source *s = ctx;
	struct sim_tcp *t = &s->tcp;
	uint64_t seq = seq_ce >> 1;
	bool heeded = seq < t->recover;
	uint64_t lost;

	if (seq < t->una)
		return;
	lost = seq - t->una;
	t->una = seq + 1;
	t->in_flight -= lost + 1;
	t->acked++;
	measure(t, (double)(s->net->ev.now - sent));
	if ((lost && seq > t->recover) || ((seq_ce & 1) && !heeded))
		reduce(s);
	else if (!heeded)
		grow(s);
	timer_restart(s);
	if (s->group->transfer && t->acked == s->group->transfer)
		end_transfer(s);
	else
		send_window(s, heeded || lost ? 2 : UINT64_MAX);
}

void
sim_tcp_delivered(struct sim_source *s, uint64_t seq, uint64_t sent, bool ce)
{
	sim_after(&s->net->ev, s->rtt, acked, s, seq << 1 | ce, sent);
}

void
sim_tcp_start(struct sim_source *s)
{
	begin_transfer(s, 0, 0);
}
