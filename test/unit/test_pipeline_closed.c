/* SPDX-License-Identifier: BSD-3-Clause */
/* How many packets wait in the closed tin of a peer, and which of them. With each lcore map. */
#include "test_pipeline.h"

static const struct bed_map *map;

static struct bed *
make(struct bed_params params)
{
	params.map = map;
	return bed_create(&params);
}

static struct bed *
make_staging(struct tg_queue_options *queue, uint32_t limit)
{
	tg_queue_options_default(queue);
	queue->staging = limit;
	queue->encrypt_at_dequeue = map->encrypt_at_dequeue;
	return make((struct bed_params){.seed = 1, .mbufs = 16383, .queue = queue});
}

/* Flow 3 n + 0 goes from the LAN to peer n % 8. */
static void
keeps_the_last(struct bed *bed, unsigned int limit, unsigned int n)
{
	unsigned int i;

	bed_know(bed, 0);
	bed->net_held = true;
	for (i = 0; i < n; i++) {
		bed_lan_send(bed, 0, 0, 100);
		if (i % 100 == 99)
			bed_settle(bed);
	}
	bed_settle(bed);
	assert_int_equal(bed->n_events[TG_EVENT_SESSION_WANTED], 1);
	assert_int_equal(bed->n_net, 1);
	assert_int_equal(bed_drops(bed, TG_STAGE_TX, TG_DROP_TIN_LIMIT), n - limit);

	bed->flows[0].next = n - limit;
	bed->net_held = false;
	bed_settle(bed);
	assert_int_equal(bed->flows[0].got, limit);
	assert_int_equal(bed->flows[0].next, n);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

static void
test_closed_tin_keeps_the_last_128(void **state)
{
	RTE_SET_USED(state);
	keeps_the_last(make((struct bed_params){.seed = 1}), 128, 200);
}

static void
test_closed_tin_keeps_as_many_as_it_shall(void **state)
{
	static const uint32_t limits[] = {1, 127, 400};
	struct tg_queue_options queue;

	RTE_SET_USED(state);
	for (size_t i = 0; i < RTE_DIM(limits); i++)
		keeps_the_last(make_staging(&queue, limits[i]), limits[i], 500);
}

/* The handshake before was given up, and control says so when 400 packets wait for the next one. */
static void
test_late_end_keeps_what_is_younger(void **state)
{
	struct tg_queue_options queue;
	struct bed *bed = make_staging(&queue, 400);
	struct tg_command late = {.kind = TG_COMMAND_PURGE, .at = (uint32_t)(bed->now >> 10)};
	struct tg_tx *tx;
	unsigned int i;

	RTE_SET_USED(state);
	bed_know(bed, 0);
	bed->net_held = true;
	bed->now += S;
	for (i = 0; i < 500; i++) {
		bed_lan_send(bed, 0, 0, 100);
		if (i % 100 == 99)
			bed_settle(bed);
	}
	late.peer = bed_peer(bed, 0)->id;
	tx = bed->p.tx[tg_tx_of_tin(&bed->p.env, late.peer)];
	tg_staging_command(tx, &late);
	assert_int_equal(fq_backlog_packets(tx->staging), 400);
	bed->flows[0].next = 100;
	bed->net_held = false;
	bed_settle(bed);
	assert_int_equal(bed->flows[0].got, 400);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

/* A limit for each peer: who floods does not take the others' places. The pool is so large that the
 * queue before the cipher takes all.
 */
static void
test_closed_tins_do_not_share_a_limit(void **state)
{
	struct bed *bed = make((struct bed_params){.seed = 1, .mbufs = 16383});
	unsigned int i;

	RTE_SET_USED(state);
	bed_know_all(bed);
	bed->net_held = true;
	bed_lan_send(bed, 1, 3, 100);
	for (i = 0; i < 500; i++)
		bed_lan_send(bed, 0, 0, 100);
	bed_settle(bed);
	bed->flows[0].next = 500 - 128;
	bed->net_held = false;
	bed_settle(bed);
	assert_int_equal(bed->flows[0].got, 128);
	assert_int_equal(bed->flows[3].got, 1);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

static int
run(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed_tin_keeps_the_last_128),
		cmocka_unit_test(test_closed_tin_keeps_as_many_as_it_shall),
		cmocka_unit_test(test_late_end_keeps_what_is_younger),
		cmocka_unit_test(test_closed_tins_do_not_share_a_limit),
	};

	return cmocka_run_group_tests_name(map->name, tests, NULL, NULL);
}

int
main(void)
{
	return bed_run_with_each_map(&map, run);
}
