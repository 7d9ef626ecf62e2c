/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a flood of initiations costs the data path: messages of peers are opened by the stages on
 * one lcore, handshakes are another's, and to each packet come FLOOD initiations that no peer has
 * sent. mac1 is wrong, or right, as who knows our public key can make it. Without and with them
 * turn by turn.
 *
 * RX has to take them out of the port to know what they are. So the cost is RX's: with stages on
 * lcores of their own it is none as long as RX is not the slowest ("apart"), else a share of the
 * lcore that grows with the rate of the flood, here at the line rates of two ports.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "bench.h"
#include "bench_wire.h"
#include "bench_world.h"
#include "cookie.h"

#define PEERS 1000u
#define LEN 512
#define FLOOD 4
#define FLOOD_BURST (FLOOD * TG_BURST)
#define MADE 256u /* different initiations */
#define MBUFS 8191u
/* Preamble, frame, FCS and gap of an initiation over IPv4. */
#define WIRE_BITS (8 * (8 + 14 + 20 + 8 + sizeof(struct wg_initiation) + 4 + 12))
#define GOAL 0.02

enum flood { NONE, WRONG_MAC1, RIGHT_MAC1, FLOODS };

struct measured {
	struct bench_samples rx, slowest, whole; /* of the stages, per packet of data */
};

static const char *const names[] = {"none", "wrong_mac1", "right_mac1"};
static struct wg_initiation made[FLOODS][MADE];
static struct rte_mempool *pool;
static _Atomic bool stop;

static void
need(bool good, const char *what)
{
	if (!good)
		rte_exit(EXIT_FAILURE, "bench_flood: %s\n", what);
}

static void
make_initiations(const struct world *w)
{
	struct wg_cookie cookie = {0};

	for (unsigned int i = 0; i < MADE; i++) {
		struct wg_initiation *msg = &made[WRONG_MAC1][i];

		randombytes_buf(msg, sizeof(*msg));
		msg->type = rte_cpu_to_le_32(WG_MESSAGE_INITIATION);
		made[RIGHT_MAC1][i] = *msg;
		wg_cookie_add_macs(&cookie, wg_device_identity(w->p.env.dev)->public_key,
			&made[RIGHT_MAC1][i], sizeof(*msg), 0);
	}
}

/* Without a flood they are made, too, as that takes the caches. */
static void
feed_flood(struct world *w, enum flood flood)
{
	static unsigned int next;
	struct wire_frame f = {.gateway = w->p.env.ports[WAN].mac};
	struct rte_mbuf *m[FLOOD_BURST];

	need(rte_pktmbuf_alloc_bulk(pool, m, FLOOD_BURST) == 0, "no mbufs");
	for (unsigned int i = 0; i < FLOOD_BURST; i++, next++) {
		f.peer = next % 65536;
		wire_write_initiation(m[i], &f, &made[flood][next % MADE]);
	}
	if (flood == NONE)
		rte_pktmbuf_free_bulk(m, FLOOD_BURST);
	else
		need(rte_ring_sp_enqueue_bulk(w->in[WAN], (void **)m, FLOOD_BURST, NULL),
			"port is full");
}

/* Control's end of the handshake stage, which here takes no job further. */
static void
end_jobs(struct world *w)
{
	void *job;

	while (rte_ring_sc_dequeue(w->p.handshake[0]->to_control, &job) == 0)
		tg_handshake_job_end(w->p.jobs, job);
}

static void *
run_handshakes(void *arg)
{
	need(rte_thread_register() == 0, "no lcore for handshakes");
	while (!atomic_load_explicit(&stop, memory_order_relaxed))
		stage_handshake_poll(arg, tg_now());
	rte_thread_unregister();
	return NULL;
}

static void
one_round(struct world *w, uint64_t cycles[TG_STAGE_KINDS])
{
	struct tg_worker *worker = &w->p.workers[0];
	uint64_t now = tg_now();

	for (unsigned int s = 0; s < worker->n_stages; s++) {
		uint64_t begun = bench_clock();

		worker->stages[s].poll(worker->stages[s].stage, now);
		cycles[s] += bench_clock() - begun;
	}
	rte_rcu_qsbr_quiescent(worker->qsbr, worker->reader);
}

static void
turn(struct world *w, enum flood flood, struct measured *r)
{
	const struct world_traffic t = {.direction = WORLD_DECRYPT, .flows = PEERS, .len = LEN};
	uint64_t c[TG_STAGE_KINDS] = {0};

	world_fill(w, &t);
	for (unsigned int i = 0; i < WORLD_ROUNDS && !world_is_through(w, t.direction); i++) {
		feed_flood(w, flood);
		world_feed(w, t.direction, i * TG_BURST);
		one_round(w, c);
		end_jobs(w);
	}
	bench_sample(&r->rx, (double)c[TG_STAGE_RX] / WORLD_WINDOW);
	bench_sample(&r->slowest,
		(double)RTE_MAX(c[TG_STAGE_RX], RTE_MAX(c[TG_STAGE_CRYPTO], c[TG_STAGE_TX])) /
			WORLD_WINDOW);
	bench_sample(&r->whole,
		(double)(c[TG_STAGE_RX] + c[TG_STAGE_CRYPTO] + c[TG_STAGE_TX]) / WORLD_WINDOW);
	world_collect(w, t.direction);
}

static void
record(const char *name, const char *what, double value, const char *unit, double goal)
{
	char key[96];

	snprintf(key, sizeof(key), "flood_%s_%s", name, what);
	printf("%-40s %10.3f %s%s\n", key, value, unit, goal && value > goal ? "  (missed)" : "");
	bench_record(&(struct bench_record){
		.name = key, .value = value, .unit = unit, .goal_value = goal});
}

static void
report(enum flood flood, const struct measured *r)
{
	double message = (bench_least(&r[flood].rx) - bench_least(&r[NONE].rx)) / FLOOD;
	double cycle = 1 / (double)rte_get_tsc_hz();
	const char *name = names[flood];

	record(name, "apart", bench_least(&r[flood].slowest) / bench_least(&r[NONE].slowest) - 1,
		"of the slowest stage's cycles", GOAL);
	record(name, "rx_cycles", message, "cycles per initiation", 0);
	record(name, "rx_1g", message * 1e9 / WIRE_BITS * cycle, "of RX's lcore", GOAL);
	record(name, "rx_10g", message * 1e10 / WIRE_BITS * cycle, "of RX's lcore", GOAL);
	record(name, "one_lcore", bench_least(&r[flood].whole) / bench_least(&r[NONE].whole) - 1,
		"of the cycles without, " RTE_STR(FLOOD) " initiations to a packet", 0);
}

static void
measure(struct world *w)
{
	static struct measured r[FLOODS];

	for (unsigned int i = 0; i <= bench_repeats(); i++) {
		/* The first turn warms up. */
		if (i == 1)
			memset(r, 0, sizeof(r));
		for (enum flood f = NONE; f < FLOODS; f++)
			turn(w, f, &r[f]);
	}
	report(WRONG_MAC1, r);
	report(RIGHT_MAC1, r);
}

int
main(int argc, char **argv)
{
	pthread_t thread;
	struct world *w;

	bench_start(argc, argv);
	if (tg_meta_register() || sodium_init() < 0)
		rte_exit(EXIT_FAILURE, "bench_flood: no room in mbufs, or no libsodium\n");
	tg_clock_init();
	w = world_create(PEERS);
	pool = rte_pktmbuf_pool_create(
		"flood", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	need(pool, "no memory");
	make_initiations(w);
	/* On cores that are not EAL's, if there are any. */
	need(rte_ctrl_thread_create(
		     &thread, "handshakes", NULL, run_handshakes, w->p.handshake[0]) == 0,
		"no thread");
	measure(w);
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	pthread_join(thread, NULL);
	end_jobs(w);
	world_destroy(w);
	rte_mempool_free(pool);
	bench_end();
	return EXIT_SUCCESS;
}
