/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An update, whole or not at all. The first pass only reads: it checks every value, plays the
 * update through to know which peers it will create, and takes all memory that the second pass
 * uses: identity, peers, and what their AllowedIPs may need at most. The second pass cannot fail.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <sodium.h>

/* A failed insertion leaves hh.tbl NULL instead of ending the process. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "device_private.h"

/* Whether a peer exists at this point of the update. */
struct known {
	const uint8_t *public_key;
	bool exists;
	UT_hash_handle hh;
};

struct plan {
	const struct wg_update *update;
	struct wg_identity *identity; /* the new one; NULL: no change */
	struct wg_peer **created; /* for each peer of the update, the one that it will create */
	struct known *known;
	struct known *by_key;
	size_t count; /* of peers, at this point of the update */
};

static bool
valid_prefix(const struct lpm_prefix *p)
{
	return (p->family == AF_INET && p->len <= 32) || (p->family == AF_INET6 && p->len <= 128);
}

static bool
valid_peer(const struct wg_update_peer *up)
{
	uint16_t family = up->endpoint.family;

	if (up->has_endpoint && family != AF_INET && family != AF_INET6)
		return false;
	if (up->has_weight && (!up->weight || up->weight > WG_WEIGHT_MAX))
		return false;
	if (up->has_replay_window && (!up->replay_window || up->replay_window > WG_REPLAY_WINDOW))
		return false;
	for (size_t i = 0; i < up->n_allowed; i++)
		if (!valid_prefix(&up->allowed[i].prefix))
			return false;
	return true;
}

static bool
is_key_of(const struct wg_identity *id, const uint8_t public_key[WG_KEY_LEN])
{
	return id->set && memcmp(id->public_key, public_key, WG_KEY_LEN) == 0;
}

static int
plan_identity(const struct wg_device *dev, struct plan *plan)
{
	struct wg_identity *id;

	if (!plan->update->has_private_key)
		return 0;
	id = wg_device_new_identity(plan->update->private_key);
	if (!id)
		return -ENOMEM;
	if (sodium_memcmp(id->private_key, wg_device_private_key(dev), WG_KEY_LEN) == 0)
		sodium_free(id);
	else
		plan->identity = id;
	return 0;
}

static struct known *
plan_look_up(const struct wg_device *dev, struct plan *plan, size_t i)
{
	const uint8_t *key = plan->update->peers[i].public_key;
	struct known *k;

	HASH_FIND(hh, plan->by_key, key, WG_KEY_LEN, k);
	if (k)
		return k;
	k = &plan->known[i];
	k->public_key = key;
	k->exists = !plan->update->replace_peers && wg_peers_find(&dev->peers, key);
	HASH_ADD_KEYPTR(hh, plan->by_key, key, WG_KEY_LEN, k);
	return k->hh.tbl ? k : NULL;
}

static int
plan_peer(const struct wg_device *dev, struct plan *plan, size_t i)
{
	const struct wg_identity *id = plan->identity ? plan->identity : wg_device_identity(dev);
	const struct wg_update_peer *up = &plan->update->peers[i];
	struct known *k;

	if (!valid_peer(up))
		return -EINVAL;
	if (is_key_of(id, up->public_key))
		return 0;
	k = plan_look_up(dev, plan, i);
	if (!k)
		return -ENOMEM;
	if (up->remove) {
		plan->count -= k->exists;
		k->exists = false;
	} else if (!k->exists && !up->update_only) {
		if (plan->count == dev->peers.max)
			return -ENOSPC;
		plan->created[i] = wg_peer_create(dev->peer_vault, up->public_key);
		if (!plan->created[i])
			return -errno;
		plan->count++;
		k->exists = true;
	}
	return 0;
}

static int
plan_peers(const struct wg_device *dev, struct plan *plan)
{
	const struct wg_update *u = plan->update;
	size_t prefixes = 0;
	int rc = 0;

	if (!u->replace_peers)
		plan->count = dev->peers.count;
	if (plan->count && plan->identity && plan->identity->set &&
		wg_peers_find(&dev->peers, plan->identity->public_key))
		plan->count--;
	plan->created = calloc(u->n_peers + 1, sizeof(struct wg_peer *));
	plan->known = calloc(u->n_peers + 1, sizeof(*plan->known));
	if (!plan->created || !plan->known)
		return -ENOMEM;
	for (size_t i = 0; i < u->n_peers && !rc; i++) {
		rc = plan_peer(dev, plan, i);
		prefixes += u->peers[i].n_allowed;
	}
	HASH_CLEAR(hh, plan->by_key);
	return rc ? rc : wg_allowedips_reserve(dev->allowedips, prefixes);
}

/* What the second pass has taken is NULL by then. */
static void
plan_free(struct plan *plan)
{
	for (size_t i = 0; plan->created && i < plan->update->n_peers; i++)
		wg_peer_free(plan->created[i]);
	free(plan->created);
	free(plan->known);
	sodium_free(plan->identity);
}

static void
change_identity(struct wg_device *dev, struct wg_identity *id, uint64_t now)
{
	struct wg_peer *peer;

	wg_device_set_identity(dev, id);
	peer = id->set ? wg_peers_find(&dev->peers, id->public_key) : NULL;
	if (peer)
		wg_device_remove_peer(dev, peer);
	TAILQ_FOREACH(peer, &dev->peers.order, order)
	{
		wg_session_drop_all(dev, peer);
		wg_handshake_forget(dev, peer);
		wg_handshake_renew(&peer->handshake);
		/* An initiation under the old key is no reason to wait with the next. */
		peer->timers.last_initiation = 0;
		if (peer->timers.attempt_since)
			peer->timers.retry_at = now;
		wg_device_schedule(dev, peer, now);
	}
}

/* Apart from our own address, which configuration does not know. */
static bool
same_remote(const struct wg_endpoint *a, const struct wg_endpoint *b)
{
	return a->family == b->family && a->port == b->port &&
		memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

static void
apply_each_allowed(struct wg_device *dev, struct wg_peer *peer, const struct wg_update_peer *up)
{
	for (size_t i = 0; i < up->n_allowed; i++) {
		const struct lpm_prefix *prefix = &up->allowed[i].prefix;

		if (up->allowed[i].remove)
			wg_allowedips_remove(dev->allowedips, prefix, &peer->allowed);
		else
			wg_allowedips_insert(dev->allowedips, prefix, &peer->allowed, peer);
	}
}

/*
 * Replaces the peer's prefixes such that one that it keeps is never missing for the data path: an
 * insertion moves a prefix to the end of the list, so what is before the first that was inserted is
 * to go.
 */
static void
replace_allowed(struct wg_device *dev, struct wg_peer *peer, const struct wg_update_peer *up)
{
	struct wg_allowedips_list *list = &peer->allowed;
	struct wg_allowedips_node *first = NULL, *after, *node;

	for (size_t i = 0; i < up->n_allowed; i++) {
		after = first ? TAILQ_NEXT(first, link) : NULL;
		wg_allowedips_insert(dev->allowedips, &up->allowed[i].prefix, list, peer);
		node = TAILQ_LAST(&list->nodes, wg_allowedips_nodes);
		if (!first)
			first = node;
		else if (node == first && after)
			first = after;
	}
	while ((node = TAILQ_FIRST(&list->nodes)) != first)
		wg_allowedips_remove(dev->allowedips, &node->prefix, list);
}

static bool
removes_allowed(const struct wg_update_peer *up)
{
	for (size_t i = 0; i < up->n_allowed; i++)
		if (up->allowed[i].remove)
			return true;
	return false;
}

static void
apply_allowed(struct wg_device *dev, struct wg_peer *peer, const struct wg_update_peer *up)
{
	if (up->replace_allowed_ips && !removes_allowed(up)) {
		replace_allowed(dev, peer, up);
		return;
	}
	if (up->replace_allowed_ips)
		wg_allowedips_remove_by_peer(dev->allowedips, &peer->allowed);
	apply_each_allowed(dev, peer, up);
}

/* What the data path gives the peer, beyond the protocol. */
static void
change_service(struct wg_peer *peer, const struct wg_update_peer *up)
{
	if (up->has_weight)
		atomic_store_explicit(&peer->weight, up->weight, memory_order_relaxed);
	if (up->has_rate)
		atomic_store_explicit(&peer->rate, up->rate, memory_order_relaxed);
	if (up->has_ecn)
		atomic_store_explicit(&peer->ecn, up->ecn, memory_order_relaxed);
	if (up->has_replay_window)
		atomic_store_explicit(
			&peer->replay_window, up->replay_window, memory_order_relaxed);
}

static void
change_peer(
	struct wg_device *dev, struct wg_peer *peer, const struct wg_update_peer *up, uint64_t now)
{
	bool keepalive_begins = up->has_keepalive && up->keepalive && !peer->persistent_keepalive;

	if (up->has_preshared_key)
		memcpy(peer->handshake.preshared_key, up->preshared_key, WG_KEY_LEN);
	change_service(peer, up);
	if (up->has_endpoint && !same_remote(&peer->endpoint, &up->endpoint))
		wg_device_set_endpoint(dev, peer, &up->endpoint);
	apply_allowed(dev, peer, up);
	if (up->has_keepalive)
		peer->persistent_keepalive = up->keepalive;
	if (keepalive_begins && peer->endpoint.family)
		peer->timers.keepalive_begins = true;
	wg_device_schedule(dev, peer, now);
}

static void
commit_peer(struct wg_device *dev, const struct wg_update_peer *up, struct wg_peer **created,
	uint64_t now)
{
	struct wg_peer *peer = wg_peers_find(&dev->peers, up->public_key);

	if (up->remove) {
		if (peer)
			wg_device_remove_peer(dev, peer);
		return;
	}
	if (!peer) {
		if (!*created)
			return;
		peer = *created;
		*created = NULL;
		wg_peers_add(&dev->peers, peer);
	}
	change_peer(dev, peer, up, now);
}

static void
commit(struct wg_device *dev, struct plan *plan, uint64_t now)
{
	const struct wg_update *u = plan->update;
	struct wg_peer *peer;

	if (plan->identity)
		change_identity(dev, plan->identity, now);
	plan->identity = NULL;
	if (u->has_listen_port)
		dev->listen_port = u->listen_port;
	if (u->has_fwmark)
		dev->fwmark = u->fwmark;
	while (u->replace_peers && (peer = TAILQ_FIRST(&dev->peers.order)))
		wg_device_remove_peer(dev, peer);
	for (size_t i = 0; i < u->n_peers; i++)
		commit_peer(dev, &u->peers[i], &plan->created[i], now);
}

int
wg_device_apply(struct wg_device *dev, const struct wg_update *u, uint64_t now)
{
	struct plan plan = {.update = u};
	int rc;

	rc = plan_identity(dev, &plan);
	if (!rc)
		rc = plan_peers(dev, &plan);
	if (!rc)
		commit(dev, &plan, now);
	wg_allowedips_release(dev->allowedips);
	plan_free(&plan);
	return rc;
}
