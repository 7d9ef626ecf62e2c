/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by fib.c, fib_hop.c, fib_route.c and fib_addr.c. */
#ifndef TG_FIB_PRIVATE_H
#define TG_FIB_PRIVATE_H

#include "fib_control.h"

struct fib_hop;
struct fib_prefix;
struct fib_addr;

#define FIB_LENGTHS 129

struct tg_fib {
	/* Read by the data path. */
	struct lpm *routes;
	/*
	 * By port: every ETHER hop there is, under its address. A hop exists as long as its MAC is
	 * known or a route or a caller of tg_fib_hop_get() refers to it.
	 */
	struct lpm *neighbours[TG_PORTS_MAX];
	_Atomic uint16_t mtu[TG_PORTS_MAX + 1];
	struct tg_hop on_link[TG_PORTS_MAX];
	struct tg_hop tunnel;
	struct tg_hop local;
	struct tg_hop broadcast; /* LOCAL too: the kernel takes these, but nobody sends from them */
	struct tg_hop kernel;
	struct tg_hop thrown;
	struct tg_hop blackhole;
	struct tg_hop unreachable;
	struct tg_hop prohibit;

	/* Control only. */
	struct rcu *rcu __rte_cache_aligned;
	uint32_t generation; /* of the present or last full reading */
	struct fib_hop *hops;
	struct fib_prefix *prefixes;
	uint32_t lengths[2][FIB_LENGTHS]; /* prefixes held, IPv4 and IPv6, by length */
	struct fib_addr *addrs[TG_PORTS_MAX + 1];
};

static inline uint8_t
fib_addr_bits(uint16_t family)
{
	return family == AF_INET ? 32 : 128;
}

/* One more reference; only ETHER hops are counted. */
struct tg_hop *fib_hop_ref(struct tg_hop *hop);

/* Forget what is not of the present generation. 0 or -ENOMEM. *changed is set when there was
 * something. */
int fib_routes_sweep(struct tg_fib *fib, bool *changed);
/* The same, true when there was something. */
bool fib_addrs_sweep(struct tg_fib *fib);
void fib_hops_sweep(struct tg_fib *fib);

/* Frees even hops that are referred to. */
void fib_hops_destroy(struct tg_fib *fib);

/* The preferred source of the route that is taken to dst; false when it names none. */
bool
fib_route_source(const struct tg_fib *fib, uint16_t family, const uint8_t *dst, uint8_t src[16]);

#endif
