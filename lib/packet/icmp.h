/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP and ICMPv6 errors about a packet that is not forwarded (RFC 792, RFC 1812 section 4.3,
 * RFC 4443). Any thread.
 */
#ifndef PKT_ICMP_H
#define PKT_ICMP_H

#include <rte_mbuf.h>

#include "ip.h"

enum pkt_icmp {
	PKT_ICMP_NET, /* no route: network unreachable, no route to destination */
	PKT_ICMP_HOST, /* host unreachable, address unreachable */
	PKT_ICMP_PROHIBITED, /* administratively prohibited */
	PKT_ICMP_TOO_BIG, /* fragmentation needed with the next hop's MTU (RFC 1191), packet too big
			   */
	PKT_ICMP_TTL, /* time to live, hop limit exceeded in transit */
	PKT_ICMP_COUNT,
};

/* Headers that an error is made of; the room that pkt_icmp_error() needs before the packet. */
enum { PKT_ICMP_MAX_LEN = 48 };

/*
 * May the source of the packet at p, which pkt_ip_parse() describes, be told? Not about ICMP errors
 * and redirects or what could be one, fragments other than the first, what is for or from several
 * hosts, and sources that name no host beyond a link (RFC 1812 section 4.3.2.7, RFC 4443
 * section 2.4 e).
 */
bool pkt_icmp_may_answer(const struct pkt_ip *ip, const uint8_t *p);

/*
 * Turns m, whose data are one IP packet as it came, into an error about that packet to its source:
 * as much of it is quoted as makes 576 bytes (RFC 1812 section 4.3.2.3) or 1280 (RFC 4443 section
 * 2.4 c). src: network order, of the packet's family. mtu: for PKT_ICMP_TOO_BIG. ttl: of the error.
 * false, and m unchanged, without PKT_ICMP_MAX_LEN bytes of headroom. m is one segment afterwards.
 */
bool pkt_icmp_error(
	struct rte_mbuf *m, enum pkt_icmp what, uint16_t mtu, const uint8_t *src, uint8_t ttl);

#endif
