/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One client. It reads until an operation is complete, runs it, and neither reads nor runs more
 * before the socket has taken the answer: so a client that does not read holds one answer of
 * memory, and one that sends many operations runs one per turn of the loop.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sodium.h>

#include "uapi_private.h"

#define READ_LEN 65536
#define BUF_LEN_MIN 4096

void
tg_uapi_buf_free(struct tg_uapi_buf *buf)
{
	if (buf->data)
		sodium_memzero(buf->data, buf->cap);
	free(buf->data);
	*buf = (struct tg_uapi_buf){0};
}

char *
tg_uapi_buf_reserve(struct tg_uapi_buf *buf, size_t n)
{
	struct tg_uapi_buf bigger = {.len = buf->len, .cap = buf->cap ? buf->cap : BUF_LEN_MIN};

	if (n <= buf->cap - buf->len)
		return buf->data + buf->len;
	while (n > bigger.cap - bigger.len)
		bigger.cap *= 2;
	bigger.data = malloc(bigger.cap);
	if (!bigger.data) {
		buf->failed = true;
		return NULL;
	}
	if (buf->len)
		memcpy(bigger.data, buf->data, buf->len);
	tg_uapi_buf_free(buf);
	*buf = bigger;
	return buf->data + buf->len;
}

static void
buf_consume(struct tg_uapi_buf *buf, size_t n)
{
	size_t rest = buf->len - n;

	if (rest == 0) {
		tg_uapi_buf_free(buf);
		return;
	}
	memmove(buf->data, buf->data + n, rest);
	sodium_memzero(buf->data + rest, n);
	buf->len = rest;
}

static void
find_operation(struct tg_uapi_conn *conn)
{
	const char *from, *end;

	if (conn->operation || conn->closing || conn->in.len == 0)
		return;
	from = conn->in.data + conn->scanned;
	end = memmem(from, conn->in.len - conn->scanned, "\n\n", 2);
	if (end)
		conn->operation = end + 2 - conn->in.data;
	else
		conn->scanned = conn->in.len - 1;
}

/* False at the end: all that came before it has been answered, or nothing would be read. */
static bool
conn_receive(struct tg_uapi_conn *conn)
{
	char *room = tg_uapi_buf_reserve(&conn->in, READ_LEN);
	ssize_t n;

	if (!room)
		return false;
	n = recv(conn->io.fd, room, READ_LEN, 0);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	conn->in.len += n;
	find_operation(conn);
	return n > 0;
}

static bool
conn_send(struct tg_uapi_conn *conn)
{
	ssize_t n;

	if (conn->out.len == 0)
		return true;
	n = send(
		conn->io.fd, conn->out.data + conn->sent, conn->out.len - conn->sent, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	conn->sent += n;
	if (conn->sent == conn->out.len) {
		tg_uapi_buf_free(&conn->out);
		conn->sent = 0;
	}
	return true;
}

static void
answer(struct tg_uapi_conn *conn, int err)
{
	char *room = tg_uapi_buf_reserve(&conn->out, 32);

	if (room)
		conn->out.len += snprintf(room, 32, "errno=%d\n\n", err);
	else
		conn->closing = true;
}

static int
run_set(struct tg_uapi *uapi, char *text, size_t len)
{
	struct wg_update u;
	int rc;

	rc = tg_uapi_parse(text, len, &u);
	if (rc)
		return rc;
	rc = uapi->ops->apply(uapi->ctx, &u);
	wg_update_free(&u);
	return rc;
}

/* wg(8) wants errno negative after set, as wireguard-go answers, and positive after get. */
static void
run_operation(struct tg_uapi_conn *conn)
{
	static const char set[] = "set=1\n";
	static const char get[] = "get=1\n\n";
	size_t set_len = sizeof(set) - 1;
	char *text = conn->in.data;
	size_t len = conn->operation;
	int rc;

	if (strncmp(text, set, set_len) == 0) {
		answer(conn, run_set(conn->uapi, text + set_len, len - set_len - 1));
	} else if (len == sizeof(get) - 1 && memcmp(text, get, len) == 0) {
		rc = tg_uapi_print(conn->uapi->dev, &conn->out);
		if (rc)
			tg_uapi_buf_free(&conn->out);
		answer(conn, -rc);
	} else {
		answer(conn, -EINVAL);
		conn->closing = true;
	}
	buf_consume(&conn->in, len);
	conn->operation = 0;
	conn->scanned = 0;
	find_operation(conn);
}

static void
conn_watch(struct tg_uapi_conn *conn)
{
	int events = conn->out.len || conn->operation ? EV_WRITE : EV_READ;

	if (conn->io.events & events)
		return;
	ev_io_stop(conn->uapi->loop, &conn->io);
	ev_io_set(&conn->io, conn->io.fd, events);
	ev_io_start(conn->uapi->loop, &conn->io);
}

static void
on_conn(struct ev_loop *loop, ev_io *io, int revents)
{
	struct tg_uapi_conn *conn = io->data;
	bool alive = true;

	(void)loop;
	if (revents & EV_READ)
		alive = conn_receive(conn);
	if (alive && conn->out.len == 0) {
		if (conn->operation) {
			run_operation(conn);
		} else if (conn->in.len > TG_UAPI_OPERATION_MAX) {
			answer(conn, -E2BIG);
			conn->closing = true;
		}
	}
	if (alive)
		alive = conn_send(conn);
	if (alive && !(conn->closing && conn->out.len == 0))
		conn_watch(conn);
	else
		tg_uapi_conn_close(conn);
}

int
tg_uapi_conn_open(struct tg_uapi *uapi, int fd)
{
	struct tg_uapi_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return -ENOMEM;
	conn->uapi = uapi;
	ev_io_init(&conn->io, on_conn, fd, EV_READ);
	conn->io.data = conn;
	ev_io_start(uapi->loop, &conn->io);
	LIST_INSERT_HEAD(&uapi->conns, conn, link);
	uapi->n_conns++;
	return 0;
}

void
tg_uapi_conn_close(struct tg_uapi_conn *conn)
{
	struct tg_uapi *uapi = conn->uapi;

	ev_io_stop(uapi->loop, &conn->io);
	close(conn->io.fd);
	tg_uapi_buf_free(&conn->in);
	tg_uapi_buf_free(&conn->out);
	LIST_REMOVE(conn, link);
	free(conn);
	uapi->n_conns--;
	tg_uapi_listen(uapi);
}
