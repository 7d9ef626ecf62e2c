/* SPDX-License-Identifier: BSD-3-Clause */
#include <sodium.h>

#include "device_private.h"

/* When too many handshakes are being computed: not a message, and no reason to wait for 5 s. */
#define NO_ROOM_RETRY (WG_NS_PER_S / 8)

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
	struct wg_job job = {.kind = WG_JOB_INITIATE,
		.peer = peer->id,
		.identity = wg_device_identity(dev)->number,
		.now = now,
		.wall_clock = dev->ops->wall_clock(dev->ctx)};
	struct wg_peer_timers *t = &peer->timers;
	uint64_t last = t->last_initiation;

	t->jitter = wg_random_u32(&dev->random) % (WG_REKEY_JITTER_MAX + 1);
	t->retry_at = now + WG_REKEY_TIMEOUT + t->jitter;
	t->last_initiation = now;
	wg_handshake_forget(dev, peer);
	job.handshake = peer->handshake;
	wg_random_fill(&dev->random, job.ephemeral, sizeof(job.ephemeral));
	if (!wg_device_begin(dev, &job, now)) {
		t->retry_at = now + NO_ROOM_RETRY;
		t->last_initiation = last;
	}
	wg_job_wipe(&job);
}

/* No secret can be agreed on with this peer: nothing is ever sent to it. */
static void
impossible(struct wg_device *dev, struct wg_peer *peer, uint64_t now)
{
	wg_handshake_end(dev, peer);
	dev->ops->purge(dev->ctx, peer);
	wg_device_schedule(dev, peer, now);
}

void
wg_handshake_initiated(struct wg_device *dev, struct wg_job *job, uint64_t now)
{
	struct wg_peer *peer = wg_peers_get(&dev->peers, job->peer);
	uint32_t index;

	/* A session may have come up meanwhile, at the other side's initiative. */
	if (!peer || job->identity != wg_device_identity(dev)->number ||
		!peer->timers.attempt_since)
		return;
	wg_handshake_learn(&peer->handshake, &job->handshake);
	if (!job->ok) {
		impossible(dev, peer, now);
		return;
	}
	wg_handshake_forget(dev, peer);
	if (wg_index_add_handshake(dev->index, peer, wg_handshake_lane(dev, peer), &index))
		return;
	job->out.initiation.sender = rte_cpu_to_le_32(index);
	wg_handshake_wait(&peer->handshake, &job->handshake, index);
	wg_device_send(dev, peer, &job->out.initiation, sizeof(job->out.initiation), now);
}

void
wg_handshake_want(struct wg_device *dev, struct wg_peer *peer, uint64_t now)
{
	struct wg_peer_timers *t = &peer->timers;

	if (t->attempt_since)
		return;
	if (!wg_device_identity(dev)->set)
		peer->handshake.agreement = WG_AGREEMENT_IMPOSSIBLE;
	if (dev->down || !peer->endpoint.family ||
		peer->handshake.agreement == WG_AGREEMENT_IMPOSSIBLE) {
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
