/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is sealed and then dropped: little with hints from TX to crypto (app/hint.h), nothing when
 * sealing at dequeue (app/plain.h). A WAN port of 1000 packets of 226 bytes a second (see
 * test_pipeline_queue.c), in virtual time, polled each ms.
 */
#include "pipeline_faults.h"

#include "ecn.h"

#define WIRE4 226u
#define ONE_STAGE_EACH (&bed_maps[2])

static struct tg_queue_options options;
static struct bed *bed;

static int
set_up(void **state)
{
	RTE_SET_USED(state);
	tg_queue_options_default(&options);
	options.shapes[WAN].rate = 1000 * WIRE4;
	return 0;
}

static void
start(void)
{
	bed = bed_create(&(struct bed_params){
		.map = ONE_STAGE_EACH, .seed = 1, .queue = &options, .mbufs = 32767});
	bed_know_all(bed);
	bed_connect_all(bed);
	bed->now += S;
}

static void
finish(void)
{
	unsigned int i;

	tg_pipeline_set_rate(&bed->p, WAN, 0);
	for (i = 0; i < 10; i++) {
		bed->now += S;
		bed_settle(bed);
	}
	bed_finish(bed);
}

/*
 * In each step peer 0 is sent 10 packets of flow 0, and in every tenth one of flow 24, as is peer 2
 * of flow 6.
 */
static void
flood(unsigned int steps, uint64_t step)
{
	unsigned int i, k;

	for (i = 0; i < steps; i++) {
		for (k = 0; k < 10; k++)
			bed_lan_send(bed, 0, 0, 100);
		if (i % 10 == 0) {
			bed_lan_send(bed, 2, 6, 100);
			bed_lan_send(bed, 0, 24, 100);
		}
		bed->now += step;
		bed_poll(bed);
	}
}

static double
percent_wasted(void)
{
	return 100.0 * (double)bed->p.tx[0]->counters.wasted / (double)bed->p.crypto[0]->sealed;
}

static uint32_t
hints(void)
{
	return bed->p.tx[0]->hinter.hints.n;
}

/*
 * 10 times the rate for 5 s, 10000 packets a second. The link is full all the time, sparse flows
 * lose nothing, one flow is hinted. What is wasted is what queued before that.
 */
static void
test_flood_is_dropped_before_the_cipher(void **state)
{
	uint64_t wasted, sealed;

	RTE_SET_USED(state);
	options.shapes[WAN].rate = 10000 * WIRE4;
	start();
	flood(50000, 100 * US);
	assert_true(percent_wasted() <= 2);
	assert_int_equal(hints(), 1);
	/* Of 8000 packets a second in 3.75 ms, 3/4 of CoDel's target. */
	assert_in_range(bed->p.tx[0]->hinter.flows[0].full, 29, 30);
	assert_int_equal(bed->flows[6].got, 5000);
	assert_int_equal(bed->flows[24].got, 5000);
	assert_in_range(bed->flows[0].got, 39500, 40000);
	assert_in_range(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_HINTED), 440000, 460000);

	wasted = bed->p.tx[0]->counters.wasted;
	sealed = bed->p.crypto[0]->sealed;
	flood(10000, 100 * US);
	assert_true(
		(bed->p.tx[0]->counters.wasted - wasted) * 100 < bed->p.crypto[0]->sealed - sealed);
	finish();
}

/* 90 packets more than leave come in each ms: 2000, worth 200 ms of the port, are there after 22.
 */
static void
test_flood_is_noticed_before_anything_is_dropped(void **state)
{
	RTE_SET_USED(state);
	options.shapes[WAN].rate = 10000 * WIRE4;
	start();
	flood(200, 100 * US);
	assert_int_equal(hints(), 0);
	flood(100, 100 * US);
	assert_int_equal(hints(), 1);
	assert_int_equal(bed->p.tx[0]->counters.wasted, 0);
	assert_in_range(fq_backlog_packets(bed->p.tx[0]->wires[WAN].queue), 1900, 2600);
	finish();
}

/* 250 ms of the port, but of 100 flows. */
static void
test_no_hint_for_many_small_flows(void **state)
{
	unsigned int i, k;

	RTE_SET_USED(state);
	options.shapes[WAN].rate = 10000 * WIRE4;
	start();
	for (i = 0; i < 25; i++) {
		for (k = 0; k < 100; k++)
			bed_lan_send(bed, 0, 3 * k, 100);
		bed_pass(bed, MS / 2);
	}
	assert_in_range(fq_backlog_packets(bed->p.tx[0]->wires[WAN].queue), 2100, 2500);
	bed_pass(bed, 10 * MS);
	assert_int_equal(hints(), 0);
	finish();
}

/* TX does not take what the cipher has done: the ring between them holds 1023. */
static void
test_sealed_for_a_full_ring_is_wasted(void **state)
{
	unsigned int i, k;

	RTE_SET_USED(state);
	start();
	for (i = 0; i < 11; i++) {
		for (k = 0; k < 100; k++)
			bed_lan_send(bed, 0, 0, 100);
		bed_rx(bed);
		bed_crypto(bed);
	}
	while (bed_crypto_backlog(bed))
		bed_crypto(bed);
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_TX_FULL), 1100 - 1023);
	assert_int_equal(bed->p.crypto[0]->counters.wasted, 1100 - 1023);
	finish();
}

/* What the hints save. */
static void
test_flood_without_hints(void **state)
{
	RTE_SET_USED(state);
	options.fifo = true;
	start();
	flood(3000, MS);
	assert_true(percent_wasted() >= 80);
	assert_int_equal(hints(), 0);
	finish();
}

/* The flow slows down to half of what it may send, then it may send all of that. */
static void
test_hint_ends_with_its_reason(void **state)
{
	uint64_t hinted;
	unsigned int i;

	RTE_SET_USED(state);
	start();
	flood(2000, MS);
	assert_int_equal(hints(), 1);
	bed_pass(bed, 12 * S);
	assert_int_equal(fq_backlog_packets(bed->p.tx[0]->wires[WAN].queue), 0);
	assert_int_equal(hints(), 0);
	hinted = bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_HINTED);
	for (i = 0; i < 1000; i++) {
		if (i % 2)
			bed_lan_send(bed, 0, 0, 100);
		bed->now += MS;
		bed_poll(bed);
	}
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_HINTED), hinted);
	finish();
}

/* A sender that slows down when it loses: 1.2 times the rate, for 200 ms in each 400. */
static void
test_no_hint_for_some_losses(void **state)
{
	unsigned int i;

	RTE_SET_USED(state);
	start();
	for (i = 0; i < 4000; i++) {
		if (i % 400 < 200) {
			bed_lan_send(bed, 0, 0, 100);
			if (i % 5 == 0)
				bed_lan_send(bed, 0, 0, 100);
		}
		bed->now += MS;
		bed_poll(bed);
		assert_int_equal(hints(), 0);
	}
	assert_true(bed_drops(bed, TG_STAGE_TX, TG_DROP_CODEL) > 0);
	finish();
}

/* More flooding flows than can be watched, of one peer: the rest is as without hints. */
static void
test_too_many_to_watch(void **state)
{
	unsigned int i, k;

	RTE_SET_USED(state);
	start();
	for (i = 0; i < 4000; i++) {
		for (k = 0; k < 100; k++)
			bed_lan_send(bed, 0, 3 * k, 100);
		bed->now += 10 * MS;
		bed_poll(bed);
		assert_in_range(hints(), 0, TG_HINT_FLOWS);
	}
	assert_true(hints() > TG_HINT_FLOWS / 2);
	bed_pass(bed, 20 * S);
	assert_int_equal(hints(), 0);
	finish();
}

/*
 * Sealing at dequeue.
 */
static void
seal_at_dequeue(void)
{
	options.encrypt_at_dequeue = true;
	options.target_ns = options.interval_ns = 10 * S;
	start();
}

/* Lengths and shares are those of sealed messages; what waits is not sealed, but for some bursts.
 */
static void
test_nothing_sealed_waits(void **state)
{
	uint64_t before;
	unsigned int i;

	RTE_SET_USED(state);
	seal_at_dequeue();
	before = bed->p.crypto[0]->sealed;
	for (i = 0; i < 500; i++)
		bed_lan_send(bed, 0, 0, 100);
	bed_pass(bed, 50 * MS);
	assert_in_range(bed->flows[0].got, 49, 51);
	assert_in_range(bed->p.crypto[0]->sealed - before, 50, 52);
	bed_lan_send(bed, 2, 6, 100);
	bed_pass(bed, 2 * MS);
	assert_int_equal(bed->flows[6].got, 1);
	bed_pass(bed, 500 * MS);
	assert_int_equal(bed->flows[0].got, 500);
	assert_int_equal(bed->p.tx[0]->counters.wasted, 0);
	finish();
}

static void
test_flood_at_dequeue(void **state)
{
	RTE_SET_USED(state);
	options.encrypt_at_dequeue = true;
	start();
	flood(3000, MS);
	assert_int_equal(bed->p.tx[0]->counters.wasted, 0);
	assert_int_equal(hints(), 0);
	assert_int_equal(bed->flows[6].got, 300);
	assert_in_range(bed->flows[0].got, 2300, 2401);
	assert_true(bed_drops(bed, TG_STAGE_TX, TG_DROP_OVERLIMIT) > 0);
	finish();
}

/* CE goes into the packet itself: the peer need not carry it. */
static void
test_mark_at_dequeue(void **state)
{
	unsigned int i;

	RTE_SET_USED(state);
	options.encrypt_at_dequeue = true;
	start();
	for (i = 0; i < 400; i++)
		lan_byte(bed, 1, PKT_ECN_ECT0);
	bed_pass(bed, 500 * MS);
	assert_int_equal(bed->flows[0].got, 400);
	assert_true(bed->n_ce > 0);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_CODEL), 0);
	finish();
}

/* No session when the packet's turn comes: it waits for one, and so do those behind it. */
static void
test_session_ends_while_queued(void **state)
{
	RTE_SET_USED(state);
	seal_at_dequeue();
	bed_lan_send(bed, 0, 0, 100);
	bed_pass(bed, 5 * MS);
	assert_int_equal(bed->flows[0].got, 1);
	for (unsigned int i = 0; i < 50; i++)
		bed_lan_send(bed, 0, 0, 100);
	bed_pass(bed, 10 * MS);
	bed->net_held = true;
	bed->now += WG_REJECT_AFTER_TIME;
	bed_pass(bed, 100 * MS);
	assert_in_range(bed->flows[0].got, 10, 14);
	assert_in_range(fq_backlog_packets(bed->p.tx[0]->staging), 50 - 14, 50 - 9);
	bed->net_held = false;
	bed_settle(bed);
	bed->now += S;
	bed_settle(bed);
	assert_int_equal(bed->flows[0].got, 51);
	finish();
}

/* Peers that go or lose their path while they have packets queued in the clear. */
static void
test_peer_goes_while_queued(void **state)
{
	RTE_SET_USED(state);
	seal_at_dequeue();
	for (unsigned int i = 0; i < 30; i++) {
		bed_lan_send(bed, 0, 0, 100);
		bed_lan_send(bed, 2, 6, 100);
	}
	bed_pass(bed, 10 * MS);
	bed_remove_peer(bed, 0);
	tg_path_withdraw(&bed->p.env, bed->rcu, bed_peer(bed, 2));
	bed_pass(bed, 100 * MS);
	assert_int_equal(bed->flows[0].got + bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_PEER_GONE) +
			bed_drops(bed, TG_STAGE_TX, TG_DROP_PEER_GONE),
		30);
	assert_int_equal(bed->flows[6].got + bed_drops(bed, TG_STAGE_TX, TG_DROP_NO_ENDPOINT), 30);
	finish();
}

/*
 * Behind, the path goes and comes: the packets without one do not wait for the cipher, where the
 * younger one would pass them.
 */
static void
test_path_comes_while_behind(void **state)
{
	unsigned int i;

	RTE_SET_USED(state);
	seal_at_dequeue();
	bed->p.crypto[0]->burst_cycles = 0; /* a burst is one packet */
	tg_path_withdraw(&bed->p.env, bed->rcu, bed_peer(bed, 0));
	for (i = 0; i < 100; i++)
		bed_lan_send(bed, 0, 0, 100);
	bed_rx(bed);
	bed_crypto(bed);
	tg_path_update(&bed->p.env, bed->rcu, bed_peer(bed, 0));
	bed_lan_send(bed, 0, 0, 100);
	bed_pass(bed, S);
	assert_int_equal(bed->flows[0].got, 101);
	finish();
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_flood_is_dropped_before_the_cipher),
		TEST(test_flood_is_noticed_before_anything_is_dropped),
		TEST(test_no_hint_for_many_small_flows),
		TEST(test_sealed_for_a_full_ring_is_wasted),
		TEST(test_flood_without_hints),
		TEST(test_hint_ends_with_its_reason),
		TEST(test_no_hint_for_some_losses),
		TEST(test_too_many_to_watch),
		TEST(test_nothing_sealed_waits),
		TEST(test_flood_at_dequeue),
		TEST(test_mark_at_dequeue),
		TEST(test_session_ends_while_queued),
		TEST(test_peer_goes_while_queued),
		TEST(test_path_comes_while_behind),
	};

	if (bed_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
