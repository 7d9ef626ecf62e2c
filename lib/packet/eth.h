/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Describes a received Ethernet frame (IEEE 802.3, 802.1Q). Reads the first segment only. Any
 * thread.
 */
#ifndef PKT_ETH_H
#define PKT_ETH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "csum.h"

enum pkt_eth_dst { PKT_ETH_US, PKT_ETH_BROADCAST, PKT_ETH_MULTICAST, PKT_ETH_OTHER };

struct pkt_eth {
	enum pkt_eth_dst dst;
	uint16_t ethertype; /* host order, behind the tags; below 0x600 it is an 802.3 length */
	uint16_t l2_len; /* bytes before the payload, tags included */
	bool vlan; /* one or two tags, in the frame or taken off by the port */
};

/* Of pkt_eth_parse(), what few frames need. */
enum pkt_eth_dst pkt_eth_not_us(const struct rte_ether_addr *dst);
bool pkt_eth_skip_tags(const struct rte_mbuf *m, struct pkt_eth *out);

static inline bool
pkt_eth_is_ip(uint16_t ethertype)
{
	return likely(ethertype == RTE_ETHER_TYPE_IPV4) || ethertype == RTE_ETHER_TYPE_IPV6;
}

/* us: the port's address. false: the frame ends within its header; *out is undefined then. */
static inline bool
pkt_eth_parse(const struct rte_mbuf *m, const struct rte_ether_addr *us, struct pkt_eth *out)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);

	if (unlikely(rte_pktmbuf_data_len(m) < RTE_ETHER_HDR_LEN))
		return false;
	/* Bytewise: a frame may begin at an odd address. */
	out->dst = likely(memcmp(&eth->dst_addr, us, sizeof(*us)) == 0)
		? PKT_ETH_US
		: pkt_eth_not_us(&eth->dst_addr);
	out->ethertype = pkt_be16((const uint8_t *)&eth->ether_type);
	out->l2_len = RTE_ETHER_HDR_LEN;
	out->vlan = m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED;
	if (likely(pkt_eth_is_ip(out->ethertype)))
		return true;
	return pkt_eth_skip_tags(m, out);
}

#endif
