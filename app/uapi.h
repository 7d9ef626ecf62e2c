/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WireGuard's cross-platform UAPI on /var/run/wireguard/IF.sock, for `wg`. Control thread only;
 * runs on the control loop and never blocks it.
 */
#ifndef TG_UAPI_H
#define TG_UAPI_H

#include <ev.h>
#include <sys/types.h>

#include "device.h"

struct tg_uapi;

struct tg_uapi_ops {
	/* Checks and applies a change. 0 or -errno. */
	int (*apply)(void *ctx, const struct wg_update *u);
};

/* NULL and errno; EADDRINUSE when a living process serves that name (a dead one's socket is
 * replaced). */
struct tg_uapi *tg_uapi_open(struct ev_loop *loop, const char *ifname, struct wg_device *dev,
	const struct tg_uapi_ops *ops, void *ctx);
/* How often a client was served since this was last asked: there may be more to do. */
unsigned int tg_uapi_served(struct tg_uapi *uapi);
/*
 * The socket becomes this user's, who from then on can remove it: its directory becomes writable
 * for the group, and sticky (others' sockets stay theirs). 0 or -errno.
 */
int tg_uapi_give(struct tg_uapi *uapi, uid_t uid, gid_t gid);
/* Ends all connections and removes the socket. NULL is allowed. */
void tg_uapi_close(struct tg_uapi *uapi);

#endif
