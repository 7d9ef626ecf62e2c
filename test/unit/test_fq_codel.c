/* SPDX-License-Identifier: BSD-3-Clause */
/* CoDel: the machine by itself, in ticks of 1024 ns, then in the queue. */
#include "codel.h"
#include "fq_check.h"

static const struct fq_codel_params params = {.target = 5, .interval = 100, .mtu = 1500};

/* Shows one packet that waited 10 ticks, with 10,000 bytes behind it. */
static bool
late(struct fq_codel *c, uint32_t now)
{
	return fq_codel_judge(c, &params, 10, 10000, now);
}

/* Signals at 100, then after 100, 100 / sqrt 2, 100 / sqrt 3, 100 / sqrt 4; from any start. */
static void
signals_follow_the_control_law(void **state)
{
	static const uint32_t starts[] = {0, 12345, UINT32_MAX - 250, UINT32_MAX - 99};
	static const uint32_t at[] = {100, 200, 270, 327, 377};

	RTE_SET_USED(state);
	for (uint32_t s = 0; s < RTE_DIM(starts); s++) {
		struct fq_codel c = {0};
		uint32_t n = 0;

		for (uint32_t i = 0; i <= 377; i++) {
			if (!late(&c, starts[s] + i))
				continue;
			assert_true(n < RTE_DIM(at));
			assert_int_equal(i, at[n++]);
		}
		assert_int_equal(n, RTE_DIM(at));
	}
}

static void
below_target_is_left_alone(void **state)
{
	struct fq_codel c = {0};

	RTE_SET_USED(state);
	for (uint32_t now = 0; now < 1000; now++)
		assert_false(fq_codel_judge(&c, &params, 4, 10000, now));
	for (uint32_t now = 0; now < 1000; now++) /* one packet below target every 90 ticks */
		assert_false(fq_codel_judge(&c, &params, now % 90 ? 10 : 4, 10000, now));
}

static void
last_mtu_is_left_alone(void **state)
{
	struct fq_codel c = {0};

	RTE_SET_USED(state);
	for (uint32_t now = 0; now < 1000; now++)
		assert_false(fq_codel_judge(&c, &params, 500, 1500, now));
	assert_false(fq_codel_judge(&c, &params, 500, 1501, 1000));
	assert_true(fq_codel_judge(&c, &params, 500, 1501, 1100));
}

/* Drops at 100, 200, 270, 327: count 4. Back within 16 intervals it starts with 4 - 1 = 3. */
static void
soon_again_starts_near_the_old_rate(void **state)
{
	struct fq_codel c = {0};

	RTE_SET_USED(state);
	for (uint32_t now = 0; now <= 327; now++)
		late(&c, now);
	assert_int_equal(c.count, 4);
	assert_false(fq_codel_judge(&c, &params, 0, 10000, 328));
	assert_false(c.dropping);
	assert_false(late(&c, 400));
	assert_true(late(&c, 500));
	assert_int_equal(c.count, 3);
	assert_int_equal(c.drop_next, 500 + 57);
}

static void
long_after_it_starts_anew(void **state)
{
	struct fq_codel c = {0};

	RTE_SET_USED(state);
	for (uint32_t now = 0; now <= 327; now++)
		late(&c, now);
	assert_int_equal(c.drop_next, 377);
	fq_codel_empty(&c, 0);
	assert_int_equal(c.count, 4);
	assert_false(late(&c, 1877));
	assert_true(late(&c, 377 + 1600));
	assert_int_equal(c.count, 1);
}

static struct fq_params
codel_params(void)
{
	struct fq_params p = test_fq_params();

	p.codel = true;
	p.mtu = 1500;
	p.quantum = 1500;
	return p;
}

/* Target 5 ms, interval 100 ms, 20 packets of 1000 bytes at 0. After 2 targets: no drop. */
static void
timeline_in_the_queue(void **state)
{
	/* Starts that make the 32-bit clock, of 2^42 ns, wrap before, between and after. */
	static const uint64_t starts[] = {0, (UINT64_C(1) << 42) - 5 * MS,
		(UINT64_C(1) << 42) - 100 * MS, (UINT64_C(3) << 42) - 300 * MS};

	RTE_SET_USED(state);
	for (uint32_t s = 0; s < RTE_DIM(starts); s++) {
		struct test_fq t;

		test_fq_start(&t, codel_params(), 32);
		t.now = starts[s];
		test_fq_put_many(&t, 20, 1, 0xa, 1000);
		t.now += 10 * MS;
		assert_int_equal(test_fq_id(&t), 0);
		assert_int_equal(t.drops, 0);
		t.now += 200 * MS; /* two intervals on: one drop, then nothing for an interval */
		assert_int_equal(test_fq_id(&t), 2);
		assert_int_equal(t.drops, 1);
		assert_int_equal(t.drop_why[0], FQ_DROP_CODEL);
		t.now += 99 * MS;
		assert_int_equal(test_fq_id(&t), 3);
		assert_int_equal(t.drops, 1);
		t.now += 2 * MS;
		assert_int_equal(test_fq_id(&t), 5);
		assert_int_equal(t.drops, 2);
		fq_check(t.q);
		test_fq_end(&t);
	}
}

/* Two flows alike but for ECT, 100 ms behind: what one loses the other has marked. */
static void
ect_is_marked_where_others_drop(void **state)
{
	struct test_fq t;
	struct fq_stats s;
	uint32_t ce = 0;

	RTE_SET_USED(state);
	test_fq_start(&t, codel_params(), 4096);
	for (uint32_t i = 0; i < 1000; i++) {
		struct test_pkt *p;

		for (uint32_t hash = 0; hash < 2; hash++) {
			p = test_fq_pkt(&t, 1, hash, 1000);
			p->ect = hash;
			fq_enqueue(t.q, &p->m, 1, &fq_tin_plain, t.now);
		}
		t.now += MS;
		for (int n = 0; i >= 100 && n < 2 && (p = test_fq_get(&t)); n++) {
			ce += p->ce;
			assert_true(!p->ce || p->hash == 1);
		}
	}
	fq_stats_get(t.q, &s);
	assert_int_equal(s.c.marks, ce);
	assert_true(ce > 20);
	assert_in_range(s.c.drops[FQ_DROP_CODEL], ce - 2, ce + 2);
	test_fq_end(&t);
}

/* A mark takes no second packet with it: ids stay consecutive, and at most one mark a dequeue. */
static void
marking_loses_nothing(void **state)
{
	struct test_fq t;

	RTE_SET_USED(state);
	test_fq_start(&t, codel_params(), 512);
	for (uint32_t i = 0; i < 500; i++) {
		struct test_pkt *p = test_fq_pkt(&t, 1, 0, 1000);

		p->ect = true;
		fq_enqueue(t.q, &p->m, 1, &fq_tin_plain, t.now);
	}
	for (uint32_t i = 0; i < 500; i++) {
		t.now += 10 * MS;
		assert_int_equal(test_fq_id(&t), i);
	}
	assert_int_equal(t.drops, 0);
	test_fq_end(&t);
}

/* After a stall of 100 s in dropping state hundreds are due; one dequeue takes at most 32. */
static void
drops_per_dequeue_are_capped(void **state)
{
	struct test_fq t;

	RTE_SET_USED(state);
	test_fq_start(&t, codel_params(), 1024);
	test_fq_put_many(&t, 1000, 1, 0, 1000);
	t.now = 10 * MS;
	test_fq_get(&t);
	t.now = 120 * MS;
	test_fq_get(&t);
	assert_int_equal(t.drops, 1);
	t.now += 100000 * MS;
	test_fq_get(&t);
	assert_int_equal(t.drops, 1 + 32);
	test_fq_end(&t);
}

/* Flow A leaves its bucket in dropping state. A again finds its count, B in the same way does not.
 */
static void
state_goes_with_the_owner(void **state)
{
	struct test_fq t;
	uint32_t a = 7, b = 8, fi;

	RTE_SET_USED(state);
	test_fq_start(&t, codel_params(), 512);
	test_fq_put_many(&t, 200, 1, a, 1000);
	fi = fq_check_home(t.q, 1, a);
	while (fq_backlog_packets(t.q)) {
		t.now += 10 * MS;
		test_fq_get(&t);
	}
	assert_true(t.q->flows[fi].codel.count > 1);
	assert_false(t.q->flows[fi].codel.dropping);
	test_fq_put(&t, 1, a, 1000);
	assert_true(t.q->flows[fi].codel.count > 1);
	assert_int_not_equal(test_fq_id(&t), NOBODY);
	assert_int_equal(test_fq_id(&t), NOBODY);
	while (fq_check_home(t.q, 1, b) != fi)
		b++;
	test_fq_put(&t, 1, b, 1000);
	assert_int_equal(t.q->flows[fi].packets, 1);
	assert_int_equal(t.q->flows[fi].codel.count, 0);
	test_fq_end(&t);
}

/* A leaves its list in dropping state, and comes again while another flow keeps the tin busy. */
static void
state_is_kept_while_the_tin_is_busy(void **state)
{
	struct test_fq t;
	uint32_t fi;

	RTE_SET_USED(state);
	test_fq_start(&t, codel_params(), 512);
	test_fq_put_many(&t, 200, 1, 7, 1000);
	fi = fq_check_home(t.q, 1, 7);
	while (test_fq_get(&t))
		t.now += 10 * MS;
	assert_int_equal(t.q->flows[fi].list, FQ_LIST_NONE);
	assert_true(t.q->flows[fi].codel.count > 1);
	test_fq_put(&t, 1, 8, 1000);
	test_fq_put(&t, 1, 7, 1000);
	assert_int_equal(t.q->flows[fi].list, FQ_LIST_NEW);
	assert_true(t.q->flows[fi].codel.count > 1);
	test_fq_end(&t);
}

/* Above target since 10 ms, purged; what comes at 105 ms and waits has an interval of its own. */
static void
emptied_flow_starts_over(void **state)
{
	struct test_fq t;

	RTE_SET_USED(state);
	test_fq_start(&t, codel_params(), 64);
	test_fq_put_many(&t, 20, 1, 0, 1000);
	t.now = 10 * MS;
	test_fq_get(&t);
	assert_int_equal(fq_tin_purge(t.q, 1), 19);
	t.now = 105 * MS;
	test_fq_put_many(&t, 20, 1, 0, 1000);
	t.now = 115 * MS;
	test_fq_get(&t);
	assert_int_equal(t.drops, 19);
	t.now = 216 * MS;
	test_fq_get(&t);
	assert_int_equal(t.drops, 20);
	test_fq_end(&t);
}

/* 20 packets of 450 bytes, two intervals late: 8550 stay behind, more than 1514 and less than 9014.
 */
static void
another_mtu_counts_at_once(void **state)
{
	static const uint32_t mtus[] = {1514, 9014};
	struct test_fq t;

	RTE_SET_USED(state);
	for (uint32_t i = 0; i < RTE_DIM(mtus); i++) {
		test_fq_start(&t, codel_params(), 64);
		fq_mtu_set(t.q, mtus[i]);
		test_fq_put_many(&t, 20, 1, 0, 450);
		t.now = 10 * MS;
		test_fq_get(&t);
		t.now = 210 * MS;
		test_fq_get(&t);
		assert_int_equal(t.drops, i ? 0 : 1);
		test_fq_end(&t);
	}
}

/*
 * A frame of 1500 is 1524 bytes of Ethernet and 32 cells of ATM. However long it waits, the last
 * one that stays behind is never the reason to drop, also when the MTU has changed to that.
 */
static void
mtu_is_as_on_the_wire(void **state)
{
	RTE_SET_USED(state);
	for (uint32_t i = 0; i < 4; i++) {
		struct fq_params p = codel_params();
		struct test_fq t;

		p.overhead = 24;
		p.framing = i & 1 ? FQ_FRAMING_ATM : FQ_FRAMING_NONE;
		p.mtu = i & 2 ? 60 : 1500;
		test_fq_start(&t, p, 8);
		if (i & 2)
			fq_mtu_set(t.q, 1500);
		test_fq_put(&t, 1, 0, 1500);
		for (uint32_t n = 0; n < 4; n++) {
			test_fq_put(&t, 1, 0, 1500);
			t.now += 210 * MS;
			assert_non_null(test_fq_get(&t));
		}
		assert_int_equal(t.drops, 0);
		assert_int_equal(fq_backlog_packets(t.q), 1);
		test_fq_end(&t);
	}
}

/* 1 Mbit/s: 9014 bytes take 72.112 ms, and 1.5 times that is more than 5 ms. */
static void
another_mtu_moves_the_target(void **state)
{
	struct test_fq t;

	RTE_SET_USED(state);
	test_fq_start(&t, codel_params(), 1);
	fq_shaper_set(t.q, 125000);
	fq_mtu_set(t.q, 9014);
	assert_int_equal(t.q->codel.target, fq_now32(108168 * MS / 1000));
	fq_mtu_set(t.q, 50);
	assert_int_equal(t.q->codel.target, fq_now32(5 * MS));
	test_fq_end(&t);
}

/* 100 packets that waited 8 ms (7812 units of 1024 ns), then 1000 that did not wait. */
static void
sojourn_average_and_peak(void **state)
{
	struct test_fq t;
	struct fq_tin_stats s;

	RTE_SET_USED(state);
	test_fq_start(&t, codel_params(), 128);
	test_fq_put_many(&t, 100, 1, 0, 100);
	t.now = 8 * MS;
	for (int i = 0; i < 100; i++)
		test_fq_get(&t);
	assert_true(test_fq_tin(t.q, 1, &s));
	assert_int_equal(s.sojourn_peak_ns, 7812 * 1024);
	assert_in_range(s.sojourn_avg_ns, 7 * MS, 8 * MS);
	for (int i = 0; i < 1000; i++) {
		test_fq_put(&t, 1, 0, 100);
		test_fq_get(&t);
	}
	assert_true(test_fq_tin(t.q, 1, &s));
	assert_in_range(s.sojourn_peak_ns, 0, MS);
	assert_in_range(s.sojourn_avg_ns, 0, MS / 100);
	test_fq_end(&t);
}

/*
 * Delays in units of 1024 ns at the ends of the buckets: 15 is below 16, 16 to 63 are below 64, and
 * so on by four; 65535 is below 65536 and 65536 is longer.
 */
static void
sojourn_histogram_of_a_tin(void **state)
{
	static const uint32_t ages[] = {0, 15, 16, 63, 64, 255, 256, 16383, 16384, 65535, 65536};
	static const uint32_t expected[FQ_TIN_HISTOGRAM] = {2, 2, 2, 1, 0, 1, 2, 1};
	struct fq_params p = codel_params();
	struct fq_tin_stats s;
	struct test_fq t;

	RTE_SET_USED(state);
	p.codel = false;
	test_fq_start(&t, p, 128);
	for (unsigned int i = 0; i < RTE_DIM(ages); i++) {
		test_fq_put(&t, 1, 0, 100);
		t.now += (uint64_t)ages[i] << 10;
		test_fq_get(&t);
	}
	assert_true(test_fq_tin(t.q, 1, &s));
	for (unsigned int i = 0; i < FQ_TIN_HISTOGRAM; i++)
		assert_int_equal(s.histogram[i], expected[i]);
	test_fq_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signals_follow_the_control_law),
		cmocka_unit_test(below_target_is_left_alone),
		cmocka_unit_test(last_mtu_is_left_alone),
		cmocka_unit_test(soon_again_starts_near_the_old_rate),
		cmocka_unit_test(long_after_it_starts_anew),
		cmocka_unit_test(timeline_in_the_queue),
		cmocka_unit_test(ect_is_marked_where_others_drop),
		cmocka_unit_test(marking_loses_nothing),
		cmocka_unit_test(drops_per_dequeue_are_capped),
		cmocka_unit_test(state_goes_with_the_owner),
		cmocka_unit_test(state_is_kept_while_the_tin_is_busy),
		cmocka_unit_test(emptied_flow_starts_over),
		cmocka_unit_test(another_mtu_counts_at_once),
		cmocka_unit_test(mtu_is_as_on_the_wire),
		cmocka_unit_test(another_mtu_moves_the_target),
		cmocka_unit_test(sojourn_average_and_peak),
		cmocka_unit_test(sojourn_histogram_of_a_tin),
	};

	return cmocka_run_group_tests_name("fq_codel", tests, test_fq_setup, NULL);
}
