/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two kinds of sockets: `events` takes the kernel's notifications, a full reading has one of its
 * own.
 *
 * Why a full reading ends with the kernel's state. It happens when the notifications are read to
 * the end, so that all that are still to come are about changes after its begin, and each says what
 * a route, address or neighbour is after the change: applied once more, in order, they lead to the
 * same end. A change without notification (IPv4 routes that go with a link or an address) comes
 * after the notification of its cause, under the same RTNL lock. Reading the links takes that lock,
 * so what is read after them has the change in it.
 */
#include "netlink.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <rte_common.h>

#include "netlink_private.h"

#define EVENTS_RCVBUF (8 << 20)
/* Datagrams for one call of tg_netlink_input(): the control thread has other work, too. */
#define INPUT_BUDGET 1024
#define READING_TRIES 8

struct tg_netlink *
tg_netlink_open(struct tg_fib *fib, const struct tg_netlink_ops *ops, void *ctx)
{
	struct tg_netlink *nl = calloc(1, sizeof(*nl));
	int err;

	if (!nl)
		return NULL;
	nl->fib = fib;
	nl->ops = ops;
	nl->ctx = ctx;
	nl->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (!nl->events)
		goto fail;
	if (mnl_socket_bind(nl->events, 0, MNL_SOCKET_AUTOPID) < 0)
		goto fail_socket;
	return nl;
fail_socket:
	err = errno;
	mnl_socket_close(nl->events);
	errno = err;
fail:
	free(nl);
	return NULL;
}

void
tg_netlink_close(struct tg_netlink *nl)
{
	if (!nl)
		return;
	mnl_socket_close(nl->events);
	nl_if_free_all(nl);
	free(nl);
}

static int
add_interface(struct tg_netlink *nl, uint16_t port, const char *ifname)
{
	unsigned int ifindex = if_nametoindex(ifname);
	struct nl_if *i;

	if (!ifindex)
		return -errno;
	i = nl_if_find_or_make(nl, (int)ifindex);
	if (!i)
		return -ENOMEM;
	i->port = port;
	return 0;
}

int
tg_netlink_add_twin(struct tg_netlink *nl, uint16_t port, const char *ifname)
{
	int err;

	if (port >= TG_PORTS_MAX)
		return -EINVAL;
	err = tg_fib_add_port(nl->fib, port);
	return err ? err : add_interface(nl, port, ifname);
}

int
tg_netlink_set_tunnel(struct tg_netlink *nl, const char *ifname)
{
	return add_interface(nl, TG_FIB_TUNNEL, ifname);
}

/* Big enough for a burst of routes; what does not fit even so is an ENOBUFS. */
static void
grow_buffer(struct mnl_socket *s)
{
	int size = EVENTS_RCVBUF, fd = mnl_socket_get_fd(s);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static int
subscribe(struct tg_netlink *nl)
{
	static const int groups[] = {
		RTNLGRP_LINK,
		RTNLGRP_NEIGH,
		RTNLGRP_IPV4_IFADDR,
		RTNLGRP_IPV6_IFADDR,
		RTNLGRP_IPV4_ROUTE,
		RTNLGRP_IPV6_ROUTE,
		RTNLGRP_NEXTHOP,
	};

	grow_buffer(nl->events);
	for (size_t i = 0; i < RTE_DIM(groups); i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(
			    nl->events, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
			return -errno;
	}
	nl->subscribed = true;
	return 0;
}

static int
on_dumped(const struct nlmsghdr *msg, void *data)
{
	nl_mirror_message(data, msg, true);
	return MNL_CB_OK;
}

static int
send_dump_request(struct tg_netlink *nl, struct mnl_socket *s, uint16_t type)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(nl->buf);
	struct rtgenmsg *gen;

	msg->nlmsg_type = type;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	msg->nlmsg_seq = ++nl->seq;
	gen = mnl_nlmsg_put_extra_header(msg, sizeof(*gen));
	gen->rtgen_family = AF_UNSPEC;
	return mnl_socket_sendto(s, msg, msg->nlmsg_len) < 0 ? -errno : 0;
}

static int
dump(struct tg_netlink *nl, struct mnl_socket *s, uint16_t type)
{
	int more = send_dump_request(nl, s, type);

	if (more < 0)
		return more;
	do {
		ssize_t n = mnl_socket_recvfrom(s, nl->buf, sizeof(nl->buf));

		if (n < 0)
			return -errno;
		more = mnl_cb_run(
			nl->buf, (size_t)n, nl->seq, mnl_socket_get_portid(s), on_dumped, nl);
	} while (more > 0);
	return more < 0 ? -errno : 0;
}

static int
dump_all(struct tg_netlink *nl, struct mnl_socket *s)
{
	/* Links first: see above, and for whose route or neighbour it is. */
	static const uint16_t types[] = {RTM_GETLINK, RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH};
	int err = 0;

	for (size_t i = 0; i < RTE_DIM(types) && !err; i++)
		err = dump(nl, s, types[i]);
	return err;
}

/* -EINTR: the kernel's tables have changed meanwhile. The socket is of no further use then. */
static int
read_once(struct tg_netlink *nl)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int err;

	if (!s)
		return -errno;
	nl_mirror_begin(nl);
	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
		err = -errno;
	else
		err = dump_all(nl, s);
	mnl_socket_close(s);
	if (err || nl->error)
		return err ? err : nl->error;
	nl_mirror_end(nl);
	return nl->error;
}

static int
read_all(struct tg_netlink *nl)
{
	int err = -EINTR;

	for (unsigned int i = 0; i < READING_TRIES && err == -EINTR; i++)
		err = read_once(nl);
	nl->resync = err != 0;
	return err;
}

static void
report(struct tg_netlink *nl)
{
	if (!nl->changed)
		return;
	nl->changed = false;
	nl->ops->routes_changed(nl->ctx);
}

int
tg_netlink_sync(struct tg_netlink *nl)
{
	int err = nl->subscribed ? 0 : subscribe(nl);

	if (!err)
		err = read_all(nl);
	report(nl);
	/* The kernel's tables do not hold still: what was read counts, and a reading stays due. */
	return err == -EINTR ? 0 : err;
}

int
tg_netlink_fd(const struct tg_netlink *nl)
{
	return mnl_socket_get_fd(nl->events);
}

/* Errors are answers to tg_netlink_resolve(), and no one waits for them. */
static void
apply_datagram(struct tg_netlink *nl, size_t size)
{
	const struct nlmsghdr *msg = (const void *)nl->buf;
	int left = (int)size;

	for (; mnl_nlmsg_ok(msg, left); msg = mnl_nlmsg_next(msg, &left))
		nl_mirror_message(nl, msg, false);
}

/* True when there is no more to read. */
static bool
read_events(struct tg_netlink *nl)
{
	for (unsigned int i = 0; i < INPUT_BUDGET; i++) {
		ssize_t n = mnl_socket_recvfrom(nl->events, nl->buf, sizeof(nl->buf));

		if (n >= 0)
			apply_datagram(nl, (size_t)n);
		else if (errno == EAGAIN)
			return true;
		else if (errno != EINTR)
			nl->resync = true;
	}
	return false;
}

void
tg_netlink_input(struct tg_netlink *nl)
{
	if (read_events(nl) && nl->resync)
		read_all(nl);
	report(nl);
}

static void
ask(const struct tg_hop *hop, void *ctx)
{
	tg_netlink_resolve(ctx, hop);
}

static int
ifindex_of(const struct tg_netlink *nl, uint16_t port)
{
	for (const struct nl_if *i = nl->interfaces; i; i = i->hh.next)
		if (i->port == port)
			return i->ifindex;
	return 0;
}

void
tg_netlink_resolve(struct tg_netlink *nl, const struct tg_hop *hop)
{
	char buf[128];
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct ndmsg *ndm;

	msg->nlmsg_type = RTM_NEWNEIGH;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE;
	ndm = mnl_nlmsg_put_extra_header(msg, sizeof(*ndm));
	ndm->ndm_family = (uint8_t)hop->family;
	ndm->ndm_ifindex = ifindex_of(nl, hop->port);
	ndm->ndm_flags = NTF_USE;
	mnl_attr_put(msg, NDA_DST, hop->family == AF_INET ? 4 : 16, hop->addr);
	mnl_socket_sendto(nl->events, msg, msg->nlmsg_len);
}

void
tg_netlink_refresh(struct tg_netlink *nl)
{
	if (nl->resync)
		tg_netlink_input(nl);
	tg_fib_walk_used(nl->fib, ask, nl);
}
