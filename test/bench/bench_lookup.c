/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles of a look-up, at 1 to 1,000,000 peers: AllowedIPs by IPv4 and IPv6 address, the session by
 * receiver index. Keys are random, so that beyond some thousand peers each look-up misses caches;
 * each begins before the last one is known, as in a burst.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <rte_common.h>
#include <rte_debug.h>

#include "allowedips.h"
#include "bench.h"
#include "index.h"
#include "keypair.h"
#include "test_random.h"

#define LOOKUPS 4096
#define NET4 0x0a000000u

/*
 * A session as far as the index reads it, which is its first cache lines: a million whole ones
 * would take more than a gigabyte.
 */
#define SESSION_SIZE offsetof(struct wg_keypair, replay.bits)

struct tables {
	uint32_t n;
	struct rcu *rcu;
	struct wg_allowedips *allowed;
	struct wg_allowedips_list list;
	struct wg_index *index;
	uint8_t *sessions;
	uint32_t *indices;
	uint64_t random;
};

static uint64_t state;

static void
fill_random(void *ctx, void *buf, size_t len)
{
	RTE_SET_USED(ctx);
	for (uint8_t *p = buf; len--; p++)
		*p = (uint8_t)test_random(&state);
}

static void
need(bool good, const char *what)
{
	if (!good)
		rte_exit(EXIT_FAILURE, "bench: %s\n", what);
}

/* A /32, and a /64 for which the middle of the address counts. */
static void
address4(uint32_t i, uint8_t addr[16])
{
	rte_be32_t be = rte_cpu_to_be_32(NET4 + i);

	memcpy(addr, &be, sizeof(be));
}

static void
address6(uint32_t i, uint8_t addr[16])
{
	rte_be32_t be = rte_cpu_to_be_32(i);

	memset(addr, 0, 16);
	addr[0] = 0xfd;
	memcpy(addr + 4, &be, sizeof(be));
}

static void
add_peer(struct tables *t, uint32_t i)
{
	struct wg_peer *nobody = (void *)(uintptr_t)(RTE_CACHE_LINE_SIZE * (i + 1ul));
	struct wg_keypair *kp = (void *)&t->sessions[i * SESSION_SIZE];
	struct lpm_prefix p4 = {.family = AF_INET, .len = 32};
	struct lpm_prefix p6 = {.family = AF_INET6, .len = 64};

	address4(i, p4.addr);
	address6(i, p6.addr);
	need(wg_allowedips_insert(t->allowed, &p4, &t->list, nobody) == 0 &&
			wg_allowedips_insert(t->allowed, &p6, &t->list, nobody) == 0 &&
			wg_index_add_handshake(t->index, nobody, 0, &t->indices[i]) == 0,
		"no memory for peers");
	kp->local_index = t->indices[i];
	wg_index_set_keypair(t->index, t->indices[i], kp);
}

static void
create(struct tables *t, uint32_t n)
{
	static const struct wg_random random = {fill_random, NULL};

	*t = (struct tables){.n = n, .rcu = rcu_create(1)};
	t->allowed = wg_allowedips_create(t->rcu, t->n);
	t->index = wg_index_create(n, 1, &random);
	t->sessions = aligned_alloc(RTE_CACHE_LINE_SIZE, n * SESSION_SIZE);
	t->indices = calloc(n, sizeof(*t->indices));
	need(t->rcu && t->allowed && t->index && t->sessions && t->indices, "no memory for tables");
	wg_allowedips_list_init(&t->list);
	for (uint32_t i = 0; i < n; i++)
		add_peer(t, i);
}

static void
destroy(struct tables *t)
{
	wg_allowedips_destroy(t->allowed);
	wg_index_destroy(t->index);
	rcu_destroy(t->rcu);
	free(t->sessions);
	free(t->indices);
}

static bool
look_up4(const struct tables *t, uint32_t i)
{
	uint8_t addr[16];

	address4(i, addr);
	return wg_allowedips_lookup4(t->allowed, addr) != NULL;
}

static bool
look_up6(const struct tables *t, uint32_t i)
{
	uint8_t addr[16];

	address6(i, addr);
	return wg_allowedips_lookup6(t->allowed, addr) != NULL;
}

static bool
look_up_session(const struct tables *t, uint32_t i)
{
	return wg_index_keypair(t->index, t->indices[i]) != NULL;
}

static const struct kind {
	const char *name;
	bool (*look_up)(const struct tables *t, uint32_t i);
} kinds[] = {{"allowedips4", look_up4}, {"allowedips6", look_up6}, {"session", look_up_session}};

static double
turn(struct tables *t, const struct kind *k)
{
	static uint32_t keys[LOOKUPS];
	unsigned int found = 0;
	uint64_t start;

	for (unsigned int i = 0; i < LOOKUPS; i++)
		keys[i] = (uint32_t)(test_random(&t->random) % t->n);
	start = bench_clock();
	for (unsigned int i = 0; i < LOOKUPS; i++)
		found += k->look_up(t, keys[i]);
	start = bench_clock() - start;
	need(found == LOOKUPS, "a look-up found nothing");
	return (double)start / LOOKUPS;
}

static void
run(uint32_t n)
{
	static struct bench_samples s[RTE_DIM(kinds)];
	struct tables t;
	char name[48];

	create(&t, n);
	memset(s, 0, sizeof(s));
	for (unsigned int r = 0; r < bench_repeats(); r++)
		for (unsigned int k = 0; k < RTE_DIM(kinds); k++)
			bench_sample(&s[k], turn(&t, &kinds[k]));
	printf("%-12u", n);
	for (unsigned int k = 0; k < RTE_DIM(kinds); k++) {
		printf(" %12.0f", bench_least(&s[k]));
		snprintf(name, sizeof(name), "lookup_%s_%u", kinds[k].name, n);
		bench_record(&(struct bench_record){
			.name = name, .value = bench_least(&s[k]), .unit = "cycles"});
	}
	putchar('\n');
	destroy(&t);
}

int
main(int argc, char **argv)
{
	static const uint32_t peers[] = {1, 100, 10000, 100000, 1000000};

	bench_start(argc, argv);
	printf("%-12s", "peers");
	for (unsigned int k = 0; k < RTE_DIM(kinds); k++)
		printf(" %12s", kinds[k].name);
	putchar('\n');
	for (unsigned int i = 0; i < RTE_DIM(peers); i++)
		if (!bench_leaves_out_slow() || peers[i] <= 10000)
			run(peers[i]);
	bench_end();
	return EXIT_SUCCESS;
}
