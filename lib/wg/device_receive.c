/* SPDX-License-Identifier: BSD-3-Clause */
/* Handshake messages and cookie replies from the network. */
#include <string.h>

#include <sodium.h>

#include "device_private.h"

struct received {
	const void *msg;
	size_t len;
	const struct wg_endpoint *from;
	uint64_t now;
};

static void
authenticated(struct wg_device *dev, struct wg_peer *peer, const struct received *rx)
{
	wg_timers_handshake_received(peer, rx->len, rx->now);
	wg_device_set_endpoint(dev, peer, rx->from);
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

static enum wg_refusal
respond(struct wg_device *dev, struct wg_peer *peer, struct wg_noise_responder *r, uint64_t now)
{
	uint8_t ephemeral[WG_KEY_LEN];
	struct wg_session_keys keys;
	struct wg_response msg;
	enum wg_refusal rc = WG_OK;
	uint32_t index;

	if (wg_index_add_handshake(dev->index, peer, wg_handshake_lane(dev, peer), &index))
		return WG_REFUSED_RESOURCES;
	wg_random_fill(&dev->random, ephemeral, sizeof(ephemeral));
	if (!wg_noise_create_response(&msg, r, &peer->handshake, index, ephemeral, &keys)) {
		wg_index_remove(dev->index, index);
		rc = WG_REFUSED_INITIATION;
	} else if (!begin_session(dev, peer, &keys, index, r->remote_index, false, now)) {
		rc = WG_REFUSED_RESOURCES;
	} else {
		wg_device_send(dev, peer, &msg, sizeof(msg), now);
		wg_device_schedule(dev, peer, now);
	}
	sodium_memzero(ephemeral, sizeof(ephemeral));
	sodium_memzero(&keys, sizeof(keys));
	return rc;
}

static enum wg_refusal
receive_initiation(struct wg_device *dev, const struct received *rx)
{
	enum wg_refusal rc = WG_REFUSED_INITIATION;
	struct wg_noise_responder r;
	struct wg_peer *peer;

	if (!wg_noise_open_initiation(&r, rx->msg, dev->identity))
		goto out;
	peer = wg_peers_find(&dev->peers, r.remote_static);
	if (!peer ||
		!wg_noise_accept_initiation(&r, rx->msg, &peer->handshake, dev->identity, rx->now))
		goto out;
	authenticated(dev, peer, rx);
	rc = respond(dev, peer, &r, rx->now);
out:
	wg_noise_forget(&r);
	return rc;
}

static enum wg_refusal
receive_response(struct wg_device *dev, const struct received *rx)
{
	const struct wg_response *msg = rx->msg;
	uint32_t index = rte_le_to_cpu_32(msg->receiver);
	struct wg_peer *peer = wg_index_handshake(dev->index, index);
	struct wg_session_keys keys;
	bool ok;

	if (!peer || !wg_noise_consume_response(&peer->handshake, msg, dev->identity, &keys))
		return WG_REFUSED_RESPONSE;
	authenticated(dev, peer, rx);
	ok = begin_session(dev, peer, &keys, index, rte_le_to_cpu_32(msg->sender), true, rx->now);
	sodium_memzero(&keys, sizeof(keys));
	if (!ok)
		return WG_REFUSED_RESOURCES;
	/* Tells the responder that its response arrived, should there be no data to do so. */
	wg_device_keepalive(dev, peer, rx->now);
	wg_device_schedule(dev, peer, rx->now);
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
receive_cookie(struct wg_device *dev, const struct received *rx)
{
	const struct wg_cookie_reply *msg = rx->msg;
	struct wg_peer *peer = addressee(dev, rte_le_to_cpu_32(msg->receiver));

	if (!peer ||
		!wg_cookie_consume_reply(
			&peer->cookie, peer->handshake.remote_static, msg, rx->now))
		return WG_REFUSED_COOKIE;
	return WG_OK;
}

static enum wg_refusal
admit(struct wg_device *dev, const struct received *rx, bool under_load)
{
	struct wg_cookie_reply reply;

	if (!wg_cookie_check_mac1(&dev->checker, rx->msg, rx->len))
		return WG_REFUSED_MAC1;
	if (!under_load)
		return WG_OK;
	if (!wg_cookie_check_mac2(&dev->checker, rx->msg, rx->len, rx->from, rx->now)) {
		wg_cookie_create_reply(&dev->checker, &reply, rx->msg, rx->len, rx->from, rx->now);
		dev->ops->send(dev->ctx, NULL, rx->from, &reply, sizeof(reply));
		return WG_REFUSED_UNDER_LOAD;
	}
	if (!wg_ratelimiter_allow(dev->ratelimiter, rx->from, rx->now))
		return WG_REFUSED_RATE_LIMIT;
	return WG_OK;
}

struct kind {
	size_t len;
	bool has_macs;
	enum wg_refusal (*receive)(struct wg_device *dev, const struct received *rx);
};

static const struct kind kinds[] = {
	[WG_MESSAGE_INITIATION] = {sizeof(struct wg_initiation), true, receive_initiation},
	[WG_MESSAGE_RESPONSE] = {sizeof(struct wg_response), true, receive_response},
	[WG_MESSAGE_COOKIE] = {sizeof(struct wg_cookie_reply), false, receive_cookie},
};

enum wg_refusal
wg_device_receive(struct wg_device *dev, const void *msg, size_t len,
	const struct wg_endpoint *from, bool under_load, uint64_t now)
{
	struct received rx = {msg, len, from, now};
	enum wg_refusal rc;
	rte_le32_t word;
	uint32_t type;

	if (len < sizeof(word))
		return WG_REFUSED_LENGTH;
	memcpy(&word, msg, sizeof(word));
	type = rte_le_to_cpu_32(word);
	if (type >= RTE_DIM(kinds) || !kinds[type].receive)
		return WG_REFUSED_TYPE;
	if (len != kinds[type].len)
		return WG_REFUSED_LENGTH;
	if (!dev->identity->set)
		return WG_REFUSED_NO_IDENTITY;
	if (dev->down)
		return WG_REFUSED_DOWN;
	rc = kinds[type].has_macs ? admit(dev, &rx, under_load) : WG_OK;
	return rc ? rc : kinds[type].receive(dev, &rx);
}
