/* SPDX-License-Identifier: BSD-3-Clause */
#include "eth.h"

enum { MAX_TAGS = 2 };

enum pkt_eth_dst
pkt_eth_not_us(const struct rte_ether_addr *dst)
{
	static const struct rte_ether_addr broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

	if (memcmp(dst, &broadcast, sizeof(broadcast)) == 0)
		return PKT_ETH_BROADCAST;
	return dst->addr_bytes[0] & RTE_ETHER_GROUP_ADDR ? PKT_ETH_MULTICAST : PKT_ETH_OTHER;
}

static bool
is_tag(uint16_t ethertype)
{
	return ethertype == RTE_ETHER_TYPE_VLAN || ethertype == RTE_ETHER_TYPE_QINQ;
}

bool
pkt_eth_skip_tags(const struct rte_mbuf *m, struct pkt_eth *out)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	int tags;

	for (tags = 0; tags < MAX_TAGS && is_tag(out->ethertype); tags++) {
		out->vlan = true;
		out->l2_len += RTE_VLAN_HLEN;
		if (rte_pktmbuf_data_len(m) < out->l2_len)
			return false;
		out->ethertype = pkt_be16(frame + out->l2_len - RTE_ETHER_TYPE_LEN);
	}
	return true;
}
