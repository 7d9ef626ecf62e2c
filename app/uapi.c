/* SPDX-License-Identifier: BSD-3-Clause */
#include "uapi.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "uapi_private.h"

#define BACKLOG 16
#define RETRY_S 1.0

static void
on_retry(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct tg_uapi *uapi = timer->data;

	(void)revents;
	ev_io_start(loop, &uapi->listener);
}

/* Who keeps connections and says nothing does not keep others out. */
static void
make_room(struct tg_uapi *uapi)
{
	if (uapi->n_conns == TG_UAPI_CONNECTIONS_MAX)
		tg_uapi_conn_close(TAILQ_FIRST(&uapi->conns));
}

static void
on_connect(struct ev_loop *loop, ev_io *listener, int revents)
{
	struct tg_uapi *uapi = listener->data;
	int fd;

	(void)revents;
	fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
			return;
		ev_io_stop(loop, listener);
		ev_timer_set(&uapi->retry, RETRY_S, 0.);
		ev_timer_start(loop, &uapi->retry);
		return;
	}
	make_room(uapi);
	if (tg_uapi_conn_open(uapi, fd))
		close(fd);
}

static int
make_address(struct sockaddr_un *addr, const char *dir, const char *ifname)
{
	int len;

	if (!*ifname || strlen(ifname) >= IFNAMSIZ || strchr(ifname, '/'))
		return -EINVAL;
	addr->sun_family = AF_UNIX;
	len = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s/%s.sock", dir, ifname);
	return len < (int)sizeof(addr->sun_path) ? 0 : -ENAMETOOLONG;
}

/* Removes the socket that a dead process has left. Anything else there makes bind() fail. */
static void
remove_stale(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd;

	if (lstat(addr->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 && errno == ECONNREFUSED)
		unlink(addr->sun_path);
	close(fd);
}

/* The listening socket, or -errno. */
static int
open_socket(const char *dir, const struct sockaddr_un *addr)
{
	int fd, rc;

	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	remove_stale(addr);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* bind() gives the file the mode of the socket's inode: never wider, and umask, which all
	 * threads share, is left alone. */
	if (fchmod(fd, 0700) < 0)
		goto error;
	if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		goto error;
	if (listen(fd, BACKLOG) == 0)
		return fd;
	rc = -errno;
	unlink(addr->sun_path);
	close(fd);
	return rc;
error:
	rc = -errno;
	close(fd);
	return rc;
}

struct tg_uapi *
tg_uapi_open_at(struct ev_loop *loop, const char *dir, const char *ifname, struct wg_device *dev,
	const struct tg_uapi_ops *ops, void *ctx)
{
	struct tg_uapi *uapi;
	int rc;

	uapi = calloc(1, sizeof(*uapi));
	if (!uapi)
		return NULL;
	*uapi = (struct tg_uapi){.loop = loop, .dev = dev, .ops = ops, .ctx = ctx};
	rc = make_address(&uapi->addr, dir, ifname);
	if (rc)
		goto error;
	rc = open_socket(dir, &uapi->addr);
	if (rc < 0)
		goto error;
	TAILQ_INIT(&uapi->conns);
	ev_init(&uapi->retry, on_retry);
	uapi->retry.data = uapi;
	ev_io_init(&uapi->listener, on_connect, rc, EV_READ);
	uapi->listener.data = uapi;
	ev_io_start(loop, &uapi->listener);
	return uapi;
error:
	free(uapi);
	errno = -rc;
	return NULL;
}

struct tg_uapi *
tg_uapi_open(struct ev_loop *loop, const char *ifname, struct wg_device *dev,
	const struct tg_uapi_ops *ops, void *ctx)
{
	return tg_uapi_open_at(loop, TG_UAPI_DIR, ifname, dev, ops, ctx);
}

unsigned int
tg_uapi_served(struct tg_uapi *uapi)
{
	unsigned int n = uapi->served;

	uapi->served = 0;
	return n;
}

int
tg_uapi_give(struct tg_uapi *uapi, uid_t uid, gid_t gid)
{
	char dir[sizeof(uapi->addr.sun_path)];
	struct stat st;

	memcpy(dir, uapi->addr.sun_path, sizeof(dir));
	*strrchr(dir, '/') = '\0';
	if (lchown(uapi->addr.sun_path, uid, gid) || chown(dir, (uid_t)-1, gid) || stat(dir, &st) ||
		chmod(dir, (st.st_mode & ALLPERMS) | S_ISVTX | S_IRWXG))
		return -errno;
	return 0;
}

void
tg_uapi_close(struct tg_uapi *uapi)
{
	if (!uapi)
		return;
	while (!TAILQ_EMPTY(&uapi->conns))
		tg_uapi_conn_close(TAILQ_FIRST(&uapi->conns));
	ev_io_stop(uapi->loop, &uapi->listener);
	ev_timer_stop(uapi->loop, &uapi->retry);
	unlink(uapi->addr.sun_path);
	close(uapi->listener.fd);
	free(uapi);
}
