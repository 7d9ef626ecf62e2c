/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses of our own, and which of them to send from. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <linux/rtnetlink.h>
#include <utlist.h>

#include "fib_private.h"

/* In the kernel's order, so that of two equal ones the primary address comes first. */
struct fib_addr {
	struct fib_addr *next;
	struct tg_fib_addr addr;
	uint32_t generation;
};

static size_t
addr_size(uint16_t family)
{
	return fib_addr_bits(family) / 8;
}

static struct fib_addr *
addr_find(const struct tg_fib *fib, uint16_t port, uint16_t family, const uint8_t *addr)
{
	struct fib_addr *a;

	LL_FOREACH (fib->addrs[port], a)
		if (a->addr.family == family && memcmp(a->addr.addr, addr, addr_size(family)) == 0)
			return a;
	return NULL;
}

static bool
addr_equal(const struct tg_fib_addr *a, const struct tg_fib_addr *b)
{
	return a->len == b->len && a->scope == b->scope;
}

int
tg_fib_addr_set(struct tg_fib *fib, uint16_t port, const struct tg_fib_addr *addr)
{
	struct fib_addr *a = addr_find(fib, port, addr->family, addr->addr);
	bool same = a && addr_equal(&a->addr, addr);

	if (!a) {
		a = malloc(sizeof(*a));
		if (!a)
			return -ENOMEM;
		LL_APPEND(fib->addrs[port], a);
	}
	a->addr = *addr;
	a->generation = fib->generation;
	return same ? TG_FIB_SAME : TG_FIB_CHANGED;
}

int
tg_fib_addr_remove(struct tg_fib *fib, uint16_t port, const struct tg_fib_addr *addr)
{
	struct fib_addr *a = addr_find(fib, port, addr->family, addr->addr);

	if (!a)
		return TG_FIB_SAME;
	LL_DELETE(fib->addrs[port], a);
	free(a);
	return TG_FIB_CHANGED;
}

static bool
list_sweep(struct fib_addr **at, uint32_t generation)
{
	bool changed = false;

	while (*at) {
		struct fib_addr *a = *at;

		if (a->generation == generation) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		free(a);
		changed = true;
	}
	return changed;
}

bool
fib_addrs_sweep(struct tg_fib *fib)
{
	bool changed = false;

	for (uint16_t port = 0; port <= TG_FIB_TUNNEL; port++)
		changed |= list_sweep(&fib->addrs[port], fib->generation);
	return changed;
}

static bool
is_in_subnet(const struct tg_fib_addr *a, const uint8_t *dst)
{
	unsigned int bytes = a->len / 8, bits = a->len % 8;

	if (memcmp(a->addr, dst, bytes) != 0)
		return false;
	return bits == 0 || (a->addr[bytes] ^ dst[bytes]) >> (8 - bits) == 0;
}

/* A link-local address is no good beyond its link. */
static bool
reaches(const struct tg_fib_addr *a, const uint8_t *dst)
{
	return a->scope < RT_SCOPE_LINK || is_in_subnet(a, dst);
}

static bool
is_better(const struct tg_fib_addr *a, const struct tg_fib_addr *best, const uint8_t *near)
{
	bool subnet = is_in_subnet(a, near);

	if (!best)
		return true;
	if (subnet != is_in_subnet(best, near))
		return subnet;
	return a->scope < best->scope;
}

/* The port whose addresses suit a hop, -1 for none. */
static int
port_of(const struct tg_hop *hop)
{
	switch (hop->type) {
	case TG_HOP_ETHER:
	case TG_HOP_ON_LINK:
		return hop->port;
	case TG_HOP_TUNNEL:
		return TG_FIB_TUNNEL;
	case TG_HOP_LOCAL:
	case TG_HOP_KERNEL:
	case TG_HOP_THROW:
	case TG_HOP_BLACKHOLE:
	case TG_HOP_UNREACHABLE:
	case TG_HOP_PROHIBIT:
		break;
	}
	return -1;
}

bool
tg_fib_source(const struct tg_fib *fib, const struct tg_hop *hop, uint16_t family,
	const uint8_t *dst, uint8_t src[16])
{
	const uint8_t *near = hop->type == TG_HOP_ETHER && hop->family == family ? hop->addr : dst;
	const struct tg_fib_addr *best = NULL;
	int port = port_of(hop);
	struct fib_addr *a;

	if (fib_route_source(fib, family, dst, src))
		return true;
	if (port < 0)
		return false;
	LL_FOREACH (fib->addrs[port], a)
		if (a->addr.family == family && reaches(&a->addr, dst) &&
			is_better(&a->addr, best, near))
			best = &a->addr;
	if (best)
		memcpy(src, best->addr, sizeof(best->addr));
	return best != NULL;
}

bool
tg_fib_any_source(const struct tg_fib *fib, uint16_t family, uint8_t src[16])
{
	struct fib_addr *a;

	for (int port = TG_FIB_TUNNEL; port >= 0; port--)
		LL_FOREACH (fib->addrs[port], a)
			if (a->addr.family == family && a->addr.scope < RT_SCOPE_LINK) {
				memcpy(src, a->addr.addr, sizeof(a->addr.addr));
				return true;
			}
	return false;
}

bool
tg_fib_is_local(const struct tg_fib *fib, uint16_t family, const uint8_t *addr)
{
	const struct tg_hop *hop =
		family == AF_INET ? tg_fib_lookup4(fib, addr) : tg_fib_lookup6(fib, addr);

	if (hop == &fib->local)
		return true;
	for (uint16_t port = 0; port <= TG_FIB_TUNNEL; port++)
		if (addr_find(fib, port, family, addr))
			return true;
	return false;
}
