/* SPDX-License-Identifier: BSD-3-Clause */
#include "output.h"

#include "event.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>

void
sim_print_heading(void)
{
	printf("Delays in ms from arrival in the queue to transmission: a sparse flow alone in its "
	       "peer,"
	       " and p99 of one\nin a busy peer. Jain's index of the greedy ones' goodput over "
	       "weight.\n\n"
	       "%-13s%-10s%8s%8s%8s%9s%9s%9s%9s%9s%8s\n",
		"scenario", "queue", "Mbit/s", "J peers", "J flows", "p50", "p95", "p99",
		"busy p99", "drops", "marks");
}

static void
print_number(const char *format, int width, double v)
{
	if (isnan(v))
		printf("%*s", width, "-");
	else
		printf(format, width, v);
}

void
sim_print_result(const struct sim_result *r)
{
	static const double quantiles[] = {0.5, 0.95, 0.99};

	printf("%-13s%-10s%8.2f", r->scenario->name, sim_mode_name(r->mode), sim_goodput(r));
	print_number("%*.4f", 8, sim_jain_peers(r));
	print_number("%*.4f", 8, sim_jain_flows(r));
	for (size_t i = 0; i < RTE_DIM(quantiles); i++)
		print_number("%*.3f", 9, sim_wait(r, SIM_PROBE_ALONE, quantiles[i]) / SIM_MS);
	print_number("%*.3f", 9, sim_wait(r, SIM_PROBE_BUSY, 0.99) / SIM_MS);
	printf("%9" PRIu64 "%8" PRIu64 "\n", r->drops, r->marks);
}

void
sim_print_goals(const struct sim_goal *goals, uint32_t n)
{
	if (n)
		printf("\n%-42s%10s  %-14s%-10s\n", "fq_codel", "value", "unit", "goal");
	for (uint32_t i = 0; i < n; i++)
		printf("%-42s%10.4f  %-14s%-10s%s\n", goals[i].name, goals[i].value, goals[i].unit,
			goals[i].goal, goals[i].met ? "met" : "MISSED");
}

static int
finish(FILE *f)
{
	int failed = ferror(f);

	return fclose(f) || failed ? -EIO : 0;
}

int
sim_write_json(const char *path, const struct sim_goal *goals, uint32_t n)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return -errno;
	fprintf(f, "[");
	for (uint32_t i = 0; i < n; i++)
		fprintf(f,
			"%s\n  {\"name\": \"%s\", \"value\": %.6g, \"unit\": \"%s\", "
			"\"goal\": \"%s\", \"met\": %s}",
			i ? "," : "", goals[i].name, goals[i].value, goals[i].unit, goals[i].goal,
			goals[i].met ? "true" : "false");
	fprintf(f, "\n]\n");
	return finish(f);
}

static void
write_probe(FILE *f, const struct sim_result *r)
{
	for (uint32_t i = 0; i < r->n_sources; i++) {
		const struct sim_source *s = &r->sources[i];

		for (size_t k = 0; k < s->waits.n; k++)
			fprintf(f, "%s,%s,%s,%.6f\n", r->scenario->name, sim_mode_name(r->mode),
				s->group->probe == SIM_PROBE_BUSY ? "busy" : "alone",
				(double)s->waits.v[k] / SIM_MS);
	}
}

static void
write_flows(FILE *f, const struct sim_result *r)
{
	static const char *const kinds[] = {"", "reno", "cubic", "udp"};
	double seconds = r->scenario->seconds - r->scenario->from_s;

	for (uint32_t i = 0; i < r->n_sources; i++) {
		const struct sim_source *s = &r->sources[i];

		fprintf(f, "%s,%s,%" PRIu32 ",%u,%s,%d,%.3f,%.6f,%" PRIu64 ",%" PRIu64 "\n",
			r->scenario->name, sim_mode_name(r->mode), s->peer, s->weight,
			kinds[s->group->kind], s->group->greedy, (double)s->rtt / SIM_MS,
			(double)s->bytes * 8e-6 / seconds, s->drops, s->marks);
	}
}

static void
write_series(FILE *f, const struct sim_result *r)
{
	for (uint32_t i = 0; i + 1 < r->n_bins; i++) {
		const struct sim_bin *b = &r->bins[i];
		double packets = b->packets ? (double)b->packets : 1;

		fprintf(f, "%s,%s,%.1f,%.3f,%.6f,%.6f\n", r->scenario->name, sim_mode_name(r->mode),
			(double)i * SIM_BIN / SIM_S, (double)b->bytes * 8e3 / SIM_BIN,
			(double)b->wait / packets / SIM_MS, (double)b->probe_wait / SIM_MS);
	}
}

static const struct {
	const char *name, *heading;
	void (*write)(FILE *f, const struct sim_result *r);
} files[] = {
	{"probe.csv", "scenario,queue,probe,wait_ms", write_probe},
	{"flows.csv", "scenario,queue,peer,weight,kind,greedy,rtt_ms,mbit,drops,marks",
		write_flows},
	{"series.csv", "scenario,queue,second,mbit,wait_ms,probe_wait_ms", write_series},
};

int
sim_write_data(const char *dir, const struct sim_result *results, uint32_t n)
{
	char path[PATH_MAX];
	int err = 0;

	for (size_t i = 0; !err && i < RTE_DIM(files); i++) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		f = fopen(path, "w");
		if (!f)
			return -errno;
		fprintf(f, "%s\n", files[i].heading);
		for (uint32_t k = 0; k < n; k++)
			files[i].write(f, &results[k]);
		err = finish(f);
	}
	return err;
}
