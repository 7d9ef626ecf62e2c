/* SPDX-License-Identifier: BSD-3-Clause */
#include "net.h"
#include "output.h"

#include <getopt.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
	const char *json, *data;
	char **names;
	int n_names;
	bool check, list;
};

static void
usage(FILE *f)
{
	fprintf(f,
		"usage: tinguard-sim [--json FILE] [--data DIR] [SCENARIO...]\n"
		"       tinguard-sim --check | --list\n"
		"  --json FILE  write the goals and what came of them\n"
		"  --data DIR   write probe.csv, flows.csv, series.csv\n"
		"  --check      only what the goals need; exit status 1 when one is missed\n"
		"  --list       the scenarios\n");
}

static int
parse(int argc, char **argv, struct options *o)
{
	static const struct option table[] = {
		{"json", required_argument, NULL, 'j'},
		{"data", required_argument, NULL, 'd'},
		{"check", no_argument, NULL, 'c'},
		{"list", no_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		switch (c) {
		case 'j':
			o->json = optarg;
			break;
		case 'd':
			o->data = optarg;
			break;
		case 'c':
			o->check = true;
			break;
		case 'l':
			o->list = true;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			return -1;
		}
	}
	o->names = argv + optind;
	o->n_names = argc - optind;
	return 0;
}

static bool
names_known(const struct options *o)
{
	for (int i = 0; i < o->n_names; i++) {
		size_t k = 0;

		while (k < sim_n_scenarios && strcmp(o->names[i], sim_scenarios[k].name) != 0)
			k++;
		if (k == sim_n_scenarios) {
			fprintf(stderr, "tinguard-sim: no scenario `%s': see --list\n",
				o->names[i]);
			return false;
		}
	}
	return true;
}

static bool
wanted(const struct options *o, const struct sim_scenario *s)
{
	for (int i = 0; i < o->n_names; i++) {
		if (!strcmp(o->names[i], s->name))
			return true;
	}
	return !o->n_names && (s->goals || !o->check);
}

/* An EAL without hugepages, devices or files. */
static struct rte_mempool *
start_dpdk(void)
{
	static char args[][16] = {"tinguard-sim", "--no-huge", "--no-pci", "--no-telemetry",
		"--no-shconf", "-m", "128", "-l", "0", "--log-level", "lib.eal:4"};
	char *argv[RTE_DIM(args) + 1] = {NULL};

	for (size_t i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(RTE_DIM(args), argv) < 0)
		return NULL;
	return rte_pktmbuf_pool_create(
		"sim", SIM_POOL_PACKETS, 256, sizeof(struct sim_packet), 0, SOCKET_ID_ANY);
}

/* Each wanted scenario with each queue, shown as it ends. */
static int
run(const struct options *o, struct rte_mempool *pool, struct sim_result *results, uint32_t *n)
{
	sim_print_heading();
	for (size_t i = 0; i < sim_n_scenarios; i++) {
		if (!wanted(o, &sim_scenarios[i]))
			continue;
		for (int mode = o->check ? SIM_FQ_CODEL : SIM_FIFO; mode < SIM_MODES; mode++) {
			struct sim_result *r = &results[(*n)++];
			int err = sim_run(&sim_scenarios[i], mode, pool, r);

			if (err) {
				fprintf(stderr, "tinguard-sim: %s: %s\n", sim_scenarios[i].name,
					strerror(-err));
				return err;
			}
			sim_result_finish(r);
			sim_print_result(r);
		}
	}
	return 0;
}

static int
report(const struct options *o, const struct sim_result *results, uint32_t n)
{
	struct sim_goal goals[SIM_GOALS_MAX];
	uint32_t n_goals = sim_goals(results, n, goals), missed = 0;
	int err = 0;

	sim_print_goals(goals, n_goals);
	for (uint32_t i = 0; i < n_goals; i++)
		missed += !goals[i].met;
	if (o->json)
		err = sim_write_json(o->json, goals, n_goals);
	if (!err && o->data)
		err = sim_write_data(o->data, results, n);
	if (err)
		fprintf(stderr, "tinguard-sim: writing results: %s\n", strerror(-err));
	return err ? 2 : o->check && missed;
}

static void
list(void)
{
	for (size_t i = 0; i < sim_n_scenarios; i++)
		printf("%-14s%4.0f Mbit/s  %s\n", sim_scenarios[i].name, sim_scenarios[i].mbit,
			sim_scenarios[i].title);
}

int
main(int argc, char **argv)
{
	struct options o = {0};
	struct sim_result *results;
	struct rte_mempool *pool;
	uint32_t n = 0;
	int status = 2;

	if (parse(argc, argv, &o) || !names_known(&o))
		return 2;
	if (o.list) {
		list();
		return 0;
	}
	pool = start_dpdk();
	if (!pool) {
		fprintf(stderr, "tinguard-sim: DPDK does not start: %s\n", rte_strerror(rte_errno));
		return 2;
	}
	results = sim_realloc(NULL, sim_n_scenarios * SIM_MODES, sizeof(*results));
	if (!run(&o, pool, results, &n))
		status = report(&o, results, n);
	for (uint32_t i = 0; i < n; i++)
		sim_result_free(&results[i]);
	free(results);
	rte_eal_cleanup();
	return status;
}
