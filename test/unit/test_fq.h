/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tests of lib/fq share: numbered packets, a queue in virtual time, and a log of drops.
 * Packets are plain memory; the library needs no mempool.
 */
#ifndef TEST_FQ_H
#define TEST_FQ_H

#include "fq.h"
#include "test_eal.h"

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define NOBODY UINT32_MAX

struct test_pkt {
	struct rte_mbuf m; /* first */
	uint32_t id, key, hash;
	bool ect, ect1, ce, queued;
};

struct test_fq {
	struct fq *q;
	uint64_t now;
	struct test_pkt *pkts;
	uint32_t n_pkts, next;
	uint32_t drops;
	uint32_t drop_id[64]; /* the first ones */
	enum fq_drop drop_why[64];
	void (*leave)(
		struct test_fq *t, struct test_pkt *p); /* the model test watches departures */
	void *model;
};

static inline void
test_fq_leave(struct test_fq *t, struct test_pkt *p)
{
	assert_true(p->queued);
	assert_int_equal(p->m.tx_offload, 0);
	p->queued = false;
	if (t->leave)
		t->leave(t, p);
}

static inline void
test_fq_on_drop(void *ctx, struct rte_mbuf *m, enum fq_drop why)
{
	struct test_fq *t = ctx;
	struct test_pkt *p = (struct test_pkt *)m;

	if (t->drops < RTE_DIM(t->drop_id)) {
		t->drop_id[t->drops] = p->id;
		t->drop_why[t->drops] = why;
	}
	t->drops++;
	test_fq_leave(t, p);
}

static inline bool
test_fq_on_mark(void *ctx, struct rte_mbuf *m, enum fq_mark why)
{
	struct test_pkt *p = (struct test_pkt *)m;

	RTE_SET_USED(ctx);
	if (why == FQ_MARK_CE_THRESHOLD && !p->ect1)
		return false;
	p->ce = p->ect;
	return p->ect;
}

/* Small, without CoDel, and quantum 1000, so that numbers are easy. */
static inline struct fq_params
test_fq_params(void)
{
	struct fq_params p;

	fq_params_default(&p);
	p.flows = 1024;
	p.tins = 64;
	p.quantum = 1000;
	p.codel = false;
	p.pkt_offset = offsetof(struct rte_mbuf, dynfield1);
	p.drop = test_fq_on_drop;
	p.mark = test_fq_on_mark;
	return p;
}

static inline void
test_fq_start(struct test_fq *t, struct fq_params p, uint32_t n_pkts)
{
	*t = (struct test_fq){.n_pkts = n_pkts};
	t->pkts = aligned_alloc(RTE_CACHE_LINE_SIZE, n_pkts * sizeof(*t->pkts));
	assert_non_null(t->pkts);
	memset(t->pkts, 0, n_pkts * sizeof(*t->pkts));
	p.ctx = t;
	t->q = fq_create(&p);
	assert_non_null(t->q);
}

static inline void
test_fq_end(struct test_fq *t)
{
	fq_destroy(t->q);
	for (uint32_t i = 0; i < t->n_pkts; i++)
		assert_false(t->pkts[i].queued);
	free(t->pkts);
}

/* A packet that is not queued; ids grow. */
static inline struct test_pkt *
test_fq_pkt(struct test_fq *t, uint32_t key, uint32_t hash, uint32_t len)
{
	struct test_pkt *p;

	do
		p = &t->pkts[t->next++ % t->n_pkts];
	while (p->queued);
	memset(&p->m, 0, sizeof(p->m));
	*p = (struct test_pkt){.id = t->next - 1, .key = key, .hash = hash, .queued = true};
	p->m.pkt_len = len;
	((struct fq_pkt *)p->m.dynfield1)->hash = hash;
	return p;
}

static inline uint32_t
test_fq_put_weighted(struct test_fq *t, uint32_t key, uint32_t hash, uint32_t len, uint16_t weight)
{
	struct test_pkt *p = test_fq_pkt(t, key, hash, len);

	fq_enqueue(t->q, &p->m, key, &(struct fq_tin_conf){.weight = weight}, t->now);
	return p->id;
}

static inline uint32_t
test_fq_put(struct test_fq *t, uint32_t key, uint32_t hash, uint32_t len)
{
	return test_fq_put_weighted(t, key, hash, len, 1);
}

static inline void
test_fq_put_many(struct test_fq *t, uint32_t n, uint32_t key, uint32_t hash, uint32_t len)
{
	while (n--)
		test_fq_put(t, key, hash, len);
}

static inline struct test_pkt *
test_fq_get(struct test_fq *t)
{
	struct test_pkt *p = (struct test_pkt *)fq_dequeue(t->q, t->now);

	if (p)
		test_fq_leave(t, p);
	return p;
}

/* False when no tin has the key. */
static inline bool
test_fq_tin(const struct fq *q, uint32_t key, struct fq_tin_stats *s)
{
	for (uint32_t i = 0; i < fq_tins(q); i++) {
		if (fq_tin_stats_at(q, i, s) && s->key == key)
			return true;
	}
	return false;
}

static inline uint32_t
test_fq_tin_packets(const struct fq *q, uint32_t key)
{
	struct fq_tin_stats s;

	return test_fq_tin(q, key, &s) ? s.backlog_packets : 0;
}

/* The id of the next packet, NOBODY for none. */
static inline uint32_t
test_fq_id(struct test_fq *t)
{
	struct test_pkt *p = test_fq_get(t);

	return p ? p->id : NOBODY;
}

/* The tin whose packet is next, NOBODY for none. */
static inline uint32_t
test_fq_key(struct test_fq *t)
{
	struct test_pkt *p = test_fq_get(t);

	return p ? p->key : NOBODY;
}

static inline int
test_fq_setup(void **state)
{
	RTE_SET_USED(state);
	return test_eal_init();
}

#endif
