/* SPDX-License-Identifier: BSD-3-Clause */
/* BLUE, the threshold for ECT(1), CoDel at low rates, FIFO mode, and the histogram. */
#include "fq_check.h"

#include <errno.h>

#define SECOND UINT64_C(1000000000)
#define LEN 1000u
#define PACKET_NS UINT64_C(100000) /* of LEN at the rate of the floods: 80 Mbit/s */

static struct fq_params
policed(void)
{
	struct fq_params p = test_fq_params();

	p.codel = true;
	p.mtu = LEN;
	return p;
}

struct flood {
	uint64_t sent[2], sojourn[2], overlimit, blue;
};

/* One packet leaves per PACKET_NS; tin 1 sends ten times that, tin 0 a third of it. */
static void
flood_run(struct test_fq *t, uint64_t span, struct flood *f)
{
	uint64_t end = t->now + span;
	struct fq_tin_stats s;
	struct fq_stats all;
	uint32_t i = 0;

	*f = (struct flood){0};
	for (; t->now < end; t->now += PACKET_NS) {
		struct test_pkt *p;

		test_fq_put_many(t, 10, 1, 1, LEN);
		if (i++ % 3 == 0)
			test_fq_put(t, 0, 1, LEN);
		p = test_fq_get(t);
		if (p)
			f->sent[p->key]++;
	}
	for (uint32_t key = 0; key < 2; key++) {
		assert_true(test_fq_tin(t->q, key, &s));
		f->sojourn[key] = s.sojourn_peak_ns;
	}
	fq_stats_get(t->q, &all);
	f->overlimit = all.c.drops[FQ_DROP_OVERLIMIT];
	f->blue = all.c.drops[FQ_DROP_BLUE];
}

/*
 * A flood at ten times the rate: BLUE comes to drop most of it, so that the queue is no longer
 * full. The other tin has all that it sends, each packet at its first turn.
 */
static void
blue_ends_a_flood(void **state)
{
	struct fq_params p = policed();
	struct flood begin, later;
	struct fq_flow *flood;
	struct fq_stats s;
	struct test_fq t;

	RTE_SET_USED(state);
	p.limit_packets = 1000;
	test_fq_start(&t, p, 4096);
	t.now = SECOND;
	flood_run(&t, 100 * MS, &begin);
	assert_true(begin.overlimit > 1000);
	assert_int_equal(begin.sent[0], 334);
	flood_run(&t, 2 * SECOND, &later);
	assert_int_equal(later.sent[0], 6667);
	assert_true(later.sojourn[0] <= 2 * PACKET_NS);
	assert_true(later.blue > 0);
	flood = &t.q->flows[fq_flow_find(t.q, fq_flow_tag(1, 1))];
	assert_true(flood->blue > FQ_BLUE_ONE / 2);
	fq_check(t.q);

	/* It ends. After 4 s of silence p is down by 1000/4096. */
	while (test_fq_get(&t))
		t.now += PACKET_NS;
	fq_stats_get(t.q, &s);
	assert_int_equal(s.backlog_packets, 0);
	begin.blue = flood->blue;
	t.now += 1000 * (UINT64_C(1) << 22);
	test_fq_put(&t, 1, 1, LEN);
	assert_in_range(flood->blue, begin.blue - 1002, begin.blue - 1000);
	t.now += 20 * SECOND;
	fq_tin_purge(t.q, 1);
	t.now += 20 * SECOND;
	test_fq_put(&t, 1, 1, LEN);
	assert_int_equal(flood->blue, 0);
	assert_non_null(test_fq_get(&t));
	test_fq_end(&t);
}

/* One more overflow in the same tick does not count: 16/4096 per 4.2 ms. */
static void
blue_rises_once_per_tick(void **state)
{
	struct fq_params p = policed();
	struct test_fq t;
	struct fq_flow *f;

	RTE_SET_USED(state);
	p.limit_packets = 10;
	test_fq_start(&t, p, 64);
	t.now = UINT64_C(1) << 40;
	for (uint32_t tick = 1; tick < 4; tick++, t.now += UINT64_C(1) << 22) {
		test_fq_put_many(&t, 40, 1, 1, LEN);
		f = &t.q->flows[fq_flow_find(t.q, fq_flow_tag(1, 1))];
		assert_int_equal(f->blue, 16 * tick);
	}
	test_fq_end(&t);
}

/* ECT(1) is marked from 1 ms on, ECT(0) and Not-ECT are left alone, nothing is dropped. */
static void
threshold_marks_ect1(void **state)
{
	struct fq_params p = policed();
	struct test_fq t;
	struct fq_stats s;

	RTE_SET_USED(state);
	p.ce_threshold_ns = MS;
	test_fq_start(&t, p, 64);
	t.now = UINT64_C(1) << 40;
	for (uint32_t i = 0; i < 6; i++) {
		struct test_pkt *pkt = test_fq_pkt(&t, 1, 1, LEN);

		pkt->ect1 = i % 3 == 0;
		pkt->ect = i % 3 <= 1;
		fq_enqueue(t.q, &pkt->m, 1, &fq_tin_plain, t.now);
	}
	for (uint32_t i = 0; i < 6; i++) {
		struct test_pkt *pkt;

		if (i == 3)
			t.now += MS + 2048;
		pkt = test_fq_get(&t);
		assert_int_equal(pkt->ce, i == 3);
	}
	fq_stats_get(t.q, &s);
	assert_int_equal(s.c.marks, 1);
	assert_int_equal(t.drops, 0);
	test_fq_end(&t);
}

/*
 * 1 Mbit/s, 1500 bytes in 12 ms: target 18 ms instead of 5, interval 113 instead of 100. The same
 * for a tin with that rate on a queue without one.
 */
static void
target_follows_the_rate(void **state)
{
	struct fq_params p = test_fq_params();
	struct fq_codel_params c;
	struct test_fq t;

	RTE_SET_USED(state);
	p.codel = true;
	p.mtu = 1500;
	p.rate = 125000;
	test_fq_start(&t, p, 64);
	assert_int_equal(t.q->codel.target, 18 * MS >> 10);
	assert_in_range(t.q->codel.interval, (113 * MS >> 10) - 1, (113 * MS >> 10) + 1);
	c = fq_codel_at(&t.q->codel_base, 125000);
	assert_int_equal(c.target, t.q->codel.target);
	fq_shaper_set(t.q, 125000000);
	assert_int_equal(t.q->codel.target, 5 * MS >> 10);
	assert_int_equal(t.q->codel.interval, 100 * MS >> 10);
	fq_shaper_set(t.q, 0);
	assert_int_equal(t.q->codel.target, 5 * MS >> 10);
	test_fq_end(&t);
}

/*
 * A tin at 1 Mbit/s with a window of three packets, 36 ms of its own making when full: above 5 ms
 * always. The next packet in line waits 12 to 24 ms, so CoDel may find it above 18 ms; what it must
 * not do is to take from a window of two (12 ms).
 */
static void
slow_tin_keeps_its_window(void **state)
{
	const struct fq_tin_conf conf = {.weight = 1, .rate = 125000};
	struct fq_params p = policed();
	struct test_fq t;

	RTE_SET_USED(state);
	p.mtu = 1500;
	test_fq_start(&t, p, 64);
	t.now = SECOND;
	for (unsigned int i = 0; i < 2; i++)
		fq_enqueue(t.q, &test_fq_pkt(&t, 1, 1, 1500)->m, 1, &conf, t.now);
	while (t.now < 10 * SECOND) {
		if (test_fq_get(&t))
			fq_enqueue(t.q, &test_fq_pkt(&t, 1, 1, 1500)->m, 1, &conf, t.now);
		else
			t.now = fq_check_next(t.q, t.now);
	}
	assert_int_equal(t.drops, 0);
	test_fq_end(&t);
}

/* Five places: as they came, whatever tin, flow, weight; the sixth is dropped itself. */
static void
fifo_keeps_order_and_drops_the_tail(void **state)
{
	const struct fq_tin_conf conf = {.weight = 9, .rate = 125, .limit_packets = 1};
	struct fq_params p = policed();
	struct fq_tin_stats s;
	struct test_fq t;

	RTE_SET_USED(state);
	p.fifo = 5;
	p.start_closed = true;
	test_fq_start(&t, p, 64);
	for (uint32_t i = 0; i < 6; i++)
		fq_enqueue(t.q, &test_fq_pkt(&t, i % 2, i, 1000 - i)->m, i % 2, &conf, t.now);
	assert_int_equal(t.drops, 1);
	assert_int_equal(t.drop_id[0], 5);
	assert_int_equal(t.drop_why[0], FQ_DROP_FIFO);
	assert_int_equal(fq_tin_purge(t.q, 0), 0);
	assert_false(test_fq_tin(t.q, 0, &s));
	assert_true(test_fq_tin(t.q, UINT32_MAX, &s));
	assert_int_equal(s.backlog_packets, 5);
	t.now += 5 * SECOND;
	for (uint32_t id = 0; id < 5; id++)
		assert_int_equal(test_fq_id(&t), id);
	assert_int_equal(test_fq_id(&t), NOBODY);
	fq_check(t.q);
	test_fq_end(&t);
}

/* 1 Mbit/s, full queue of 1000 packets of 1500 bytes: the 1000th waits for 12 s. Bufferbloat. */
static void
fifo_is_shaped(void **state)
{
	struct fq_params p = test_fq_params();
	struct test_fq t;

	RTE_SET_USED(state);
	p.fifo = FQ_FIFO_PACKETS;
	p.rate = 125000;
	test_fq_start(&t, p, 2048);
	t.now = SECOND;
	test_fq_put_many(&t, 1200, 1, 1, 1500);
	assert_int_equal(t.drops, 200);
	for (uint32_t n = 0; n < 1000;) {
		if (test_fq_get(&t))
			n++;
		else
			t.now = fq_check_next(t.q, t.now);
	}
	assert_in_range(t.now, SECOND + 999 * 12 * MS, SECOND + 999 * 12 * MS + 1000);
	test_fq_end(&t);
}

/* Waits of 0, 1, 2, 3, 4 and 1000 units of 1024 ns: buckets 0, 1, 2, 2, 3 and 10. */
static void
histogram_in_powers_of_two(void **state)
{
	static const uint64_t waits[] = {0, 1, 2, 3, 4, 1000};
	static const uint64_t want[FQ_HISTOGRAM] = {[0] = 1, [1] = 1, [2] = 2, [3] = 1, [10] = 1};
	struct test_fq t;
	struct fq_stats s;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	for (unsigned int i = 0; i < RTE_DIM(waits); i++) {
		t.now = (UINT64_C(1) << 40) + i * SECOND / 1024 * 1024;
		test_fq_put(&t, 1, 1, LEN);
		t.now += waits[i] * 1024;
		assert_non_null(test_fq_get(&t));
	}
	fq_stats_get(t.q, &s);
	assert_memory_equal(s.histogram, want, sizeof(want));
	assert_int_equal(s.sojourn_total_ns, 1010 * 1024);
	assert_int_equal(s.sojourn_peak_ns, 1000 * 1024);
	test_fq_end(&t);
}

/* A clock that is set back makes no packet old: CoDel lets all go, and they count as just come. */
static void
from_the_future(void **state)
{
	struct fq_params p = test_fq_params();
	struct test_fq t;
	struct fq_stats s;

	RTE_SET_USED(state);
	p.codel = true;
	test_fq_start(&t, p, 64);
	t.now = UINT64_C(1) << 40;
	test_fq_put_many(&t, 20, 1, 1, LEN);
	for (unsigned int i = 0; i < 20; i++) {
		t.now -= SECOND;
		assert_non_null(test_fq_get(&t));
	}
	fq_stats_get(t.q, &s);
	assert_int_equal(s.histogram[0], 20);
	assert_int_equal(s.sojourn_total_ns, 0);
	assert_int_equal(s.sojourn_peak_ns, 0);
	test_fq_end(&t);
}

/* 2560 units of 1024 ns, then ten packets at once that did not wait: ten times 10 less. */
static void
peak_fades_by_the_burst(void **state)
{
	struct rte_mbuf *pkts[10];
	struct test_fq t;
	struct fq_stats s;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	t.now = UINT64_C(1) << 40;
	test_fq_put(&t, 1, 1, LEN);
	t.now += 2560 * 1024;
	assert_non_null(test_fq_get(&t));
	test_fq_put_many(&t, 10, 1, 1, LEN);
	assert_int_equal(fq_dequeue_burst(t.q, t.now, pkts, 10), 10);
	for (unsigned int i = 0; i < 10; i++)
		test_fq_leave(&t, (struct test_pkt *)pkts[i]);
	fq_stats_get(t.q, &s);
	assert_int_equal(s.sojourn_peak_ns, (2560 - 100) * 1024);
	assert_int_equal(s.c.packets, 11);
	assert_int_equal(s.c.bytes, 11 * LEN);
	test_fq_end(&t);
}

/* What the header promises, for 1024 tins: 256 bytes per tin with its default flow, 72 a flow. */
static void
memory_per_tin_and_flow(void **state)
{
	RTE_SET_USED(state);
	assert_true(sizeof(struct fq_flow) + sizeof(uint64_t) <= 72);
	assert_int_equal(sizeof(struct fq_tin) + sizeof(struct fq_tin_rest) +
			sizeof(struct fq_flow) + 2 * sizeof(uint32_t) + sizeof(uint16_t),
		254);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blue_ends_a_flood),
		cmocka_unit_test(blue_rises_once_per_tick),
		cmocka_unit_test(threshold_marks_ect1),
		cmocka_unit_test(target_follows_the_rate),
		cmocka_unit_test(slow_tin_keeps_its_window),
		cmocka_unit_test(fifo_keeps_order_and_drops_the_tail),
		cmocka_unit_test(fifo_is_shaped),
		cmocka_unit_test(histogram_in_powers_of_two),
		cmocka_unit_test(from_the_future),
		cmocka_unit_test(peak_fades_by_the_burst),
		cmocka_unit_test(memory_per_tin_and_flow),
	};

	return cmocka_run_group_tests_name("fq_police", tests, test_fq_setup, NULL);
}
