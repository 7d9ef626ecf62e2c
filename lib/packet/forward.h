/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What forwarding does to an inner packet besides encrypting it. Any thread.
 */
#ifndef PKT_FORWARD_H
#define PKT_FORWARD_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_mbuf.h>

#include "csum.h"

enum { PKT_WG_PAD = 16 };

/*
 * Takes one from the TTL or hop limit of the packet at ip, parsed before and the caller's alone to
 * write; the IPv4 header checksum is kept right. false, and nothing changed, when that would leave
 * 0 (RFC 1812 section 5.3.1, RFC 8200 section 3).
 */
static inline bool
pkt_ttl_dec(uint8_t *ip)
{
	bool v4 = ip[0] >> 4 == 4;
	uint8_t *ttl = v4 ? ip + 8 : ip + 7;

	if (*ttl <= 1)
		return false;
	--*ttl;
	if (v4)
		pkt_csum_less_ttl(ip + 10);
	return true;
}

/* Would it? */
static inline bool
pkt_ttl_lasts(const uint8_t *ip)
{
	return ip[ip[0] >> 4 == 4 ? 8 : 7] > 1;
}

/* The data of m, all in one segment, become the len bytes at p. */
static inline void
pkt_narrow(struct rte_mbuf *m, const void *p, uint32_t len)
{
	m->data_off = (uint16_t)RTE_PTR_DIFF(p, m->buf_addr);
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
}

/*
 * Bytes of plaintext that a WireGuard packet of len bytes becomes: zero-padded to 16, but not past
 * the tunnel's mtu (WireGuard white paper section 5.4.6). A packet already past it is not padded.
 */
static inline uint32_t
pkt_wg_padded(uint32_t len, uint32_t mtu)
{
	uint32_t padded = RTE_ALIGN_CEIL(len, (uint32_t)PKT_WG_PAD);

	return padded <= mtu ? padded : RTE_MAX(len, mtu);
}

#endif
