/* SPDX-License-Identifier: BSD-3-Clause */
/* Shaper and rates of tins, in virtual time. */
#include "fq_check.h"

#define SECOND UINT64_C(1000000000)
#define MBIT UINT64_C(125000) /* bytes per s */
#define LEN 1500u

/* What left: the sum, and the most that exceeded the rate in any span of time. */
struct meter {
	uint64_t start, bytes, rate;
	double level, most; /* bytes above the rate; like a leaky bucket */
	uint64_t last;
};

static void
meter_add(struct meter *m, uint64_t now, uint32_t len)
{
	m->level -= (double)(now - m->last) * (double)m->rate / 1e9;
	m->level = m->level < 0 ? 0 : m->level;
	m->level += len;
	m->most = m->level > m->most ? m->level : m->most;
	m->last = now;
	m->bytes += len;
}

static double
meter_share(const struct meter *m, uint64_t now)
{
	return (double)m->bytes * 1e9 / (double)(now - m->start) / (double)m->rate;
}

static uint32_t
wire(uint32_t len, uint32_t overhead)
{
	return len + overhead;
}

/* Takes what it gives, up to 32 packets, and puts as many in their places. */
static void
greedy_poll(struct test_fq *t, struct meter *m, uint32_t overhead)
{
	struct rte_mbuf *pkts[32];
	unsigned int n = fq_dequeue_burst(t->q, t->now, pkts, 32);

	for (unsigned int i = 0; i < n; i++) {
		struct test_pkt *p = (struct test_pkt *)pkts[i];

		meter_add(m, t->now, wire(p->m.pkt_len, overhead));
		test_fq_leave(t, p);
		test_fq_put(t, p->key, p->hash, p->m.pkt_len);
	}
}

/* n greedy flows of packets of one length at a rate, polled every gap ns. */
static struct meter
greedy_run(uint64_t rate, uint32_t len, uint64_t gap, uint32_t overhead)
{
	struct fq_params p = test_fq_params();
	struct test_fq t;
	struct meter m;
	uint64_t end;

	p.rate = rate;
	p.overhead = (int32_t)overhead;
	p.mtu = LEN;
	test_fq_start(&t, p, 4096);
	t.now = 3 * SECOND + 7;
	m = (struct meter){.rate = rate, .start = t.now, .last = t.now};
	test_fq_put_many(&t, 1024, 1, 1, len);
	end = t.now + RTE_MAX(2000 * gap, 4000 * LEN * SECOND / rate);
	for (; t.now < end; t.now += gap)
		greedy_poll(&t, &m, overhead);
	assert_true(meter_share(&m, t.now) > 0.98);
	assert_true(meter_share(&m, t.now) < 1.0 + 2.0 * LEN / (double)m.bytes);
	test_fq_end(&t);
	return m;
}

/* Polled four times per packet: never more than two MTU above the rate. */
static void
no_burst_from_1_mbit_to_100_gbit(void **state)
{
	static const uint64_t mbits[] = {1, 3, 10, 100, 1000, 10000, 25000, 100000};

	RTE_SET_USED(state);
	for (unsigned int i = 0; i < RTE_DIM(mbits); i++) {
		uint64_t rate = mbits[i] * MBIT;
		uint64_t gap = LEN * SECOND / rate / 4;
		struct meter m = greedy_run(rate, LEN, gap, 0);

		assert_true(m.most <= 2 * LEN);
		m = greedy_run(rate, 100, gap, 38);
		assert_true(m.most <= 2 * LEN);
	}
}

/* Polled every 20 us, a burst of 32 MTU through a cipher: what that is worth, and one MTU. */
static void
late_polls_lose_no_rate(void **state)
{
	static const uint64_t mbits[] = {1, 10, 100, 1000, 10000};

	RTE_SET_USED(state);
	for (unsigned int i = 0; i < RTE_DIM(mbits); i++) {
		uint64_t rate = mbits[i] * MBIT;
		struct meter m = greedy_run(rate, LEN, 20000, 24);

		assert_true(m.most <= (double)rate * 20000 / 1e9 + 2 * LEN);
	}
}

/* After any pause, idle or clock set forward, at most FQ_LATE_NS at once: 12.5 kB at 1 Gbit/s. */
static void
a_pause_saves_nothing_up(void **state)
{
	struct fq_params p = test_fq_params();
	struct test_fq t;
	struct rte_mbuf *pkts[64];

	RTE_SET_USED(state);
	p.rate = 1000 * MBIT;
	test_fq_start(&t, p, 256);
	t.now = SECOND;
	test_fq_put_many(&t, 60, 1, 1, 1250);
	assert_int_equal(fq_dequeue_burst(t.q, t.now, pkts, 64), 1);
	t.now += 60 * SECOND;
	assert_int_equal(fq_dequeue_burst(t.q, t.now, &pkts[1], 63), 10 + 1);
	assert_int_equal(fq_dequeue_burst(t.q, t.now, &pkts[12], 32), 0);
	assert_int_equal(fq_check_next(t.q, t.now), t.now + 10000);
	t.now += 5000000;
	for (unsigned int i = 12; i < 60; i++, t.now += 10000)
		assert_int_equal(fq_dequeue_burst(t.q, t.now, &pkts[i], 1), 1);
	for (unsigned int i = 0; i < 60; i++)
		test_fq_leave(&t, (struct test_pkt *)pkts[i]);
	assert_int_equal(fq_dequeue_burst(t.q, t.now, pkts, 64), 0);
	assert_int_equal(fq_check_next(t.q, t.now), UINT64_MAX);
	test_fq_put_many(&t, 10, 1, 1, 1250);
	assert_int_equal(fq_dequeue_burst(t.q, t.now, pkts, 64), 1);
	test_fq_leave(&t, (struct test_pkt *)pkts[0]);
	test_fq_end(&t);
}

/* Half an hour back: at 1 Mbit/s no packet waits longer than the one before it takes, 12 ms. */
static void
clock_set_back(void **state)
{
	struct fq_params p = test_fq_params();
	struct test_fq t;

	RTE_SET_USED(state);
	p.rate = MBIT;
	p.codel = true;
	test_fq_start(&t, p, 64);
	t.now = 7200 * SECOND;
	test_fq_put_many(&t, 10, 1, 1, LEN);
	for (unsigned int i = 0; i < 3; i++)
		while (!test_fq_get(&t))
			t.now += MS;
	t.now -= 1800 * SECOND;
	assert_non_null(test_fq_get(&t));
	assert_null(test_fq_get(&t));
	assert_int_equal(fq_check_next(t.q, t.now), t.now + 12 * MS);
	t.now += 12 * MS;
	assert_non_null(test_fq_get(&t));
	assert_int_equal(t.drops, 0);
	test_fq_end(&t);
}

/* 1 kbit/s, then 1 Gbit/s: the twelve seconds that the last packet took are forgiven. */
static void
rate_changes_count_at_once(void **state)
{
	struct fq_params p = test_fq_params();
	struct test_fq t;

	RTE_SET_USED(state);
	p.rate = 1;
	test_fq_start(&t, p, 64);
	assert_int_equal(fq_rate(t.q), FQ_RATE_MIN);
	t.now = SECOND;
	test_fq_put_many(&t, 30, 1, 1, LEN);
	assert_non_null(test_fq_get(&t));
	assert_null(test_fq_get(&t));
	assert_int_equal(fq_check_next(t.q, t.now), t.now + 12 * SECOND);
	fq_shaper_set(t.q, 1000 * MBIT);
	assert_non_null(test_fq_get(&t));
	fq_shaper_set(t.q, 0);
	for (unsigned int i = 0; i < 28; i++)
		assert_non_null(test_fq_get(&t));
	test_fq_end(&t);
}

/* 1500 + 10 bytes: 32 cells of 53; 1510 + 24 for PTM. 40 + 10 under mpu 64: two cells; 65. */
static void
framing(void **state)
{
	static const struct {
		enum fq_framing framing;
		uint32_t len, wire;
	} cases[] = {
		{FQ_FRAMING_NONE, 1500, 1510},
		{FQ_FRAMING_NONE, 40, 64},
		{FQ_FRAMING_ATM, 1500, 32 * 53},
		{FQ_FRAMING_ATM, 1526, 32 * 53},
		{FQ_FRAMING_ATM, 1527, 33 * 53},
		{FQ_FRAMING_ATM, 40, 2 * 53},
		{FQ_FRAMING_PTM, 1500, 1510 + 24},
		{FQ_FRAMING_PTM, 40, 64 + 1},
	};

	RTE_SET_USED(state);
	for (unsigned int i = 0; i < RTE_DIM(cases); i++) {
		struct fq_params p = test_fq_params();
		struct test_fq t;

		p.overhead = 10;
		p.mpu = 64;
		p.framing = cases[i].framing;
		test_fq_start(&t, p, 4);
		test_fq_put(&t, 1, 1, cases[i].len);
		assert_int_equal(fq_backlog_bytes(t.q), cases[i].wire);
		assert_non_null(test_fq_get(&t));
		assert_int_equal(fq_backlog_bytes(t.q), 0);
		test_fq_end(&t);
	}
}

static void
put_conf(struct test_fq *t, uint32_t key, uint32_t len, const struct fq_tin_conf *conf)
{
	fq_enqueue(t->q, &test_fq_pkt(t, key, 1, len)->m, key, conf, t->now);
}

/* Steps from one time at which something may leave to the next; counts bytes per tin. */
static uint64_t
run_tins(struct test_fq *t, const struct fq_tin_conf *conf, uint64_t end, uint64_t *bytes)
{
	uint64_t steps = 0;

	while (t->now < end) {
		struct test_pkt *p = test_fq_get(t);
		uint64_t next = fq_check_next(t->q, t->now);

		if (p) {
			bytes[p->key] += p->m.pkt_len;
			put_conf(t, p->key, p->m.pkt_len, &conf[p->key]);
			continue;
		}
		assert_true(next > t->now && next != UINT64_MAX);
		t->now = next;
		steps++;
	}
	return steps;
}

/* On 100 Mbit/s: limits of 1, 10, 30 Mbit/s are kept, and the one without takes what is left. */
static void
tins_have_rates(void **state)
{
	static const struct fq_tin_conf conf[] = {
		{.weight = 1},
		{.weight = 8, .rate = MBIT},
		{.weight = 8, .rate = 10 * MBIT},
		{.weight = 8, .rate = 30 * MBIT},
	};
	static const uint64_t mbits[] = {59, 1, 10, 30};
	uint64_t bytes[4] = {0};
	struct fq_params p = test_fq_params();
	struct test_fq t;

	RTE_SET_USED(state);
	p.rate = 100 * MBIT;
	test_fq_start(&t, p, 1024);
	t.now = SECOND;
	for (uint32_t i = 0; i < 400; i++)
		put_conf(&t, i % 4, LEN, &conf[i % 4]);
	run_tins(&t, conf, 11 * SECOND, bytes);
	for (unsigned int key = 0; key < 4; key++) {
		double share = (double)bytes[key] / 10 / (double)(mbits[key] * MBIT);

		assert_true(share > 0.99 && share < 1.01);
	}
	fq_check(t.q);
	test_fq_end(&t);
}

/*
 * On 100 Mbit/s, 100 tins of weight 1 without a limit, and one of weight 100: half is his, or what
 * his limit leaves of it, however long the others' round is.
 */
static void
a_rate_costs_no_weight(void **state)
{
	static const uint64_t limits[] = {1, 5, 20, 40, 48, 52, 60, 90};

	RTE_SET_USED(state);
	for (unsigned int l = 0; l < RTE_DIM(limits); l++) {
		struct fq_tin_conf conf[101] = {{.weight = 100, .rate = limits[l] * MBIT}};
		double due = (double)RTE_MIN(limits[l], 50u), share;
		struct fq_params p = test_fq_params();
		uint64_t bytes[101] = {0};
		struct test_fq t;

		p.rate = 100 * MBIT;
		p.tins = 128;
		p.quantum = LEN;
		test_fq_start(&t, p, 2048);
		t.now = SECOND;
		for (uint32_t i = 0; i < 1010; i++) {
			conf[i % 101].weight = i % 101 ? 1 : 100;
			put_conf(&t, i % 101, LEN, &conf[i % 101]);
		}
		run_tins(&t, conf, 6 * SECOND, bytes);
		share = (double)bytes[0] / 5 / (double)MBIT / due;
		assert_true(share > 0.99 && share < 1.01);
		fq_check(t.q);
		test_fq_end(&t);
	}
}

/* 20 tins that all may send 30 of 100 Mbit/s: within 2 % by weight, 1 to 20. */
static void
rates_above_the_shares_change_nothing(void **state)
{
	struct fq_tin_conf conf[20];
	struct fq_params p = test_fq_params();
	uint64_t bytes[20] = {0};
	struct test_fq t;

	RTE_SET_USED(state);
	p.rate = 100 * MBIT;
	p.quantum = LEN;
	test_fq_start(&t, p, 512);
	t.now = SECOND;
	for (uint32_t i = 0; i < 200; i++) {
		uint16_t weight = (uint16_t)(1 + i % 20);

		conf[i % 20] = (struct fq_tin_conf){.weight = weight, .rate = 30 * MBIT};
		put_conf(&t, i % 20, LEN, &conf[i % 20]);
	}
	run_tins(&t, conf, 21 * SECOND, bytes);
	for (uint32_t i = 0; i < 20; i++) {
		double due = 20.0 * 100 * (double)MBIT * (i + 1) / 210;

		assert_true((double)bytes[i] > 0.98 * due && (double)bytes[i] < 1.02 * due);
	}
	fq_check(t.q);
	test_fq_end(&t);
}

/* Each of 50 tins at 1 kbit/s to 1 Gbit/s, alone on an unshaped queue: 98 to 100 % of its rate. */
static void
any_rate_of_a_tin(void **state)
{
	RTE_SET_USED(state);
	for (uint64_t rate = 125; rate <= 1000 * MBIT; rate = rate * 3 / 2 + 7) {
		const struct fq_tin_conf conf[2] = {{0}, {.weight = 1, .rate = rate}};
		uint64_t bytes[2] = {0}, steps, spent = 1000 * LEN * SECOND / rate;
		struct fq_params p = test_fq_params();
		struct test_fq t;

		test_fq_start(&t, p, 64);
		t.now = 5 * SECOND;
		for (unsigned int i = 0; i < 32; i++)
			put_conf(&t, 1, LEN, &conf[1]);
		steps = run_tins(&t, conf, t.now + spent, bytes);
		assert_true(bytes[1] >= 980 * LEN && bytes[1] <= 1002 * LEN);
		assert_true(steps <= 5000);
		test_fq_end(&t);
	}
}

/* 12 s to wait at 1 kbit/s; a new limit counts at once, so does having none. */
static void
rate_of_a_tin_changes(void **state)
{
	struct fq_tin_conf conf = {.weight = 1, .rate = 125};
	struct fq_tin_stats s;
	struct test_fq t;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	t.now = SECOND;
	for (unsigned int i = 0; i < 8; i++)
		put_conf(&t, 1, LEN, &conf);
	assert_non_null(test_fq_get(&t));
	assert_null(test_fq_get(&t));
	assert_true(test_fq_tin(t.q, 1, &s));
	assert_true(s.waiting);
	assert_int_equal(s.rate, 125);
	conf.rate = MBIT;
	put_conf(&t, 1, LEN, &conf);
	assert_null(test_fq_get(&t));
	assert_true(fq_check_next(t.q, t.now) <= t.now + 13 * MS);
	t.now += 13 * MS;
	assert_non_null(test_fq_get(&t));
	assert_null(test_fq_get(&t));
	conf.rate = 0;
	put_conf(&t, 1, LEN, &conf);
	while (test_fq_get(&t))
		;
	assert_int_equal(fq_backlog_packets(t.q), 0);
	test_fq_end(&t);
}

/* Purged while it waits. */
static void
waiting_tins_obey(void **state)
{
	struct fq_tin_conf conf = {.weight = 1, .rate = 1000};
	struct test_fq t;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	t.now = SECOND;
	for (unsigned int i = 0; i < 12; i++)
		put_conf(&t, i % 3, LEN, &conf);
	for (unsigned int i = 0; i < 3; i++)
		assert_non_null(test_fq_get(&t));
	assert_null(test_fq_get(&t));
	fq_check(t.q);
	assert_int_equal(fq_tin_purge(t.q, 1), 3);
	fq_check(t.q);
	t.now += 1600 * MS;
	assert_int_equal(test_fq_key(&t), 0);
	assert_int_equal(test_fq_key(&t), 2);
	assert_null(test_fq_get(&t));
	assert_int_equal(fq_tin_purge(t.q, 0) + fq_tin_purge(t.q, 2), 4);
	fq_check(t.q);
	assert_int_equal(fq_check_next(t.q, t.now), UINT64_MAX);
	test_fq_end(&t);
}

/*
 * Ten packets of 100 bytes fit a quantum, yet at 1 Mbit/s they leave one by one, 0.8 ms apart: as a
 * new flow, and after its first quantum as an old one.
 */
static void
small_packets_of_a_tin_do_not_burst(void **state)
{
	struct fq_tin_conf conf = {.weight = 1, .rate = MBIT};
	struct rte_mbuf *pkts[32];
	struct test_fq t;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	t.now = SECOND;
	for (unsigned int i = 0; i < 30; i++)
		put_conf(&t, 1, 100, &conf);
	for (unsigned int i = 0; i < 30; i++) {
		assert_int_equal(fq_dequeue_burst(t.q, t.now, pkts, 32), 1);
		test_fq_leave(&t, (struct test_pkt *)pkts[0]);
		t.now += 802000;
	}
	test_fq_end(&t);
}

/* Each of 20 tins has a new flow. At 1 Mbit/s they leave one by one all the same, 12 ms apart. */
static void
new_flows_do_not_burst(void **state)
{
	struct fq_params p = test_fq_params();
	struct rte_mbuf *pkts[32];
	struct test_fq t;

	RTE_SET_USED(state);
	p.rate = MBIT;
	test_fq_start(&t, p, 64);
	t.now = SECOND;
	for (uint32_t key = 0; key < 20; key++)
		test_fq_put(&t, key, 0, LEN);
	for (uint32_t key = 0; key < 20; key++) {
		assert_int_equal(fq_dequeue_burst(t.q, t.now, pkts, 32), 1);
		assert_int_equal(((struct test_pkt *)pkts[0])->key, key);
		test_fq_leave(&t, (struct test_pkt *)pkts[0]);
		t.now += 12 * MS;
	}
	test_fq_end(&t);
}

/* Set back by half an hour, for which a waiting tin is not held. */
static void
clock_set_back_for_a_tin(void **state)
{
	struct fq_tin_conf conf = {.weight = 1, .rate = MBIT};
	struct test_fq t;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	t.now = 7200 * SECOND;
	for (unsigned int i = 0; i < 8; i++)
		put_conf(&t, 1, LEN, &conf);
	assert_non_null(test_fq_get(&t));
	assert_null(test_fq_get(&t));
	t.now -= 1800 * SECOND;
	assert_non_null(test_fq_get(&t));
	assert_null(test_fq_get(&t));
	t.now += 13 * MS;
	assert_non_null(test_fq_get(&t));
	test_fq_end(&t);
}

/*
 * At 1 kbit/s a packet of 9000 bytes takes 72 s, more than the wheel reaches, so its tin goes to
 * the farthest slot again and again. With polls 3 s apart that is one which has begun, too: here 16
 * tins wait in slots of 268 ms side by side.
 */
static void
waits_longer_than_the_wheel(void **state)
{
	struct fq_tin_conf conf = {.weight = 1, .rate = 125};
	struct test_fq t;
	unsigned int left = 0;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	for (uint32_t key = 0; key < 16; key++) {
		t.now += 269 * MS;
		for (unsigned int i = 0; i < 2; i++)
			put_conf(&t, key, 9000, &conf);
		assert_int_equal(test_fq_key(&t), key);
		assert_null(test_fq_get(&t));
	}
	for (unsigned int i = 1; i <= 25; i++) {
		t.now += 3 * SECOND;
		while (test_fq_get(&t))
			left++;
		fq_check(t.q);
		assert_true(left == 0 || i > 22);
	}
	assert_int_equal(left, 16);
	test_fq_end(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_burst_from_1_mbit_to_100_gbit),
		cmocka_unit_test(late_polls_lose_no_rate),
		cmocka_unit_test(a_pause_saves_nothing_up),
		cmocka_unit_test(clock_set_back),
		cmocka_unit_test(rate_changes_count_at_once),
		cmocka_unit_test(framing),
		cmocka_unit_test(tins_have_rates),
		cmocka_unit_test(a_rate_costs_no_weight),
		cmocka_unit_test(rates_above_the_shares_change_nothing),
		cmocka_unit_test(any_rate_of_a_tin),
		cmocka_unit_test(rate_of_a_tin_changes),
		cmocka_unit_test(waiting_tins_obey),
		cmocka_unit_test(small_packets_of_a_tin_do_not_burst),
		cmocka_unit_test(new_flows_do_not_burst),
		cmocka_unit_test(clock_set_back_for_a_tin),
		cmocka_unit_test(waits_longer_than_the_wheel),
	};

	return cmocka_run_group_tests_name("fq_rate", tests, test_fq_setup, NULL);
}
