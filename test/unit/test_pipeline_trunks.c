/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ways by trunks: peers 0, 2, 4 and 6 are reached over IPv4, each as its own next hop at first. Two
 * routers on the WAN, 192.0.2.253 and 192.0.2.254, lead to 198.51.100.0/24 and 203.0.113.0/24.
 */
#include "single_step.h"
#include "test_pipeline.h"

static const struct rte_ether_addr router_mac[] = {
	{.addr_bytes = {2, 0, 0, 0, 2, 0}}, {.addr_bytes = {2, 0, 0, 0, 2, 1}}};
static const uint8_t router_addr[][4] = {{192, 0, 2, 253}, {192, 0, 2, 254}};

static void
router_is(struct bed *bed, unsigned int router, const struct rte_ether_addr *mac)
{
	struct tg_fib_neigh n = {
		.port = WAN, .family = AF_INET, .addr = router_addr[router], .mac = mac};
	struct tg_hop *resolved;

	assert_int_equal(tg_fib_neigh_set(bed->p.env.fib, &n, &resolved), 0);
}

/* wan_rate: bytes per s, 0 for no limit. CoDel has no reason to drop. */
static struct bed *
start(uint64_t wan_rate)
{
	struct tg_queue_options options;
	struct bed *bed;

	tg_queue_options_default(&options);
	options.target_ns = options.interval_ns = 10 * S;
	options.shapes[WAN].rate = wan_rate;
	bed = bed_create(&(struct bed_params){.map = &bed_maps[0], .seed = 1, .queue = &options});
	bed_route_by(bed, "198.51.100.0", 24, WAN, router_addr[0]);
	bed_route_by(bed, "203.0.113.0", 24, WAN, router_addr[1]);
	router_is(bed, 0, &router_mac[0]);
	router_is(bed, 1, &router_mac[1]);
	bed_know_all(bed);
	bed_connect_all(bed);
	bed->now += S;
	return bed;
}

static struct wg_endpoint
at(const char *addr, uint16_t port, const char *us)
{
	struct wg_endpoint e = {.family = AF_INET, .port = htons(port), .iface = WAN + 1};

	assert_int_equal(inet_pton(AF_INET, addr, e.addr), 1);
	assert_int_equal(inet_pton(AF_INET, us, e.src), 1);
	return e;
}

static void
move(struct bed *bed, unsigned int peer, const char *addr, uint16_t port)
{
	struct wg_endpoint to = at(addr, port, "192.0.2.1");

	wg_device_roamed(bed->gateway.dev, bed_peer(bed, peer)->id, &to);
}

static uint64_t
way(struct bed *bed, unsigned int peer)
{
	return bed_peer(bed, peer)->way;
}

static const struct tg_trunk *
trunk(struct bed *bed, unsigned int peer)
{
	assert_true(way(bed, peer));
	return &bed->p.env.trunks[tg_way_trunk(way(bed, peer))];
}

/* Through the stages, as far as the ring of the port. */
static void
push(struct bed *bed, unsigned int peer)
{
	bed_lan_send(bed, peer, 3 * peer, 100);
	bed_rx(bed);
	bed_crypto(bed);
	bed_tx(bed);
}

struct sent {
	struct rte_ether_addr mac;
	char from[INET_ADDRSTRLEN], to[INET_ADDRSTRLEN];
	uint16_t from_port, to_port;
};

/* The next message at the WAN; false: none. */
static bool
take(struct bed *bed, struct sent *s)
{
	const struct rte_ipv4_hdr *ip;
	const struct rte_udp_hdr *udp;
	void *m;

	if (rte_ring_sc_dequeue(bed->out[WAN][0], &m))
		return false;
	bed->collected++;
	ip = rte_pktmbuf_mtod_offset((struct rte_mbuf *)m, void *, RTE_ETHER_HDR_LEN);
	udp = (const void *)(ip + 1);
	assert_int_equal(rte_ipv4_cksum(ip), 0);
	assert_int_equal(ip->time_to_live, 64);
	assert_int_equal(udp->dgram_cksum, 0);
	s->mac = rte_pktmbuf_mtod((struct rte_mbuf *)m, struct rte_ether_hdr *)->dst_addr;
	inet_ntop(AF_INET, &ip->src_addr, s->from, sizeof(s->from));
	inet_ntop(AF_INET, &ip->dst_addr, s->to, sizeof(s->to));
	s->from_port = ntohs(udp->src_port);
	s->to_port = ntohs(udp->dst_port);
	rte_pktmbuf_free(m);
	return true;
}

static void
assert_sent(struct bed *bed, const char *to, uint16_t port, const struct rte_ether_addr *mac,
	const char *from, uint16_t from_port)
{
	struct sent s;

	assert_true(take(bed, &s));
	assert_string_equal(s.to, to);
	assert_int_equal(s.to_port, port);
	assert_memory_equal(&s.mac, mac, sizeof(s.mac));
	assert_string_equal(s.from, from);
	assert_int_equal(s.from_port, from_port);
}

static void
test_behind_one_router(void **state)
{
	struct bed *bed = start(0);

	RTE_SET_USED(state);
	move(bed, 0, "198.51.100.1", 1001);
	move(bed, 2, "198.51.100.2", 1002);
	move(bed, 4, "198.51.100.1", 1004); /* behind the same NAT as the first */
	move(bed, 6, "203.0.113.6", 1006);
	assert_ptr_equal(trunk(bed, 0), trunk(bed, 2));
	assert_ptr_equal(trunk(bed, 0), trunk(bed, 4));
	assert_ptr_not_equal(trunk(bed, 0), trunk(bed, 6));
	assert_int_equal(trunk(bed, 0)->ways, 3);
	for (unsigned int peer = 0; peer < 8; peer += 2)
		push(bed, peer);
	assert_sent(bed, "198.51.100.1", 1001, &router_mac[0], "192.0.2.1", BED_WG_PORT);
	assert_sent(bed, "198.51.100.2", 1002, &router_mac[0], "192.0.2.1", BED_WG_PORT);
	assert_sent(bed, "198.51.100.1", 1004, &router_mac[0], "192.0.2.1", BED_WG_PORT);
	assert_sent(bed, "203.0.113.6", 1006, &router_mac[1], "192.0.2.1", BED_WG_PORT);
	bed_destroy(bed);
}

/* The header is whole, whichever bytes: all of the address, and both of the port. */
static void
test_every_bit(void **state)
{
	struct bed *bed = start(0);

	RTE_SET_USED(state);
	bed_route_by(bed, "0.0.0.0", 0, WAN, router_addr[0]);
	move(bed, 0, "223.255.255.255", 65535);
	push(bed, 0);
	assert_sent(bed, "223.255.255.255", 65535, &router_mac[0], "192.0.2.1", BED_WG_PORT);
	move(bed, 0, "1.0.0.0", 1);
	push(bed, 0);
	assert_sent(bed, "1.0.0.0", 1, &router_mac[0], "192.0.2.1", BED_WG_PORT);
	bed_destroy(bed);
}

static void
test_mac_of_router_changes(void **state)
{
	static const struct rte_ether_addr other = {.addr_bytes = {2, 0, 0, 0, 3, 0}};
	struct bed *bed = start(0);
	uint64_t before;

	RTE_SET_USED(state);
	move(bed, 0, "198.51.100.1", 1001);
	before = way(bed, 0);
	router_is(bed, 0, &other);
	push(bed, 0);
	assert_sent(bed, "198.51.100.1", 1001, &other, "192.0.2.1", BED_WG_PORT);
	assert_int_equal(way(bed, 0), before);
	bed_destroy(bed);
}

/* For a moment half of the peers may be on either trunk; then the first is free. */
static void
test_listen_port_changes(void **state)
{
	struct bed *bed = start(0);
	const struct tg_trunk *before;

	RTE_SET_USED(state);
	move(bed, 0, "198.51.100.1", 1001);
	move(bed, 2, "198.51.100.2", 1002);
	before = trunk(bed, 0);
	bed->p.env.listen_port = htons(51821);
	tg_path_update(&bed->p.env, bed->rcu, bed_peer(bed, 0));
	assert_ptr_equal(trunk(bed, 2), before);
	push(bed, 0);
	push(bed, 2);
	assert_sent(bed, "198.51.100.1", 1001, &router_mac[0], "192.0.2.1", 51821);
	assert_sent(bed, "198.51.100.2", 1002, &router_mac[0], "192.0.2.1", BED_WG_PORT);
	tg_paths_follow(&bed->paths);
	assert_ptr_equal(trunk(bed, 2), trunk(bed, 0));
	assert_ptr_not_equal(trunk(bed, 2), before);
	push(bed, 2);
	assert_sent(bed, "198.51.100.2", 1002, &router_mac[0], "192.0.2.1", 51821);
	rcu_barrier(bed->rcu);
	assert_null(before->path.hop);
	bed_destroy(bed);
}

static void
test_source_address(void **state)
{
	struct wg_endpoint second = at("198.51.100.2", 1002, "192.0.2.3");
	struct bed *bed = start(0);

	RTE_SET_USED(state);
	bed_route(bed, "192.0.2.3", 32, TG_HOP_LOCAL, WAN);
	move(bed, 0, "198.51.100.1", 1001);
	move(bed, 2, "198.51.100.2", 1002);
	assert_ptr_equal(trunk(bed, 0), trunk(bed, 2));
	wg_device_roamed(bed->gateway.dev, bed_peer(bed, 2)->id, &second);
	assert_ptr_not_equal(trunk(bed, 0), trunk(bed, 2));
	push(bed, 0);
	push(bed, 2);
	assert_sent(bed, "198.51.100.1", 1001, &router_mac[0], "192.0.2.1", BED_WG_PORT);
	assert_sent(bed, "198.51.100.2", 1002, &router_mac[0], "192.0.2.3", BED_WG_PORT);
	bed_destroy(bed);
}

/* The port has another address of its own: it is in the header, too. */
static void
test_mac_of_ours_changes(void **state)
{
	struct bed *bed = start(0);

	RTE_SET_USED(state);
	move(bed, 0, "198.51.100.1", 1001);
	move(bed, 2, "198.51.100.2", 1002);
	bed->p.env.ports[WAN].mac.addr_bytes[5]++;
	tg_path_update(&bed->p.env, bed->rcu, bed_peer(bed, 0));
	assert_ptr_not_equal(trunk(bed, 0), trunk(bed, 2));
	bed_destroy(bed);
}

/* 20 messages wait at 1000 times 226 bytes a second. What has left goes where the peer was, all
 * others where it is; none to an address of the one by the router of the other. */
static void
test_roams_while_messages_wait(void **state)
{
	unsigned int i, n_old = 0, n_new = 0;
	struct bed *bed = start(1000 * 226);
	struct sent s;

	RTE_SET_USED(state);
	move(bed, 0, "198.51.100.1", 1001);
	for (i = 0; i < 20; i++)
		bed_lan_send(bed, 0, 0, 100);
	bed_rx(bed);
	bed_crypto(bed);
	for (i = 0; i < 300; i++, bed->now += 100 * US) {
		bed_tx(bed);
		if (i == 100)
			move(bed, 0, "203.0.113.2", 2002);
		while (take(bed, &s)) {
			bool is_old = !strcmp(s.to, "198.51.100.1");

			assert_string_equal(s.to, is_old ? "198.51.100.1" : "203.0.113.2");
			assert_int_equal(s.to_port, is_old ? 1001 : 2002);
			assert_memory_equal(&s.mac, &router_mac[!is_old], sizeof(s.mac));
			assert_false(is_old && n_new);
			n_old += is_old;
			n_new += !is_old;
		}
	}
	assert_in_range(n_old, 10, 12);
	assert_int_equal(n_old + n_new, 20);
	bed_destroy(bed);
}

static void
test_over_ipv6_there_is_none(void **state)
{
	struct wg_endpoint six = bed_endpoint_of(1);
	struct bed *bed = start(0);

	RTE_SET_USED(state);
	assert_int_equal(way(bed, 1), 0);
	assert_non_null(tg_path_of(bed_peer(bed, 1)));
	push(bed, 1);
	bed_settle(bed);
	assert_int_equal(bed->flows[3].got, 1);

	move(bed, 1, "198.51.100.1", 1001);
	push(bed, 1);
	assert_sent(bed, "198.51.100.1", 1001, &router_mac[0], "192.0.2.1", BED_WG_PORT);
	wg_device_roamed(bed->gateway.dev, bed_peer(bed, 1)->id, &six);
	assert_int_equal(way(bed, 1), 0);
	push(bed, 1);
	bed_settle(bed);
	assert_int_equal(bed->flows[3].got, 2);
	bed_destroy(bed);
}

/* A change of one peer's endpoint, and what TX and crypto make of it meanwhile. */
struct change {
	struct bed *bed;
	struct wg_peer *peer;
	const struct tg_path *before;
	bool by_path, by_tag; /* is seen to lead by the path after */
};

static void
change_path(void *arg)
{
	struct change *c = arg;

	tg_path_update(&c->bed->p.env, c->bed->rcu, c->peer);
}

static void
look(void *arg)
{
	struct change *c = arg;
	const struct tg_path *path = tg_path_of(c->peer);
	bool later = path != c->before;

	if (!c->peer->way && c->before->endpoint.family == AF_INET) {
		c->by_path = true;
		assert_true(later);
	}
	if (c->peer->path_tag != tg_endpoint_tag_of(&c->before->endpoint)) {
		c->by_tag = true;
		assert_true(later);
	}
}

/* To IPv6, where no trunk leads: who finds no way never finds the path that had one. */
static void
test_no_way_but_the_path_is_there(void **state)
{
	struct bed *bed = start(0);
	struct change c = {.bed = bed, .peer = bed_peer(bed, 0)};

	RTE_SET_USED(state);
	c.before = tg_path_of(c.peer);
	c.peer->endpoint = bed_endpoint_of(1);
	assert_true(single_step_run(change_path, look, &c, SINGLE_STEP_EACH) > 100);
	assert_true(c.by_path && c.by_tag);
	assert_int_equal(way(bed, 0), 0);
	bed_destroy(bed);
}

static void
test_no_way_without_path(void **state)
{
	struct bed *bed = start(0);
	const struct tg_trunk *before = trunk(bed, 0);

	RTE_SET_USED(state);
	tg_path_withdraw(&bed->p.env, bed->rcu, bed_peer(bed, 0));
	assert_int_equal(way(bed, 0), 0);
	push(bed, 0);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_NO_ENDPOINT), 1);
	rcu_barrier(bed->rcu);
	assert_null(before->path.hop);
	bed_destroy(bed);
}

/* Ways of others, each over a hop of its own. */
struct taken {
	unsigned int n;
	struct tg_path *paths[TG_TRUNKS + 1];
	uint64_t ways[TG_TRUNKS + 1];
};

static bool
take_one(struct bed *bed, struct taken *t)
{
	char addr[INET_ADDRSTRLEN];
	struct wg_endpoint to;

	snprintf(addr, sizeof(addr), "192.0.2.%u", 100 + t->n);
	to = at(addr, 1000, "192.0.2.1");
	t->paths[t->n] = tg_path_create(&bed->p.env, &to);
	assert_non_null(t->paths[t->n]);
	t->ways[t->n] = tg_way_take(bed->p.env.trunks, t->paths[t->n]);
	if (t->ways[t->n])
		return ++t->n;
	tg_path_destroy(t->paths[t->n]);
	return false;
}

static void
take_all(struct bed *bed, struct taken *t)
{
	t->n = 0;
	while (take_one(bed, t))
		;
}

static void
give_all(struct bed *bed, struct taken *t)
{
	unsigned int i;

	for (i = 0; i < t->n; i++)
		tg_way_give(bed->p.env.trunks, bed->rcu, t->ways[i]);
	rcu_barrier(bed->rcu);
	for (i = 0; i < t->n; i++)
		tg_path_destroy(t->paths[i]);
}

/* Peers 0, 2, 4 and 6 have one each. Who finds none goes by its path; who shares one that is there
 * does not mind. */
static void
test_all_taken(void **state)
{
	struct bed *bed = start(0);
	struct taken taken;

	RTE_SET_USED(state);
	take_all(bed, &taken);
	assert_int_equal(taken.n, TG_TRUNKS - 4);
	move(bed, 0, "198.51.100.1", 1001);
	move(bed, 2, "192.0.2.12", 1002);
	assert_int_equal(way(bed, 0), 0);
	assert_int_not_equal(way(bed, 2), 0);
	push(bed, 0);
	push(bed, 2);
	assert_sent(bed, "198.51.100.1", 1001, &router_mac[0], "192.0.2.1", BED_WG_PORT);
	assert_sent(bed, "192.0.2.12", 1002, &bed_neighbour_mac, "192.0.2.1", BED_WG_PORT);
	give_all(bed, &taken);
	tg_paths_follow(&bed->paths);
	assert_int_not_equal(way(bed, 0), 0);
	bed_destroy(bed);
}

/* A reader that may have found the last way by a trunk sees it as it was until it has moved on. */
static void
test_grace_period(void **state)
{
	const unsigned int reader = RTE_MAX_LCORE - 1;
	struct bed *bed = start(0);
	struct rte_rcu_qsbr *qsbr = rcu_qsbr(bed->rcu);
	struct tg_trunk before;
	const struct tg_trunk *t;
	struct taken taken;

	RTE_SET_USED(state);
	rte_rcu_qsbr_thread_register(qsbr, reader);
	rte_rcu_qsbr_thread_online(qsbr, reader);
	t = trunk(bed, 0);
	before = *t;
	move(bed, 0, "198.51.100.1", 1001);
	rcu_reclaim(bed->rcu);
	take_all(bed, &taken);
	assert_int_equal(taken.n, TG_TRUNKS - 5);
	move(bed, 0, "192.0.2.10", BED_WG_PORT); /* where it was: not by that trunk again */
	assert_int_equal(way(bed, 0), 0);
	rcu_reclaim(bed->rcu);
	assert_ptr_equal(t->path.hop, before.path.hop);
	assert_memory_equal(&t->path.outer, &before.path.outer, sizeof(before.path.outer));

	rte_rcu_qsbr_quiescent(qsbr, reader);
	rcu_reclaim(bed->rcu);
	assert_null(t->path.hop);
	assert_true(take_one(bed, &taken));
	rte_rcu_qsbr_thread_offline(qsbr, reader);
	rte_rcu_qsbr_thread_unregister(qsbr, reader);
	give_all(bed, &taken);
	bed_destroy(bed);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_behind_one_router),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_mac_of_router_changes),
		cmocka_unit_test(test_listen_port_changes),
		cmocka_unit_test(test_source_address),
		cmocka_unit_test(test_mac_of_ours_changes),
		cmocka_unit_test(test_roams_while_messages_wait),
		cmocka_unit_test(test_over_ipv6_there_is_none),
		cmocka_unit_test(test_no_way_but_the_path_is_there),
		cmocka_unit_test(test_no_way_without_path),
		cmocka_unit_test(test_all_taken),
		cmocka_unit_test(test_grace_period),
	};

	if (bed_init())
		return 1;
	return cmocka_run_group_tests_name("ways by trunks", tests, NULL, NULL);
}
