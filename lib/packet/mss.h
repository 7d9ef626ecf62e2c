/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The maximum segment size of TCP (RFC 9293 section 3.7.1), for hosts that no ICMP error reaches.
 */
#ifndef PKT_MSS_H
#define PKT_MSS_H

#include "ip.h"

/*
 * Lowers the MSS option of a SYN to what fits mtu bytes of IP packet without options, and keeps the
 * checksum right. p: the packet that ip describes, the caller's alone to write. Anything else,
 * options that make no sense and a smaller MSS are left as they are. Any thread.
 */
void pkt_mss_clamp(uint8_t *p, const struct pkt_ip *ip, uint32_t mtu);

#endif
