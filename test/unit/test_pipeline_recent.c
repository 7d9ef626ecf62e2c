/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a stage remembers of the packet before (recent.h) is that packet's alone: other addresses,
 * another peer and another poll look for themselves, unless they must find the same.
 */
#include "pipeline_faults.h"

/* AllowedIPs of peer 0 beside its own, 172.16.0.0/32 and on: with so many a burst is looked up in
 * one go (fetch.h), and then only the first of a train. */
static unsigned int more;

static void
allow_more(struct bed *bed)
{
	struct wg_update u;
	struct wg_update_peer *up;
	unsigned int i;

	wg_update_init(&u);
	up = wg_update_add_peer(&u);
	memcpy(up->public_key, bed->peers[0].public_key, WG_KEY_LEN);
	for (i = 0; i < more; i++)
		wg_update_add_allowed(up)->prefix =
			(struct lpm_prefix){.addr = {172, 16, (uint8_t)(i >> 8), (uint8_t)i},
				.len = 32,
				.family = AF_INET};
	assert_int_equal(wg_device_apply(bed->gateway.dev, &u, bed->now), 0);
	wg_update_free(&u);
	assert_true(wg_allowedips_is_large(wg_device_allowedips(bed->gateway.dev)));
}

static struct bed *
gateway(void)
{
	struct bed *bed = make((struct bed_params){0});

	bed_know(bed, 1);
	bed_connect(bed, 1);
	if (more)
		allow_more(bed);
	return bed;
}

/* Two in a row of each peer; the last two are IPv6. */
static const struct {
	unsigned int peer;
	uint32_t flow;
} burst[] = {{0, 0}, {0, 0}, {1, 1}, {1, 1}, {0, 2}, {1, 5}};

static void
test_each_destination_of_a_burst(void **state)
{
	struct bed *bed = gateway();
	unsigned int i;

	(void)state;
	for (i = 0; i < 2 * RTE_DIM(burst); i++)
		bed_lan_send(
			bed, burst[i % RTE_DIM(burst)].peer, burst[i % RTE_DIM(burst)].flow, 100);
	bed_settle(bed);
	bed_assert_all_arrived(bed);
	bed_finish(bed);
}

/* What ends before its way is looked up tells those behind it nothing. */
static void
test_the_first_of_a_train_is_broken(void **state)
{
	struct bed *bed = gateway();
	uint8_t p[256];
	uint16_t len = bed_packet(bed, p, BED_LAN, 0, 0, 100);

	(void)state;
	p[10] ^= 1; /* header checksum */
	bed_feed(bed, LAN, bed_frame(bed, LAN, p, len));
	bed_lan_send(bed, 0, 0, 100);
	bed_lan_send(bed, 0, 0, 100);
	bed_settle(bed);
	assert_int_equal(bed->flows[0].got, 2);
	assert_int_equal(bed_drops(bed, TG_STAGE_RX, TG_DROP_BAD_CHECKSUM), 1);
	bed_finish(bed);
}

/* 0a02:0002::2 has no route, and begins as 10.2.0.2 does. */
static void
test_the_other_family(void **state)
{
	static const uint8_t src[16] = {0xfd, 1, [15] = 2}, dst[16] = {10, 2, 0, 2, [15] = 2};
	struct bed *bed = gateway();
	uint8_t p[256];
	uint16_t len = bed_udp6(p, src, dst, 1000, 9, "lost", 4);

	(void)state;
	bed_feed(bed, LAN, bed_frame(bed, LAN, p, len));
	bed_lan_send(bed, 0, 0, 100);
	bed_settle(bed);
	assert_int_equal(bed->flows[0].got, 1);
	assert_int_equal(bed_drops(bed, TG_STAGE_RX, TG_DROP_NO_ROUTE), 1);
	bed_finish(bed);
}

/*
 * 10.2.0.0/16 leads into the tunnel, and so does fd02::/16; each of these is one bit away from what
 * was sent before, and has a route of its own, or a bit beyond the prefix and has none.
 */
static void
test_what_lies_near_has_another_route(void **state)
{
	static const uint8_t src[16] = {0xfd, 1, [15] = 2};
	static const uint8_t near4[][4] = {{10, 2, 0, 3}, {10, 3, 0, 2}};
	static const uint8_t near6[][16] = {
		{0xfd, 2, [7] = 1, [15] = 3}, {0xfd, 3, [7] = 1, [15] = 2}};
	struct bed *bed = gateway();
	uint8_t p[256];
	unsigned int i;

	(void)state;
	bed_route(bed, "10.2.0.3", 32, TG_HOP_BLACKHOLE, 0);
	bed_route(bed, "fd02:0:0:1::3", 128, TG_HOP_BLACKHOLE, 0);
	for (i = 0; i < RTE_DIM(near4); i++) {
		bed_lan_send(bed, 0, 0, 100);
		bed_feed(bed, LAN,
			bed_frame(bed, LAN, p,
				bed_udp4(p, (const uint8_t[]){10, 1, 0, 2}, near4[i], 1000, 9,
					"lost", 4)));
		bed_lan_send(bed, 1, 5, 100);
		bed_feed(bed, LAN,
			bed_frame(bed, LAN, p, bed_udp6(p, src, near6[i], 1000, 9, "lost", 4)));
		bed_lan_send(bed, 0, 0, 100);
	}
	bed_settle(bed);
	assert_int_equal(bed->flows[0].got, 4);
	assert_int_equal(bed->flows[5].got, 2);
	assert_int_equal(bed_drops(bed, TG_STAGE_RX, TG_DROP_PROHIBITED), 2);
	assert_int_equal(bed_drops(bed, TG_STAGE_RX, TG_DROP_NO_ROUTE), 2);
	bed_finish(bed);
}

/* Less than 64 bits decide: fd02:0:0:55::2 is nobody's, and fd03:0:0:55::2 has no route. */
static void
test_what_lies_near_in_the_first_half(void **state)
{
	static const uint8_t src[16] = {0xfd, 1, [15] = 2};
	static const uint8_t dst[][16] = {
		{0xfd, 2, [7] = 0x55, [15] = 2}, {0xfd, 3, [7] = 0x55, [15] = 2}};
	struct bed *bed = gateway();
	uint8_t p[256];
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++)
		bed_feed(bed, LAN,
			bed_frame(bed, LAN, p, bed_udp6(p, src, dst[i % 2], 1000, 9, "lost", 4)));
	bed_settle(bed);
	assert_int_equal(bed_drops(bed, TG_STAGE_RX, TG_DROP_NO_PEER), 2);
	assert_int_equal(bed_drops(bed, TG_STAGE_RX, TG_DROP_NO_ROUTE), 2);
	bed_finish(bed);
}

/* 169.252.0.1 and 169.254.0.1 have the same route; the latter is for the link, by whatever. */
static void
test_what_lies_near_is_for_the_kernel(void **state)
{
	static const uint8_t src[4] = {10, 1, 0, 2};
	static const uint8_t far[4] = {169, 252, 0, 1}, link[4] = {169, 254, 0, 1};
	struct bed *bed = gateway();
	uint8_t p[256];

	(void)state;
	bed_route(bed, "169.0.0.0", 8, TG_HOP_BLACKHOLE, 0);
	bed_feed(bed, LAN, bed_frame(bed, LAN, p, bed_udp4(p, src, far, 1000, 9, "lost", 4)));
	bed_feed(bed, LAN, bed_frame(bed, LAN, p, bed_udp4(p, src, link, 1000, 9, "twin", 4)));
	bed_rx(bed);
	assert_int_equal(bed_drops(bed, TG_STAGE_RX, TG_DROP_PROHIBITED), 1);
	assert_int_equal(rte_ring_count(bed->p.rx[0]->local.ring), 1);
	bed_settle(bed);
	bed_finish(bed);
}

/* 10.1.0.0/16 is a link, where each host has a MAC of its own: that of 10.1.0.3 is to be asked for.
 */
static void
test_what_lies_near_on_the_link(void **state)
{
	static const uint8_t dst[4] = {10, 1, 0, 3};
	struct bed *bed = gateway();
	uint8_t src[16], p[256];

	(void)state;
	bed_host(0, AF_INET, src);
	bed_site_send(bed, 0, BED_LAN, 1, 100);
	bed_remote_send(bed, 0, p, bed_udp4(p, src, dst, 1000, 9, "asks", 4));
	bed_settle(bed);
	assert_int_equal(bed->flows[1].got, 1);
	assert_int_equal(bed->n_local[TG_OP_RESOLVE], 1);
	bed_finish(bed);
}

/* A source that is the peer's before may still not be another's. */
static void
test_the_source_of_another_peer(void **state)
{
	struct bed *bed = gateway();
	uint8_t p[256];
	uint16_t len;

	(void)state;
	bed_site_send(bed, 0, BED_LAN, 1, 100);
	len = bed_packet(bed, p, 0, BED_LAN, 1, 100);
	bed_remote_send(bed, 1, p, len);
	bed_site_send(bed, 0, BED_LAN, 1, 100);
	bed_settle(bed);
	assert_int_equal(bed->flows[1].got, 2);
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_SOURCE), 1);
	bed_finish(bed);
}

/* 10.2.0.2 for peer 0, and then no more. */
static void
test_the_next_poll_looks_again(void **state)
{
	struct bed *bed = gateway();

	(void)state;
	bed_lan_send(bed, 0, 0, 100);
	bed_rx(bed);
	bed_route(bed, "10.2.0.2", 32, TG_HOP_BLACKHOLE, 0);
	bed_lan_send(bed, 0, 0, 100);
	bed_rx(bed);
	assert_int_equal(bed_drops(bed, TG_STAGE_RX, TG_DROP_PROHIBITED), 1);
	bed_settle(bed);
	assert_int_equal(bed->flows[0].got, 1);
	bed_finish(bed);
}

/* The same behind the cipher, for where a peer's packets go and whose their source is. */
static void
test_the_next_poll_looks_again_behind_the_cipher(void **state)
{
	struct bed *bed = gateway();
	struct wg_update u;
	struct wg_update_peer *up;
	struct lpm_prefix moved = {.addr = {10, 2, 0, 2}, .len = 32, .family = AF_INET};

	(void)state;
	bed_site_send(bed, 0, BED_LAN, 1, 100);
	bed_settle(bed);
	bed_route(bed, "10.1.0.2", 32, TG_HOP_BLACKHOLE, 0);
	bed_site_send(bed, 0, BED_LAN, 1, 100);
	bed_settle(bed);
	assert_int_equal(bed->flows[1].got, 1);
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_PROHIBITED), 1);

	wg_update_init(&u);
	up = wg_update_add_peer(&u);
	assert_non_null(up);
	memcpy(up->public_key, bed->peers[1].public_key, WG_KEY_LEN);
	wg_update_add_allowed(up)->prefix = moved;
	assert_int_equal(wg_device_apply(bed->gateway.dev, &u, bed->now), 0);
	wg_update_free(&u);
	bed_site_send(bed, 0, BED_LAN, 1, 100);
	bed_settle(bed);
	assert_int_equal(bed_drops(bed, TG_STAGE_CRYPTO, TG_DROP_SOURCE), 1);
	bed_finish(bed);
}

/* TX stamps a run at its end: 128 bytes inside are a message of 160. */
static void
test_each_peer_of_a_burst_is_stamped(void **state)
{
	struct bed *bed = gateway();
	struct wg_peer *peers[] = {bed_peer(bed, 0), bed_peer(bed, 1)};
	uint64_t before[] = {peers[0]->tx_bytes, peers[1]->tx_bytes};
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		peers[i]->last_sent = 0;
		peers[i]->unanswered_since = 0;
	}
	bed_lan_send(bed, 0, 0, 100);
	bed_lan_send(bed, 0, 0, 100);
	bed_lan_send(bed, 1, 1, 100);
	bed_settle(bed);
	assert_int_equal(peers[0]->tx_bytes - before[0], 2 * 160);
	assert_int_equal(peers[1]->tx_bytes - before[1], 160);
	for (i = 0; i < 2; i++) {
		assert_int_not_equal(peers[i]->last_sent, 0);
		assert_int_equal(peers[i]->unanswered_since, peers[i]->last_sent);
	}
	bed_finish(bed);
}

/* Two keepalives in a burst ask for no answer; data and a keepalive in one do. */
static void
test_keepalives_ask_for_no_answer(void **state)
{
	struct bed *bed = gateway();
	struct wg_peer *peer = bed_peer(bed, 0);
	uint64_t before = peer->tx_bytes;

	(void)state;
	peer->unanswered_since = 0;
	bed_op_keepalive(&bed->gateway, peer);
	bed_op_keepalive(&bed->gateway, peer);
	bed_settle(bed);
	assert_int_equal(peer->tx_bytes - before, 2 * 32);
	assert_int_equal(peer->unanswered_since, 0);
	bed_lan_send(bed, 0, 0, 100);
	bed_op_keepalive(&bed->gateway, peer);
	bed_settle(bed);
	assert_int_equal(peer->unanswered_since, peer->last_sent);
	bed_finish(bed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_destination_of_a_burst),
		cmocka_unit_test(test_the_first_of_a_train_is_broken),
		cmocka_unit_test(test_the_other_family),
		cmocka_unit_test(test_what_lies_near_has_another_route),
		cmocka_unit_test(test_what_lies_near_in_the_first_half),
		cmocka_unit_test(test_what_lies_near_is_for_the_kernel),
		cmocka_unit_test(test_what_lies_near_on_the_link),
		cmocka_unit_test(test_the_source_of_another_peer),
		cmocka_unit_test(test_the_next_poll_looks_again),
		cmocka_unit_test(test_the_next_poll_looks_again_behind_the_cipher),
		cmocka_unit_test(test_each_peer_of_a_burst_is_stamped),
		cmocka_unit_test(test_keepalives_ask_for_no_answer),
	};

	int failed;

	if (bed_init())
		return 1;
	failed = cmocka_run_group_tests_name("few AllowedIPs", tests, NULL, NULL);
	more = 600;
	return failed + cmocka_run_group_tests_name("many AllowedIPs", tests, NULL, NULL);
}
