/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TSC cycles per packet of the queue: bursts of 32 enqueued to random flows and dequeued again, at
 * a standing backlog, median over repeats. Each mbuf rests a while between two uses, as in a pool.
 *
 * "both" is what counts, "least" what it would be on an idle machine.
 * Arguments, if any, are EAL's; without any it runs without hugepages, which costs TLB misses.
 */
#include "fq.h"

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <stdio.h>
#include <stdlib.h>

#define BURST 32
#define REST 1024 /* packets */
#define REPEATS 301
#define ROUNDS 512

struct scenario {
	const char *name;
	uint32_t flows, tins, depth; /* depth: packets per flow standing in the queue */
	unsigned int out; /* dequeued per burst of 32 in; less than 32: overload */
};

struct bench {
	const struct scenario *s;
	struct fq *q;
	struct rte_mbuf **pool;
	uint32_t pool_n, pool_head, pool_tail;
	uint32_t random;
	uint64_t now, in_cycles, out_cycles;
};

static int pkt_offset;

static uint32_t
next_random(struct bench *b)
{
	b->random = b->random * 1664525 + 1013904223;
	return b->random >> 8;
}

static void
pool_put(struct bench *b, struct rte_mbuf *m)
{
	b->pool[b->pool_tail++ % b->pool_n] = m;
}

static void
on_drop(void *ctx, struct rte_mbuf *m, enum fq_drop why)
{
	RTE_SET_USED(why);
	pool_put(ctx, m);
}

static void
make_burst(struct bench *b, struct fq_item *items)
{
	for (unsigned int i = 0; i < BURST; i++) {
		uint32_t flow = next_random(b) % b->s->flows;
		struct rte_mbuf *m = b->pool[b->pool_head++ % b->pool_n];

		RTE_MBUF_DYNFIELD(m, pkt_offset, struct fq_pkt *)->hash = flow * 0x9e3779b1u;
		items[i] = (struct fq_item){m, flow % b->s->tins, 1};
	}
}

static void
round_trip(struct bench *b, unsigned int out)
{
	struct fq_item items[BURST];
	struct rte_mbuf *pkts[BURST];
	unsigned int n = 0;
	uint64_t t0, t1;

	make_burst(b, items);
	b->now += BURST * 100;
	t0 = rte_rdtsc_precise();
	fq_enqueue_burst(b->q, items, BURST, b->now);
	t1 = rte_rdtsc_precise();
	b->in_cycles += t1 - t0;
	if (out)
		n = fq_dequeue_burst(b->q, b->now, pkts, out);
	b->out_cycles += rte_rdtsc_precise() - t1;
	for (unsigned int i = 0; i < n; i++)
		pool_put(b, pkts[i]);
}

static int
compare(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) -
		(*(const double *)a < *(const double *)b);
}

static double
median(double *v)
{
	qsort(v, REPEATS, sizeof(*v), compare);
	return v[REPEATS / 2];
}

static void
measure(struct bench *b)
{
	double in[REPEATS], out[REPEATS], both[REPEATS];

	for (unsigned int r = 0; r < REPEATS; r++) {
		b->in_cycles = b->out_cycles = 0;
		for (unsigned int i = 0; i < ROUNDS; i++)
			round_trip(b, b->s->out);
		in[r] = (double)b->in_cycles / ROUNDS / BURST;
		out[r] = (double)b->out_cycles / ROUNDS / BURST;
		both[r] = in[r] + out[r];
	}
	printf("%-28s %8.1f %8.1f %8.1f", b->s->name, median(in), median(out), median(both));
	printf(" %8.1f\n", both[0]);
}

static void
run(const struct scenario *s)
{
	uint32_t standing = s->flows * s->depth / BURST * BURST;
	struct bench b = {.s = s, .pool_n = standing + REST + 2 * BURST, .random = 1};
	struct rte_mempool *mp = rte_pktmbuf_pool_create(s->name, b.pool_n, 0, 0, 0, SOCKET_ID_ANY);
	struct fq_params p;

	fq_params_default(&p);
	p.tins = s->tins;
	p.flows = s->flows > 32768 ? 131072 : 65536;
	p.limit_packets = s->out < BURST ? standing : UINT32_MAX;
	p.limit_bytes = 1u << 31;
	p.target_ns = p.interval_ns = 1000000000;
	p.pkt_offset = pkt_offset;
	p.drop = on_drop;
	p.ctx = &b;
	b.q = fq_create(&p);
	b.pool = calloc(b.pool_n, sizeof(*b.pool));
	if (!b.q || !b.pool || !mp || rte_pktmbuf_alloc_bulk(mp, b.pool, b.pool_n))
		rte_exit(EXIT_FAILURE, "no memory for %s\n", s->name);
	for (uint32_t i = 0; i < b.pool_n; i++)
		b.pool[i]->pkt_len = 64 + i % 1400;
	for (uint32_t i = 0; i < standing; i += BURST)
		round_trip(&b, 0);
	measure(&b);
	fq_destroy(b.q);
	rte_mempool_free(mp);
	free(b.pool);
}

int
main(int argc, char **argv)
{
	static const struct rte_mbuf_dynfield field = {
		.name = "bench_fq", .size = sizeof(struct fq_pkt), .align = 4};
	static const struct scenario scenarios[] = {
		{"1000 flows in 100 tins", 1000, 100, 8, BURST},
		{"60000 flows in 10000 tins", 60000, 10000, 4, BURST},
		{"overload, 1000 in 100", 1000, 100, 8, BURST / 2},
		{"overload, 60000 in 10000", 60000, 10000, 4, BURST / 2},
	};
	static char args[][16] = {"bench_fq", "--no-huge", "--no-pci", "--no-telemetry",
		"--no-shconf", "-m", "768", "-l", "0", "--log-level", "lib.eal:4"};
	char *defaults[RTE_DIM(args) + 1] = {NULL};

	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		defaults[i] = args[i];
	if (rte_eal_init(argc > 1 ? argc : (int)RTE_DIM(args), argc > 1 ? argv : defaults) < 0)
		return EXIT_FAILURE;
	pkt_offset = rte_mbuf_dynfield_register(&field);
	if (pkt_offset < 0)
		return EXIT_FAILURE;
	printf("%-28s %8s %8s %8s %8s\n", "cycles per packet", "enqueue", "dequeue", "both",
		"least");
	for (unsigned int i = 0; i < RTE_DIM(scenarios); i++)
		run(&scenarios[i]);
	return EXIT_SUCCESS;
}
