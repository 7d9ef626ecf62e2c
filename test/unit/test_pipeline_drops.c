/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What crypto and TX drop and why; what happens to ECN on the way; and what is left at the end.
 */
#include "pipeline_faults.h"

#include "ecn.h"

static unsigned int
tx_full(struct bed *bed)
{
	send_many(bed, 1100, true, false);
	return 1100 - 1023;
}

static unsigned int
control_full_from_crypto(struct bed *bed)
{
	unsigned int i;

	for (i = 0; i < 1100; i++) {
		site_to(bed, 77, 0);
		bed_rx(bed);
		bed_crypto(bed);
	}
	return 1100 - 1023;
}

/* Sealed messages whose next hop has no MAC go back to control. */
static unsigned int
control_full_from_tx(struct bed *bed)
{
	bed_neighbour(bed, WAN, AF_INET, bed->peers[0].address.addr, false);
	send_many(bed, 1100, true, true);
	return 1100 - 1023;
}

/*
 * Crypto.
 */
static unsigned int
no_session(struct bed *bed)
{
	return message(bed, WG_MESSAGE_DATA, 12345, 64);
}

static unsigned int
expired(struct bed *bed)
{
	uint8_t msg[256], p[2048];
	uint16_t len = inner(bed, p);

	len = bed_seal(bed, 0, p, len, msg);
	bed->now += WG_REJECT_AFTER_TIME;
	bed_feed(bed, WAN, bed_outer(bed, 0, msg, len, 0));
	return 1;
}

static unsigned int
spoilt(struct bed *bed, unsigned int at)
{
	uint8_t msg[256], p[2048];
	uint16_t len = inner(bed, p);

	len = bed_seal(bed, 0, p, len, msg);
	msg[at < len ? at : (unsigned int)(len - 1)] ^= 1;
	bed_feed(bed, WAN, bed_outer(bed, 0, msg, len, 0));
	return 1;
}

static unsigned int
bad_tag(struct bed *bed)
{
	return spoilt(bed, UINT_MAX);
}

static unsigned int
bad_text(struct bed *bed)
{
	return spoilt(bed, sizeof(struct wg_data));
}

static unsigned int
bad_counter(struct bed *bed)
{
	return spoilt(bed, 9);
}

static unsigned int
replay(struct bed *bed)
{
	uint8_t msg[256], p[2048];
	uint16_t len = inner(bed, p);
	unsigned int i;

	len = bed_seal(bed, 0, p, len, msg);
	for (i = 0; i < 3; i++)
		bed_feed(bed, WAN, bed_outer(bed, 0, msg, len, 0));
	return 2;
}

static unsigned int
keepalive(struct bed *bed)
{
	bed_remote_send(bed, 0, NULL, 0);
	return 1;
}

static unsigned int
ecn(struct bed *bed)
{
	uint8_t msg[256], p[2048];
	uint16_t len = inner(bed, p);

	len = bed_seal(bed, 0, p, len, msg);
	bed_feed(bed, WAN, bed_outer(bed, 0, msg, len, PKT_ECN_CE));
	return 1;
}

static unsigned int
source(struct bed *bed)
{
	return site_byte(bed, 14, 1); /* 10.2.1.2 belongs to peer 1, 10.2.0.2 to peer 0 */
}

/* 127.0.0.0/8 is peer 0's, if one believes its AllowedIPs. */
static unsigned int
martian(struct bed *bed)
{
	struct wg_update_peer *up;
	struct wg_update u;

	wg_update_init(&u);
	up = wg_update_add_peer(&u);
	memcpy(up->public_key, bed->peers[0].public_key, WG_KEY_LEN);
	wg_update_add_allowed(up)->prefix =
		(struct lpm_prefix){.family = AF_INET, .len = 8, .addr = {127}};
	assert_int_equal(wg_device_apply(bed->gateway.dev, &u, bed->now), 0);
	wg_update_free(&u);
	return site_byte(bed, 12, 127);
}

static unsigned int
inner_truncated(struct bed *bed)
{
	uint8_t p[2048];

	inner(bed, p);
	bed_remote_send(bed, 0, p, 112); /* of 128 */
	return 1;
}

static unsigned int
inner_version(struct bed *bed)
{
	uint8_t p[64] = {0};

	bed_remote_send(bed, 0, p, sizeof(p));
	return 1;
}

static unsigned int
inner_header(struct bed *bed)
{
	uint8_t p[64] = {0x44};

	bed_remote_send(bed, 0, p, sizeof(p));
	return 1;
}

static unsigned int
inner_length(struct bed *bed)
{
	uint8_t p[64] = {0x45, 0, 0, 19};

	bed_remote_send(bed, 0, p, sizeof(p));
	return 1;
}

static unsigned int
inner_checksum(struct bed *bed)
{
	uint8_t p[2048];
	uint16_t len = inner(bed, p);

	p[10] ^= 1;
	bed_remote_send(bed, 0, p, len);
	return 1;
}

static unsigned int
inner_no_route(struct bed *bed)
{
	return site_to(bed, 99, 0);
}

static unsigned int
inner_prohibited(struct bed *bed)
{
	return site_to(bed, 66, 0);
}

static unsigned int
inner_no_peer(struct bed *bed)
{
	return site_to(bed, 2, 200);
}

static unsigned int
inner_ttl(struct bed *bed)
{
	return site_byte(bed, 8, 1);
}

static unsigned int
inner_too_big(struct bed *bed)
{
	tg_fib_set_mtu(bed->p.env.fib, LAN, 127);
	return site_byte(bed, 6, RTE_IPV4_HDR_DF_FLAG >> 8);
}

static unsigned int
peer_gone_before_crypto(struct bed *bed)
{
	bed_lan_send(bed, 0, 0, 100);
	bed_rx(bed);
	bed_remove_peer(bed, 0);
	return 1;
}

static unsigned int
no_headroom_for_message(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	memmove(m->buf_addr, rte_pktmbuf_mtod(m, void *), m->data_len);
	m->data_off = 0;
	return feed_lan(bed, m);
}

static unsigned int
no_tailroom_for_tag(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);
	uint16_t off = (uint16_t)(m->buf_len - m->data_len - 14);

	memmove((uint8_t *)m->buf_addr + off, rte_pktmbuf_mtod(m, void *), m->data_len);
	m->data_off = off;
	return feed_lan(bed, m);
}

/*
 * One packet is on its way to the closed tin when the session comes up; 512 are held behind it, of
 * the keepalive that begins the session and 600 packets.
 */
static unsigned int
hold_full(struct bed *bed)
{
	unsigned int i;

	bed_know(bed, 1);
	for (i = 0; i < 601; i++) {
		bed_lan_send(bed, 1, 3, 100);
		bed_rx(bed);
		bed_crypto(bed);
		if (!i)
			bed_handshake(bed, bed_peer(bed, 1)->id);
	}
	return 1 + 600 - TG_HOLD_MAX;
}

/*
 * TX.
 */
static unsigned int
peer_gone_before_tx(struct bed *bed)
{
	bed_lan_send(bed, 0, 0, 100);
	bed_rx(bed);
	bed_crypto(bed);
	bed_remove_peer(bed, 0);
	return 1;
}

static unsigned int
peer_gone_before_staging(struct bed *bed)
{
	bed_know(bed, 1);
	bed_lan_send(bed, 1, 3, 100);
	bed_rx(bed);
	bed_crypto(bed);
	bed_remove_peer(bed, 1);
	return 1;
}

/* 31 fit into the port's ring, the next one waits for that with its header written. */
static unsigned int
peer_gone_in_port_queue(struct bed *bed)
{
	send_many(bed, 31 + 1 + 10, true, true);
	bed_remove_peer(bed, 0);
	return 10;
}

static unsigned int
no_endpoint(struct bed *bed)
{
	tg_path_withdraw(&bed->p.env, bed->rcu, bed_peer(bed, 0));
	bed_lan_send(bed, 0, 0, 100);
	return 1;
}

static unsigned int
no_endpoint_in_port_queue(struct bed *bed)
{
	send_many(bed, 31 + 1 + 10, true, true);
	tg_path_withdraw(&bed->p.env, bed->rcu, bed_peer(bed, 0));
	return 10;
}

/* 14 + 18 bytes before the IP packet: 16 for the message's header, 42 for the outer ones. */
static unsigned int
no_headroom_for_outer(struct bed *bed)
{
	struct rte_mbuf *m = lan_frame(bed, 0);

	memmove((uint8_t *)m->buf_addr + 18, rte_pktmbuf_mtod(m, void *), m->data_len);
	m->data_off = 18;
	return feed_lan(bed, m);
}

/* 1023 mbufs: a port's queue takes 255, the ring below it 31, and one waits for that. */
static unsigned int
overlimit(struct bed *bed)
{
	send_many(bed, 31 + 1 + 255 + 1, true, true);
	return 32; /* a batch of the fattest flow's head */
}

static void
delay(struct bed *bed, uint8_t tos)
{
	unsigned int i;

	for (i = 0; i < 300; i++) {
		lan_byte(bed, 1, tos);
		bed_rx(bed);
		bed_crypto(bed);
		bed_tx(bed);
	}
	for (i = 0; i < 200; i++) {
		bed->now += 2 * MS;
		bed_collect(bed, WAN, 1);
		bed_tx(bed);
	}
}

static unsigned int
codel(struct bed *bed)
{
	delay(bed, PKT_ECN_NOT_ECT);
	return SOME;
}

static unsigned int
tin_limit(struct bed *bed)
{
	unsigned int i;

	bed_know(bed, 1);
	for (i = 0; i < 128 + 72; i++)
		bed_lan_send(bed, 1, 3, 100);
	bed->net_held = true;
	bed_settle(bed);
	bed->net_held = false;
	return 72;
}

static unsigned int
purge(struct bed *bed)
{
	unsigned int i;

	bed_know(bed, 1);
	for (i = 0; i < 5; i++)
		bed_lan_send(bed, 1, 3, 100);
	bed->net_held = true;
	bed_settle(bed);
	bed_command(bed, TG_COMMAND_PURGE, bed_peer(bed, 1));
	return 5;
}

/* Room for one peer: while the purge of the last one is under way the next one finds no tin. */
static unsigned int
no_tin(struct bed *bed)
{
	bed->net_held = true;
	bed_remove_peer(bed, 0);
	bed_know(bed, 1);
	bed_lan_send(bed, 1, 3, 100);
	bed_settle(bed);
	bed->commands_held = true;
	bed_remove_peer(bed, 1);
	bed_know(bed, 2);
	bed_lan_send(bed, 2, 6, 100);
	bed_settle(bed);
	bed->commands_held = false;
	return 1;
}

static const struct fault faults[] = {
	FAULT(no_session, CRYPTO, NO_SESSION),
	FAULT(expired, CRYPTO, EXPIRED),
	FAULT(bad_tag, CRYPTO, BAD_TAG),
	FAULT(bad_text, CRYPTO, BAD_TAG),
	FAULT(bad_counter, CRYPTO, BAD_TAG),
	FAULT(replay, CRYPTO, REPLAY),
	FAULT(keepalive, CRYPTO, KEEPALIVE),
	FAULT(ecn, CRYPTO, ECN),
	FAULT(source, CRYPTO, SOURCE),
	FAULT(martian, CRYPTO, MARTIAN),
	FAULT(inner_truncated, CRYPTO, TRUNCATED),
	FAULT(inner_version, CRYPTO, BAD_VERSION),
	FAULT(inner_header, CRYPTO, BAD_HEADER),
	FAULT(inner_length, CRYPTO, BAD_LENGTH),
	FAULT(inner_checksum, CRYPTO, BAD_CHECKSUM),
	FAULT(inner_no_route, CRYPTO, NO_ROUTE),
	FAULT(inner_prohibited, CRYPTO, PROHIBITED),
	FAULT(inner_no_peer, CRYPTO, NO_PEER),
	FAULT(inner_ttl, CRYPTO, TTL),
	FAULT(inner_too_big, CRYPTO, TOO_BIG),
	FAULT(peer_gone_before_crypto, CRYPTO, PEER_GONE),
	FAULT(no_headroom_for_message, CRYPTO, NO_ROOM),
	FAULT(no_tailroom_for_tag, CRYPTO, NO_ROOM),
	FAULT(hold_full, CRYPTO, HOLD_FULL, .also = TG_DROP_KEEPALIVE),
	FAULT(tx_full, CRYPTO, TX_FULL),
	FAULT(control_full_from_crypto, CRYPTO, CONTROL_FULL),
	FAULT(peer_gone_before_tx, TX, PEER_GONE),
	FAULT(peer_gone_before_staging, TX, PURGE),
	FAULT(peer_gone_in_port_queue, TX, PURGE, .bed.tx_ring = 32),
	FAULT(no_endpoint, TX, NO_ENDPOINT),
	FAULT(no_endpoint_in_port_queue, TX, NO_ENDPOINT, .bed.tx_ring = 32),
	FAULT(no_headroom_for_outer, TX, NO_ROOM),
	FAULT(control_full_from_tx, TX, CONTROL_FULL),
	FAULT(overlimit, TX, OVERLIMIT, .bed.tx_ring = 32, .bed.mbufs = 1023),
	FAULT(codel, TX, CODEL, .bed.tx_ring = 32),
	FAULT(tin_limit, TX, TIN_LIMIT, .also = TG_DROP_KEEPALIVE),
	FAULT(purge, TX, PURGE),
	FAULT(no_tin, TX, NO_TIN, .also = TG_DROP_PURGE, .bed.max_peers = 1),
};

/*
 * ECN and DSCP: RFC 6040.
 */
static uint8_t
through_the_tunnel(struct bed *bed, uint8_t inner_ecn, uint8_t outer_ecn)
{
	uint8_t msg[256], p[2048];
	uint16_t len = inner(bed, p);
	unsigned int out = bed->n_out[LAN];

	p[1] = 0x20 | inner_ecn;
	fix_checksum(p);
	len = bed_seal(bed, 0, p, len, msg);
	bed_feed(bed, WAN, bed_outer(bed, 0, msg, len, 0xb8 | outer_ecn));
	bed_settle(bed);
	return bed->n_out[LAN] == out ? UINT8_MAX : bed->last_tos;
}

static void
test_ecn_of_what_peers_send(void **state)
{
	struct bed *bed = make((struct bed_params){0});

	RTE_SET_USED(state);
	assert_int_equal(through_the_tunnel(bed, PKT_ECN_NOT_ECT, PKT_ECN_NOT_ECT), 0x20);
	assert_int_equal(through_the_tunnel(bed, PKT_ECN_NOT_ECT, PKT_ECN_ECT0), 0x20);
	assert_int_equal(through_the_tunnel(bed, PKT_ECN_NOT_ECT, PKT_ECN_CE), UINT8_MAX);
	assert_int_equal(through_the_tunnel(bed, PKT_ECN_ECT0, PKT_ECN_NOT_ECT), 0x22);
	assert_int_equal(through_the_tunnel(bed, PKT_ECN_ECT0, PKT_ECN_ECT1), 0x21);
	assert_int_equal(through_the_tunnel(bed, PKT_ECN_ECT0, PKT_ECN_CE), 0x23);
	assert_int_equal(through_the_tunnel(bed, PKT_ECN_ECT1, PKT_ECN_CE), 0x23);
	assert_int_equal(through_the_tunnel(bed, PKT_ECN_CE, PKT_ECN_NOT_ECT), 0x23);
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_ECN), 1);
	bed_destroy(bed);
}

static void
test_outer_header_shows_ecn_and_no_dscp(void **state)
{
	struct bed *bed = make((struct bed_params){0});
	uint8_t ecn_bits;

	RTE_SET_USED(state);
	for (ecn_bits = 0; ecn_bits < 4; ecn_bits++) {
		lan_byte(bed, 1, 0xb8 | ecn_bits);
		bed_settle(bed);
		assert_int_equal(bed->last_outer_tos, ecn_bits);
		assert_int_equal(bed->last_tos, 0xb8 | ecn_bits);
	}
	bed_destroy(bed);
}

/* The flow that lost packets in codel() above is marked instead, on the outer header alone. */
static void
test_codel_marks_what_can_be_marked(void **state)
{
	struct bed *bed = make((struct bed_params){.tx_ring = 32});
	uint64_t drops = bed_all_drops(bed);
	struct fq_stats stats;

	RTE_SET_USED(state);
	delay(bed, PKT_ECN_ECT0);
	fq_stats_get(bed->p.tx[0]->wires[WAN].queue, &stats);
	assert_true(stats.c.marks > 0);
	bed_settle(bed);
	assert_int_equal(bed->flows[0].got, 300);
	assert_int_equal(bed_all_drops(bed), drops);
	assert_int_equal(bed->last_tos, PKT_ECN_ECT0);
	bed_destroy(bed);
}

/* Packets everywhere when the gateway stops: counted, and the pool is full again. */
static void
test_shutdown_counts_what_is_queued(void **state)
{
	struct bed *bed = make((struct bed_params){.tx_ring = 32});
	uint64_t drops = bed_all_drops(bed);

	RTE_SET_USED(state);
	bed_know(bed, 1);
	bed_lan_send(bed, 1, 3, 100); /* in the closed tin */
	send_many(bed, 31 + 1 + 5, true, true); /* on the wire, for the port, in its queue */
	send_many(bed, 4, true, false); /* to TX */
	send_many(bed, 3, false, false); /* to crypto */
	lan_to(bed, 77, 0, 64);
	bed_rx(bed); /* to control */
	bed_collect(bed, WAN, UINT_MAX);
	tg_pipeline_drain(&bed->p);
	assert_int_equal(bed_all_drops(bed) - drops, 1 + 1 + 5 + 4 + 3 + 1);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_PURGE), 1 + 5);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_SHUTDOWN), 1 + 4);
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_SHUTDOWN), 3);
	assert_int_equal(bed_drops(bed, TG_STAGE_RX, TG_DROP_SHUTDOWN), 1);
	bed_destroy(bed);
}

/* The next packet of flow 3, as far as crypto has it. */
static void
admit_next(struct bed *bed, struct tg_crypto *c)
{
	struct rte_mbuf *m = NULL;

	bed_lan_send(bed, 1, 3, 100);
	bed_rx(bed);
	assert_int_equal(rte_ring_sc_dequeue(c->from_rx[0], (void **)&m), 0);
	c->counters.in++;
	c->now = bed->now;
	tg_seal_add(c, &m, 1);
	tg_seal_flush(c);
}

/* Of three packets TX drops the first, for which the second is held: the third is held, too. */
static void
test_held_behind_what_is_dropped(void **state)
{
	struct bed *bed = make((struct bed_params){0});
	struct tg_crypto *c = bed->p.crypto[0];
	struct tg_command gone = {.kind = TG_COMMAND_GONE};

	RTE_SET_USED(state);
	bed_know(bed, 1);
	gone.peer = bed_peer(bed, 1)->id;
	admit_next(bed, c);
	bed_crypto(bed);
	bed_tx(bed);
	assert_int_equal(c->lane->waiting, 1);
	bed_handshake(bed, gone.peer);
	admit_next(bed, c);
	tg_staging_command(bed->p.tx[0], &gone);
	assert_int_equal(c->lane->waiting, 0);
	admit_next(bed, c);
	assert_int_equal(c->n_held, 2);
	bed->flows[3].next = 1;
	bed_settle(bed);
	assert_int_equal(bed->flows[3].got, 2);
	bed_finish(bed);
}

/*
 * Down, and up a moment or a second later, before TX knows that it was down: the 10 packets from
 * before are dropped then, and the 5 that came after it was up wait for a session and get one.
 */
static void
test_late_purge_spares_what_came_after(void **state)
{
	static const uint64_t pauses[] = {MS, S};
	struct bed *bed;
	unsigned int i, j;

	RTE_SET_USED(state);
	for (i = 0; i < RTE_DIM(pauses); i++) {
		bed = bed_create(&(struct bed_params){.map = &bed_maps[2]});
		bed_know(bed, 0);
		bed->net_held = true;
		for (j = 0; j < 10; j++)
			bed_lan_send(bed, 0, 0, 100);
		bed_settle(bed);
		bed->n_net = 0; /* the initiation is lost */
		bed->commands_held = true;
		wg_device_set_up(bed->gateway.dev, false, bed->now);
		bed->now += pauses[i];
		wg_device_set_up(bed->gateway.dev, true, bed->now);
		for (j = 0; j < 5; j++)
			bed_lan_send(bed, 0, 0, 100);
		bed_settle(bed);
		bed->commands_held = false;
		bed_settle(bed);
		assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_PURGE), 10);
		bed->flows[0].next = 10;
		bed->net_held = false;
		bed_settle(bed);
		assert_int_equal(bed->flows[0].got, 5);
		bed_assert_nothing_held(bed);
		bed_assert_conserved(bed);
		bed_destroy(bed);
	}
}

/*
 * A peer that no secret can be agreed on with. A packet for it each 100 us for a second, always on
 * its way while control answers that there will be no session: control is asked eight times a
 * second, and once more for each time.
 */
static void
test_purges_do_not_chase_each_other(void **state)
{
	struct bed *bed = bed_create(&(struct bed_params){.map = &bed_maps[2]});
	uint64_t end = bed->now + S;

	RTE_SET_USED(state);
	bed_know(bed, 0);
	bed_peer(bed, 0)->handshake.agreement = WG_AGREEMENT_IMPOSSIBLE;
	for (; bed->now < end; bed->now += 100 * US) {
		bed->commands_held = true;
		bed_control(bed);
		bed_lan_send(bed, 0, 0, 100);
		bed->now += 2 * US;
		bed_rx(bed);
		bed_crypto(bed);
		bed_tx(bed);
		bed->commands_held = false;
		bed_commands(bed);
		bed_tx(bed);
	}
	assert_in_range(bed->n_events[TG_EVENT_SESSION_WANTED], 8, 2 * 9);
	assert_true(bed_drops(bed, TG_STAGE_TX, TG_DROP_PURGE) > 0);
	assert_int_equal(bed->n_net, 0);
	bed_destroy(bed);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ecn_of_what_peers_send),
		cmocka_unit_test(test_outer_header_shows_ecn_and_no_dscp),
		cmocka_unit_test(test_codel_marks_what_can_be_marked),
		cmocka_unit_test(test_held_behind_what_is_dropped),
		cmocka_unit_test(test_late_purge_spares_what_came_after),
		cmocka_unit_test(test_purges_do_not_chase_each_other),
		cmocka_unit_test(test_shutdown_counts_what_is_queued),
	};
	static struct CMUnitTest drops[RTE_DIM(faults)];

	if (bed_init())
		return 1;
	name_tests(drops, faults, RTE_DIM(faults));
	return cmocka_run_group_tests_name("crypto and tx drops", drops, NULL, NULL) +
		cmocka_run_group_tests_name("packets", tests, NULL, NULL);
}
