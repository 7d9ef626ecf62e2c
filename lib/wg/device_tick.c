/* SPDX-License-Identifier: BSD-3-Clause */
/* What timers.c finds due is done here. */
#include <string.h>

#include <rte_common.h>

#include "device_private.h"

/*
 * What one call does at most, so that a storm, such as 100,000 sessions that end together, does not
 * keep the caller from all else: so many looks at a peer, and in place of so many of them, by what
 * it costs, an initiation.
 */
#define TICK_BUDGET 1024
#define INITIATION_COST 64

struct tick {
	struct wg_device *dev;
	uint64_t now;
	unsigned int budget;
};

static void
file(struct wg_device *dev, struct wg_peer *peer, struct wg_timer_due due)
{
	if (due.timer == WG_TIMER_NONE)
		wg_wheel_remove(&dev->wheel, &peer->timers.entry);
	else
		wg_wheel_file(&dev->wheel, &peer->timers.entry, due.at);
}

void
wg_device_schedule(struct wg_device *dev, struct wg_peer *peer, uint64_t now)
{
	file(dev, peer, wg_timers_next(peer, now));
}

static void
clear_stamp(_Atomic uint64_t *time)
{
	atomic_store_explicit(time, 0, memory_order_relaxed);
}

/* Our own address may be why nobody answers: routing shall choose anew. */
static void
forget_source_address(struct wg_device *dev, struct wg_peer *peer)
{
	struct wg_endpoint endpoint = peer->endpoint;

	memset(endpoint.src, 0, sizeof(endpoint.src));
	wg_device_set_endpoint(dev, peer, &endpoint);
}

void
wg_device_keepalive(struct wg_device *dev, struct wg_peer *peer, uint64_t now)
{
	peer->timers.keepalive_asked = now;
	peer->timers.keepalive_begins = false;
	if (wg_peer_session(peer, now)) {
		dev->ops->send_keepalive(dev->ctx, peer);
		return;
	}
	clear_stamp(&peer->unacknowledged_since);
	wg_handshake_want(dev, peer, now);
}

static void
give_up(struct wg_device *dev, struct wg_peer *peer)
{
	wg_handshake_end(dev, peer);
	dev->ops->purge(dev->ctx, peer);
}

static void
perform(struct wg_device *dev, struct wg_peer *peer, enum wg_timer timer, uint64_t now)
{
	switch (timer) {
	case WG_TIMER_NONE:
	case WG_TIMER_LOOK:
		break;
	case WG_TIMER_ZERO_KEYS:
		wg_session_drop_all(dev, peer);
		break;
	case WG_TIMER_GIVE_UP:
		give_up(dev, peer);
		break;
	case WG_TIMER_RETRY:
		forget_source_address(dev, peer);
		wg_handshake_initiate(dev, peer, now);
		break;
	case WG_TIMER_UNANSWERED:
		clear_stamp(&peer->unanswered_since);
		forget_source_address(dev, peer);
		wg_handshake_want(dev, peer, now);
		break;
	case WG_TIMER_REKEY:
		wg_handshake_want(dev, peer, now);
		break;
	case WG_TIMER_KEEPALIVE:
	case WG_TIMER_PERSISTENT_KEEPALIVE:
		wg_device_keepalive(dev, peer, now);
		break;
	}
}

static void
fire(struct wg_wheel_entry *entry, void *ctx)
{
	struct wg_peer *peer = container_of(entry, struct wg_peer, timers.entry);
	struct tick *tick = ctx;
	struct wg_timer_due due = wg_timers_next(peer, tick->now);

	if (due.at <= tick->now) {
		perform(tick->dev, peer, due.timer, tick->now);
		due = wg_timers_next(peer, tick->now);
		if (peer->timers.last_initiation == tick->now)
			tick->budget -= RTE_MIN(tick->budget, INITIATION_COST - 1U);
	}
	file(tick->dev, peer, due);
}

uint64_t
wg_device_tick(struct wg_device *dev, uint64_t now)
{
	struct tick tick = {dev, now, TICK_BUDGET};

	/* No session, no handshake, and no keepalive for want of both. */
	if (dev->down)
		return UINT64_MAX;
	return wg_wheel_advance(&dev->wheel, now, &tick.budget, fire, &tick);
}
