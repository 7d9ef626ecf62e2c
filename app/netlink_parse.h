/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rtnetlink messages as plain data (rtnetlink(7)). Pure functions of the message: nothing is looked
 * up.
 *
 * All return false for a message that is malformed or does not concern a mirror of IP forwarding:
 * another family, a bridge's view, a routing cache entry, a table other than main and local, routes
 * that match on more than the destination, multicast and IPv6 link-local destinations. Unknown
 * attributes are skipped. Addresses are in network order, IPv4 in the first 4 bytes and the rest
 * zero.
 */
#ifndef TG_NETLINK_PARSE_H
#define TG_NETLINK_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include <libmnl/libmnl.h>
#include <rte_ether.h>

#include "lpm.h"

struct nl_link {
	int ifindex;
	unsigned int flags; /* IFF_... */
	uint32_t mtu;
};

struct nl_addr {
	int ifindex;
	uint16_t family;
	uint8_t len;
	uint8_t scope;
	bool usable; /* duplicate address detection has passed */
	uint8_t addr[16];
};

struct nl_neigh {
	int ifindex;
	uint16_t family;
	uint8_t addr[16];
	bool usable; /* mac is one to send to */
	bool stale;
	struct rte_ether_addr mac;
};

struct nl_next_hop {
	int ifindex; /* 0: none */
	unsigned int flags; /* RTNH_F_... */
	bool encap; /* with a lightweight tunnel that only the kernel can do */
	uint16_t family; /* of gateway, 0: none */
	uint8_t gateway[16];
};

/* hop: of several, the first whose link is up and has a carrier, else the first that is not dead.
 */
struct nl_route {
	struct lpm_prefix prefix;
	bool local; /* in table local */
	uint8_t type; /* RTN_... */
	uint32_t metric;
	bool multipath;
	bool has_source;
	uint8_t source[16];
	struct nl_next_hop hop;
};

bool nl_parse_link(const struct nlmsghdr *msg, struct nl_link *link);
bool nl_parse_addr(const struct nlmsghdr *msg, struct nl_addr *addr);
bool nl_parse_neigh(const struct nlmsghdr *msg, struct nl_neigh *neigh);
bool nl_parse_route(const struct nlmsghdr *msg, struct nl_route *route);

#endif
