/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Peers that move while sealed messages for them wait in a port's queue: those follow. A message
 * has 160 bytes; with headers over IPv4, and what the wire takes besides, 226 (see
 * test_pipeline_queue.c).
 */
#include "pipeline_faults.h"

#define WIRE4 226u

/* CoDel has no reason to drop. Rates in bytes per s. */
static struct bed *
start(uint64_t lan_rate, uint64_t wan_rate)
{
	struct tg_queue_options options;
	struct bed *bed;

	tg_queue_options_default(&options);
	options.target_ns = options.interval_ns = 10 * S;
	options.shapes[LAN].rate = lan_rate;
	options.shapes[WAN].rate = wan_rate;
	bed = bed_create(&(struct bed_params){.map = &bed_maps[2], .seed = 1, .queue = &options});
	bed_know_all(bed);
	bed_connect_all(bed);
	bed->now += S;
	return bed;
}

static void
send_20(struct bed *bed, unsigned int peer, uint32_t flow)
{
	unsigned int i;

	for (i = 0; i < 20; i++)
		bed_lan_send(bed, peer, flow, 100);
	bed_poll(bed);
}

static const struct fq *
queue(const struct bed *bed, unsigned int port)
{
	return bed->p.tx[0]->wires[port].queue;
}

/* To 192.0.2.N or 2001:db8::N on the WAN, 10.1.0.N on the LAN. */
static void
move(struct bed *bed, unsigned int peer, uint16_t port, uint8_t n, uint16_t family)
{
	struct wg_endpoint to = bed_endpoint(n, family), us = bed_endpoint(1, family);

	if (port == LAN) {
		memcpy(to.addr, (const uint8_t[]){10, 1, 0, n}, 4);
		memcpy(us.addr, (const uint8_t[]){10, 1, 0, 1}, 4);
	}
	bed->peers[peer].address = to;
	memcpy(to.src, us.addr, sizeof(to.src));
	to.iface = port + 1;
	bed_neighbour(bed, port, family, to.addr, true);
	wg_device_roamed(bed->gateway.dev, bed_peer(bed, peer)->id, &to);
}

/* What is queued with room for 20 bytes of IPv4 leaves with 40 of IPv6, and the other way round. */
static void
test_to_the_other_family(void **state)
{
	struct bed *bed = start(0, 1000 * WIRE4);

	RTE_SET_USED(state);
	send_20(bed, 0, 0);
	send_20(bed, 1, 3); /* reached over IPv6 */
	assert_in_range(fq_backlog_packets(queue(bed, WAN)), 38, 39);
	move(bed, 0, WAN, 100, AF_INET6);
	move(bed, 1, WAN, 101, AF_INET);
	bed_pass(bed, 100 * MS);
	assert_int_equal(bed->flows[0].got, 20);
	assert_int_equal(bed->flows[3].got, 20);
	bed_finish(bed);
}

/*
 * A message of 1472 bytes: with 28 of IPv4 and UDP it just fits an MTU of 1500, with 48 of IPv6 it
 * does not.
 */
static void
test_to_where_it_does_not_fit(void **state)
{
	struct bed *bed = start(0, 1000 * WIRE4);
	uint64_t dropped = bed_drops(bed, TG_STAGE_TX, TG_DROP_TOO_BIG);

	RTE_SET_USED(state);
	tg_fib_set_mtu(bed->p.env.fib, TG_FIB_TUNNEL, 1440);
	send_20(bed, 0, 0);
	bed_lan_send(bed, 0, 0, 1440 - 28);
	bed_poll(bed);
	move(bed, 0, WAN, 100, AF_INET6);
	bed_pass(bed, 100 * MS);
	assert_int_equal(bed->flows[0].got, 20);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_TOO_BIG) - dropped, 1);
	bed_finish(bed);
}

/*
 * The messages wait for the LAN, behind a packet that takes a second there. By the WAN they go in
 * order, each counted once.
 */
static void
test_to_another_port(void **state)
{
	struct bed *bed = start(166, 0);
	const struct wg_peer *peer = bed_peer(bed, 0);
	uint64_t before = peer->tx_bytes;

	RTE_SET_USED(state);
	move(bed, 0, LAN, 100, AF_INET);
	bed_site_send(bed, 2, BED_LAN, 7, 100);
	bed_poll(bed);
	send_20(bed, 0, 0);
	assert_int_equal(fq_backlog_packets(queue(bed, LAN)), 20);
	assert_int_equal(fq_backlog_bytes(queue(bed, LAN)), 20 * WIRE4);

	move(bed, 0, WAN, 100, AF_INET6);
	tg_pipeline_set_rate(&bed->p, LAN, 0);
	bed_pass(bed, 10 * MS);
	assert_int_equal(bed->flows[0].got, 20);
	assert_int_equal(peer->tx_bytes - before, 20 * 160);
	assert_int_equal(bed->p.tx[0]->counters.wasted, 0);
	bed_finish(bed);
}

/* Messages of this bed do not tell the interface that they come in by: they come from nowhere else.
 */
static void
test_interface_not_known(void **state)
{
	struct bed *bed = start(0, 0);
	unsigned int events;

	RTE_SET_USED(state);
	move(bed, 0, WAN, 100, AF_INET);
	assert_int_equal(bed_peer(bed, 0)->endpoint.iface, WAN + 1);
	events = bed->n_events[TG_EVENT_ROAMED];
	bed_site_send(bed, 0, BED_LAN, 1, 100);
	bed_settle(bed);
	assert_int_equal(bed->flows[1].got, 1);
	assert_int_equal(bed->n_events[TG_EVENT_ROAMED], events);
	bed_finish(bed);
}

/* There was no way to where it was: control hears of it all the same, and there is one. */
static void
test_without_a_path(void **state)
{
	struct bed *bed = start(0, 0);

	RTE_SET_USED(state);
	tg_path_withdraw(&bed->p.env, bed->rcu, bed_peer(bed, 0));
	assert_int_equal(bed_peer(bed, 0)->path_tag, 0);
	bed->peers[0].address = bed_endpoint(100, AF_INET);
	bed_neighbour(bed, WAN, AF_INET, bed->peers[0].address.addr, true);
	bed_site_send(bed, 0, BED_LAN, 1, 100);
	bed_settle(bed);
	assert_int_equal(bed->flows[1].got, 1);
	assert_non_null(tg_path_of(bed_peer(bed, 0)));
	bed_finish(bed);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_to_the_other_family),
		cmocka_unit_test(test_to_where_it_does_not_fit),
		cmocka_unit_test(test_to_another_port),
		cmocka_unit_test(test_interface_not_known),
		cmocka_unit_test(test_without_a_path),
	};

	if (bed_init())
		return 1;
	return cmocka_run_group_tests_name("peers that move", tests, NULL, NULL);
}
