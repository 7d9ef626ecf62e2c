/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The port queues as the app sets them up: shaped ports, peers' rates, ECN by peer, the replay
 * window, FIFO mode; in virtual time.
 *
 * A LAN packet with 100 bytes of payload has 128 bytes of IP. Sealed it is 160 (16 + 128 + 16), and
 * on the wire 226: 160 + 8 UDP + 20 IPv4 + 14 Ethernet + 24 preamble, FCS and gap. Over IPv6 it
 * is 246.
 */
#include "pipeline_faults.h"

#include "device_private.h"
#include "ecn.h"

#define WIRE4 226u
#define WIRE6 246u
#define ONE_STAGE_EACH (&bed_maps[2])
#define TWO_TX (&bed_maps[4])

static struct tg_queue_options options;

static int
set_up(void **state)
{
	RTE_SET_USED(state);
	tg_queue_options_default(&options);
	return 0;
}

/* CoDel has no reason to drop. */
static void
be_patient(void)
{
	options.target_ns = options.interval_ns = 10 * S;
}

/* Rates in bytes per s. All peers have a session, and the wires are idle. */
static struct bed *
start(const struct bed_map *map, uint64_t lan_rate, uint64_t wan_rate)
{
	struct bed *bed;

	options.shapes[LAN].rate = lan_rate;
	options.shapes[WAN].rate = wan_rate;
	bed = bed_create(&(struct bed_params){.map = map, .seed = 1, .queue = &options});
	bed_know_all(bed);
	bed_connect_all(bed);
	bed->now += S;
	return bed;
}

/* All that still waits may go at once. */
static void
finish(struct bed *bed)
{
	unsigned int i;

	tg_pipeline_set_rate(&bed->p, LAN, 0);
	tg_pipeline_set_rate(&bed->p, WAN, 0);
	for (i = 0; i < 10; i++) {
		bed->now += S;
		bed_settle(bed);
	}
	bed_finish(bed);
}

/* All that was sent goes into the port queues, at this instant. */
static void
take_in(struct bed *bed)
{
	while (rte_ring_count(bed->in[LAN]) || bed_crypto_backlog(bed))
		bed_poll(bed);
}

/* Flows that are not IPv6. */
static void
lan_burst(struct bed *bed, unsigned int peer, uint32_t flow, unsigned int n)
{
	while (n--)
		bed_lan_send(bed, peer, flow, 100);
}

static void
change(struct bed *bed, unsigned int peer, struct wg_update_peer to)
{
	struct wg_update_peer *up;
	struct wg_update u;

	wg_update_init(&u);
	up = wg_update_add_peer(&u);
	*up = to;
	memcpy(up->public_key, bed->peers[peer].public_key, WG_KEY_LEN);
	assert_int_equal(wg_device_apply(bed->gateway.dev, &u, bed->now), 0);
	wg_update_free(&u);
}

static uint64_t
marks(const struct bed *bed, unsigned int port)
{
	struct fq_stats stats;

	fq_stats_get(bed->p.tx[0]->wires[port].queue, &stats);
	return stats.c.marks;
}

/*
 * Shaped ports.
 */
static void
assert_leave(struct bed *bed, uint32_t flow, uint64_t ns, uint32_t packets)
{
	uint32_t before = bed->flows[flow].got;

	bed_pass(bed, ns);
	assert_in_range(bed->flows[flow].got - before, packets, packets + 1);
}

/* Bytes count as they are on the wire, with headers that are written only after the queue. */
static void
test_shaped_port_counts_bytes_of_the_wire(void **state)
{
	struct bed *bed;

	RTE_SET_USED(state);
	be_patient();
	bed = start(ONE_STAGE_EACH, 0, 1000 * WIRE4);
	lan_burst(bed, 0, 0, 100);
	assert_leave(bed, 0, 50 * MS, 50);
	bed_pass(bed, 60 * MS);
	assert_int_equal(bed->flows[0].got, 100);

	lan_burst(bed, 1, 3, 100); /* reached over IPv6 */
	assert_leave(bed, 3, 50 * MS, 50 * WIRE4 / WIRE6);
	finish(bed);
}

/* A rate that is changed counts for what is queued already. */
static void
test_rate_of_a_port_follows(void **state)
{
	struct bed *bed;

	RTE_SET_USED(state);
	be_patient();
	bed = start(ONE_STAGE_EACH, 0, 1000 * WIRE4);
	lan_burst(bed, 0, 0, 200);
	assert_leave(bed, 0, 20 * MS, 20);
	tg_pipeline_set_rate(&bed->p, WAN, 2000 * WIRE4);
	bed_pass(bed, MS);
	assert_leave(bed, 0, 20 * MS, 40);
	tg_pipeline_set_rate(&bed->p, WAN, 0);
	bed_pass(bed, MS);
	assert_int_equal(bed->flows[0].got, 200);
	finish(bed);
}

/* A frame of 14 + 40 bytes to the LAN counts as the shortest of Ethernet, 84 bytes on the wire. */
static void
test_short_frames_count_as_the_shortest(void **state)
{
	struct bed *bed;
	unsigned int i;

	RTE_SET_USED(state);
	be_patient();
	bed = start(ONE_STAGE_EACH, 1000 * 84, 0);
	for (i = 0; i < 100; i++)
		bed_site_send(bed, 0, BED_LAN, 1, 12);
	assert_leave(bed, 1, 50 * MS, 50);
	finish(bed);
}

/* An ATM cell carries 48 of its 53 bytes: with 8 bytes of overhead 210 are 5 cells. */
static void
test_atm_counts_cells(void **state)
{
	struct bed *bed;

	RTE_SET_USED(state);
	be_patient();
	options.shapes[WAN].framing = FQ_FRAMING_ATM;
	options.shapes[WAN].overhead = 8;
	bed = start(ONE_STAGE_EACH, 0, 1000 * 5 * 53);
	lan_burst(bed, 0, 0, 100);
	assert_leave(bed, 0, 50 * MS, 50);
	finish(bed);
}

/*
 * Two TX stages: peers are dealt over them, the port's rate is one.
 */
static uint64_t
bytes_of(const struct bed *bed, unsigned int tx)
{
	struct fq_stats stats;

	fq_stats_get(bed->p.tx[tx]->wires[WAN].queue, &stats);
	return stats.c.bytes;
}

/* Keeps a backlog of the peers named by a mask and lets the time pass. */
static void
keep_busy(struct bed *bed, unsigned int peers, uint64_t ns)
{
	uint64_t until = bed->now + ns;
	unsigned int i;

	for (; bed->now < until; bed->now += 50 * US) {
		for (i = 0; i < 2; i++)
			if (peers & 1u << i && bed->flows[3 * i].sent - bed->flows[3 * i].got < 100)
				lan_burst(bed, i, 3 * i, 4);
		bed_poll(bed);
	}
}

static void
test_tx_stages_share_the_rate_of_a_port(void **state)
{
	const uint64_t rate = 10000 * WIRE4, in_100_ms = rate / 10;
	struct bed *bed;
	uint64_t a, b;

	RTE_SET_USED(state);
	be_patient();
	bed = start(TWO_TX, 0, rate);
	assert_int_not_equal(tg_tx_of_tin(&bed->p.env, bed_peer(bed, 0)->id),
		tg_tx_of_tin(&bed->p.env, bed_peer(bed, 1)->id));
	change(bed, 1, (struct wg_update_peer){.has_weight = true, .weight = 3});

	/* One alone has all of it. */
	keep_busy(bed, 1, 20 * MS);
	a = bytes_of(bed, 0) + bytes_of(bed, 1);
	keep_busy(bed, 1, 100 * MS);
	assert_in_range(bytes_of(bed, 0) + bytes_of(bed, 1) - a, in_100_ms * 98 / 100,
		in_100_ms * 101 / 100);

	/* Both have it by weight, 1 to 3, and together no more. */
	keep_busy(bed, 3, 20 * MS);
	a = bytes_of(bed, tg_tx_of_tin(&bed->p.env, bed_peer(bed, 0)->id));
	b = bytes_of(bed, tg_tx_of_tin(&bed->p.env, bed_peer(bed, 1)->id));
	keep_busy(bed, 3, 100 * MS);
	a = bytes_of(bed, tg_tx_of_tin(&bed->p.env, bed_peer(bed, 0)->id)) - a;
	b = bytes_of(bed, tg_tx_of_tin(&bed->p.env, bed_peer(bed, 1)->id)) - b;
	assert_in_range(a + b, in_100_ms * 98 / 100, in_100_ms * 101 / 100);
	assert_in_range(a, in_100_ms * 24 / 100, in_100_ms * 26 / 100);
	finish(bed);
}

/*
 * RateLimit.
 */
static void
test_rate_limit_of_a_peer(void **state)
{
	struct bed *bed;
	uint32_t before;

	RTE_SET_USED(state);
	be_patient();
	bed = start(ONE_STAGE_EACH, 0, 1000 * WIRE4);
	change(bed, 0, (struct wg_update_peer){.has_rate = true, .rate = 100 * WIRE4});
	lan_burst(bed, 0, 0, 150);
	lan_burst(bed, 2, 6, 150);
	bed_pass(bed, 100 * MS);
	assert_in_range(bed->flows[0].got, 10, 11);
	assert_in_range(bed->flows[6].got, 89, 91);

	/* Off again, it counts from the next packet on: half of the port, in turns of a quantum. */
	change(bed, 0, (struct wg_update_peer){.has_rate = true});
	lan_burst(bed, 0, 0, 1);
	before = bed->flows[0].got;
	bed_pass(bed, 100 * MS);
	assert_in_range(bed->flows[0].got - before, 50 - 1514 / WIRE4, 50 + 1514 / WIRE4);
	finish(bed);
}

/* Each way: 128 + 14 + 24 bytes to the LAN, on a port without a rate of its own. */
static void
test_rate_limit_towards_the_lan(void **state)
{
	struct bed *bed;
	unsigned int i;

	RTE_SET_USED(state);
	be_patient();
	bed = start(ONE_STAGE_EACH, 0, 0);
	change(bed, 0, (struct wg_update_peer){.has_rate = true, .rate = 500 * 166});
	for (i = 0; i < 100; i++)
		bed_site_send(bed, 0, BED_LAN, 1, 100);
	assert_leave(bed, 1, 100 * MS, 50);
	change(bed, 0, (struct wg_update_peer){.has_rate = true});
	bed_site_send(bed, 0, BED_LAN, 1, 100);
	finish(bed);
}

/* Frames of both in turn, those of the limited one behind the other's. */
static void
both_sites_send(struct bed *bed, unsigned int n)
{
	while (n--) {
		bed_site_send(bed, 1, BED_LAN, 4, 100);
		bed_site_send(bed, 0, BED_LAN, 1, 100);
	}
}

/* Who is not limited passes a port without a rate at once, in the same bursts: 50 frames of 166
 * bytes here, or 36 messages of 226. */
static void
test_rate_limit_of_one_of_two(void **state)
{
	struct bed *bed;

	RTE_SET_USED(state);
	be_patient();
	bed = start(ONE_STAGE_EACH, 0, 0);
	change(bed, 0, (struct wg_update_peer){.has_rate = true, .rate = 500 * 166});
	both_sites_send(bed, 100);
	take_in(bed);
	assert_leave(bed, 1, 100 * MS, 50);
	assert_int_equal(bed->flows[4].got, 100);
	lan_burst(bed, 1, 3, 100);
	lan_burst(bed, 0, 0, 100);
	take_in(bed);
	bed_pass(bed, 100 * MS);
	assert_in_range(bed->flows[0].got, 36, 37);
	assert_int_equal(bed->flows[3].got, 100);
	change(bed, 0, (struct wg_update_peer){.has_rate = true});
	bed_site_send(bed, 0, BED_LAN, 1, 100);
	lan_burst(bed, 0, 0, 1);
	finish(bed);
}

/* Frames that wait do so in their peers' tins: 1 to 4, give or take a turn of 4 quanta. */
static void
test_weights_towards_the_lan(void **state)
{
	struct bed *bed;

	RTE_SET_USED(state);
	be_patient();
	bed = start(ONE_STAGE_EACH, 1000 * 166, 0);
	change(bed, 1, (struct wg_update_peer){.has_weight = true, .weight = 4});
	both_sites_send(bed, 500);
	take_in(bed);
	bed_pass(bed, 500 * MS);
	assert_in_range(bed->flows[1].got, 100 - 2 * 1514 / 166, 100 + 2 * 1514 / 166);
	assert_in_range(bed->flows[4].got, 400 - 4 * 1514 / 166, 400 + 4 * 1514 / 166);
	finish(bed);
}

/*
 * ECN.
 */
struct trickle {
	unsigned int arrived, ce;
};

/* 300 packets at once, and one leaves each 2 ms: CoDel has to speak. */
static struct trickle
trickle(struct bed *bed, uint8_t tos)
{
	struct trickle t = {0};
	unsigned int i, before;

	for (i = 0; i < 300; i++)
		lan_byte(bed, 1, tos);
	for (i = 0; i < 400; i++) {
		bed->now += 2 * MS;
		before = bed->n_out[WAN];
		bed_rx(bed);
		bed_crypto(bed);
		bed_tx(bed);
		bed_collect(bed, WAN, 1);
		if (bed->n_out[WAN] == before)
			continue;
		t.arrived++;
		t.ce += bed->last_outer_tos == PKT_ECN_CE;
		if (bed->last_outer_tos != PKT_ECN_CE)
			assert_int_equal(
				bed->last_outer_tos, bed_peer(bed, 0)->ecn ? tos : PKT_ECN_NOT_ECT);
	}
	return t;
}

/* A peer that does not carry CE inside: the outer header says Not-ECT, and CoDel drops. */
static void
test_peer_without_ecn_is_not_marked(void **state)
{
	struct bed *bed = make((struct bed_params){.tx_ring = 32});
	struct trickle t;

	RTE_SET_USED(state);
	change(bed, 0, (struct wg_update_peer){.has_ecn = true, .ecn = false});
	t = trickle(bed, PKT_ECN_ECT0);
	assert_int_equal(t.ce, 0);
	assert_int_equal(marks(bed, WAN), 0);
	assert_true(bed_drops(bed, TG_STAGE_TX, TG_DROP_CODEL) > 0);
	assert_int_equal(t.arrived + bed_drops(bed, TG_STAGE_TX, TG_DROP_CODEL), 300);
	assert_int_equal(bed->last_tos, PKT_ECN_ECT0);
	bed_destroy(bed);
}

static void
test_peer_with_ecn_is_marked(void **state)
{
	struct bed *bed = make((struct bed_params){.tx_ring = 32});
	struct trickle t;

	RTE_SET_USED(state);
	change(bed, 0, (struct wg_update_peer){.has_ecn = true, .ecn = false});
	change(bed, 0, (struct wg_update_peer){.has_ecn = true, .ecn = true});
	t = trickle(bed, PKT_ECN_ECT0);
	assert_int_equal(t.arrived, 300);
	assert_true(t.ce > 0);
	assert_int_equal(marks(bed, WAN), t.ce);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_CODEL), 0);
	bed_destroy(bed);
}

/* Packet i of 20 waits for i ms. The threshold of 5.5 ms marks from the 6th on, if it is ECT(1). */
static void
threshold_to_site(uint8_t ecn, unsigned int expected)
{
	unsigned int i, ce = 0, out;
	struct bed *bed;

	be_patient();
	options.ce_threshold_ns = 5500 * US;
	bed = start(ONE_STAGE_EACH, 0, 1000 * WIRE4);
	for (i = 0; i < 20; i++)
		lan_byte(bed, 1, ecn);
	for (i = 0; i < 250; i++, bed->now += 100 * US) {
		out = bed->n_out[WAN];
		bed_poll(bed);
		ce += bed->n_out[WAN] != out && bed->last_outer_tos == PKT_ECN_CE;
	}
	assert_int_equal(ce, expected);
	assert_int_equal(marks(bed, WAN), expected);
	assert_int_equal(bed->flows[0].got, 20);
	finish(bed);
}

static void
test_ce_threshold_marks_ect1_alone(void **state)
{
	RTE_SET_USED(state);
	threshold_to_site(PKT_ECN_NOT_ECT, 0);
	threshold_to_site(PKT_ECN_ECT0, 0);
	threshold_to_site(PKT_ECN_ECT1, 14);
}

/* The same in the clear: CE in the IP header, whose checksum is right (checked where it arrives).
 */
static void
test_ce_threshold_towards_the_lan(void **state)
{
	struct bed *bed;
	unsigned int i;

	RTE_SET_USED(state);
	be_patient();
	options.ce_threshold_ns = 5500 * US;
	bed = start(ONE_STAGE_EACH, 1000 * 166, 0);
	for (i = 0; i < 20; i++)
		site_byte(bed, 1, PKT_ECN_ECT1);
	bed_pass(bed, 25 * MS);
	assert_int_equal(bed->flows[1].got, 20);
	assert_int_equal(marks(bed, LAN), 14);
	assert_int_equal(bed->last_tos, PKT_ECN_CE);
	finish(bed);
}

/*
 * The replay window.
 */
#define LARGE 1318u /* bytes of payload: 1346 of IP, 1376 sealed with padding, 1442 on the wire */

/*
 * Of five large packets of one flow the first passes the empty queue, two more leave and use up the
 * flow's turn. Then each ms one packet of another new flow is sealed, and goes ahead: ten of them.
 * The last two large packets are 11 and 10 behind the newest when their turn comes; peers with a
 * window of 5 refuse them. Returns how many were dropped for that.
 */
static uint64_t
starve(uint16_t window)
{
	struct bed *bed;
	uint64_t drops;
	uint32_t i;

	be_patient();
	bed = start(ONE_STAGE_EACH, 0, 1000 * WIRE4);
	change(bed, 0, (struct wg_update_peer){.has_replay_window = true, .replay_window = window});
	for (i = 0; i < 5; i++)
		bed_lan_send(bed, 0, 0, LARGE);
	bed_pass(bed, 18 * MS);
	assert_int_equal(bed->flows[0].got, 3);
	for (i = 1; i <= 10; i++) {
		lan_burst(bed, 0, 24 * i, 1);
		bed_pass(bed, MS);
	}
	bed_pass(bed, 30 * MS);
	for (i = 1; i <= 10; i++)
		assert_int_equal(bed->flows[24 * i].got, 1);
	drops = bed_drops(bed, TG_STAGE_TX, TG_DROP_REPLAY_WINDOW);
	assert_int_equal(bed->flows[0].got + drops, 5);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_TIN_LIMIT), 0);
	finish(bed);
	return drops;
}

static void
test_what_a_peer_would_refuse_is_dropped(void **state)
{
	RTE_SET_USED(state);
	assert_int_equal(starve(5), 2);
	assert_int_equal(starve(10), 1);
	assert_int_equal(starve(11), 0);
	assert_int_equal(starve(WG_REPLAY_WINDOW), 0);
}

/* One is on the wire; of the others no more than a window is queued, oldest heads make room. */
static void
test_backlog_of_a_peer_is_capped_at_its_window(void **state)
{
	struct bed *bed;

	RTE_SET_USED(state);
	be_patient();
	bed = start(ONE_STAGE_EACH, 0, 1000 * WIRE4);
	change(bed, 0, (struct wg_update_peer){.has_replay_window = true, .replay_window = 32});
	lan_burst(bed, 0, 0, 100);
	lan_burst(bed, 2, 6, 100);
	take_in(bed);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_TIN_LIMIT), 100 - 1 - 32);
	bed_pass(bed, 150 * MS);
	assert_int_equal(bed->flows[0].got, 1 + 32);
	assert_int_equal(bed->flows[6].got, 100);
	finish(bed);
}

/*
 * Sessions and peers change while packets are queued.
 */
/*
 * Counters begin anew with a session. What the old one sealed and what the new one sealed leave in
 * turns, each judged by the counters of its own.
 */
static void
test_rekey_with_packets_queued(void **state)
{
	const struct wg_peer *peer;
	struct wg_keypair *old, *new;
	struct bed *bed;
	uint32_t i;

	RTE_SET_USED(state);
	be_patient();
	bed = start(ONE_STAGE_EACH, 0, 1000 * WIRE4);
	peer = bed_peer(bed, 0);
	change(bed, 0, (struct wg_update_peer){.has_replay_window = true, .replay_window = 32});
	for (i = 0; i < 2; i++) {
		lan_burst(bed, 0, 24, 25);
		bed_pass(bed, 30 * MS);
	}
	bed->now += WG_REKEY_TIMEOUT;

	old = wg_peer_session(peer, bed->now);
	for (i = 0; i < 5; i++)
		bed_lan_send(bed, 0, 0, LARGE);
	bed_pass(bed, 18 * MS);
	assert_int_equal(bed->flows[0].got, 3);
	wg_handshake_want(bed->peers[0].dev,
		peer_of_key(bed->peers[0].dev, bed->gateway.public_key), bed->now);
	bed_settle(bed);
	new = wg_peer_session(peer, bed->now);
	assert_ptr_not_equal(old, new);

	for (i = 1; i <= 2; i++) { /* of the new session, before and behind what is left */
		lan_burst(bed, 0, 48 * i, 3);
		bed_pass(bed, 20 * MS);
		assert_int_equal(bed->flows[48 * i].got, 3);
	}
	assert_int_equal(bed->flows[0].got, 5);
	assert_int_equal(bed->flows[0].session, old->remote_index);
	assert_int_equal(bed->flows[96].session, new->remote_index);
	assert_int_equal(peer->sent[1].session, old->local_index);
	assert_int_equal(peer->sent[1].newest, bed->flows[0].counter - 1);
	assert_int_equal(peer->sent[0].session, new->local_index);
	assert_int_equal(peer->sent[0].newest, bed->flows[96].counter - 1);
	assert_true(peer->sent[1].newest > peer->sent[0].newest + 32);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_REPLAY_WINDOW), 0);
	finish(bed);
}

/* What is queued for a peer that goes ends there; the others lose nothing. */
static void
test_peer_goes_with_packets_queued(void **state)
{
	struct bed *bed;

	RTE_SET_USED(state);
	be_patient();
	bed = start(ONE_STAGE_EACH, 0, 1000 * WIRE4);
	lan_burst(bed, 0, 0, 30);
	lan_burst(bed, 2, 6, 30);
	bed_pass(bed, 10 * MS);
	bed_remove_peer(bed, 0);
	bed_control(bed);
	bed_know(bed, 0); /* the same key again: another peer */
	bed_pass(bed, 28 * MS); /* at 1000 packets a second: none is spent on what was removed */
	assert_int_equal(bed->flows[6].got, 30);
	assert_in_range(bed->flows[0].got, 4, 7);
	assert_int_equal(bed->flows[0].got + bed_drops(bed, TG_STAGE_TX, TG_DROP_PURGE), 30);
	finish(bed);
}

/*
 * FIFO mode.
 */
static uint32_t
overtaken(bool fifo)
{
	struct bed *bed;
	uint32_t before;

	be_patient();
	options.fifo = fifo;
	bed = start(ONE_STAGE_EACH, 0, 1000 * WIRE4);
	lan_burst(bed, 0, 0, 50);
	bed_pass(bed, 10 * MS);
	lan_burst(bed, 2, 6, 1);
	while (!bed->flows[6].got)
		bed_pass(bed, 100 * US);
	before = bed->flows[0].got;
	finish(bed);
	return before;
}

/* One packet behind 50 of another peer waits for all of them, or for the one on the wire. */
static void
test_fifo_keeps_the_order_of_arrival(void **state)
{
	RTE_SET_USED(state);
	assert_int_equal(overtaken(true), 50);
	assert_in_range(overtaken(false), 10, 12);
}

static void
test_fifo_holds_1000_packets(void **state)
{
	struct bed *bed;
	unsigned int i;

	RTE_SET_USED(state);
	options.fifo = true;
	bed = start(ONE_STAGE_EACH, 0, WIRE4);
	for (i = 0; i < 11; i++) {
		lan_burst(bed, 0, 0, 100);
		take_in(bed);
	}
	assert_int_equal(bed->flows[0].got, 1);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_FIFO), 1100 - 1 - 1000);
	finish(bed);
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_shaped_port_counts_bytes_of_the_wire),
		TEST(test_rate_of_a_port_follows),
		TEST(test_short_frames_count_as_the_shortest),
		TEST(test_atm_counts_cells),
		TEST(test_tx_stages_share_the_rate_of_a_port),
		TEST(test_rate_limit_of_a_peer),
		TEST(test_rate_limit_towards_the_lan),
		TEST(test_rate_limit_of_one_of_two),
		TEST(test_weights_towards_the_lan),
		TEST(test_peer_without_ecn_is_not_marked),
		TEST(test_peer_with_ecn_is_marked),
		TEST(test_ce_threshold_marks_ect1_alone),
		TEST(test_ce_threshold_towards_the_lan),
		TEST(test_what_a_peer_would_refuse_is_dropped),
		TEST(test_backlog_of_a_peer_is_capped_at_its_window),
		TEST(test_rekey_with_packets_queued),
		TEST(test_peer_goes_with_packets_queued),
		TEST(test_fifo_keeps_the_order_of_arrival),
		TEST(test_fifo_holds_1000_packets),
	};

	if (bed_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
