/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Describes a received Ethernet frame (IEEE 802.3, 802.1Q). Reads the first segment only. Any
 * thread.
 */
#ifndef PKT_ETH_H
#define PKT_ETH_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

enum pkt_eth_dst { PKT_ETH_US, PKT_ETH_BROADCAST, PKT_ETH_MULTICAST, PKT_ETH_OTHER };

struct pkt_eth {
	enum pkt_eth_dst dst;
	uint16_t ethertype; /* host order, behind the tags; below 0x600 it is an 802.3 length */
	uint16_t l2_len; /* bytes before the payload, tags included */
	bool vlan; /* one or two tags, in the frame or taken off by the port */
};

/* us: the port's address. false: the frame ends within its header; *out is undefined then. */
bool pkt_eth_parse(const struct rte_mbuf *m, const struct rte_ether_addr *us, struct pkt_eth *out);

#endif
