/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Ethernet, IP and UDP headers in front of a WireGuard message, made from a template.
 *
 * The control thread fills a template once per change of the peer's endpoint; the data path copies
 * it and fills in what differs from packet to packet. A template is not changed under its readers:
 * whoever owns it publishes a new one.
 */
#ifndef PKT_OUTER_H
#define PKT_OUTER_H

#include <stdint.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

/* The headroom that pkt_outer_write() needs at most: 14 + 40 + 8. */
enum { PKT_OUTER_MAX_LEN = 62, PKT_OUTER_IP4_LEN = 42 };

/* family: AF_INET or AF_INET6. bytes: network order, IPv4 in the first 4. */
struct pkt_addr {
	uint8_t family;
	uint8_t bytes[16];
};

/* What an IPv4 message needs comes first. Sums are folded. */
struct pkt_outer {
	uint16_t ip_sum; /* of the IPv4 header without tos, length and id */
	uint16_t pseudo_sum; /* of the addresses and the protocol */
	uint16_t ports_sum;
	uint16_t max_payload; /* bytes that the length fields can express */
	uint8_t len; /* of all headers, in bytes */
	uint8_t l3_len;
	uint8_t hdr[PKT_OUTER_MAX_LEN];
};

/*
 * Where a template that leaves it open goes, IPv4 only, both in network order: the eight bytes of
 * the header from the address on, of which the source port's are 0.
 */
static inline uint64_t
pkt_outer_to(uint32_t addr, uint16_t port)
{
	return addr | (uint64_t)port << 48;
}

/* Where the UDP checksum comes from. */
enum pkt_outer_csum {
	PKT_OUTER_CSUM_LAZY, /* IPv4: none, 0 is legal (RFC 768). IPv6: software, it is not. */
	PKT_OUTER_CSUM_SOFTWARE, /* computed over the payload here */
	PKT_OUTER_CSUM_OFFLOAD, /* the port inserts it; RTE_ETH_TX_OFFLOAD_UDP_CKSUM is on */
};

/*
 * Control thread. Ports in network order. TTL and hop limit are 64, DF is not set, the flow label
 * is 0. 0, or -EINVAL for families that are unknown or differ; the template is not changed then.
 */
int pkt_outer_set(struct pkt_outer *o, const struct rte_ether_addr *src_mac,
	const struct rte_ether_addr *dst_mac, const struct pkt_addr *src,
	const struct pkt_addr *dst, uint16_t src_port, uint16_t dst_port);

/* Control thread. The same header as from, of an IPv4 one, with where it goes left open. */
void pkt_outer_open(struct pkt_outer *o, const struct pkt_outer *from);

/*
 * Data path. Puts the headers in front of the message in m, whose segments the caller owns.
 *
 * tos: DSCP and ECN of the outer header. id: the IPv4 identification; as DF is not set it has to
 * differ from packet to packet (RFC 6864), so count it per template or per lcore; IPv6 ignores it.
 * to: where it goes when o leaves that open, else 0. Returns 0, -ENOSPC without headroom of o->len
 * bytes, or -EMSGSIZE for a message of more than o->max_payload bytes; m is not changed then.
 */
int pkt_outer_write_to(const struct pkt_outer *o, uint64_t to, struct rte_mbuf *m, uint8_t tos,
	uint16_t id, enum pkt_outer_csum csum);

/* The same for a template that leaves nothing open. */
static inline int
pkt_outer_write(const struct pkt_outer *o, struct rte_mbuf *m, uint8_t tos, uint16_t id,
	enum pkt_outer_csum csum)
{
	return pkt_outer_write_to(o, 0, m, tos, id, csum);
}

#endif
