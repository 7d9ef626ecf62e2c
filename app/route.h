/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where an IP packet goes next, for RX (what came in by a port) and for crypto (what a peer had
 * encrypted): there is one way to forward.
 */
#ifndef TG_ROUTE_H
#define TG_ROUTE_H

#include "drops.h"
#include "env.h"

/* The hop for the packet's destination; NULL: no route. Longest prefix. */
struct tg_hop *tg_route_lookup(const struct tg_env *env, const struct pkt_ip *ip);

/*
 * Is the packet for the kernel, on the interface that it came in by: ours, for an interface of the
 * kernel's own, or link-local, multicast or broadcast, which no route leads on?
 */
bool tg_route_is_kernels(const struct tg_hop *hop, const struct pkt_ip *ip);

/*
 * Data path. m's data begin at the IP packet that ip describes and end with it, hop is where it
 * leads; meta->peer is the tin that a frame shall join. Decrements the TTL, checks the MTU, sets
 * meta->op and, for TG_OP_SEAL, meta->peer; for TG_OP_FRAME it writes the Ethernet header and sets
 * meta->port. TG_OP_TUNNEL: ours, or for the kernel to forward. Returns the op; TG_OP_DROPPED: m is
 * freed and counted in c.
 */
enum tg_op tg_route(const struct tg_env *env, struct tg_counters *c, struct rte_mbuf *m,
	const struct pkt_ip *ip, struct tg_hop *hop);

/* Writes the Ethernet header of a packet that goes over port to mac. False: no headroom. */
bool tg_route_frame(const struct tg_env *env, struct rte_mbuf *m, uint16_t port,
	const struct rte_ether_addr *mac, uint8_t version);

#endif
