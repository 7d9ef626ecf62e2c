/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that wait: for a session in the closed tin, behind one that does, for a port that is
 * busy; and peers that come, go and move meanwhile. With each lcore map.
 */
#include "device_private.h"
#include "test_pipeline.h"

#include <stdio.h>

static const struct bed_map *map;

static struct bed *
make(struct bed_params params)
{
	params.map = map;
	return bed_create(&params);
}

static void
test_given_up_handshake_drops_what_waits(void **state)
{
	struct bed *bed = make((struct bed_params){.seed = 1});
	unsigned int i;

	RTE_SET_USED(state);
	bed_know(bed, 0);
	bed->net_held = true;
	for (i = 0; i < 10; i++)
		bed_lan_send(bed, 0, 0, 100);
	bed_settle(bed);
	for (i = 0; i < 100; i++) {
		bed->now += S;
		wg_device_tick(bed->gateway.dev, bed->now);
	}
	bed_settle(bed);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_PURGE), 10);
	assert_true(bed->n_net > 10);
	bed_finish(bed);
}

/* While the tin is being opened fresh packets of the same flows keep coming. */
static void
send_to_site(struct bed *bed, bool hub)
{
	uint32_t n = bed_below(bed, 12);
	unsigned int to = n % 4;

	if (hub && n % 3 == 0)
		bed_site_send(bed, 4 + n % 4, to, 3 * (n + 32) + 2, 100);
	else
		bed_lan_send(bed, to, 3 * n, (uint16_t)(100 + bed_below(bed, 900)));
}

/* All sessions of peers 0 to 3 are too old, and nobody has noticed. */
static void
one_opening(struct bed *bed, bool hub)
{
	unsigned int i, n = 1 + bed_below(bed, 100);

	bed->now += WG_REJECT_AFTER_TIME + 20 * S;
	for (i = 4; hub && i < BED_PEERS; i++)
		bed_connect(bed, i);
	for (i = 0; i < n;) {
		bed_step(bed);
		if (bed_below(bed, 3) == 0 && ++i)
			send_to_site(bed, hub);
	}
	bed_settle(bed);
	bed_assert_all_arrived(bed);
	bed_assert_nothing_held(bed);
}

static void
openings(struct bed *bed, bool hub, unsigned int n)
{
	bed_know_all(bed);
	while (n--)
		one_opening(bed, hub);
	bed_assert_conserved(bed);
	assert_int_equal(bed_all_drops(bed), bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_KEEPALIVE));
	bed_destroy(bed);
}

static void
test_opening_keeps_order(void **state)
{
	RTE_SET_USED(state);
	openings(make((struct bed_params){.seed = 7}), false, 1000);
}

/* From other peers too: they are opened and sealed by the crypto stage of their session. */
static void
test_opening_keeps_order_between_peers(void **state)
{
	RTE_SET_USED(state);
	openings(make((struct bed_params){.seed = 8}), true, 400);
}

/* A cipher that takes one packet per poll: most packets wait for it, and some pass by. */
static void
test_opening_keeps_order_behind_a_slow_cipher(void **state)
{
	struct bed *bed = make((struct bed_params){.seed = 9});
	unsigned int i;

	RTE_SET_USED(state);
	for (i = 0; i < bed->p.env.n_crypto; i++) {
		bed->p.crypto[i]->burst = 1;
		bed->p.crypto[i]->burst_cycles = 0;
	}
	openings(bed, true, 300);
}

/* The crypto stage that a flow of the LAN's is sealed by. */
static struct tg_crypto *
crypto_with_input(struct bed *bed)
{
	unsigned int i, j;

	for (i = 0; i < bed->p.env.n_crypto; i++)
		for (j = 0; j < bed->p.env.n_rx; j++)
			if (rte_ring_count(bed->p.crypto[i]->from_rx[j]))
				return bed->p.crypto[i];
	return NULL;
}

static void
admit_one(struct tg_crypto *c)
{
	struct rte_mbuf *m;
	unsigned int j;

	for (j = 0; j < c->env->n_rx; j++)
		if (rte_ring_sc_dequeue(c->from_rx[j], (void **)&m) == 0) {
			c->counters.in++;
			tg_seal_add(c, &m, 1);
		}
}

/* Admitted without a session, sealed with one: the older packet is in the closed tin still. */
static void
test_session_between_admission_and_sealing(void **state)
{
	struct bed *bed = make((struct bed_params){.seed = 1});
	struct tg_crypto *c;

	RTE_SET_USED(state);
	bed_know(bed, 0);
	bed_lan_send(bed, 0, 0, 100);
	bed_rx(bed);
	c = crypto_with_input(bed);
	bed_crypto(bed);
	if (map->encrypt_at_dequeue) { /* by way of the port's queue */
		bed_tx(bed);
		bed_crypto(bed);
	}
	assert_int_equal(tg_lane_peer(c, bed_peer(bed, 0)->id)->waiting, 1);
	bed_lan_send(bed, 0, 0, 100);
	bed_rx(bed);
	c->now = bed->now;
	admit_one(c);
	bed_handshake(bed, bed_peer(bed, 0)->id);
	assert_non_null(wg_peer_session(bed_peer(bed, 0), bed->now));
	tg_seal_flush(c);
	bed_settle(bed);
	bed_assert_all_arrived(bed);
	bed_finish(bed);
}

/* Another session, while the one that there is still holds; of the stages only RX runs. */
static void
rekey(struct bed *bed, unsigned int peer)
{
	const struct wg_keypair *old = wg_peer_session(bed_peer(bed, peer), bed->now);

	bed->now += WG_REKEY_TIMEOUT;
	wg_handshake_want(bed->gateway.dev, bed_peer(bed, peer), bed->now);
	bed_handshake(bed, bed_peer(bed, peer)->id);
	assert_ptr_not_equal(wg_peer_session(bed_peer(bed, peer), bed->now), old);
}

/*
 * The session changes while packets stand at the crypto stage: the first of a burst is admitted
 * before, the rest after, and all are sealed under what is current then.
 */
static void
test_rekey_between_admission_and_sealing(void **state)
{
	struct bed *bed = make((struct bed_params){.seed = 1});
	struct tg_crypto *c;
	unsigned int i;

	RTE_SET_USED(state);
	bed_know(bed, 0);
	bed_connect(bed, 0);
	for (i = 0; i < 8; i++)
		bed_lan_send(bed, 0, 0, 100);
	bed_rx(bed);
	c = crypto_with_input(bed);
	c->now = bed->now;
	admit_one(c);
	rekey(bed, 0);
	tg_seal_flush(c);
	bed_settle(bed);
	assert_int_equal(
		bed->flows[0].session, wg_peer_session(bed_peer(bed, 0), bed->now)->remote_index);
	bed_assert_all_arrived(bed);
	bed_finish(bed);
}

/* n packets have waited in the closed tin, and are in the ring back to crypto. */
static struct bed *
reopened(unsigned int n)
{
	struct bed *bed = make((struct bed_params){.seed = 1});
	unsigned int i, back = 0;

	bed_know(bed, 0);
	bed->net_held = true;
	for (i = 0; i < n; i++)
		bed_lan_send(bed, 0, 0, 100);
	bed_settle(bed);
	bed->net_held = false;
	bed_handshake(bed, bed_peer(bed, 0)->id);
	bed_commands(bed);
	bed_tx(bed);
	bed_tx(bed);
	for (i = 0; i < bed->p.env.n_tx * bed->p.env.n_crypto; i++)
		back += rte_ring_count(
			bed->p.crypto[i % bed->p.env.n_crypto]->from_tx[i / bed->p.env.n_crypto]);
	assert_int_equal(back, n);
	return bed;
}

static void
test_rekey_while_a_burst_comes_back(void **state)
{
	struct bed *bed = reopened(40);

	RTE_SET_USED(state);
	rekey(bed, 0);
	bed_lan_send(bed, 0, 0, 100);
	bed_settle(bed);
	assert_int_equal(bed->flows[0].got, 41);
	bed_finish(bed);
}

/* The session is too old when they are back: they wait for the next one, or are given up with it.
 */
static void
test_session_expires_while_a_burst_comes_back(void **state)
{
	struct bed *bed;
	unsigned int give_up, i;

	RTE_SET_USED(state);
	for (give_up = 0; give_up < 2; give_up++) {
		bed = reopened(40);
		bed->now += WG_REJECT_AFTER_TIME;
		bed->net_held = give_up;
		bed_settle(bed);
		for (i = 0; give_up && i < 100; i++) {
			assert_int_equal(bed->flows[0].got, 0);
			bed->now += S;
			wg_device_tick(bed->gateway.dev, bed->now);
			bed_settle(bed);
		}
		assert_int_equal(bed->flows[0].got, give_up ? 0 : 40);
		/* And the keepalive that was to confirm the session. */
		assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_PURGE), give_up ? 41 : 0);
		bed_assert_nothing_held(bed);
		bed_assert_conserved(bed);
		bed_destroy(bed);
	}
}

/*
 * 60 sealed packets stand before a busy port when their session ends. They leave under it, as the
 * peer may still take them; what comes later waits for the next, and does not overtake.
 */
static void
test_session_expires_with_packets_queued(void **state)
{
	struct bed *bed = make((struct bed_params){.seed = 1, .tx_ring = 32});
	uint32_t old;
	unsigned int i;

	RTE_SET_USED(state);
	bed_know(bed, 0);
	bed_connect(bed, 0);
	old = wg_peer_session(bed_peer(bed, 0), bed->now)->remote_index;
	for (i = 0; i < 60; i++)
		bed_lan_send(bed, 0, 0, 100);
	for (i = 0; i < 4; i++) {
		bed_rx(bed);
		bed_crypto(bed);
		bed_tx(bed);
	}
	bed->now += WG_REJECT_AFTER_TIME;
	for (i = 0; i < 10; i++)
		bed_lan_send(bed, 0, 0, 100);
	bed_rx(bed);
	bed_crypto(bed);
	bed_tx(bed);
	bed_collect(bed, WAN, 10);
	assert_int_equal(bed->flows[0].session, old);
	bed_settle(bed);
	assert_int_equal(bed->flows[0].got, 70);
	assert_int_not_equal(bed->flows[0].session, old);
	bed_finish(bed);
}

/* The ring to TX is full: what would have been staged is dropped, and not waited for. */
static void
test_full_ring_before_the_closed_tin(void **state)
{
	struct bed *bed = make((struct bed_params){.seed = 1});
	unsigned int i;

	RTE_SET_USED(state);
	bed_know(bed, 0);
	for (i = 0; i < 1100; i++) {
		bed_lan_send(bed, 0, 0, 100);
		bed_rx(bed);
		bed_crypto(bed);
	}
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_TX_FULL), 1100 - 1023);
	bed_settle(bed);
	bed_finish(bed);
}

/*
 * Peers that go. At most two have room, so that ids share slots.
 */
static void
come_or_go(struct bed *bed, unsigned int peer)
{
	if (bed_peer(bed, peer))
		bed_remove_peer(bed, peer);
	else if (wg_device_peer_count(bed->gateway.dev) < 2)
		bed_know(bed, peer);
}

/* Nobody takes from the port meanwhile: its queues fill. */
static void
busy_round(struct bed *bed)
{
	unsigned int i, who, peer;

	for (i = 0; i < 60; i++) {
		bed->now += 100 * MS;
		who = bed_below(bed, bed->p.n_workers + 1);
		if (who < bed->p.n_workers)
			bed_worker(bed, who);
		else
			bed_control(bed);
		peer = bed_below(bed, BED_PEERS);
		bed_lan_send(bed, peer, 3 * peer, 100);
		bed_lan_send(bed, peer, 3 * peer + 24, 100);
	}
	bed_collect(bed, WAN, 30);
}

static void
test_successor_in_a_slot_gets_nothing_of_its_predecessor(void **state)
{
	struct bed *bed = make((struct bed_params){.seed = 11, .max_peers = 2, .tx_ring = 32});
	unsigned int round, peer;

	RTE_SET_USED(state);
	for (round = 0; round < 500; round++) {
		come_or_go(bed, bed_below(bed, BED_PEERS));
		bed->net_held = bed_below(bed, 3) == 0; /* no new session in this round */
		busy_round(bed);
	}
	bed->net_held = false;
	bed_settle(bed);
	for (peer = 0; peer < BED_PEERS; peer++)
		if (bed_peer(bed, peer))
			bed_remove_peer(bed, peer);
	bed_settle(bed);
	bed_assert_nothing_held(bed);
	bed_assert_conserved(bed);
	assert_true(bed_drops(bed, TG_STAGE_TX, TG_DROP_PEER_GONE) > 0);
	assert_true(bed_drops(bed, TG_STAGE_TX, TG_DROP_PURGE) > 0);
	bed_destroy(bed);
}

/*
 * A message that comes twice, by other ways, from elsewhere.
 */
static void
test_replays_are_dropped_and_heard_is_said_once(void **state)
{
	struct bed *bed = make((struct bed_params){.seed = 1});
	uint8_t msg[256], p[256];
	unsigned int i;
	uint16_t len;

	RTE_SET_USED(state);
	bed_know(bed, 0);
	bed_connect(bed, 0);
	assert_int_equal(bed->n_events[TG_EVENT_HEARD], 1);
	len = bed_packet(bed, p, 0, BED_LAN, 1, 100);
	len = bed_seal(bed, 0, p, len, msg);
	for (i = 0; i < 2; i++) {
		bed_feed(bed, WAN, bed_outer(bed, 0, msg, len, 0));
		bed_settle(bed);
	}
	assert_int_equal(bed->flows[1].got, 1);
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_REPLAY), 1);
	assert_int_equal(bed->n_events[TG_EVENT_HEARD], 1);
	assert_int_equal(bed->n_events[TG_EVENT_ROAMED], 0);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

static void
move(struct bed *bed, unsigned int peer, uint8_t n)
{
	struct wg_endpoint *address = &bed->peers[peer].address;

	address->addr[address->family == AF_INET ? 3 : 15] = n;
	address->port = htons(BED_WG_PORT + 1);
	bed_neighbour(bed, WAN, address->family, address->addr, true);
}

static unsigned int
parked(const struct bed *bed)
{
	unsigned int i, n = 0;

	for (i = 0; i < bed->p.env.n_crypto; i++)
		n += bed->p.crypto[i]->n_parked;
	return n;
}

/* The answer to the first message under a session shall not go out under the one before, or wait.
 */
static void
test_first_message_waits_for_its_session(void **state)
{
	struct bed *bed = make((struct bed_params){.seed = 1});
	const struct wg_peer *gw;

	RTE_SET_USED(state);
	bed_know(bed, 0);
	gw = peer_of_key(bed->peers[0].dev, bed->gateway.public_key);
	wg_device_session_wanted(bed->peers[0].dev, gw->id, bed->now);
	bed_deliver(bed);
	bed_rx(bed);
	bed_handshakes(bed);
	bed_deliver(bed);
	bed_site_send(bed, 0, BED_LAN, 1, 100);
	bed_rx(bed);
	bed_crypto(bed);
	assert_int_equal(parked(bed), 1);
	assert_null(wg_peer_session(bed_peer(bed, 0), bed->now));
	bed_events(bed);
	assert_non_null(wg_peer_session(bed_peer(bed, 0), bed->now));
	bed_settle(bed);
	assert_int_equal(bed->flows[1].got, 1);
	bed_site_send(bed, 0, BED_LAN, 1, 100);
	bed_rx(bed);
	bed_crypto(bed);
	assert_int_equal(parked(bed), 0);
	bed_settle(bed);
	assert_int_equal(bed->flows[1].got, 2);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

/* What it sends waits until its answer will find it; what was queued for it follows it. */
static void
one_move(struct bed *bed, unsigned int peer)
{
	uint32_t to = 3 * peer, from = 3 * peer + 1;
	unsigned int i, events;

	bed_lan_send(bed, peer, to, 100);
	bed_rx(bed);
	bed_crypto(bed);
	for (i = 0; i < 3; i++)
		bed_site_send(bed, peer, BED_LAN, from, 100);
	bed_rx(bed);
	bed_crypto(bed);
	assert_int_equal(parked(bed), 3);
	bed_events(bed);
	bed_settle(bed);
	assert_int_equal(parked(bed), 0);
	assert_int_equal(bed->flows[from].got, 3);
	assert_int_equal(bed->flows[to].got, 1);
	assert_true(wg_endpoint_equal(&bed->last_to, &bed->peers[peer].address));

	events = bed->n_events[TG_EVENT_ROAMED];
	assert_true(events > 0);
	bed_site_send(bed, peer, BED_LAN, from, 100);
	bed_settle(bed);
	assert_int_equal(bed->flows[from].got, 4);
	assert_int_equal(bed->n_events[TG_EVENT_ROAMED], events);
}

static void
test_peer_moves(void **state)
{
	struct bed *bed = make((struct bed_params){.seed = 1});
	unsigned int i;

	RTE_SET_USED(state);
	bed_know_all(bed);
	bed_connect_all(bed);
	for (i = 0; i < 2; i++) { /* over IPv4 and IPv6 */
		/* The message in the ring to TX was made before, and goes to the new place. */
		move(bed, i, (uint8_t)(100 + i));
		one_move(bed, i);
	}
	bed_finish(bed);
}

/* Of n more, sent from a new address, those that wait for control. */
static unsigned int
send_moved(struct bed *bed, unsigned int n)
{
	while (n--) {
		bed_site_send(bed, 0, BED_LAN, 1, 100);
		bed_rx(bed);
		bed_crypto(bed);
	}
	return parked(bed);
}

/* After 10 ms a packet goes on as it is, and so does the first of more than there is room for. */
static void
test_peer_moves_and_control_is_late(void **state)
{
	struct bed *bed = make((struct bed_params){.seed = 1});

	RTE_SET_USED(state);
	bed_know_all(bed);
	bed_connect_all(bed);
	move(bed, 0, 100);
	assert_int_equal(send_moved(bed, 1), 1);
	bed->now += 9 * MS;
	assert_int_equal(send_moved(bed, 1), 2);
	bed->now += 2 * MS;
	bed_crypto(bed);
	assert_int_equal(parked(bed), 1);
	assert_int_equal(send_moved(bed, TG_PARK_MAX), TG_PARK_MAX);
	bed_tx(bed);
	bed_collect(bed, LAN, 2);
	assert_int_equal(bed->flows[1].got, 2);
	bed_settle(bed);
	assert_int_equal(parked(bed), 0);
	bed_finish(bed);
}

/* There and back: each time the answers follow. */
static void
test_peer_moves_back(void **state)
{
	struct bed *bed = make((struct bed_params){.seed = 1});
	unsigned int i;

	RTE_SET_USED(state);
	bed_know_all(bed);
	bed_connect_all(bed);
	for (i = 0; i < 2; i++) {
		const struct wg_peer *peer = bed_peer(bed, i);
		struct wg_endpoint home = bed->peers[i].address;

		move(bed, i, (uint8_t)(100 + i));
		bed_site_send(bed, i, BED_LAN, 3 * i + 1, 100);
		bed_settle(bed);
		assert_memory_not_equal(peer->endpoint.addr, home.addr, 16);
		bed->peers[i].address = home;
		bed_site_send(bed, i, BED_LAN, 3 * i + 1, 100);
		bed_settle(bed);
		assert_memory_equal(peer->endpoint.addr, home.addr, 16);
		assert_int_equal(peer->endpoint.port, home.port);
		assert_int_equal(bed->flows[3 * i + 1].got, 2);
		assert_int_equal(peer->path_tag, tg_endpoint_tag_of(&tg_path_of(peer)->endpoint));
	}
	bed_finish(bed);
}

/* Also when it may not send what it sent: the endpoint is the protocol's affair. */
static void
test_peer_moves_with_a_refused_packet(void **state)
{
	static const uint8_t elsewhere[] = {10, 9, 9, 9}, lan[] = {10, 1, 0, 2};
	struct bed *bed = make((struct bed_params){.seed = 1});
	uint8_t p[64];

	RTE_SET_USED(state);
	bed_know_all(bed);
	bed_connect_all(bed);
	move(bed, 0, 100);
	bed_remote_send(bed, 0, p, bed_udp4(p, elsewhere, lan, 1, 2, "", 1));
	bed_settle(bed);
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_SOURCE), 1);
	assert_memory_equal(bed_peer(bed, 0)->endpoint.addr, bed->peers[0].address.addr, 16);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

/*
 * A port that takes less than it is offered.
 */
static void
test_busy_port_loses_nothing_and_keeps_order(void **state)
{
	struct bed *bed = make((struct bed_params){.seed = 1, .tx_ring = 32});
	unsigned int i, n = 0, full = 0;
	uint64_t drops;

	RTE_SET_USED(state);
	bed_know_all(bed);
	bed_connect_all(bed);
	drops = bed_all_drops(bed);
	for (i = 0; i < 800; i++) {
		bed_lan_send(bed, i % 4, 3 * (i % 16), 100);
		if (i % 20 == 19) {
			bed_rx(bed);
			bed_crypto(bed);
			bed_tx(bed);
		}
	}
	for (i = 0; i < 100; i++) {
		bed_rx(bed);
		bed_crypto(bed);
		bed_tx(bed);
	}
	/* What left the queues fits the rings and one burst: the rest has not been dequeued. */
	for (i = 0; i < bed->p.env.n_tx; i++) {
		const struct tg_tx *tx = bed->p.tx[i];

		full += tx->port_full > 0;
		n += fq_backlog_packets(tx->wires[WAN].queue) + tx->wires[WAN].n +
			rte_ring_count(bed->out[WAN][i]);
		if (tx->wires[WAN].fifo)
			n += fq_backlog_packets(tx->wires[WAN].fifo);
		assert_true(tx->wires[WAN].n <= TG_BURST);
		assert_int_equal(rte_ring_count(bed->out[WAN][i]), 31);
		assert_true(fq_backlog_packets(tx->wires[WAN].queue) >= 200);
	}
	assert_int_equal(full, bed->p.env.n_tx);
	assert_int_equal(n, 800);
	for (i = 0; i < 1000; i++) {
		bed_collect(bed, WAN, 1 + i % 3);
		bed_tx(bed);
	}
	bed_settle(bed);
	bed_assert_all_arrived(bed);
	assert_int_equal(bed_all_drops(bed), drops);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

static int
run(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given_up_handshake_drops_what_waits),
		cmocka_unit_test(test_opening_keeps_order),
		cmocka_unit_test(test_opening_keeps_order_between_peers),
		cmocka_unit_test(test_opening_keeps_order_behind_a_slow_cipher),
		cmocka_unit_test(test_session_between_admission_and_sealing),
		cmocka_unit_test(test_rekey_between_admission_and_sealing),
		cmocka_unit_test(test_rekey_while_a_burst_comes_back),
		cmocka_unit_test(test_session_expires_while_a_burst_comes_back),
		cmocka_unit_test(test_session_expires_with_packets_queued),
		cmocka_unit_test(test_full_ring_before_the_closed_tin),
		cmocka_unit_test(test_successor_in_a_slot_gets_nothing_of_its_predecessor),
		cmocka_unit_test(test_replays_are_dropped_and_heard_is_said_once),
		cmocka_unit_test(test_first_message_waits_for_its_session),
		cmocka_unit_test(test_peer_moves),
		cmocka_unit_test(test_peer_moves_back),
		cmocka_unit_test(test_peer_moves_and_control_is_late),
		cmocka_unit_test(test_peer_moves_with_a_refused_packet),
		cmocka_unit_test(test_busy_port_loses_nothing_and_keeps_order),
	};

	return cmocka_run_group_tests_name(map->name, tests, NULL, NULL);
}

int
main(void)
{
	return bed_run_with_each_map(&map, run);
}
