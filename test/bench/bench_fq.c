/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TSC cycles per packet of the queue, beside DPDK's rte_sched in the same run, turn by turn: bursts
 * of 32 of the same sizes enqueued and dequeued again, at a standing backlog.
 *
 * Flows are active: what has left comes again in the same flow, after some thousand others and in
 * random order, so that each flow keeps as many packets, as a sender with a window does. In the
 * scenarios called random each packet is of any flow: then backlogs go at random, one flow in five
 * has none, and one packet in six begins a flow. Packets have 64 to 1463 bytes, or 1500 (mtu): then
 * nearly each is a turn.
 *
 * The median is what a run cost here, the minimum what it costs when nobody else uses the machine.
 * Arguments: --json FILE, --only SCENARIO, --quick; behind "--" those of EAL. Without these it runs
 * without hugepages, which costs TLB misses.
 */
#include "bench_sched.h"
#include "fq.h"
#include "promises.h"
#include "record.h"

#include <getopt.h>
#include <inttypes.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST 32u
#define REST 1024u /* packets */
#define REPEATS_MAX 101u
#define ROUNDS_MAX 8192u
#define QUEUES 3u /* the queue and its two rivals */

struct scenario {
	const char *key;
	uint32_t flows, tins, depth; /* depth: packets per flow standing in the queue */
	uint32_t len; /* of packets, 0: random */
	bool random; /* packets are of any flow */
	unsigned int out; /* dequeued per burst of 32 in; less than 32: overload */
	double goal; /* cycles per packet, NO_GOAL: none */
	bool rival;
	double ratio; /* goal: of rte_sched */
	uint64_t rate; /* of the shaper */
	unsigned int rounds; /* a turn, of which the first quarter is to fill the caches again */
};

/* In each mbuf. */
struct field {
	struct fq_pkt pkt;
	uint32_t flow;
};

/* One queue under test with packets of its own. */
struct bench {
	const struct scenario *s;
	struct fq *q;
	struct rte_sched_port *sched;
	uint32_t pipes; /* of the rival */
	struct rte_mempool *mp;
	struct rte_mbuf **pool;
	struct fq_tin_conf *conf;
	uint32_t pool_n, pool_head, pool_tail;
	uint32_t random;
	uint64_t now;
	uint32_t packets; /* of the latest burst */
	uint64_t in_cycles, out_cycles; /* of it */
};

struct result {
	double in, out, both, least;
};

static int pkt_offset;
static uint64_t clock_cost;
static unsigned int repeats = REPEATS_MAX;
static const char *only = "";

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

/* Any of those that rest. */
static struct rte_mbuf *
pool_get(struct bench *b)
{
	uint32_t first = b->pool_head++ % b->pool_n;
	uint32_t at = (first + next_random(b) % REST) % b->pool_n;
	struct rte_mbuf *m = b->pool[at];

	b->pool[at] = b->pool[first];
	return m;
}

static void
on_drop(void *ctx, struct rte_mbuf *m, enum fq_drop why)
{
	RTE_SET_USED(why);
	pool_put(ctx, m);
}

/* What an application knows of its packets: tin and flow here, pipe and queue there. */
struct burst {
	struct fq_item items[BURST];
	struct rte_mbuf *pkts[BURST];
	uint32_t pipe[BURST], queue[BURST];
};

static void
make_burst(struct bench *b, struct burst *burst)
{
	for (unsigned int i = 0; i < BURST; i++) {
		struct rte_mbuf *m = pool_get(b);
		struct field *field = RTE_MBUF_DYNFIELD(m, pkt_offset, struct field *);
		uint32_t flow = b->s->random ? next_random(b) % b->s->flows : field->flow;
		uint32_t tin = flow % b->s->tins;

		burst->pkts[i] = m;
		m->pkt_len = b->s->len ? b->s->len : 64 + next_random(b) % 1400;
		burst->items[i] = (struct fq_item){m, &b->conf[tin], tin};
		field->pkt.hash = flow * 0x9e3779b1u;
		if (b->sched) {
			burst->pipe[i] = flow % b->pipes;
			burst->queue[i] = flow / b->pipes % RTE_SCHED_BE_QUEUES_PER_PIPE;
		}
	}
}

/* rte_sched frees what its queues have no room for. */
static void
refill(struct bench *b, unsigned int lost)
{
	while (lost--) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(b->mp);

		if (!m)
			rte_exit(EXIT_FAILURE, "%s: a packet has got lost\n", b->s->key);
		pool_put(b, m);
	}
}

/* How many were dropped and freed. */
static unsigned int
put(struct bench *b, struct burst *burst)
{
	if (!b->sched) {
		fq_enqueue_burst(b->q, burst->items, BURST, b->now);
		return 0;
	}
	for (unsigned int i = 0; i < BURST; i++)
		rte_sched_port_pkt_write(b->sched, burst->pkts[i], 0, burst->pipe[i], SCHED_BE,
			burst->queue[i], RTE_COLOR_GREEN);
	return BURST - (unsigned int)rte_sched_port_enqueue(b->sched, burst->pkts, BURST);
}

static unsigned int
get(struct bench *b, struct rte_mbuf **pkts, unsigned int n)
{
	if (b->sched)
		return (unsigned int)rte_sched_port_dequeue(b->sched, pkts, n);
	return fq_dequeue_burst(b->q, b->now, pkts, n);
}

/* What reading the clock itself takes. */
static uint64_t
clock_cycles(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < 1000; i++) {
		uint64_t t = rte_rdtsc_precise();

		least = RTE_MIN(least, rte_rdtsc_precise() - t);
	}
	return least;
}

static void
round_trip(struct bench *b, unsigned int out)
{
	struct rte_mbuf *pkts[BURST];
	struct burst burst;
	unsigned int n = 0, lost;
	uint64_t t0, t1;

	make_burst(b, &burst);
	b->now += BURST * 100;
	t0 = rte_rdtsc_precise();
	lost = put(b, &burst);
	t1 = rte_rdtsc_precise();
	b->in_cycles = t1 - t0 - clock_cost;
	if (out)
		n = get(b, pkts, out);
	b->out_cycles = rte_rdtsc_precise() - t1 - clock_cost;
	for (unsigned int i = 0; i < n; i++)
		pool_put(b, pkts[i]);
	refill(b, lost);
	b->packets = out < BURST ? BURST : n;
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
	qsort(v, repeats, sizeof(*v), compare);
	return v[repeats / 2];
}

struct samples {
	double in[REPEATS_MAX], out[REPEATS_MAX], both[REPEATS_MAX];
};

/* The mean, without bursts that took four times the median: another process had the CPU. */
static double
mean(double *v, unsigned int n)
{
	double sum = 0;
	unsigned int i;

	qsort(v, n, sizeof(*v), compare);
	for (i = 0; i < n && v[i] <= 4 * v[n / 2]; i++)
		sum += v[i];
	return sum / i;
}

static void
sample(struct bench *b, struct samples *v, unsigned int r)
{
	static double in[ROUNDS_MAX], out[ROUNDS_MAX];
	unsigned int warm = b->s->rounds / 4, n = 0;

	for (unsigned int i = 0; i < b->s->rounds; i++) {
		round_trip(b, b->s->out);
		if (i < warm || !b->packets)
			continue;
		in[n] = (double)b->in_cycles / b->packets;
		out[n++] = (double)b->out_cycles / b->packets;
	}
	v->in[r] = mean(in, n);
	v->out[r] = mean(out, n);
	v->both[r] = v->in[r] + v->out[r];
}

static struct result
summary(struct samples *v)
{
	struct result r = {.in = median(v->in), .out = median(v->out), .both = median(v->both)};

	r.least = v->both[0];
	return r;
}

static struct fq *
make_queue(struct bench *b, uint32_t standing)
{
	struct fq_params p;

	fq_params_default(&p);
	p.tins = b->s->tins;
	p.flows = b->s->flows > 32768 ? 131072 : 65536;
	p.limit_packets = b->s->out < BURST ? standing : 2 * standing;
	p.limit_bytes = 1u << 31;
	p.target_ns = p.interval_ns = 1000000000;
	p.rate = b->s->rate;
	p.pkt_offset = pkt_offset;
	p.drop = on_drop;
	p.ctx = b;
	return fq_create(&p);
}

static void
shuffle(struct bench *b)
{
	for (uint32_t i = b->pool_n - 1; i; i--) {
		uint32_t j = next_random(b) % (i + 1);
		struct rte_mbuf *m = b->pool[i];

		b->pool[i] = b->pool[j];
		b->pool[j] = m;
	}
}

static void
start(struct bench *b, const struct scenario *s, const char *name, uint32_t pipes)
{
	uint32_t standing = s->flows * s->depth / BURST * BURST;

	*b = (struct bench){
		.s = s, .pool_n = standing + REST + 2 * BURST, .pipes = pipes, .random = 1};
	b->mp = rte_pktmbuf_pool_create(name, b->pool_n, 0, 0, 0, SOCKET_ID_ANY);
	b->pool = calloc(b->pool_n, sizeof(*b->pool));
	b->conf = calloc(s->tins, sizeof(*b->conf));
	if (pipes)
		b->sched = sched_create(pipes);
	else
		b->q = make_queue(b, standing);
	if (!(pipes ? (void *)b->sched : (void *)b->q) || !b->pool || !b->conf || !b->mp ||
		rte_pktmbuf_alloc_bulk(b->mp, b->pool, b->pool_n))
		rte_exit(EXIT_FAILURE, "no memory for %s: %s\n", s->key, rte_strerror(rte_errno));
	for (uint32_t i = 0; i < s->tins; i++)
		b->conf[i].weight = 1;
	for (uint32_t i = 0; i < b->pool_n; i++)
		RTE_MBUF_DYNFIELD(b->pool[i], pkt_offset, struct field *)->flow = i % s->flows;
	shuffle(b);
	for (uint32_t i = 0; i < standing; i += BURST)
		round_trip(b, 0);
	/* Until the lengths of the flows are as they will be. */
	for (uint32_t i = 0; i < s->depth * standing; i += BURST)
		round_trip(b, s->out);
}

static void
end(struct bench *b)
{
	fq_destroy(b->q);
	if (b->sched)
		rte_sched_port_free(b->sched);
	rte_mempool_free(b->mp);
	free(b->conf);
	free(b->pool);
}

static void
report_one(const char *key, const struct result *r, double goal)
{
	record_add(key, "", r->both, "cycles per packet", NO_GOAL, goal);
	record_add(key, "_enqueue", r->in, "cycles per packet", NO_GOAL, NO_GOAL);
	record_add(key, "_dequeue", r->out, "cycles per packet", NO_GOAL, NO_GOAL);
	record_add(key, "_least", r->least, "cycles per packet", NO_GOAL, NO_GOAL);
}

/* As many as the scenario has, or fewer with packets of any flow. */
static void
report_active(const struct bench *b)
{
	struct fq_stats stats;

	fq_stats_get(b->q, &stats);
	record_add(b->s->key, "_active", stats.flows, "flows", NO_GOAL, NO_GOAL);
}

static void
report_rival(const struct scenario *s, const char *rival, const struct result *fq,
	const struct result *r)
{
	char key[64];

	snprintf(key, sizeof(key), "%s_%s", s->key, rival);
	report_one(key, r, NO_GOAL);
	record_add(key, "_ratio", fq->both / r->both, "of rte_sched", NO_GOAL, s->ratio);
	record_add(key, "_least_ratio", fq->least / r->least, "of rte_sched", NO_GOAL, NO_GOAL);
}

/* All take turns, so that what disturbs one disturbs the others. */
static void
run(const struct scenario *s)
{
	static const char *const names[QUEUES] = {"fq", "rte_sched", "rte_sched_flows"};
	const uint32_t pipes[QUEUES] = {0, s->tins, s->flows / RTE_SCHED_BE_QUEUES_PER_PIPE};
	static struct samples v[QUEUES];
	struct result result[QUEUES];
	unsigned int n = s->rival ? QUEUES : 1;
	struct bench b[QUEUES];

	for (unsigned int i = 0; i < n; i++)
		start(&b[i], s, names[i], pipes[i]);
	for (unsigned int r = 0; r < repeats; r++) {
		for (unsigned int i = 0; i < n; i++)
			sample(&b[i], &v[i], r);
	}
	report_active(&b[0]);
	for (unsigned int i = 0; i < n; i++) {
		result[i] = summary(&v[i]);
		end(&b[i]);
	}
	report_one(s->key, &result[0], s->goal);
	for (unsigned int i = 1; i < n; i++)
		report_rival(s, names[i], &result[0], &result[i]);
}

static void
init_eal(int argc, char **argv)
{
	static const struct rte_mbuf_dynfield field = {
		.name = "bench_fq", .size = sizeof(struct field), .align = 4};
	static char args[][16] = {"bench_fq", "--no-huge", "--no-pci", "--no-telemetry",
		"--no-shconf", "-m", "1536", "-l", "0", "--log-level", "lib.eal:4"};
	char *defaults[RTE_DIM(args) + 1] = {NULL};
	bool own = argc > optind;

	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		defaults[i] = args[i];
	if (own)
		argv[optind - 1] = argv[0];
	if (rte_eal_init(own ? argc - optind + 1 : (int)RTE_DIM(args),
		    own ? argv + optind - 1 : defaults) < 0)
		rte_exit(EXIT_FAILURE, "no EAL\n");
	pkt_offset = rte_mbuf_dynfield_register(&field);
	if (pkt_offset < 0)
		rte_exit(EXIT_FAILURE, "no room in mbufs\n");
}

static void
options(int argc, char **argv)
{
	static const struct option longs[] = {{"json", required_argument, NULL, 'j'},
		{"only", required_argument, NULL, 'o'}, {"quick", no_argument, NULL, 'q'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'q')
			repeats = 5;
		else if (c == 'o')
			only = optarg;
		else if (c != 'j' || record_open(optarg))
			rte_exit(EXIT_FAILURE,
				"usage: bench_fq [--json FILE] [--only NAME] [--quick] [-- EAL]\n");
	}
}

int
main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		{"fq_1000", 1000, 100, 8, 0, false, BURST, 100, true, 0.5, 0, 2048},
		{"fq_random_1000", 1000, 100, 8, 0, true, BURST, NO_GOAL, true, NO_GOAL, 0, 2048},
		{"fq_mtu_1000", 1000, 100, 8, 1500, false, BURST, NO_GOAL, true, NO_GOAL, 0, 2048},
		{"fq_60000", 60000, 10000, 4, 0, false, BURST, 300, true, NO_GOAL, 0, 8192},
		{"fq_random_60000", 60000, 10000, 4, 0, true, BURST, NO_GOAL, true, NO_GOAL, 0,
			8192},
		{"fq_mtu_60000", 60000, 10000, 4, 1500, false, BURST, NO_GOAL, true, NO_GOAL, 0,
			8192},
		{"fq_overload_1000", 1000, 100, 8, 0, false, BURST / 2, 200, false, NO_GOAL, 0,
			2048},
		{"fq_overload_60000", 60000, 10000, 4, 0, false, BURST / 2, 600, false, NO_GOAL, 0,
			8192},
		{"fq_shaped_1000", 1000, 100, 8, 0, false, BURST, NO_GOAL, false, NO_GOAL,
			UINT64_C(1000000000000), 2048},
	};

	options(argc, argv);
	init_eal(argc, argv);
	clock_cost = clock_cycles();
	for (unsigned int i = 0; i < RTE_DIM(scenarios); i++) {
		if (!*only || !strcmp(only, scenarios[i].key))
			run(&scenarios[i]);
	}
	promise_memory(pkt_offset);
	promise_rates(pkt_offset);
	if (record_close())
		rte_exit(EXIT_FAILURE, "cannot write the results\n");
	return EXIT_SUCCESS;
}
