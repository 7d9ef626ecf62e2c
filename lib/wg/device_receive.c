/* SPDX-License-Identifier: BSD-3-Clause */
/* Handshake messages and cookie replies from the network: what control does between their jobs. */
#include <string.h>

#include <sodium.h>

#include "device_private.h"

static void
authenticated(struct wg_device *dev, struct wg_peer *peer, const struct wg_job *job, size_t len)
{
	wg_timers_handshake_received(peer, len, job->now);
	wg_device_set_endpoint(dev, peer, &job->from);
}

/* To be compared again when the job comes back. */
static void
copy_in(struct wg_job *job, const struct wg_peer *peer, enum wg_job_kind kind, uint64_t now)
{
	job->kind = kind;
	job->peer = peer->id;
	job->now = now;
	job->handshake = peer->handshake;
}

/* The peer of a job that has been run, unless that or its keys are others by now. */
static struct wg_peer *
peer_of(const struct wg_device *dev, const struct wg_job *job)
{
	struct wg_peer *peer = wg_peers_get(&dev->peers, job->peer);

	if (!peer || job->identity != wg_device_identity(dev)->number ||
		sodium_memcmp(peer->handshake.preshared_key, job->handshake.preshared_key,
			WG_KEY_LEN) != 0)
		return NULL;
	return peer;
}

/* Creates, publishes and returns a session under an index of the peer, which is freed on failure.
 */
static bool
begin_session(struct wg_device *dev, struct wg_peer *peer, const struct wg_session_keys *keys,
	uint32_t local_index, uint32_t remote_index, bool initiator, uint64_t now)
{
	struct wg_keypair *kp;

	kp = wg_keypair_create(
		dev->keypair_vault, peer, keys, local_index, remote_index, initiator, now);
	if (!kp) {
		wg_index_remove(dev->index, local_index);
		return false;
	}
	wg_session_add(dev, peer, kp, now);
	return true;
}

static bool
opened(struct wg_device *dev, struct wg_job *job, uint64_t now)
{
	struct wg_peer *peer;

	peer = job->ok ? wg_peers_find(&dev->peers, job->responder.remote_static) : NULL;
	if (!peer)
		return false;
	copy_in(job, peer, WG_JOB_ANSWER, now);
	wg_random_fill(&dev->random, job->ephemeral, sizeof(job->ephemeral));
	return true;
}

static enum wg_refusal
answered(struct wg_device *dev, struct wg_job *job, uint64_t now)
{
	struct wg_response *msg = &job->out.response;
	struct wg_peer *peer = peer_of(dev, job);
	uint32_t index;

	if (!peer)
		return WG_REFUSED_INITIATION;
	wg_handshake_learn(&peer->handshake, &job->handshake);
	/* Two may have been on their way at a time. */
	if (!job->ok || !wg_handshake_take_initiation(&peer->handshake, &job->handshake))
		return WG_REFUSED_INITIATION;
	authenticated(dev, peer, job, sizeof(job->in.initiation));
	if (wg_index_add_handshake(dev->index, peer, wg_handshake_lane(dev, peer), &index))
		return WG_REFUSED_RESOURCES;
	if (!begin_session(dev, peer, &job->keys, index, job->responder.remote_index, false, now))
		return WG_REFUSED_RESOURCES;
	msg->sender = rte_cpu_to_le_32(index);
	wg_device_send(dev, peer, msg, sizeof(*msg), now);
	wg_device_schedule(dev, peer, now);
	return WG_OK;
}

static bool
response(struct wg_device *dev, struct wg_job *job, uint64_t now)
{
	uint32_t index = rte_le_to_cpu_32(job->in.response.receiver);
	struct wg_peer *peer = wg_index_handshake(dev->index, index);

	if (!peer)
		return false;
	copy_in(job, peer, WG_JOB_CONCLUDE, now);
	return true;
}

static enum wg_refusal
concluded(struct wg_device *dev, struct wg_job *job, uint64_t now)
{
	const struct wg_response *msg = &job->in.response;
	uint32_t index = rte_le_to_cpu_32(msg->receiver);
	struct wg_peer *peer = peer_of(dev, job);

	/* Another response to the same initiation may have come back before. */
	if (!peer || !job->ok || !peer->handshake.waiting || peer->handshake.local_index != index)
		return WG_REFUSED_RESPONSE;
	wg_handshake_drop(&peer->handshake);
	authenticated(dev, peer, job, sizeof(*msg));
	if (!begin_session(dev, peer, &job->keys, index, rte_le_to_cpu_32(msg->sender), true, now))
		return WG_REFUSED_RESOURCES;
	/* Tells the responder that its response arrived, should there be no data to do so. */
	wg_device_keepalive(dev, peer, now);
	wg_device_schedule(dev, peer, now);
	return WG_OK;
}

/* The peer whom we sent a handshake message with this sender index, or NULL. */
static struct wg_peer *
addressee(const struct wg_device *dev, uint32_t index)
{
	const struct wg_keypair *kp = wg_index_keypair(dev->index, index);

	return kp ? kp->peer : wg_index_handshake(dev->index, index);
}

static enum wg_refusal
cookie(struct wg_device *dev, const struct wg_job *job, uint64_t now)
{
	const struct wg_cookie_reply *msg = &job->in.cookie;
	struct wg_peer *peer = addressee(dev, rte_le_to_cpu_32(msg->receiver));

	if (!peer ||
		!wg_cookie_consume_reply(&peer->cookie, peer->handshake.remote_static, msg, now))
		return WG_REFUSED_COOKIE;
	return WG_OK;
}

bool
wg_device_proceed(struct wg_device *dev, struct wg_job *job, uint64_t now, enum wg_refusal *refusal)
{
	*refusal = dev->down ? WG_REFUSED_DOWN : WG_OK;
	if (dev->down)
		return false;
	switch (job->kind) {
	case WG_JOB_OPEN:
		*refusal = WG_REFUSED_INITIATION;
		return opened(dev, job, now);
	case WG_JOB_ANSWER:
		*refusal = answered(dev, job, now);
		break;
	case WG_JOB_RESPONSE:
		*refusal = WG_REFUSED_RESPONSE;
		return response(dev, job, now);
	case WG_JOB_CONCLUDE:
		*refusal = concluded(dev, job, now);
		break;
	case WG_JOB_INITIATE:
		wg_handshake_initiated(dev, job, now);
		break;
	case WG_JOB_COOKIE:
		*refusal = cookie(dev, job, now);
		break;
	case WG_JOB_REPLY:
		dev->ops->send(
			dev->ctx, NULL, &job->from, &job->out.cookie, sizeof(job->out.cookie));
		*refusal = WG_REFUSED_UNDER_LOAD;
		break;
	}
	return false;
}

bool
wg_device_begin(struct wg_device *dev, struct wg_job *job, uint64_t now)
{
	enum wg_refusal unused;

	if (dev->ops->begin)
		return dev->ops->begin(dev->ctx, job);
	do
		wg_job_run(job, dev->identity);
	while (wg_device_proceed(dev, job, now, &unused));
	return true;
}

enum wg_refusal
wg_device_receive(struct wg_device *dev, const void *msg, size_t len,
	const struct wg_endpoint *from, bool under_load, uint64_t now)
{
	enum wg_refusal refusal =
		wg_admission_check(dev->admission, dev->identity, msg, len, from, under_load, now);
	struct wg_job job;

	if (refusal == WG_REFUSED_UNDER_LOAD)
		wg_job_reply(&job, dev->admission, msg, len, from, now);
	else if (refusal)
		return refusal;
	else
		wg_job_receive(&job, dev->identity, msg, len, from);
	do
		wg_job_run(&job, dev->identity);
	while (wg_device_proceed(dev, &job, now, &refusal));
	wg_job_wipe(&job);
	return refusal;
}
