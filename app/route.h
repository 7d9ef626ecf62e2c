/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where an IP packet goes next, for RX (what came in by a port) and for crypto (what a peer had
 * encrypted): there is one way to forward.
 */
#ifndef TG_ROUTE_H
#define TG_ROUTE_H

#include <rte_ip.h>

#include "drops.h"
#include "env.h"

/* Where a destination leads. */
struct tg_way {
	struct tg_hop *hop; /* longest prefix; NULL: no route */
	const struct wg_peer *peer; /* into the tunnel, to whom AllowedIPs name; or NULL */
	/*
	 * For the kernel, on the interface that it came in by: ours, for an interface of the
	 * kernel's own, or link-local, multicast or broadcast, which no route leads on.
	 */
	bool kernels;
};

/* Data path and control. peer: whom AllowedIPs name, NULL when nobody has looked. */
struct tg_way
tg_route_lookup(const struct tg_env *env, const struct pkt_ip *ip, const struct wg_peer *peer);

/* The same for a destination whose hop is known. */
struct tg_way tg_route_over(const struct tg_env *env, const struct pkt_ip *ip, struct tg_hop *hop,
	const struct wg_peer *peer);

/* Data path and control. The peer that AllowedIPs name for an address of the packet, or NULL. */
static inline const struct wg_peer *
tg_route_peer(const struct tg_env *env, const struct pkt_ip *ip, const uint8_t *addr)
{
	const struct wg_allowedips *allowed = wg_device_allowedips(env->dev);

	return ip->version == 4 ? wg_allowedips_lookup4(allowed, addr)
				: wg_allowedips_lookup6(allowed, addr);
}

/*
 * Data path. m's data begin at the IP packet that ip describes and end with it, way is where it
 * leads; meta->peer is the tin that a frame shall join. Decrements the TTL, checks the MTU, sets
 * meta->op and, for TG_OP_SEAL, meta->peer; for TG_OP_FRAME it writes the Ethernet header and sets
 * meta->port. TG_OP_TUNNEL: ours, or for the kernel to forward. TG_OP_REFUSED: for
 * tg_refuse_may_tell(). TG_OP_FRAGMENT: for tg_fragment_route(). Returns the op; TG_OP_DROPPED: m
 * is freed and counted in c.
 */
enum tg_op tg_route(const struct tg_env *env, struct tg_counters *c, struct rte_mbuf *m,
	const struct pkt_ip *ip, const struct tg_way *way);

/* Data path and control. Bytes of IP packet that fit the tunnel and the way to the peer. */
static inline uint32_t
tg_route_peer_mtu(const struct tg_env *env, const struct wg_peer *peer)
{
	uint16_t way = atomic_load_explicit(&peer->mtu, memory_order_relaxed);

	return RTE_MIN(tg_fib_tunnel_mtu(env->fib), way);
}

/* Any thread. IPv4 without DF; p is the packet. */
static inline bool
tg_route_may_fragment(const struct pkt_ip *ip, const uint8_t *p)
{
	return ip->version == 4 && !(p[6] & RTE_IPV4_HDR_DF_FLAG >> 8);
}

/*
 * Data path and control. For a packet of more than mtu bytes: FRAGMENT, or as tg_refuse(), about
 * its length or, if that has run out, its TTL.
 */
enum tg_op
tg_route_too_big(struct tg_counters *c, struct rte_mbuf *m, const struct pkt_ip *ip, uint32_t mtu);

/* Writes the Ethernet header of a packet that goes over port to mac. False: no headroom. */
bool tg_route_frame(const struct tg_env *env, struct rte_mbuf *m, uint16_t port,
	const struct rte_ether_addr *mac, uint8_t version);

#endif
