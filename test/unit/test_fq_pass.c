/* SPDX-License-Identifier: BSD-3-Clause */
/* Past the queue while it is empty: what may, what may not, and what is counted. */
#include "fq_check.h"

#define LEN 1000u
#define BURST 8u
#define PACKET_NS UINT64_C(100000) /* of LEN at RATE */
#define RATE UINT64_C(10000000)

/* A packet each of keys first, first + 1, ...; how many of them passed, the others are queued. */
static unsigned int
arrive(struct test_fq *t, uint32_t first, unsigned int n)
{
	struct fq_item items[BURST];
	struct rte_mbuf *pkts[BURST];
	unsigned int i, passed;

	assert_true(n <= BURST);
	for (i = 0; i < n; i++) {
		pkts[i] = &test_fq_pkt(t, first + i, 1, LEN)->m;
		items[i] = (struct fq_item){pkts[i], &fq_tin_plain, first + i};
	}
	passed = fq_pass_begin(t->q, n, t->now);
	fq_pass_end(t->q, pkts, passed);
	for (i = 0; i < passed; i++)
		test_fq_leave(t, (struct test_pkt *)items[i].m);
	fq_enqueue_burst(t->q, &items[passed], n - passed, t->now);
	fq_check(t->q);
	return passed;
}

static void
nothing_queued(void **state)
{
	struct test_fq t;
	struct fq_stats s;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	assert_int_equal(arrive(&t, 1, BURST), BURST);
	fq_stats_get(t.q, &s);
	assert_int_equal(s.c.enqueued, BURST);
	assert_int_equal(s.c.packets, BURST);
	assert_int_equal(s.c.bytes, BURST * LEN);
	assert_int_equal(s.histogram[0], BURST);
	assert_int_equal(s.tins, 0);
	test_fq_end(&t);
}

/* Nobody overtakes: while one waits all do, and when it has left they pass again. */
static void
behind_one_that_waits(void **state)
{
	struct test_fq t;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	test_fq_put(&t, 1, 1, LEN);
	assert_int_equal(arrive(&t, 1, 1), 0);
	assert_int_equal(arrive(&t, 1, 1), 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(test_fq_get(&t)->id, i);
	assert_int_equal(arrive(&t, 1, 2), 2);
	test_fq_end(&t);
}

/* One packet's time at a time, whichever way a packet takes: ten in ten packet times. */
static void
not_faster_than_the_shaper(void **state)
{
	struct fq_params p = test_fq_params();
	struct test_fq t;
	unsigned int passed = 0, left = 0;

	RTE_SET_USED(state);
	p.rate = RATE;
	test_fq_start(&t, p, 64);
	t.now = 1000 * MS;
	assert_int_equal(arrive(&t, 1, 3), 1);
	assert_null(fq_dequeue(t.q, t.now));
	t.now += 2 * PACKET_NS;
	while (test_fq_get(&t))
		left++;
	assert_int_equal(left, 2);
	assert_int_equal(arrive(&t, 1, 1), 0);
	t.now += PACKET_NS;
	assert_non_null(test_fq_get(&t));
	for (unsigned int i = 0; i < 10; i++) {
		t.now += PACKET_NS;
		passed += arrive(&t, 1, 1);
	}
	assert_int_equal(passed, 10);
	assert_int_equal(arrive(&t, 1, 1), 0);
	test_fq_end(&t);
}

static void
not_where_tins_are_closed(void **state)
{
	struct fq_params p = test_fq_params();
	struct test_fq t;

	RTE_SET_USED(state);
	p.start_closed = true;
	test_fq_start(&t, p, 64);
	assert_int_equal(arrive(&t, 1, 1), 0);
	assert_null(test_fq_get(&t));
	test_fq_end(&t);
}

/* What passes is none of a FIFO's 4 packets. */
static void
in_fifo_mode(void **state)
{
	struct fq_params p = test_fq_params();
	struct test_fq t;

	RTE_SET_USED(state);
	p.fifo = 4;
	test_fq_start(&t, p, 64);
	assert_int_equal(arrive(&t, 1, BURST), BURST);
	test_fq_put_many(&t, 4, 1, 1, LEN);
	assert_int_equal(arrive(&t, 1, 1), 0);
	assert_int_equal(t.drops, 1);
	test_fq_end(&t);
}

#define SHARED (10 * RATE) /* of two members */
#define STEP UINT64_C(5000)

/* What each has sent in a span, of which what has left comes again. */
static void
run_members(struct test_fq *t, uint64_t span, uint64_t *bytes)
{
	uint64_t end = t[0].now + span;

	bytes[0] = bytes[1] = 0;
	for (; t[0].now < end; t[0].now = t[1].now += STEP)
		for (unsigned int i = 0; i < 2; i++) {
			struct test_pkt *p;

			while (fq_backlog_packets(t[i].q) && (p = test_fq_get(&t[i]))) {
				bytes[i] += LEN;
				test_fq_put(&t[i], p->key, 1, LEN);
			}
		}
}

/* Of two with 40 tins each the second, long idle, has its half at once, the first by then. */
static void
a_member_of_a_share_begins(void **state)
{
	struct fq_share *share = fq_share_create(2, SHARED, SOCKET_ID_ANY);
	double half = (double)(SHARED / 2) / 1e9;
	struct test_fq t[2];
	uint64_t bytes[2];

	RTE_SET_USED(state);
	for (unsigned int i = 0; i < 2; i++) {
		test_fq_start(&t[i], test_fq_params(), 128);
		fq_share_join(share, i, t[i].q);
		t[i].now = 1000 * MS;
	}
	for (unsigned int i = 0; i < 2; i++) {
		for (uint32_t n = 0; n < 40; n += BURST)
			arrive(&t[i], n, BURST);
		if (i == 0)
			run_members(t, 10 * MS, bytes);
	}
	run_members(t, 2 * FQ_SHARE_NS, bytes);
	assert_true((double)bytes[1] > 0.9 * half * 2 * FQ_SHARE_NS);
	run_members(t, 10 * FQ_SHARE_NS, bytes);
	assert_true((double)(bytes[0] + bytes[1]) < 1.03 * 2 * half * 10 * FQ_SHARE_NS);
	for (unsigned int i = 0; i < 2; i++)
		test_fq_end(&t[i]);
	fq_share_destroy(share);
}

/* Who divides a rate with nobody need not queue for that, and learns of a new one all the same. */
static void
alone_in_a_share(void **state)
{
	struct fq_share *share = fq_share_create(1, 0, SOCKET_ID_ANY);
	struct test_fq t;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	fq_share_join(share, 0, t.q);
	for (unsigned int i = 0; i < 4; i++) {
		t.now += FQ_SHARE_NS;
		assert_int_equal(arrive(&t, 1, BURST), BURST);
	}
	fq_share_rate_set(share, RATE);
	t.now += FQ_SHARE_NS;
	assert_int_equal(arrive(&t, 1, BURST), 1);
	for (unsigned int i = 1; i < BURST; i++) {
		t.now += PACKET_NS;
		assert_non_null(test_fq_get(&t));
	}
	t.now += FQ_SHARE_NS;
	assert_int_equal(arrive(&t, 1, BURST), 1);
	test_fq_end(&t);
	fq_share_destroy(share);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_queued),
		cmocka_unit_test(behind_one_that_waits),
		cmocka_unit_test(not_faster_than_the_shaper),
		cmocka_unit_test(not_where_tins_are_closed),
		cmocka_unit_test(in_fifo_mode),
		cmocka_unit_test(a_member_of_a_share_begins),
		cmocka_unit_test(alone_in_a_share),
	};

	return cmocka_run_group_tests_name("fq_pass", tests, test_fq_setup, NULL);
}
