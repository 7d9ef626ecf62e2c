/* SPDX-License-Identifier: BSD-3-Clause */
/* netlink.c: sockets, full readings. netlink_mirror.c: what a message changes. */
#ifndef TG_NETLINK_PRIVATE_H
#define TG_NETLINK_PRIVATE_H

#include <libmnl/libmnl.h>
#include <uthash.h>

#include "fib_control.h"
#include "netlink.h"

#define NL_PORT_NONE (-1)

/* Every interface there is, since a route may be over any of them. */
struct nl_if {
	int ifindex;
	int port; /* of a twin, TG_FIB_TUNNEL, or NL_PORT_NONE */
	unsigned int flags;
	uint32_t mtu;
	bool seen; /* in the present full reading */
	UT_hash_handle hh;
};

struct tg_netlink {
	struct tg_fib *fib;
	const struct tg_netlink_ops *ops;
	void *ctx;
	struct mnl_socket *events;
	uint32_t seq;
	struct nl_if *interfaces;
	bool subscribed;
	bool resync; /* a full reading is due */
	bool changed; /* routes or addresses, since routes_changed was last called */
	int error; /* the first in this full reading */
	_Alignas(struct nlmsghdr) char buf[32768];
};

/* NULL on out of memory. */
struct nl_if *nl_if_find_or_make(struct tg_netlink *nl, int ifindex);
void nl_if_free_all(struct tg_netlink *nl);

/* Applies one message; dumped: it is from a full reading. May set resync, changed and error. */
void nl_mirror_message(struct tg_netlink *nl, const struct nlmsghdr *msg, bool dumped);

/* Round a full reading: everything unseen is gone. */
void nl_mirror_begin(struct tg_netlink *nl);
void nl_mirror_end(struct tg_netlink *nl);

#endif
