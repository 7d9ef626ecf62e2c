/* SPDX-License-Identifier: BSD-3-Clause */
/* One rate for several instances, in virtual time. */
#include "fq_check.h"

#define SECOND UINT64_C(1000000000)
#define MBIT UINT64_C(125000) /* bytes per s */
#define LEN 1500u
#define MEMBERS 4u

struct shards {
	struct fq_share *share;
	struct test_fq t[MEMBERS];
	uint64_t bytes[MEMBERS];
	uint64_t now;
	const struct fq_tin_conf *conf; /* by key; NULL: weight 1 */
};

static void
shards_start(struct shards *s, uint64_t rate)
{
	*s = (struct shards){.now = SECOND};
	s->share = fq_share_create(MEMBERS, rate, SOCKET_ID_ANY);
	assert_non_null(s->share);
	for (unsigned int i = 0; i < MEMBERS; i++) {
		test_fq_start(&s->t[i], test_fq_params(), 512);
		fq_share_join(s->share, i, s->t[i].q);
	}
}

static void
shards_end(struct shards *s)
{
	for (unsigned int i = 0; i < MEMBERS; i++)
		test_fq_end(&s->t[i]);
	fq_share_destroy(s->share);
}

static void
shards_put(struct shards *s, unsigned int member, uint32_t key, uint32_t len)
{
	struct test_fq *t = &s->t[member];

	fq_enqueue(t->q, &test_fq_pkt(t, key, 1, len)->m, key,
		s->conf ? &s->conf[key] : &fq_tin_plain, t->now);
}

/* Greedy members keep their backlog; every member is polled each 5 us. */
static void
shards_run(struct shards *s, uint64_t span, unsigned int greedy)
{
	uint64_t end = s->now + span;

	for (; s->now < end; s->now += 5000) {
		for (unsigned int i = 0; i < MEMBERS; i++) {
			struct test_fq *t = &s->t[i];
			struct test_pkt *p;

			t->now = s->now;
			while ((p = test_fq_get(t))) {
				s->bytes[i] += p->m.pkt_len;
				if (greedy >> i & 1)
					shards_put(s, i, p->key, p->m.pkt_len);
			}
		}
	}
}

static double
shards_sum(struct shards *s)
{
	double sum = 0;

	for (unsigned int i = 0; i < MEMBERS; i++)
		sum += (double)s->bytes[i];
	memset(s->bytes, 0, sizeof(s->bytes));
	return sum;
}

/* 1 Gbit/s among four with 1, 1, 2, 4 tins: as with one queue, each tin has an eighth. */
static void
shards_divide_by_weight(void **state)
{
	static const unsigned int tins[MEMBERS] = {1, 1, 2, 4};
	struct shards s;
	double sum;

	RTE_SET_USED(state);
	shards_start(&s, 1000 * MBIT);
	for (unsigned int i = 0; i < MEMBERS; i++) {
		s.t[i].now = s.now;
		for (unsigned int n = 0; n < 200; n++)
			test_fq_put(&s.t[i], n % tins[i], 1, LEN);
	}
	shards_run(&s, 20 * MS, 0xf);
	shards_sum(&s);
	shards_run(&s, SECOND, 0xf);
	for (unsigned int i = 0; i < MEMBERS; i++) {
		double part = (double)s.bytes[i] / (double)(125 * MBIT * tins[i]);

		assert_true(part > 0.98 && part <= 1.001);
	}
	sum = shards_sum(&s) / (double)(1000 * MBIT);
	assert_true(sum > 0.98 && sum <= 1.001);
	shards_end(&s);
}

/* Members come and go: the ones that are left have it all within some ms. */
static void
idle_shards_release_their_part(void **state)
{
	struct shards s;
	double sum;

	RTE_SET_USED(state);
	shards_start(&s, 1000 * MBIT);
	for (unsigned int n = 0; n < 400; n++) {
		s.t[n % 2].now = s.now;
		test_fq_put(&s.t[n % 2], 1, 1, LEN);
	}
	shards_run(&s, 100 * MS, 0x3);
	assert_true((double)shards_sum(&s) / (double)(100 * MBIT) > 0.98);
	shards_run(&s, 20 * MS, 0x1);
	shards_sum(&s);
	shards_run(&s, 100 * MS, 0x1);
	sum = shards_sum(&s) / (double)(100 * MBIT);
	assert_true(sum > 0.98 && sum <= 1.001);
	assert_int_equal(fq_rate(s.t[0].q), 1000 * MBIT);
	shards_end(&s);
}

/* One greedy, one with 100 Mbit/s of its own: the greedy one has the other 900. */
static void
modest_shards_keep_what_they_use(void **state)
{
	struct shards s;
	double sum, modest;

	RTE_SET_USED(state);
	shards_start(&s, 1000 * MBIT);
	s.t[0].now = s.now;
	test_fq_put_many(&s.t[0], 200, 1, 1, LEN);
	for (unsigned int ms = 0; ms < 1100; ms++) {
		if (ms == 100)
			shards_sum(&s);
		for (unsigned int i = 0; i < 10; i++) {
			s.t[1].now = s.now;
			test_fq_put(&s.t[1], 2, i, 1250);
			shards_run(&s, MS / 10, 0x1);
		}
	}
	modest = (double)s.bytes[1] / (double)(100 * MBIT);
	assert_true(modest > 0.999 && modest < 1.001);
	sum = shards_sum(&s) / (double)(1000 * MBIT);
	assert_true(sum > 0.98 && sum <= 1.001);
	shards_end(&s);
}

/* The share's rate changes for all; a member that does not poll is not waited for. */
static void
share_changes_its_rate(void **state)
{
	struct shards s;

	RTE_SET_USED(state);
	shards_start(&s, 1000 * MBIT);
	fq_share_rate_set(s.share, 10 * MBIT);
	test_fq_put_many(&s.t[2], 100, 1, 1, LEN);
	shards_run(&s, 10 * MS, 0x4);
	assert_int_equal(fq_rate(s.t[2].q), 10 * MBIT);
	fq_share_rate_set(s.share, 0);
	shards_run(&s, MS, 0);
	assert_int_equal(fq_rate(s.t[2].q), 0);
	shards_end(&s);
}

/*
 * 1 Gbit/s. One has ten tins, of which nine wait for their 10 Mbit/s each, the other has one. As
 * with one queue the two tins without a rate would divide the other 910 Mbit/s; those that wait
 * count only while they are on the ring, so it may be an eighth less for one.
 */
static void
tins_that_wait_cost_others_little(void **state)
{
	struct fq_tin_conf conf[11];
	struct shards s;
	double part;

	RTE_SET_USED(state);
	shards_start(&s, 1000 * MBIT);
	for (uint32_t key = 0; key < RTE_DIM(conf); key++)
		conf[key] = (struct fq_tin_conf){.weight = 1, .rate = key < 9 ? 10 * MBIT : 0};
	s.conf = conf;
	for (unsigned int i = 0; i < 200; i++) {
		s.t[0].now = s.t[1].now = s.now;
		shards_put(&s, 0, i % 10, LEN);
		shards_put(&s, 1, 10, LEN);
	}
	shards_run(&s, 100 * MS, 0x3);
	shards_sum(&s);
	shards_run(&s, SECOND, 0x3);
	part = (double)s.bytes[0] / (double)(545 * MBIT);
	assert_true(part > 0.875 && part < 1.125);
	part = (double)s.bytes[1] / (double)(455 * MBIT);
	assert_true(part > 0.875 && part < 1.125);
	part = shards_sum(&s) / (double)(1000 * MBIT);
	assert_true(part > 0.97 && part <= 1.001);
	shards_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shards_divide_by_weight),
		cmocka_unit_test(idle_shards_release_their_part),
		cmocka_unit_test(modest_shards_keep_what_they_use),
		cmocka_unit_test(share_changes_its_rate),
		cmocka_unit_test(tins_that_wait_cost_others_little),
	};

	return cmocka_run_group_tests_name("fq_share", tests, test_fq_setup, NULL);
}
