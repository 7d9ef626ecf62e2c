/* SPDX-License-Identifier: BSD-3-Clause */
#include <sodium.h>

#include "device_private.h"

uint32_t
wg_handshake_lane(const struct wg_device *dev, const struct wg_peer *peer)
{
	return (peer->id & WG_PEER_SLOT_MASK) % dev->lanes;
}

void
wg_handshake_forget(struct wg_device *dev, struct wg_peer *peer)
{
	if (peer->handshake.waiting)
		wg_index_remove(dev->index, peer->handshake.local_index);
	wg_handshake_drop(&peer->handshake);
}

void
wg_handshake_initiate(struct wg_device *dev, struct wg_peer *peer, uint64_t now)
{
	uint8_t ephemeral[WG_KEY_LEN];
	struct wg_initiation msg;
	uint32_t index;
	bool ok;

	peer->timers.jitter = wg_random_u32(&dev->random) % (WG_REKEY_JITTER_MAX + 1);
	peer->timers.retry_at = now + WG_REKEY_TIMEOUT + peer->timers.jitter;
	wg_handshake_forget(dev, peer);
	if (wg_index_add_handshake(dev->index, peer, wg_handshake_lane(dev, peer), &index))
		return;
	wg_random_fill(&dev->random, ephemeral, sizeof(ephemeral));
	ok = wg_noise_create_initiation(&msg, &peer->handshake, dev->identity, index, ephemeral,
		dev->ops->wall_clock(dev->ctx));
	sodium_memzero(ephemeral, sizeof(ephemeral));
	if (!ok) {
		wg_index_remove(dev->index, index);
		return;
	}
	peer->timers.last_initiation = now;
	wg_device_send(dev, peer, &msg, sizeof(msg), now);
}

void
wg_handshake_want(struct wg_device *dev, struct wg_peer *peer, uint64_t now)
{
	struct wg_peer_timers *t = &peer->timers;

	if (t->attempt_since)
		return;
	if (dev->down || !peer->endpoint.family ||
		!wg_handshake_possible(&peer->handshake, dev->identity)) {
		dev->ops->purge(dev->ctx, peer);
		return;
	}
	t->attempt_since = now;
	t->retry_at = t->last_initiation + WG_REKEY_TIMEOUT;
	if (!t->last_initiation || t->retry_at <= now)
		wg_handshake_initiate(dev, peer, now);
	wg_device_schedule(dev, peer, now);
}

void
wg_handshake_end(struct wg_device *dev, struct wg_peer *peer)
{
	wg_handshake_forget(dev, peer);
	peer->timers.attempt_since = 0;
	peer->timers.retry_at = 0;
}
