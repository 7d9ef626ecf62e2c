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

#include "shaper.h"

#include <rte_vect.h>

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
	uint32_t mixed = ((uint32_t)(tag >> 32) << 1) + (uint32_t)tag * UINT32_C(0x85ebca6b);

	return ((mixed * UINT32_C(0x9e3779b1)) >> q->set_shift) * FQ_WAYS;
}

/* The way that has this tag, FQ_WAYS for none. No branch per way: it is random. */
static inline uint32_t
fq_flow_way(const uint64_t *tags, uint64_t tag)
{
#ifdef __SSE4_1__
	const __m128i *pair = (const __m128i *)tags;
	__m128i want = _mm_set1_epi64x((int64_t)tag);
	__m128i lo =
		_mm_packs_epi32(_mm_cmpeq_epi64(pair[0], want), _mm_cmpeq_epi64(pair[1], want));
	__m128i hi =
		_mm_packs_epi32(_mm_cmpeq_epi64(pair[2], want), _mm_cmpeq_epi64(pair[3], want));
	uint32_t two_per_way = (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(lo, hi));

	return rte_bsf32(two_per_way | 1u << 2 * FQ_WAYS) / 2;
#else
	uint32_t hit = 1u << FQ_WAYS;

	for (uint32_t w = 0; w < FQ_WAYS; w++)
		hit |= (uint32_t)(tags[w] == tag) << w;
	return rte_bsf32(hit);
#endif
}

static inline uint32_t
fq_flow_free_way(const uint64_t *tags)
{
	uint32_t hit = 1u << FQ_WAYS;

	for (uint32_t w = 0; w < FQ_WAYS; w++)
		hit |= (uint32_t)(~tags[w] >> 63) << w;
	return rte_bsf32(hit);
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

/* A flow that has packets in the default flow stays there until they left, to keep its order. */
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

/* BLUE changes a flow's probability at most once per tick, 4.2 ms (CAKE: once per target). */
static inline uint8_t
fq_blue_tick(const struct fq *q)
{
	return (uint8_t)(fq_clock32(q) >> 12);
}

static inline void
fq_blue_up(const struct fq *q, struct fq_flow *f)
{
	if (!q->blue || (f->blue && f->blue_at == fq_blue_tick(q)))
		return;
	f->blue_at = fq_blue_tick(q);
	f->blue = RTE_MIN(f->blue + FQ_BLUE_ONE / 256, FQ_BLUE_ONE);
}

/* The flow was empty: down by one, and by one for each tick that it was. */
static inline void
fq_blue_down(const struct fq *q, struct fq_flow *f)
{
	uint32_t ticks = (fq_clock32(q) - f->codel.first_above) >> 12;

	ticks = RTE_MAX(ticks, (uint32_t)(f->blue_at != fq_blue_tick(q)));
	f->blue_at = fq_blue_tick(q);
	f->blue -= RTE_MIN(f->blue, ticks);
}

/* A way for a flow that has none: its own of before, else any free one with a fresh state. */
static inline uint32_t
fq_flow_claim(struct fq *q, uint32_t ti, uint64_t tag)
{
	uint32_t hash = (uint32_t)(tag >> 32);
	struct fq_tin *t = &q->tins[ti];
	uint32_t set = fq_flow_set(q, tag);
	uint32_t way = fq_flow_way(&q->tags[set], tag & ~FQ_TAG_BUSY);
	bool owned = way < FQ_WAYS && q->flows[set + way].tin == ti;
	struct fq_flow *f;

	if (way == FQ_WAYS)
		way = fq_flow_free_way(&q->tags[set]);
	if (way == FQ_WAYS || fq_flow_spilled(q, ti, hash) ||
		t->fresh.n + t->old.n > (q->n_flows - q->busy_flows) >> FQ_FREE_SHIFT) {
		t->spill |= fq_spill_bit(hash);
		FQ_ADD(q->tin_counters[ti].collisions, 1);
		FQ_ADD(q->c.collisions, 1);
		return fq_default_flow(q, ti);
	}
	f = &q->flows[set + way];
	if (!owned) {
		f->codel = (struct fq_codel){0};
		f->blue = 0;
		f->until = t->turns;
	}
	f->tin = ti;
	q->tags[set + way] = tag;
	q->busy_flows++;
	return set + way;
}

/* What is likely to become this flow: its own of before, else a free one. */
static inline const struct fq_flow *
fq_flow_likely(const struct fq *q, uint32_t set, uint64_t tag)
{
	uint32_t way = fq_flow_way(&q->tags[set], tag & ~FQ_TAG_BUSY);

	if (way == FQ_WAYS)
		way = fq_flow_free_way(&q->tags[set]);
	return &q->flows[set + way % FQ_WAYS];
}

/* The flow in use that has this tag, FQ_NIL for none. */
static inline uint32_t
fq_flow_find_in(const struct fq *q, uint32_t set, uint64_t tag)
{
	uint32_t way = fq_flow_way(&q->tags[set], tag);

	return way < FQ_WAYS ? set + way : FQ_NIL;
}

static inline uint32_t
fq_flow_find(const struct fq *q, uint64_t tag)
{
	return fq_flow_find_in(q, fq_flow_set(q, tag), tag);
}

/*
 * The flow is empty and off its list. RFC 8290 sends an emptied new flow through the old list, lest
 * it come back as new at once with a fresh quantum and starve the others. Here it keeps what is
 * left of its quantum for as long as that would take, one turn of each flow now on the old list,
 * counted from when it was given (flow_begin): a sparse flow stays sparse however long the round is
 * and however often it comes back, and none gets more than a quantum per round.
 */
static inline void
fq_flow_release(struct fq *q, uint32_t fi)
{
	struct fq_flow *f = &q->flows[fi];
	const struct fq_tin *t = &q->tins[f->tin];

	if (f->list == FQ_LIST_OLD)
		f->until = t->turns + t->old.n;
	fq_codel_empty(&f->codel, fq_clock32(q));
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
	bool fatter; /* no branch: it is random */

	m->tx_offload = 0;
	if (f->head)
		f->tail->tx_offload = fq_link_make(m, len);
	else
		f->head = fq_link_make(m, len);
	f->tail = m;
	f->bytes += len;
	f->packets++;
	fatter = (f->bytes >= t->fat_bytes) | (t->fat == fi);
	t->fat = fatter ? fi : t->fat;
	t->fat_bytes = fatter ? f->bytes : t->fat_bytes;
	FQ_ADD(t->bytes, len);
	FQ_ADD(t->packets, 1);
	FQ_ADD(q->bytes, len);
	FQ_ADD(q->packets, 1);
}

/* The flow has a packet. Its next one is likely to be next. */
static inline struct rte_mbuf *
fq_flow_unlink(struct fq_flow *f)
{
	struct rte_mbuf *m = fq_link_pkt(f->head);

	f->head = m->tx_offload;
	fq_link_prefetch(f->head);
	m->tx_offload = 0;
	return m;
}

#endif
