/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Congestion marks through the tunnel (RFC 6040, RFC 3168).
 *
 * A packet is given by its IP header, parsed before and the caller's alone to write; the IPv4
 * header checksum is kept right. Any thread.
 */
#ifndef PKT_ECN_H
#define PKT_ECN_H

#include <stdbool.h>
#include <stdint.h>

enum pkt_ecn {
	PKT_ECN_NOT_ECT,
	PKT_ECN_ECT1,
	PKT_ECN_ECT0,
	PKT_ECN_CE,
	PKT_ECN_MASK = 3,
};

/* The outer tos of a packet: the inner ECN is copied (normal mode), the DSCP does not leak. */
static inline uint8_t
pkt_ecn_encap(uint8_t inner_tos)
{
	return inner_tos & PKT_ECN_MASK;
}

/*
 * Gives the inner packet what RFC 6040 section 4.2 makes of both fields. false: drop it, for the
 * outer says CE and the inner transport would not understand; it is not changed then.
 */
bool pkt_ecn_decap(uint8_t outer_tos, uint8_t *inner);

/* false: the packet is Not-ECT, is not changed, and must be dropped instead. */
bool pkt_ecn_mark_ce(uint8_t *ip);

#endif
