/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the cycles of the data path go. The linker puts wrappers round the functions in which a
 * stage does one thing each (--wrap, meson.build), here they read the clock; what the stages do
 * besides is the rest. So it is the real path in its real order that is taken apart, and nothing of
 * it knows. Rings are inline: two hops are measured beside it and taken off the rest.
 *
 * Reading the clock costs as much as some parts do. How much is the difference to the path without
 * clocks; it is taken off. What is left must add up, within what a busy machine allows: no part may
 * come out negative, and the clock may not have cost much more in the path than by itself.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rte_ethdev.h>
#include <sodium.h>

#include "bench.h"
#include "bench_world.h"
#include "eth.h"
#include "fq.h"
#include "hash.h"
#include "path.h"
#include "route.h"

#define PARTS(X)                                                                                   \
	X(PORT, "port", "the ports: two rings here, a driver elsewhere")                           \
	X(PARSE, "parse", "Ethernet and IP header, inner and outer")                               \
	X(HASH, "hash", "flow hash")                                                               \
	X(ROUTE, "route", "route, AllowedIPs, TTL")                                                \
	X(RINGS, "rings", "two hops between stages")                                               \
	X(SESSION, "session", "session by index, replay window")                                   \
	X(CIPHER, "cipher", "ChaCha20-Poly1305")                                                   \
	X(QUEUE, "queue", "tins, flows, CoDel, shaper")                                            \
	X(HEADER, "header", "outer header")                                                        \
	X(REST, "rest", "everything else of the stages")

enum part {
#define X(sym, name, help) PART_##sym,
	PARTS(X)
#undef X
		PART_COUNT,
};

static const struct {
	const char *name, *help;
} parts[] = {
#define X(sym, name, help) {name, help},
	PARTS(X)
#undef X
};

/* How far the sum may be off: clocks in the path disturb it, and so does whoever else is here. */
#define TOLERANCE 0.5
#define ATTEMPTS 5

static bool watching;
static uint64_t cycles[PART_COUNT];
static uint64_t readings[PART_COUNT]; /* pairs */

static inline uint64_t
begin(void)
{
	return watching ? rte_rdtsc() : 0;
}

static inline void
end(enum part part, uint64_t start)
{
	if (!watching)
		return;
	cycles[part] += rte_rdtsc() - start;
	readings[part]++;
}

/* WRAP(part, what it returns, name, (parameters), (arguments)) */
#define WRAP(part, type, name, params, args)                                                       \
	type __real_##name params;                                                                 \
	type __wrap_##name params;                                                                 \
	type __wrap_##name params                                                                  \
	{                                                                                          \
		uint64_t start = begin();                                                          \
		type result = __real_##name args;                                                  \
                                                                                                   \
		end(PART_##part, start);                                                           \
		return result;                                                                     \
	}

/* clang-format off */
WRAP(PARSE, enum pkt_ip_reason, pkt_ip_check,
	(const uint8_t *p, uint32_t avail, struct pkt_ip *out), (p, avail, out))
WRAP(HASH, uint32_t, pkt_flow_hash,
	(const struct pkt_ip *ip, const uint8_t *p, uint64_t salt), (ip, p, salt))
WRAP(ROUTE, struct tg_way, tg_route_lookup,
	(const struct tg_env *env, const struct pkt_ip *ip, const struct wg_peer *peer), (env, ip, peer))
WRAP(ROUTE, enum tg_op, tg_route,
	(const struct tg_env *env, struct tg_counters *c, struct rte_mbuf *m, const struct pkt_ip *ip,
		const struct tg_way *way), (env, c, m, ip, way))
WRAP(SESSION, struct wg_keypair *, wg_index_keypair,
	(const struct wg_index *t, uint32_t index), (t, index))
WRAP(SESSION, bool, wg_replay_check, (const struct wg_replay *r, uint64_t counter), (r, counter))
WRAP(SESSION, bool, wg_replay_update, (struct wg_replay *r, uint64_t counter), (r, counter))
WRAP(CIPHER, unsigned int, aead_open_burst,
	(struct aead *a, struct aead_job *jobs, unsigned int n), (a, jobs, n))
WRAP(QUEUE, unsigned int, fq_pass_begin,
	(struct fq *q, unsigned int n, uint64_t now), (q, n, now))
WRAP(QUEUE, unsigned int, fq_dequeue_burst,
	(struct fq *q, uint64_t now, struct rte_mbuf **pkts, unsigned int n), (q, now, pkts, n))
WRAP(HEADER, int, pkt_outer_write_to,
	(const struct pkt_outer *o, uint64_t to, struct rte_mbuf *m, uint8_t tos, uint16_t id,
		enum pkt_outer_csum csum), (o, to, m, tos, id, csum))
/* clang-format on */

void __real_aead_seal_burst(struct aead *a, struct aead_job *jobs, unsigned int n);
void __wrap_aead_seal_burst(struct aead *a, struct aead_job *jobs, unsigned int n);
void
__wrap_aead_seal_burst(struct aead *a, struct aead_job *jobs, unsigned int n)
{
	uint64_t start = begin();

	__real_aead_seal_burst(a, jobs, n);
	end(PART_CIPHER, start);
}

void __real_fq_enqueue(struct fq *q, struct rte_mbuf *m, uint32_t tin_key,
	const struct fq_tin_conf *conf, uint64_t now);
void __wrap_fq_enqueue(struct fq *q, struct rte_mbuf *m, uint32_t tin_key,
	const struct fq_tin_conf *conf, uint64_t now);
void
__wrap_fq_enqueue(struct fq *q, struct rte_mbuf *m, uint32_t tin_key,
	const struct fq_tin_conf *conf, uint64_t now)
{
	uint64_t start = begin();

	__real_fq_enqueue(q, m, tin_key, conf, now);
	end(PART_QUEUE, start);
}

void
__real_fq_enqueue_burst(struct fq *q, const struct fq_item *items, unsigned int n, uint64_t now);
void
__wrap_fq_enqueue_burst(struct fq *q, const struct fq_item *items, unsigned int n, uint64_t now);
void
__wrap_fq_enqueue_burst(struct fq *q, const struct fq_item *items, unsigned int n, uint64_t now)
{
	uint64_t start = begin();

	__real_fq_enqueue_burst(q, items, n, now);
	end(PART_QUEUE, start);
}

void __real_fq_pass_end(struct fq *q, struct rte_mbuf *const *pkts, unsigned int n);
void __wrap_fq_pass_end(struct fq *q, struct rte_mbuf *const *pkts, unsigned int n);
void
__wrap_fq_pass_end(struct fq *q, struct rte_mbuf *const *pkts, unsigned int n)
{
	uint64_t start = begin();

	__real_fq_pass_end(q, pkts, n);
	end(PART_QUEUE, start);
}

/* A port's burst calls are behind pointers. */
static eth_rx_burst_t driver_rx;
static eth_tx_burst_t driver_tx;

static uint16_t
port_rx(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t start = begin();

	n = driver_rx(queue, pkts, n);
	end(PART_PORT, start);
	return n;
}

static uint16_t
port_tx(void *queue, struct rte_mbuf **pkts, uint16_t n)
{
	uint64_t start = begin();

	n = driver_tx(queue, pkts, n);
	end(PART_PORT, start);
	return n;
}

static void
watch_ports(const struct world *w)
{
	for (unsigned int i = 0; i < WORLD_PORTS; i++) {
		struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[w->p.env.ports[i].id];

		driver_rx = ops->rx_pkt_burst;
		driver_tx = ops->tx_pkt_burst;
		ops->rx_pkt_burst = port_rx;
		ops->tx_pkt_burst = port_tx;
	}
}

static void
take_nothing(void *stage, struct rte_mbuf **pkts, unsigned int n)
{
	RTE_SET_USED(stage);
	RTE_SET_USED(pkts);
	RTE_SET_USED(n);
}

/* A window through the ring between RX and crypto, twice as a packet takes two hops. */
static double
ring_hops(struct world *w)
{
	struct tg_outbox box = w->p.rx[0]->crypto[0];
	struct tg_counters counters = {0};
	uint64_t start = bench_clock();

	for (unsigned int i = 0; i < 2 * WORLD_WINDOW; i++) {
		tg_outbox_push(&box, w->window[i % WORLD_WINDOW], &counters);
		if (i % TG_BURST == TG_BURST - 1) {
			tg_outbox_flush(&box, &counters);
			tg_drain(box.ring, take_nothing, NULL);
		}
	}
	return (double)(bench_clock() - start) / WORLD_WINDOW;
}

static uint64_t
window(struct world *w, const struct world_traffic *t, bool watch)
{
	uint64_t start, took;

	world_fill(w, t);
	memset(cycles, 0, sizeof(cycles));
	memset(readings, 0, sizeof(readings));
	watching = watch;
	start = bench_clock();
	for (unsigned int i = 0; i < WORLD_ROUNDS && !world_is_through(w, t->direction); i++) {
		world_feed(w, t->direction, i * TG_BURST);
		world_round(w);
	}
	took = bench_clock() - start;
	watching = false;
	world_collect(w, t->direction);
	return took;
}

struct measured {
	struct bench_samples part[PART_COUNT]; /* with what the clock adds to it */
	struct bench_samples watched, whole;
	double pairs[PART_COUNT]; /* of readings, for a packet */
};

/* What a pair of readings takes by itself, cycles. */
static double
clock_alone(void)
{
	const unsigned int n = 100000;
	uint64_t start = bench_clock();

	watching = true;
	for (unsigned int i = 0; i < n; i++)
		end(PART_PORT, begin());
	watching = false;
	return (double)(bench_clock() - start) / n;
}

static void
run(struct world *w, const struct world_traffic *t, struct measured *r)
{
	double whole = (double)window(w, t, false) / WORLD_WINDOW;
	double watched = (double)window(w, t, true) / WORLD_WINDOW;
	double hops = ring_hops(w), rest = watched - hops;

	for (unsigned int i = 0; i < PART_REST; i++) {
		double part = (double)cycles[i] / WORLD_WINDOW;

		rest -= part;
		bench_sample(&r->part[i], i == PART_RINGS ? hops : part);
		r->pairs[i] = (double)readings[i] / WORLD_WINDOW;
	}
	bench_sample(&r->part[PART_REST], rest);
	bench_sample(&r->watched, watched);
	bench_sample(&r->whole, whole);
}

static double
sum_of_pairs(const struct measured *r)
{
	double sum = 0;

	for (unsigned int i = 0; i < PART_REST; i++)
		sum += r->pairs[i];
	return sum;
}

/* What a pair costs in the path. */
static double
clock_here(const struct measured *r)
{
	return (bench_least(&r->watched) - bench_least(&r->whole)) / sum_of_pairs(r);
}

/* One half of what a pair costs falls into the part, the other into the rest. */
static double
value_of(const struct measured *r, enum part part)
{
	double pairs = part == PART_REST ? sum_of_pairs(r) : r->pairs[part];

	return bench_least(&r->part[part]) - pairs * clock_here(r) / 2;
}

static double
sum_of_parts(const struct measured *r)
{
	double sum = 0;

	for (unsigned int i = 0; i < PART_COUNT; i++)
		sum += RTE_MAX(value_of(r, i), 0);
	return sum;
}

static bool
adds_up(const struct measured *r, double alone)
{
	double whole = bench_least(&r->whole);

	for (unsigned int i = 0; i < PART_COUNT; i++)
		if (value_of(r, i) < -TOLERANCE * whole)
			return false;
	return clock_here(r) < 4 * alone && sum_of_parts(r) < (1 + TOLERANCE) * whole;
}

static void
report(const char *direction, const char *size, const struct measured *r)
{
	double whole = bench_least(&r->whole);
	char name[64];

	snprintf(name, sizeof(name), "%s_%s", direction, size);
	printf("%-14s %7.0f", name, whole);
	for (unsigned int i = 0; i < PART_COUNT; i++) {
		double value = value_of(r, i);

		printf(" %7.0f", value);
		snprintf(name, sizeof(name), "parts_%s_%s_%s", direction, size, parts[i].name);
		bench_record(&(struct bench_record){.name = name,
			.value = value,
			.unit = "cycles per packet",
			.ratio = value / whole});
	}
	printf(" %7.2f\n", sum_of_parts(r) / whole);
}

static void
measure(struct world *w, const struct world_traffic *t, struct measured *r)
{
	memset(r, 0, sizeof(*r));
	window(w, t, true);
	for (unsigned int i = 0; i < bench_repeats(); i++)
		run(w, t, r);
}

static bool
run_direction(struct world *w, enum world_direction d, const char *name, double alone)
{
	static const uint16_t sizes[] = {64, 128, 512, 1024, 1420, 0};
	static const char *const size_names[] = {"64", "128", "512", "1024", "1420", "imix"};
	static struct measured r;
	bool good = true;

	for (unsigned int s = 0; s < RTE_DIM(sizes); s++) {
		struct world_traffic t = {.direction = d, .flows = 10000, .len = sizes[s]};

		/* Again, when others were using the machine while the clock was being judged. */
		for (unsigned int i = 0; i < ATTEMPTS; i++) {
			measure(w, &t, &r);
			if (adds_up(&r, alone))
				break;
		}
		report(name, size_names[s], &r);
		good &= adds_up(&r, alone);
	}
	return good;
}

int
main(int argc, char **argv)
{
	struct world *w;
	double alone;
	bool good;

	bench_start(argc, argv);
	if (tg_meta_register() || sodium_init() < 0)
		rte_exit(EXIT_FAILURE, "bench: no room in mbufs, or no libsodium\n");
	tg_clock_init();
	alone = clock_alone();
	w = world_create(1000);
	world_shape(w, true);
	watch_ports(w);
	printf("1000 peers, 10000 flows, ports shaped; cycles per packet, least\n%-14s %7s", "",
		"whole");
	for (unsigned int i = 0; i < PART_COUNT; i++)
		printf(" %7s", parts[i].name);
	printf(" %7s\n", "sum");
	good = run_direction(w, WORLD_ENCRYPT, "encrypt", alone);
	good &= run_direction(w, WORLD_DECRYPT, "decrypt", alone);
	for (unsigned int i = 0; i < PART_COUNT; i++)
		printf("%-8s %s\n", parts[i].name, parts[i].help);
	world_destroy(w);
	bench_end();
	if (!good)
		rte_exit(EXIT_FAILURE, "the parts do not add up to the whole\n");
	return EXIT_SUCCESS;
}
