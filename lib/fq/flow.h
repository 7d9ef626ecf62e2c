/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows: their lists, their packets, how they come to a list and leave it, and where they are.
 *
 * The flow table is 8-way set-associative and shared by all tins. A flow has one place of its set
 * as its home; with few flows nearly all are there. Else marks, 16 bits for each tag, tell which of
 * the set it may be, by one comparison; the tag itself is in the flow's line.
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

static inline uint32_t
fq_flow_mix(uint64_t tag)
{
	uint32_t mixed = ((uint32_t)(tag >> 32) << 1) + (uint32_t)tag * UINT32_C(0x85ebca6b);

	return mixed * UINT32_C(0x9e3779b1);
}

/* Where a flow goes when that place is free and the table not crowded; looked for first. */
static inline uint32_t
fq_flow_home(const struct fq *q, uint32_t mix)
{
	return mix >> q->home_shift;
}

/* The first flow of the set. */
static inline uint32_t
fq_mix_set(const struct fq *q, uint32_t mix)
{
	return fq_flow_home(q, mix) & ~(FQ_WAYS - 1);
}

static inline uint16_t
fq_flow_mark(uint32_t mix)
{
	return (uint16_t)mix;
}

#ifdef __SSE2__
/* The ways of the set with this mark, in use or idle, two bits for each. */
static inline uint32_t
fq_ways_marked(const uint16_t *set, uint16_t mark)
{
	__m128i marks = _mm_load_si128((const __m128i *)set);

	marks = _mm_cmpeq_epi16(marks, _mm_set1_epi16((int16_t)mark));
	return (uint32_t)_mm_movemask_epi8(marks);
}
#else
static inline uint32_t
fq_ways_marked(const uint16_t *set, uint16_t mark)
{
	uint32_t ways = 0;

	for (uint32_t w = 0; w < FQ_WAYS; w++)
		ways |= (uint32_t)(set[w] == mark) << 2 * w;
	return ways;
}
#endif

/* FQ_WAYS for none. No branch per way: it is random. */
static inline uint32_t
fq_way_first(uint32_t ways)
{
	return rte_bsf32(ways | 1u << 2 * FQ_WAYS) / 2;
}

static inline void
fq_flow_busy(struct fq *q, uint32_t fi)
{
	q->busy[fi / FQ_WAYS] |= (uint8_t)(1u << fi % FQ_WAYS);
	q->busy_flows++;
}

static inline void
fq_flow_idle(struct fq *q, uint32_t fi)
{
	q->busy[fi / FQ_WAYS] &= (uint8_t) ~(1u << fi % FQ_WAYS);
	q->busy_flows--;
}

static inline bool
fq_flow_is_busy(const struct fq *q, uint32_t fi)
{
	return q->busy[fi / FQ_WAYS] >> fi % FQ_WAYS & 1;
}

/* FQ_WAYS for none. */
static inline uint32_t
fq_way_idle(const struct fq *q, uint32_t set)
{
	return rte_bsf32(~(uint32_t)q->busy[set / FQ_WAYS]);
}

/* The flow that very likely has this tag, or any. It does not read the flow. */
static inline uint32_t
fq_flow_guess(const struct fq *q, uint32_t mix)
{
	uint32_t set = fq_mix_set(q, mix);

	return set + fq_way_first(fq_ways_marked(&q->marks[set], fq_flow_mark(mix))) % FQ_WAYS;
}

/*
 * So many flows that more than one in 30 would not find its home free. Then the marks tell where
 * each is, and places are taken from the front of the sets: far apart they cost more.
 */
static inline bool
fq_flows_crowded(const struct fq *q)
{
	return q->busy_flows > q->n_flows / 16;
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
	f->watched = true;
}

static inline void
fq_flow_append(struct fq *q, struct fq_tin *t, struct fq_flow *f, struct rte_mbuf *m, uint32_t now)
{
	uint32_t at = q->free, len = fq_wire_len(q, m);
	struct fq_node *nodes = q->nodes;
	uint64_t load = fq_load(len);

	q->free = nodes[at].next;
	nodes[at].link = (uintptr_t)m;
	nodes[at].time = now;
	if (likely(f->packets)) {
		nodes[f->tail].next = at;
		nodes[f->tail].link |= (fq_link)len << 48;
	} else {
		f->head = at;
		f->len = (uint16_t)len;
	}
	f->tail = at;
	FQ_ADD(f->load, load);
	FQ_ADD(t->load, load);
	FQ_ADD(q->load, load);
	if (unlikely(f->bytes > t->fat_bytes)) {
		t->fat = (uint32_t)(f - q->flows);
		t->fat_bytes = f->bytes;
	}
}

/* The flow has a packet. Its node is free now, and valid until one is appended. */
static inline const struct fq_node *
fq_flow_unlink(struct fq *q, struct fq_tin *t, struct fq_flow *f)
{
	uint32_t at = f->head;
	struct fq_node *node = &q->nodes[at];
	uint64_t load = fq_load(f->len);

	f->head = node->next;
	f->len = fq_link_next_len(node->link);
	node->next = q->free;
	q->free = at;
	FQ_ADD(f->load, -load);
	FQ_ADD(t->load, -load);
	FQ_ADD(q->load, -load);
	return node;
}

/* The flow was empty: down by one, and by one for each tick that it was. */
static inline void
fq_blue_down(const struct fq *q, struct fq_flow *f)
{
	uint32_t ticks = (fq_clock32(q) - f->codel.first_above) >> 12;

	ticks = RTE_MAX(ticks, (uint32_t)(f->blue_at != fq_blue_tick(q)));
	f->blue_at = fq_blue_tick(q);
	f->blue -= RTE_MIN(f->blue, ticks);
	f->watched = f->blue;
}

/*
 * One tin may hold at most half as many flows as are still free: alone a third of the table. So a
 * peer that sprays flows cannot take the table from the others (Choudhury and Hahne, dynamic
 * thresholds, 1998).
 */
static inline bool
fq_flow_is_one_too_many(const struct fq *q, const struct fq_tin *t)
{
	return t->fresh.n + t->old.n > (q->n_flows - q->busy_flows) >> 1;
}

/* An idle flow has a packet to come: to the tin's new ones. */
static inline void
fq_flow_join(struct fq *q, struct fq_tin *t, uint32_t fi)
{
	struct fq_flow *f = &q->flows[fi];
	uint32_t later = ((int32_t)(t->turns - f->until) >= 0) | (f->deficit <= 0);

	f->list = FQ_LIST_NEW;
	f->deficit = (int32_t)fq_pick(-later, q->quantum, (uint32_t)f->deficit);
	f->until = fq_pick(-later, t->turns + t->old.n, f->until);
	if (unlikely(f->blue))
		fq_blue_down(q, f);
	fq_fifo_push(q, &t->fresh, fi);
}

#endif
