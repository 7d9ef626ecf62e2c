/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rules of forwarding: who is told what about a packet that ends here, what is cut, and what
 * MSS clamping does to TCP. The gateway is 10.1.0.1 and fd01::1 on the LAN, 10.9.0.1 and fd09::1 in
 * the tunnel.
 */
#include "pipeline_faults.h"

static void
address(struct bed *bed, uint16_t port, const char *text, uint8_t len)
{
	struct tg_fib_addr a = {
		.family = strchr(text, ':') ? AF_INET6 : AF_INET, .len = len, .scope = 0};

	assert_int_equal(inet_pton(a.family, text, a.addr), 1);
	assert_true(tg_fib_addr_set(bed->p.env.fib, port, &a) >= 0);
}

static void
address_all(struct bed *bed)
{
	address(bed, LAN, "10.1.0.1", 24);
	address(bed, LAN, "fd01::1", 64);
	address(bed, TG_FIB_TUNNEL, "10.9.0.1", 24);
	address(bed, TG_FIB_TUNNEL, "fd09::1", 64);
}

static struct bed *
gateway(const struct bed_params *params)
{
	struct bed *bed = make(*params);

	address_all(bed);
	bed_route(bed, "10.67.0.0", 16, TG_HOP_UNREACHABLE, 0);
	bed_route(bed, "fd67::", 16, TG_HOP_UNREACHABLE, 0);
	bed_route(bed, "10.68.0.0", 16, TG_HOP_BLACKHOLE, 0);
	bed_route(bed, "10.2.69.0", 24, TG_HOP_THROW, 0);
	bed_route(bed, "fd02:0:0:69::", 64, TG_HOP_THROW, 0);
	bed_know(bed, 1);
	bed_connect(bed, 1);
	return bed;
}

/* UDP from a place to an address, as a whole of len bytes. */
struct sent {
	unsigned int from;
	const char *to;
	uint16_t len;
	uint8_t ttl;
	bool df;
};

static uint16_t
build(uint8_t *p, const struct sent *s)
{
	static const uint8_t payload[BED_MTU] = "what was sent";
	uint16_t family = strchr(s->to, ':') ? AF_INET6 : AF_INET;
	uint8_t src[16], dst[16];

	bed_host(s->from, family, src);
	assert_int_equal(inet_pton(family, s->to, dst), 1);
	if (family == AF_INET6) {
		bed_udp6(p, src, dst, 1000, 9, payload, s->len - 48);
		p[7] = s->ttl;
		return s->len;
	}
	bed_udp4(p, src, dst, 1000, 9, payload, s->len - 28);
	p[6] = s->df ? RTE_IPV4_HDR_DF_FLAG >> 8 : 0;
	p[8] = s->ttl;
	fix_checksum(p);
	return s->len;
}

static void
inject(struct bed *bed, unsigned int from, const uint8_t *p, uint16_t len)
{
	if (from == BED_LAN)
		bed_feed(bed, LAN, bed_frame(bed, LAN, p, len));
	else
		bed_remote_send(bed, from, p, len);
}

static void
send_packet(struct bed *bed, const struct sent *s)
{
	uint8_t p[2048];

	inject(bed, s->from, p, build(p, s));
}

/*
 * One packet and the error that comes back.
 */
struct told {
	const char *name;
	struct sent sent;
	uint8_t type, code;
	uint16_t mtu;
	enum tg_drop why;
	uint16_t lan_mtu; /* 0: 1500 */
	uint16_t wan_mtu;
};

#define P0 0
#define BIG(n) (n), 64, true

/*
 * Peer 0 is reached over IPv4: a port's MTU less 60. Peer 1 over IPv6: less 80.
 */
static const struct told told[] = {
	{"TTL, to a peer", {BED_LAN, "10.2.0.2", 100, 1, false}, 11, 0, 0, TG_DROP_TTL, 0, 0},
	{"TTL 0", {BED_LAN, "10.2.0.2", 100, 0, false}, 11, 0, 0, TG_DROP_TTL, 0, 0},
	{"hop limit, to a peer", {BED_LAN, "fd02::2", 100, 1, false}, 3, 0, 0, TG_DROP_TTL, 0, 0},
	{"TTL, from a peer", {P0, "10.1.0.2", 100, 1, false}, 11, 0, 0, TG_DROP_TTL, 0, 0},
	{"hop limit, from a peer", {P0, "fd01::2", 100, 1, false}, 3, 0, 0, TG_DROP_TTL, 0, 0},
	{"TTL, between peers", {P0, "10.2.1.2", 100, 1, false}, 11, 0, 0, TG_DROP_TTL, 0, 0},
	{"TTL, before an unknown neighbour", {P0, "10.1.0.77", 100, 1, false}, 11, 0, 0,
		TG_DROP_TTL, 0, 0},
	{"TTL before length", {BED_LAN, "10.2.0.2", 1421, 1, true}, 11, 0, 0, TG_DROP_TTL, 0, 0},
	{"tunnel MTU", {BED_LAN, "10.2.0.2", BIG(1421)}, 3, 4, 1420, TG_DROP_TOO_BIG, 0, 0},
	{"tunnel MTU, IPv6", {BED_LAN, "fd02::2", BIG(1421)}, 2, 0, 1420, TG_DROP_TOO_BIG, 0, 0},
	{"tunnel MTU, between peers", {P0, "10.2.1.2", BIG(1430)}, 3, 4, 1420, TG_DROP_TOO_BIG, 0,
		0},
	{"port MTU", {P0, "10.1.0.2", BIG(1001)}, 3, 4, 1000, TG_DROP_TOO_BIG, 1000, 0},
	{"port MTU, IPv6", {P0, "fd01::2", BIG(1301)}, 2, 0, 1300, TG_DROP_TOO_BIG, 1300, 0},
	{"way to a peer over IPv4", {BED_LAN, "10.2.0.2", BIG(1341)}, 3, 4, 1340, TG_DROP_TOO_BIG,
		0, 1400},
	{"way to a peer over IPv6", {BED_LAN, "10.2.1.2", BIG(1321)}, 3, 4, 1320, TG_DROP_TOO_BIG,
		0, 1400},
	{"no route", {BED_LAN, "10.99.0.2", 100, 64, false}, 3, 0, 0, TG_DROP_NO_ROUTE, 0, 0},
	{"no route, IPv6", {BED_LAN, "fd99::2", 100, 64, false}, 1, 0, 0, TG_DROP_NO_ROUTE, 0, 0},
	{"no route, from a peer", {P0, "10.99.0.2", 100, 64, false}, 3, 0, 0, TG_DROP_NO_ROUTE, 0,
		0},
	{"no peer", {BED_LAN, "10.2.200.2", 100, 64, false}, 3, 1, 0, TG_DROP_NO_PEER, 0, 0},
	{"no peer, IPv6", {BED_LAN, "fd02:0:0:99::2", 100, 64, false}, 1, 3, 0, TG_DROP_NO_PEER, 0,
		0},
	{"no peer, from a peer", {P0, "10.2.200.2", 100, 64, false}, 3, 1, 0, TG_DROP_NO_PEER, 0,
		0},
	{"prohibit route", {BED_LAN, "10.66.0.2", 100, 64, false}, 3, 13, 0, TG_DROP_PROHIBITED, 0,
		0},
	{"unreachable route", {P0, "10.67.0.2", 100, 64, false}, 3, 1, 0, TG_DROP_PROHIBITED, 0, 0},
	{"unreachable route, IPv6", {P0, "fd67::2", 100, 64, false}, 1, 0, 0, TG_DROP_PROHIBITED, 0,
		0},
	{"throw route", {BED_LAN, "10.2.69.2", 100, 64, false}, 3, 0, 0, TG_DROP_NO_ROUTE, 0, 0},
	{"throw route, IPv6", {P0, "fd02:0:0:69::2", 100, 64, false}, 1, 0, 0, TG_DROP_NO_ROUTE, 0,
		0},
	{"576 bytes in all", {BED_LAN, "10.99.0.2", 1400, 64, false}, 3, 0, 0, TG_DROP_NO_ROUTE, 0,
		0},
	{"1280 bytes in all", {BED_LAN, "fd99::2", 1400, 64, false}, 1, 0, 0, TG_DROP_NO_ROUTE, 0,
		0},
};

static void
set_mtus(struct bed *bed, const struct told *t)
{
	if (t->lan_mtu)
		tg_fib_set_mtu(bed->p.env.fib, LAN, t->lan_mtu);
	if (!t->wan_mtu)
		return;
	tg_fib_set_mtu(bed->p.env.fib, WAN, t->wan_mtu);
	tg_path_update(&bed->p.env, bed->rcu, bed_peer(bed, 0));
	tg_path_update(&bed->p.env, bed->rcu, bed_peer(bed, 1));
}

/* From the address on the side that the packet came from, to its source, about all that fits. */
static void
check_error(const struct bed_seen *seen, const struct told *t)
{
	bool v4 = !strchr(t->sent.to, ':');
	const char *us = t->sent.from == BED_LAN ? (v4 ? "10.1.0.1" : "fd01::1")
						 : (v4 ? "10.9.0.1" : "fd09::1");
	unsigned int at = v4 ? 20 : 40, quoted = RTE_MIN(t->sent.len, v4 ? 548 : 1232);
	uint8_t expected[2048], src[16];

	assert_int_equal(seen->where, t->sent.from);
	assert_int_equal(inet_pton(v4 ? AF_INET : AF_INET6, us, src), 1);
	assert_memory_equal(seen->p + (v4 ? 12 : 8), src, v4 ? 4 : 16);
	assert_int_equal(seen->p[v4 ? 9 : 6], v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	assert_int_equal(seen->p[v4 ? 8 : 7], 64);
	assert_int_equal(seen->p[at], t->type);
	assert_int_equal(seen->p[at + 1], t->code);
	assert_int_equal(seen->p[at + 6] << 8 | seen->p[at + 7], t->mtu);
	assert_int_equal(seen->len, at + 8 + quoted);
	build(expected, &t->sent);
	assert_memory_equal(seen->p + at + 8, expected, quoted);
}

static void
test_source_is_told(void **state)
{
	const struct told *t = *state;
	struct bed *bed = gateway(&(struct bed_params){0});
	uint64_t before = count(bed, t->why);

	set_mtus(bed, t);
	send_packet(bed, &t->sent);
	bed_settle(bed);
	assert_int_equal(count(bed, t->why) - before, 1);
	assert_int_equal(bed->control.icmp_sent, 1);
	assert_int_equal(bed->n_seen, 1);
	check_error(&bed->seen[0], t);
	bed_finish(bed);
}

/* One byte less than above passes. */
static void
test_what_fits_passes(void **state)
{
	struct bed *bed = gateway(&(struct bed_params){0});

	(void)state;
	bed_lan_send(bed, 0, 0, 1420 - 28);
	bed_lan_send(bed, 0, 2, 1420 - 48);
	bed_site_send(bed, 0, BED_LAN, 1, 1500 - 28);
	bed_settle(bed);
	bed_assert_all_arrived(bed);
	assert_int_equal(bed->n_seen, 0);
	bed_finish(bed);
}

/* The outer packet has the port's 1400 bytes exactly: 1340 + 60, padded no further. */
static void
test_padding_ends_at_the_way_to_the_peer(void **state)
{
	static const struct told narrow = {.wan_mtu = 1400};
	struct bed *bed = gateway(&(struct bed_params){0});

	(void)state;
	set_mtus(bed, &narrow);
	bed_lan_send(bed, 0, 0, 1340 - 28);
	bed_lan_send(bed, 1, 3, 1320 - 28);
	bed_settle(bed);
	bed_assert_all_arrived(bed);
	bed_finish(bed);
}

/* Sealed for a way of 1500, and the port's MTU is 1400 when it leaves. */
static void
test_outer_packet_too_big_is_counted(void **state)
{
	struct bed *bed = gateway(&(struct bed_params){0});

	(void)state;
	bed_lan_send(bed, 0, 0, 1420 - 28);
	bed_rx(bed);
	bed_crypto(bed);
	tg_fib_set_mtu(bed->p.env.fib, WAN, 1400);
	bed_settle(bed);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_TOO_BIG), 1);
	bed_finish(bed);
}

/*
 * Nobody is told.
 */
static void
silent(struct bed *bed, enum tg_drop why)
{
	uint64_t before = count(bed, why);

	bed_settle(bed);
	assert_int_equal(count(bed, why), before + 1);
	assert_int_equal(bed->n_local[TG_OP_REFUSED], 0);
	assert_int_equal(bed->n_seen, 0);
	bed_finish(bed);
}

static void
test_blackhole_is_silent(void **state)
{
	struct bed *bed = gateway(&(struct bed_params){0});

	(void)state;
	send_packet(bed, &(struct sent){BED_LAN, "10.68.0.2", 100, 64, false});
	silent(bed, TG_DROP_PROHIBITED);
}

static void
test_no_error_about_an_error(void **state)
{
	struct bed *bed = gateway(&(struct bed_params){0});
	uint8_t p[2048];
	uint16_t len = build(p, &(struct sent){BED_LAN, "10.2.0.2", 100, 1, false});

	(void)state;
	p[9] = IPPROTO_ICMP;
	p[20] = 3;
	fix_checksum(p);
	inject(bed, BED_LAN, p, len);
	silent(bed, TG_DROP_TTL);
}

static void
test_no_error_about_a_later_fragment(void **state)
{
	struct bed *bed = gateway(&(struct bed_params){0});
	uint8_t p[2048];
	uint16_t len = build(p, &(struct sent){BED_LAN, "10.2.0.2", 100, 1, false});

	(void)state;
	p[7] = 10;
	fix_checksum(p);
	inject(bed, BED_LAN, p, len);
	silent(bed, TG_DROP_TTL);
}

/* A source that is our own address, or that no route leads back to. */
static void
told_to_nobody(const char *source)
{
	struct bed *bed = gateway(&(struct bed_params){0});
	uint8_t p[2048];
	uint16_t len = build(p, &(struct sent){BED_LAN, "10.2.0.2", 100, 1, false});

	assert_int_equal(inet_pton(AF_INET, source, p + 12), 1);
	fix_checksum(p);
	inject(bed, BED_LAN, p, len);
	bed_settle(bed);
	assert_int_equal(bed->n_local[TG_OP_REFUSED], 1);
	assert_int_equal(bed->control.drops[TG_DROP_NO_ROUTE], 1);
	assert_int_equal(bed->control.icmp_sent, 0);
	assert_int_equal(bed->n_seen, 0);
	bed_finish(bed);
}

static void
test_no_error_to_bad_sources(void **state)
{
	(void)state;
	told_to_nobody("10.1.0.1");
	told_to_nobody("10.99.0.1");
	told_to_nobody("10.68.0.1");
	told_to_nobody("10.77.0.1");
}

/*
 * The limit: 50 at once, then one each ms.
 */
static void
test_limit(void **state)
{
	static const struct sent s = {BED_LAN, "10.99.0.2", 100, 64, false};
	struct bed *bed = gateway(&(struct bed_params){0});
	const struct tg_counters *c = &bed->p.rx[0]->counters;
	unsigned int i;

	(void)state;
	for (i = 0; i < 60; i++)
		send_packet(bed, &s);
	bed_rx(bed);
	bed_rx(bed);
	assert_int_equal(c->icmp, 50);
	assert_int_equal(c->icmp_limited, 10);
	assert_int_equal(c->drops[TG_DROP_NO_ROUTE], 60);
	bed_settle(bed);
	assert_int_equal(bed->n_seen, 50);
	bed->now += 10 * MS;
	for (i = 0; i < 20; i++)
		send_packet(bed, &s);
	bed_rx(bed);
	assert_int_equal(c->icmp, 60);
	bed->now += 10 * S;
	for (i = 0; i < 60; i++)
		send_packet(bed, &s);
	bed_rx(bed);
	bed_rx(bed);
	assert_int_equal(c->icmp, 110);
	bed_settle(bed);
	bed_finish(bed);
}

/*
 * A peer that cannot be reached: nobody knows where it is, or what waited for it is given up.
 */
static void
test_no_endpoint(void **state)
{
	struct bed *bed = bed_create(&(struct bed_params){.map = &bed_maps[2]});

	(void)state;
	address_all(bed);
	bed_introduce(&bed->gateway, &bed->peers[0], NULL);
	send_packet(bed, &(struct sent){BED_LAN, "10.2.0.2", 100, 64, false});
	send_packet(bed, &(struct sent){BED_LAN, "fd02::2", 100, 64, false});
	bed_settle(bed);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_NO_ENDPOINT), 2);
	assert_int_equal(bed->n_seen, 2);
	assert_memory_equal(bed->seen[0].p + 20, ((const uint8_t[]){3, 1}), 2);
	assert_memory_equal(bed->seen[1].p + 40, ((const uint8_t[]){1, 3}), 2);
	assert_int_equal(bed->n_events[TG_EVENT_SESSION_WANTED], 0);
	bed_finish(bed);
}

/* With an endpoint, and no path yet, which only peers with a session have: it waits, and arrives.
 */
static void
test_no_path_yet(void **state)
{
	struct bed *bed = bed_create(&(struct bed_params){.map = &bed_maps[2]});

	(void)state;
	address_all(bed);
	bed_know(bed, 0);
	assert_null(tg_path_of(bed_peer(bed, 0)));
	bed_lan_send(bed, 0, 0, 100);
	bed_settle(bed);
	assert_non_null(tg_path_of(bed_peer(bed, 0)));
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_NO_ENDPOINT), 0);
	assert_int_equal(bed->flows[0].got, 1);
	bed_finish(bed);
}

/* How wide the way was is forgotten with it: 1280 less 60 until the device goes down and up. */
static void
test_mtu_goes_with_the_path(void **state)
{
	struct bed *bed = bed_create(&(struct bed_params){.map = &bed_maps[2]});

	(void)state;
	address_all(bed);
	tg_fib_set_mtu(bed->p.env.fib, WAN, 1280);
	bed_know(bed, 0);
	bed_connect(bed, 0);
	assert_int_equal(bed_peer(bed, 0)->mtu, 1280 - 60);
	wg_device_set_up(bed->gateway.dev, false, bed->now);
	bed_settle(bed);
	tg_fib_set_mtu(bed->p.env.fib, WAN, 1500);
	tg_paths_follow(&bed->paths);
	wg_device_set_up(bed->gateway.dev, true, bed->now);
	bed_lan_send(bed, 0, 0, 1400 - 28);
	bed_settle(bed);
	assert_int_equal(bed_drops(bed, TG_STAGE_RX, TG_DROP_FRAGMENTED), 0);
	assert_int_equal(bed->flows[0].got, 1);
	bed_finish(bed);
}

/* What waited for a session is answered when the handshake is given up. */
static void
test_given_up(void **state)
{
	struct bed *bed = bed_create(&(struct bed_params){.map = &bed_maps[2]});

	(void)state;
	address_all(bed);
	bed_know(bed, 0);
	bed->net_held = true;
	send_packet(bed, &(struct sent){BED_LAN, "10.2.0.2", 100, 64, false});
	send_packet(bed, &(struct sent){BED_LAN, "10.2.0.2", 100, 64, false});
	bed_settle(bed);
	assert_int_equal(bed->n_seen, 0);
	bed_command(bed, TG_COMMAND_PURGE, bed_peer(bed, 0));
	bed_settle(bed);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_PURGE), 2);
	assert_int_equal(bed->n_seen, 2);
	assert_memory_equal(bed->seen[1].p + 20, ((const uint8_t[]){3, 1}), 2);
	bed_finish(bed);
}

/*
 * Fragments: of at most mtu bytes, in order, the payload in eights but for the last.
 */
static void
check_fragment(
	const struct bed_seen *f, uint16_t len, uint16_t offset, bool more, const struct sent *s)
{
	uint8_t whole[2048];

	build(whole, s);
	assert_int_equal(f->len, len);
	assert_int_equal((f->p[6] & 0x1f) << 8 | f->p[7], offset / 8);
	assert_int_equal((f->p[6] & 0x20) != 0, more);
	assert_memory_equal(f->p + 20, whole + 20 + offset, len - 20);
}

/* 1500 bytes into a tunnel of 1420: 20 + 1400 and 20 + 80. Ten of them, and the order holds. */
static void
test_cut_into_the_tunnel(void **state)
{
	static const struct sent s = {BED_LAN, "10.2.0.2", 1500, 64, false};
	struct bed *bed = bed_create(&(struct bed_params){.map = &bed_maps[3]});
	unsigned int i;

	(void)state;
	bed_know(bed, 0);
	bed_connect(bed, 0);
	for (i = 0; i < 10; i++)
		send_packet(bed, &s);
	bed_settle(bed);
	assert_int_equal(bed->n_seen, 20);
	for (i = 0; i < 20; i += 2) {
		check_fragment(&bed->seen[i], 1420, 0, true, &s);
		check_fragment(&bed->seen[i + 1], 100, 1400, false, &s);
	}
	assert_int_equal(bed_drops(bed, TG_STAGE_RX, TG_DROP_FRAGMENTED), 10);
	assert_int_equal(bed->p.rx[0]->counters.fragments, 20);
	bed_finish(bed);
}

/*
 * Sent when nobody knew the way to the peer, 1400 less 60 bytes wide: who may be cut is cut, into
 * 20 + 1320 and 20 + 60, and waits no longer than the rest; the others' source is told,
 * with the TTL that they had left.
 */
static void
test_first_packets_meet_a_narrow_way(void **state)
{
	static const struct sent may = {BED_LAN, "10.2.0.2", 1400, 64, false};
	static const struct told must_not[] = {
		{.sent = {BED_LAN, "10.2.0.2", 1400, 63, true}, .type = 3, .code = 4, .mtu = 1340},
		{.sent = {BED_LAN, "fd02::2", 1400, 63, true}, .type = 2, .mtu = 1340}};
	struct bed *bed = bed_create(&(struct bed_params){.map = &bed_maps[3]});

	(void)state;
	address_all(bed);
	tg_fib_set_mtu(bed->p.env.fib, WAN, 1400);
	bed_know(bed, 0);
	bed->net_held = true;
	send_packet(bed, &may);
	send_packet(bed, &(struct sent){BED_LAN, "10.2.0.2", BIG(1400)});
	send_packet(bed, &(struct sent){BED_LAN, "fd02::2", BIG(1400)});
	bed_lan_send(bed, 0, 0, 1340 - 28);
	bed_settle(bed);
	assert_int_equal(bed->n_seen, 0);
	bed->net_held = false;
	bed_settle(bed);
	bed_assert_all_arrived(bed);
	bed_assert_nothing_held(bed);
	assert_int_equal(bed->n_seen, 4);
	check_error(&bed->seen[0], &must_not[0]);
	check_error(&bed->seen[1], &must_not[1]);
	check_fragment(&bed->seen[2], 1340, 0, true, &may);
	check_fragment(&bed->seen[3], 80, 1320, false, &may);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_TOO_BIG), 2);
	bed_finish(bed);
}

/* 1400 bytes out of a port of 576: 20 + 552, 20 + 552 and 20 + 276. */
static void
test_cut_out_of_the_tunnel(void **state)
{
	static const struct sent s = {P0, "10.1.0.2", 1400, 64, false};
	struct bed *bed = gateway(&(struct bed_params){0});

	(void)state;
	tg_fib_set_mtu(bed->p.env.fib, LAN, 576);
	send_packet(bed, &s);
	bed_settle(bed);
	assert_int_equal(bed->n_seen, 3);
	check_fragment(&bed->seen[0], 572, 0, true, &s);
	check_fragment(&bed->seen[1], 572, 552, true, &s);
	check_fragment(&bed->seen[2], 296, 1104, false, &s);
	bed_finish(bed);
}

/* A middle fragment at 800 is cut: its parts stand at 800 and 2200, and more follows both. */
static void
test_fragments_are_cut(void **state)
{
	struct bed *bed = gateway(&(struct bed_params){0});
	uint8_t p[2048];
	uint16_t len = build(p, &(struct sent){BED_LAN, "10.2.0.2", 1500, 64, false});
	unsigned int i;

	(void)state;
	p[6] = 0x20;
	p[7] = 100;
	fix_checksum(p);
	inject(bed, BED_LAN, p, len);
	bed_settle(bed);
	assert_int_equal(bed->n_seen, 2);
	for (i = 0; i < 2; i++)
		assert_int_equal(bed->seen[i].p[6] & 0x20, 0x20);
	assert_int_equal(bed->seen[0].p[7], 100);
	assert_int_equal((bed->seen[1].p[6] & 0x1f) << 8 | bed->seen[1].p[7], 275);
	bed_finish(bed);
}

static void
test_no_buffer_for_fragments(void **state)
{
	struct bed *bed = gateway(&(struct bed_params){0});
	struct rte_mbuf *all[BED_MBUFS];
	unsigned int n = 0;

	(void)state;
	send_packet(bed, &(struct sent){BED_LAN, "10.2.0.2", 1500, 64, false});
	while ((all[n] = rte_pktmbuf_alloc(bed->p.env.pool)))
		n++;
	bed_rx(bed);
	rte_pktmbuf_free_bulk(all, n);
	assert_int_equal(bed_drops(bed, TG_STAGE_RX, TG_DROP_NO_BUFFER), 1);
	bed_settle(bed);
	assert_int_equal(bed->n_seen, 0);
	bed_finish(bed);
}

/*
 * TCP with an MSS of 1460.
 */
static uint16_t
syn(uint8_t *p, unsigned int from, const char *to)
{
	uint16_t len = build(p, &(struct sent){from, to, 44, 64, true});

	memset(p + 20, 0, 20);
	p[9] = IPPROTO_TCP;
	memcpy(p + 32, (const uint8_t[]){6 << 4, 2}, 2);
	memcpy(p + 40, (const uint8_t[]){2, 4, 0x05, 0xb4}, 4);
	fix_checksum(p);
	return len;
}

static uint16_t
mss_after(bool clamp, unsigned int from, const char *to, uint16_t lan_mtu)
{
	struct bed *bed = gateway(&(struct bed_params){0});
	uint8_t p[2048];
	uint16_t mss;

	bed->p.env.mss_clamp = clamp;
	tg_fib_set_mtu(bed->p.env.fib, LAN, lan_mtu);
	inject(bed, from, p, syn(p, from, to));
	bed_settle(bed);
	assert_int_equal(bed->n_seen, 1);
	mss = (uint16_t)(bed->seen[0].p[42] << 8 | bed->seen[0].p[43]);
	bed_finish(bed);
	return mss;
}

static void
test_mss(void **state)
{
	(void)state;
	assert_int_equal(mss_after(false, BED_LAN, "10.2.0.2", 1500), 1460);
	assert_int_equal(mss_after(true, BED_LAN, "10.2.0.2", 1500), 1380);
	assert_int_equal(mss_after(true, 0, "10.1.0.2", 1500), 1380);
	assert_int_equal(mss_after(true, 0, "10.1.0.2", 1000), 960);
	assert_int_equal(mss_after(true, 0, "10.2.1.2", 1500), 1380);
	/* In the clear from port to port no tunnel is on the way. */
	assert_int_equal(mss_after(true, BED_LAN, "10.1.0.2", 1500), 1460);
}

/* The SYN waited for the session; the way to the peer turns out to be 1400 less 60 bytes wide. */
static void
test_mss_of_what_waited(void **state)
{
	struct bed *bed = bed_create(&(struct bed_params){.map = &bed_maps[3]});
	uint8_t p[2048];

	(void)state;
	bed->p.env.mss_clamp = true;
	tg_fib_set_mtu(bed->p.env.fib, WAN, 1400);
	bed_know(bed, 0);
	inject(bed, BED_LAN, p, syn(p, BED_LAN, "10.2.0.2"));
	bed_settle(bed);
	assert_int_equal(bed->seen[0].p[42] << 8 | bed->seen[0].p[43], 1340 - 40);
	bed_finish(bed);
}

#define TESTS(X)                                                                                   \
	X(test_what_fits_passes)                                                                   \
	X(test_padding_ends_at_the_way_to_the_peer)                                                \
	X(test_outer_packet_too_big_is_counted)                                                    \
	X(test_blackhole_is_silent)                                                                \
	X(test_no_error_about_an_error)                                                            \
	X(test_no_error_about_a_later_fragment)                                                    \
	X(test_no_error_to_bad_sources)                                                            \
	X(test_limit)                                                                              \
	X(test_no_path_yet)                                                                        \
	X(test_mtu_goes_with_the_path)                                                             \
	X(test_first_packets_meet_a_narrow_way)                                                    \
	X(test_no_endpoint)                                                                        \
	X(test_given_up)                                                                           \
	X(test_cut_into_the_tunnel)                                                                \
	X(test_cut_out_of_the_tunnel)                                                              \
	X(test_fragments_are_cut)                                                                  \
	X(test_no_buffer_for_fragments)                                                            \
	X(test_mss)                                                                                \
	X(test_mss_of_what_waited)

int
main(void)
{
	static const struct CMUnitTest others[] = {
#define X(test) cmocka_unit_test(test),
		TESTS(X)
#undef X
	};
	struct CMUnitTest tests[RTE_DIM(told) + RTE_DIM(others)];
	unsigned int i;

	if (bed_init())
		return 1;
	for (i = 0; i < RTE_DIM(told); i++)
		tests[i] = (struct CMUnitTest){.name = told[i].name,
			.test_func = test_source_is_told,
			.initial_state = (void *)(uintptr_t)&told[i]};
	memcpy(&tests[i], others, sizeof(others));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
