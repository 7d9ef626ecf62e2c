/* SPDX-License-Identifier: BSD-3-Clause */
#include "net.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SEED UINT64_C(0x9e3779b97f4a7c15)

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
static uint64_t
random_next(uint64_t *state)
{
	uint64_t z = *state += SEED;

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

double
sim_random(struct sim_source *s)
{
	return (double)(random_next(&s->random) >> 11) * 0x1p-53;
}

bool
sim_stopped(const struct sim_source *s)
{
	double stop = s->group->stop_s;

	return stop > 0 && (double)s->net->ev.now >= stop * SIM_S;
}

static void link_next(struct sim_net *net);

static void
link_sent(void *ctx, uint64_t begun, uint64_t unused)
{
	struct sim_net *net = ctx;
	struct rte_mbuf *m = net->on_wire;
	struct sim_packet *p = sim_packet(m);

	RTE_SET_USED(unused);
	sim_result_add(net->res, p->source, begun, begun - p->queued, m->pkt_len);
	if (p->source->group->kind != SIM_UDP)
		sim_tcp_delivered(p->source, p->seq, p->queued, p->ce);
	rte_pktmbuf_free(m);
	net->on_wire = NULL;
	link_next(net);
}

static void
link_next(struct sim_net *net)
{
	struct rte_mbuf *m = sim_queue_get(&net->q, net->ev.now);

	if (!m)
		return;
	net->on_wire = m;
	sim_after(&net->ev, m->pkt_len * 8 * SIM_S / net->rate, link_sent, net, net->ev.now, 0);
}

static void
link_change(void *ctx, uint64_t rate, uint64_t unused)
{
	struct sim_net *net = ctx;

	RTE_SET_USED(unused);
	net->rate = rate;
}

void
sim_send(struct sim_source *s, uint64_t seq, uint32_t bytes)
{
	struct sim_net *net = s->net;
	struct rte_mbuf *m = rte_pktmbuf_alloc(net->pool);

	if (!m)
		rte_panic("the pool is smaller than the queue\n");
	m->pkt_len = bytes;
	*sim_packet(m) = (struct sim_packet){.fq.hash = s->hash,
		.source = s,
		.seq = seq,
		.queued = net->ev.now,
		.ect = s->group->ecn};
	sim_queue_put(&net->q, m, net->ev.now);
	if (!net->on_wire)
		link_next(net);
}

static void
source_start(void *ctx, uint64_t unused1, uint64_t unused2)
{
	struct sim_source *s = ctx;

	RTE_SET_USED(unused1);
	RTE_SET_USED(unused2);
	if (s->group->kind == SIM_UDP)
		sim_udp_start(s);
	else
		sim_tcp_start(s);
}

static uint64_t
round_trip(const struct sim_group *g, uint32_t peer)
{
	double rtt = g->rtt_ms;

	if (g->rtt_max_ms > 0 && g->peers > 1)
		rtt *= pow(g->rtt_max_ms / g->rtt_ms, (double)peer / (g->peers - 1));
	return (uint64_t)(rtt * SIM_MS);
}

static void
group_start(struct sim_net *net, const struct sim_group *g, struct sim_source *s)
{
	for (uint32_t i = 0; i < g->peers * g->flows; i++, s++) {
		uint32_t peer = i / g->flows;
		double start = g->start_s;

		*s = (struct sim_source){.group = g,
			.net = net,
			.peer = g->peer + peer,
			.weight = g->weight + peer * g->weight_step,
			.rtt = round_trip(g, peer),
			.random = (uint64_t)(s - net->res->sources) << 32};
		s->hash = (uint32_t)random_next(&s->random);
		if (g->kind != SIM_UDP)
			start += sim_random(s);
		sim_after(&net->ev, (uint64_t)(start * SIM_S), source_start, s, 0, 0);
	}
}

static void
start_all(struct sim_net *net, const struct sim_scenario *s)
{
	struct sim_source *next = net->res->sources;

	for (const struct sim_group *g = s->groups; g->kind; g++) {
		group_start(net, g, next);
		next += g->peers * g->flows;
	}
	for (size_t i = 0; i < SIM_CHANGES_MAX && s->changes[i].mbit > 0; i++)
		sim_after(&net->ev, (uint64_t)(s->changes[i].at_s * SIM_S), link_change, net,
			(uint64_t)(s->changes[i].mbit * 1e6), 0);
}

int
sim_run(const struct sim_scenario *s, enum sim_mode mode, struct rte_mempool *pool,
	struct sim_result *res)
{
	struct sim_net net = {.rate = (uint64_t)(s->mbit * 1e6), .pool = pool, .res = res};
	int err;

	sim_result_init(res, s, mode);
	err = sim_queue_open(&net.q, mode);
	if (err)
		return err;
	start_all(&net, s);
	sim_events_run(&net.ev, (uint64_t)(s->seconds * SIM_S));
	res->drops = net.q.drops;
	res->marks = net.q.marks;
	sim_queue_close(&net.q);
	rte_pktmbuf_free(net.on_wire);
	sim_events_free(&net.ev);
	return rte_mempool_full(pool) ? 0 : -EPROTO;
}
