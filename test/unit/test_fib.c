/* SPDX-License-Identifier: BSD-3-Clause */
#include "test_eal.h"

#include <arpa/inet.h>

#include "fib_control.h"

struct table {
	struct rcu *rcu;
	struct tg_fib *fib;
};

static int
setup(void **state)
{
	static struct table t;

	t.rcu = rcu_create(1);
	t.fib = tg_fib_create(t.rcu);
	*state = &t;
	return !t.fib || tg_fib_add_port(t.fib, 0) || tg_fib_add_port(t.fib, 1);
}

static int
teardown(void **state)
{
	struct table *t = *state;

	tg_fib_destroy(t->fib);
	rcu_destroy(t->rcu);
	return 0;
}

/* "10.0.0.0/8" */
static struct tg_fib_route
route(const char *prefix, uint32_t metric, enum tg_hop_type type, uint16_t port)
{
	struct tg_fib_route r = {.metric = metric, .type = type, .port = port};
	char addr[64];
	unsigned int len;

	assert_int_equal(sscanf(prefix, "%63[^/]/%u", addr, &len), 2);
	r.prefix.family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	r.prefix.len = (uint8_t)len;
	assert_int_equal(inet_pton(r.prefix.family, addr, r.prefix.addr), 1);
	return r;
}

static struct tg_fib_route
via(const char *prefix, uint32_t metric, uint16_t port, const char *gateway)
{
	struct tg_fib_route r = route(prefix, metric, TG_HOP_ETHER, port);

	r.family = strchr(gateway, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(r.family, gateway, r.gateway), 1);
	return r;
}

static void
set(struct table *t, struct tg_fib_route r, enum tg_fib_event event, int answer)
{
	assert_int_equal(tg_fib_route_set(t->fib, &r, event), answer);
}

static void
add(struct table *t, struct tg_fib_route r)
{
	set(t, r, TG_FIB_ADDED, TG_FIB_CHANGED);
}

static void
del(struct table *t, struct tg_fib_route r, int answer)
{
	assert_int_equal(tg_fib_route_remove(t->fib, &r), answer);
}

static struct tg_hop *
lookup(struct table *t, const char *dst)
{
	uint8_t addr[16];

	if (inet_pton(AF_INET, dst, addr) == 1)
		return tg_fib_lookup4(t->fib, addr);
	assert_int_equal(inet_pton(AF_INET6, dst, addr), 1);
	return tg_fib_lookup6(t->fib, addr);
}

static void
assert_type(struct table *t, const char *dst, enum tg_hop_type type)
{
	struct tg_hop *hop = lookup(t, dst);

	assert_non_null(hop);
	assert_int_equal(hop->type, type);
}

static void
assert_via(struct table *t, const char *dst, uint16_t port, const char *gateway)
{
	struct tg_hop *hop = lookup(t, dst);
	char text[INET6_ADDRSTRLEN];

	assert_non_null(hop);
	assert_int_equal(hop->type, TG_HOP_ETHER);
	assert_int_equal(hop->port, port);
	assert_string_equal(inet_ntop(hop->family, hop->addr, text, sizeof(text)), gateway);
}

/* last: of the MAC 02:00:00:00:00:xx; 0: not known. */
static struct tg_hop *
neighbour(struct table *t, uint16_t port, const char *addr, uint8_t last, bool stale)
{
	struct rte_ether_addr mac = {.addr_bytes = {2, 0, 0, 0, 0, last}};
	struct tg_fib_neigh n = {.port = port, .mac = last ? &mac : NULL, .stale = stale};
	struct tg_hop *resolved;
	uint8_t bytes[16];

	n.family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(n.family, addr, bytes), 1);
	n.addr = bytes;
	assert_int_equal(tg_fib_neigh_set(t->fib, &n, &resolved), 0);
	return resolved;
}

static unsigned int
mac_of(struct tg_hop *hop)
{
	struct rte_ether_addr mac;

	return tg_hop_mac(hop, &mac) ? mac.addr_bytes[5] : 0;
}

static void
test_lowest_metric_wins(void **state)
{
	struct table *t = *state;

	assert_null(lookup(t, "10.1.2.3"));
	add(t, via("10.0.0.0/8", 20, 0, "192.0.2.20"));
	assert_via(t, "10.1.2.3", 0, "192.0.2.20");
	add(t, via("10.0.0.0/8", 10, 1, "192.0.2.10"));
	assert_via(t, "10.1.2.3", 1, "192.0.2.10");
	add(t, via("10.0.0.0/8", 30, 0, "192.0.2.30"));
	assert_via(t, "10.1.2.3", 1, "192.0.2.10");

	del(t, via("10.0.0.0/8", 10, 1, "192.0.2.10"), TG_FIB_CHANGED);
	assert_via(t, "10.1.2.3", 0, "192.0.2.20");
	del(t, via("10.0.0.0/8", 20, 0, "192.0.2.20"), TG_FIB_CHANGED);
	assert_via(t, "10.1.2.3", 0, "192.0.2.30");
	del(t, via("10.0.0.0/8", 30, 0, "192.0.2.30"), TG_FIB_CHANGED);
	assert_null(lookup(t, "10.1.2.3"));
}

static void
test_local_beats_main(void **state)
{
	struct table *t = *state;
	struct tg_fib_route local = route("10.0.0.1/32", 1024, TG_HOP_LOCAL, 0);

	local.local = true;
	local.own = true;
	add(t, route("10.0.0.1/32", 0, TG_HOP_ON_LINK, 0));
	add(t, local);
	assert_type(t, "10.0.0.1", TG_HOP_LOCAL);
	assert_true(tg_fib_is_local(t->fib, AF_INET, (const uint8_t[]){10, 0, 0, 1}));
	del(t, local, TG_FIB_CHANGED);
	assert_type(t, "10.0.0.1", TG_HOP_ON_LINK);
	assert_false(tg_fib_is_local(t->fib, AF_INET, (const uint8_t[]){10, 0, 0, 1}));
}

static void
test_broadcast_is_taken_but_not_ours(void **state)
{
	struct table *t = *state;
	struct tg_fib_route r = route("10.0.0.255/32", 0, TG_HOP_LOCAL, 0);

	r.local = true;
	add(t, r);
	assert_type(t, "10.0.0.255", TG_HOP_LOCAL);
	assert_false(tg_fib_is_local(t->fib, AF_INET, (const uint8_t[]){10, 0, 0, 255}));
}

static void
test_longest_prefix_and_all_types(void **state)
{
	struct table *t = *state;

	add(t, route("0.0.0.0/0", 0, TG_HOP_KERNEL, 0));
	add(t, route("10.0.0.0/8", 0, TG_HOP_TUNNEL, 0));
	add(t, route("10.1.0.0/16", 0, TG_HOP_PROHIBIT, 0));
	add(t, route("10.1.1.0/24", 0, TG_HOP_ON_LINK, 1));
	add(t, route("fd00::/8", 0, TG_HOP_TUNNEL, 0));
	assert_type(t, "8.8.8.8", TG_HOP_KERNEL);
	assert_type(t, "10.2.0.1", TG_HOP_TUNNEL);
	assert_type(t, "10.1.0.1", TG_HOP_PROHIBIT);
	assert_type(t, "10.1.1.1", TG_HOP_ON_LINK);
	assert_int_equal(lookup(t, "10.1.1.1")->port, 1);
	assert_type(t, "fd00::1", TG_HOP_TUNNEL);
	assert_null(lookup(t, "2001:db8::1"));
}

static void
test_replaced_changes_the_hop(void **state)
{
	struct table *t = *state;

	add(t, via("10.0.0.0/8", 5, 0, "192.0.2.1"));
	set(t, via("10.0.0.0/8", 5, 0, "192.0.2.2"), TG_FIB_REPLACED, TG_FIB_CHANGED);
	assert_via(t, "10.1.1.1", 0, "192.0.2.2");
	set(t, via("10.0.0.0/8", 5, 0, "192.0.2.2"), TG_FIB_REPLACED, TG_FIB_SAME);
}

/* ip route append: two under one metric. Which one is left after a removal, only a reading tells.
 */
static void
test_second_route_of_one_metric_is_unsure(void **state)
{
	struct table *t = *state;

	add(t, via("10.0.0.0/8", 5, 0, "192.0.2.1"));
	set(t, via("10.0.0.0/8", 5, 0, "192.0.2.2"), TG_FIB_ADDED, TG_FIB_UNSURE);
	assert_via(t, "10.1.1.1", 0, "192.0.2.1");
	del(t, via("10.0.0.0/8", 5, 0, "192.0.2.1"), TG_FIB_UNSURE);
	set(t, via("10.0.0.0/8", 5, 0, "192.0.2.3"), TG_FIB_REPLACED, TG_FIB_UNSURE);

	tg_fib_begin(t->fib);
	set(t, via("10.0.0.0/8", 5, 0, "192.0.2.2"), TG_FIB_DUMPED, TG_FIB_CHANGED);
	assert_int_equal(tg_fib_sweep(t->fib), TG_FIB_SAME);
	del(t, via("10.0.0.0/8", 5, 0, "192.0.2.2"), TG_FIB_CHANGED);
	assert_null(lookup(t, "10.1.1.1"));
}

static void
test_first_dumped_of_one_metric_counts(void **state)
{
	struct table *t = *state;

	tg_fib_begin(t->fib);
	set(t, via("10.0.0.0/8", 5, 0, "192.0.2.1"), TG_FIB_DUMPED, TG_FIB_CHANGED);
	set(t, via("10.0.0.0/8", 5, 0, "192.0.2.2"), TG_FIB_DUMPED, TG_FIB_SAME);
	tg_fib_sweep(t->fib);
	assert_via(t, "10.1.1.1", 0, "192.0.2.1");
	del(t, via("10.0.0.0/8", 5, 0, "192.0.2.1"), TG_FIB_UNSURE);
}

static void
test_removal_of_another_hop_is_unsure(void **state)
{
	struct table *t = *state;
	struct tg_fib_route many = via("10.2.0.0/16", 0, 0, "192.0.2.1");

	add(t, via("10.1.0.0/16", 0, 0, "192.0.2.1"));
	del(t, via("10.1.0.0/16", 0, 1, "192.0.2.1"), TG_FIB_UNSURE);
	del(t, via("10.1.0.0/16", 0, 0, "192.0.2.2"), TG_FIB_UNSURE);
	del(t, route("10.1.0.0/16", 0, TG_HOP_ON_LINK, 0), TG_FIB_UNSURE);
	del(t, via("10.1.0.0/16", 1, 0, "192.0.2.1"), TG_FIB_SAME);
	many.multipath = true;
	add(t, many);
	del(t, via("10.2.0.0/16", 0, 0, "192.0.2.1"), TG_FIB_UNSURE);
}

static void
test_sweep_leaves_what_was_set_again(void **state)
{
	struct table *t = *state;

	add(t, route("10.1.0.0/16", 0, TG_HOP_TUNNEL, 0));
	add(t, route("10.1.0.0/16", 9, TG_HOP_PROHIBIT, 0));
	add(t, route("10.2.0.0/16", 0, TG_HOP_TUNNEL, 0));
	neighbour(t, 0, "192.0.2.1", 1, false);
	neighbour(t, 0, "192.0.2.2", 2, false);
	add(t, route("192.0.2.0/24", 0, TG_HOP_ON_LINK, 0));

	tg_fib_begin(t->fib);
	set(t, route("10.1.0.0/16", 9, TG_HOP_PROHIBIT, 0), TG_FIB_DUMPED, TG_FIB_SAME);
	set(t, route("192.0.2.0/24", 0, TG_HOP_ON_LINK, 0), TG_FIB_DUMPED, TG_FIB_SAME);
	assert_null(neighbour(t, 0, "192.0.2.2", 2, false));
	assert_int_equal(tg_fib_sweep(t->fib), TG_FIB_CHANGED);

	assert_type(t, "10.1.0.1", TG_HOP_PROHIBIT);
	assert_null(lookup(t, "10.2.0.1"));
	assert_type(t, "192.0.2.1", TG_HOP_ON_LINK);
	assert_type(t, "192.0.2.2", TG_HOP_ETHER);
}

static void
test_neighbour_on_link_comes_moves_and_goes(void **state)
{
	struct table *t = *state;
	struct tg_hop *hop;

	add(t, route("192.0.2.0/24", 0, TG_HOP_ON_LINK, 1));
	assert_type(t, "192.0.2.7", TG_HOP_ON_LINK);
	hop = neighbour(t, 1, "192.0.2.7", 7, false);
	assert_non_null(hop);
	assert_ptr_equal(lookup(t, "192.0.2.7"), hop);
	assert_int_equal(mac_of(hop), 7);
	assert_null(neighbour(t, 1, "192.0.2.7", 8, false));
	assert_int_equal(mac_of(hop), 8);
	assert_null(neighbour(t, 0, "192.0.2.9", 0, false));
	assert_non_null(neighbour(t, 0, "192.0.2.9", 9, false));
	assert_type(t, "192.0.2.9", TG_HOP_ON_LINK);
	neighbour(t, 1, "192.0.2.7", 0, false);
	assert_type(t, "192.0.2.7", TG_HOP_ON_LINK);
}

static void
test_hop_lives_while_referred_to(void **state)
{
	struct table *t = *state;
	const uint8_t addr[16] = {192, 0, 2, 7};
	struct tg_hop *hop = tg_fib_hop_get(t->fib, 0, AF_INET, addr);

	add(t, route("192.0.2.0/24", 0, TG_HOP_ON_LINK, 0));
	assert_ptr_equal(lookup(t, "192.0.2.7"), hop);
	assert_int_equal(mac_of(hop), 0);
	assert_ptr_equal(neighbour(t, 0, "192.0.2.7", 7, false), hop);
	assert_null(neighbour(t, 0, "192.0.2.7", 0, false));
	assert_ptr_equal(lookup(t, "192.0.2.7"), hop);
	assert_ptr_equal(neighbour(t, 0, "192.0.2.7", 7, false), hop);
	tg_fib_hop_put(t->fib, hop);
	assert_ptr_equal(lookup(t, "192.0.2.7"), hop);
	neighbour(t, 0, "192.0.2.7", 0, false);
	assert_type(t, "192.0.2.7", TG_HOP_ON_LINK);
	assert_int_not_equal(rcu_reclaim(t->rcu), 0);
}

static void
test_routes_share_a_gateway(void **state)
{
	struct table *t = *state;
	struct tg_hop *hop;

	add(t, via("10.1.0.0/16", 0, 0, "192.0.2.1"));
	add(t, via("fd01::/16", 0, 0, "192.0.2.1"));
	hop = lookup(t, "10.1.0.1");
	assert_ptr_equal(lookup(t, "fd01::1"), hop);
	assert_ptr_equal(neighbour(t, 0, "192.0.2.1", 1, false), hop);
	del(t, via("10.1.0.0/16", 0, 0, "192.0.2.1"), TG_FIB_CHANGED);
	neighbour(t, 0, "192.0.2.1", 0, false);
	assert_ptr_equal(lookup(t, "fd01::1"), hop);
	assert_int_equal(mac_of(hop), 0);
}

static void
count(const struct tg_hop *hop, void *ctx)
{
	(void)hop;
	++*(unsigned int *)ctx;
}

static unsigned int
count_used(struct table *t)
{
	unsigned int n = 0;

	tg_fib_walk_used(t->fib, count, &n);
	return n;
}

static void
test_only_stale_hops_in_use_are_refreshed(void **state)
{
	struct table *t = *state;
	struct tg_hop *stale = neighbour(t, 0, "192.0.2.1", 1, true);
	struct tg_hop *fresh = neighbour(t, 0, "192.0.2.2", 2, false);

	assert_int_equal(count_used(t), 0);
	mac_of(stale);
	mac_of(fresh);
	assert_int_equal(count_used(t), 1);
	assert_int_equal(count_used(t), 0);
}

static void
address(struct table *t, uint16_t port, const char *text, uint8_t len, uint8_t scope)
{
	struct tg_fib_addr a = {.len = len, .scope = scope};

	a.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(a.family, text, a.addr), 1);
	assert_int_equal(tg_fib_addr_set(t->fib, port, &a), TG_FIB_CHANGED);
	assert_int_equal(tg_fib_addr_set(t->fib, port, &a), TG_FIB_SAME);
}

/* What we send from to dst, "" for nothing. */
static const char *
source(struct table *t, const char *dst)
{
	static char text[INET6_ADDRSTRLEN];
	uint16_t family = strchr(dst, ':') ? AF_INET6 : AF_INET;
	uint8_t to[16], src[16];

	assert_int_equal(inet_pton(family, dst, to), 1);
	if (!tg_fib_source(t->fib, lookup(t, dst), family, to, src))
		return "";
	return inet_ntop(family, src, text, sizeof(text));
}

static void
test_source_address(void **state)
{
	struct table *t = *state;
	struct tg_fib_route preferred = via("10.1.0.0/16", 0, 0, "192.0.2.1");

	preferred.has_source = true;
	preferred.source[0] = 198;
	add(t, preferred);
	add(t, via("10.2.0.0/16", 0, 0, "192.0.2.1"));
	add(t, via("10.3.0.0/16", 0, 0, "203.0.113.1"));
	add(t, via("10.4.0.0/16", 0, 0, "fe80::1"));
	add(t, via("fd00::/8", 0, 0, "fe80::1"));
	add(t, route("fd01::/16", 0, TG_HOP_TUNNEL, 0));
	assert_string_equal(source(t, "10.2.0.1"), "");
	address(t, 0, "192.0.2.9", 24, 0);
	address(t, 0, "203.0.113.9", 24, 0);
	address(t, 0, "fe80::9", 64, 253);
	address(t, TG_FIB_TUNNEL, "fd01::9", 64, 0);

	assert_string_equal(source(t, "10.1.0.1"), "198.0.0.0");
	assert_string_equal(source(t, "10.2.0.1"), "192.0.2.9");
	assert_string_equal(source(t, "10.3.0.1"), "203.0.113.9");
	assert_string_equal(source(t, "10.4.0.1"), "192.0.2.9");
	assert_string_equal(source(t, "fd01::1"), "fd01::9");
	assert_string_equal(source(t, "fd02::1"), "");
	address(t, 0, "2001:db8::9", 64, 0);
	assert_string_equal(source(t, "fd02::1"), "2001:db8::9");
	assert_true(tg_fib_is_local(t->fib, AF_INET, (const uint8_t[]){192, 0, 2, 9}));
	assert_false(tg_fib_is_local(t->fib, AF_INET, (const uint8_t[]){192, 0, 2, 1}));
}

static void
test_mtu_fits_16_bits(void **state)
{
	struct table *t = *state;

	assert_int_equal(tg_fib_port_mtu(t->fib, 0), 1500);
	tg_fib_set_mtu(t->fib, 0, 9000);
	tg_fib_set_mtu(t->fib, TG_FIB_TUNNEL, 65536);
	assert_int_equal(tg_fib_port_mtu(t->fib, 0), 9000);
	assert_int_equal(tg_fib_tunnel_mtu(t->fib), 65535);
}

#define SCENARIO(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SCENARIO(lowest_metric_wins),
		SCENARIO(local_beats_main),
		SCENARIO(broadcast_is_taken_but_not_ours),
		SCENARIO(longest_prefix_and_all_types),
		SCENARIO(replaced_changes_the_hop),
		SCENARIO(second_route_of_one_metric_is_unsure),
		SCENARIO(first_dumped_of_one_metric_counts),
		SCENARIO(removal_of_another_hop_is_unsure),
		SCENARIO(sweep_leaves_what_was_set_again),
		SCENARIO(neighbour_on_link_comes_moves_and_goes),
		SCENARIO(hop_lives_while_referred_to),
		SCENARIO(routes_share_a_gateway),
		SCENARIO(only_stale_hops_in_use_are_refreshed),
		SCENARIO(source_address),
		SCENARIO(mtu_fits_16_bits),
	};

	if (test_eal_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
