/* SPDX-License-Identifier: BSD-3-Clause */
/* The mirror of routes, addresses, neighbours and links follows what `ip` does. */
#include "netlink_net.h"

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
	ip(n, "route add throw 10.18.0.0/16");
	ip(n, "route add 10.16.0.0/16 via inet6 fe80::9 dev tw1");
	ip(n, "route add fd10::/16 dev tg0");
	ip(n, "route add fd11::/16 via fe80::9 dev tw1");
	ip(n, "route add default via fd00::9");
	ip(n, "route add 10.17.0.0/16 via 10.0.0.9 table 100");
	assert_type(n, "10.10.0.1", TG_HOP_TUNNEL);
	assert_via(n, "10.11.0.1", 0, "10.0.0.9");
	assert_type(n, "10.12.0.1", TG_HOP_KERNEL);
	assert_type(n, "10.0.9.2", TG_HOP_KERNEL);
	assert_type(n, "10.13.0.1", TG_HOP_BLACKHOLE);
	assert_type(n, "10.14.0.1", TG_HOP_UNREACHABLE);
	assert_type(n, "10.15.0.1", TG_HOP_PROHIBIT);
	assert_type(n, "10.18.0.1", TG_HOP_THROW);
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

	assert_int_equal(n->links_changed, 3);
	assert_false(n->up[0]);
	assert_false(n->up[TG_FIB_TUNNEL]);
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
	ip(n, "link set tg0 up");
	assert_true(n->up[TG_FIB_TUNNEL]);
	ip(n, "link set tg0 down");
	assert_false(n->up[TG_FIB_TUNNEL]);
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
	};
	int rc = init();

	return rc ? rc : cmocka_run_group_tests_name("netlink", tests, NULL, NULL);
}
