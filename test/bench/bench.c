/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_debug.h>
#include <rte_eal.h>

#define HUGEPAGES_FREE "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"
#define MEMORY_MIB 768
#define REPEATS 51
#define REPEATS_QUICK 9

static bool quick;
static const char *only;
static FILE *json;
static bool json_any;

bool
bench_leaves_out_slow(void)
{
	return quick && !only;
}

unsigned int
bench_repeats(void)
{
	return quick ? REPEATS_QUICK : REPEATS;
}

bool
bench_is_wanted(const char *name)
{
	return !only || strstr(name, only);
}

static void
read_options(int argc, char **argv)
{
	static const struct option longs[] = {{"json", required_argument, NULL, 'j'},
		{"quick", no_argument, NULL, 'q'}, {"only", required_argument, NULL, 'o'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'q')
			quick = true;
		else if (c == 'o')
			only = optarg;
		else if (c != 'j' || !(json = fopen(optarg, "w")))
			rte_exit(EXIT_FAILURE,
				"usage: %s [--json FILE] [--quick] [--only TEXT] [-- EAL]\n",
				argv[0]);
	}
}

static bool
hugepages_are_free(void)
{
	FILE *f = fopen(HUGEPAGES_FREE, "re");
	unsigned long n = 0;

	if (f && fscanf(f, "%lu", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n >= MEMORY_MIB / 2;
}

void
bench_start(int argc, char **argv)
{
	static char args[][16] = {"bench", "--no-pci", "--no-telemetry", "--no-shconf", "-m",
		RTE_STR(MEMORY_MIB), "-l", "0", "--log-level", "lib.eal:4", "--in-memory"};
	char *defaults[RTE_DIM(args) + 1] = {NULL};
	bool own, huge = hugepages_are_free();

	read_options(argc, argv);
	own = argc > optind;
	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		defaults[i] = args[i];
	if (!huge)
		strcpy(args[RTE_DIM(args) - 1], "--no-huge");
	if (own)
		argv[optind - 1] = argv[0];
	if (rte_eal_init(own ? argc - optind + 1 : (int)RTE_DIM(args),
		    own ? argv + optind - 1 : defaults) < 0)
		rte_exit(EXIT_FAILURE, "no EAL\n");
	printf("TSC %.2f GHz, %s\n", (double)rte_get_tsc_hz() / 1e9,
		own	       ? "EAL as told"
			: huge ? "hugepages"
			       : "no hugepages");
	if (json)
		fputc('[', json);
}

void
bench_end(void)
{
	if (json) {
		fputs("\n]\n", json);
		fclose(json);
	}
	rte_eal_cleanup();
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
bench_median(const struct bench_samples *s)
{
	struct bench_samples sorted = *s;

	qsort(sorted.value, sorted.n, sizeof(sorted.value[0]), compare);
	return sorted.value[sorted.n / 2];
}

double
bench_least(const struct bench_samples *s)
{
	double least = s->value[0];

	for (unsigned int i = 1; i < s->n; i++)
		least = RTE_MIN(least, s->value[i]);
	return least;
}

double
bench_median_ratio(const struct bench_samples *a, const struct bench_samples *b)
{
	struct bench_samples ratios = {0};

	for (unsigned int i = 0; i < a->n; i++)
		bench_sample(&ratios, a->value[i] / b->value[i]);
	return bench_median(&ratios);
}

void
bench_record(const struct bench_record *r)
{
	bool met = (!r->goal_value || r->value <= r->goal_value) &&
		(!r->goal_ratio || r->ratio <= r->goal_ratio);

	if (!json)
		return;
	fprintf(json, "%s\n  {\"name\": \"%s\", \"value\": %.3f, \"unit\": \"%s\", \"ratio\": ",
		json_any ? "," : "", r->name, r->value, r->unit);
	json_any = true;
	if (r->ratio)
		fprintf(json, "%.3f", r->ratio);
	else
		fputs("null", json);
	if (r->goal_ratio)
		fprintf(json, ", \"goal\": \"ratio <= %g\"", r->goal_ratio);
	else if (r->goal_value)
		fprintf(json, ", \"goal\": \"<= %g\"", r->goal_value);
	else {
		fputs(", \"goal\": null, \"met\": null}", json);
		return;
	}
	fprintf(json, ", \"met\": %s}", met ? "true" : "false");
}

uint64_t
bench_clock_cost(uint64_t (*clock)(void))
{
	uint64_t least = UINT64_MAX;

	for (unsigned int i = 0; i < 10000; i++) {
		uint64_t t = clock();

		least = RTE_MIN(least, clock() - t);
	}
	return least;
}
