/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <sodium.h>

#include "device_private.h"

struct wg_identity *
wg_device_new_identity(const uint8_t private_key[WG_KEY_LEN])
{
	struct wg_identity *id = sodium_malloc(sizeof(*id));

	if (id)
		wg_identity_set(id, private_key);
	return id;
}

static void
free_identity(struct rcu_head *head)
{
	sodium_free(container_of(head, struct wg_identity, rcu));
}

void
wg_device_set_identity(struct wg_device *dev, struct wg_identity *identity)
{
	struct wg_identity *old;

	identity->number = ++dev->identities;
	old = atomic_exchange_explicit(&dev->identity, identity, memory_order_acq_rel);
	if (old)
		rcu_call(dev->rcu, &old->rcu, free_identity);
}

static int
create_tables(struct wg_device *dev, const struct wg_device_params *params)
{
	static const uint8_t no_key[WG_KEY_LEN];
	struct wg_identity *identity = wg_device_new_identity(no_key);
	uint32_t slots = wg_peer_slots(params->max_peers);

	if (!identity)
		return -ENOMEM;
	wg_device_set_identity(dev, identity);
	dev->peer_vault = wg_vault_create(sizeof(struct wg_peer), slots, WG_PEER_HEAD);
	/* Three in key slots, and as many may wait for the end of a grace period. */
	dev->keypair_vault = wg_vault_create(sizeof(struct wg_keypair), 4 * slots, 0);
	if (!dev->peer_vault || !dev->keypair_vault)
		return -ENOMEM;
	dev->admission = wg_admission_create(&dev->random);
	dev->index = wg_index_create(params->max_peers, params->lanes, &dev->random);
	dev->allowedips = wg_allowedips_create(params->rcu, params->max_peers);
	if (!dev->admission || !dev->index || !dev->allowedips)
		return -ENOMEM;
	return wg_peers_init(&dev->peers, params->max_peers, dev->peer_vault, &dev->random);
}

static void
destroy_tables(struct wg_device *dev)
{
	wg_peers_fini(&dev->peers);
	wg_allowedips_destroy(dev->allowedips);
	wg_index_destroy(dev->index);
	wg_admission_destroy(dev->admission);
	wg_vault_destroy(dev->peer_vault);
	wg_vault_destroy(dev->keypair_vault);
	sodium_free(dev->identity);
	sodium_memzero(dev, sizeof(*dev));
	free(dev);
}

struct wg_device *
wg_device_create(const struct wg_device_params *params)
{
	struct wg_device *dev;

	if (!params->max_peers || params->max_peers > WG_PEERS_MAX || !params->lanes ||
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
	wg_walks_leave(dev, peer);
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
	atomic_store_explicit(&peer->has_endpoint, endpoint->family != 0, memory_order_relaxed);
	dev->ops->endpoint_changed(dev->ctx, peer);
}

void
wg_device_send(struct wg_device *dev, struct wg_peer *peer, void *msg, size_t len, uint64_t now)
{
	wg_cookie_add_macs(&peer->cookie, peer->handshake.remote_static, msg, len, now);
	wg_timers_handshake_sent(peer, len, now);
	dev->ops->send(dev->ctx, peer, &peer->endpoint, msg, len);
}

/* By the wheel, as it may be many. */
static void
begin(struct wg_peer *peer)
{
	if (peer->persistent_keepalive && peer->endpoint.family)
		peer->timers.keepalive_begins = true;
}

static void
end(struct wg_device *dev, struct wg_peer *peer)
{
	wg_handshake_end(dev, peer);
	wg_session_drop_all(dev, peer);
	peer->timers.last_initiation = 0;
	dev->ops->purge(dev->ctx, peer);
}

void
wg_device_set_up(struct wg_device *dev, bool up, uint64_t now)
{
	struct wg_peer *peer;

	if (up == !dev->down)
		return;
	dev->down = !up;
	TAILQ_FOREACH(peer, &dev->peers.order, order)
	{
		if (up)
			begin(peer);
		else
			end(dev, peer);
		wg_device_schedule(dev, peer, now);
	}
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

const struct wg_identity *
wg_device_identity(const struct wg_device *dev)
{
	return atomic_load_explicit(&dev->identity, memory_order_acquire);
}

const uint8_t *
wg_device_private_key(const struct wg_device *dev)
{
	return wg_device_identity(dev)->private_key;
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

struct wg_peer *
wg_device_peer(const struct wg_device *dev, uint32_t peer_id)
{
	return wg_peers_get(&dev->peers, peer_id);
}

void
wg_device_peers(
	const struct wg_device *dev, const uint32_t *ids, struct wg_peer **peers, unsigned int n)
{
	wg_peers_get_burst(&dev->peers, ids, peers, n);
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
