/* SPDX-License-Identifier: BSD-3-Clause */
/* tinguard: start and end. The way of a packet begins in stage_rx.c. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_pdump.h>
#include <sodium.h>

#include "clock.h"
#include "config.h"
#include "control.h"
#include "memory.h"
#include "options.h"
#include "pool.h"
#include "ports.h"
#include "privileges.h"
#include "report.h"
#include "telemetry.h"

#define MBUF_CACHE 256

static struct tg_pipeline pipeline;
static struct tg_control control;

static void
usage(const char *program)
{
	(void)program;
	tg_options_usage(stdout);
}

static int
read_config(const char *name, struct wg_update *u, char *error)
{
	struct stat st;
	FILE *in;
	int ret;

	wg_update_init(u);
	if (!name)
		return 0;
	in = fopen(name, "re");
	if (!in) {
		ret = -errno;
		snprintf(error, TG_ERROR_LEN, "%s: %s", name, strerror(-ret));
		return ret;
	}
	if (fstat(fileno(in), &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO) & ~S_IXGRP & ~S_IXOTH))
		fprintf(stderr, "tinguard: warning: %s holds keys and others may read it\n", name);
	ret = tg_config_parse(in, name, u, error);
	fclose(in);
	return ret;
}

static int
failed(char *error, const char *what, int ret)
{
	snprintf(error, TG_ERROR_LEN, "%s: %s", what, strerror(-ret));
	return ret;
}

static int
make_pool(struct tg_env *env, uint32_t n, char *error)
{
	uint16_t room = tg_port_buffer_size(env->mtu_max);
	struct tg_memory buffers = {"packet buffers", tg_memory_buffers(n, room), "--mbufs"};

	env->pool = tg_pool_create("mbufs", n, MBUF_CACHE, room);
	return env->pool ? 0 : tg_memory_lacks(&buffers, -rte_errno, error);
}

/* What everything else stands on; the ports need the pool. */
static int
open_tables(const struct tg_options *o, const struct tg_lcores *map, char *error)
{
	struct wg_device_params device = {
		.max_peers = o->max_peers,
		.lanes = map->n[TG_STAGE_CRYPTO],
		.ops = &tg_control_wg_ops,
		.ctx = &control,
	};
	struct tg_env *env = &pipeline.env;
	int ret;

	env->mtu_max = (uint16_t)o->mtu;
	ret = make_pool(env, o->mbufs, error);
	if (ret)
		return ret;
	/* Readers: the workers, and telemetry's thread. */
	control.rcu = device.rcu = rcu_create(RTE_MAX_LCORE + 1);
	if (!control.rcu)
		return failed(error, "RCU", -rte_errno);
	env->fib = tg_fib_create(control.rcu);
	if (!env->fib)
		return failed(error, "routes", -errno);
	env->trunks = tg_trunks_create();
	if (!env->trunks)
		return failed(error, "paths", -ENOMEM);
	env->dev = control.dev = wg_device_create(&device);
	if (!env->dev)
		return failed(error, "device", -errno);
	env->mss_clamp = o->mss_clamp;
	randombytes_buf(&env->salt, sizeof(env->salt));
	control.pipeline = &pipeline;
	control.queue = &o->queue;
	return 0;
}

static void
close_tables(void)
{
	wg_device_destroy(control.dev);
	/* Paths refer to hops: they go before the routes do. */
	if (control.rcu)
		rcu_barrier(control.rcu);
	tg_trunks_destroy(pipeline.env.trunks);
	tg_fib_destroy(pipeline.env.fib);
	rcu_destroy(control.rcu);
	if (pipeline.env.pool)
		tg_report_mbufs(pipeline.env.pool, stdout);
	rte_mempool_free(pipeline.env.pool);
}

/* What the operator can change is named. */
static int
not_applied(const struct tg_options *o, uint16_t port, int ret, char *error)
{
	const char *where = o->config ? o->config : "device";

	if (ret == -EADDRINUSE || ret == -EACCES)
		snprintf(error, TG_ERROR_LEN, "%s: ListenPort %u: %s", where, port, strerror(-ret));
	else if (ret == -ENOSPC)
		snprintf(error, TG_ERROR_LEN, "%s: more peers than --max-peers %u", where,
			o->max_peers);
	else
		failed(error, where, ret);
	return ret;
}

static int
become(const struct tg_user *user, char *error)
{
	/* To be able to remove it at the end. */
	int ret = user->set ? tg_uapi_give(control.uapi, user->uid, user->gid) : 0;

	return ret ? failed(error, "--user: wg's socket", ret) : tg_privileges_drop(user, error);
}

static int
serve(const struct tg_options *o, char *error)
{
	int ret = tg_ports_start(&pipeline.env, error);

	if (!ret)
		ret = become(&o->user, error);
	if (ret)
		return ret;
	ret = tg_pipeline_start(&pipeline);
	if (ret)
		return failed(error, "workers", ret);
	printf("tinguard: ready: tunnel %s, %u ports, %zu peers, port %u, cipher %s\n", o->tunnel,
		pipeline.env.n_ports, wg_device_peer_count(control.dev),
		wg_device_listen_port(control.dev), aead_name(pipeline.crypto[0]->aead));
	fflush(stdout);
	ret = tg_control_run(&control);
	tg_pipeline_stop(&pipeline);
	/* What still waits ends here, and is counted. */
	tg_telemetry_stop();
	tg_resolve_close(&control);
	tg_pipeline_drain(&pipeline);
	tg_report_print(&control, stdout);
	return ret;
}

static int
run(const struct tg_options *o, const struct tg_lcores *map, struct wg_update *u, char *error)
{
	struct tg_pipeline_params params = {
		.map = map,
		.cipher = o->cipher,
		.adaptive = o->adaptive,
		.max_peers = o->max_peers,
		.mbufs = o->mbufs,
		.queue = &o->queue,
		.crypto_delay = o->crypto_delay,
	};
	int ret = open_tables(o, map, error);
	uint16_t port;

	if (ret)
		goto close_tables;
	ret = tg_ports_setup(&pipeline.env, map->n[TG_STAGE_RX], map->n[TG_STAGE_TX], error);
	if (ret)
		goto close_ports;
	params.rcu = control.rcu;
	ret = tg_pipeline_create(&pipeline, &params, error);
	if (ret)
		goto close_ports;
	ret = tg_control_open(&control, o->tunnel, error);
	if (ret)
		goto destroy_pipeline;
	port = u->listen_port;
	ret = tg_control_apply(&control, u);
	/* It holds keys, which the device alone needs from here on. */
	wg_update_free(u);
	if (ret) {
		not_applied(o, port, ret, error);
		goto close_control;
	}
	ret = tg_telemetry_init(&control, RTE_MAX_LCORE);
	if (ret) {
		failed(error, "telemetry", ret);
		goto close_control;
	}
	ret = serve(o, error);
close_control:
	tg_control_close(&control);
destroy_pipeline:
	tg_pipeline_destroy(&pipeline);
close_ports:
	tg_ports_close(&pipeline.env);
close_tables:
	close_tables();
	return ret;
}

static int
start(const struct tg_options *o, char *error)
{
	struct tg_lcores map;
	struct wg_update u;
	int ret = tg_lcores_map(&map, o->lcores, error);

	if (ret)
		return ret;
	tg_lcores_print(&map, stdout);
	ret = tg_meta_register();
	if (ret)
		return failed(error, "no room for our metadata in the mbuf", ret);
	ret = read_config(o->config, &u, error);
	if (ret)
		return ret;
	tg_clock_init();
	ret = run(o, &map, &u, error);
	wg_update_free(&u);
	return ret;
}

/* What is open as 0, 1 and 2 is not a device or a table, and nobody who stops reading ends us. */
static void
settle(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	signal(SIGPIPE, SIG_IGN);
}

/* EAL's options end at `--', or with the line. */
static int
end_of_eal(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		;
	return i;
}

/* Before EAL, which takes memory and cards to itself. 1: all is said that was asked for. */
static int
options(struct tg_options *o, int argc, char **argv, char *error)
{
	int i, ours = end_of_eal(argc, argv);
	int ret = tg_options_parse(o, argc - ours, argv + ours, error);

	for (i = 1; i < ours; i++)
		o->version |= strcmp(argv[i], "--version") == 0;
	if (!ret && o->help)
		tg_options_usage(stdout);
	else if (!ret && o->version)
		puts("tinguard " TG_VERSION);
	return ret ? ret : o->help || o->version;
}

/* EAL says more in the lines before. Without hugepages it ends with EACCES. */
static const char *
eal_hint(int err)
{
	switch (err) {
	case EINVAL:
		return " (tinguard's own options stand behind `--')";
	case EACCES:
	case ENOMEM:
		return " (hugepages: are there any, enough for -m, and mounted? Or --no-huge -m "
		       "512)";
	default:
		return "";
	}
}

static int
start_eal(int argc, char **argv, char *error)
{
	int ours = end_of_eal(argc, argv);
	int ret = rte_eal_init(argc, argv);

	if (ret < 0) {
		snprintf(error, TG_ERROR_LEN, "EAL does not start%s%s%s", rte_errno ? ": " : "",
			rte_errno ? rte_strerror(rte_errno) : "", eal_hint(rte_errno));
		return -EINVAL;
	}
	/* It has put the program's name where it ended. */
	if (ret + 1 < ours) {
		snprintf(error, TG_ERROR_LEN, "unexpected argument: %s", argv[ret + 1]);
		rte_eal_cleanup();
		return -EINVAL;
	}
	return 0;
}

static int
complain(const char *error)
{
	fprintf(stderr, "tinguard: %s\n", error);
	return EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	char error[TG_ERROR_LEN] = "";
	struct tg_options o;
	int ret;

	settle();
	tg_privileges_fix();
	ret = options(&o, argc, argv, error);
	if (ret)
		return ret < 0 ? complain(error) : EXIT_SUCCESS;
	rte_set_application_usage_hook(usage);
	if (start_eal(argc, argv, error))
		return complain(error);
	tg_privileges_protect_memory();
	if (sodium_init() < 0) {
		fprintf(stderr, "tinguard: libsodium does not start\n");
		return EXIT_FAILURE;
	}
	/* dpdk-dumpcap works from another process. */
	if (rte_pdump_init())
		fprintf(stderr, "tinguard: warning: no packet capture: %s\n",
			rte_strerror(rte_errno));
	ret = start(&o, error);
	if (*error)
		complain(error);
	rte_pdump_uninit();
	rte_eal_cleanup();
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
