/* SPDX-License-Identifier: BSD-3-Clause */
#include "netlink_parse.h"

#include <string.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#define ATTRS_MAX 64
#define NUD_USABLE (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

/* By type; one that comes twice counts the last time, as in the kernel. */
struct attrs {
	const struct nlattr *at[ATTRS_MAX];
};

static int
collect(const struct nlattr *attr, void *data)
{
	struct attrs *attrs = data;
	uint16_t type = mnl_attr_get_type(attr);

	if (type < ATTRS_MAX)
		attrs->at[type] = attr;
	return MNL_CB_OK;
}

/* header: of the fixed part behind the netlink header. */
static bool
attrs_parse(const struct nlmsghdr *msg, size_t header, struct attrs *attrs)
{
	memset(attrs, 0, sizeof(*attrs));
	if (mnl_nlmsg_get_payload_len(msg) < header)
		return false;
	return mnl_attr_parse(msg, (unsigned int)header, collect, attrs) == MNL_CB_OK;
}

/* An optional number: value stays when there is none. False when it is malformed. */
static bool
get_u32(const struct attrs *attrs, unsigned int type, uint32_t *value)
{
	const struct nlattr *attr = attrs->at[type];

	if (!attr)
		return true;
	if (mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
		return false;
	*value = mnl_attr_get_u32(attr);
	return true;
}

static size_t
addr_size(unsigned int family)
{
	return family == AF_INET ? 4 : 16;
}

static bool
is_ip(unsigned int family)
{
	return family == AF_INET || family == AF_INET6;
}

/* An address that has to be there. */
static bool
get_addr(const struct attrs *attrs, unsigned int type, unsigned int family, uint8_t addr[16])
{
	const struct nlattr *attr = attrs->at[type];

	memset(addr, 0, 16);
	if (!attr || mnl_attr_validate2(attr, MNL_TYPE_UNSPEC, addr_size(family)) < 0)
		return false;
	memcpy(addr, mnl_attr_get_payload(attr), addr_size(family));
	return true;
}

static bool
is_multicast(unsigned int family, const uint8_t *addr)
{
	return family == AF_INET ? (addr[0] & 0xf0) == 0xe0 : addr[0] == 0xff;
}

static bool
is_link_local(unsigned int family, const uint8_t *addr)
{
	return family == AF_INET6 && addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

bool
nl_parse_link(const struct nlmsghdr *msg, struct nl_link *link)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(msg);
	struct attrs attrs;

	if (!attrs_parse(msg, sizeof(*info), &attrs) || info->ifi_family != AF_UNSPEC)
		return false;
	*link = (struct nl_link){.ifindex = info->ifi_index, .flags = info->ifi_flags};
	return get_u32(&attrs, IFLA_MTU, &link->mtu);
}

bool
nl_parse_addr(const struct nlmsghdr *msg, struct nl_addr *addr)
{
	const struct ifaddrmsg *info = mnl_nlmsg_get_payload(msg);
	struct attrs attrs;
	uint32_t flags;

	if (!attrs_parse(msg, sizeof(*info), &attrs) || !is_ip(info->ifa_family) ||
		info->ifa_prefixlen > addr_size(info->ifa_family) * 8)
		return false;
	flags = info->ifa_flags;
	if (!get_u32(&attrs, IFA_FLAGS, &flags))
		return false;
	*addr = (struct nl_addr){
		.ifindex = (int)info->ifa_index,
		.family = info->ifa_family,
		.len = info->ifa_prefixlen,
		.scope = info->ifa_scope,
		.usable = !(flags & IFA_F_DADFAILED) &&
			(!(flags & IFA_F_TENTATIVE) || flags & IFA_F_OPTIMISTIC),
	};
	/* Of a point-to-point link IFA_ADDRESS is the other end. */
	return get_addr(
		&attrs, attrs.at[IFA_LOCAL] ? IFA_LOCAL : IFA_ADDRESS, addr->family, addr->addr);
}

bool
nl_parse_neigh(const struct nlmsghdr *msg, struct nl_neigh *neigh)
{
	const struct ndmsg *info = mnl_nlmsg_get_payload(msg);
	const struct nlattr *mac;
	struct attrs attrs;

	if (!attrs_parse(msg, sizeof(*info), &attrs) || !is_ip(info->ndm_family) ||
		info->ndm_flags & NTF_PROXY)
		return false;
	*neigh = (struct nl_neigh){
		.ifindex = info->ndm_ifindex,
		.family = info->ndm_family,
		.stale = info->ndm_state & NUD_STALE,
	};
	if (!get_addr(&attrs, NDA_DST, neigh->family, neigh->addr) ||
		is_multicast(neigh->family, neigh->addr))
		return false;
	mac = attrs.at[NDA_LLADDR];
	if (!mac || !(info->ndm_state & NUD_USABLE))
		return true;
	if (mnl_attr_validate2(mac, MNL_TYPE_UNSPEC, sizeof(neigh->mac)) < 0)
		return false;
	memcpy(&neigh->mac, mnl_attr_get_payload(mac), sizeof(neigh->mac));
	neigh->usable = true;
	return true;
}

/* RTA_VIA: a gateway of the other family (struct rtvia). */
static bool
get_via(const struct nlattr *attr, struct nl_next_hop *hop)
{
	const struct rtvia *via = mnl_attr_get_payload(attr);
	size_t len = mnl_attr_get_payload_len(attr);

	if (len < sizeof(*via) || !is_ip(via->rtvia_family) ||
		len != sizeof(*via) + addr_size(via->rtvia_family))
		return false;
	hop->family = via->rtvia_family;
	memcpy(hop->gateway, via->rtvia_addr, addr_size(hop->family));
	return true;
}

/* What a route and each next hop of a multipath route say in the same attributes. */
static bool
get_next_hop(const struct attrs *attrs, unsigned int family, struct nl_next_hop *hop)
{
	hop->encap = attrs->at[RTA_ENCAP] != NULL;
	if (attrs->at[RTA_VIA])
		return get_via(attrs->at[RTA_VIA], hop);
	if (!attrs->at[RTA_GATEWAY])
		return true;
	hop->family = (uint16_t)family;
	return get_addr(attrs, RTA_GATEWAY, family, hop->gateway);
}

static bool
parse_one_of_many(const struct rtnexthop *nh, unsigned int family, struct nl_next_hop *hop)
{
	struct attrs attrs = {0};

	*hop = (struct nl_next_hop){.ifindex = nh->rtnh_ifindex, .flags = nh->rtnh_flags};
	if (mnl_attr_parse_payload(RTNH_DATA(nh), nh->rtnh_len - sizeof(*nh), collect, &attrs) !=
		MNL_CB_OK)
		return false;
	return get_next_hop(&attrs, family, hop);
}

static unsigned int
rank(const struct nl_next_hop *hop)
{
	if (hop->ifindex == 0)
		return 3;
	if (hop->flags & RTNH_F_DEAD)
		return 2;
	return hop->flags & RTNH_F_LINKDOWN ? 1 : 0;
}

static bool
get_multipath(const struct nlattr *attr, unsigned int family, struct nl_next_hop *best)
{
	const struct rtnexthop *nh = mnl_attr_get_payload(attr);
	size_t left = mnl_attr_get_payload_len(attr);
	struct nl_next_hop hop;

	while (left >= sizeof(*nh)) {
		size_t len = nh->rtnh_len;

		if (len < sizeof(*nh) || len > left || !parse_one_of_many(nh, family, &hop))
			return false;
		if (rank(&hop) < rank(best))
			*best = hop;
		len = RTNH_ALIGN(len);
		left -= len < left ? len : left;
		nh = (const void *)((const uint8_t *)nh + len);
	}
	return true;
}

/* Whether the fixed part says that it concerns us. */
static bool
is_forwarding(const struct rtmsg *info)
{
	return is_ip(info->rtm_family) && info->rtm_dst_len <= addr_size(info->rtm_family) * 8 &&
		info->rtm_src_len == 0 && info->rtm_tos == 0 && !(info->rtm_flags & RTM_F_CLONED);
}

static bool
get_prefix(const struct rtmsg *info, const struct attrs *attrs, struct lpm_prefix *p)
{
	*p = (struct lpm_prefix){.family = info->rtm_family, .len = info->rtm_dst_len};
	if (p->len == 0)
		return true;
	return get_addr(attrs, RTA_DST, p->family, p->addr) && !is_multicast(p->family, p->addr) &&
		!is_link_local(p->family, p->addr);
}

static bool
get_hops(const struct rtmsg *info, const struct attrs *attrs, struct nl_route *route)
{
	uint32_t oif = 0;

	if (attrs->at[RTA_MULTIPATH]) {
		route->multipath = true;
		return get_multipath(attrs->at[RTA_MULTIPATH], info->rtm_family, &route->hop);
	}
	if (!get_u32(attrs, RTA_OIF, &oif))
		return false;
	route->hop.ifindex = (int)oif;
	route->hop.flags = info->rtm_flags;
	return get_next_hop(attrs, info->rtm_family, &route->hop);
}

bool
nl_parse_route(const struct nlmsghdr *msg, struct nl_route *route)
{
	const struct rtmsg *info = mnl_nlmsg_get_payload(msg);
	struct attrs attrs;
	uint32_t table;

	if (!attrs_parse(msg, sizeof(*info), &attrs) || !is_forwarding(info))
		return false;
	table = info->rtm_table;
	*route = (struct nl_route){.type = info->rtm_type};
	if (!get_u32(&attrs, RTA_TABLE, &table) || !get_u32(&attrs, RTA_PRIORITY, &route->metric) ||
		(table != RT_TABLE_MAIN && table != RT_TABLE_LOCAL))
		return false;
	route->local = table == RT_TABLE_LOCAL;
	if (!get_prefix(info, &attrs, &route->prefix))
		return false;
	route->has_source = attrs.at[RTA_PREFSRC] != NULL;
	if (route->has_source && !get_addr(&attrs, RTA_PREFSRC, info->rtm_family, route->source))
		return false;
	return get_hops(info, &attrs, route);
}
