/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the netlink mirror writes into a tg_fib. Control thread only. Addresses are in network
 * order, IPv4 in the first 4 bytes and the rest zero.
 *
 * The kernel may hold several routes for one prefix: table local comes before main, then the lowest
 * metric wins, and when it goes the next one takes over. They are told apart by table and metric;
 * where the kernel has more than one even so, or a route with several next hops, an event does not
 * say what remains, and the answer is TG_FIB_UNSURE: the caller has to read all routes again.
 *
 * A full reading is tg_fib_begin(), everything set once more, tg_fib_sweep(): what was not set is
 * gone.
 */
#ifndef TG_FIB_CONTROL_H
#define TG_FIB_CONTROL_H

#include "fib.h"

/* Stands for a port where addresses and the MTU of the tunnel device are meant. */
#define TG_FIB_TUNNEL TG_PORTS_MAX

/* How a route has been learnt. */
enum tg_fib_event {
	TG_FIB_DUMPED, /* in a full reading: the first of its kind is the one the kernel uses */
	TG_FIB_ADDED,
	TG_FIB_REPLACED,
};

/* Answers, beside -ENOMEM: what was there remains then, until the next full reading. */
enum tg_fib_answer {
	TG_FIB_SAME,
	TG_FIB_CHANGED,
	TG_FIB_UNSURE,
};

struct tg_fib_route {
	struct lpm_prefix prefix; /* host bits zero */
	uint32_t metric;
	bool local; /* from table local */
	bool own; /* LOCAL: an address of ours, not a broadcast or anycast one */
	bool multipath; /* hop is one of several */
	bool has_source;
	enum tg_hop_type type;
	uint16_t port; /* ETHER, ON_LINK: one given to tg_fib_add_port() */
	uint16_t family; /* ETHER: of gateway */
	uint8_t gateway[16]; /* ETHER */
	uint8_t source[16];
};

/* 0 or -ENOMEM. To be called before anything names that port. */
int tg_fib_add_port(struct tg_fib *fib, uint16_t port);
void tg_fib_set_mtu(struct tg_fib *fib, uint16_t port, uint32_t mtu);

int tg_fib_route_set(struct tg_fib *fib, const struct tg_fib_route *r, enum tg_fib_event event);
int tg_fib_route_remove(struct tg_fib *fib, const struct tg_fib_route *r);

struct tg_fib_addr {
	uint16_t family;
	uint8_t len;
	uint8_t scope; /* RT_SCOPE_..., a lower one reaches further */
	uint8_t addr[16];
};

int tg_fib_addr_set(struct tg_fib *fib, uint16_t port, const struct tg_fib_addr *a);
int tg_fib_addr_remove(struct tg_fib *fib, uint16_t port, const struct tg_fib_addr *a);

/* mac NULL: not known, or not any longer. stale: the kernel would probe it before using it. */
struct tg_fib_neigh {
	uint16_t port;
	uint16_t family;
	const uint8_t *addr;
	const struct rte_ether_addr *mac;
	bool stale;
};

/* 0 or -ENOMEM. *resolved: the hop when its MAC was not known before and is now, else NULL. */
int tg_fib_neigh_set(struct tg_fib *fib, const struct tg_fib_neigh *n, struct tg_hop **resolved);

void tg_fib_begin(struct tg_fib *fib);
int tg_fib_sweep(struct tg_fib *fib);

/* Calls fn for the stale hops that the data path has used since the last call; fn changes nothing.
 */
void
tg_fib_walk_used(struct tg_fib *fib, void (*fn)(const struct tg_hop *hop, void *ctx), void *ctx);

#endif
