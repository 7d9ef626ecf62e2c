/* SPDX-License-Identifier: BSD-3-Clause */
/* What telemetry answers, through its socket: pages hold all that there is. */
#include "telemetry.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fib_control.h"
#include "fq_private.h"
#include "test_eal.h"

#define WORKERS 64
#define QUEUES 64
#define ROOM 16384 /* of an answer */

struct fixture {
	struct tg_pipeline pipeline;
	struct tg_control control;
	struct tg_crypto *crypto;
	struct fq queue;
	struct fq_tin tin;
	struct fq_flow flow;
	int fd;
	char answer[ROOM];
};

/* All that can be counted has the longest number. */
static void
fill(struct fixture *f)
{
	struct tg_pipeline *p = &f->pipeline;
	unsigned int i, j;

	p->n_workers = WORKERS;
	for (i = 0; i < WORKERS; i++) {
		struct tg_worker *w = &p->workers[i];

		w->lcore = i + 1;
		w->polls = w->empty = UINT64_MAX;
		w->gaps.longest = UINT64_MAX;
		for (j = 0; j < TG_GAPS; j++)
			w->gaps.counts[j] = UINT64_MAX;
	}
	p->env.n_crypto = QUEUES;
	memset(&f->queue, 0xff, sizeof(f->queue));
	memset(&f->tin, 0xff, sizeof(f->tin));
	memset(&f->flow, 0xff, sizeof(f->flow));
	f->queue.tins = &f->tin;
	f->queue.flows = &f->flow;
	f->queue.n_tins = 1;
	f->queue.n_flows = 0;
	f->crypto->queue = &f->queue;
	memset(f->crypto->counters.drops, 0xff, sizeof(f->crypto->counters.drops));
	for (i = 0; i < QUEUES; i++)
		p->crypto[i] = f->crypto;
}

static int
connect_to_telemetry(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	char greeting[1024];
	int fd;

	snprintf(to.sun_path, sizeof(to.sun_path), "%s/dpdk_telemetry.v2",
		rte_eal_get_runtime_dir());
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (fd >= 0 &&
		(connect(fd, (struct sockaddr *)&to, sizeof(to)) ||
			recv(fd, greeting, sizeof(greeting), 0) <= 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Not that of test_eal.h: with telemetry, and so with files. */
static int
init_eal(void)
{
	static char args[][32] = {"test", "--no-huge", "--no-pci", "-m", "64", "-l", "0",
		"--log-level", "lib.eal:4", "--file-prefix", ""};
	char *argv[RTE_DIM(args) + 1] = {NULL};
	unsigned int i;

	for (i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	snprintf(args[i - 1], sizeof(args[0]), "tinguard-test-%d", (int)getpid());
	return rte_eal_init(RTE_DIM(args), argv);
}

static void
remove_files(const char *dir)
{
	struct dirent *entry;
	DIR *d = opendir(dir);

	while (d && (entry = readdir(d)))
		unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	rmdir(dir);
}

static void
ignore_peer(void *ctx, struct wg_peer *peer)
{
	RTE_SET_USED(ctx);
	RTE_SET_USED(peer);
}

static void
no_random(void *ctx, void *buf, size_t len)
{
	RTE_SET_USED(ctx);
	memset(buf, 7, len);
}

static const struct wg_ops ops = {
	.random = no_random,
	.purge = ignore_peer,
	.endpoint_changed = ignore_peer,
	.peer_removed = ignore_peer,
};

static int
make_tables(struct fixture *f)
{
	struct wg_device_params params = {.max_peers = 8, .lanes = 1, .ops = &ops};

	f->control.rcu = params.rcu = rcu_create(1);
	if (!f->control.rcu)
		return -1;
	f->control.dev = wg_device_create(&params);
	f->pipeline.env.fib = tg_fib_create(f->control.rcu);
	return f->control.dev && f->pipeline.env.fib ? 0 : -1;
}

static int
setup(void **state)
{
	static struct fixture f;

	f.crypto = calloc(1, sizeof(*f.crypto));
	if (!f.crypto || init_eal() < 0)
		return -1;
	fill(&f);
	f.control.pipeline = &f.pipeline;
	if (make_tables(&f) || tg_telemetry_init(&f.control, 0))
		return -1;
	f.fd = connect_to_telemetry();
	*state = &f;
	return f.fd < 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;
	char dir[PATH_MAX];

	close(f->fd);
	tg_telemetry_stop();
	wg_device_destroy(f->control.dev);
	tg_fib_destroy(f->pipeline.env.fib);
	rcu_destroy(f->control.rcu);
	free(f->crypto);
	snprintf(dir, sizeof(dir), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	remove_files(dir);
	return 0;
}

static void
ask(struct fixture *f, const char *command)
{
	ssize_t n;

	assert_int_equal(send(f->fd, command, strlen(command), 0), strlen(command));
	n = recv(f->fd, f->answer, sizeof(f->answer) - 1, 0);
	assert_in_range(n, 1, sizeof(f->answer) - 1);
	f->answer[n] = '\0';
}

static unsigned int
count(const char *text, const char *what)
{
	unsigned int n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

static bool
answer_has(const struct fixture *f, const char *stem, unsigned int i, const char *end)
{
	char name[64];

	snprintf(name, sizeof(name), "\"%s%u%s\":", stem, i, end);
	return count(f->answer, name) == 1;
}

/* 64 lcores do not fit one answer, 8 pages of 8 hold each of them once, to its last gap. */
static void
test_lcores_by_the_page(void **state)
{
	struct fixture *f = *state;
	unsigned int start, i;
	char command[64];

	ask(f, "/tinguard/lcores");
	assert_true(count(f->answer, "\"lcore") < WORKERS);
	assert_non_null(strstr(f->answer, "\"parts\":64"));
	for (start = 0; start < WORKERS; start += TG_TELEMETRY_PARTS) {
		snprintf(command, sizeof(command), "/tinguard/lcores,%u", start);
		ask(f, command);
		assert_non_null(strstr(f->answer, "\"parts\":64"));
		assert_int_equal(count(f->answer, "\"lcore"), TG_TELEMETRY_PARTS);
		assert_int_equal(count(f->answer, "_us\":"), TG_TELEMETRY_PARTS * TG_GAPS);
		for (i = start; i < start + TG_TELEMETRY_PARTS; i++)
			assert_true(answer_has(f, "lcore", i + 1, ""));
	}
	ask(f, "/tinguard/lcores,64");
	assert_string_equal(f->answer, "{\"/tinguard/lcores\":{\"parts\":64}}");
}

/* It resets the gaps of those, too, that the answer had no room for. */
static void
test_reset_is_of_all_lcores(void **state)
{
	struct fixture *f = *state;

	ask(f, "/tinguard/lcores,reset");
	assert_int_not_equal(count(f->answer, "\"from_16_us\""), 0);
	ask(f, "/tinguard/lcores,56");
	assert_int_equal(count(f->answer, "\"longest_gap_ns\":0,"), TG_TELEMETRY_PARTS);
	assert_int_equal(count(f->answer, "_us\":"), 0);
}

/* Stages, then control, handshakes, cipher and tables, then queues: whatever they have counted. */
static void
test_stats_by_the_page(void **state)
{
	struct fixture *f = *state;
	unsigned int start, i, n = 2 * QUEUES + 4;
	unsigned int stages = 0, queues = 0, histograms = 0, flows = 0;
	char command[64];

	for (start = 0; start < n; start += TG_TELEMETRY_PARTS) {
		snprintf(command, sizeof(command), "/tinguard/stats,%u", start);
		ask(f, command);
		assert_non_null(strstr(f->answer, "\"parts\":132"));
		for (i = 0; i < QUEUES; i++) {
			stages += answer_has(f, "crypto", i, "");
			queues += answer_has(f, "crypto", i, "_queue");
		}
		histograms += count(f->answer, "\"below_");
		flows += count(f->answer, "\"flows_old\":4294967295,");
	}
	assert_int_equal(stages, QUEUES);
	assert_int_equal(queues, QUEUES);
	assert_int_equal(histograms, QUEUES * FQ_HISTOGRAM);
	assert_int_equal(flows, QUEUES);
}

/* Two peers with a prefix each, and a route: what is in the tables, and what they take. */
static void
test_tables(void **state)
{
	struct fixture *f = *state;
	struct tg_fib_route route = {
		.prefix = {.addr = {10}, .family = AF_INET, .len = 8}, .type = TG_HOP_TUNNEL};
	const struct wg_allowedips *table = wg_device_allowedips(f->control.dev);
	char expected[256];
	struct wg_update u;
	unsigned int i;

	wg_update_init(&u);
	for (i = 1; i <= 2; i++) {
		struct wg_update_peer *peer = wg_update_add_peer(&u);

		peer->public_key[0] = (uint8_t)i;
		peer->public_key[31] = 1;
		wg_update_add_allowed(peer)->prefix =
			(struct lpm_prefix){.addr = {10, (uint8_t)i}, .family = AF_INET, .len = 16};
	}
	assert_int_equal(wg_device_apply(f->control.dev, &u, 1), 0);
	wg_update_free(&u);
	assert_int_equal(
		tg_fib_route_set(f->pipeline.env.fib, &route, TG_FIB_ADDED), TG_FIB_CHANGED);
	ask(f, "/tinguard/stats,64");
	snprintf(expected, sizeof(expected),
		"\"tables\":{\"peers\":2,\"allowedips\":2,\"allowedips_bytes\":%zu,"
		"\"routes\":1,\"routes_bytes\":%zu}",
		wg_allowedips_memory(table), tg_fib_memory(f->pipeline.env.fib));
	assert_non_null(strstr(f->answer, expected));
	assert_in_range(wg_allowedips_memory(table), 1, 100000);
}

static void
test_bad_parameters(void **state)
{
	static const char *const commands[] = {
		"/tinguard/stats", "/tinguard/tins", "/tinguard/lcores"};
	static const char *const params[] = {"-1", "x", "1x", "1,2", "99999999999", "resets"};
	struct fixture *f = *state;
	char command[64], null[64];
	unsigned int i, j;

	for (i = 0; i < RTE_DIM(commands); i++)
		for (j = 0; j < RTE_DIM(params); j++) {
			snprintf(command, sizeof(command), "%s,%s", commands[i], params[j]);
			snprintf(null, sizeof(null), "{\"%s\":null}", commands[i]);
			ask(f, command);
			assert_string_equal(f->answer, null);
		}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lcores_by_the_page),
		cmocka_unit_test(test_stats_by_the_page),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_bad_parameters),
		cmocka_unit_test(test_reset_is_of_all_lcores),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
