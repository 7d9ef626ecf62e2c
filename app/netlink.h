/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rtnetlink mirror: addresses, routes, neighbours, MTU and link state of the twins and of the
 * tunnel device, kept in a tg_fib. Control thread only.
 *
 * Routes are those of table local and, behind it, table main; policy rules (ip rule), other tables
 * and routes that match on a source or a TOS are not mirrored. Of a multipath route the first next
 * hop counts whose link is up. What only the kernel can do (another interface, RTA_ENCAP) is
 * TG_HOP_KERNEL. Multicast and IPv6 link-local destinations have no routes here.
 */
#ifndef TG_NETLINK_H
#define TG_NETLINK_H

#include <stdbool.h>
#include <stdint.h>

#include "fib.h"

struct tg_netlink;

struct tg_netlink_ops {
	/* Routes or addresses have changed: paths to endpoints must be looked up again. Once per
	 * batch. */
	void (*routes_changed)(void *ctx);
	/* The neighbour's MAC is known now (or has become known again). */
	void (*resolved)(void *ctx, struct tg_hop *hop);
	/* Administrative state or MTU of a twin, or of the tunnel (TG_FIB_TUNNEL), once in
	 * tg_netlink_sync() and when the operator changes it. */
	void (*link_changed)(void *ctx, uint16_t port, bool up, uint16_t mtu);
};

/* NULL and errno on failure. fib, ops and ctx must outlive it. */
struct tg_netlink *tg_netlink_open(struct tg_fib *fib, const struct tg_netlink_ops *ops, void *ctx);
void tg_netlink_close(struct tg_netlink *nl);

/* Which Linux interfaces are ours; to be called before tg_netlink_sync(). 0 or -errno. */
int tg_netlink_add_twin(struct tg_netlink *nl, uint16_t port, const char *ifname);
int tg_netlink_set_tunnel(struct tg_netlink *nl, const char *ifname);

/* Subscribes, then reads the present state whole. 0 or -errno. */
int tg_netlink_sync(struct tg_netlink *nl);

/*
 * For the event loop: when fd is readable, call input. A lost message (ENOBUFS), a link that comes
 * or goes and an address that goes have everything read again, once for all that there is to read.
 */
int tg_netlink_fd(const struct tg_netlink *nl);
void tg_netlink_input(struct tg_netlink *nl);

/*
 * Asks the kernel to resolve (or to confirm) the neighbour of an ETHER hop: RTM_NEWNEIGH with
 * NTF_USE. For IPv6 the twin must have a link-local address that has passed duplicate detection:
 * Linux solicits from no other.
 */
void tg_netlink_resolve(struct tg_netlink *nl, const struct tg_hop *hop);

/*
 * Every few seconds: asks the kernel to confirm the stale neighbours that the data path uses, and
 * tries again where reading the state has failed.
 */
void tg_netlink_refresh(struct tg_netlink *nl);

#endif
