/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parts of the UAPI server: the socket (uapi.c), connections (uapi_conn.c), and the two
 * operations (uapi_set.c, uapi_get.c). Protocol:
 * https://www.wireguard.com/xplatform/#configuration-protocol
 */
#ifndef TG_UAPI_PRIVATE_H
#define TG_UAPI_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <sys/un.h>

#include "uapi.h"

#define TG_UAPI_DIR "/var/run/wireguard"
#define TG_UAPI_CONNECTIONS_MAX 64
/* One set operation; `wg setconf` of 100,000 peers sends about 30 MB. */
#define TG_UAPI_OPERATION_MAX (64u << 20)

/* Bytes that may be keys: wiped before their memory is given back. All zero is an empty buffer. */
struct tg_uapi_buf {
	char *data;
	size_t len;
	size_t cap;
	bool failed; /* out of memory: something that was to be appended is missing */
};

/* Room for n more bytes after len, or NULL and failed set. */
char *tg_uapi_buf_reserve(struct tg_uapi_buf *buf, size_t n);
void tg_uapi_buf_free(struct tg_uapi_buf *buf);

struct tg_uapi_conn {
	LIST_ENTRY(tg_uapi_conn) link;
	struct tg_uapi *uapi;
	ev_io io;
	struct tg_uapi_buf in;
	struct tg_uapi_buf out;
	size_t scanned; /* no operation ends in the first scanned bytes of in */
	size_t operation; /* length of the complete operation at the start of in, blank line
			     included */
	size_t sent; /* bytes of out that the socket has taken */
	bool closing; /* no further operation, only what is in out */
};

struct tg_uapi {
	struct ev_loop *loop;
	struct wg_device *dev;
	const struct tg_uapi_ops *ops;
	void *ctx;
	ev_io listener;
	ev_timer retry; /* the listener rests while descriptors are short */
	struct sockaddr_un addr;
	unsigned int n_conns;
	LIST_HEAD(, tg_uapi_conn) conns;
};

/* tg_uapi_open() with the socket's directory to choose. */
struct tg_uapi *tg_uapi_open_at(struct ev_loop *loop, const char *dir, const char *ifname,
	struct wg_device *dev, const struct tg_uapi_ops *ops, void *ctx);

/* Takes over fd, which is non-blocking. 0 or -ENOMEM; fd is then still the caller's. */
int tg_uapi_conn_open(struct tg_uapi *uapi, int fd);
void tg_uapi_conn_close(struct tg_uapi_conn *conn);
/* A connection has gone: another one may come. */
void tg_uapi_listen(struct tg_uapi *uapi);

/*
 * The lines of a set operation between `set=1' and the blank line, each ended by a newline; text is
 * changed. 0, or -EINVAL/-ENOMEM with u freed.
 */
int tg_uapi_parse(char *text, size_t len, struct wg_update *u);

/* Appends the device's state, without the errno line. 0 or -ENOMEM. */
int tg_uapi_print(struct wg_device *dev, struct tg_uapi_buf *buf);

#endif
