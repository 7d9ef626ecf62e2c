/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One client. What it sends is parsed as it comes, and a set operation applied when it is complete.
 * An answer is made in pieces. Neither is more read nor another piece made before the socket has
 * taken the last: so a client that does not read holds one piece of memory, one that sends much
 * does a little of it per turn of the loop, and the loop has time for all else, however many peers
 * there are.
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

static void
refuse(struct tg_uapi_conn *conn, int err)
{
	answer(conn, err);
	conn->closing = true;
}

/* The first line, which names the operation. */
static void
begin_operation(struct tg_uapi_conn *conn)
{
	static const char set[] = "set=1\n";
	static const char get[] = "get=1\n\n";
	size_t set_len = sizeof(set) - 1, get_len = sizeof(get) - 1;
	const struct tg_uapi_buf *in = &conn->in;

	if (in->len >= set_len && memcmp(in->data, set, set_len) == 0) {
		conn->doing = TG_UAPI_SET;
		conn->error = 0;
		conn->taken = 0;
		wg_update_init(&conn->update);
		buf_consume(&conn->in, set_len);
	} else if (in->len >= get_len && memcmp(in->data, get, get_len) == 0) {
		conn->doing = TG_UAPI_GET;
		tg_uapi_print_device(conn->uapi->dev, &conn->out);
		wg_walk_begin(conn->uapi->dev, &conn->walk);
		buf_consume(&conn->in, get_len);
	} else if (memchr(in->data, '\n', in->len) &&
		(in->len >= get_len || memcmp(in->data, get, in->len) != 0)) {
		refuse(conn, -EINVAL);
	} else if (in->len > TG_UAPI_LINE_MAX) {
		refuse(conn, -E2BIG);
	}
}

/* wg(8) wants errno negative after set, as wireguard-go answers, and positive after get. */
static void
end_set(struct tg_uapi_conn *conn)
{
	struct tg_uapi *uapi = conn->uapi;

	conn->doing = TG_UAPI_NOTHING;
	if (!conn->error)
		conn->error = uapi->ops->apply(uapi->ctx, &conn->update);
	wg_update_free(&conn->update);
	answer(conn, conn->error);
}

/* The whole lines that are there, up to the blank one. */
static void
go_on_set(struct tg_uapi_conn *conn)
{
	struct tg_uapi_buf *in = &conn->in;
	const char *end = *in->data == '\n' ? in->data : memmem(in->data, in->len, "\n\n", 2);
	const char *last = end ? end : memrchr(in->data, '\n', in->len);
	size_t len = last && last > in->data ? (size_t)(last + 1 - in->data) : 0;

	conn->taken += len;
	if ((!end && in->len - len > TG_UAPI_LINE_MAX) || conn->taken > TG_UAPI_OPERATION_MAX) {
		refuse(conn, -E2BIG);
		return;
	}
	if (!conn->error)
		conn->error = tg_uapi_parse(in->data, len, &conn->update);
	buf_consume(in, len + (end != NULL));
	if (end)
		end_set(conn);
}

static void
go_on_get(struct tg_uapi_conn *conn)
{
	const struct wg_peer *peer = NULL;

	while (conn->out.len < TG_UAPI_PIECE && (peer = wg_walk_next(&conn->walk)))
		tg_uapi_print_peer(peer, &conn->out);
	if (conn->out.failed) {
		tg_uapi_buf_free(&conn->out);
		conn->closing = true;
	} else if (!peer) {
		wg_walk_end(&conn->walk);
		conn->doing = TG_UAPI_NOTHING;
		answer(conn, 0);
	}
}

/* As much as can be done with what is there and without another answer to send. */
static void
work(struct tg_uapi_conn *conn)
{
	if (conn->doing == TG_UAPI_NOTHING && conn->in.len)
		begin_operation(conn);
	if (conn->doing == TG_UAPI_SET && conn->in.len && !conn->closing)
		go_on_set(conn);
	if (conn->doing == TG_UAPI_GET)
		go_on_get(conn);
	conn->more = conn->out.len && conn->in.len;
}

static void
conn_watch(struct tg_uapi_conn *conn)
{
	int events = conn->out.len || conn->doing == TG_UAPI_GET || conn->more ? EV_WRITE : EV_READ;

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
	struct tg_uapi *uapi = conn->uapi;
	bool alive = true;

	(void)loop;
	uapi->served++;
	TAILQ_REMOVE(&uapi->conns, conn, link);
	TAILQ_INSERT_TAIL(&uapi->conns, conn, link);
	if (revents & EV_READ)
		alive = conn_receive(conn);
	if (alive && conn->out.len == 0)
		work(conn);
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
	TAILQ_INSERT_TAIL(&uapi->conns, conn, link);
	uapi->n_conns++;
	return 0;
}

void
tg_uapi_conn_close(struct tg_uapi_conn *conn)
{
	struct tg_uapi *uapi = conn->uapi;

	ev_io_stop(uapi->loop, &conn->io);
	close(conn->io.fd);
	if (conn->doing == TG_UAPI_GET)
		wg_walk_end(&conn->walk);
	if (conn->doing == TG_UAPI_SET)
		wg_update_free(&conn->update);
	tg_uapi_buf_free(&conn->in);
	tg_uapi_buf_free(&conn->out);
	TAILQ_REMOVE(&uapi->conns, conn, link);
	free(conn);
	uapi->n_conns--;
}
