/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tins: a pool, found by key through an open-addressing table at most half full. A tin with nothing
 * queued is on the idle list, keeps its statistics, and is recycled when another key needs a tin,
 * least recently active first.
 *
 * An open tin with flows is on the ring (weighted deficit round robin). It leaves when its turn
 * comes with credit and without flows: debts are paid first, left-over credit is forfeited.
 */
#ifndef FQ_TIN_H
#define FQ_TIN_H

#include "fq_private.h"

/* Takes an idle tin for the key; FQ_NIL when none is idle. */
uint32_t fq_tin_take(struct fq *q, uint32_t key);
/* What the caller wants differs from what the tin has. */
void fq_tin_configure(struct fq *q, uint32_t ti, const struct fq_tin_conf *conf);
/* Idle tin with its first packet: to the ring, or parked when closed. */
void fq_tin_activate(struct fq *q, uint32_t ti);
/* The tin at the head of the ring has no flow or is closed. */
void fq_tin_leave_ring(struct fq *q);
/* The tin at the head of the ring is over its rate. */
void fq_tin_wait(struct fq *q);
/* Off the wheel, to the ring. */
void fq_tin_proceed(struct fq *q, uint32_t ti);
/* To the idle list, where all tins begin. */
void fq_tin_idle(struct fq *q, uint32_t ti);

/* The list head behind the pool. */
static inline uint32_t
fq_idle_head(const struct fq *q)
{
	return q->n_tins;
}

static inline uint32_t
fq_ring_at(const struct fq_ring *r, uint32_t i)
{
	return r->tins[(r->head + i) & r->mask];
}

static inline void
fq_ring_push(struct fq_ring *r, uint32_t ti)
{
	r->tins[r->tail++ & r->mask] = (uint16_t)ti;
}

/* The first tin becomes the last. */
static inline void
fq_ring_turn(struct fq_ring *r)
{
	fq_ring_push(r, r->tins[r->head++ & r->mask]);
}

static inline bool
fq_ring_empty(const struct fq_ring *r)
{
	return r->head == r->tail;
}

static inline uint32_t
fq_key_hash(uint32_t key)
{
	return key * UINT32_C(0x9e3779b1);
}

static inline uint32_t
fq_slot_of(const struct fq *q, uint32_t key)
{
	return (uint32_t)(((uint64_t)fq_key_hash(key) * q->n_slots) >> 32);
}

static inline uint32_t
fq_slot_next(const struct fq *q, uint32_t i)
{
	return i + 1 < q->n_slots ? i + 1 : 0;
}

static inline uint32_t
fq_tin_find(const struct fq *q, uint32_t key)
{
	for (uint32_t i = fq_slot_of(q, key);; i = fq_slot_next(q, i)) {
		uint32_t slot = FQ_GET(q->slots[i]);

		if (!slot)
			return FQ_NIL;
		if (slot >> 16 == (fq_key_hash(key) & UINT16_MAX) &&
			FQ_GET(q->tins[(slot & UINT16_MAX) - 1].key) == key)
			return (slot & UINT16_MAX) - 1;
	}
}

/*
 * Bytes per round: the least weight on the ring, rounded down to a power of two, counts as one
 * quantum, so that a round is as short as the weights' ratios allow.
 */
static inline int32_t
fq_tin_quantum(const struct fq *q, const struct fq_tin *t)
{
	return (int32_t)((q->quantum * t->weight) >> q->weight_shift);
}

/* A tin with new flows may go one quantum into debt ahead of its turn. */
static inline bool
fq_tin_boostable(const struct fq *q, const struct fq_tin *t)
{
	return t->state == FQ_TIN_RING && !t->closed && t->fresh.n &&
		t->deficit > -fq_tin_quantum(q, t);
}

static inline uint32_t
fq_tin_limit(const struct fq *q, const struct fq_tin *t)
{
	return t->limit ? t->limit : q->tin_limit;
}

/* Idle or not: the tin has a key. */
static inline bool
fq_tin_used(const struct fq_tin *t)
{
	return FQ_GET(t->state) != FQ_TIN_UNUSED;
}

/* Of a tin's histogram, for a delay of so many significant bits: four times as long each. */
static inline uint32_t
fq_tin_bucket(uint32_t bits)
{
	static const uint8_t buckets[32] = {0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7,
		7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7};

	return buckets[bits];
}

static inline void
fq_tin_boost(struct fq *q, uint32_t ti)
{
	struct fq_tin_rest *r = &q->rest[ti];

	if (r->boost != FQ_TIN_NIL)
		return;
	r->boost = (uint16_t)ti;
	q->boost.head = q->boost.n++ ? q->boost.head : (uint16_t)ti;
	q->rest[q->boost.tail].boost = (uint16_t)ti;
	q->boost.tail = (uint16_t)ti;
}

/* The first tin of the boost list, off it now; there is one. */
static inline uint32_t
fq_tin_unboost(struct fq *q)
{
	uint32_t ti = q->boost.head;
	struct fq_tin_rest *r = &q->rest[ti];

	q->boost.head = r->boost;
	q->boost.tail = --q->boost.n ? q->boost.tail : (uint16_t)fq_idle_head(q);
	r->boost = FQ_TIN_NIL;
	return ti;
}

#endif
