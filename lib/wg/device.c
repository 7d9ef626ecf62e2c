/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "device_private.h"

static int
create_tables(struct wg_device *dev, const struct wg_device_params *params)
{
	dev->identity = sodium_malloc(sizeof(*dev->identity));
	if (!dev->identity)
		return -ENOMEM;
	memset(dev->identity, 0, sizeof(*dev->identity));
	dev->ratelimiter = wg_ratelimiter_create(&dev->random);
	dev->index = wg_index_create(params->max_peers, params->lanes, &dev->random);
	dev->allowedips = wg_allowedips_create(params->rcu);
	if (!dev->ratelimiter || !dev->index || !dev->allowedips)
		return -ENOMEM;
	return wg_peers_init(&dev->peers, params->max_peers, &dev->random);
}

static void
destroy_tables(struct wg_device *dev)
{
	wg_peers_fini(&dev->peers);
	wg_allowedips_destroy(dev->allowedips);
	wg_index_destroy(dev->index);
	wg_ratelimiter_destroy(dev->ratelimiter);
	sodium_free(dev->identity);
	sodium_memzero(dev, sizeof(*dev));
	free(dev);
}

struct wg_device *
wg_device_create(const struct wg_device_params *params)
{
	struct wg_device *dev;

	if (!params->max_peers || params->max_peers > WG_PEER_SLOTS_MAX || !params->lanes ||
		sodium_init() < 0) {
		errno = EINVAL;
		return NULL;
	}
	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return NULL;
	dev->ops = params->ops;
	dev->ctx = params->ctx;
	dev->rcu = params->rcu;
	dev->lanes = params->lanes;
	dev->random = (struct wg_random){params->ops->random, params->ctx};
	wg_cookie_checker_init(&dev->checker, &dev->random);
	if (create_tables(dev, params)) {
		destroy_tables(dev);
		errno = ENOMEM;
		return NULL;
	}
	return dev;
}

void
wg_device_remove_peer(struct wg_device *dev, struct wg_peer *peer)
{
	wg_allowedips_remove_by_peer(dev->allowedips, &peer->allowed);
	wg_handshake_end(dev, peer);
	wg_session_drop_all(dev, peer);
	wg_wheel_remove(&dev->wheel, &peer->timers.entry);
	wg_peers_remove(&dev->peers, peer);
	dev->ops->purge(dev->ctx, peer);
	dev->ops->peer_removed(dev->ctx, peer);
	rcu_call(dev->rcu, &peer->rcu, wg_peer_free_rcu);
}

void
wg_device_destroy(struct wg_device *dev)
{
	struct wg_peer *peer;

	if (!dev)
		return;
	while ((peer = TAILQ_FIRST(&dev->peers.order)))
		wg_device_remove_peer(dev, peer);
	rcu_barrier(dev->rcu);
	destroy_tables(dev);
}

void
wg_device_set_endpoint(
	struct wg_device *dev, struct wg_peer *peer, const struct wg_endpoint *endpoint)
{
	if (wg_endpoint_equal(&peer->endpoint, endpoint))
		return;
	peer->endpoint = *endpoint;
	dev->ops->endpoint_changed(dev->ctx, peer);
}

void
wg_device_send(struct wg_device *dev, struct wg_peer *peer, void *msg, size_t len, uint64_t now)
{
	wg_cookie_add_macs(&peer->cookie, peer->handshake.remote_static, msg, len, now);
	wg_timers_handshake_sent(peer, len, now);
	dev->ops->send(dev->ctx, peer, &peer->endpoint, msg, len);
}

void
wg_device_session_wanted(struct wg_device *dev, uint32_t peer_id, uint64_t now)
{
	struct wg_peer *peer = wg_peers_get(&dev->peers, peer_id);
	struct wg_keypair *kp = peer ? wg_peer_session(peer, now) : NULL;

	if (!peer)
		return;
	if (kp &&
		atomic_load_explicit(&kp->send_counter, memory_order_relaxed) <
			WG_REJECT_AFTER_MESSAGES)
		return;
	wg_handshake_want(dev, peer, now);
}

void
wg_device_heard(struct wg_device *dev, uint32_t local_index, uint64_t now)
{
	struct wg_keypair *kp = wg_index_keypair(dev->index, local_index);

	if (kp)
		wg_session_confirm(dev, kp->peer, kp, now);
}

void
wg_device_roamed(struct wg_device *dev, uint32_t peer_id, const struct wg_endpoint *from)
{
	struct wg_peer *peer = wg_peers_get(&dev->peers, peer_id);

	if (peer)
		wg_device_set_endpoint(dev, peer, from);
}

const uint8_t *
wg_device_private_key(const struct wg_device *dev)
{
	return dev->identity->private_key;
}

const uint8_t *
wg_device_public_key(const struct wg_device *dev)
{
	return dev->identity->public_key;
}

uint16_t
wg_device_listen_port(const struct wg_device *dev)
{
	return dev->listen_port;
}

uint32_t
wg_device_fwmark(const struct wg_device *dev)
{
	return dev->fwmark;
}

size_t
wg_device_peer_count(const struct wg_device *dev)
{
	return dev->peers.count;
}

void
wg_device_walk(struct wg_device *dev, void (*fn)(struct wg_peer *peer, void *ctx), void *ctx)
{
	struct wg_peer *peer;

	TAILQ_FOREACH(peer, &dev->peers.order, order)
	fn(peer, ctx);
}

struct wg_peer *
wg_device_find(struct wg_device *dev, const uint8_t public_key[WG_KEY_LEN])
{
	return wg_peers_find(&dev->peers, public_key);
}

struct wg_peer *
wg_device_peer(const struct wg_device *dev, uint32_t peer_id)
{
	return wg_peers_get(&dev->peers, peer_id);
}

void
wg_device_fetch_slot(const struct wg_device *dev, uint32_t peer_id)
{
	wg_peers_fetch_slot(&dev->peers, peer_id);
}

void
wg_device_fetch_peer(const struct wg_device *dev, uint32_t peer_id)
{
	wg_peers_fetch(&dev->peers, peer_id);
}

const struct wg_index *
wg_device_index(const struct wg_device *dev)
{
	return dev->index;
}

const struct wg_allowedips *
wg_device_allowedips(const struct wg_device *dev)
{
	return dev->allowedips;
}
