/* SPDX-License-Identifier: BSD-3-Clause */
#define HASH_NONFATAL_OOM 1

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>

#include <linux/rtnetlink.h>

#include "netlink_parse.h"
#include "netlink_private.h"

/* net/if.h has no IFF_LOWER_UP, and linux/if.h cannot stand beside it. */
#define LINK_LOWER_UP (1U << 16)
#define LINK_STATE (IFF_UP | IFF_RUNNING | LINK_LOWER_UP)

static struct nl_if *
if_find(const struct tg_netlink *nl, int ifindex)
{
	struct nl_if *i;

	HASH_FIND_INT(nl->interfaces, &ifindex, i);
	return i;
}

struct nl_if *
nl_if_find_or_make(struct tg_netlink *nl, int ifindex)
{
	struct nl_if *i = if_find(nl, ifindex);

	if (i)
		return i;
	i = calloc(1, sizeof(*i));
	if (!i)
		return NULL;
	i->ifindex = ifindex;
	i->port = NL_PORT_NONE;
	HASH_ADD_INT(nl->interfaces, ifindex, i);
	if (!i->hh.tbl) {
		free(i);
		return NULL;
	}
	return i;
}

static void
if_free(struct tg_netlink *nl, struct nl_if *i)
{
	HASH_DEL(nl->interfaces, i);
	free(i);
}

void
nl_if_free_all(struct tg_netlink *nl)
{
	struct nl_if *i, *next;

	HASH_ITER (hh, nl->interfaces, i, next)
		if_free(nl, i);
}

static int
port_of(const struct tg_netlink *nl, int ifindex)
{
	const struct nl_if *i = if_find(nl, ifindex);

	return i ? i->port : NL_PORT_NONE;
}

static bool
is_twin(int port)
{
	return port >= 0 && port < TG_PORTS_MAX;
}

static void
note_error(struct tg_netlink *nl, int err)
{
	nl->error = nl->error ? nl->error : err;
	nl->resync = true;
}

static void
note(struct tg_netlink *nl, int answer)
{
	if (answer < 0)
		note_error(nl, answer);
	else if (answer == TG_FIB_CHANGED)
		nl->changed = true;
	else if (answer == TG_FIB_UNSURE)
		nl->resync = true;
}

static void
if_report(struct tg_netlink *nl, const struct nl_if *i, bool was_up, uint32_t mtu_before)
{
	bool up = i->flags & IFF_UP;

	if (i->port == NL_PORT_NONE)
		return;
	tg_fib_set_mtu(nl->fib, (uint16_t)i->port, i->mtu);
	if (up != was_up || i->mtu != mtu_before)
		nl->ops->link_changed(nl->ctx, (uint16_t)i->port, up,
			tg_fib_port_mtu(nl->fib, (uint16_t)i->port));
}

/*
 * With a link, IPv4 routes go without a message each, and next hops of multipath routes come and
 * go: all is read anew.
 */
static void
link_set(struct tg_netlink *nl, const struct nl_link *link, bool dumped)
{
	struct nl_if *i = nl_if_find_or_make(nl, link->ifindex);
	unsigned int before;
	uint32_t mtu_before;

	if (!i) {
		note_error(nl, -ENOMEM);
		return;
	}
	before = i->flags;
	mtu_before = i->mtu;
	i->seen = true;
	i->flags = link->flags;
	i->mtu = link->mtu;
	if (!dumped && (before ^ i->flags) & LINK_STATE)
		nl->resync = true;
	if_report(nl, i, before & IFF_UP, mtu_before);
}

/* A twin keeps its entry: it may have gone into another network namespace, and come back. */
static void
link_gone(struct tg_netlink *nl, struct nl_if *i)
{
	bool was_up = i->flags & IFF_UP;

	if (i->port == NL_PORT_NONE) {
		if_free(nl, i);
		return;
	}
	i->flags = 0;
	if_report(nl, i, was_up, i->mtu);
}

static void
apply_link(struct tg_netlink *nl, const struct nlmsghdr *msg, bool dumped)
{
	struct nl_link link;
	struct nl_if *i;

	if (!nl_parse_link(msg, &link))
		return;
	if (msg->nlmsg_type == RTM_NEWLINK) {
		link_set(nl, &link, dumped);
		return;
	}
	i = if_find(nl, link.ifindex);
	if (i)
		link_gone(nl, i);
	nl->resync = true;
}

/* Before 6.6 the kernel drops IPv4 routes with this preferred source without a message. */
static void
apply_addr(struct tg_netlink *nl, const struct nlmsghdr *msg)
{
	struct tg_fib_addr addr;
	struct nl_addr a;
	int port;

	if (!nl_parse_addr(msg, &a))
		return;
	if (msg->nlmsg_type == RTM_DELADDR)
		nl->resync = true;
	port = port_of(nl, a.ifindex);
	if (port == NL_PORT_NONE)
		return;
	addr = (struct tg_fib_addr){.family = a.family, .len = a.len, .scope = a.scope};
	memcpy(addr.addr, a.addr, sizeof(addr.addr));
	if (msg->nlmsg_type == RTM_NEWADDR && a.usable)
		note(nl, tg_fib_addr_set(nl->fib, (uint16_t)port, &addr));
	else
		note(nl, tg_fib_addr_remove(nl->fib, (uint16_t)port, &addr));
}

static void
apply_neigh(struct tg_netlink *nl, const struct nlmsghdr *msg)
{
	struct tg_fib_neigh neigh;
	struct tg_hop *resolved;
	struct nl_neigh n;
	int err, port;

	if (!nl_parse_neigh(msg, &n))
		return;
	port = port_of(nl, n.ifindex);
	if (!is_twin(port))
		return;
	neigh = (struct tg_fib_neigh){
		.port = (uint16_t)port,
		.family = n.family,
		.addr = n.addr,
		.mac = msg->nlmsg_type == RTM_NEWNEIGH && n.usable ? &n.mac : NULL,
		.stale = n.stale,
	};
	err = tg_fib_neigh_set(nl->fib, &neigh, &resolved);
	if (err)
		note_error(nl, err);
	if (resolved)
		nl->ops->resolved(nl->ctx, resolved);
}

/* False: the next hop cannot be mirrored, it is dead or there is none. */
static bool
unicast_hop(const struct tg_netlink *nl, const struct nl_next_hop *hop, struct tg_fib_route *r)
{
	int port = port_of(nl, hop->ifindex);

	if (hop->ifindex == 0 || hop->flags & RTNH_F_DEAD)
		return false;
	if (port == NL_PORT_NONE || hop->encap) {
		r->type = TG_HOP_KERNEL;
		return true;
	}
	if (port == TG_FIB_TUNNEL) {
		r->type = TG_HOP_TUNNEL;
		return true;
	}
	r->type = hop->family ? TG_HOP_ETHER : TG_HOP_ON_LINK;
	r->port = (uint16_t)port;
	r->family = hop->family;
	memcpy(r->gateway, hop->gateway, sizeof(r->gateway));
	return true;
}

static bool
hop_of(const struct tg_netlink *nl, const struct nl_route *from, struct tg_fib_route *r)
{
	switch (from->type) {
	case RTN_UNICAST:
		return unicast_hop(nl, &from->hop, r);
	case RTN_LOCAL:
	case RTN_BROADCAST:
	case RTN_ANYCAST:
		r->type = TG_HOP_LOCAL;
		r->own = from->type == RTN_LOCAL;
		return true;
	case RTN_THROW:
		r->type = TG_HOP_THROW;
		return true;
	case RTN_UNREACHABLE:
		r->type = TG_HOP_UNREACHABLE;
		return true;
	case RTN_BLACKHOLE:
		r->type = TG_HOP_BLACKHOLE;
		return true;
	case RTN_PROHIBIT:
		r->type = TG_HOP_PROHIBIT;
		return true;
	default:
		return false;
	}
}

static enum tg_fib_event
event_of(const struct nlmsghdr *msg, bool dumped)
{
	if (dumped)
		return TG_FIB_DUMPED;
	return msg->nlmsg_flags & NLM_F_REPLACE ? TG_FIB_REPLACED : TG_FIB_ADDED;
}

static void
apply_route(struct tg_netlink *nl, const struct nlmsghdr *msg, bool dumped)
{
	struct nl_route from;
	struct tg_fib_route r;

	if (!nl_parse_route(msg, &from))
		return;
	r = (struct tg_fib_route){
		.prefix = from.prefix,
		.metric = from.metric,
		.local = from.local,
		.multipath = from.multipath,
		.has_source = from.has_source,
	};
	memcpy(r.source, from.source, sizeof(r.source));
	if (!hop_of(nl, &from, &r))
		nl->resync |= !dumped;
	else if (msg->nlmsg_type == RTM_NEWROUTE)
		note(nl, tg_fib_route_set(nl->fib, &r, event_of(msg, dumped)));
	else
		note(nl, tg_fib_route_remove(nl->fib, &r));
}

void
nl_mirror_message(struct tg_netlink *nl, const struct nlmsghdr *msg, bool dumped)
{
	switch (msg->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		apply_link(nl, msg, dumped);
		break;
	case RTM_NEWADDR:
	case RTM_DELADDR:
		apply_addr(nl, msg);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		apply_route(nl, msg, dumped);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		apply_neigh(nl, msg);
		break;
	case RTM_NEWNEXTHOP:
		nl->resync |= (msg->nlmsg_flags & NLM_F_REPLACE) != 0;
		break;
	case RTM_DELNEXTHOP:
		/* Routes over a nexthop object go and change with it, and nothing is said of them.
		 */
		nl->resync = true;
		break;
	}
}

void
nl_mirror_begin(struct tg_netlink *nl)
{
	struct nl_if *i, *next;

	HASH_ITER (hh, nl->interfaces, i, next)
		i->seen = false;
	nl->error = 0;
	tg_fib_begin(nl->fib);
}

void
nl_mirror_end(struct tg_netlink *nl)
{
	struct nl_if *i, *next;

	HASH_ITER (hh, nl->interfaces, i, next)
		if (!i->seen)
			link_gone(nl, i);
	note(nl, tg_fib_sweep(nl->fib));
}
