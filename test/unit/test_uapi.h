/* SPDX-License-Identifier: BSD-3-Clause */
/* A UAPI server in a directory of its own and a client to talk to it. */
#ifndef TEST_UAPI_H
#define TEST_UAPI_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_eal.h"
#include "uapi_private.h"

/* Turns of the loop without a byte for the client after which nothing more is to come: more than
 * the socket's buffer takes to be read. */
#define QUIET_TURNS 16
#define PEERS_MAX 4096

struct fixture {
	char parent[64];
	char dir[80];
	char path[96];
	struct ev_loop *loop;
	struct rcu *rcu;
	struct wg_device *dev;
	struct tg_uapi *uapi;
	int apply_error; /* returned instead of applying */
	unsigned int applied;
};

static inline void
ignore_send(
	void *ctx, struct wg_peer *peer, const struct wg_endpoint *to, const void *msg, size_t len)
{
	(void)ctx, (void)peer, (void)to, (void)msg, (void)len;
}

static inline void
ignore_peer(void *ctx, struct wg_peer *peer)
{
	(void)ctx, (void)peer;
}

static inline uint64_t
wall_clock(void *ctx)
{
	(void)ctx;
	return WG_NS_PER_S;
}

static inline void
no_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	memset(buf, 7, len);
}

static const struct wg_ops wg_ops = {
	.send = ignore_send,
	.send_keepalive = ignore_peer,
	.session_up = ignore_peer,
	.purge = ignore_peer,
	.endpoint_changed = ignore_peer,
	.peer_removed = ignore_peer,
	.wall_clock = wall_clock,
	.random = no_random,
};

static inline int
apply(void *ctx, const struct wg_update *u)
{
	struct fixture *f = ctx;

	f->applied++;
	return f->apply_error ? f->apply_error : wg_device_apply(f->dev, u, 1);
}

static const struct tg_uapi_ops uapi_ops = {.apply = apply};

static inline int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct wg_device_params params = {
		.max_peers = PEERS_MAX, .lanes = 1, .ops = &wg_ops, .ctx = f};

	strcpy(f->parent, "/tmp/test_uapi_XXXXXX");
	assert_non_null(mkdtemp(f->parent));
	snprintf(f->dir, sizeof(f->dir), "%s/wireguard", f->parent);
	snprintf(f->path, sizeof(f->path), "%s/tg0.sock", f->dir);
	f->loop = ev_loop_new(EVFLAG_AUTO);
	f->rcu = rcu_create(1);
	params.rcu = f->rcu;
	f->dev = wg_device_create(&params);
	assert_non_null(f->dev);
	f->uapi = tg_uapi_open_at(f->loop, f->dir, "tg0", f->dev, &uapi_ops, f);
	assert_non_null(f->uapi);
	*state = f;
	return 0;
}

static inline int
tear_down(void **state)
{
	struct fixture *f = *state;

	tg_uapi_close(f->uapi);
	assert_int_equal(access(f->path, F_OK), -1);
	wg_device_destroy(f->dev);
	rcu_destroy(f->rcu);
	ev_loop_destroy(f->loop);
	rmdir(f->dir);
	assert_int_equal(rmdir(f->parent), 0);
	free(f);
	return 0;
}

static inline int
connect_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(addr.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

struct answer {
	char *text;
	size_t len;
	bool closed; /* the server has ended the connection */
};

static inline ssize_t
receive(int fd, struct answer *a)
{
	static char buf[65536];
	ssize_t n = recv(fd, buf, sizeof(buf), 0);

	if (n > 0) {
		a->text = realloc(a->text, a->len + n + 1);
		memcpy(a->text + a->len, buf, n);
		a->len += n;
		a->text[a->len] = '\0';
	}
	if (n == 0 || (n < 0 && errno != EAGAIN))
		a->closed = true;
	return n;
}

/* Sends text, at most step bytes per turn of the loop, and reads until nothing more comes. */
static inline struct answer
talk(struct fixture *f, int fd, const char *text, size_t len, size_t step)
{
	struct answer a = {.text = calloc(1, 1)};
	int quiet = 0;

	while (quiet < QUIET_TURNS && !a.closed) {
		ssize_t n = send(fd, text, len < step ? len : step, MSG_NOSIGNAL);

		if (n > 0) {
			text += n;
			len -= n;
		}
		ev_run(f->loop, EVRUN_NOWAIT);
		quiet = receive(fd, &a) > 0 || n > 0 ? 0 : quiet + 1;
	}
	return a;
}

static inline void
assert_says(struct fixture *f, int fd, const char *text, const char *expected)
{
	struct answer a = talk(f, fd, text, strlen(text), SIZE_MAX);

	assert_string_equal(a.text, expected);
	assert_false(a.closed);
	free(a.text);
}

#define UAPI_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
