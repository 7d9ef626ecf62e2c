/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queue before the cipher: a crypto stage that is given more than a burst (64) per poll. Each
 * poll is what the cipher can do; one stage of each kind, in virtual time.
 */
#include "pipeline_faults.h"

#include "ecn.h"

#define ONE_STAGE_EACH (&bed_maps[2])

static struct tg_queue_options options;
static struct bed *bed;

static int
set_up(void **state)
{
	RTE_SET_USED(state);
	tg_queue_options_default(&options);
	return 0;
}

static void
start(void)
{
	bed = bed_create(&(struct bed_params){
		.map = ONE_STAGE_EACH, .seed = 1, .queue = &options, .mbufs = 16383});
	bed_know_all(bed);
	bed_connect_all(bed);
}

static void
finish(void)
{
	bed_settle(bed);
	bed_finish(bed);
}

/* Flows that are not IPv6: LAN to peer 3 n, and 3 n + 1 from a site to the LAN. */
static void
to_site(unsigned int peer, uint32_t flow, unsigned int n)
{
	while (n--)
		bed_lan_send(bed, peer, flow, 100);
}

static void
from_site(unsigned int peer, uint32_t flow, unsigned int n)
{
	while (n--)
		bed_site_send(bed, peer, BED_LAN, flow, 100);
}

static void
cipher_takes(unsigned int bursts)
{
	bed_rx(bed);
	while (bursts--)
		bed_crypto(bed);
	bed_tx(bed);
	while (rte_ring_count(bed->out[LAN][0]) || rte_ring_count(bed->out[WAN][0])) {
		bed_collect(bed, LAN, UINT_MAX);
		bed_collect(bed, WAN, UINT_MAX);
		bed_tx(bed);
	}
}

static struct fq_stats
queue_stats(void)
{
	struct fq_stats stats;

	fq_stats_get(bed->p.crypto[0]->queue, &stats);
	return stats;
}

static void
change_weight(unsigned int peer, uint16_t weight)
{
	struct wg_update_peer *up;
	struct wg_update u;

	wg_update_init(&u);
	up = wg_update_add_peer(&u);
	memcpy(up->public_key, bed->peers[peer].public_key, WG_KEY_LEN);
	up->has_weight = true;
	up->weight = weight;
	assert_int_equal(wg_device_apply(bed->gateway.dev, &u, bed->now), 0);
	wg_update_free(&u);
}

static void
test_one_burst_passes_by_the_queue(void **state)
{
	RTE_SET_USED(state);
	start();
	to_site(0, 0, 40);
	from_site(2, 1, 24);
	cipher_takes(1);
	assert_int_equal(bed->flows[0].got, 40);
	assert_int_equal(bed->flows[1].got, 24);
	assert_int_equal(queue_stats().c.enqueued, 0);
	finish();
}

/* 65 are one too many: they queue, and a burst of them leaves. What comes then queues behind it. */
static void
test_more_than_a_burst_waits(void **state)
{
	RTE_SET_USED(state);
	start();
	to_site(0, 0, 65);
	cipher_takes(1);
	assert_int_equal(bed->flows[0].got, 64);
	assert_int_equal(queue_stats().backlog_packets, 1);
	to_site(0, 0, 5);
	cipher_takes(1);
	assert_int_equal(bed->flows[0].got, 70);
	assert_int_equal(queue_stats().c.enqueued, 70);
	to_site(0, 0, 5);
	cipher_takes(1);
	assert_int_equal(bed->flows[0].got, 75);
	assert_int_equal(queue_stats().c.enqueued, 70);
	finish();
}

/* Behind 136 packets of a greedy flow: one of another peer, and one of another flow of the same. */
static void
test_sparse_flows_go_first(void **state)
{
	RTE_SET_USED(state);
	start();
	to_site(0, 0, 200);
	cipher_takes(1);
	to_site(2, 6, 1);
	to_site(0, 24, 1);
	cipher_takes(1);
	assert_int_equal(bed->flows[6].got, 1);
	assert_int_equal(bed->flows[24].got, 1);
	assert_in_range(bed->flows[0].got, 126, 127);
	finish();
}

/* As 1 to 3, of 4 bursts. */
static void
test_peers_share_the_cipher_by_weight(void **state)
{
	RTE_SET_USED(state);
	start();
	change_weight(2, 3);
	to_site(0, 0, 250);
	to_site(2, 6, 250);
	cipher_takes(4);
	assert_in_range(bed->flows[0].got, 62, 66);
	assert_in_range(bed->flows[6].got, 190, 194);
	finish();
}

/* What a peer sends is one tin and what it is sent another, also with more flows in it. */
static void
test_directions_share_the_cipher(void **state)
{
	RTE_SET_USED(state);
	start();
	from_site(0, 1, 150);
	to_site(0, 0, 75);
	to_site(0, 24, 75);
	cipher_takes(2);
	assert_in_range(bed->flows[1].got, 62, 66);
	assert_in_range(bed->flows[0].got + bed->flows[24].got, 62, 66);
	finish();
}

/* A peer that moves while its messages wait is one flow still. */
static void
test_messages_of_a_peer_keep_their_order(void **state)
{
	RTE_SET_USED(state);
	start();
	from_site(0, 1, 60);
	bed->peers[0].address.port = htons(4444);
	from_site(0, 1, 60);
	cipher_takes(1);
	bed_settle(bed);
	assert_int_equal(bed->flows[1].got, 120);
	finish();
}

/* A frame in the clear has nothing to wait for. */
static void
test_frames_do_not_wait_for_the_cipher(void **state)
{
	uint8_t p[2048];
	uint16_t len;

	RTE_SET_USED(state);
	start();
	to_site(0, 0, 100);
	len = bed_packet(bed, p, 0, BED_LAN, 1, 100);
	bed_feed(bed, WAN, bed_frame(bed, WAN, p, len));
	cipher_takes(1);
	assert_int_equal(bed->flows[1].got, 1);
	assert_int_equal(bed->flows[0].got, 64);
	finish();
}

/*
 * Each 10 ms come 80 packets and 64 can be taken, for 1.5 s. Returns what CoDel said.
 */
struct overload {
	uint64_t drops, marks;
};

static struct overload
overload(void (*send)(uint8_t tos), uint8_t tos)
{
	struct overload o;
	unsigned int i, k;

	start();
	for (i = 0; i < 150; i++) {
		for (k = 0; k < 80; k++)
			send(tos);
		bed->now += 10 * MS;
		cipher_takes(1);
	}
	o.marks = queue_stats().c.marks;
	o.drops = bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_CODEL);
	assert_int_equal(queue_stats().c.drops[FQ_DROP_OVERLIMIT], 0);
	while (bed_crypto_backlog(bed))
		cipher_takes(1);
	return o;
}

static void
lan_tos(uint8_t tos)
{
	lan_byte(bed, 1, tos);
}

/* From a peer that carries marks: the outer header says what the inner one does. */
static void
site_tos(uint8_t tos)
{
	uint8_t msg[256], p[2048];
	uint16_t len = inner(bed, p);

	p[1] = tos;
	fix_checksum(p);
	len = bed_seal(bed, 0, p, len, msg);
	bed_feed(bed, WAN, bed_outer(bed, 0, msg, len, tos));
}

static void
test_codel_drops_before_the_cipher(void **state)
{
	struct overload o;

	RTE_SET_USED(state);
	o = overload(lan_tos, PKT_ECN_NOT_ECT);
	assert_in_range(o.drops, 20, 400);
	assert_int_equal(o.marks, 0);
	assert_int_equal(bed->flows[0].got + o.drops, 150 * 80);
	assert_int_equal(bed->p.crypto[0]->sealed, bed->flows[0].got);
	finish();

	o = overload(site_tos, PKT_ECN_NOT_ECT);
	assert_in_range(o.drops, 20, 400);
	assert_int_equal(bed->flows[1].got + o.drops, 150 * 80);
	finish();
}

/* The inner header says CE: in the clear before sealing, by way of the outer one before opening. */
static void
test_codel_marks_before_the_cipher(void **state)
{
	struct overload o;

	RTE_SET_USED(state);
	o = overload(lan_tos, PKT_ECN_ECT0);
	assert_in_range(o.marks, 20, 400);
	assert_int_equal(o.drops, 0);
	assert_int_equal(bed->n_ce, o.marks);
	assert_int_equal(bed->flows[0].got, 150 * 80);
	finish();

	o = overload(site_tos, PKT_ECN_ECT0);
	assert_in_range(o.marks, 20, 400);
	assert_int_equal(o.drops, 0);
	assert_int_equal(bed->n_ce, o.marks);
	assert_int_equal(bed->flows[1].got, 150 * 80);
	finish();
}

/* A keepalive has no IP header to mark: it is the only one of its flow here, and must arrive. */
static void
test_keepalive_passes_a_queue(void **state)
{
	RTE_SET_USED(state);
	start();
	bed->keepalives = 0;
	to_site(0, 0, 100);
	bed_rx(bed);
	bed_op_keepalive(&bed->gateway, bed_peer(bed, 0));
	cipher_takes(1);
	assert_int_equal(bed->keepalives, 1);
	finish();
}

/* What arrives while there is a queue is looked at before it takes a place. */
static void
test_strangers_take_no_place(void **state)
{
	uint64_t drops;

	RTE_SET_USED(state);
	start();
	drops = bed_all_drops(bed);
	to_site(0, 0, 100);
	message(bed, WG_MESSAGE_DATA, 12345, 64);
	to_site(2, 6, 3);
	bed_rx(bed);
	bed_remove_peer(bed, 2);
	bed_crypto(bed);
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_NO_SESSION), 1);
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_PEER_GONE), 3);
	assert_int_equal(queue_stats().c.enqueued, 100);
	assert_int_equal(bed_all_drops(bed) - drops, 4);
	finish();
}

/* Sessions and peers end while packets wait for the cipher: each is looked up again. */
static void
test_what_ends_meanwhile(void **state)
{
	RTE_SET_USED(state);
	start();
	to_site(0, 0, 50);
	to_site(2, 6, 50);
	from_site(2, 1, 50);
	bed_rx(bed);
	bed_crypto(bed);
	bed_remove_peer(bed, 2);
	bed_settle(bed);
	assert_int_equal(bed->flows[0].got, 50);
	assert_int_equal(bed->flows[6].got + bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_PEER_GONE) +
			bed_drops(bed, TG_STAGE_TX, TG_DROP_PEER_GONE),
		50);
	assert_int_equal(
		bed->flows[1].got + bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_NO_SESSION), 50);
	assert_true(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_PEER_GONE) > 0);
	assert_true(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_NO_SESSION) > 0);
	finish();
}

/* 16383 / 4 places. RX takes more than a stage's burst per poll, so the queue fills, not the port.
 */
static void
test_limit(void **state)
{
	unsigned int i;

	RTE_SET_USED(state);
	start();
	for (i = 0; i < 12; i++) {
		to_site(0, 0, 400);
		bed_rx(bed);
		bed_crypto(bed);
		bed_tx(bed);
		bed_collect(bed, WAN, UINT_MAX);
	}
	assert_int_equal(bed_drops(bed, TG_STAGE_RX, TG_DROP_CRYPTO_FULL), 0);
	/* Each batch is of 64, and 64 leave per poll. */
	assert_in_range(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_OVERLIMIT), 1, 400);
	assert_in_range(bed_crypto_backlog(bed), 4095 - 128, 4095);
	assert_int_equal(bed->p.crypto[0]->ring_peak, 400);
	finish();
}

/* However many queues there are, a poll ends at 512 packets and what a burst had more. */
static void
test_rx_gives_no_more_than_rings_hold(void **state)
{
	struct tg_rx *rx;

	RTE_SET_USED(state);
	start();
	rx = bed->p.rx[0];
	for (rx->n_queues = 0; rx->n_queues < 32; rx->n_queues++)
		rx->queues[rx->n_queues] = (struct tg_rx_queue){.port = LAN};
	to_site(0, 0, 1000);
	assert_int_equal(stage_rx_poll(rx, bed->now), 512);
	assert_int_equal(stage_rx_poll(rx, bed->now), 1000 - 512);
	finish();
}

/* A queue that is behind 15 full ones has its turn: a poll goes on where the last one ended. */
static void
test_rx_queues_take_turns(void **state)
{
	struct tg_rx *rx;

	RTE_SET_USED(state);
	start();
	rx = bed->p.rx[0];
	for (rx->n_queues = 0; rx->n_queues < 16; rx->n_queues++)
		rx->queues[rx->n_queues] = (struct tg_rx_queue){.port = LAN};
	rx->queues[15].port = WAN;
	from_site(0, 1, 1);
	to_site(0, 0, 1000);
	assert_int_equal(stage_rx_poll(rx, bed->now), 512);
	bed_crypto(bed);
	to_site(0, 0, 400);
	assert_int_equal(rte_ring_count(bed->in[WAN]), 1);
	stage_rx_poll(rx, bed->now);
	assert_int_equal(rte_ring_count(bed->in[WAN]), 0);
	finish();
}

static void
test_fifo(void **state)
{
	unsigned int i;

	RTE_SET_USED(state);
	options.fifo = true;
	start();
	to_site(0, 0, 200);
	bed_rx(bed);
	to_site(2, 6, 1);
	cipher_takes(3);
	assert_int_equal(bed->flows[6].got, 0);
	cipher_takes(1);
	assert_int_equal(bed->flows[6].got, 1);

	for (i = 0; i < 3; i++) { /* 436, 872 and 936 wait then */
		to_site(0, 0, 500);
		cipher_takes(1);
	}
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_FIFO), 872 + 500 - 1000);
	finish();
}

static void
test_shutdown_counts_what_waits(void **state)
{
	RTE_SET_USED(state);
	start();
	to_site(0, 0, 100);
	cipher_takes(1);
	tg_pipeline_drain(&bed->p);
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_PURGE), 36);
	bed_destroy(bed);
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_one_burst_passes_by_the_queue),
		TEST(test_more_than_a_burst_waits),
		TEST(test_sparse_flows_go_first),
		TEST(test_peers_share_the_cipher_by_weight),
		TEST(test_directions_share_the_cipher),
		TEST(test_messages_of_a_peer_keep_their_order),
		TEST(test_frames_do_not_wait_for_the_cipher),
		TEST(test_codel_drops_before_the_cipher),
		TEST(test_codel_marks_before_the_cipher),
		TEST(test_keepalive_passes_a_queue),
		TEST(test_strangers_take_no_place),
		TEST(test_what_ends_meanwhile),
		TEST(test_limit),
		TEST(test_rx_gives_no_more_than_rings_hold),
		TEST(test_rx_queues_take_turns),
		TEST(test_fifo),
		TEST(test_shutdown_counts_what_waits),
	};

	if (bed_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
