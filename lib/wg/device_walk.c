/* SPDX-License-Identifier: BSD-3-Clause */
#include "device_private.h"

void
wg_walk_begin(struct wg_device *dev, struct wg_walk *walk)
{
	walk->next = TAILQ_FIRST(&dev->peers.order);
	LIST_INSERT_HEAD(&dev->walks, walk, link);
}

struct wg_peer *
wg_walk_next(struct wg_walk *walk)
{
	struct wg_peer *peer = walk->next;

	if (peer)
		walk->next = TAILQ_NEXT(peer, order);
	return peer;
}

void
wg_walk_end(struct wg_walk *walk)
{
	LIST_REMOVE(walk, link);
}

void
wg_walks_leave(struct wg_device *dev, const struct wg_peer *peer)
{
	struct wg_walk *walk;

	LIST_FOREACH(walk, &dev->walks, link)
	if (walk->next == peer)
		walk->next = TAILQ_NEXT(peer, order);
}
