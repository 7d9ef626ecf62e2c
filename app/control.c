/* SPDX-License-Identifier: BSD-3-Clause */
#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <rte_errno.h>
#include <sodium.h>

#include "clock.h"
#include "fib_control.h"
#include "ports.h"

/* The loop sleeps when there was nothing to do: the data path cannot wake it without a system call.
 */
#define SLEEP_NS_MIN 20000
#define SLEEP_NS_MAX 200000

#define HOUSEKEEPING_TIME (WG_NS_PER_S / 4)
#define REFRESH_TIME (5 * WG_NS_PER_S)

static bool
try_command(struct tg_control *c, const struct tg_command *command)
{
	uint16_t i = tg_tx_of_tin(&c->pipeline->env, command->peer);

	return rte_ring_sp_enqueue_elem(
		       c->pipeline->commands[i], (void *)(uintptr_t)command, sizeof(*command)) == 0;
}

static void
retry_commands(struct tg_control *c)
{
	while (c->n_backlog && try_command(c, &c->backlog[c->first_backlog])) {
		c->first_backlog++;
		c->n_backlog--;
	}
	if (!c->n_backlog)
		c->first_backlog = 0;
}

/* Room for one more at the end. False without memory. */
static bool
extend_backlog(struct tg_control *c)
{
	size_t max = c->max_backlog ? 2 * c->max_backlog : 1024;
	struct tg_command *grown;

	if (c->first_backlog + c->n_backlog < c->max_backlog)
		return true;
	grown = reallocarray(c->backlog, max, sizeof(*grown));
	if (!grown)
		return false;
	c->backlog = grown;
	c->max_backlog = max;
	return true;
}

static void
command(struct tg_control *c, enum tg_command_kind kind, const struct wg_peer *peer)
{
	struct tg_command command = {
		.kind = kind, .peer = peer->id, .at = (uint32_t)(tg_now() >> 10)};

	/* While peers go at the end the queues are gone already. */
	if (!c->loop)
		return;
	retry_commands(c);
	if (!c->n_backlog && try_command(c, &command))
		return;
	/* Without memory the tin opens when its next packet comes. */
	if (extend_backlog(c))
		c->backlog[c->first_backlog + c->n_backlog++] = command;
}

static void
session_up(void *control, struct wg_peer *peer)
{
	command(control, TG_COMMAND_OPEN, peer);
}

static void
path_needed(void *control, struct wg_peer *peer)
{
	tg_paths_needed(&((struct tg_control *)control)->paths, peer);
}

static void
path_not_needed(void *control, struct wg_peer *peer)
{
	tg_paths_not_needed(&((struct tg_control *)control)->paths, peer);
}

static void
purge(void *control, struct wg_peer *peer)
{
	command(control, TG_COMMAND_PURGE, peer);
}

static void
endpoint_changed(void *control, struct wg_peer *peer)
{
	tg_paths_moved(&((struct tg_control *)control)->paths, peer);
}

static void
peer_removed(void *control, struct wg_peer *peer)
{
	path_not_needed(control, peer);
	command(control, TG_COMMAND_GONE, peer);
}

static uint64_t
wall_clock(void *control)
{
	struct timespec t;

	(void)control;
	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * WG_NS_PER_S + (uint64_t)t.tv_nsec;
}

static void
random_bytes(void *control, void *buf, size_t len)
{
	(void)control;
	randombytes_buf(buf, len);
}

const struct wg_ops tg_control_wg_ops = {
	.send = tg_handshake_send,
	.send_keepalive = tg_handshake_keepalive,
	.session_up = session_up,
	.path_needed = path_needed,
	.path_not_needed = path_not_needed,
	.purge = purge,
	.endpoint_changed = endpoint_changed,
	.peer_removed = peer_removed,
	.begin = tg_handshake_begin,
	.wall_clock = wall_clock,
	.random = random_bytes,
};

/* now is later than whatever the data path has stamped: an expired session is expired here, too. */
static void
event(struct tg_control *c, const struct tg_event *e)
{
	c->now = tg_now();
	switch (e->kind) {
	case TG_EVENT_SESSION_WANTED:
		wg_device_session_wanted(c->dev, e->id, c->now);
		break;
	case TG_EVENT_HEARD:
		wg_device_heard(c->dev, e->id, c->now);
		break;
	case TG_EVENT_ROAMED:
		wg_device_roamed(c->dev, e->id, &e->from);
		break;
	}
}

static unsigned int
poll_events(struct tg_control *c)
{
	struct tg_event e[TG_BURST];
	unsigned int i, j, k, n = 0;

	for (i = 0; i < c->pipeline->n_events; i++) {
		k = rte_ring_sc_dequeue_burst_elem(
			c->pipeline->events[i], e, sizeof(e[0]), TG_BURST, NULL);
		for (j = 0; j < k; j++)
			event(c, &e[j]);
		n += k;
	}
	return n;
}

static void
routes_changed(void *control)
{
	struct tg_control *c = control;

	c->routes_changed = true;
}

static void
link_changed(void *control, uint16_t port, bool up, uint16_t mtu)
{
	struct tg_control *c = control;
	struct tg_env *env = &c->pipeline->env;
	int ret;

	/* What fits the way to a peer depends on it. */
	c->routes_changed = true;
	if (port == TG_FIB_TUNNEL) {
		wg_device_set_up(c->dev, up, c->now);
		c->next_tick = 0;
		return;
	}
	atomic_store_explicit(&env->ports[port].down, !up, memory_order_relaxed);
	ret = tg_port_set_mtu(env, port, mtu);
	if (ret == -EMSGSIZE)
		fprintf(stderr,
			"tinguard: port %u: MTU %u is more than --mtu %u: so large packets are "
			"lost\n",
			port, mtu, env->mtu_max);
	else if (ret)
		fprintf(stderr, "tinguard: port %u: MTU %u: %s\n", port, mtu, rte_strerror(-ret));
}

static const struct tg_netlink_ops netlink_ops = {
	.routes_changed = routes_changed,
	.resolved = tg_resolve_done,
	.link_changed = link_changed,
};

/* The listening port is part of every path. */
static void
listen_on(struct tg_control *c, const struct tg_listen *fresh)
{
	tg_listen_close(c, &c->listen);
	c->listen = *fresh;
	tg_listen_start(c, &c->listen);
	tg_paths_follow(&c->paths);
}

/* Port 0, or none at the start, means any: the device is told which it became. */
static int
apply_with_port(struct tg_control *c, const struct wg_update *u)
{
	_Atomic uint16_t *ours = &c->pipeline->env.listen_port;
	struct wg_update became = {.has_listen_port = true};
	struct tg_listen fresh = {0};
	int ret = tg_listen_open(&fresh, u->has_listen_port ? rte_cpu_to_be_16(u->listen_port) : 0);

	if (ret)
		return ret;
	/* What the update makes the device send has to leave from the new port already. */
	atomic_store_explicit(ours, fresh.port, memory_order_relaxed);
	ret = wg_device_apply(c->dev, u, c->now);
	if (ret) {
		atomic_store_explicit(ours, c->listen.port, memory_order_relaxed);
		tg_listen_close(c, &fresh);
		return ret;
	}
	became.listen_port = rte_be_to_cpu_16(fresh.port);
	wg_device_apply(c->dev, &became, c->now);
	listen_on(c, &fresh);
	return 0;
}

int
tg_control_apply(struct tg_control *c, const struct wg_update *u)
{
	bool same = u->has_listen_port ? rte_cpu_to_be_16(u->listen_port) == c->listen.port : true;

	c->now = tg_now();
	c->next_tick = 0;
	if (same && c->listen.port)
		return wg_device_apply(c->dev, u, c->now);
	return apply_with_port(c, u);
}

static int
apply(void *control, const struct wg_update *u)
{
	return tg_control_apply(control, u);
}

static const struct tg_uapi_ops uapi_ops = {.apply = apply};

static void
netlink_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct tg_control *c = watcher->data;

	(void)loop;
	(void)events;
	tg_netlink_input(c->netlink);
	c->work++;
}

static void
signalled(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)loop;
	(void)events;
	((struct tg_control *)watcher->data)->stop = true;
}

/* So a service is asked to read its files again, which --user may not read any more. */
static void
asked_to_reload(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)loop;
	(void)watcher;
	(void)events;
	fprintf(stderr, "tinguard: SIGHUP: goes on, nothing is read again: `wg' changes peers\n");
}

static bool
has_terminal(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/*
 * Shells and the kernel send it several times, and what is left to do shall be done. Its watcher
 * goes with the loop: to stop it would let the signal end the process for a moment.
 */
static void
ignore_hangup(const struct tg_control *c)
{
	if (ev_is_active(&c->sighup))
		signal(SIGHUP, SIG_IGN);
}

static int
open_netlink(struct tg_control *c, char *error)
{
	c->netlink = tg_netlink_open(c->pipeline->env.fib, &netlink_ops, c);
	if (!c->netlink) {
		int ret = -errno;

		snprintf(error, TG_ERROR_LEN, "rtnetlink: %s", strerror(-ret));
		return ret;
	}
	return 0;
}

static int
sync_netlink(struct tg_control *c, char *error)
{
	int ret = tg_netlink_sync(c->netlink);

	if (ret) {
		snprintf(error, TG_ERROR_LEN, "rtnetlink: %s", strerror(-ret));
		return ret;
	}
	ev_io_init(&c->netlink_watcher, netlink_readable, tg_netlink_fd(c->netlink), EV_READ);
	c->netlink_watcher.data = c;
	ev_io_start(c->loop, &c->netlink_watcher);
	return 0;
}

static int
open_uapi(struct tg_control *c, const char *tunnel, char *error)
{
	c->uapi = tg_uapi_open(c->loop, tunnel, c->dev, &uapi_ops, c);
	if (!c->uapi) {
		int ret = -errno;

		snprintf(error, TG_ERROR_LEN, "/var/run/wireguard/%s.sock: %s", tunnel,
			strerror(-ret));
		return ret;
	}
	return 0;
}

static void
watch_signal(struct tg_control *c, ev_signal *watcher, int number)
{
	ev_signal_init(watcher, signalled, number);
	watcher->data = c;
	ev_signal_start(c->loop, watcher);
}

/* With a terminal, that has gone. Neither when it is ignored, as nohup does it. */
static void
watch_hangup(struct tg_control *c)
{
	struct sigaction now;

	if (sigaction(SIGHUP, NULL, &now) || now.sa_handler == SIG_IGN)
		return;
	watch_signal(c, &c->sighup, SIGHUP);
	if (!has_terminal())
		ev_set_cb(&c->sighup, asked_to_reload);
}

int
tg_control_open(struct tg_control *c, const char *tunnel, char error[TG_ERROR_LEN])
{
	int ret;

	c->loop = ev_loop_new(EVFLAG_AUTO);
	if (!c->loop) {
		snprintf(error, TG_ERROR_LEN, "event loop: %s", strerror(errno));
		return -errno;
	}
	c->now = tg_now();
	/* Until its network device is seen to be up. */
	wg_device_set_up(c->dev, false, c->now);
	watch_signal(c, &c->sigint, SIGINT);
	watch_signal(c, &c->sigterm, SIGTERM);
	watch_hangup(c);
	tg_paths_init(&c->paths, &c->pipeline->env, c->rcu);
	ret = open_netlink(c, error);
	if (!ret)
		ret = tg_kernel_open(c, tunnel, error);
	if (!ret)
		ret = sync_netlink(c, error);
	if (!ret)
		ret = open_uapi(c, tunnel, error);
	if (ret)
		tg_control_close(c);
	return ret;
}

/* A link may come up late, or at another speed. */
static void
follow_links(struct tg_control *c)
{
	uint16_t port;

	for (port = 0; port < c->pipeline->env.n_ports; port++) {
		uint64_t rate = tg_port_link_rate(&c->pipeline->env, port);

		if (c->queue->shapes[port].set || rate == c->link_rates[port])
			continue;
		c->link_rates[port] = rate;
		tg_pipeline_set_rate(c->pipeline, port, rate);
	}
}

static void
housekeeping(struct tg_control *c)
{
	if (c->now < c->next_housekeeping)
		return;
	c->next_housekeeping = c->now + HOUSEKEEPING_TIME;
	tg_resolve_housekeeping(c);
	if (c->now < c->next_refresh)
		return;
	c->next_refresh = c->now + REFRESH_TIME;
	follow_links(c);
	tg_netlink_refresh(c->netlink);
}

static void
run_timers(struct tg_control *c)
{
	/* What was said may have set a nearer timer. */
	if (c->work || c->now >= c->next_tick)
		c->next_tick = wg_device_tick(c->dev, c->now);
}

/* Each step ends after a burst or half a millisecond: no flood keeps the timers waiting. */
static void
round_of_work(struct tg_control *c)
{
	c->now = tg_now();
	c->work = poll_events(c);
	run_timers(c);
	c->work += tg_handshake_poll(c);
	c->now = tg_now();
	run_timers(c);
	c->work += tg_kernel_poll(c);
	ev_run(c->loop, EVRUN_NOWAIT);
	c->work += tg_uapi_served(c->uapi);
	if (c->routes_changed) {
		c->routes_changed = false;
		tg_paths_follow(&c->paths);
	}
	c->work += tg_paths_slice(&c->paths);
	c->work += c->next_tick <= c->now;
	housekeeping(c);
	retry_commands(c);
	rcu_reclaim(c->rcu);
}

int
tg_control_run(struct tg_control *c)
{
	struct timespec pause = {.tv_nsec = SLEEP_NS_MIN};

	while (!c->stop) {
		round_of_work(c);
		if (c->work) {
			pause.tv_nsec = SLEEP_NS_MIN;
			continue;
		}
		nanosleep(&pause, NULL);
		pause.tv_nsec = RTE_MIN(2 * pause.tv_nsec, SLEEP_NS_MAX);
	}
	return c->failed;
}

void
tg_control_close(struct tg_control *c)
{
	if (!c->loop)
		return;
	ignore_hangup(c);
	tg_resolve_close(c);
	tg_paths_close(&c->paths);
	tg_uapi_close(c->uapi);
	c->uapi = NULL;
	tg_listen_close(c, &c->listen);
	tg_kernel_close(c);
	if (c->netlink) {
		ev_io_stop(c->loop, &c->netlink_watcher);
		tg_netlink_close(c->netlink);
		c->netlink = NULL;
	}
	ev_signal_stop(c->loop, &c->sigint);
	ev_signal_stop(c->loop, &c->sigterm);
	ev_loop_destroy(c->loop);
	c->loop = NULL;
	free(c->backlog);
	c->backlog = NULL;
	c->first_backlog = c->n_backlog = c->max_backlog = 0;
}
