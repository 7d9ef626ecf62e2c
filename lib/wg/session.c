/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The key slots of a peer.
 *
 * The initiator of a handshake knows from the response that both sides have the new session: it
 * becomes `current` at once. The responder does not know that its response arrived: the new session
 * waits in `next`, for receiving only, until data comes in under it. What was current stays in
 * `previous`, for packets that are still under way. Should both sides initiate at once, each has
 * one session of both kinds, and every choice that the packets on their way lead to keeps both in
 * the slots.
 */
#include "device_private.h"

#define ZERO_KEYS_AFTER (3 * WG_REJECT_AFTER_TIME)

static struct wg_keypair *
current(const struct wg_peer *peer)
{
	return atomic_load_explicit(&peer->current, memory_order_relaxed);
}

static void
set_current(struct wg_peer *peer, struct wg_keypair *kp)
{
	atomic_store_explicit(&peer->current, kp, memory_order_release);
}

/* After set_current(): who sees the flag down sees what answers are sent under. */
static void
set_confirmed(struct wg_keypair *kp)
{
	atomic_store_explicit(&kp->unconfirmed, false, memory_order_release);
}

static void
retire(struct wg_device *dev, struct wg_keypair *kp)
{
	wg_keypair_retire(kp, dev->index, dev->rcu);
}

/* The handshake is complete on both sides, as far as we can know. */
static void
up(struct wg_device *dev, struct wg_peer *peer)
{
	wg_handshake_end(dev, peer);
	peer->timers.last_handshake = dev->ops->wall_clock(dev->ctx);
	dev->ops->session_up(dev->ctx, peer);
}

static void
add_as_initiator(struct wg_device *dev, struct wg_peer *peer, struct wg_keypair *kp)
{
	struct wg_keypair *was = current(peer), *previous = peer->previous;

	set_current(peer, kp);
	if (peer->next) {
		set_confirmed(peer->next);
		peer->previous = peer->next;
		peer->next = NULL;
		retire(dev, was);
	} else {
		peer->previous = was;
	}
	retire(dev, previous);
	up(dev, peer);
}

static void
add_as_responder(struct wg_device *dev, struct wg_peer *peer, struct wg_keypair *kp)
{
	retire(dev, peer->next);
	retire(dev, peer->previous);
	peer->next = kp;
	peer->previous = NULL;
}

void
wg_session_add(struct wg_device *dev, struct wg_peer *peer, struct wg_keypair *kp, uint64_t now)
{
	/* Before anything can be sent under it. */
	if (dev->ops->path_needed)
		dev->ops->path_needed(dev->ctx, peer);
	wg_index_set_keypair(dev->index, kp->local_index, kp);
	peer->timers.zero_at = now + ZERO_KEYS_AFTER;
	if (kp->initiator)
		add_as_initiator(dev, peer, kp);
	else
		add_as_responder(dev, peer, kp);
}

void
wg_session_confirm(struct wg_device *dev, struct wg_peer *peer, struct wg_keypair *kp, uint64_t now)
{
	if (kp != peer->next)
		return;
	retire(dev, peer->previous);
	peer->previous = current(peer);
	peer->next = NULL;
	set_current(peer, kp);
	set_confirmed(kp);
	up(dev, peer);
	wg_device_schedule(dev, peer, now);
}

void
wg_session_drop_all(struct wg_device *dev, struct wg_peer *peer)
{
	struct wg_keypair *was = current(peer);

	set_current(peer, NULL);
	retire(dev, was);
	retire(dev, peer->next);
	retire(dev, peer->previous);
	peer->next = NULL;
	peer->previous = NULL;
	peer->timers.zero_at = 0;
	if (dev->ops->path_not_needed)
		dev->ops->path_not_needed(dev->ctx, peer);
}
