/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random operations against a model that is slow and plainly right: per (tin, flow) the ids that
 * are queued, in order, and per tin whether it is closed. Whatever leaves, sent or dropped, must be
 * the oldest of its flow; nothing may be lost; no closed tin may send; no open one may be passed
 * over.
 */
#include "fq_check.h"
#include "test_random.h"

#define KEYS 24u
#define HASHES 40u
#define DEEP 1024u
#define STEPS 400000u

struct model {
	uint32_t ids[KEYS][HASHES][DEEP]; /* rings */
	uint32_t head[KEYS][HASHES], tail[KEYS][HASHES];
	uint32_t packets[KEYS];
	uint64_t total, bytes, put, left;
	bool closed[KEYS];
};

static uint64_t random_state;

static uint32_t
random_below(uint32_t n)
{
	return (uint32_t)(test_random(&random_state) % n);
}

static void
model_leave(struct test_fq *t, struct test_pkt *p)
{
	struct model *m = t->model;
	uint32_t *head = &m->head[p->key][p->hash];

	assert_true(*head != m->tail[p->key][p->hash]);
	assert_int_equal(m->ids[p->key][p->hash][(*head)++ % DEEP], p->id);
	m->packets[p->key]--;
	m->total--;
	m->bytes -= p->m.pkt_len;
	m->left++;
}

static struct test_pkt *
model_pkt(struct test_fq *t)
{
	struct model *m = t->model;
	uint32_t key = random_below(KEYS);
	uint32_t hash = random_below(2) ? key % 3 : random_below(HASHES);
	struct test_pkt *p = test_fq_pkt(t, key, hash, 60 + random_below(1440));

	assert_true(m->tail[key][hash] - m->head[key][hash] < DEEP);
	p->ect = random_below(2);
	m->ids[key][hash][m->tail[key][hash]++ % DEEP] = p->id;
	m->packets[key]++;
	m->total++;
	m->bytes += p->m.pkt_len;
	m->put++;
	return p;
}

static void
put_burst(struct test_fq *t)
{
	struct fq_item items[40];
	uint32_t n = 1 + random_below(40);

	for (uint32_t i = 0; i < n; i++) {
		struct test_pkt *p = model_pkt(t);

		items[i] = (struct fq_item){&p->m, p->key, 1 + p->key * p->key};
		if (random_below(64) == 0)
			items[i].weight = (uint16_t)random_below(2048);
	}
	if (n == 1)
		fq_enqueue(t->q, items[0].m, items[0].tin_key, items[0].weight, t->now);
	else
		fq_enqueue_burst(t->q, items, n, t->now);
}

static void
get_burst(struct test_fq *t)
{
	struct model *m = t->model;

	for (uint32_t n = random_below(48); n; n--) {
		struct test_pkt *p = test_fq_get(t);

		if (p) {
			assert_false(m->closed[p->key]);
			continue;
		}
		for (uint32_t key = 0; key < KEYS; key++)
			assert_true(m->closed[key] || !m->packets[key]);
		return;
	}
}

static void
control(struct test_fq *t)
{
	struct model *m = t->model;
	uint32_t key = random_below(KEYS);
	uint32_t had;

	switch (random_below(6)) {
	case 0:
		had = m->packets[key];
		assert_int_equal(fq_tin_purge(t->q, key), had);
		assert_int_equal(m->packets[key], 0);
		m->closed[key] = false;
		break;
	case 1:
		if (fq_tin_close(t->q, key) == 0)
			m->closed[key] = true;
		break;
	default:
		fq_tin_open(t->q, key);
		m->closed[key] = false;
	}
}

static void
compare(const struct test_fq *t)
{
	const struct model *m = t->model;
	struct fq_stats s;
	uint64_t drops = 0;

	fq_check(t->q);
	fq_stats_get(t->q, &s);
	for (uint32_t why = 0; why < FQ_DROP_MAX; why++)
		drops += s.c.drops[why];
	assert_int_equal(s.backlog_packets, m->total);
	assert_int_equal(s.backlog_bytes, m->bytes);
	assert_int_equal(s.c.enqueued, m->put);
	assert_int_equal(s.c.packets + drops, m->left);
	assert_int_equal(drops, t->drops);
	for (uint32_t key = 0; key < KEYS; key++)
		assert_int_equal(fq_tin_backlog_packets(t->q, key), m->packets[key]);
}

/* A step is up to 40 packets in or 47 out: some ten million in all. */
static void
run_model(struct fq_params p, uint64_t seed)
{
	struct test_fq t;
	struct model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	random_state = seed;
	test_fq_start(&t, p, 2048);
	t.model = m;
	t.leave = model_leave;
	t.now = UINT64_C(1) << 41;
	for (uint32_t i = 0; i < STEPS; i++) {
		uint32_t what = random_below(100);

		t.now += random_below(1000) * (random_below(100) ? 1000 : 100000);
		if (what < 45)
			put_burst(&t);
		else if (what < 98)
			get_burst(&t);
		else
			control(&t);
		if (i % 16 == 0)
			compare(&t);
	}
	fq_destroy(t.q);
	assert_int_equal(m->total, 0);
	assert_int_equal(m->bytes, 0);
	free(t.pkts);
	free(m);
}

static void
limits_and_codel(void **state)
{
	struct fq_params p = test_fq_params();

	RTE_SET_USED(state);
	p.codel = true;
	p.flows = 128;
	p.tins = 32;
	p.limit_packets = 600;
	p.limit_bytes = 500000;
	run_model(p, 1);
}

/* Fewer tins than keys, fewer buckets than flows, a limit per tin, tiny quantum. */
static void
everything_is_scarce(void **state)
{
	struct fq_params p = test_fq_params();

	RTE_SET_USED(state);
	p.codel = true;
	p.target_ns = MS;
	p.interval_ns = 10 * MS;
	p.flows = 16;
	p.tins = 12;
	p.quantum = 90;
	p.tin_limit_packets = 20;
	p.limit_packets = 300;
	run_model(p, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_and_codel),
		cmocka_unit_test(everything_is_scarce),
	};

	return cmocka_run_group_tests_name("fq_model", tests, test_fq_setup, NULL);
}
