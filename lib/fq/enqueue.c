/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow.h"
#include "tin.h"

static inline uint32_t
tin_get(struct fq *q, uint32_t key)
{
	uint32_t ti = fq_tin_find(q, key);

	return likely(ti != FQ_NIL) ? ti : fq_tin_take(q, key);
}

static inline void
flow_begin(struct fq *q, uint32_t ti, uint32_t fi)
{
	struct fq_tin *t = &q->tins[ti];
	struct fq_flow *f = &q->flows[fi];

	f->list = FQ_LIST_NEW;
	if ((int32_t)(t->turns - f->until) >= 0 || f->deficit <= 0)
		f->deficit = (int32_t)q->quantum;
	fq_fifo_push(q, &t->fresh, fi);
	if (t->state == FQ_TIN_IDLE)
		fq_tin_activate(q, ti);
	else if (t->state == FQ_TIN_RING)
		fq_tin_boost(q, ti);
}

static inline void
enqueue_one(struct fq *q, struct rte_mbuf *m, uint32_t key, uint16_t weight, uint32_t now)
{
	struct fq_pkt *pkt = fq_pkt(q, m);
	uint32_t ti = tin_get(q, key);
	struct fq_tin *t;
	uint32_t fi;

	FQ_ADD(q->c.enqueued, 1);
	if (unlikely(ti == FQ_NIL)) {
		FQ_ADD(q->c.drops[FQ_DROP_NO_TIN], 1);
		q->drop(q->ctx, m, FQ_DROP_NO_TIN);
		return;
	}
	t = &q->tins[ti];
	if (unlikely(t->weight != weight))
		fq_tin_reweigh(q, ti, weight);
	FQ_ADD(t->c.enqueued, 1);
	pkt->time = now;
	fi = fq_flow_get(q, ti, pkt->hash);
	fq_flow_append(q, fi, m, fq_wire_len(q, m));
	if (q->flows[fi].list == FQ_LIST_NONE)
		flow_begin(q, ti, fi);
	fq_excess_update(q, ti);
	if (unlikely(t->packets > q->tin_limit))
		fq_tin_trim(q, ti);
	if (unlikely(q->packets > q->limit_packets || q->bytes > q->limit_bytes))
		fq_overload(q);
}

void
fq_enqueue(struct fq *q, struct rte_mbuf *m, uint32_t tin_key, uint16_t weight, uint64_t now)
{
	enqueue_one(q, m, tin_key, weight, fq_now32(now));
}

/* Pass 1 brings in tins and sets, pass 2 the flows. What they find may be outdated by pass 3. */
static inline void
prefetch_batch(const struct fq *q, const struct fq_item *items, unsigned int n)
{
	uint64_t tags[FQ_BATCH];

	for (unsigned int i = 0; i < n; i++) {
		uint32_t ti = fq_tin_find(q, items[i].tin_key);

		if (ti != FQ_NIL) {
			rte_prefetch0(&q->tins[ti]);
			rte_prefetch0(RTE_PTR_ADD(&q->tins[ti], RTE_CACHE_LINE_SIZE));
		}
		tags[i] = fq_flow_tag(items[i].tin_key, fq_pkt(q, items[i].m)->hash);
		rte_prefetch0(&q->tags[fq_flow_set(q, tags[i])]);
	}
	for (unsigned int i = 0; i < n; i++) {
		uint32_t set = fq_flow_set(q, tags[i]);
		uint32_t hit = fq_flow_ways(&q->tags[set], ~UINT64_C(0), tags[i]);

		if (hit)
			rte_prefetch0(&q->flows[set + rte_bsf32(hit)]);
	}
}

void
fq_enqueue_burst(struct fq *q, const struct fq_item *items, unsigned int n, uint64_t now)
{
	uint32_t now32 = fq_now32(now);

	while (n) {
		unsigned int batch = RTE_MIN(n, FQ_BATCH);

		prefetch_batch(q, items, batch);
		for (unsigned int i = 0; i < batch; i++)
			enqueue_one(q, items[i].m, items[i].tin_key, items[i].weight, now32);
		items += batch;
		n -= batch;
	}
}
