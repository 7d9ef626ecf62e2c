/* SPDX-License-Identifier: BSD-3-Clause */
#include "fib.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <rte_branch_prediction.h>

#include "fib_private.h"

#define MTU_DEFAULT 1500

/* The neighbour's on a link has a hop of its own, if anybody has asked for it. */
static struct tg_hop *
neighbour4(const struct tg_fib *fib, struct tg_hop *on_link, const uint8_t dst[4])
{
	struct tg_hop *hop = lpm_lookup4(fib->neighbours[on_link->port], dst);

	return hop ? hop : on_link;
}

static struct tg_hop *
neighbour6(const struct tg_fib *fib, struct tg_hop *on_link, const uint8_t dst[16])
{
	struct tg_hop *hop = lpm_lookup6(fib->neighbours[on_link->port], dst);

	return hop ? hop : on_link;
}

static bool
is_link(const struct tg_hop *hop)
{
	return hop && hop->type == TG_HOP_ON_LINK;
}

struct tg_hop *
tg_fib_lookup4(const struct tg_fib *fib, const uint8_t dst[4])
{
	struct tg_hop *hop = lpm_lookup4(fib->routes, dst);

	return is_link(hop) ? neighbour4(fib, hop, dst) : hop;
}

struct tg_hop *
tg_fib_lookup6(const struct tg_fib *fib, const uint8_t dst[16])
{
	struct tg_hop *hop = lpm_lookup6(fib->routes, dst);

	return is_link(hop) ? neighbour6(fib, hop, dst) : hop;
}

struct tg_hop *
tg_fib_lookup_alike(
	const struct tg_fib *fib, unsigned int version, const uint8_t *dst, unsigned int *alike)
{
	struct lpm_address addr = {dst, (uint8_t)version};
	struct tg_hop *hop = lpm_lookup_alike(fib->routes, &addr, alike);

	if (likely(!is_link(hop)))
		return hop;
	*alike = version == 4 ? 32 : 128;
	return version == 4 ? neighbour4(fib, hop, dst) : neighbour6(fib, hop, dst);
}

uint16_t
tg_fib_tunnel_mtu(const struct tg_fib *fib)
{
	return atomic_load_explicit(&fib->mtu[TG_FIB_TUNNEL], memory_order_relaxed);
}

uint16_t
tg_fib_port_mtu(const struct tg_fib *fib, uint16_t port)
{
	return atomic_load_explicit(&fib->mtu[port], memory_order_relaxed);
}

size_t
tg_fib_count(const struct tg_fib *fib)
{
	return lpm_count(fib->routes);
}

size_t
tg_fib_memory(const struct tg_fib *fib)
{
	return lpm_memory(fib->routes);
}

void
tg_fib_set_mtu(struct tg_fib *fib, uint16_t port, uint32_t mtu)
{
	atomic_store_explicit(&fib->mtu[port], (uint16_t)RTE_MIN(mtu, (uint32_t)UINT16_MAX),
		memory_order_relaxed);
}

static void
init_hops(struct tg_fib *fib)
{
	for (uint16_t port = 0; port < TG_PORTS_MAX; port++) {
		fib->on_link[port].type = TG_HOP_ON_LINK;
		fib->on_link[port].port = port;
	}
	fib->tunnel.type = TG_HOP_TUNNEL;
	fib->local.type = TG_HOP_LOCAL;
	fib->broadcast.type = TG_HOP_LOCAL;
	fib->kernel.type = TG_HOP_KERNEL;
	fib->thrown.type = TG_HOP_THROW;
	fib->blackhole.type = TG_HOP_BLACKHOLE;
	fib->unreachable.type = TG_HOP_UNREACHABLE;
	fib->prohibit.type = TG_HOP_PROHIBIT;
}

struct tg_fib *
tg_fib_create(struct rcu *rcu)
{
	struct tg_fib *fib = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*fib));

	if (!fib)
		return NULL;
	memset(fib, 0, sizeof(*fib));
	fib->rcu = rcu;
	fib->routes = lpm_create(rcu, 0);
	if (!fib->routes) {
		free(fib);
		errno = ENOMEM;
		return NULL;
	}
	for (uint16_t port = 0; port <= TG_FIB_TUNNEL; port++)
		tg_fib_set_mtu(fib, port, MTU_DEFAULT);
	init_hops(fib);
	return fib;
}

void
tg_fib_destroy(struct tg_fib *fib)
{
	if (!fib)
		return;
	tg_fib_begin(fib);
	tg_fib_sweep(fib);
	lpm_destroy(fib->routes);
	for (uint16_t port = 0; port < TG_PORTS_MAX; port++)
		lpm_destroy(fib->neighbours[port]);
	fib_hops_destroy(fib);
	free(fib);
}

int
tg_fib_add_port(struct tg_fib *fib, uint16_t port)
{
	if (!fib->neighbours[port])
		fib->neighbours[port] = lpm_create(fib->rcu, 0);
	return fib->neighbours[port] ? 0 : -ENOMEM;
}

void
tg_fib_begin(struct tg_fib *fib)
{
	fib->generation++;
}

int
tg_fib_sweep(struct tg_fib *fib)
{
	bool changed = fib_addrs_sweep(fib);
	int err = fib_routes_sweep(fib, &changed);

	fib_hops_sweep(fib);
	if (err)
		return err;
	return changed ? TG_FIB_CHANGED : TG_FIB_SAME;
}
