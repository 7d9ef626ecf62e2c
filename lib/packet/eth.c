/* SPDX-License-Identifier: BSD-3-Clause */
#include "eth.h"

#include <string.h>

#include "csum.h"

enum { MAX_TAGS = 2 };

static enum pkt_eth_dst
classify(const struct rte_ether_addr *dst, const struct rte_ether_addr *us)
{
	static const struct rte_ether_addr broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};

	/* Bytewise: a frame may begin at an odd address. */
	if (memcmp(dst, us, sizeof(*us)) == 0)
		return PKT_ETH_US;
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
pkt_eth_parse(const struct rte_mbuf *m, const struct rte_ether_addr *us, struct pkt_eth *out)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t avail = rte_pktmbuf_data_len(m);
	uint32_t len = RTE_ETHER_HDR_LEN;
	int tags;

	if (avail < len)
		return false;
	out->dst = classify((const struct rte_ether_addr *)frame, us);
	out->ethertype = pkt_be16(frame + len - RTE_ETHER_TYPE_LEN);
	for (tags = 0; tags < MAX_TAGS && is_tag(out->ethertype); tags++) {
		len += RTE_VLAN_HLEN;
		if (avail < len)
			return false;
		out->ethertype = pkt_be16(frame + len - RTE_ETHER_TYPE_LEN);
	}
	out->l2_len = len;
	out->vlan = tags > 0 || (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED);
	return true;
}
