/* SPDX-License-Identifier: BSD-3-Clause */
#include "result.h"

#include "event.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void
sim_result_init(struct sim_result *r, const struct sim_scenario *s, enum sim_mode mode)
{
	*r = (struct sim_result){.scenario = s, .mode = mode};
	for (const struct sim_group *g = s->groups; g->kind; g++)
		r->n_sources += g->peers * g->flows;
	r->sources = sim_realloc(NULL, r->n_sources, sizeof(*r->sources));
	r->n_bins = (uint32_t)(s->seconds * SIM_S / SIM_BIN) + 1;
	r->bins = sim_realloc(NULL, r->n_bins, sizeof(*r->bins));
	memset(r->bins, 0, r->n_bins * sizeof(*r->bins));
}

void
sim_result_free(struct sim_result *r)
{
	for (uint32_t i = 0; i < r->n_sources; i++)
		free(r->sources[i].waits.v);
	free(r->sources);
	free(r->bins);
}

static void
sample(struct sim_samples *s, uint64_t v)
{
	if (s->n == s->room) {
		s->room = s->room ? 2 * s->room : 1024;
		s->v = sim_realloc(s->v, s->room, sizeof(*s->v));
	}
	s->v[s->n++] = v;
}

void
sim_result_add(
	struct sim_result *r, struct sim_source *s, uint64_t begun, uint64_t wait, uint32_t bytes)
{
	struct sim_bin *bin = &r->bins[begun / SIM_BIN];

	bin->bytes += bytes;
	bin->packets++;
	bin->wait += wait;
	if (s->group->probe && wait > bin->probe_wait)
		bin->probe_wait = wait;
	if ((double)begun < r->scenario->from_s * SIM_S)
		return;
	s->bytes += bytes;
	if (s->group->probe)
		sample(&s->waits, wait);
}

static int
compare(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return (a > b) - (a < b);
}

void
sim_result_finish(struct sim_result *r)
{
	for (uint32_t i = 0; i < r->n_sources; i++) {
		struct sim_samples *w = &r->sources[i].waits;

		if (w->n)
			qsort(w->v, w->n, sizeof(*w->v), compare);
	}
}

double
sim_goodput(const struct sim_result *r)
{
	double bytes = 0;

	for (uint32_t i = 0; i < r->n_sources; i++)
		bytes += (double)r->sources[i].bytes;
	return bytes * 8e-6 / (r->scenario->seconds - r->scenario->from_s);
}

double
sim_wait(const struct sim_result *r, enum sim_probe probe, double p)
{
	for (uint32_t i = 0; i < r->n_sources; i++) {
		const struct sim_source *s = &r->sources[i];

		if (s->group->probe == probe && s->waits.n)
			return (double)s->waits.v[(size_t)(p * (double)(s->waits.n - 1))];
	}
	return NAN;
}

static uint32_t
peers_end(const struct sim_result *r)
{
	uint32_t end = 0;

	for (uint32_t i = 0; i < r->n_sources; i++)
		end = RTE_MAX(end, r->sources[i].peer + 1);
	return end;
}

uint32_t
sim_shares(const struct sim_result *r, struct sim_share **shares)
{
	uint32_t end = peers_end(r), n = 0;
	struct sim_share *of = sim_realloc(NULL, end, sizeof(*of));

	memset(of, 0, end * sizeof(*of));
	for (uint32_t i = 0; i < r->n_sources; i++) {
		const struct sim_source *s = &r->sources[i];

		of[s->peer].peer = s->peer;
		of[s->peer].bytes += s->bytes;
		if (s->group->greedy)
			of[s->peer].weight = s->weight;
	}
	for (uint32_t peer = 0; peer < end; peer++) {
		if (of[peer].weight)
			of[n++] = of[peer];
	}
	*shares = of;
	return n;
}

/* Jain, Chiu, Hawe, "A quantitative measure of fairness", 1984: of n values. */
static double
jain(uint32_t n, double sum, double squares)
{
	return n ? sum * sum / (n * squares) : NAN;
}

double
sim_jain_peers(const struct sim_result *r)
{
	struct sim_share *shares;
	uint32_t n = sim_shares(r, &shares);
	double sum = 0, squares = 0;

	for (uint32_t i = 0; i < n; i++) {
		double x = (double)shares[i].bytes / shares[i].weight;

		sum += x;
		squares += x * x;
	}
	free(shares);
	return jain(n, sum, squares);
}

double
sim_jain_flows(const struct sim_result *r)
{
	double sum = 0, squares = 0;
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->n_sources; i++) {
		double x = (double)r->sources[i].bytes / r->sources[i].weight;

		if (!r->sources[i].group->greedy)
			continue;
		sum += x;
		squares += x * x;
		n++;
	}
	return jain(n, sum, squares);
}
