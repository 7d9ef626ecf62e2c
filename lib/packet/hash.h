/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flow hash: what decides which queue a packet joins and which lcore encrypts it.
 */
#ifndef PKT_HASH_H
#define PKT_HASH_H

#include "ip.h"

/*
 * ip: what pkt_ip_parse() said of the packet at p. Any thread.
 *
 * Over the addresses, the protocol and the ports of TCP, UDP, UDP-Lite, SCTP and DCCP. Fragments
 * hash by their addresses alone, so that all of a datagram join one flow: later ones have no ports,
 * and in IPv6 not even the protocol need be the same (RFC 8200 section 4.5).
 *
 * Every bit is usable: take the low ones for a queue and (uint64_t)hash * n >> 32 for one of n
 * lcores. Who does not know the salt cannot construct collisions, and flows that collide under one
 * salt do not under another. The value differs between machines of different byte order.
 */
uint32_t pkt_flow_hash(const struct pkt_ip *ip, const uint8_t *p, uint64_t salt);

#endif
