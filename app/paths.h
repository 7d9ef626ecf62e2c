/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which peers have a path (path.h), and when it is made anew: those with a session, so that an idle
 * peer costs no memory for one, and whenever endpoint, listening port or routes change. What
 * changes for all peers is followed a slice at a time, so that 100,000 paths do not keep the
 * control thread from all else. Control thread only.
 */
#ifndef TG_PATHS_H
#define TG_PATHS_H

#include <stdbool.h>

#include "device.h"
#include "env.h"

/* All zero before the first use. */
struct tg_paths {
	const struct tg_env *env;
	struct rcu *rcu;
	struct wg_walk walk;
	bool walking;
	bool again; /* something has changed since the walk began */
};

void tg_paths_init(struct tg_paths *p, const struct tg_env *env, struct rcu *rcu);
/* Before the device goes. Idempotent. */
void tg_paths_close(struct tg_paths *p);

/* The endpoint of one peer has changed. */
void tg_paths_moved(struct tg_paths *p, struct wg_peer *peer);
/* The peer is about to have a session, or has none left, or is going. */
void tg_paths_needed(struct tg_paths *p, struct wg_peer *peer);
void tg_paths_not_needed(struct tg_paths *p, struct wg_peer *peer);

/* Something that is part of every path has changed. The first slice is done at once. */
void tg_paths_follow(struct tg_paths *p);
/* A slice of what is left. Returns how many peers it looked at, 0 when all is done. */
unsigned int tg_paths_slice(struct tg_paths *p);

#endif
