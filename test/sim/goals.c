/* SPDX-License-Identifier: BSD-3-Clause */
#include "goals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct results {
	const struct sim_result *r;
	uint32_t n;
};

static const struct sim_result *
find(const struct results *all, const char *name)
{
	for (uint32_t i = 0; i < all->n; i++) {
		if (all->r[i].mode == SIM_FQ_CODEL && !strcmp(all->r[i].scenario->name, name))
			return &all->r[i];
	}
	return NULL;
}

/* p99 of a probe in one scenario over that in another, in times of a full packet. */
static double
p99_rise(const struct results *all, const char *name, enum sim_probe probe, const char *base_name,
	enum sim_probe base_probe)
{
	const struct sim_result *r = find(all, name), *base = find(all, base_name);

	if (!r || !base)
		return NAN;
	return (sim_wait(r, probe, 0.99) - sim_wait(base, base_probe, 0.99)) /
		(SIM_MTU * 8e3 / r->scenario->mbit);
}

static double
sparse_wait(const struct results *all)
{
	return p99_rise(all, "peers", SIM_PROBE_ALONE, "idle", SIM_PROBE_ALONE);
}

static double
sparse_wait_busy(const struct results *all)
{
	return p99_rise(all, "peers", SIM_PROBE_BUSY, "idle", SIM_PROBE_ALONE);
}

static double
flood_wait(const struct results *all)
{
	return fabs(p99_rise(all, "flood", SIM_PROBE_ALONE, "calm", SIM_PROBE_ALONE));
}

static double
flood_wait_busy(const struct results *all)
{
	return fabs(p99_rise(all, "flood", SIM_PROBE_BUSY, "calm", SIM_PROBE_BUSY));
}

/* The largest difference from what a peer's weight entitles it to, in percent of that. */
static double
weight_error(const struct results *all)
{
	const struct sim_result *r = find(all, "weights");
	double bytes = 0, weights = 0, worst = 0;
	struct sim_share *shares;
	uint32_t n;

	if (!r)
		return NAN;
	n = sim_shares(r, &shares);
	for (uint32_t i = 0; i < n; i++) {
		bytes += (double)shares[i].bytes;
		weights += shares[i].weight;
	}
	for (uint32_t i = 0; i < n; i++) {
		double due = bytes * shares[i].weight / weights;

		worst = fmax(worst, fabs((double)shares[i].bytes - due) / due * 100);
	}
	free(shares);
	return worst;
}

static double
equal_flows(const struct results *all)
{
	const struct sim_result *r = find(all, "peers");

	return r ? sim_jain_flows(r) : NAN;
}

/* The least of the well-behaved peers, in percent of a tenth of what the probes leave. */
static double
flood_share(const struct results *all)
{
	const struct sim_result *r = find(all, "flood");
	double least = INFINITY, due;
	struct sim_share *shares;
	uint32_t n;

	if (!r)
		return NAN;
	due = r->scenario->mbit * 1e6 / 8 * (r->scenario->seconds - r->scenario->from_s);
	for (uint32_t i = 0; i < r->n_sources; i++) {
		if (r->sources[i].group->probe == SIM_PROBE_ALONE)
			due -= (double)r->sources[i].bytes;
	}
	n = sim_shares(r, &shares);
	for (uint32_t i = 0; i < n; i++)
		least = fmin(least, (double)shares[i].bytes);
	free(shares);
	return least / (due / (n + 1)) * 100;
}

static const struct {
	const char *name, *unit;
	double (*value)(const struct results *all);
	double bound;
	bool at_least;
	const char *goal;
} known[] = {
	{"sim_sparse_p99_above_idle", "packet times", sparse_wait, 2, false, "<= 2"},
	{"sim_sparse_in_busy_peer_p99_above_idle", "packet times", sparse_wait_busy, 2, false,
		"<= 2"},
	{"sim_weight_1_to_10_worst_error", "percent", weight_error, 1, false, "<= 1"},
	{"sim_jain_equal_flows", "1", equal_flows, 0.999, true, ">= 0.999"},
	{"sim_flood_least_share_of_others", "percent", flood_share, 99, true, ">= 99"},
	{"sim_flood_p99_change", "packet times", flood_wait, 1, false, "<= 1"},
	{"sim_flood_p99_change_in_busy_peer", "packet times", flood_wait_busy, 1, false, "<= 1"},
};

uint32_t
sim_goals(const struct sim_result *results, uint32_t n, struct sim_goal goals[SIM_GOALS_MAX])
{
	struct results all = {results, n};
	uint32_t count = 0;

	_Static_assert(RTE_DIM(known) <= SIM_GOALS_MAX, "room for all goals");
	for (size_t i = 0; i < RTE_DIM(known); i++) {
		double v = known[i].value(&all);

		if (isnan(v))
			continue;
		goals[count++] = (struct sim_goal){known[i].name, known[i].unit, known[i].goal, v,
			known[i].at_least ? v >= known[i].bound : v <= known[i].bound};
	}
	return count;
}
