/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A gateway's mirror and TUN/TAP devices against the running kernel, in a network namespace of its
 * own for each scenario: twins tw0 and tw1 (ports 0 and 1), the tunnel tg0, a foreign link v0.
 * Needs root; a test without is skipped.
 */
#ifndef NETLINK_NET_H
#define NETLINK_NET_H

#include "test_eal.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fib_private.h"
#include "netlink.h"
#include "tap.h"

#define DEADLINE_MS 10000
#define EXIT_SKIP 77

struct net {
	struct rcu *rcu;
	struct tg_fib *fib;
	struct tg_netlink *nl;
	struct rte_mempool *pool;
	int tw[2];
	int tg;
	unsigned int routes_changed;
	unsigned int links_changed;
	bool up[TG_FIB_TUNNEL + 1];
	uint16_t mtu[TG_FIB_TUNNEL + 1];
	struct tg_hop *resolved;
};

static const struct rte_ether_addr mac[2] = {{{2, 0, 0, 0, 1, 0}}, {{2, 0, 0, 0, 1, 1}}};

static inline void
on_routes_changed(void *ctx)
{
	((struct net *)ctx)->routes_changed++;
}

static inline void
on_resolved(void *ctx, struct tg_hop *hop)
{
	((struct net *)ctx)->resolved = hop;
}

static inline void
on_link_changed(void *ctx, uint16_t port, bool up, uint16_t mtu)
{
	struct net *n = ctx;

	n->links_changed++;
	n->up[port] = up;
	n->mtu[port] = mtu;
}

static const struct tg_netlink_ops ops = {
	.routes_changed = on_routes_changed,
	.resolved = on_resolved,
	.link_changed = on_link_changed,
};

static inline void
sh(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static inline void
mirror_open(struct net *n, struct tg_fib **fib, struct tg_netlink **nl)
{
	*fib = tg_fib_create(n->rcu);
	assert_non_null(*fib);
	*nl = tg_netlink_open(*fib, &ops, n);
	assert_non_null(*nl);
	assert_int_equal(tg_netlink_add_twin(*nl, 0, "tw0"), 0);
	assert_int_equal(tg_netlink_add_twin(*nl, 1, "tw1"), 0);
	assert_int_equal(tg_netlink_set_tunnel(*nl, "tg0"), 0);
	assert_int_equal(tg_netlink_sync(*nl), 0);
}

static inline void
mirror_close(struct tg_fib *fib, struct tg_netlink *nl)
{
	tg_netlink_close(nl);
	tg_fib_destroy(fib);
}

static inline int
setup(void **state)
{
	static struct net n;
	struct rte_mempool *pool = n.pool;

	memset(&n, 0, sizeof(n));
	n.pool = pool ? pool : rte_pktmbuf_pool_create("tap", 63, 0, 0, 2048 + 128, 0);
	assert_non_null(n.pool);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	/* No link-local addresses: they would come and be confirmed at a time of their own. */
	sh("echo 1 > /proc/sys/net/ipv6/conf/default/addr_gen_mode");
	n.tw[0] = tg_tap_open("tw0", &mac[0], 1500);
	n.tw[1] = tg_tap_open("tw1", &mac[1], 1500);
	n.tg = tg_tun_open("tg0", 1420);
	assert_true(n.tw[0] >= 0 && n.tw[1] >= 0 && n.tg >= 0);
	sh("ip link set lo up; ip link add v0 type veth peer v1 && ip link set v0 up && ip link "
	   "set v1 up");
	n.rcu = rcu_create(1);
	mirror_open(&n, &n.fib, &n.nl);
	*state = &n;
	return 0;
}

static inline int
teardown(void **state)
{
	struct net *n = *state;

	mirror_close(n->fib, n->nl);
	rcu_destroy(n->rcu);
	for (int i = 0; i < 2; i++)
		close(n->tw[i]);
	close(n->tg);
	return 0;
}

static inline bool
is_readable(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) > 0;
}

/* What `ip` did has been notified of before it returns. */
static inline void
settle(struct net *n)
{
	while (is_readable(tg_netlink_fd(n->nl), 0))
		tg_netlink_input(n->nl);
}

static inline void
ip(struct net *n, const char *arguments)
{
	char command[512];

	snprintf(command, sizeof(command), "ip %s", arguments);
	sh(command);
	settle(n);
}

static inline uint16_t
family_of(const char *addr)
{
	return strchr(addr, ':') ? AF_INET6 : AF_INET;
}

static inline struct tg_hop *
lookup(struct net *n, const char *dst)
{
	uint8_t addr[16];

	assert_int_equal(inet_pton(family_of(dst), dst, addr), 1);
	return family_of(dst) == AF_INET ? tg_fib_lookup4(n->fib, addr)
					 : tg_fib_lookup6(n->fib, addr);
}

/* The kernel has an IPv6 address pass through a work queue, duplicate detection or not. */
static inline void
wait_for_local(struct net *n, const char *addr)
{
	struct tg_hop *hop = lookup(n, addr);

	while (!hop || hop->type != TG_HOP_LOCAL) {
		assert_true(is_readable(tg_netlink_fd(n->nl), DEADLINE_MS));
		tg_netlink_input(n->nl);
		hop = lookup(n, addr);
	}
}

static inline void
twins_up(struct net *n)
{
	ip(n, "link set tw0 up");
	ip(n, "link set tw1 up");
	ip(n, "link set tg0 up");
	ip(n, "addr add 10.0.0.1/24 dev tw0");
	ip(n, "addr add 10.0.1.1/24 dev tw1");
	ip(n, "addr add fd00::1/64 dev tw0 nodad");
	wait_for_local(n, "fd00::1");
}

static inline void
assert_type(struct net *n, const char *dst, enum tg_hop_type type)
{
	struct tg_hop *hop = lookup(n, dst);

	if (!hop)
		fail_msg("no route to %s", dst);
	else if (hop->type != type)
		fail_msg("%s: hop of type %d, not %d", dst, hop->type, type);
}

static inline void
assert_via(struct net *n, const char *dst, uint16_t port, const char *gateway)
{
	struct tg_hop *hop = lookup(n, dst);
	char text[INET6_ADDRSTRLEN];

	assert_type(n, dst, TG_HOP_ETHER);
	assert_int_equal(hop->port, port);
	assert_string_equal(inet_ntop(hop->family, hop->addr, text, sizeof(text)), gateway);
}

static inline unsigned int
mac_of(struct tg_hop *hop)
{
	struct rte_ether_addr m;

	return hop && tg_hop_mac(hop, &m) ? m.addr_bytes[5] : 0;
}

/* What main() returns at once unless it is 0. */
static inline int
init(void)
{
	if (geteuid() != 0)
		return EXIT_SKIP;
	return test_eal_init() ? 1 : 0;
}

#define SCENARIO(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

#endif
