/* SPDX-License-Identifier: BSD-3-Clause */
#include "promises.h"

#include "fq.h"
#include "record.h"

#include <rte_debug.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <stdio.h>
#include <stdlib.h>

#define FLOWS 65536u
#define KEYS 100000u
#define MTU 1500u
#define OVERHEAD 24u
#define PACKETS 256u
#define SECOND UINT64_C(1000000000)

static void
on_drop(void *ctx, struct rte_mbuf *m, enum fq_drop why)
{
	(void)ctx;
	(void)m;
	(void)why;
}

static struct fq *
queue(int pkt_offset, uint32_t flows, uint32_t tins, uint64_t rate)
{
	struct fq_params p;
	struct fq *q;

	fq_params_default(&p);
	p.flows = flows;
	p.tins = tins;
	p.rate = rate;
	p.mtu = MTU - OVERHEAD;
	p.overhead = OVERHEAD;
	p.codel = false;
	p.pkt_offset = pkt_offset;
	p.drop = on_drop;
	q = fq_create(&p);
	if (!q)
		rte_panic("no memory for a queue\n");
	return q;
}

static double
allocated(void)
{
	struct rte_malloc_socket_stats s;

	rte_malloc_get_socket_stats(0, &s);
	return (double)s.heap_allocsz_bytes;
}

static double
cost(int pkt_offset, uint32_t flows, uint32_t tins)
{
	double before = allocated();
	struct fq *q = queue(pkt_offset, flows, tins, 0);
	double bytes = allocated() - before;

	fq_destroy(q);
	return bytes;
}

/* Peers that send a packet now and then, many more than there are tins. */
static double
cost_of_peers(int pkt_offset)
{
	struct fq *q = queue(pkt_offset, FLOWS, 1000, 0);
	struct rte_mbuf *m = calloc(1, sizeof(*m)), *pkts[2];
	double before = allocated();

	if (!m)
		rte_panic("no memory for a packet\n");
	for (uint32_t key = 0; key < KEYS; key++) {
		m->pkt_len = 100;
		fq_enqueue(q, m, key, &fq_tin_plain, key * 1000);
		if (fq_dequeue_burst(q, key * 1000, pkts, RTE_DIM(pkts)) != 1)
			rte_panic("a packet is lost\n");
	}
	before = allocated() - before;
	free(m);
	fq_destroy(q);
	return before;
}

void
promise_memory(int pkt_offset)
{
	static const uint32_t tins[] = {100, 1024, 1025, 10000, 65535};
	double few = cost(pkt_offset, FLOWS, 1), worst = 0;

	for (unsigned int i = 0; i < RTE_DIM(tins); i++)
		worst = RTE_MAX(worst, (cost(pkt_offset, FLOWS, tins[i]) - few) / (tins[i] - 1));
	record_add("fq_memory", "_per_flow", (cost(pkt_offset, 2 * FLOWS, 1) - few) / FLOWS,
		"bytes", NO_GOAL, 128);
	record_add("fq_memory", "_per_tin", worst, "bytes", NO_GOAL, 256);
	record_add("fq_memory", "_per_idle_peer", cost_of_peers(pkt_offset) / KEYS, "bytes",
		NO_GOAL, 8);
}

/* level: bytes above the rate, a leaky bucket. */
struct meter {
	double level, most, bytes;
	uint64_t last;
};

static void
meter_add(struct meter *m, uint64_t now, uint64_t rate)
{
	m->level -= (double)(now - m->last) * (double)rate / 1e9;
	m->level = RTE_MAX(m->level, 0) + MTU;
	m->most = RTE_MAX(m->most, m->level);
	m->last = now;
	m->bytes += MTU;
}

/* Polled four times per packet; what leaves comes back. The time that 4000 packets take. */
static struct meter
meter_rate(int pkt_offset, uint64_t rate)
{
	uint64_t start = 3 * SECOND, gap = MTU * SECOND / rate / 4;
	struct fq *q = queue(pkt_offset, FLOWS, 100, rate);
	struct rte_mbuf *m = calloc(PACKETS, sizeof(*m));
	struct meter meter = {.last = start, .bytes = -(double)MTU}; /* the first one is at 0 */

	if (!m)
		rte_panic("no memory for packets\n");
	for (unsigned int i = 0; i < PACKETS; i++) {
		m[i].pkt_len = MTU - OVERHEAD;
		RTE_MBUF_DYNFIELD(&m[i], pkt_offset, struct fq_pkt *)->hash = i;
		fq_enqueue(q, &m[i], i % 16, &fq_tin_plain, start);
	}
	for (uint64_t now = start; now < start + 16000 * gap; now += gap) {
		struct rte_mbuf *pkts[32];
		unsigned int n = fq_dequeue_burst(q, now, pkts, RTE_DIM(pkts));

		for (unsigned int i = 0; i < n; i++) {
			meter_add(&meter, now, rate);
			fq_enqueue(q, pkts[i], (uint32_t)(pkts[i] - m) % 16, &fq_tin_plain, now);
		}
	}
	meter.bytes /= (double)(16000 * gap) * (double)rate / 1e9;
	fq_destroy(q);
	free(m);
	return meter;
}

void
promise_rates(int pkt_offset)
{
	static const uint64_t mbits[] = {1, 10, 100, 1000, 10000, 100000};

	for (unsigned int i = 0; i < RTE_DIM(mbits); i++) {
		struct meter m = meter_rate(pkt_offset, mbits[i] * 125000);
		char name[40];

		snprintf(name, sizeof(name), "fq_shaper_%u_mbit", (unsigned int)mbits[i]);
		record_add(name, "_goodput", 100 * m.bytes, "percent", 98, 100);
		record_add(name, "_burst", m.most / MTU, "MTU", NO_GOAL, 2);
	}
}
