/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the benchmarks share: options and EAL, the clock, statistics, and records.
 *
 * Cycles are those of the TSC. A sample is one turn of what is measured; things that are compared
 * take turns with each other, so that noise hits all of them. The least says what it costs when
 * nobody else uses the machine, the median what a run cost here.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_cycles.h>

#define BENCH_REPEATS_MAX 101

struct bench_samples {
	unsigned int n;
	double value[BENCH_REPEATS_MAX];
};

/* One line of the JSON array; zero for what there is not. Goals are "at most". */
struct bench_record {
	const char *name;
	double value;
	const char *unit;
	double ratio;
	double goal_value;
	double goal_ratio;
};

/*
 * Reads --quick, --json FILE and --only TEXT, behind "--" the arguments of EAL, and starts EAL: by
 * default on one core, with hugepages where enough are free, without them else. Ends the process on
 * failure.
 */
void bench_start(int argc, char **argv);
void bench_end(void);

/* Quick, and nothing named by --only. */
bool bench_leaves_out_slow(void);
unsigned int bench_repeats(void);
/* Does its name contain the text of --only? To look at one thing with a profiler. */
bool bench_is_wanted(const char *name);

static inline void
bench_sample(struct bench_samples *s, double value)
{
	s->value[s->n++] = value;
}

double bench_median(const struct bench_samples *s);
double bench_least(const struct bench_samples *s);
/* Of a over b, turn by turn. */
double bench_median_ratio(const struct bench_samples *a, const struct bench_samples *b);

void bench_record(const struct bench_record *r);

/* What the clock adds to what lies between two readings of it, cycles. */
uint64_t bench_clock_cost(uint64_t (*clock)(void));

static inline uint64_t
bench_clock(void)
{
	return rte_rdtsc_precise();
}

#endif
