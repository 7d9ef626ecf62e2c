/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where tins wait that are over their own rate: four levels of 64 slots, of 1, 64, 4096 and 262144
 * units of 1024 ns. A tin goes to the finest level that reaches its time, to the slot that begins
 * last before it; from a coarse slot it goes on to a finer one. So a tin costs the same however
 * many there are, and is let go at most 1/63 of its wait, or a unit, too late.
 */
#include "shaper.h"
#include "tin.h"

#define SLOTS (1u << FQ_WHEEL_BITS)
#define REACH (SLOTS - 1)

static inline unsigned int
level_shift(unsigned int level)
{
	return level * FQ_WHEEL_BITS;
}

static inline uint64_t
rotate_right(uint64_t v, unsigned int by)
{
	return v >> (by & 63) | v << (-by & 63);
}

/* From now to the beginning of the first slot in use; the level has one. */
static uint32_t
level_next(const struct fq_wheel *w, unsigned int level)
{
	uint32_t at = w->now >> level_shift(level);
	uint32_t steps = 1 + rte_bsf64(rotate_right(w->mask[level], at + 1));

	return ((at + steps) << level_shift(level)) - w->now;
}

static void
set_next(struct fq_wheel *w)
{
	uint32_t least = UINT32_MAX;

	for (unsigned int level = 0; level < FQ_WHEEL_LEVELS; level++) {
		if (w->mask[level])
			least = RTE_MIN(least, level_next(w, level));
	}
	w->next = w->now + least;
}

static void
slot_push(struct fq *q, unsigned int level, uint32_t at, uint32_t ti)
{
	struct fq_wheel *w = &q->wheel;
	struct fq_tin_rest *r = &q->rest[ti];
	uint32_t slot = level * SLOTS + at % SLOTS;
	uint64_t bit = UINT64_C(1) << (at % SLOTS);

	r->slot = (uint8_t)slot;
	r->link = (struct fq_tin_link){FQ_TIN_NIL, FQ_TIN_NIL};
	if (w->mask[level] & bit) {
		r->link.next = w->head[slot];
		q->rest[r->link.next].link.prev = (uint16_t)ti;
	}
	w->head[slot] = (uint16_t)ti;
	w->mask[level] |= bit;
}

void
fq_wheel_insert(struct fq *q, uint32_t ti)
{
	struct fq_wheel *w = &q->wheel;
	uint64_t fine = q->rest[ti].ready - q->clock;
	uint32_t wait = 1 + (uint32_t)(fine >> (FQ_FINE_SHIFT + FQ_TIME_SHIFT));
	unsigned int level = 0;
	uint32_t at, begins;

	w->now = fq_clock32(q);
	while (level < FQ_WHEEL_LEVELS - 1 && wait > REACH << level_shift(level))
		level++;
	wait = RTE_MIN(wait, REACH << level_shift(level));
	at = (w->now + wait) >> level_shift(level);
	at += at == w->now >> level_shift(level);
	q->tins[ti].state = FQ_TIN_WAITING;
	slot_push(q, level, at, ti);
	begins = (at << level_shift(level)) - w->now;
	if (!w->n++ || begins < w->next - w->now)
		w->next = w->now + begins;
}

void
fq_wheel_remove(struct fq *q, uint32_t ti)
{
	struct fq_wheel *w = &q->wheel;
	const struct fq_tin_rest *r = &q->rest[ti];
	struct fq_tin_link l = r->link;

	if (l.next != FQ_TIN_NIL)
		q->rest[l.next].link.prev = l.prev;
	if (l.prev != FQ_TIN_NIL)
		q->rest[l.prev].link.next = l.next;
	else
		w->head[r->slot] = l.next;
	if (l.prev == FQ_TIN_NIL && l.next == FQ_TIN_NIL)
		w->mask[r->slot / SLOTS] &= ~(UINT64_C(1) << (r->slot % SLOTS));
	w->n--;
}

/* A tin that waits on may come into a slot whose turn is still to come in this call. */
static void
slot_begin(struct fq *q, uint32_t slot, bool back)
{
	uint32_t ti = q->wheel.head[slot];

	q->wheel.mask[slot / SLOTS] &= ~(UINT64_C(1) << (slot % SLOTS));
	while (ti != FQ_TIN_NIL) {
		uint32_t next = q->rest[ti].link.next;

		q->wheel.n--;
		if (slot >= SLOTS && !back && fq_is_after(q->rest[ti].ready, q->clock))
			fq_wheel_insert(q, ti);
		else
			fq_tin_proceed(q, ti);
		ti = next;
	}
}

/* The slots that began since the wheel last turned; all when the clock was set back. */
static uint64_t
slots_begun(const struct fq_wheel *w, unsigned int level, uint32_t now)
{
	unsigned int shift = level_shift(level);
	uint32_t at = w->now >> shift;
	uint32_t steps = ((now >> shift) - at) & (UINT32_MAX >> shift);

	if (steps >= SLOTS)
		return UINT64_MAX;
	return rotate_right((UINT64_C(1) << steps) - 1, -(at + 1));
}

void
fq_wheel_turn(struct fq *q)
{
	struct fq_wheel *w = &q->wheel;
	uint32_t now = fq_clock32(q);
	bool back = (int32_t)(now - w->now) < 0;
	uint64_t begun[FQ_WHEEL_LEVELS];

	if (likely(!back && (int32_t)(now - w->next) < 0)) {
		w->now = now;
		return;
	}
	for (unsigned int level = 0; level < FQ_WHEEL_LEVELS; level++) {
		begun[level] = back ? UINT64_MAX : slots_begun(w, level, now);
		begun[level] &= w->mask[level];
	}
	w->now = now;
	for (unsigned int level = 0; level < FQ_WHEEL_LEVELS; level++) {
		for (; begun[level]; begun[level] &= begun[level] - 1)
			slot_begin(q, level * SLOTS + rte_bsf64(begun[level]), back);
	}
	if (w->n)
		set_next(w);
}
