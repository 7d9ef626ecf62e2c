/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Traffic in all directions, good and bad, through the pipeline with each lcore map: what goes in
 * comes out in order or is counted, on one thread in random interleavings and on real threads.
 */
#include "test_pipeline.h"

#include <pthread.h>
#include <stdio.h>

#include <rte_lcore.h>

static const struct bed_map *map;

/* Flow f of 0 to 191: a third each from the LAN to a site, from a site to the LAN, between two
 * sites. */
#define FLOWS 192

static void
send_one(struct bed *bed, uint32_t flow, uint16_t len)
{
	unsigned int site = flow / 3 % BED_PEERS;

	switch (flow % 3) {
	case 0:
		bed_lan_send(bed, site, flow, len);
		break;
	case 1:
		bed_site_send(bed, site, BED_LAN, flow, len);
		break;
	default:
		bed_site_send(bed, site, (site + 1 + flow / 24) % BED_PEERS, flow, len);
		break;
	}
}

/* Few enough under way that no ring (1023) and no queue (2047 per port) is ever full. */
#define UNDER_WAY_MAX 512

static bool
room(const struct bed *bed)
{
	return bed->fed + bed_all_made(bed) - bed->collected - bed_all_drops(bed) < UNDER_WAY_MAX;
}

static void
test_every_flow_arrives_whole_and_in_order(void **state)
{
	struct bed *bed = bed_create(&(struct bed_params){.map = map, .seed = 1});
	uint64_t keepalives;
	unsigned int i;

	RTE_SET_USED(state);
	bed_know_all(bed);
	bed_connect_all(bed);
	keepalives = bed_all_drops(bed);
	for (i = 0; i < 20000;) {
		bed_step(bed);
		if (room(bed) && ++i)
			send_one(bed, bed_below(bed, FLOWS), (uint16_t)(12 + bed_below(bed, 1300)));
	}
	bed_settle(bed);
	bed_assert_all_arrived(bed);
	bed_assert_nothing_held(bed);
	bed_assert_conserved(bed);
	assert_int_equal(bed_all_drops(bed), keepalives);
	assert_int_equal(bed->n_events[TG_EVENT_ROAMED], 0);
	assert_int_equal(bed->n_events[TG_EVENT_HEARD], BED_PEERS);
	bed_destroy(bed);
}

/*
 * Ports that are slow, shaped now and then, and take less than what they are offered: packets pass
 * their queue or wait in it, and peers are limited or not.
 */
static void
change_pace(struct bed *bed)
{
	static const uint64_t rates[] = {0, 0, 40000000, 400000000};
	struct wg_peer *peer = bed_peer(bed, bed_below(bed, BED_PEERS));

	tg_pipeline_set_rate(&bed->p, bed_below(bed, BED_PORTS), rates[bed_below(bed, 4)]);
	atomic_store(&peer->rate, bed_below(bed, 4) ? 0 : 4000000);
}

static void
test_order_holds_whether_packets_pass_or_wait(void **state)
{
	struct tg_queue_options patient;
	struct bed *bed;
	uint64_t keepalives;
	unsigned int i;

	RTE_SET_USED(state);
	tg_queue_options_default(&patient);
	patient.target_ns = patient.interval_ns = 60 * S;
	bed = bed_create(
		&(struct bed_params){.map = map, .seed = 4, .tx_ring = 16, .queue = &patient});
	bed_know_all(bed);
	bed_connect_all(bed);
	keepalives = bed_all_drops(bed);
	for (i = 0; i < 20000;) {
		bed_step(bed);
		if (i % 256 == 0)
			change_pace(bed);
		if (room(bed) && ++i)
			send_one(bed, bed_below(bed, FLOWS), (uint16_t)(12 + bed_below(bed, 1300)));
	}
	for (i = 0; i < 2000; i++) {
		bed->now += MS;
		bed_settle(bed);
	}
	bed_assert_all_arrived(bed);
	bed_assert_nothing_held(bed);
	bed_assert_conserved(bed);
	assert_int_equal(bed_all_drops(bed), keepalives);
	bed_destroy(bed);
}

/* So many prefixes that AllowedIPs are asked by the burst: peer 0 has 5000 more, 10.200.0.0 on. */
static void
crowd(struct bed *bed)
{
	struct lpm_prefix p = {.family = AF_INET, .len = 32};
	struct wg_update_peer *up;
	struct wg_update u;
	unsigned int i;

	wg_update_init(&u);
	up = wg_update_add_peer(&u);
	memcpy(up->public_key, bed->peers[0].public_key, WG_KEY_LEN);
	for (i = 0; i < 5000; i++) {
		memcpy(p.addr, (const uint8_t[]){10, 200, i >> 8, i & 255}, 4);
		wg_update_add_allowed(up)->prefix = p;
	}
	assert_int_equal(wg_device_apply(bed->gateway.dev, &u, bed->now), 0);
	wg_update_free(&u);
	assert_true(wg_allowedips_is_large(wg_device_allowedips(bed->gateway.dev)));
}

/* In one burst peer 1 says that it is itself, peer 2, itself, the LAN, and itself. */
static void
test_sources_are_judged_by_the_burst(void **state)
{
	static const unsigned int from[] = {1, 2, 1, BED_LAN, 1};
	struct bed *bed = bed_create(&(struct bed_params){.map = map, .seed = 4});
	uint8_t p[2048];
	unsigned int i;

	RTE_SET_USED(state);
	bed_know_all(bed);
	bed_connect_all(bed);
	crowd(bed);
	for (i = 0; i < 2 * RTE_DIM(from); i++)
		bed_remote_send(bed, 1, p, bed_packet(bed, p, from[i / 2], BED_LAN, i, 100));
	bed_settle(bed);
	for (i = 0; i < 2 * RTE_DIM(from); i++)
		assert_int_equal(bed->flows[i].got, from[i / 2] == 1);
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_SOURCE), 4);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

/*
 * Bad input: a good packet with something broken.
 */
static uint16_t
bad_packet(struct bed *bed, uint8_t *p)
{
	static const uint8_t lan[] = {10, 1, 0, 2};
	uint8_t dst[] = {10, (const uint8_t[]){1, 2, 2, 66, 77, 99}[bed_below(bed, 6)],
		(uint8_t)bed_below(bed, 10), 2};
	static const struct bed_payload id = {.magic = BED_BAD};
	uint8_t payload[1500] = {0};

	memcpy(payload, &id, sizeof(id));
	return bed_udp4(p, lan, dst, (uint16_t)bed_random(bed), 9, payload,
		(uint16_t)(sizeof(id) + bed_below(bed, 1472 - sizeof(id))));
}

static void
flip(struct bed *bed, struct rte_mbuf *m, unsigned int from, unsigned int n)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	for (; n; n--)
		p[from + bed_below(bed, m->data_len - from)] ^= (uint8_t)(1 << bed_below(bed, 8));
}

static void
chain(struct bed *bed, struct rte_mbuf *m)
{
	struct rte_mbuf *tail = bed_alloc(bed);

	assert_non_null(rte_pktmbuf_append(tail, 10));
	assert_int_equal(rte_pktmbuf_chain(m, tail), 0);
}

static void
damage(struct bed *bed, struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, void *);

	switch (bed_below(bed, 8)) {
	case 0:
		rte_pktmbuf_trim(m, (uint16_t)bed_below(bed, m->data_len + 1));
		break;
	case 1:
		assert_non_null(rte_pktmbuf_append(m, (uint16_t)(1 + bed_below(bed, 200))));
		break;
	case 2: /* the headers */
		flip(bed, m, 0, 1 + bed_below(bed, 4));
		break;
	case 3:
		eth->ether_type =
			htons(bed_below(bed, 2) ? RTE_ETHER_TYPE_VLAN : RTE_ETHER_TYPE_IPV6);
		break;
	case 4:
		chain(bed, m);
		break;
	case 5: /* options, a shorter header, another version */
		((uint8_t *)(eth + 1))[0] = (uint8_t)bed_random(bed);
		break;
	case 6: /* fragments */
		((uint8_t *)(eth + 1))[6] = (uint8_t)bed_random(bed);
		break;
	default:
		flip(bed, m, 14, 1);
		break;
	}
}

/* Of any type, with a receiver that may exist and a tag that is wrong. */
static struct rte_mbuf *
bad_message(struct bed *bed, unsigned int peer)
{
	struct wg_keypair *kp = wg_peer_session(
		peer_of_key(bed->peers[peer].dev, bed->gateway.public_key), bed->now);
	uint16_t len = (uint16_t)(bed_below(bed, 4) ? bed_below(bed, 1400) : 148);
	uint8_t msg[1500];
	struct wg_data *data = (void *)msg;
	unsigned int i;

	for (i = 0; i < sizeof(msg); i++)
		msg[i] = (uint8_t)bed_random(bed);
	data->type = rte_cpu_to_le_32(bed_below(bed, 6));
	if (bed_below(bed, 2))
		data->receiver = rte_cpu_to_le_32(kp->remote_index);
	return bed_outer(bed, peer, msg, len, 0);
}

/* Authentic, but not what the peer may send: garbage, or somebody else's packet. */
static void
send_bad_inner(struct bed *bed, unsigned int peer)
{
	uint8_t p[1500];
	uint16_t len = bad_packet(bed, p);
	unsigned int i;

	if (bed_below(bed, 2))
		for (i = 0; i < 20; i++)
			p[i] ^= (uint8_t)(bed_below(bed, 8) ? 0 : bed_random(bed));
	bed_remote_send(bed, peer, p, (uint16_t)RTE_MIN(len, 1 + bed_below(bed, 1400)));
}

static void
send_bad(struct bed *bed)
{
	unsigned int peer = bed_below(bed, BED_PEERS);
	uint8_t p[1500];
	struct rte_mbuf *m;
	uint16_t len;

	switch (bed_below(bed, 4)) {
	case 0:
		send_bad_inner(bed, peer);
		return;
	case 1:
		bed_remote_send(bed, peer, NULL, 0);
		return;
	case 2:
		m = bad_message(bed, peer);
		if (bed_below(bed, 2))
			damage(bed, m);
		bed_feed(bed, WAN, m);
		return;
	default:
		len = bad_packet(bed, p);
		m = bed_frame(bed, LAN, p, len);
		damage(bed, m);
		bed_feed(bed, LAN, m);
		return;
	}
}

static void
test_bad_input_is_counted_and_disturbs_nobody(void **state)
{
	struct bed *bed = bed_create(&(struct bed_params){.map = map, .seed = 2});
	unsigned int i;

	RTE_SET_USED(state);
	bed->damaged = true;
	bed_know_all(bed);
	bed_connect_all(bed);
	crowd(bed);
	for (i = 0; i < 20000;) {
		bed_step(bed);
		if (!room(bed) || !++i)
			continue;
		if (i % 2)
			send_bad(bed);
		else
			send_one(bed, bed_below(bed, FLOWS), (uint16_t)bed_below(bed, 1300));
	}
	bed_settle(bed);
	bed_assert_all_arrived(bed);
	bed_assert_nothing_held(bed);
	bed_assert_conserved(bed);
	assert_int_equal(bed->n_events[TG_EVENT_ROAMED], 0);
	bed_destroy(bed);
}

/*
 * Threads.
 */
static void *
thread(void *worker)
{
	rte_thread_register();
	tg_worker_run(worker);
	rte_thread_unregister();
	return NULL;
}

static void
start(struct bed *bed, pthread_t *threads)
{
	unsigned int i;

	for (i = 0; i < bed->p.n_workers; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, thread, &bed->p.workers[i]), 0);
}

static void
stop(struct bed *bed, const pthread_t *threads)
{
	unsigned int i;

	atomic_store(&bed->p.stop, true);
	for (i = 0; i < bed->p.n_workers; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void
control_round(struct bed *bed)
{
	bed->now = tg_now();
	bed_control(bed);
	bed_collect(bed, LAN, UINT_MAX);
	bed_collect(bed, WAN, UINT_MAX);
}

/* The last peer comes and goes meanwhile; its site sends nothing. */
#define FLEETING (BED_PEERS - 1)

static void
come_or_go(struct bed *bed)
{
	if (bed_peer(bed, FLEETING))
		bed_remove_peer(bed, FLEETING);
	else
		bed_know(bed, FLEETING);
}

static void
send_if_able(struct bed *bed, uint32_t flow)
{
	if (flow % 3 == 0) {
		bed_lan_send(bed, flow / 3 % BED_PEERS, flow, 100);
	} else {
		unsigned int site = flow / 3 % FLEETING;

		bed_site_send(
			bed, site, flow % 3 == 1 ? BED_LAN : (site + 1) % BED_PEERS, flow, 100);
	}
}

/* What waits for a port, with all its TX stages. */
static struct fq_stats
waiting(const struct bed *bed, unsigned int port)
{
	struct fq_stats all = {0}, one;

	for (unsigned int i = 0; i < bed->p.env.n_tx; i++) {
		fq_stats_get(bed->p.tx[i]->wires[port].queue, &one);
		all.backlog_packets += one.backlog_packets;
		all.flows += one.flows;
	}
	return all;
}

/* As far as it goes while the ports take nothing. */
static void
move_on(struct bed *bed)
{
	for (unsigned int i = 0; i < 4; i++) {
		bed_rx(bed);
		bed_crypto(bed);
		bed_tx(bed);
	}
}

/*
 * The port's ring is full, and a packet of one flow waits. What cannot be classified, since it is
 * no IP packet, is refused before the queue: it joins no flow and begins none.
 */
static void
test_what_is_no_ip_packet_makes_no_flow(void **state)
{
	static const uint8_t bad[][64] = {{0}, {0x44}, {0x45, 0, 0, 19}, {0x45, 0, 0, 200}, {0x50}};
	struct bed *bed = bed_create(&(struct bed_params){.map = map, .tx_ring = 32, .seed = 1});
	uint32_t packets, i;

	RTE_SET_USED(state);
	bed_know(bed, 0);
	bed_connect(bed, 0);
	for (i = 0; i < 256 && !waiting(bed, LAN).flows; i++) {
		bed_site_send(bed, 0, BED_LAN, 1, 100);
		move_on(bed);
	}
	packets = waiting(bed, LAN).backlog_packets;
	assert_int_equal(waiting(bed, LAN).flows, 1);
	for (i = 0; i < RTE_DIM(bad); i++) {
		bed_remote_send(bed, 0, bad[i], sizeof(bad[i]));
		move_on(bed);
	}
	assert_int_equal(waiting(bed, LAN).backlog_packets, packets);
	assert_int_equal(waiting(bed, LAN).flows, 1);
	bed_settle(bed);
	bed_destroy(bed);
}

static void
test_threads_keep_order_while_peers_come_and_go(void **state)
{
	struct bed *bed = bed_create(
		&(struct bed_params){.map = map, .seed = 3, .cache = 64, .threads = true});
	pthread_t threads[RTE_MAX_LCORE];
	unsigned int i;

	RTE_SET_USED(state);
	bed_know_all(bed);
	bed_connect_all(bed);
	start(bed, threads);
	for (i = 0; i < 30000;) {
		control_round(bed);
		for (; room(bed) && i % 64 != 63; i++)
			send_if_able(bed, bed_below(bed, FLOWS));
		if (room(bed) && ++i % 1024 == 0)
			come_or_go(bed);
	}
	if (bed_peer(bed, FLEETING))
		bed_remove_peer(bed, FLEETING);
	while (bed->fed + bed_all_made(bed) != bed->collected + bed_all_drops(bed))
		control_round(bed);
	stop(bed, threads);
	bed_assert_nothing_held(bed);
	bed_destroy(bed);
}

static int
run(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_flow_arrives_whole_and_in_order),
		cmocka_unit_test(test_order_holds_whether_packets_pass_or_wait),
		cmocka_unit_test(test_sources_are_judged_by_the_burst),
		cmocka_unit_test(test_bad_input_is_counted_and_disturbs_nobody),
		cmocka_unit_test(test_what_is_no_ip_packet_makes_no_flow),
		cmocka_unit_test(test_threads_keep_order_while_peers_come_and_go),
	};

	return cmocka_run_group_tests_name(map->name, tests, NULL, NULL);
}

int
main(void)
{
	return bed_run_with_each_map(&map, run);
}
