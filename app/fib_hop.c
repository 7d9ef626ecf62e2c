/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours: the ETHER hops. */
#define HASH_NONFATAL_OOM 1

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <rte_common.h>
#include <uthash.h>

#include "fib_private.h"

struct hop_key {
	uint16_t port;
	uint16_t family;
	uint8_t addr[16];
};

struct fib_hop {
	struct tg_hop hop;
	/* Control writes below, at every route that comes and goes: not on the data path's cache
	 * line. */
	struct rcu_head rcu __rte_cache_aligned;
	struct hop_key key;
	uint32_t refs;
	uint32_t generation;
	bool stale;
	UT_hash_handle hh;
};

static struct fib_hop *
hop_of(struct tg_hop *hop)
{
	return container_of(hop, struct fib_hop, hop);
}

static struct hop_key
key_of(uint16_t port, uint16_t family, const uint8_t *addr)
{
	struct hop_key key = {.port = port, .family = family};

	memcpy(key.addr, addr, fib_addr_bits(family) / 8);
	return key;
}

static struct lpm_prefix
host_prefix(const struct hop_key *key)
{
	struct lpm_prefix p = {.family = (uint8_t)key->family, .len = fib_addr_bits(key->family)};

	memcpy(p.addr, key->addr, sizeof(p.addr));
	return p;
}

static struct fib_hop *
hop_find(struct tg_fib *fib, const struct hop_key *key)
{
	struct fib_hop *h;

	HASH_FIND(hh, fib->hops, key, sizeof(*key), h);
	return h;
}

static struct fib_hop *
hop_new(const struct hop_key *key)
{
	struct fib_hop *h = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*h));

	if (!h)
		return NULL;
	memset(h, 0, sizeof(*h));
	h->hop.type = TG_HOP_ETHER;
	h->hop.port = key->port;
	h->hop.family = key->family;
	memcpy(h->hop.addr, key->addr, sizeof(h->hop.addr));
	h->key = *key;
	return h;
}

static struct fib_hop *
hop_make(struct tg_fib *fib, const struct hop_key *key)
{
	struct lpm_prefix prefix = host_prefix(key);
	struct fib_hop *h = hop_new(key);

	if (!h)
		return NULL;
	HASH_ADD(hh, fib->hops, key, sizeof(h->key), h);
	if (!h->hh.tbl)
		goto fail;
	if (lpm_insert(fib->neighbours[key->port], &prefix, &h->hop, NULL))
		goto fail_hash;
	return h;
fail_hash:
	HASH_DEL(fib->hops, h);
fail:
	free(h);
	return NULL;
}

static struct fib_hop *
hop_find_or_make(struct tg_fib *fib, const struct hop_key *key)
{
	struct fib_hop *h = hop_find(fib, key);

	return h ? h : hop_make(fib, key);
}

static void
hop_free(struct rcu_head *head)
{
	free(container_of(head, struct fib_hop, rcu));
}

static bool
is_resolved(const struct fib_hop *h)
{
	return atomic_load_explicit(&h->hop.l2, memory_order_relaxed) & TG_HOP_RESOLVED;
}

static void
hop_drop_if_unused(struct tg_fib *fib, struct fib_hop *h)
{
	struct lpm_prefix prefix = host_prefix(&h->key);

	if (h->refs || is_resolved(h))
		return;
	lpm_remove(fib->neighbours[h->key.port], &prefix);
	HASH_DEL(fib->hops, h);
	rcu_call(fib->rcu, &h->rcu, hop_free);
}

struct tg_hop *
fib_hop_ref(struct tg_hop *hop)
{
	if (hop->type == TG_HOP_ETHER)
		hop_of(hop)->refs++;
	return hop;
}

struct tg_hop *
tg_fib_hop_get(struct tg_fib *fib, uint16_t port, uint16_t family, const uint8_t *addr)
{
	struct hop_key key = key_of(port, family, addr);
	struct fib_hop *h = hop_find_or_make(fib, &key);

	return h ? fib_hop_ref(&h->hop) : NULL;
}

void
tg_fib_hop_put(struct tg_fib *fib, struct tg_hop *hop)
{
	if (hop->type != TG_HOP_ETHER)
		return;
	hop_of(hop)->refs--;
	hop_drop_if_unused(fib, hop_of(hop));
}

static uint64_t
l2_of(const struct rte_ether_addr *mac)
{
	uint64_t l2 = 0;

	if (!mac)
		return 0;
	memcpy(&l2, mac, sizeof(*mac));
	return l2 | TG_HOP_RESOLVED;
}

int
tg_fib_neigh_set(struct tg_fib *fib, const struct tg_fib_neigh *n, struct tg_hop **resolved)
{
	struct hop_key key = key_of(n->port, n->family, n->addr);
	struct fib_hop *h = n->mac ? hop_find_or_make(fib, &key) : hop_find(fib, &key);
	bool was;

	*resolved = NULL;
	if (!h)
		return n->mac ? -ENOMEM : 0;
	was = is_resolved(h);
	h->generation = fib->generation;
	h->stale = n->stale;
	atomic_store_explicit(&h->hop.l2, l2_of(n->mac), memory_order_relaxed);
	if (n->mac && !was)
		*resolved = &h->hop;
	hop_drop_if_unused(fib, h);
	return 0;
}

void
tg_fib_walk_used(struct tg_fib *fib, void (*fn)(const struct tg_hop *hop, void *ctx), void *ctx)
{
	struct fib_hop *h, *next;

	HASH_ITER (hh, fib->hops, h, next)
		if (atomic_exchange_explicit(&h->hop.used, false, memory_order_relaxed) && h->stale)
			fn(&h->hop, ctx);
}

void
fib_hops_sweep(struct tg_fib *fib)
{
	struct fib_hop *h, *next;

	HASH_ITER (hh, fib->hops, h, next) {
		if (h->generation == fib->generation)
			continue;
		h->stale = false;
		atomic_store_explicit(&h->hop.l2, 0, memory_order_relaxed);
		hop_drop_if_unused(fib, h);
	}
}

void
fib_hops_destroy(struct tg_fib *fib)
{
	struct fib_hop *h, *next;

	HASH_ITER (hh, fib->hops, h, next) {
		HASH_DEL(fib->hops, h);
		free(h);
	}
}
