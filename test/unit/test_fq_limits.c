/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables and limits: who is dropped, collisions, closed tins, and the pool of tins. */
#include "fq_check.h"

/* Limit 4: A has three packets of 500, B's second is one too many, half of A's leave at the head.
 */
static void
overlimit_takes_half_of_the_fattest(void **state)
{
	struct test_fq t;
	struct fq_params p = test_fq_params();

	RTE_SET_USED(state);
	p.limit_packets = 4;
	test_fq_start(&t, p, 16);
	test_fq_put_many(&t, 3, 1, 0xa, 500);
	test_fq_put_many(&t, 2, 1, 0xb, 500);
	assert_int_equal(t.drops, 2);
	assert_int_equal(t.drop_id[0], 0);
	assert_int_equal(t.drop_id[1], 1);
	assert_int_equal(t.drop_why[1], FQ_DROP_OVERLIMIT);
	assert_int_equal(test_fq_id(&t), 2);
	assert_int_equal(test_fq_id(&t), 3);
	assert_int_equal(test_fq_id(&t), 4);
	assert_int_equal(test_fq_id(&t), NOBODY);
	test_fq_end(&t);
}

static void
overlimit_batch_is_32(void **state)
{
	struct test_fq t;
	struct fq_params p = test_fq_params();

	RTE_SET_USED(state);
	p.limit_bytes = 100000;
	test_fq_start(&t, p, 256);
	test_fq_put_many(&t, 100, 1, 0xa, 1000);
	assert_int_equal(t.drops, 0);
	test_fq_put(&t, 1, 0xb, 1);
	assert_int_equal(t.drops, 32);
	assert_int_equal(t.drop_id[31], 31);
	test_fq_end(&t);
}

/* 30,000 bytes at weight 4 are less, per weight, than 10,000 at weight 1. */
static void
overlimit_respects_weight(void **state)
{
	struct test_fq t;
	struct fq_params p = test_fq_params();
	struct fq_tin_stats s;

	RTE_SET_USED(state);
	p.limit_packets = 40;
	test_fq_start(&t, p, 64);
	for (int i = 0; i < 30; i++)
		test_fq_put_weighted(&t, 1, 0xa, 1000, 4);
	for (int i = 0; i < 10; i++)
		test_fq_put_weighted(&t, 2, 0xa, 1000, 1);
	test_fq_put_weighted(&t, 1, 0xa, 1000, 4);
	assert_true(test_fq_tin(t.q, 2, &s));
	assert_int_equal(s.c.drops[FQ_DROP_OVERLIMIT], 5);
	assert_true(test_fq_tin(t.q, 1, &s));
	assert_int_equal(s.c.drops[FQ_DROP_OVERLIMIT], 0);
	assert_int_equal(s.weight, 4);
	test_fq_end(&t);
}

/* Tin 1 was the fattest, with 20 packets, and has one left. Now it is tin 2, with 12. */
static void
drained_tin_is_no_victim(void **state)
{
	struct test_fq t;
	struct fq_params p = test_fq_params();
	struct fq_tin_stats s;

	RTE_SET_USED(state);
	p.limit_packets = 20;
	test_fq_start(&t, p, 64);
	test_fq_put_many(&t, 20, 1, 0xa, 1000);
	for (int i = 0; i < 19; i++)
		test_fq_get(&t);
	test_fq_put_many(&t, 12, 2, 0xa, 1000);
	for (uint32_t key = 3; key < 10; key++)
		test_fq_put(&t, key, 0xa, 1000);
	assert_int_equal(t.drops, 0);
	test_fq_put(&t, 10, 0xa, 1000);
	assert_int_equal(t.drops, 6);
	assert_true(test_fq_tin(t.q, 2, &s));
	assert_int_equal(s.c.drops[FQ_DROP_OVERLIMIT], 6);
	fq_check(t.q);
	test_fq_end(&t);
}

/* A flood through one peer, in one flow or in thousands, costs eight modest peers nothing. */
static void
flood_costs_others_nothing(void **state)
{
	RTE_SET_USED(state);
	for (uint32_t spray = 0; spray < 2; spray++) {
		struct test_fq t;
		struct fq_params p = test_fq_params();
		struct fq_tin_stats s;

		p.limit_packets = 256;
		test_fq_start(&t, p, 512);
		for (uint32_t i = 0; i < 5000; i++) {
			for (uint32_t j = 0; j < 10; j++)
				test_fq_put(&t, 100, spray * (10 * i + j), 1000);
			test_fq_put(&t, i % 8, 0xa, 1000);
			test_fq_get(&t);
			test_fq_get(&t);
		}
		fq_check(t.q);
		for (uint32_t key = 0; key < 8; key++) {
			assert_true(test_fq_tin(t.q, key, &s));
			assert_int_equal(s.c.drops[FQ_DROP_OVERLIMIT], 0);
			assert_in_range(s.c.packets, 624, 625);
		}
		test_fq_end(&t);
	}
}

/* The flow that was fattest has drained; what is fattest now got its packets long ago. */
static void
stale_fattest_is_searched(void **state)
{
	struct test_fq t;
	struct fq_params p = test_fq_params();

	RTE_SET_USED(state);
	p.limit_packets = 30;
	p.quantum = 65535;
	test_fq_start(&t, p, 64);
	test_fq_put_many(&t, 17, 1, 0xa, 1000);
	test_fq_put_many(&t, 10, 1, 0xb, 1000);
	for (int i = 0; i < 17; i++)
		assert_int_equal(test_fq_id(&t), i);
	test_fq_put_many(&t, 20, 2, 0xc, 10);
	assert_int_equal(t.drops, 0);
	test_fq_put(&t, 2, 0xc, 10);
	assert_int_equal(t.drops, 5);
	assert_int_equal(t.drop_id[0], 17);
	fq_check(t.q);
	test_fq_end(&t);
}

/* n different hashes of one set for this key. */
static void
same_set(const struct fq *q, uint32_t key, uint32_t *hashes, uint32_t n)
{
	uint32_t set = fq_check_set(q, key, 1);

	for (uint32_t hash = 1, i = 0; i < n; hash++) {
		if (fq_check_set(q, key, hash) == set)
			hashes[i++] = hash;
	}
}

/* Eight flows fill a set; the ninth and tenth share the tin's default flow. */
static void
ninth_flow_of_a_set_collides(void **state)
{
	struct test_fq t;
	uint32_t hashes[10];
	struct fq_tin_stats s;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 32);
	same_set(t.q, 5, hashes, 10);
	for (uint32_t i = 0; i < 10; i++)
		test_fq_put(&t, 5, hashes[i], 100);
	fq_check(t.q);
	assert_true(test_fq_tin(t.q, 5, &s));
	assert_int_equal(s.c.collisions, 2);
	assert_int_equal(s.default_packets, 2);
	assert_int_equal(s.flows_new, 9);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(test_fq_id(&t), i);
	test_fq_end(&t);
}

/* The bucket is full of another tin's flows: each tin has a default flow of its own. */
static void
tins_collide_apart(void **state)
{
	struct test_fq t;
	uint32_t hashes[9], other;
	struct fq_tin_stats s;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 32);
	same_set(t.q, 5, hashes, 9);
	for (uint32_t i = 0; i < 9; i++)
		test_fq_put(&t, 5, hashes[i], 100);
	for (other = 0; fq_check_set(t.q, 6, other) != fq_check_set(t.q, 5, hashes[0]);)
		other++;
	test_fq_put(&t, 6, other, 100);
	fq_check(t.q);
	assert_true(test_fq_tin(t.q, 5, &s));
	assert_int_equal(s.default_packets, 1);
	assert_true(test_fq_tin(t.q, 6, &s));
	assert_int_equal(s.default_packets, 1);
	assert_int_equal(s.c.collisions, 1);
	test_fq_end(&t);
}

static struct fq_stats
queue_stats(const struct test_fq *t)
{
	struct fq_stats s;

	fq_stats_get(t->q, &s);
	return s;
}

/*
 * Ten flows of tin 5 as above, with two packets each, and two of tin 6: nine and two are new, one
 * of them the default flow with four packets. When each has sent one they are old, and those of tin
 * 6 are gone; at the end there is none.
 */
static void
flows_of_all_tins_are_counted(void **state)
{
	struct fq_params p = test_fq_params();
	struct test_fq t;
	uint32_t hashes[10];
	struct fq_stats s;

	RTE_SET_USED(state);
	p.quantum = 100;
	test_fq_start(&t, p, 64);
	same_set(t.q, 5, hashes, 10);
	for (uint32_t i = 0; i < 20; i++)
		test_fq_put(&t, 5, hashes[i % 10], 100);
	test_fq_put(&t, 6, 1000, 100);
	test_fq_put(&t, 6, 1001, 100);
	s = queue_stats(&t);
	assert_int_equal(s.flows, 10);
	assert_int_equal(s.flows_new, 11);
	assert_int_equal(s.flows_old, 0);
	assert_int_equal(s.flows_default, 1);
	assert_int_equal(s.default_packets, 4);
	for (uint32_t i = 0; i < 11; i++)
		test_fq_id(&t);
	s = queue_stats(&t);
	assert_int_equal(s.flows_new, 0);
	assert_int_equal(s.flows_old, 9);
	assert_int_equal(s.flows_default, 1);
	assert_int_equal(s.default_packets, 3);
	while (test_fq_id(&t) != NOBODY)
		;
	s = queue_stats(&t);
	assert_int_equal(s.flows_new + s.flows_old + s.flows_default + s.default_packets, 0);
	test_fq_end(&t);
}

/* A bucket becomes free while a collided flow still has packets in the default flow. */
static void
collided_flow_keeps_its_order(void **state)
{
	struct test_fq t;
	uint32_t hashes[10], seen[3], n = 0;
	struct test_pkt *p;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	same_set(t.q, 5, hashes, 10);
	for (uint32_t i = 0; i < 8; i++)
		test_fq_put(&t, 5, hashes[i], 100);
	test_fq_put_many(&t, 2, 5, hashes[8], 2000);
	assert_int_equal(test_fq_id(&t), 0);
	test_fq_put(&t, 5, hashes[8], 10);
	while ((p = test_fq_get(&t))) {
		if (p->hash == hashes[8])
			seen[n++] = p->id;
	}
	assert_int_equal(n, 3);
	assert_true(seen[0] < seen[1] && seen[1] < seen[2]);
	test_fq_put(&t, 5, hashes[8], 100);
	assert_int_equal(t.q->flows[fq_default_flow(t.q, 0)].packets, 0);
	test_fq_end(&t);
}

/* One peer may hold half as many flows as remain free: 22 of 64, 21 would allow one more. */
static void
one_tin_cannot_take_all_flows(void **state)
{
	struct test_fq t;
	struct fq_params p = test_fq_params();
	struct fq_stats s;
	struct fq_tin_stats ts;

	RTE_SET_USED(state);
	p.flows = 64;
	test_fq_start(&t, p, 256);
	for (uint32_t i = 0; i < 200; i++)
		test_fq_put(&t, 1, i, 100);
	fq_stats_get(t.q, &s);
	assert_int_equal(s.flows, 22);
	test_fq_put(&t, 2, 1, 100);
	assert_true(test_fq_tin(t.q, 2, &ts));
	assert_int_equal(ts.c.collisions, 0);
	fq_check(t.q);
	test_fq_end(&t);
}

/* The same for flows that had a place before and find it free, the latest first. */
static void
one_tin_cannot_take_all_flows_again(void **state)
{
	struct test_fq t;
	struct fq_params p = test_fq_params();
	struct fq_stats s;

	RTE_SET_USED(state);
	p.flows = 64;
	test_fq_start(&t, p, 256);
	for (uint32_t i = 0; i < 100; i++) {
		test_fq_put(&t, 1, i, 100);
		assert_non_null(test_fq_get(&t));
	}
	for (uint32_t i = 100; i-- > 0;)
		test_fq_put(&t, 1, i, 100);
	fq_stats_get(t.q, &s);
	assert_int_equal(s.flows, 22);
	fq_check(t.q);
	test_fq_end(&t);
}

static void
closed_tin_keeps_then_releases_in_order(void **state)
{
	struct test_fq t;
	struct fq_params p = test_fq_params();

	RTE_SET_USED(state);
	p.start_closed = true;
	test_fq_start(&t, p, 16);
	test_fq_put_many(&t, 3, 1, 0xa, 100);
	test_fq_put_many(&t, 1, 2, 0xa, 100);
	assert_int_equal(test_fq_id(&t), NOBODY);
	fq_tin_open(t.q, 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(test_fq_id(&t), i);
	assert_int_equal(test_fq_id(&t), NOBODY);
	test_fq_put(&t, 1, 0xa, 100); /* drained, so closed again */
	assert_int_equal(test_fq_id(&t), NOBODY);
	fq_tin_open(t.q, 1);
	assert_int_equal(test_fq_id(&t), 4);
	fq_tin_open(t.q, 77);
	test_fq_put_many(&t, 2, 1, 0xa, 100);
	fq_tin_open(t.q, 1);
	assert_int_equal(test_fq_id(&t), 5);
	assert_int_equal(test_fq_id(&t), 6);
	assert_int_equal(test_fq_id(&t), NOBODY);
	fq_check(t.q);
	test_fq_end(&t);
}

/* 128 wait for a session; more push out the oldest flow's head. */
static void
tin_limit_drops_oldest(void **state)
{
	struct test_fq t;
	struct fq_params p = test_fq_params();

	RTE_SET_USED(state);
	p.start_closed = true;
	p.tin_limit_packets = 128;
	test_fq_start(&t, p, 256);
	test_fq_put_many(&t, 2, 1, 0xa, 100);
	test_fq_put_many(&t, 126, 1, 0xb, 100);
	assert_int_equal(t.drops, 0);
	test_fq_put_many(&t, 3, 1, 0xb, 100);
	assert_int_equal(t.drops, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(t.drop_id[i], i);
		assert_int_equal(t.drop_why[i], FQ_DROP_TIN_LIMIT);
	}
	test_fq_put(&t, 2, 0xa, 100);
	assert_int_equal(t.drops, 3);
	fq_check(t.q);
	fq_tin_open(t.q, 1);
	for (uint32_t i = 3; i < 131; i++)
		assert_int_equal(test_fq_id(&t), i);
	test_fq_end(&t);
}

/* An open tin: the fattest flow loses, also when it is not the one that comes on top, nor the
 * oldest. */
static void
tin_limit_drops_fattest(void **state)
{
	struct test_fq t;
	struct fq_params p = test_fq_params();

	RTE_SET_USED(state);
	p.tin_limit_packets = 6;
	test_fq_start(&t, p, 64);
	test_fq_put_many(&t, 2, 1, 0xa, 1000);
	test_fq_put_many(&t, 4, 1, 0xb, 1000);
	assert_int_equal(t.drops, 0);
	test_fq_put(&t, 1, 0xa, 1000);
	assert_int_equal(t.drops, 1);
	assert_int_equal(t.drop_id[0], 2);
	assert_int_equal(t.drop_why[0], FQ_DROP_TIN_LIMIT);
	fq_check(t.q);
	test_fq_end(&t);
}

/* Nine are queued when the limit becomes four: with the next packet, so is the backlog. */
static void
tin_limit_lowered_counts_at_once(void **state)
{
	struct fq_tin_conf conf = {.weight = 1, .limit_packets = 4};
	struct test_fq t;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	test_fq_put_many(&t, 3, 1, 0xa, 1000);
	test_fq_put_many(&t, 6, 1, 0xb, 1000);
	fq_enqueue(t.q, &test_fq_pkt(&t, 1, 0xa, 1000)->m, 1, &conf, t.now);
	assert_int_equal(t.drops, 6);
	assert_int_equal(test_fq_tin_packets(t.q, 1), 4);
	fq_check(t.q);
	test_fq_end(&t);
}

static void
purge_empties_one_tin(void **state)
{
	struct test_fq t;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	for (uint32_t i = 0; i < 20; i++)
		test_fq_put(&t, i % 2, i % 4, 1000);
	test_fq_get(&t);
	test_fq_get(&t);
	assert_int_equal(fq_tin_purge(t.q, 0), 9);
	assert_int_equal(t.drops, 9);
	assert_int_equal(t.drop_why[8], FQ_DROP_PURGE);
	fq_check(t.q);
	for (int i = 0; i < 9; i++)
		assert_int_equal(test_fq_key(&t), 1);
	assert_int_equal(test_fq_key(&t), NOBODY);
	test_fq_put(&t, 0, 1, 1000);
	assert_int_equal(test_fq_key(&t), 0);
	assert_int_equal(fq_tin_purge(t.q, 99), 0);
	test_fq_end(&t);
}

/* Two places. Key 3 takes that of 1, idle for longest; 4 finds none while 2 and 3 are busy. */
static void
idle_tins_are_recycled(void **state)
{
	struct test_fq t;
	struct fq_params p = test_fq_params();
	struct fq_tin_stats s;
	struct fq_stats all;

	RTE_SET_USED(state);
	p.tins = 2;
	test_fq_start(&t, p, 64);
	for (uint32_t key = 1; key <= 2; key++) {
		test_fq_put(&t, key, 0, 100);
		assert_int_equal(test_fq_key(&t), key);
		assert_int_equal(test_fq_key(&t), NOBODY);
	}
	assert_true(test_fq_tin(t.q, 1, &s));
	assert_int_equal(s.c.packets, 1);
	t.q->flows[fq_default_flow(t.q, 0)].codel.count = 9;
	test_fq_put(&t, 3, 0, 100);
	assert_int_equal(t.q->flows[fq_default_flow(t.q, 0)].codel.count, 0);
	assert_false(test_fq_tin(t.q, 1, &s));
	assert_true(test_fq_tin(t.q, 2, &s));
	test_fq_put(&t, 2, 0, 100);
	test_fq_put(&t, 4, 0, 100);
	assert_int_equal(t.drops, 1);
	assert_int_equal(t.drop_why[0], FQ_DROP_NO_TIN);
	fq_stats_get(t.q, &all);
	assert_int_equal(all.c.enqueued, 5);
	assert_int_equal(all.c.packets, 2);
	assert_int_equal(all.c.drops[FQ_DROP_NO_TIN], 1);
	assert_int_equal(all.backlog_packets, 2);
	assert_int_equal(all.tins, 2);
	fq_check(t.q);
	test_fq_end(&t);
}

/*
 * Two places, and bursts that take just what is queued: no turn comes that would let an empty tin
 * leave the ring. Whoever comes next finds a place all the same, and a tin with packets keeps its.
 */
static void
tins_that_have_sent_all_make_room(void **state)
{
	struct test_fq t;
	struct fq_params p = test_fq_params();

	RTE_SET_USED(state);
	p.tins = 2;
	test_fq_start(&t, p, 64);
	for (uint32_t key = 1; key <= 6; key++) {
		test_fq_put(&t, key, 0, 100);
		assert_int_equal(test_fq_key(&t), key);
	}
	test_fq_put(&t, 6, 0, 100);
	test_fq_put(&t, 7, 0, 100);
	assert_int_equal(t.drops, 0);
	test_fq_put(&t, 8, 0, 100);
	assert_int_equal(t.drop_why[0], FQ_DROP_NO_TIN);
	fq_check(t.q);
	assert_int_equal(test_fq_key(&t), 6);
	assert_int_equal(test_fq_key(&t), 7);
	assert_int_equal(test_fq_key(&t), NOBODY);
	fq_check(t.q);
	test_fq_end(&t);
}

/*
 * The first 100 of 256 places are of tins that wait for their turn, and sparse packets of ever new
 * keys keep the queue from it. Only the first 64 places are looked at for the 157th key, so that is
 * refused; for all others there is room. Those that waited go on in their order.
 */
static void
room_is_found_behind_tins_that_wait(void **state)
{
	struct test_fq t;
	struct fq_params p = test_fq_params();

	RTE_SET_USED(state);
	p.tins = 256;
	test_fq_start(&t, p, 512);
	for (uint32_t key = 0; key < 100; key++)
		test_fq_put_many(&t, 2, key, 0, 1000);
	for (uint32_t key = 0; key < 100; key++)
		assert_int_equal(test_fq_key(&t), key);
	for (uint32_t i = 1; i <= 1000; i++) {
		test_fq_put(&t, 100 + i, 0, 100);
		if (i != 157)
			assert_int_equal(test_fq_key(&t), 100 + i);
	}
	assert_int_equal(t.drops, 1);
	fq_check(t.q);
	for (uint32_t key = 0; key < 100; key++)
		assert_int_equal(test_fq_key(&t), key);
	test_fq_end(&t);
}

static void
walk_sees_every_tin_once(void **state)
{
	struct test_fq t;
	struct fq_tin_stats s;
	uint32_t seen = 0;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	for (uint32_t key = 0; key < 20; key++)
		test_fq_put(&t, key, 0, 100);
	for (uint32_t i = 0; i < fq_tins(t.q); i++) {
		if (fq_tin_stats_at(t.q, i, &s))
			seen |= 1u << s.key;
	}
	assert_int_equal(seen, (1u << 20) - 1);
	assert_false(fq_tin_stats_at(t.q, fq_tins(t.q), &s));
	assert_string_equal(fq_drop_name(FQ_DROP_TIN_LIMIT), "tin_limit");
	test_fq_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlimit_takes_half_of_the_fattest),
		cmocka_unit_test(overlimit_batch_is_32),
		cmocka_unit_test(overlimit_respects_weight),
		cmocka_unit_test(drained_tin_is_no_victim),
		cmocka_unit_test(flood_costs_others_nothing),
		cmocka_unit_test(stale_fattest_is_searched),
		cmocka_unit_test(ninth_flow_of_a_set_collides),
		cmocka_unit_test(tins_collide_apart),
		cmocka_unit_test(flows_of_all_tins_are_counted),
		cmocka_unit_test(collided_flow_keeps_its_order),
		cmocka_unit_test(one_tin_cannot_take_all_flows),
		cmocka_unit_test(one_tin_cannot_take_all_flows_again),
		cmocka_unit_test(closed_tin_keeps_then_releases_in_order),
		cmocka_unit_test(tin_limit_drops_oldest),
		cmocka_unit_test(tin_limit_drops_fattest),
		cmocka_unit_test(tin_limit_lowered_counts_at_once),
		cmocka_unit_test(purge_empties_one_tin),
		cmocka_unit_test(idle_tins_are_recycled),
		cmocka_unit_test(tins_that_have_sent_all_make_room),
		cmocka_unit_test(room_is_found_behind_tins_that_wait),
		cmocka_unit_test(walk_sees_every_tin_once),
	};

	return cmocka_run_group_tests_name("fq_limits", tests, test_fq_setup, NULL);
}
