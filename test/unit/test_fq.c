/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows and tins: who is next, and what each gets. Quantum 1000 bytes unless said otherwise. */
#include "test_fq.h"

/* Flow quantum 90, one tin: A holds three packets of 60 bytes, B two of 120. */
static void
deficit_walk(void **state)
{
	struct test_fq t;
	struct fq_params p = test_fq_params();
	uint32_t a[3], b[2];

	RTE_SET_USED(state);
	p.quantum = 90;
	test_fq_start(&t, p, 16);
	for (int i = 0; i < 3; i++)
		a[i] = test_fq_put(&t, 1, 0xa, 60);
	for (int i = 0; i < 2; i++)
		b[i] = test_fq_put(&t, 1, 0xb, 120);
	assert_int_equal(test_fq_id(&t), a[0]); /* A 90 -> 30 */
	assert_int_equal(test_fq_id(&t), a[1]); /* A 30 -> -30, to the old list with 60 */
	assert_int_equal(test_fq_id(&t), b[0]); /* B 90 -> -30, to the old list with 60 */
	assert_int_equal(test_fq_id(&t), a[2]); /* A 60 -> 0 */
	assert_int_equal(test_fq_id(&t), b[1]);
	assert_int_equal(test_fq_id(&t), NOBODY);
	test_fq_end(&t);
}

static void
sparse_flow_goes_first(void **state)
{
	struct test_fq t;
	uint32_t sparse;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	test_fq_put_many(&t, 20, 1, 0xa, 1000);
	for (int i = 0; i < 3; i++)
		assert_int_equal(test_fq_id(&t), i);
	sparse = test_fq_put(&t, 1, 0xb, 100);
	assert_int_equal(test_fq_id(&t), sparse);
	assert_int_equal(test_fq_id(&t), 3);
	test_fq_end(&t);
}

/*
 * B sends 400 bytes whenever it is empty. It is ahead of A until its quantum is spent; then it
 * waits for its turn, however new it looks.
 */
static void
emptied_flow_gets_no_new_quantum(void **state)
{
	struct test_fq t;
	uint32_t b;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	test_fq_put_many(&t, 10, 1, 0xa, 600);
	for (int i = 0; i < 3; i++)
		assert_int_equal(test_fq_id(&t), i); /* A 1000 -> 400 -> -200, then 800 -> 200 */
	for (int i = 0; i < 3; i++) {
		b = test_fq_put(&t, 1, 0xb, 400);
		assert_int_equal(test_fq_id(&t), b); /* B 1000 -> 600 -> 200 -> -200 */
	}
	b = test_fq_put(&t, 1, 0xb, 400);
	assert_int_equal(test_fq_id(&t), 3);
	assert_int_equal(test_fq_id(&t), b);
	test_fq_end(&t);
}

/* A and B are greedy, so a round is two turns. S keeps its credit for that long, then has a new
 * one. */
static void
quantum_is_per_round(void **state)
{
	struct test_fq t;
	uint32_t s1, s2;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	for (uint32_t i = 0; i < 12; i++)
		test_fq_put(&t, 1, i % 2, 1000);
	assert_int_equal(test_fq_id(&t), 0);
	assert_int_equal(test_fq_id(&t), 1);
	s1 = test_fq_put(&t, 1, 0x5, 900);
	assert_int_equal(test_fq_id(&t), s1); /* S 1000 -> 100 */
	assert_int_equal(test_fq_id(&t), 2); /* half a round */
	s1 = test_fq_put(&t, 1, 0x5, 400);
	s2 = test_fq_put(&t, 1, 0x5, 400);
	assert_int_equal(test_fq_id(&t), s1); /* S 100 -> -300, to the old list with 700 */
	assert_int_equal(test_fq_id(&t), 3);
	assert_int_equal(test_fq_id(&t), 4);
	assert_int_equal(test_fq_id(&t), s2); /* S 700 -> 300 */
	assert_int_equal(test_fq_id(&t), 5);
	assert_int_equal(test_fq_id(&t), 6);
	s1 = test_fq_put(&t, 1, 0x5, 900);
	s2 = test_fq_put(&t, 1, 0x5, 100);
	assert_int_equal(test_fq_id(&t), s1); /* S 1000 -> 100 */
	assert_int_equal(test_fq_id(&t), s2);
	assert_int_equal(test_fq_id(&t), 7);
	test_fq_end(&t);
}

/* Flow B puts one packet whenever it has none, to be new each time: half the rate, no more. */
static void
on_off_flow_gains_nothing(void **state)
{
	struct test_fq t;
	uint32_t packets[2] = {0, 0};
	bool b_waits = false;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	test_fq_put_many(&t, 8, 1, 0, 700);
	for (int i = 0; i < 1000; i++) {
		struct test_pkt *p;

		if (!b_waits)
			test_fq_put(&t, 1, 1, 700);
		b_waits = true;
		p = test_fq_get(&t);
		packets[p->hash]++;
		if (p->hash == 1)
			b_waits = false;
		else
			test_fq_put(&t, 1, 0, 700);
	}
	assert_in_range(packets[1], 495, 505);
	test_fq_end(&t);
}

static void
count_shares(
	struct test_fq *t, const uint16_t *weights, uint32_t n, uint32_t rounds, uint32_t *packets)
{
	memset(packets, 0, n * sizeof(*packets));
	for (uint32_t i = 0; i < rounds; i++) {
		uint32_t key = test_fq_key(t);

		assert_true(key < n);
		packets[key]++;
		test_fq_put_weighted(t, key, 0, 1000, weights[key]);
	}
}

static void
weights_1_2_5(void **state)
{
	static const uint16_t weights[] = {1, 2, 5};
	struct test_fq t;
	uint32_t packets[3] = {0};

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	for (uint32_t i = 0; i < 3 * 16; i++)
		test_fq_put_weighted(&t, i % 3, 0, 1000, weights[i % 3]);
	count_shares(&t, weights, 3, 8, packets); /* the first turn */
	count_shares(&t, weights, 3, 8000, packets);
	assert_int_equal(packets[0], 1000);
	assert_int_equal(packets[1], 2000);
	assert_int_equal(packets[2], 5000);
	test_fq_end(&t);
}

/* Ratios count, not numbers: with weights 100 to 1000 a turn is still at most 10 quanta. */
static void
large_weights_keep_rounds_short(void **state)
{
	static const uint16_t weights[] = {100, 300, 1000};
	struct test_fq t;
	uint32_t packets[3] = {0}, last = NOBODY, run = 0, longest = 0;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 256);
	for (uint32_t i = 0; i < 3 * 64; i++)
		test_fq_put_weighted(&t, i % 3, 0, 1000, weights[i % 3]);
	for (uint32_t i = 0; i < 100; i++) {
		uint32_t key = test_fq_key(&t);

		run = key == last ? run + 1 : 1;
		last = key;
		longest = RTE_MAX(longest, run);
		test_fq_put_weighted(&t, key, 0, 1000, weights[key]);
	}
	assert_in_range(longest, 10, 17); /* 1000 / 64 = 15.6 quanta, and the rest of one */
	count_shares(&t, weights, 3, 140000, packets);
	assert_in_range(packets[0], 9900, 10100);
	assert_in_range(packets[1], 29700, 30300);
	assert_in_range(packets[2], 99000, 101000);
	test_fq_end(&t);
}

static void
weight_changes_at_once(void **state)
{
	static const uint16_t before[] = {1, 1}, after[] = {1, 3};
	struct test_fq t;
	uint32_t packets[2] = {0};

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	for (uint32_t i = 0; i < 2 * 10; i++)
		test_fq_put(&t, i % 2, 0, 1000);
	count_shares(&t, before, 2, 400, packets);
	assert_int_equal(packets[0], 200);
	count_shares(&t, after, 2, 8, packets);
	count_shares(&t, after, 2, 400, packets);
	assert_int_equal(packets[0], 100);
	assert_int_equal(packets[1], 300);
	test_fq_end(&t);
}

/* Tin 0 sends 1500 bytes at a time, tin 1 sends 100. Shares are of bytes. */
static void
packet_size_does_not_matter(void **state)
{
	static const uint32_t len[] = {1500, 100};
	struct test_fq t;
	uint32_t bytes[2] = {0, 0};

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 256);
	test_fq_put_many(&t, 10, 0, 0, len[0]);
	test_fq_put_many(&t, 100, 1, 0, len[1]);
	while (bytes[0] + bytes[1] < 2000000) {
		const struct test_pkt *p = test_fq_get(&t);

		bytes[p->key] += p->m.pkt_len;
		test_fq_put(&t, p->key, 0, p->m.pkt_len);
	}
	assert_in_range(bytes[0], 1000000 - 3000, 1000000 + 3000);
	test_fq_end(&t);
}

/*
 * While tin 0 was away tin 1 was served 100 times. On its return it may send one quantum at once,
 * two packets of 500, and misses its next turn for that.
 */
static void
idling_gains_nothing(void **state)
{
	static const uint32_t turns[] = {0, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1};
	struct test_fq t;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 256);
	test_fq_put(&t, 0, 0, 1000);
	test_fq_put_many(&t, 150, 1, 0, 1000);
	for (int i = 0; i < 101; i++)
		test_fq_get(&t);
	test_fq_put_many(&t, 50, 0, 0, 500);
	for (uint32_t i = 0; i < RTE_DIM(turns); i++)
		assert_int_equal(test_fq_key(&t), turns[i]);
	test_fq_end(&t);
}

/* Tin 0 puts one packet whenever it has none, to be new each time: half the rate, no more. */
static void
on_off_gains_nothing(void **state)
{
	struct test_fq t;
	uint32_t packets[2] = {0, 0};

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	test_fq_put_many(&t, 8, 1, 0, 1000);
	for (int i = 0; i < 1000; i++) {
		const struct test_pkt *p;

		if (!test_fq_tin_packets(t.q, 0))
			test_fq_put(&t, 0, (uint32_t)i, 1000);
		p = test_fq_get(&t);
		packets[p->key]++;
		if (p->key == 1)
			test_fq_put(&t, 1, 0, 1000);
	}
	assert_in_range(packets[0], 495, 505);
	test_fq_end(&t);
}

/* Every packet of tin 0 begins a new flow, so it may always go ahead of its turn. */
static void
spraying_flows_gains_nothing(void **state)
{
	struct test_fq t;
	uint32_t packets[2] = {0, 0};

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	test_fq_put_many(&t, 8, 1, 0, 1000);
	for (uint32_t i = 0; i < 8; i++)
		test_fq_put(&t, 0, i, 1000);
	for (uint32_t i = 0; i < 1000; i++) {
		const struct test_pkt *p = test_fq_get(&t);

		packets[p->key]++;
		test_fq_put(&t, p->key, p->key ? 0 : 100 + i, 1000);
	}
	assert_in_range(packets[0], 495, 505);
	test_fq_end(&t);
}

/*
 * The new flow 1 of tin 0 leaves ahead, on credit. Flows 2 and 3 wait until the tin's turns have
 * paid for it: then they are ahead again, and it has to pay for them.
 */
static void
new_flows_go_first_once_the_debt_is_paid(void **state)
{
	static const uint32_t keys[] = {0, 1, 0, 0, 2, 1, 2, 1, 2, 0};
	struct rte_mbuf *pkts[RTE_DIM(keys)];
	struct test_fq t;

	RTE_SET_USED(state);
	for (uint32_t burst = 1; burst <= RTE_DIM(keys); burst++) {
		test_fq_start(&t, test_fq_params(), 64);
		for (uint32_t i = 0; i < 18; i++)
			test_fq_put(&t, i % 3, 0, 1000);
		for (uint32_t i = 0; i < 3; i++)
			assert_int_equal(test_fq_key(&t), i); /* was new, has no credit left */
		for (uint32_t i = 1; i <= 3; i++)
			test_fq_put(&t, 0, i, 1000);
		for (uint32_t i = 0; i < RTE_DIM(keys); i += burst)
			fq_dequeue_burst(t.q, t.now, &pkts[i], RTE_MIN(burst, RTE_DIM(keys) - i));
		for (uint32_t i = 0; i < RTE_DIM(keys); i++) {
			test_fq_leave(&t, (struct test_pkt *)pkts[i]);
			assert_int_equal(((struct test_pkt *)pkts[i])->key, keys[i]);
		}
		test_fq_end(&t);
	}
}

/*
 * Ten greedy flows with packets of one quantum. Flow 10 has one of three quanta again when twelve
 * others have left: that it was empty at its turn has not paid for the last one.
 */
static void
emptied_flow_pays_its_debt(void **state)
{
	uint32_t packets = 0, left = 0;
	struct test_fq t;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 256);
	for (uint32_t i = 0; i < 80; i++)
		test_fq_put(&t, 1, i % 10, 1000);
	test_fq_put(&t, 1, 10, 3000);
	for (uint32_t i = 0; i < 3100; i++) {
		const struct test_pkt *p = test_fq_get(&t);

		if (p->hash == 10) {
			packets++;
			left = i;
		} else {
			test_fq_put(&t, 1, p->hash, 1000);
			if (i == left + 12)
				test_fq_put(&t, 1, 10, 3000);
		}
	}
	assert_in_range(packets, 95, 105); /* one in 30 */
	test_fq_end(&t);
}

/* 32 greedy peers with 8 flows each. Something sparse, in a peer of its own or in a greedy one. */
static void
sparse_passes_32_greedy_peers(void **state)
{
	static const uint32_t keys[] = {99, 0, 15, 31};
	struct test_fq t;

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 2048);
	for (uint32_t i = 0; i < 32 * 8 * 4; i++)
		test_fq_put(&t, i % 32, i / 32 % 8, 1000);
	for (uint32_t i = 0; i < 400; i++) {
		struct test_pkt *p = test_fq_get(&t);
		uint32_t sparse;

		test_fq_put(&t, p->key, p->hash, 1000);
		if (i < 300 || i % 10)
			continue;
		sparse = test_fq_put(&t, keys[i / 10 % 4], 0x5050, 100);
		assert_int_equal(test_fq_id(&t), sparse);
	}
	test_fq_end(&t);
}

/* The sparse packets of tin 0 (100 of 1000 bytes each round) are part of its share. */
static void
sparse_is_charged_to_its_tin(void **state)
{
	struct test_fq t;
	uint32_t bytes[4] = {0};

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 64);
	for (uint32_t i = 0; i < 4 * 8; i++)
		test_fq_put(&t, i % 4, 0, 1000);
	for (uint32_t i = 0; i < 8000; i++) {
		struct test_pkt *p = test_fq_get(&t);

		bytes[p->key] += p->m.pkt_len;
		if (p->hash == 0)
			test_fq_put(&t, p->key, 0, 1000);
		if (i % 4 == 0)
			test_fq_put(&t, 0, 1, 100);
	}
	for (uint32_t i = 1; i < 4; i++)
		assert_in_range(bytes[0], bytes[i] * 99 / 100, bytes[i] * 101 / 100);
	test_fq_end(&t);
}

static void
wire_length_has_overhead_and_mpu(void **state)
{
	struct test_fq t;
	struct fq_params p = test_fq_params();
	struct fq_stats s;

	RTE_SET_USED(state);
	p.overhead = 24;
	p.mpu = 84;
	test_fq_start(&t, p, 16);
	test_fq_put(&t, 1, 0, 40);
	test_fq_put(&t, 1, 0, 1000);
	assert_int_equal(fq_backlog_bytes(t.q), 84 + 1024);
	test_fq_get(&t);
	fq_stats_get(t.q, &s);
	assert_int_equal(s.c.bytes, 84);
	assert_int_equal(s.backlog_bytes, 1024);
	test_fq_end(&t);
}

static void
bursts_are_the_same_in_order(void **state)
{
	struct test_fq t;
	struct fq_item items[80];
	struct rte_mbuf *out[100];

	RTE_SET_USED(state);
	test_fq_start(&t, test_fq_params(), 128);
	for (uint32_t i = 0; i < 80; i++)
		items[i] = (struct fq_item){&test_fq_pkt(&t, 7, 7, 500)->m, &fq_tin_plain, 7};
	fq_enqueue_burst(t.q, items, 80, 0);
	assert_int_equal(fq_dequeue_burst(t.q, 0, out, 30), 30);
	assert_int_equal(fq_dequeue_burst(t.q, 0, out + 30, 70), 50);
	for (uint32_t i = 0; i < 80; i++) {
		assert_ptr_equal(out[i], items[i].m);
		test_fq_leave(&t, (struct test_pkt *)out[i]);
	}
	test_fq_end(&t);
}

static void
bad_parameters_are_refused(void **state)
{
	struct fq_params good = test_fq_params(), p;

	RTE_SET_USED(state);
#define REFUSED(field, value)                                                                      \
	do {                                                                                       \
		p = good;                                                                          \
		p.field = value;                                                                   \
		rte_errno = 0;                                                                     \
		assert_null(fq_create(&p));                                                        \
		assert_int_equal(rte_errno, EINVAL);                                               \
	} while (0)
	REFUSED(flows, 1000);
	REFUSED(flows, 8);
	REFUSED(tins, 0);
	REFUSED(tins, 65537);
	REFUSED(quantum, 0);
	REFUSED(limit_packets, 0);
	REFUSED(limit_packets, FQ_PACKETS_MAX + 1);
	REFUSED(limit_bytes, UINT32_MAX);
	REFUSED(target_ns, good.interval_ns + 1);
	REFUSED(drop, NULL);
	REFUSED(pkt_offset, -1);
#undef REFUSED
	fq_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deficit_walk),
		cmocka_unit_test(sparse_flow_goes_first),
		cmocka_unit_test(emptied_flow_gets_no_new_quantum),
		cmocka_unit_test(quantum_is_per_round),
		cmocka_unit_test(on_off_flow_gains_nothing),
		cmocka_unit_test(weights_1_2_5),
		cmocka_unit_test(large_weights_keep_rounds_short),
		cmocka_unit_test(weight_changes_at_once),
		cmocka_unit_test(packet_size_does_not_matter),
		cmocka_unit_test(idling_gains_nothing),
		cmocka_unit_test(on_off_gains_nothing),
		cmocka_unit_test(spraying_flows_gains_nothing),
		cmocka_unit_test(new_flows_go_first_once_the_debt_is_paid),
		cmocka_unit_test(emptied_flow_pays_its_debt),
		cmocka_unit_test(sparse_passes_32_greedy_peers),
		cmocka_unit_test(sparse_is_charged_to_its_tin),
		cmocka_unit_test(wire_length_has_overhead_and_mpu),
		cmocka_unit_test(bursts_are_the_same_in_order),
		cmocka_unit_test(bad_parameters_are_refused),
	};

	return cmocka_run_group_tests_name("fq", tests, test_fq_setup, NULL);
}
