/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes: for each prefix all that the kernel has, the best one published to the data path. */
#define HASH_NONFATAL_OOM 1

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <rte_common.h>
#include <uthash.h>

#include "fib_private.h"

struct fib_route {
	struct fib_route *next;
	struct tg_hop *hop; /* with a reference */
	uint32_t metric;
	uint32_t generation;
	bool local;
	bool shared; /* the kernel has, or may have, more than this under the same table and metric
		      */
	bool has_source;
	uint8_t source[16];
};

struct fib_prefix {
	struct lpm_prefix key;
	struct tg_hop *published; /* with a reference of its own: publishing can fail */
	struct fib_route *routes; /* best first, at most one for each table and metric */
	UT_hash_handle hh;
};

static uint32_t *
length_count(struct tg_fib *fib, const struct lpm_prefix *p)
{
	return &fib->lengths[p->family == AF_INET6][p->len];
}

static struct fib_prefix *
prefix_find(const struct tg_fib *fib, const struct lpm_prefix *key)
{
	struct fib_prefix *p;

	HASH_FIND(hh, fib->prefixes, key, sizeof(*key), p);
	return p;
}

static struct fib_prefix *
prefix_find_or_make(struct tg_fib *fib, const struct lpm_prefix *key)
{
	struct fib_prefix *p = prefix_find(fib, key);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->key = *key;
	HASH_ADD(hh, fib->prefixes, key, sizeof(p->key), p);
	if (!p->hh.tbl) {
		free(p);
		return NULL;
	}
	++*length_count(fib, key);
	return p;
}

static void
prefix_drop_if_empty(struct tg_fib *fib, struct fib_prefix *p)
{
	if (p->routes)
		return;
	--*length_count(fib, &p->key);
	HASH_DEL(fib->prefixes, p);
	free(p);
}

/* Shows the data path the best route, if any. 0 or -ENOMEM: it goes on with the one before. */
static int
prefix_publish(struct tg_fib *fib, struct fib_prefix *p)
{
	struct tg_hop *best = p->routes ? p->routes->hop : NULL;
	struct tg_hop *before = p->published;
	int err;

	if (best == before)
		return 0;
	if (best) {
		err = lpm_insert(fib->routes, &p->key, best, NULL);
		if (err)
			return err;
		p->published = fib_hop_ref(best);
	} else {
		lpm_remove(fib->routes, &p->key);
		p->published = NULL;
	}
	if (before)
		tg_fib_hop_put(fib, before);
	return 0;
}

/* With a reference. NULL on out of memory. */
static struct tg_hop *
hop_of(struct tg_fib *fib, const struct tg_fib_route *r)
{
	switch (r->type) {
	case TG_HOP_ETHER:
		return tg_fib_hop_get(fib, r->port, r->family, r->gateway);
	case TG_HOP_ON_LINK:
		return &fib->on_link[r->port];
	case TG_HOP_TUNNEL:
		return &fib->tunnel;
	case TG_HOP_LOCAL:
		return r->own ? &fib->local : &fib->broadcast;
	case TG_HOP_KERNEL:
		return &fib->kernel;
	case TG_HOP_THROW:
		return &fib->thrown;
	case TG_HOP_BLACKHOLE:
		return &fib->blackhole;
	case TG_HOP_UNREACHABLE:
		return &fib->unreachable;
	case TG_HOP_PROHIBIT:
		break;
	}
	return &fib->prohibit;
}

static bool
leads_to(const struct tg_hop *hop, const struct tg_fib_route *r)
{
	if (hop->type != r->type)
		return false;
	if (hop->type == TG_HOP_ON_LINK)
		return hop->port == r->port;
	if (hop->type != TG_HOP_ETHER)
		return true;
	return hop->port == r->port && hop->family == r->family &&
		memcmp(hop->addr, r->gateway, fib_addr_bits(r->family) / 8) == 0;
}

static bool
is_same(const struct fib_route *a, const struct tg_fib_route *b)
{
	return leads_to(a->hop, b) && a->has_source == b->has_source &&
		(!a->has_source || memcmp(a->source, b->source, sizeof(a->source)) == 0);
}

/* Table local comes before main, then the lower metric. */
static int
compare(const struct fib_route *a, const struct tg_fib_route *b)
{
	if (a->local != b->local)
		return a->local ? -1 : 1;
	return (a->metric > b->metric) - (a->metric < b->metric);
}

/* Where a route is in the list, or belongs. */
static struct fib_route **
route_at(struct fib_prefix *p, const struct tg_fib_route *r)
{
	struct fib_route **at = &p->routes;

	while (*at && compare(*at, r) < 0)
		at = &(*at)->next;
	return at;
}

static bool
is_there(struct fib_route *const *at, const struct tg_fib_route *r)
{
	return *at && compare(*at, r) == 0;
}

static void
route_unlink(struct tg_fib *fib, struct fib_route **at)
{
	struct fib_route *route = *at;

	*at = route->next;
	tg_fib_hop_put(fib, route->hop);
	free(route);
}

static struct fib_route *
route_insert(struct fib_route **at, const struct tg_fib_route *r)
{
	struct fib_route *route = calloc(1, sizeof(*route));

	if (!route)
		return NULL;
	route->local = r->local;
	route->metric = r->metric;
	route->next = *at;
	*at = route;
	return route;
}

static int
route_write(struct tg_fib *fib, struct fib_route **at, const struct tg_fib_route *r)
{
	struct tg_hop *hop = hop_of(fib, r);

	if (!hop)
		return -ENOMEM;
	if (!is_there(at, r) && !route_insert(at, r)) {
		tg_fib_hop_put(fib, hop);
		return -ENOMEM;
	}
	if ((*at)->hop)
		tg_fib_hop_put(fib, (*at)->hop);
	(*at)->hop = hop;
	(*at)->has_source = r->has_source;
	memcpy((*at)->source, r->source, sizeof((*at)->source));
	(*at)->shared = r->multipath;
	(*at)->generation = fib->generation;
	return 0;
}

/*
 * Whether an event for a route that is there already can be applied: TG_FIB_CHANGED if so. The
 * first of a reading is, later ones of the same reading are behind it. An addition beside it is a
 * second route, or an event from before the last reading: either way that it is alone is not
 * certain.
 */
static enum tg_fib_answer
judge(const struct tg_fib *fib, struct fib_route *there, const struct tg_fib_route *r,
	enum tg_fib_event event)
{
	bool alone = !there->shared;

	if (event == TG_FIB_DUMPED && there->generation != fib->generation)
		return TG_FIB_CHANGED;
	if (event == TG_FIB_REPLACED && alone)
		return TG_FIB_CHANGED;
	there->shared = true;
	if (event == TG_FIB_DUMPED || is_same(there, r))
		return TG_FIB_SAME;
	return TG_FIB_UNSURE;
}

int
tg_fib_route_set(struct tg_fib *fib, const struct tg_fib_route *r, enum tg_fib_event event)
{
	struct fib_prefix *p = prefix_find_or_make(fib, &r->prefix);
	enum tg_fib_answer answer = TG_FIB_CHANGED;
	struct fib_route **at;
	bool same = false;
	int err;

	if (!p)
		return -ENOMEM;
	at = route_at(p, r);
	if (is_there(at, r)) {
		same = is_same(*at, r);
		answer = judge(fib, *at, r, event);
	}
	if (answer != TG_FIB_CHANGED)
		return answer;
	err = route_write(fib, at, r);
	if (!err)
		err = prefix_publish(fib, p);
	prefix_drop_if_empty(fib, p);
	if (err)
		return err;
	return same ? TG_FIB_SAME : TG_FIB_CHANGED;
}

int
tg_fib_route_remove(struct tg_fib *fib, const struct tg_fib_route *r)
{
	struct fib_prefix *p = prefix_find(fib, &r->prefix);
	struct fib_route **at = p ? route_at(p, r) : NULL;
	int err;

	if (!at || !is_there(at, r))
		return TG_FIB_SAME;
	if ((*at)->shared || !leads_to((*at)->hop, r))
		return TG_FIB_UNSURE;
	route_unlink(fib, at);
	err = prefix_publish(fib, p);
	prefix_drop_if_empty(fib, p);
	return err ? err : TG_FIB_CHANGED;
}

static bool
prefix_sweep(struct tg_fib *fib, struct fib_prefix *p)
{
	struct fib_route **at = &p->routes;
	bool changed = false;

	while (*at) {
		if ((*at)->generation == fib->generation) {
			at = &(*at)->next;
			continue;
		}
		route_unlink(fib, at);
		changed = true;
	}
	return changed;
}

int
fib_routes_sweep(struct tg_fib *fib, bool *changed)
{
	struct fib_prefix *p, *next;
	int err = 0;

	HASH_ITER (hh, fib->prefixes, p, next) {
		if (!prefix_sweep(fib, p))
			continue;
		*changed = true;
		if (prefix_publish(fib, p))
			err = -ENOMEM;
		prefix_drop_if_empty(fib, p);
	}
	return err;
}

/* dst's first len bits. */
static struct lpm_prefix
prefix_of(uint16_t family, const uint8_t *dst, uint8_t len)
{
	struct lpm_prefix p = {.family = (uint8_t)family, .len = len};

	memcpy(p.addr, dst, len / 8);
	if (len % 8)
		p.addr[len / 8] = dst[len / 8] & (uint8_t)(0xff00 >> len % 8);
	return p;
}

bool
fib_route_source(const struct tg_fib *fib, uint16_t family, const uint8_t *dst, uint8_t src[16])
{
	const struct fib_prefix *p = NULL;

	for (int len = fib_addr_bits(family); len >= 0 && !p; len--) {
		struct lpm_prefix key = prefix_of(family, dst, (uint8_t)len);

		if (fib->lengths[family == AF_INET6][len])
			p = prefix_find(fib, &key);
	}
	if (!p || !p->routes->has_source)
		return false;
	memcpy(src, p->routes->source, sizeof(p->routes->source));
	return true;
}
