/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An update, whole or not at all. The first pass only reads: it checks every value, plays the
 * update through to know which peers it will create, and takes all memory, identity and peers, that
 * the second pass uses. The second pass cannot fail, with one reservation: AllowedIPs take memory
 * of their own, prefix by prefix. The first pass allocates as much as they may need and gives it
 * back just before the second. If memory runs out all the same, those prefixes are missing and
 * -ENOMEM says so.
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

/* A node of the table, a copy of its parent that waits for a grace period, one of the peer's list.
 */
#define MEMORY_PER_PREFIX 512

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
	void *reserve;
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
		plan->created[i] = wg_peer_create(up->public_key);
		if (!plan->created[i])
			return -ENOMEM;
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
	if (rc)
		return rc;
	plan->reserve = malloc(prefixes * MEMORY_PER_PREFIX + 1);
	return plan->reserve ? 0 : -ENOMEM;
}

/* What the second pass has taken is NULL by then. */
static void
plan_free(struct plan *plan)
{
	for (size_t i = 0; plan->created && i < plan->update->n_peers; i++)
		wg_peer_free(plan->created[i]);
	free(plan->created);
	free(plan->known);
	free(plan->reserve);
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

static int
apply_each_allowed(struct wg_device *dev, struct wg_peer *peer, const struct wg_update_peer *up)
{
	int rc = 0;

	for (size_t i = 0; i < up->n_allowed; i++) {
		const struct lpm_prefix *prefix = &up->allowed[i].prefix;

		if (up->allowed[i].remove)
			wg_allowedips_remove(dev->allowedips, prefix, peer);
		else if (wg_allowedips_insert(dev->allowedips, prefix, &peer->allowed, peer))
			rc = -ENOMEM;
	}
	return rc;
}

/*
 * Replaces the peer's prefixes such that one that it keeps is never missing for the data path: an
 * insertion moves a prefix to the end of the list, so what is before the first that was inserted is
 * to go.
 */
static int
replace_allowed(struct wg_device *dev, struct wg_peer *peer, const struct wg_update_peer *up)
{
	struct wg_allowedips_list *list = &peer->allowed;
	struct wg_allowedips_node *first = NULL, *after, *node;
	int rc = 0;

	for (size_t i = 0; i < up->n_allowed; i++) {
		after = first ? TAILQ_NEXT(first, link) : NULL;
		if (wg_allowedips_insert(dev->allowedips, &up->allowed[i].prefix, list, peer)) {
			rc = -ENOMEM;
			continue;
		}
		node = TAILQ_LAST(&list->nodes, wg_allowedips_nodes);
		if (!first)
			first = node;
		else if (node == first && after)
			first = after;
	}
	while ((node = TAILQ_FIRST(&list->nodes)) != first)
		wg_allowedips_remove(dev->allowedips, &node->prefix, peer);
	return rc;
}

static int
apply_allowed(struct wg_device *dev, struct wg_peer *peer, const struct wg_update_peer *up)
{
	if (!up->replace_allowed_ips)
		return apply_each_allowed(dev, peer, up);
	for (size_t i = 0; i < up->n_allowed; i++) {
		if (up->allowed[i].remove) {
			wg_allowedips_remove_by_peer(dev->allowedips, &peer->allowed);
			return apply_each_allowed(dev, peer, up);
		}
	}
	return replace_allowed(dev, peer, up);
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

static int
change_peer(
	struct wg_device *dev, struct wg_peer *peer, const struct wg_update_peer *up, uint64_t now)
{
	bool keepalive_begins = up->has_keepalive && up->keepalive && !peer->persistent_keepalive;
	int rc;

	if (up->has_preshared_key)
		memcpy(peer->handshake.preshared_key, up->preshared_key, WG_KEY_LEN);
	change_service(peer, up);
	if (up->has_endpoint && !same_remote(&peer->endpoint, &up->endpoint))
		wg_device_set_endpoint(dev, peer, &up->endpoint);
	rc = apply_allowed(dev, peer, up);
	if (up->has_keepalive)
		peer->persistent_keepalive = up->keepalive;
	if (keepalive_begins && peer->endpoint.family)
		wg_device_keepalive(dev, peer, now);
	wg_device_schedule(dev, peer, now);
	return rc;
}

static int
commit_peer(struct wg_device *dev, const struct wg_update_peer *up, struct wg_peer **created,
	uint64_t now)
{
	struct wg_peer *peer = wg_peers_find(&dev->peers, up->public_key);

	if (up->remove) {
		if (peer)
			wg_device_remove_peer(dev, peer);
		return 0;
	}
	if (!peer) {
		if (!*created)
			return 0;
		peer = *created;
		*created = NULL;
		wg_peers_add(&dev->peers, peer);
	}
	return change_peer(dev, peer, up, now);
}

static int
commit(struct wg_device *dev, struct plan *plan, uint64_t now)
{
	const struct wg_update *u = plan->update;
	struct wg_peer *peer;
	int rc = 0, failed;

	if (plan->identity)
		change_identity(dev, plan->identity, now);
	plan->identity = NULL;
	if (u->has_listen_port)
		dev->listen_port = u->listen_port;
	if (u->has_fwmark)
		dev->fwmark = u->fwmark;
	while (u->replace_peers && (peer = TAILQ_FIRST(&dev->peers.order)))
		wg_device_remove_peer(dev, peer);
	for (size_t i = 0; i < u->n_peers; i++) {
		failed = commit_peer(dev, &u->peers[i], &plan->created[i], now);
		rc = rc ? rc : failed;
	}
	return rc;
}

int
wg_device_apply(struct wg_device *dev, const struct wg_update *u, uint64_t now)
{
	struct plan plan = {.update = u};
	int rc;

	rc = plan_identity(dev, &plan);
	if (!rc)
		rc = plan_peers(dev, &plan);
	if (!rc) {
		free(plan.reserve);
		plan.reserve = NULL;
		rc = commit(dev, &plan, now);
	}
	plan_free(&plan);
	return rc;
}
