/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random operations against a model that is slow and plainly right: per (tin, flow) the ids that
 * are queued, in order, and per tin whether it was opened. Whatever leaves, sent or dropped, must
 * be the oldest of its flow; nothing may be lost; no closed tin may send; no open one may be passed
 * over; no limit is exceeded. The unit test and the fuzzer bring the random numbers.
 */
#ifndef FQ_MODEL_H
#define FQ_MODEL_H

#include "fq_check.h"

#define FQ_MODEL_KEYS 24u
#define FQ_MODEL_HASHES 40u
#define FQ_MODEL_DEEP 1024u
#define FQ_MODEL_PACKETS 2048u
#define FQ_MODEL_BURST 40u

struct fq_model {
	uint32_t ids[FQ_MODEL_KEYS][FQ_MODEL_HASHES][FQ_MODEL_DEEP]; /* rings */
	uint32_t head[FQ_MODEL_KEYS][FQ_MODEL_HASHES], tail[FQ_MODEL_KEYS][FQ_MODEL_HASHES];
	uint32_t packets[FQ_MODEL_KEYS];
	uint64_t total, bytes, put, left;
	bool opened[FQ_MODEL_KEYS]; /* since it was last purged */
	struct test_pkt *dropped[FQ_MODEL_PACKETS]; /* by the dequeue that runs */
	uint32_t n_dropped;
	bool dequeues;
	struct fq_params params;
	struct fq_tin_conf conf[FQ_MODEL_KEYS];
	uint32_t (*below)(struct fq_model *m, uint32_t n); /* random, 0 to n - 1 */
	uint64_t random;
	const uint8_t *input; /* the fuzzer's random numbers */
	size_t input_left;
};

static inline bool
fq_model_is_oldest(const struct fq_model *m, const struct test_pkt *p)
{
	uint32_t head = m->head[p->key][p->hash];

	return head != m->tail[p->key][p->hash] &&
		m->ids[p->key][p->hash][head % FQ_MODEL_DEEP] == p->id;
}

static inline void
fq_model_leave(struct test_fq *t, struct test_pkt *p)
{
	struct fq_model *m = t->model;

	if (m->dequeues) {
		m->dropped[m->n_dropped++] = p;
		return;
	}
	assert_true(fq_model_is_oldest(m, p));
	m->head[p->key][p->hash]++;
	m->packets[p->key]--;
	m->total--;
	m->bytes -= p->m.pkt_len;
	m->left++;
}

static inline uint32_t
fq_model_random(struct fq_model *m, uint32_t n)
{
	m->random = m->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (uint32_t)((m->random >> 33) % n);
}

static inline struct test_pkt *
fq_model_pkt(struct test_fq *t)
{
	struct fq_model *m = t->model;
	uint32_t key = m->below(m, FQ_MODEL_KEYS);
	uint32_t hash = m->below(m, 2) ? key % 3 : m->below(m, FQ_MODEL_HASHES);
	uint32_t len = 60 + m->below(m, m->below(m, 16) ? 1440 : 8940);
	struct test_pkt *p = test_fq_pkt(t, key, hash, len);

	assert_true(m->tail[key][hash] - m->head[key][hash] < FQ_MODEL_DEEP);
	p->ect = m->below(m, 2);
	m->ids[key][hash][m->tail[key][hash]++ % FQ_MODEL_DEEP] = p->id;
	m->packets[key]++;
	m->total++;
	m->bytes += p->m.pkt_len;
	m->put++;
	return p;
}

/* Mostly without a rate, else 100 B/s to 10 GB/s. */
static inline void
fq_model_configure(struct fq_model *m, uint32_t key)
{
	static const uint64_t rates[] = {0, 0, 0, 0, 100, 100000, 100000000, 10000000000};

	m->conf[key].weight = (uint16_t)m->below(m, 2048);
	m->conf[key].rate = rates[m->below(m, RTE_DIM(rates))];
	m->conf[key].limit_packets = m->below(m, 4) ? 0 : 1 + m->below(m, 100);
}

/* With a packet of its own a tin's limit has been looked at. */
static inline void
fq_model_limits(const struct test_fq *t, const struct fq_item *items, uint32_t n)
{
	const struct fq_model *m = t->model;

	assert_true(m->total <= m->params.limit_packets && m->bytes <= m->params.limit_bytes);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t limit = items[i].conf->limit_packets;

		limit = limit ? limit : m->params.tin_limit_packets;
		assert_true(!limit || m->packets[items[i].tin_key] <= limit);
	}
}

/* Past the queue, only while nothing is in it, and none of a tin with a rate; how many. */
static inline uint32_t
fq_model_pass(struct test_fq *t, const struct fq_item *items, uint32_t n)
{
	struct fq_model *m = t->model;
	struct rte_mbuf *pkts[FQ_MODEL_BURST];
	uint64_t queued = m->total - n;
	uint32_t may = 0, passed;

	for (; may < n && !items[may].conf->rate; may++)
		pkts[may] = items[may].m;
	passed = fq_pass_begin(t->q, may, t->now);
	fq_pass_end(t->q, pkts, passed);
	assert_true(passed <= may && (!passed || !queued));
	for (uint32_t i = 0; i < passed; i++) {
		assert_false(m->params.start_closed);
		test_fq_leave(t, (struct test_pkt *)items[i].m);
	}
	return passed;
}

static inline void
fq_model_put(struct test_fq *t)
{
	struct fq_model *m = t->model;
	struct fq_item items[FQ_MODEL_BURST];
	uint32_t n = 1 + m->below(m, FQ_MODEL_BURST), passed;

	for (uint32_t i = 0; i < n; i++) {
		struct test_pkt *p = fq_model_pkt(t);

		if (m->below(m, 64) == 0)
			fq_model_configure(m, p->key);
		items[i] = (struct fq_item){&p->m, &m->conf[p->key], p->key};
	}
	passed = m->below(m, 2) ? fq_model_pass(t, items, n) : 0;
	if (n - passed == 1)
		fq_enqueue(
			t->q, items[passed].m, items[passed].tin_key, items[passed].conf, t->now);
	else
		fq_enqueue_burst(t->q, &items[passed], n - passed, t->now);
	fq_model_limits(t, items, n);
}

/* Nothing left: then each tin is empty, closed, or over its rate, or the shaper is. */
static inline void
fq_model_nothing(struct test_fq *t)
{
	struct fq_model *m = t->model;
	uint64_t next = fq_check_next(t->q, t->now);
	struct fq_tin_stats s;

	assert_true(next > t->now);
	if (fq_rate(t->q) && next != UINT64_MAX)
		return;
	for (uint32_t key = 0; key < FQ_MODEL_KEYS; key++) {
		if (!m->packets[key])
			continue;
		assert_true(test_fq_tin(t->q, key, &s));
		if (m->params.start_closed && s.closed)
			continue;
		assert_true(s.waiting && s.rate);
		assert_true(next != UINT64_MAX);
	}
}

/* A burst, and what CoDel and BLUE dropped between its packets: those of a flow in order. */
static inline uint32_t
fq_model_burst(struct test_fq *t, uint32_t max)
{
	struct fq_model *m = t->model;
	struct rte_mbuf *pkts[FQ_MODEL_BURST];
	uint32_t n, sent = 0, dropped = 0;

	m->dequeues = true;
	m->n_dropped = 0;
	n = fq_dequeue_burst(t->q, t->now, pkts, max);
	m->dequeues = false;
	while (sent < n || dropped < m->n_dropped) {
		struct test_pkt *p = sent < n ? (struct test_pkt *)pkts[sent] : NULL;

		if (p && fq_model_is_oldest(m, p)) {
			assert_true(m->opened[p->key] || !m->params.start_closed);
			test_fq_leave(t, p);
			sent++;
		} else {
			assert_true(dropped < m->n_dropped);
			fq_model_leave(t, m->dropped[dropped++]);
		}
	}
	return n;
}

static inline void
fq_model_get(struct test_fq *t)
{
	struct fq_model *m = t->model;
	uint32_t left = m->below(m, 48);

	while (left) {
		uint32_t max = 1 + m->below(m, RTE_MIN(left, FQ_MODEL_BURST));
		uint32_t n = fq_model_burst(t, max);

		if (n < max) {
			fq_model_nothing(t);
			return;
		}
		left -= n;
	}
}

static inline void
fq_model_control(struct test_fq *t)
{
	struct fq_model *m = t->model;
	uint32_t key = m->below(m, FQ_MODEL_KEYS);
	uint32_t had;

	switch (m->below(m, 8)) {
	case 0:
		had = m->packets[key];
		assert_int_equal(fq_tin_purge(t->q, key), had);
		assert_int_equal(m->packets[key], 0);
		m->opened[key] = false;
		break;
	case 1:
		fq_shaper_set(t->q, m->below(m, 4) ? 0 : UINT64_C(1000) << m->below(m, 24));
		break;
	default:
		fq_tin_open(t->q, key);
		m->opened[key] = true;
	}
}

static inline void
fq_model_compare(const struct test_fq *t)
{
	const struct fq_model *m = t->model;
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
	for (uint32_t key = 0; key < FQ_MODEL_KEYS; key++)
		assert_int_equal(test_fq_tin_packets(t->q, key), m->packets[key]);
}

static inline void
fq_model_start(struct test_fq *t, struct fq_model *m, struct fq_params p)
{
	test_fq_start(t, p, FQ_MODEL_PACKETS);
	t->model = m;
	m->params = p;
	t->leave = fq_model_leave;
	t->now = UINT64_C(1) << 41;
	for (uint32_t key = 0; key < FQ_MODEL_KEYS; key++)
		m->conf[key].weight = (uint16_t)(1 + key * key);
}

/* Up to 40 packets in or 47 out; the clock goes on by up to 1 ms, at times 100 ms or 100 s, or
 * back.
 */
static inline void
fq_model_step(struct test_fq *t)
{
	struct fq_model *m = t->model;
	uint32_t what = m->below(m, 100);

	t->now += m->below(m, 1000) * (m->below(m, 100) ? 1000 : 100000);
	if (m->below(m, 2000) == 0)
		t->now -= m->below(m, 1000) * MS;
	if (m->below(m, 2000) == 0)
		t->now += m->below(m, 1000) * 100 * MS;
	if (what < 45)
		fq_model_put(t);
	else if (what < 98)
		fq_model_get(t);
	else
		fq_model_control(t);
}

static inline void
fq_model_end(struct test_fq *t)
{
	struct fq_model *m = t->model;

	fq_model_compare(t);
	fq_destroy(t->q);
	assert_int_equal(m->total, 0);
	assert_int_equal(m->bytes, 0);
	free(t->pkts);
}

#endif
