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

static inline void
fq_fifo_push(struct fq *q, struct fq_fifo *l, uint32_t fi)
{
	if (l->n++)
		q->flows[l->tail].next = fi;
	else
		l->head = fi;
	q->flows[fi].next = l->head;
	l->tail = fi;
}

static inline uint32_t
fq_fifo_pop(struct fq *q, struct fq_tin *t, struct fq_fifo *l)
{
	uint32_t fi = l->head;

	l->head = q->flows[fi].next;
	q->flows[l->tail].next = l->head;
	l->n--;
	t->turns += l == &t->old;
	return fi;
}

/* The first becomes the last. */
static inline void
fq_fifo_turn(const struct fq *q, struct fq_tin *t, struct fq_fifo *l)
{
	l->tail = l->head;
	l->head = q->flows[l->head].next;
	t->turns += l == &t->old;
}

static inline uint64_t
fq_flow_tag(uint32_t key, uint32_t hash)
{
	return FQ_TAG_BUSY | (uint64_t)hash << 32 | key;
}

/* The first flow of the set. Shifted out is the busy bit. */
static inline uint32_t
fq_flow_set(const struct fq *q, uint64_t tag)
{
	uint32_t mixed = ((uint32_t)(tag >> 32) << 1) + (uint32_t)tag * UINT32_C(0x85ebca6b);

	return ((mixed * UINT32_C(0x9e3779b1)) >> q->set_shift) * FQ_WAYS;
}

#ifdef __SSE4_1__
/* Two bits per way: the signs of the halves of its word. */
static inline uint32_t
fq_ways_pack(__m128i a, __m128i b, __m128i c, __m128i d)
{
	return (uint32_t)_mm_movemask_epi8(
		_mm_packs_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d)));
}
#endif

/* The way that has this tag, in use or idle; FQ_WAYS for none. No branch per way: it is random. */
static inline uint32_t
fq_flow_way(const uint64_t *tags, uint64_t tag)
{
#ifdef __SSE4_1__
	const __m128i *pair = (const __m128i *)tags;
	__m128i busy = _mm_set1_epi64x((int64_t)FQ_TAG_BUSY);
	__m128i want = _mm_set1_epi64x((int64_t)tag);
	uint32_t two_per_way = fq_ways_pack(_mm_cmpeq_epi64(_mm_or_si128(pair[0], busy), want),
		_mm_cmpeq_epi64(_mm_or_si128(pair[1], busy), want),
		_mm_cmpeq_epi64(_mm_or_si128(pair[2], busy), want),
		_mm_cmpeq_epi64(_mm_or_si128(pair[3], busy), want));

	return rte_bsf32(two_per_way | 1u << 2 * FQ_WAYS) / 2;
#else
	uint32_t hit = 1u << FQ_WAYS;

	for (uint32_t w = 0; w < FQ_WAYS; w++)
		hit |= (uint32_t)((tags[w] | FQ_TAG_BUSY) == tag) << w;
	return rte_bsf32(hit);
#endif
}

/* A way whose busy bit is clear, FQ_WAYS for none. */
static inline uint32_t
fq_flow_free_way(const uint64_t *tags)
{
#ifdef __SSE4_1__
	const __m128i *pair = (const __m128i *)tags;
	uint32_t signs = fq_ways_pack(pair[0], pair[1], pair[2], pair[3]);

	return rte_bsf32((~signs & 0xaaaa) | 1u << 2 * FQ_WAYS) / 2;
#else
	uint32_t hit = 1u << FQ_WAYS;

	for (uint32_t w = 0; w < FQ_WAYS; w++)
		hit |= (uint32_t)(~tags[w] >> 63) << w;
	return rte_bsf32(hit);
#endif
}

static inline uint32_t
fq_default_flow(const struct fq *q, uint32_t ti)
{
	return q->n_flows + ti;
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

/* The flow that has this tag, in use or idle, else an idle one, else FQ_NIL. */
static inline uint32_t
fq_flow_find(const struct fq *q, uint64_t tag)
{
	uint32_t set = fq_flow_set(q, tag);
	uint32_t way = fq_flow_way(&q->tags[set], tag);

	if (way == FQ_WAYS)
		way = fq_flow_free_way(&q->tags[set]);
	return way < FQ_WAYS ? set + way : FQ_NIL;
}

static inline void
fq_flow_append(struct fq *q, struct fq_tin *t, uint32_t fi, struct rte_mbuf *m, uint32_t len)
{
	struct fq_flow *f = &q->flows[fi];
	fq_link *link = f->head ? &f->tail->tx_offload : &f->head;

	m->tx_offload = 0;
	*link = fq_link_make(m, len);
	f->tail = m;
	FQ_ADD(f->load, fq_load(len));
	FQ_ADD(t->load, fq_load(len));
	FQ_ADD(q->load, fq_load(len));
	if (unlikely(f->bytes > t->fat_bytes)) {
		t->fat = fi;
		t->fat_bytes = f->bytes;
	}
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
