/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the queue before the cipher costs the crypto stage, in cycles per packet beside the same
 * stage without one: when it keeps up, so that packets pass by, a burst in each poll; and when it
 * is behind and they go through. The cipher is left out (--wrap, meson.build): it takes as long
 * either way, and varies by more than what is looked for.
 *
 * The stage without a queue is the one below, of the same functions.
 */
#include <stdlib.h>

#include <rte_prefetch.h>
#include <sodium.h>

#include "bench.h"
#include "bench_world.h"
#include "fetch.h"

#define GOAL 10
#define POLL_MAX (WORLD_WINDOW / 2)

void __wrap_aead_seal_burst(struct aead *a, struct aead_job *jobs, unsigned int n);
void
__wrap_aead_seal_burst(struct aead *a, struct aead_job *jobs, unsigned int n)
{
	RTE_SET_USED(a);
	RTE_SET_USED(jobs);
	RTE_SET_USED(n);
}

static void
take(void *stage, struct rte_mbuf **pkts, unsigned int n)
{
	struct tg_crypto *c = stage;
	struct rte_mbuf *seal[TG_BURST];
	unsigned int i, n_seal = 0;

	for (i = 0; i < n; i++) {
		rte_prefetch0(tg_meta(pkts[i]));
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	}
	tg_fetch_sessions(c->env, pkts, n);
	for (i = 0; i < n; i++) {
		if (tg_meta(pkts[i])->op == TG_OP_OPEN)
			tg_open_add(c, pkts[i]);
		else
			seal[n_seal++] = pkts[i];
	}
	tg_seal_add(c, seal, n_seal);
	c->counters.in += n;
}

static unsigned int
poll_without_queue(struct tg_crypto *c, uint64_t now)
{
	unsigned int i, n = 0;

	c->now = now;
	for (i = 0; i < c->env->n_tx; i++)
		n += tg_drain(c->from_tx[i], take, c);
	tg_seal_held(c);
	tg_open_parked(c);
	for (i = 0; i < c->env->n_rx; i++)
		n += tg_drain(c->from_rx[i], take, c);
	n += tg_drain(c->from_control, take, c);
	tg_open_flush(c);
	tg_seal_flush(c);
	for (i = 0; i < c->env->n_tx; i++)
		tg_outbox_flush(&c->tx[i], &c->counters);
	tg_outbox_flush(&c->local, &c->counters);
	return n;
}

static const struct way {
	const char *name, *help;
	unsigned int (*poll)(struct tg_crypto *c, uint64_t now);
	unsigned int at_once; /* packets that come before a poll */
	double goal;
} ways[] = {
	{"without", "no queue", poll_without_queue, TG_BURST, 0},
	{"bypass", "passing by, less that", stage_crypto_poll, TG_BURST, GOAL},
	{"queued", "through it, less that", stage_crypto_poll, POLL_MAX, 0},
};

/* So many packets to the stage; polls until it has given them on. */
static uint64_t
pass(struct world *w, const struct way *way, struct rte_mbuf **pkts)
{
	struct tg_crypto *c = w->p.crypto[0];
	uint64_t now = tg_now(), start;

	rte_ring_sp_enqueue_bulk(c->from_rx[0], (void **)pkts, way->at_once, NULL);
	start = bench_clock();
	for (uint64_t out = c->counters.out + way->at_once; c->counters.out < out;)
		way->poll(c, now);
	return bench_clock() - start;
}

static void
run(struct world *w, const struct way *way, uint64_t clock_cost, struct bench_samples *s)
{
	const struct world_traffic t = {.direction = WORLD_ENCRYPT, .flows = 1, .len = 64};
	struct rte_mbuf *pkts[POLL_MAX];
	uint64_t cycles = 0;

	world_fill(w, &t);
	for (unsigned int half = 0; half < WORLD_WINDOW; half += POLL_MAX) {
		for (unsigned int i = 0; i < POLL_MAX; i += TG_BURST)
			world_feed(w, t.direction, half + i);
		stage_rx_poll(w->p.rx[0], tg_now());
		if (!rte_ring_sc_dequeue_bulk(
			    w->p.crypto[0]->from_rx[0], (void **)pkts, POLL_MAX, NULL))
			rte_exit(EXIT_FAILURE, "bench: RX has lost packets\n");
		for (unsigned int i = 0; i < POLL_MAX; i += way->at_once)
			cycles += pass(w, way, &pkts[i]) - clock_cost;
		while (rte_ring_count(w->p.tx[0]->from_crypto[0]) ||
			fq_backlog_packets(w->p.tx[0]->wires[WAN].queue))
			stage_tx_poll(w->p.tx[0], tg_now());
	}
	while (!world_is_through(w, t.direction))
		stage_tx_poll(w->p.tx[0], tg_now());
	world_collect(w, t.direction);
	bench_sample(s, (double)cycles / WORLD_WINDOW);
}

static void
report(const struct bench_samples samples[RTE_DIM(ways)])
{
	for (unsigned int i = 0; i < RTE_DIM(ways); i++) {
		double least = bench_least(&samples[i]), less = i ? bench_least(&samples[0]) : 0;
		char key[32];

		printf("%-28s %8.1f cycles\n", ways[i].help, least - less);
		snprintf(key, sizeof(key), "crypto_queue_%s", ways[i].name);
		bench_record(&(struct bench_record){.name = key,
			.value = least - less,
			.unit = "cycles per packet",
			.goal_value = ways[i].goal});
	}
}

int
main(int argc, char **argv)
{
	static struct bench_samples samples[RTE_DIM(ways)];
	uint64_t clock_cost;
	struct world *w;

	bench_start(argc, argv);
	if (tg_meta_register() || sodium_init() < 0)
		rte_exit(EXIT_FAILURE, "bench: no room in mbufs, or no libsodium\n");
	tg_clock_init();
	clock_cost = bench_clock_cost(bench_clock);
	w = world_create(1);
	for (unsigned int i = 0; i <= bench_repeats(); i++) {
		/* The first turn warms up. */
		if (i == 1)
			memset(samples, 0, sizeof(samples));
		for (unsigned int way = 0; way < RTE_DIM(ways); way++)
			run(w, &ways[way], clock_cost, &samples[way]);
	}
	report(samples);
	world_destroy(w);
	bench_end();
	return EXIT_SUCCESS;
}
