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
/* One set operation; `wg setconf` of 1,000,000 peers sends about 300 MB. */
#define TG_UAPI_OPERATION_MAX (512u << 20)
/* No line of the protocol comes near it. */
#define TG_UAPI_LINE_MAX 4096
/* An answer is made in pieces of about this, the next when the socket has taken the one before. */
#define TG_UAPI_PIECE 65536

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

enum tg_uapi_doing { TG_UAPI_NOTHING, TG_UAPI_SET, TG_UAPI_GET };

struct tg_uapi_conn {
	TAILQ_ENTRY(tg_uapi_conn) link;
	struct tg_uapi *uapi;
	ev_io io;
	struct tg_uapi_buf in;
	struct tg_uapi_buf out;
	size_t sent; /* bytes of out that the socket has taken */
	enum tg_uapi_doing doing;
	struct wg_update update; /* SET: of the lines so far */
	int error; /* SET: the first; what follows is skipped */
	size_t taken; /* SET: bytes of the lines so far */
	struct wg_walk walk; /* GET */
	bool more; /* in may hold another operation behind the one that is being answered */
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
	unsigned int served;
	TAILQ_HEAD(, tg_uapi_conn) conns; /* that was idle for longest first */
};

/* tg_uapi_open() with the socket's directory to choose. */
struct tg_uapi *tg_uapi_open_at(struct ev_loop *loop, const char *dir, const char *ifname,
	struct wg_device *dev, const struct tg_uapi_ops *ops, void *ctx);

/* Takes over fd, which is non-blocking. 0 or -ENOMEM; fd is then still the caller's. */
int tg_uapi_conn_open(struct tg_uapi *uapi, int fd);
void tg_uapi_conn_close(struct tg_uapi_conn *conn);

/*
 * Adds lines of a set operation, of those between `set=1' and the blank line, to u; each is ended
 * by a newline, and text is changed. 0, or -EINVAL/-ENOMEM with u freed.
 */
int tg_uapi_parse(char *text, size_t len, struct wg_update *u);

/* Append the device's state without its peers, and a peer's. */
void tg_uapi_print_device(struct wg_device *dev, struct tg_uapi_buf *buf);
void tg_uapi_print_peer(const struct wg_peer *peer, struct tg_uapi_buf *buf);

#endif
