/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the data path tells the control thread, and what that tells the TX stage: small values in
 * SPSC rings. Events may be lost when a ring is full, since whatever caused one causes it again;
 * commands may not, the control thread keeps them until there is room.
 */
#ifndef TG_EVENT_H
#define TG_EVENT_H

#include <rte_ring_elem.h>

#include "endpoint.h"

enum tg_event_kind {
	TG_EVENT_SESSION_WANTED, /* id: peer */
	TG_EVENT_HEARD, /* id: local index of the session */
	TG_EVENT_ROAMED, /* id: peer; from: where it is now */
};

struct tg_event {
	uint32_t kind;
	uint32_t id;
	struct wg_endpoint from;
};

enum tg_command_kind {
	TG_COMMAND_OPEN, /* the peer has a session: open its closed tin */
	TG_COMMAND_PURGE, /* it will not get one: drop what has waited for it since before at */
	TG_COMMAND_GONE, /* the peer is removed: drop all that is queued for it */
};

struct tg_command {
	uint32_t kind;
	uint32_t peer;
	uint32_t at; /* PURGE: when that was, as TX stamps packets (meta.h) */
};

_Static_assert(sizeof(struct tg_event) % 4 == 0, "rings take multiples of 4 bytes");

static inline bool
tg_event_post(struct rte_ring *ring, const struct tg_event *event)
{
	return rte_ring_sp_enqueue_elem(ring, (void *)(uintptr_t)event, sizeof(*event)) == 0;
}

#endif
