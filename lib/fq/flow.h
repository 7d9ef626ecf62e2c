/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flow table, 8-way set-associative and shared by all tins. The tags of a set fill one cache
 * line, so finding a flow touches that line and the flow's own.
 *
 * The tag of an idle flow stays, and with it CoDel's count, for the case that the same flow
 * returns.
 */
#ifndef FQ_FLOW_H
#define FQ_FLOW_H

#include "fq_private.h"

/*
 * One tin may hold at most half as many flows as are still free: alone a third of the table. So a
 * peer that sprays flows cannot take the table from the others (Choudhury and Hahne, dynamic
 * thresholds, 1998).
 */
#define FQ_FREE_SHIFT 1

static inline void
fq_fifo_push(struct fq *q, struct fq_fifo *l, uint32_t fi)
{
	q->flows[fi].next = FQ_NIL;
	if (l->n++)
		q->flows[l->tail].next = fi;
	else
		l->head = fi;
	l->tail = fi;
}

static inline uint32_t
fq_fifo_pop(struct fq *q, struct fq_tin *t, struct fq_fifo *l)
{
	uint32_t fi = l->head;

	l->head = q->flows[fi].next;
	l->n--;
	t->turns += l == &t->old;
	return fi;
}

static inline uint64_t
fq_flow_tag(uint32_t key, uint32_t hash)
{
	return FQ_TAG_BUSY | (uint64_t)hash << 32 | key;
}

static inline uint32_t
fq_flow_set(const struct fq *q, uint64_t tag)
{
	return (uint32_t)(((tag << 1) * UINT64_C(0x9e3779b97f4a7c15)) >> q->set_shift) * FQ_WAYS;
}

/* One bit per way whose tag, seen through mask, is want. No branch: the way is random. */
static inline uint32_t
fq_flow_ways(const uint64_t *tags, uint64_t mask, uint64_t want)
{
	uint32_t hit = 0;

	for (uint32_t w = 0; w < FQ_WAYS; w++)
		hit |= (uint32_t)((tags[w] & mask) == want) << w;
	return hit;
}

static inline uint32_t
fq_default_flow(const struct fq *q, uint32_t ti)
{
	return q->n_flows + ti;
}

static inline uint64_t
fq_spill_bit(uint32_t hash)
{
	return UINT64_C(1) << (hash & 63);
}

/* Its order must not change: a flow with packets in the default flow stays there until they left.
 */
static inline bool
fq_flow_spilled(struct fq *q, uint32_t ti, uint32_t hash)
{
	struct fq_tin *t = &q->tins[ti];

	if (likely(!t->spill))
		return false;
	if (!q->flows[fq_default_flow(q, ti)].head)
		t->spill = 0;
	return t->spill & fq_spill_bit(hash);
}

/* A way for a flow that has none: its own of before, else any free one with a fresh CoDel state. */
static inline uint32_t
fq_flow_claim(struct fq *q, uint32_t ti, uint32_t hash, uint64_t tag, uint32_t set)
{
	const struct fq_tin *t = &q->tins[ti];
	uint32_t idle = fq_flow_ways(&q->tags[set], ~UINT64_C(0), tag & ~FQ_TAG_BUSY);
	uint32_t ways = idle ? idle : fq_flow_ways(&q->tags[set], FQ_TAG_BUSY, 0);
	uint32_t fi;

	if (!ways || t->fresh.n + t->old.n > (q->n_flows - q->busy_flows) >> FQ_FREE_SHIFT ||
		fq_flow_spilled(q, ti, hash)) {
		q->tins[ti].spill |= fq_spill_bit(hash);
		FQ_ADD(q->tins[ti].c.collisions, 1);
		FQ_ADD(q->c.collisions, 1);
		return fq_default_flow(q, ti);
	}
	fi = set + rte_bsf32(ways);
	if (!idle)
		q->flows[fi].codel = (struct fq_codel){0};
	if (!idle || q->flows[fi].tin != ti)
		q->flows[fi].until = t->turns;
	q->tags[fi] = tag;
	q->flows[fi].tin = ti;
	q->busy_flows++;
	return fi;
}

static inline uint32_t
fq_flow_get(struct fq *q, uint32_t ti, uint32_t hash)
{
	uint64_t tag = fq_flow_tag(q->tins[ti].key, hash);
	uint32_t set = fq_flow_set(q, tag);
	uint32_t hit = fq_flow_ways(&q->tags[set], ~UINT64_C(0), tag);

	return likely(hit) ? set + rte_bsf32(hit) : fq_flow_claim(q, ti, hash, tag, set);
}

/*
 * The flow is empty and off its list. RFC 8290 sends an emptied new flow through the old list, lest
 * it come back as new at once with a fresh quantum and starve the others. Here it keeps what is
 * left of its quantum for as long as that would take, one turn of each flow now on the old list: a
 * sparse flow stays sparse however long the round is, and none gets more than a quantum per round.
 */
static inline void
fq_flow_release(struct fq *q, uint32_t fi)
{
	struct fq_flow *f = &q->flows[fi];
	const struct fq_tin *t = &q->tins[f->tin];

	f->until = t->turns + t->old.n;
	fq_codel_empty(&f->codel);
	f->list = FQ_LIST_NONE;
	if (fi < q->n_flows) {
		q->tags[fi] &= ~FQ_TAG_BUSY;
		q->busy_flows--;
	}
}

static inline void
fq_flow_append(struct fq *q, uint32_t fi, struct rte_mbuf *m, uint32_t len)
{
	struct fq_flow *f = &q->flows[fi];
	struct fq_tin *t = &q->tins[f->tin];

	fq_set_next(m, NULL);
	if (f->head)
		fq_set_next(f->tail, m);
	else
		f->head = m;
	f->tail = m;
	f->bytes += len;
	f->packets++;
	if (f->bytes >= t->fat_bytes || t->fat == fi) {
		t->fat = fi;
		t->fat_bytes = f->bytes;
	}
	FQ_ADD(t->bytes, len);
	FQ_ADD(t->packets, 1);
	FQ_ADD(q->bytes, len);
	FQ_ADD(q->packets, 1);
}

/* The flow has a packet. */
static inline struct rte_mbuf *
fq_flow_pop(struct fq *q, uint32_t fi)
{
	struct fq_flow *f = &q->flows[fi];
	struct fq_tin *t = &q->tins[f->tin];
	struct rte_mbuf *m = f->head;
	uint32_t len = fq_wire_len(q, m);

	f->head = fq_next(m);
	fq_set_next(m, NULL);
	f->bytes -= len;
	f->packets--;
	if (t->fat == fi)
		t->fat_bytes = f->bytes;
	FQ_ADD(t->bytes, -len);
	FQ_ADD(t->packets, -1);
	FQ_ADD(q->bytes, -len);
	FQ_ADD(q->packets, -1);
	return m;
}

#endif
