/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a packet goes: the kernel's routes and neighbours, as the data path sees them.
 *
 * The control thread fills the table from rtnetlink (netlink.h); data-path lcores look up without
 * locks. Routes and hops are freed under RCU: no reader keeps a pointer across a quiescent state.
 * What changes often, a neighbour's MAC, changes inside the hop with one atomic store, so that
 * routes and peers' paths that lead over the hop stay as they are.
 */
#ifndef TG_FIB_H
#define TG_FIB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_ether.h>

#include "lpm.h"
#include "rcu.h"

#define TG_PORTS_MAX 32

struct tg_fib;

enum tg_hop_type {
	TG_HOP_ETHER, /* over a port, to the MAC in l2 once that is known */
	TG_HOP_ON_LINK, /* over a port, the destination itself is the neighbour */
	TG_HOP_TUNNEL, /* to the peer that AllowedIPs name */
	TG_HOP_LOCAL, /* an address of ours */
	TG_HOP_KERNEL, /* out of an interface that is not ours: the kernel forwards it */
	TG_HOP_THROW, /* to later tables, of which there is none: no route */
	TG_HOP_BLACKHOLE, /* nobody is told */
	TG_HOP_UNREACHABLE,
	TG_HOP_PROHIBIT,
};

/* l2: the neighbour's MAC in the low 48 bits (first byte lowest) and TG_HOP_RESOLVED, or 0. */
#define TG_HOP_RESOLVED (UINT64_C(1) << 63)

struct tg_hop {
	enum tg_hop_type type;
	uint16_t port; /* ETHER, ON_LINK */
	uint16_t family; /* ETHER: of addr */
	uint8_t addr[16]; /* ETHER: the neighbour, network order */
	_Atomic uint64_t l2; /* ETHER */
	_Atomic bool used; /* ETHER: set by the data path, so that control keeps the entry fresh */
};

/* Data path. False while the neighbour's MAC is unknown. */
static inline bool
tg_hop_mac(struct tg_hop *hop, struct rte_ether_addr *mac)
{
	uint64_t l2 = atomic_load_explicit(&hop->l2, memory_order_relaxed);

	if (!(l2 & TG_HOP_RESOLVED))
		return false;
	memcpy(mac, &l2, sizeof(*mac));
	if (!atomic_load_explicit(&hop->used, memory_order_relaxed))
		atomic_store_explicit(&hop->used, true, memory_order_relaxed);
	return true;
}

/*
 * Data path and control. The hop for a destination (network order): longest prefix, and for a
 * destination on link its neighbour entry, where there is one; then type is ETHER. There is one
 * while the kernel knows the neighbour's MAC, or something refers to the hop: a route over it as
 * gateway, or a tg_fib_hop_get(); its MAC may be unknown. ON_LINK: there is none, control has to
 * ask. NULL: no route.
 */
struct tg_hop *tg_fib_lookup4(const struct tg_fib *fib, const uint8_t dst[4]);
struct tg_hop *tg_fib_lookup6(const struct tg_fib *fib, const uint8_t dst[16]);
/* The same. *alike: so many leading bits lead there, whatever follows; 1 to 32 or 128. */
struct tg_hop *tg_fib_lookup_alike(
	const struct tg_fib *fib, unsigned int version, const uint8_t *dst, unsigned int *alike);

/* Data path. MTU of the tunnel device and of a port's twin, bytes of IP packet. */
uint16_t tg_fib_tunnel_mtu(const struct tg_fib *fib);
uint16_t tg_fib_port_mtu(const struct tg_fib *fib, uint16_t port);

/* Any thread. Prefixes that have a route, and bytes of memory that readers look them up in. */
size_t tg_fib_count(const struct tg_fib *fib);
size_t tg_fib_memory(const struct tg_fib *fib);

/* Control from here on. NULL and errno on failure. */
struct tg_fib *tg_fib_create(struct rcu *rcu);
/* No reader may be inside; hops are gone with it, even those referred to. NULL is allowed. */
void tg_fib_destroy(struct tg_fib *fib);

/*
 * The hop of a neighbour on a port, made if there is none, with one more reference: the caller
 * gives it back with tg_fib_hop_put(). NULL on out of memory.
 */
struct tg_hop *
tg_fib_hop_get(struct tg_fib *fib, uint16_t port, uint16_t family, const uint8_t *addr);
void tg_fib_hop_put(struct tg_fib *fib, struct tg_hop *hop);

/*
 * Our address to use towards dst over that hop: the route's preferred source, else one of the
 * port's (or the tunnel device's) that suits, a link-local one only on its link. False when there
 * is none of that family. IPv4 fills the first 4 bytes, the rest is zero.
 */
bool tg_fib_source(const struct tg_fib *fib, const struct tg_hop *hop, uint16_t family,
	const uint8_t *dst, uint8_t src[16]);

/* Any of our addresses that reaches beyond a link, the tunnel device's first. False: none. */
bool tg_fib_any_source(const struct tg_fib *fib, uint16_t family, uint8_t src[16]);

/* Is addr one of our own, on any interface? */
bool tg_fib_is_local(const struct tg_fib *fib, uint16_t family, const uint8_t *addr);

#endif
