/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mirror and the TUN/TAP devices against the running kernel, each scenario in a network
 * namespace of its own: twins tw0 and tw1 (ports 0 and 1), the tunnel tg0, a foreign link v0. Needs
 * root, is skipped without.
 */
#include "test_eal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <rte_arp.h>

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
	bool up[2];
	uint16_t mtu[2];
	struct tg_hop *resolved;
};

static const struct rte_ether_addr mac[2] = {{{2, 0, 0, 0, 1, 0}}, {{2, 0, 0, 0, 1, 1}}};

static void
on_routes_changed(void *ctx)
{
	((struct net *)ctx)->routes_changed++;
}

static void
on_resolved(void *ctx, struct tg_hop *hop)
{
	((struct net *)ctx)->resolved = hop;
}

static void
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

static void
sh(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static void
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

static void
mirror_close(struct tg_fib *fib, struct tg_netlink *nl)
{
	tg_netlink_close(nl);
	tg_fib_destroy(fib);
}

static int
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

static int
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

static bool
is_readable(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, timeout_ms) > 0;
}

/* What `ip` did has been notified of before it returns. */
static void
settle(struct net *n)
{
	while (is_readable(tg_netlink_fd(n->nl), 0))
		tg_netlink_input(n->nl);
}

static void
ip(struct net *n, const char *arguments)
{
	char command[512];

	snprintf(command, sizeof(command), "ip %s", arguments);
	sh(command);
	settle(n);
}

static uint16_t
family_of(const char *addr)
{
	return strchr(addr, ':') ? AF_INET6 : AF_INET;
}

static struct tg_hop *
lookup(struct net *n, const char *dst)
{
	uint8_t addr[16];

	assert_int_equal(inet_pton(family_of(dst), dst, addr), 1);
	return family_of(dst) == AF_INET ? tg_fib_lookup4(n->fib, addr)
					 : tg_fib_lookup6(n->fib, addr);
}

/* The kernel has an IPv6 address pass through a work queue, duplicate detection or not. */
static void
wait_for_local(struct net *n, const char *addr)
{
	struct tg_hop *hop = lookup(n, addr);

	while (!hop || hop->type != TG_HOP_LOCAL) {
		assert_true(is_readable(tg_netlink_fd(n->nl), DEADLINE_MS));
		tg_netlink_input(n->nl);
		hop = lookup(n, addr);
	}
}

static void
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

static void
assert_type(struct net *n, const char *dst, enum tg_hop_type type)
{
	struct tg_hop *hop = lookup(n, dst);

	if (!hop)
		fail_msg("no route to %s", dst);
	else if (hop->type != type)
		fail_msg("%s: hop of type %d, not %d", dst, hop->type, type);
}

static void
assert_via(struct net *n, const char *dst, uint16_t port, const char *gateway)
{
	struct tg_hop *hop = lookup(n, dst);
	char text[INET6_ADDRSTRLEN];

	assert_type(n, dst, TG_HOP_ETHER);
	assert_int_equal(hop->port, port);
	assert_string_equal(inet_ntop(hop->family, hop->addr, text, sizeof(text)), gateway);
}

static unsigned int
mac_of(struct tg_hop *hop)
{
	struct rte_ether_addr m;

	return hop && tg_hop_mac(hop, &m) ? m.addr_bytes[5] : 0;
}

static void
test_addresses_are_local(void **state)
{
	struct net *n = *state;

	twins_up(n);
	assert_type(n, "10.0.0.1", TG_HOP_LOCAL);
	assert_type(n, "10.0.0.255", TG_HOP_LOCAL);
	assert_type(n, "10.0.0.2", TG_HOP_ON_LINK);
	assert_type(n, "fd00::1", TG_HOP_LOCAL);
	assert_type(n, "fd00::2", TG_HOP_ON_LINK);
	assert_type(n, "127.0.0.1", TG_HOP_LOCAL);
	assert_null(lookup(n, "10.9.0.1"));
	assert_null(lookup(n, "fe80::1"));
	assert_true(tg_fib_is_local(n->fib, AF_INET, (const uint8_t[]){10, 0, 0, 1}));
	assert_false(tg_fib_is_local(n->fib, AF_INET, (const uint8_t[]){10, 0, 0, 255}));
	/* Once more as a route: the local table is before main. */
	ip(n, "route add 10.0.0.1/32 dev tw1 metric 1");
	assert_type(n, "10.0.0.1", TG_HOP_LOCAL);
	ip(n, "addr add 10.0.0.77/24 dev tw0");
	assert_type(n, "10.0.0.77", TG_HOP_LOCAL);
	ip(n, "addr del 10.0.0.77/24 dev tw0");
	assert_type(n, "10.0.0.77", TG_HOP_ON_LINK);
}

static void
test_kinds_of_routes(void **state)
{
	struct net *n = *state;

	twins_up(n);
	ip(n, "addr add 10.0.9.1/24 dev v0");
	ip(n, "route add 10.10.0.0/16 dev tg0");
	ip(n, "route add 10.11.0.0/16 via 10.0.0.9");
	ip(n, "route add 10.12.0.0/16 via 10.0.9.9");
	ip(n, "route add blackhole 10.13.0.0/16");
	ip(n, "route add unreachable 10.14.0.0/16");
	ip(n, "route add prohibit 10.15.0.0/16");
	ip(n, "route add 10.16.0.0/16 via inet6 fe80::9 dev tw1");
	ip(n, "route add fd10::/16 dev tg0");
	ip(n, "route add fd11::/16 via fe80::9 dev tw1");
	ip(n, "route add default via fd00::9");
	ip(n, "route add 10.17.0.0/16 via 10.0.0.9 table 100");
	assert_type(n, "10.10.0.1", TG_HOP_TUNNEL);
	assert_via(n, "10.11.0.1", 0, "10.0.0.9");
	assert_type(n, "10.12.0.1", TG_HOP_KERNEL);
	assert_type(n, "10.0.9.2", TG_HOP_KERNEL);
	assert_type(n, "10.13.0.1", TG_HOP_PROHIBIT);
	assert_type(n, "10.14.0.1", TG_HOP_PROHIBIT);
	assert_type(n, "10.15.0.1", TG_HOP_PROHIBIT);
	assert_via(n, "10.16.0.1", 1, "fe80::9");
	assert_type(n, "fd10::1", TG_HOP_TUNNEL);
	assert_via(n, "fd11::1", 1, "fe80::9");
	assert_via(n, "2001:db8::1", 0, "fd00::9");
	assert_null(lookup(n, "10.17.0.1"));
	assert_ptr_equal(lookup(n, "10.16.0.1"), lookup(n, "fd11::1"));
}

static void
test_metrics_take_over(void **state)
{
	struct net *n = *state;

	twins_up(n);
	ip(n, "route add 10.10.0.0/16 via 10.0.0.9 metric 20");
	ip(n, "route add 10.10.0.0/16 via 10.0.1.9 metric 10");
	assert_via(n, "10.10.0.1", 1, "10.0.1.9");
	ip(n, "route replace 10.10.0.0/16 via 10.0.1.8 metric 10");
	assert_via(n, "10.10.0.1", 1, "10.0.1.8");
	ip(n, "route del 10.10.0.0/16 metric 10");
	assert_via(n, "10.10.0.1", 0, "10.0.0.9");
	ip(n, "route append 10.10.0.0/16 via 10.0.0.8 metric 20");
	assert_via(n, "10.10.0.1", 0, "10.0.0.9");
	ip(n, "route del 10.10.0.0/16 via 10.0.0.9 metric 20");
	assert_via(n, "10.10.0.1", 0, "10.0.0.8");
	ip(n, "route del 10.10.0.0/16 via 10.0.0.8 metric 20");
	assert_null(lookup(n, "10.10.0.1"));

	ip(n, "route add fd10::/16 via fd00::9 metric 20");
	ip(n, "route add fd10::/16 via fe80::9 dev tw1 metric 10");
	assert_via(n, "fd10::1", 1, "fe80::9");
	ip(n, "route del fd10::/16 metric 10");
	assert_via(n, "fd10::1", 0, "fd00::9");
}

static void
test_multipath_takes_the_first_that_is_up(void **state)
{
	struct net *n = *state;

	twins_up(n);
	ip(n, "route add 10.10.0.0/16 nexthop via 10.0.0.9 nexthop via 10.0.1.9");
	ip(n, "route add fd10::/16 nexthop via fd00::9 nexthop via fe80::9 dev tw1");
	assert_via(n, "10.10.0.1", 0, "10.0.0.9");
	assert_type(n, "fd10::1", TG_HOP_ETHER);
	ip(n, "link set tw0 down");
	assert_via(n, "10.10.0.1", 1, "10.0.1.9");
	assert_via(n, "fd10::1", 1, "fe80::9");
	ip(n, "link set tw0 up");
	assert_via(n, "10.10.0.1", 0, "10.0.0.9");
	ip(n, "route del 10.10.0.0/16");
	assert_null(lookup(n, "10.10.0.1"));
}

/* The kernel says nothing of an IPv4 route that goes with its nexthop object. */
static void
test_routes_go_with_the_nexthop(void **state)
{
	struct net *n = *state;

	twins_up(n);
	ip(n, "nexthop add id 1 via 10.0.0.9 dev tw0");
	ip(n, "nexthop add id 2 via 10.0.1.9 dev tw1");
	ip(n, "route add 10.10.0.0/16 nhid 1");
	assert_via(n, "10.10.0.1", 0, "10.0.0.9");
	ip(n, "nexthop replace id 1 via 10.0.0.8 dev tw0");
	assert_via(n, "10.10.0.1", 0, "10.0.0.8");
	ip(n, "nexthop del id 1");
	assert_null(lookup(n, "10.10.0.1"));
}

static void
test_routes_go_with_the_link(void **state)
{
	struct net *n = *state;

	twins_up(n);
	ip(n, "route add 10.10.0.0/16 via 10.0.0.9");
	ip(n, "route add 10.10.0.0/16 via 10.0.1.9 metric 5");
	ip(n, "route add 10.11.0.0/16 dev tw0");
	ip(n, "route add fd10::/16 via fd00::9");
	ip(n, "link set tw0 down");
	assert_via(n, "10.10.0.1", 1, "10.0.1.9");
	assert_null(lookup(n, "10.11.0.1"));
	assert_null(lookup(n, "fd10::1"));
	assert_null(lookup(n, "10.0.0.2"));
	ip(n, "link set tw0 up");
	assert_type(n, "10.0.0.2", TG_HOP_ON_LINK);
	assert_null(lookup(n, "10.11.0.1"));
	ip(n, "route add 10.12.0.0/16 dev v0");
	assert_type(n, "10.12.0.1", TG_HOP_KERNEL);
	ip(n, "link del v0");
	assert_null(lookup(n, "10.12.0.1"));
}

static void
test_routes_go_with_the_address(void **state)
{
	struct net *n = *state;
	uint8_t src[16];

	twins_up(n);
	ip(n, "addr add 10.0.0.2/24 dev tw0");
	ip(n, "route add 10.10.0.0/16 via 10.0.1.9 src 10.0.0.2");
	assert_true(tg_fib_source(
		n->fib, lookup(n, "10.10.0.1"), AF_INET, (const uint8_t[]){10, 10, 0, 1}, src));
	assert_memory_equal(src, ((const uint8_t[]){10, 0, 0, 2}), 4);
	ip(n, "addr del 10.0.0.2/24 dev tw0");
	assert_null(lookup(n, "10.10.0.1"));
	ip(n, "route add 10.11.0.0/16 via 10.0.0.9");
	ip(n, "addr del 10.0.0.1/24 dev tw0");
	assert_null(lookup(n, "10.11.0.1"));
	assert_null(lookup(n, "10.0.0.9"));
}

static void
test_neighbours(void **state)
{
	struct net *n = *state;
	struct tg_hop *hop;

	twins_up(n);
	ip(n, "neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev tw0 nud stale");
	ip(n, "neigh add fd00::9 lladdr 02:00:00:00:00:06 dev tw0 nud permanent");
	assert_type(n, "10.0.0.9", TG_HOP_ETHER);
	assert_int_equal(mac_of(lookup(n, "10.0.0.9")), 9);
	assert_int_equal(mac_of(lookup(n, "fd00::9")), 6);
	assert_ptr_equal(n->resolved, lookup(n, "fd00::9"));

	ip(n, "route add 10.10.0.0/16 via 10.0.0.9");
	ip(n, "route add 10.11.0.0/16 via 10.0.0.9");
	hop = lookup(n, "10.10.0.1");
	assert_ptr_equal(lookup(n, "10.0.0.9"), hop);
	assert_ptr_equal(lookup(n, "10.11.0.1"), hop);
	ip(n, "neigh replace 10.0.0.9 lladdr 02:00:00:00:00:0a dev tw0 nud reachable");
	assert_int_equal(mac_of(hop), 10);
	n->resolved = NULL;
	ip(n, "neigh del 10.0.0.9 dev tw0");
	assert_int_equal(mac_of(hop), 0);
	assert_null(n->resolved);
	ip(n, "neigh replace 10.0.0.9 lladdr 02:00:00:00:00:0b dev tw0 nud noarp");
	assert_ptr_equal(n->resolved, hop);
	assert_int_equal(mac_of(hop), 11);
	ip(n, "route del 10.10.0.0/16");
	ip(n, "route del 10.11.0.0/16");
	assert_ptr_equal(lookup(n, "10.0.0.9"), hop);
	ip(n, "link set tw0 down");
	ip(n, "link set tw0 up");
	assert_type(n, "10.0.0.9", TG_HOP_ON_LINK);
	ip(n, "neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev v0 nud stale");
	assert_type(n, "10.0.0.9", TG_HOP_ON_LINK);
}

static void
test_link_state_and_mtu(void **state)
{
	struct net *n = *state;

	assert_int_equal(n->links_changed, 2);
	assert_false(n->up[0]);
	assert_int_equal(n->mtu[0], 1500);
	assert_int_equal(tg_fib_tunnel_mtu(n->fib), 1420);
	ip(n, "link set tw1 up mtu 1400");
	assert_true(n->up[1]);
	assert_false(n->up[0]);
	assert_int_equal(n->mtu[1], 1400);
	assert_int_equal(tg_fib_port_mtu(n->fib, 0), 1500);
	assert_int_equal(tg_fib_port_mtu(n->fib, 1), 1400);
	ip(n, "link set tg0 mtu 1300");
	assert_int_equal(tg_fib_tunnel_mtu(n->fib), 1300);
	ip(n, "link set tw1 down");
	assert_false(n->up[1]);
}

static void
test_routes_changed_comes_once_a_batch(void **state)
{
	struct net *n = *state;

	twins_up(n);
	n->routes_changed = 0;
	sh("ip route add 10.10.0.0/16 dev tw0 && ip route add 10.11.0.0/16 dev tw0");
	settle(n);
	assert_int_equal(n->routes_changed, 1);
	ip(n, "neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev tw0 nud stale");
	assert_int_equal(n->routes_changed, 1);
}

static struct rte_mbuf *
next_frame(struct net *n, int fd, uint16_t ether_type)
{
	while (is_readable(fd, DEADLINE_MS)) {
		struct rte_mbuf *m = tg_tap_read(fd, n->pool);

		if (m && rte_pktmbuf_mtod(m, struct rte_ether_hdr *)->ether_type == ether_type)
			return m;
		rte_pktmbuf_free(m);
	}
	fail_msg("nothing came in time");
	return NULL;
}

static void
answer_arp(struct net *n, struct rte_mbuf *m, uint8_t last)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	struct rte_arp_hdr *arp = (void *)(eth + 1);
	const struct rte_ether_addr us = {{2, 0, 0, 0, 0, last}};
	rte_be32_t asked = arp->arp_data.arp_tip;

	eth->dst_addr = eth->src_addr;
	eth->src_addr = us;
	arp->arp_opcode = rte_cpu_to_be_16(RTE_ARP_OP_REPLY);
	arp->arp_data.arp_tha = arp->arp_data.arp_sha;
	arp->arp_data.arp_tip = arp->arp_data.arp_sip;
	arp->arp_data.arp_sha = us;
	arp->arp_data.arp_sip = asked;
	assert_true(tg_tap_write(n->tw[0], m));
	rte_pktmbuf_free(m);
}

static void
wait_resolved(struct net *n)
{
	while (!n->resolved) {
		assert_true(is_readable(tg_netlink_fd(n->nl), DEADLINE_MS));
		tg_netlink_input(n->nl);
	}
}

static void
test_kernel_resolves_and_confirms(void **state)
{
	struct net *n = *state;
	const uint8_t addr[16] = {10, 0, 0, 9};
	struct tg_hop *hop;
	struct rte_mbuf *m;

	twins_up(n);
	sh("echo 0 > /proc/sys/net/ipv4/neigh/tw0/delay_first_probe_time");
	hop = tg_fib_hop_get(n->fib, 0, AF_INET, addr);
	tg_netlink_resolve(n->nl, hop);
	m = next_frame(n, n->tw[0], RTE_BE16(RTE_ETHER_TYPE_ARP));
	answer_arp(n, m, 9);
	wait_resolved(n);
	assert_ptr_equal(n->resolved, hop);
	assert_int_equal(mac_of(hop), 9);

	ip(n, "neigh replace 10.0.0.9 lladdr 02:00:00:00:00:09 dev tw0 nud stale");
	tg_netlink_refresh(n->nl);
	m = next_frame(n, n->tw[0], RTE_BE16(RTE_ETHER_TYPE_ARP));
	assert_int_equal(rte_pktmbuf_mtod(m, uint8_t *)[5], 9);
	rte_pktmbuf_free(m);
	tg_fib_hop_put(n->fib, hop);
}

static void
test_kernel_solicits_ipv6(void **state)
{
	struct net *n = *state;
	const uint8_t addr[16] = {0xfd, [15] = 9};
	struct tg_hop *hop;
	uint8_t type = 0;

	twins_up(n);
	/* Solicitations are sent from a link-local address, or not at all. */
	ip(n, "addr add fe80::1/64 dev tw0 nodad");
	while (!tg_fib_is_local(n->fib, AF_INET6, (const uint8_t[]){0xfe, 0x80, [15] = 1})) {
		assert_true(is_readable(tg_netlink_fd(n->nl), DEADLINE_MS));
		tg_netlink_input(n->nl);
	}
	hop = tg_fib_hop_get(n->fib, 0, AF_INET6, addr);
	tg_netlink_resolve(n->nl, hop);
	while (type != 135) {
		struct rte_mbuf *m = next_frame(n, n->tw[0], RTE_BE16(RTE_ETHER_TYPE_IPV6));

		type = *rte_pktmbuf_mtod_offset(m, uint8_t *, 14 + 40);
		rte_pktmbuf_free(m);
	}
	tg_fib_hop_put(n->fib, hop);
}

/* A mirror as text, to compare two. */
struct text {
	char *data;
	size_t size;
	FILE *out;
};

static void
print_hop(const struct lpm_prefix *p, void *value, void *ctx)
{
	const struct tg_hop *hop = value;
	char addr[INET6_ADDRSTRLEN], gateway[INET6_ADDRSTRLEN] = "";

	inet_ntop(p->family, p->addr, addr, sizeof(addr));
	if (hop->family)
		inet_ntop(hop->family, hop->addr, gateway, sizeof(gateway));
	fprintf(ctx, "%s/%u type %d port %u via %s l2 %llx\n", addr, p->len, hop->type, hop->port,
		gateway, (unsigned long long)hop->l2);
}

static char *
print_mirror(const struct tg_fib *fib)
{
	struct text t = {0};

	t.out = open_memstream(&t.data, &t.size);
	lpm_walk(fib->routes, print_hop, t.out);
	for (int port = 0; port < 2; port++)
		lpm_walk(fib->neighbours[port], print_hop, t.out);
	fclose(t.out);
	return t.data;
}

static void
assert_same_as_fresh(struct net *n)
{
	struct tg_netlink *nl;
	struct tg_fib *fib;
	char *ours, *fresh;

	settle(n);
	mirror_open(n, &fib, &nl);
	ours = print_mirror(n->fib);
	fresh = print_mirror(fib);
	assert_string_equal(ours, fresh);
	free(ours);
	free(fresh);
	mirror_close(fib, nl);
}

static void
write_batch(FILE *f, unsigned int lines)
{
	static const char *const gateways[] = {"via 10.0.0.8", "via 10.0.0.9", "via 10.0.1.9",
		"dev tg0", "dev v0", "dev tw1", "via inet6 fe80::9 dev tw0",
		"src 10.0.0.2 via 10.0.1.8", "nexthop via 10.0.0.7 nexthop via 10.0.1.7"};
	static const char *const verbs[] = {"add", "add", "replace", "append", "del", "change"};
	static const char *const others[] = {"link set tw0 down", "link set tw0 up",
		"addr add 10.0.0.2/24 dev tw0", "addr del 10.0.0.2/24 dev tw0", "link set v1 down",
		"link set v1 up", "route flush 10.20.3.0/24",
		"neigh replace 10.0.0.9 lladdr 02:00:00:00:00:09 dev tw0 nud stale",
		"neigh replace 10.0.1.7 lladdr 02:00:00:00:00:07 dev tw1 nud permanent",
		"neigh del 10.0.0.9 dev tw0",
		"route replace fd20::/32 nexthop via fd00::8 nexthop via fd00::9",
		"route append fd20::/32 via fd00::7", "route del fd20::/32 via fd00::8",
		"route add fd20::/32 dev tg0 metric 7", "route del fd20::/32 metric 7"};

	for (unsigned int i = 0; i < lines; i++) {
		if (rand() % 4 == 0)
			fprintf(f, "%s\n", others[rand() % RTE_DIM(others)]);
		else
			fprintf(f, "route %s 10.20.%d.0/24 metric %d %s\n",
				verbs[rand() % RTE_DIM(verbs)], rand() % 6, rand() % 3,
				gateways[rand() % RTE_DIM(gateways)]);
	}
}

static void
run_batch(unsigned int lines)
{
	char path[] = "/tmp/test_netlink.XXXXXX", command[128];
	int fd = mkstemp(path), rc;
	FILE *f = fdopen(fd, "w");

	assert_non_null(f);
	write_batch(f, lines);
	fclose(f);
	/* Many of the lines are refused, as they should be. */
	snprintf(command, sizeof(command), "ip -force -batch %s >/dev/null 2>&1", path);
	rc = system(command);
	assert_int_not_equal(rc, -1);
	unlink(path);
}

static void
test_mirror_follows_random_changes(void **state)
{
	struct net *n = *state;

	srand(1);
	twins_up(n);
	ip(n, "addr add 10.0.9.1/24 dev v0");
	for (int i = 0; i < 60; i++) {
		run_batch(20);
		assert_same_as_fresh(n);
	}
}

static void
test_lost_messages_resynchronise(void **state)
{
	struct net *n = *state;
	int size = 1;

	srand(2);
	twins_up(n);
	assert_int_equal(
		setsockopt(tg_netlink_fd(n->nl), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), 0);
	for (int i = 0; i < 10; i++) {
		run_batch(100);
		assert_same_as_fresh(n);
	}
}

static void
test_moved_twin_is_down(void **state)
{
	struct net *n = *state;

	twins_up(n);
	assert_true(n->up[0]);
	close(n->tw[0]);
	settle(n);
	assert_false(n->up[0]);
	assert_null(lookup(n, "10.0.0.2"));
	n->tw[0] = tg_tap_open("tw0", &mac[0], 1500);
	assert_true(n->tw[0] >= 0);
	assert_int_equal(tg_netlink_add_twin(n->nl, 0, "nope"), -ENODEV);
}

static void
test_taken_and_bad_names(void **state)
{
	(void)state;
	assert_int_equal(tg_tap_open("tw0", &mac[0], 1500), -EEXIST);
	assert_int_equal(tg_tun_open("tg0", 1420), -EEXIST);
	assert_int_equal(tg_tap_open("v0", &mac[0], 1500), -EEXIST);
	sh("ip tuntap add keep0 mode tap");
	assert_int_equal(tg_tap_open("keep0", &mac[0], 1500), -EEXIST);
	assert_int_equal(tg_tun_open("", 1420), -EINVAL);
	assert_int_equal(tg_tun_open("tg%d", 1420), -EINVAL);
	assert_int_equal(tg_tun_open("a/b", 1420), -EINVAL);
	assert_int_equal(tg_tun_open("sixteen-letters-", 1420), -EINVAL);
	assert_int_equal(tg_tun_open("small", 10), -EINVAL);
}

static void
test_twin_has_mac_and_mtu(void **state)
{
	(void)state;
	sh("ip link show tw1 | grep -q 'link/ether 02:00:00:00:01:01'");
	sh("ip link show tw1 | grep -q 'mtu 1500 .* state DOWN'");
	sh("ip link show tg0 | grep -q 'mtu 1420 .* state DOWN'");
}

static void
test_oversize_is_dropped(void **state)
{
	struct net *n = *state;
	struct rte_mbuf *m;

	sh("echo 1 > /proc/sys/net/ipv6/conf/tg0/disable_ipv6");
	ip(n, "link set tg0 up mtu 9000");
	ip(n, "addr add 10.3.0.1/24 dev tg0");
	assert_null(tg_tap_read(n->tg, n->pool));
	assert_int_equal(errno, EAGAIN);
	/* The pool has room for 2048 bytes behind the headroom: 28 + 2020 fit, one more does not.
	 */
	sh("ping -q -c1 -w1 -W1 -s 2021 10.3.0.2 >/dev/null; test $? = 1");
	assert_null(tg_tap_read(n->tg, n->pool));
	assert_int_equal(errno, EMSGSIZE);
	sh("ping -q -c1 -w1 -W1 -s 2020 10.3.0.2 >/dev/null; test $? = 1");
	m = tg_tap_read(n->tg, n->pool);
	assert_non_null(m);
	assert_int_equal(m->pkt_len, 2048);
	assert_int_equal(*rte_pktmbuf_mtod(m, uint8_t *), 0x45);
	rte_pktmbuf_free(m);
	assert_int_equal(rte_mempool_avail_count(n->pool), 63);
}

#define SCENARIO(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCENARIO(addresses_are_local),
		SCENARIO(kinds_of_routes),
		SCENARIO(metrics_take_over),
		SCENARIO(multipath_takes_the_first_that_is_up),
		SCENARIO(routes_go_with_the_nexthop),
		SCENARIO(routes_go_with_the_link),
		SCENARIO(routes_go_with_the_address),
		SCENARIO(neighbours),
		SCENARIO(link_state_and_mtu),
		SCENARIO(routes_changed_comes_once_a_batch),
		SCENARIO(kernel_resolves_and_confirms),
		SCENARIO(kernel_solicits_ipv6),
		SCENARIO(mirror_follows_random_changes),
		SCENARIO(lost_messages_resynchronise),
		SCENARIO(moved_twin_is_down),
		SCENARIO(taken_and_bad_names),
		SCENARIO(twin_has_mac_and_mtu),
		SCENARIO(oversize_is_dropped),
	};

	if (geteuid() != 0)
		return EXIT_SKIP;
	if (test_eal_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
