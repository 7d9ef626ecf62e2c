/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles per packet of the whole data path on one lcore, all stages and queues, beside the cipher
 * alone on the same packets in the same buffers, turn by turn. Then the same stage by stage.
 */
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "bench.h"
#include "bench_world.h"
#include "clock.h"

static const struct {
	const char *name;
	uint16_t len;
} sizes[] = {{"64", 64}, {"128", 128}, {"512", 512}, {"1024", 1024}, {"1420", 1420}, {"imix", 0}};

static const struct {
	const char *name;
	uint16_t len;
	double goal[2]; /* encrypt, decrypt: times the cipher alone */
} goals[] = {{"64", 64, {1.7, 1.8}}, {"512", 512, {1.3, 1.4}}, {"1420", 1420, {1.2, 1.25}}};

static const char *const directions[] = {"encrypt", "decrypt"};

/* All peers active, and each flow. */
static const struct load {
	uint32_t peers, flows;
	bool shaped;
	bool slow; /* not in the quick run */
} loads[] = {{1, 1, false, false}, {1, 1, true, false}, {1, 10000, false, true},
	{1000, 1000, false, false}, {1000, 10000, false, true}, {100000, 100000, false, true}};

/* Turns come at different times, and a busy machine is no failure of ours: it gets another try. */
#define TRIES 3
#define TOLERANCE 0.25
#define TOLERANCE_OF_TURNS 4
#define MANY_PEERS 100000
#define MANY_PEERS_GOAL 1.3

struct measured {
	struct bench_samples cipher, whole, stages[TG_STAGE_KINDS];
	struct bench_samples covered; /* share of its turn that the stages explain */
};

static uint64_t clock_cost;

/* Over the cipher alone, by direction and size, for one peer with one flow. */
static double base[RTE_DIM(directions)][RTE_DIM(sizes)];

static void
run_cipher(struct world *w, const struct world_traffic *t, struct measured *r)
{
	uint64_t start, cycles = 0;

	world_fill(w, t);
	for (unsigned int i = 0; i < WORLD_WINDOW; i += TG_BURST) {
		start = bench_clock();
		if (t->direction == WORLD_ENCRYPT)
			aead_seal_burst(w->aead, &w->jobs[i], TG_BURST);
		else if (aead_open_burst(w->aead, &w->jobs[i], TG_BURST) != TG_BURST)
			rte_exit(EXIT_FAILURE, "bench: a tag is wrong\n");
		cycles += bench_clock() - start - clock_cost;
	}
	bench_sample(&r->cipher, (double)cycles / WORLD_WINDOW);
}

static void
run_whole(struct world *w, const struct world_traffic *t, struct measured *r)
{
	uint64_t start;

	world_fill(w, t);
	start = bench_clock();
	for (unsigned int i = 0; i < WORLD_ROUNDS && !world_is_through(w, t->direction); i++) {
		world_feed(w, t->direction, i * TG_BURST);
		world_round(w);
	}
	bench_sample(&r->whole, (double)(bench_clock() - start - clock_cost) / WORLD_WINDOW);
	world_collect(w, t->direction);
}

static void
run_stages(struct world *w, const struct world_traffic *t, struct measured *r)
{
	struct tg_worker *worker = &w->p.workers[0];
	uint64_t cycles[TG_STAGE_KINDS] = {0}, start, sum = 0, whole;

	world_fill(w, t);
	whole = bench_clock();
	for (unsigned int i = 0; i < WORLD_ROUNDS && !world_is_through(w, t->direction); i++) {
		uint64_t now = tg_now();

		world_feed(w, t->direction, i * TG_BURST);
		for (unsigned int s = 0; s < worker->n_stages; s++) {
			start = bench_clock();
			worker->stages[s].poll(worker->stages[s].stage, now);
			cycles[s] += bench_clock() - start - clock_cost;
		}
		rte_rcu_qsbr_quiescent(worker->qsbr, worker->reader);
	}
	whole = bench_clock() - whole;
	for (unsigned int s = 0; s < TG_STAGE_KINDS; s++) {
		bench_sample(&r->stages[s], (double)cycles[s] / WORLD_WINDOW);
		sum += cycles[s];
	}
	bench_sample(&r->covered, (double)sum / (double)whole);
	world_collect(w, t->direction);
}

/* Each flow sends once: what is made, and memory that is touched, for the first time is no part. */
static void
begin_all(struct world *w, const struct world_traffic *t, struct measured *r)
{
	struct world_traffic in_turn = *t;

	in_turn.in_turn = true;
	for (uint32_t i = 0; i < t->flows; i += WORLD_WINDOW) {
		memset(r, 0, sizeof(*r));
		run_whole(w, &in_turn, r);
	}
}

static void
take_turns(struct world *w, const struct world_traffic *t, struct measured *r)
{
	memset(r, 0, sizeof(*r));
	for (unsigned int i = 0; i <= bench_repeats(); i++) {
		/* The first turn warms up. */
		if (i == 1)
			memset(r, 0, sizeof(*r));
		run_cipher(w, t, r);
		run_whole(w, t, r);
		run_stages(w, t, r);
	}
}

/* Whether the stages add up, to their own turn and to the turns without a clock between them. */
static bool
adds_up(const char *name, const struct measured *r)
{
	double sum = 0, whole = bench_least(&r->whole), covered = bench_median(&r->covered);

	for (unsigned int s = 0; s < TG_STAGE_KINDS; s++)
		sum += bench_least(&r->stages[s]);
	if (covered > 1 - TOLERANCE && covered < 1 + TOLERANCE &&
		sum < TOLERANCE_OF_TURNS * whole && whole < TOLERANCE_OF_TURNS * sum)
		return true;
	fprintf(stderr, "%s: stages are %.2f of their turns; %.0f cycles, and the whole %.0f\n",
		name, covered, sum, whole);
	return false;
}

static bool
measure(const char *name, struct world *w, const struct world_traffic *t, struct measured *r)
{
	begin_all(w, t, r);
	for (unsigned int i = 0; i < TRIES; i++) {
		take_turns(w, t, r);
		if (adds_up(name, r))
			return true;
	}
	return false;
}

static double
goal_of(enum world_direction d, uint16_t len, const struct load *load)
{
	for (unsigned int i = 0; i < RTE_DIM(goals); i++)
		if (goals[i].len == len && load->flows == 1 && !load->shaped)
			return goals[i].goal[d];
	return 0;
}

static void
report_one(const char *name, const char *what, const struct bench_samples *s,
	const struct bench_samples *cipher)
{
	char key[96];

	snprintf(key, sizeof(key), "%s_%s", name, what);
	bench_record(&(struct bench_record){.name = key,
		.value = bench_least(s),
		.unit = "cycles per packet",
		.ratio = bench_least(s) / bench_least(cipher)});
}

/* What more peers cost: how far above the cipher each is, so that a slower hour falls out. */
static void
report_growth(const char *name, double ratio, double before)
{
	char key[96];

	snprintf(key, sizeof(key), "%s_against_1_peer", name);
	printf("  %-32s %34.2f\n", "against 1 peer", ratio / before);
	bench_record(&(struct bench_record){.name = key,
		.value = ratio / before,
		.unit = "of the cycles with 1 peer",
		.goal_value = MANY_PEERS_GOAL});
}

static void
report_median(const char *name, const struct measured *r)
{
	char key[96];

	snprintf(key, sizeof(key), "%s_median", name);
	bench_record(&(struct bench_record){.name = key,
		.value = bench_median(&r->whole),
		.unit = "cycles per packet",
		.ratio = bench_median_ratio(&r->whole, &r->cipher)});
}

static void
report(const char *name, const struct world_traffic *t, const struct load *load, unsigned int size,
	const struct measured *r)
{
	double ratio = bench_least(&r->whole) / bench_least(&r->cipher);

	printf("%-32s %8.0f %8.0f %8.2f %8.0f %8.0f %8.0f %8.0f %8.0f %8.2f\n", name,
		bench_least(&r->cipher), bench_least(&r->whole), ratio,
		bench_least(&r->stages[TG_STAGE_RX]), bench_least(&r->stages[TG_STAGE_CRYPTO]),
		bench_least(&r->stages[TG_STAGE_TX]), bench_median(&r->cipher),
		bench_median(&r->whole), bench_median_ratio(&r->whole, &r->cipher));
	bench_record(&(struct bench_record){.name = name,
		.value = bench_least(&r->whole),
		.unit = "cycles per packet",
		.ratio = ratio,
		.goal_ratio = goal_of(t->direction, t->len, load)});
	report_median(name, r);
	report_one(name, "cipher", &r->cipher, &r->cipher);
	for (unsigned int s = 0; s < TG_STAGE_KINDS; s++)
		report_one(name, tg_stage_name(s), &r->stages[s], &r->cipher);
	if (load->peers == 1 && load->flows == 1 && !load->shaped)
		base[t->direction][size] = ratio;
	if (load->peers == MANY_PEERS && base[t->direction][size])
		report_growth(name, ratio, base[t->direction][size]);
}

static struct world *
world_of(struct world *w, uint32_t peers)
{
	if (w && w->n_peers == peers)
		return w;
	world_destroy(w);
	return world_create(peers);
}

static bool
run_load(struct world **w, const struct load *load)
{
	static struct measured r;
	bool good = true;
	char name[64];

	for (unsigned int d = 0; d < RTE_DIM(directions); d++) {
		for (unsigned int size = 0; size < RTE_DIM(sizes); size++) {
			struct world_traffic t = {
				.direction = d, .flows = load->flows, .len = sizes[size].len};

			snprintf(name, sizeof(name), "%s_%s_%up_%uf%s", directions[d],
				sizes[size].name, load->peers, load->flows,
				load->shaped ? "_shaped" : "");
			if (!bench_is_wanted(name))
				continue;
			*w = world_of(*w, load->peers);
			world_shape(*w, load->shaped);
			good &= measure(name, *w, &t, &r);
			report(name, &t, load, size, &r);
		}
	}
	return good;
}

int
main(int argc, char **argv)
{
	struct world *w = NULL;
	bool good = true;

	bench_start(argc, argv);
	if (tg_meta_register() || sodium_init() < 0)
		rte_exit(EXIT_FAILURE, "bench: no room in mbufs, or no libsodium\n");
	tg_clock_init();
	clock_cost = bench_clock_cost(bench_clock);
	printf("%-32s %53s %26s\n", "cycles per packet", "least", "median");
	printf("%-32s %8s %8s %8s %8s %8s %8s %8s %8s %8s\n", "size_peers_flows", "cipher", "whole",
		"ratio", "rx", "crypto", "tx", "cipher", "whole", "ratio");
	for (unsigned int i = 0; i < RTE_DIM(loads); i++)
		if (!loads[i].slow || !bench_leaves_out_slow())
			good &= run_load(&w, &loads[i]);
	world_destroy(w);
	bench_end();
	if (!good)
		rte_exit(EXIT_FAILURE, "bench: the stages do not add up to the whole\n");
	return EXIT_SUCCESS;
}
