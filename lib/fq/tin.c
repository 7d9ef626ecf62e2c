/* SPDX-License-Identifier: BSD-3-Clause */
#include "tin.h"

#include "flow.h"

#include <errno.h>
#include <string.h>

void
fq_tin_idle(struct fq *q, uint32_t ti)
{
	uint32_t head = fq_idle_head(q);
	uint32_t tail = q->tins[head].idle.prev;

	q->tins[ti].idle = (struct fq_link){head, tail};
	q->tins[tail].idle.next = ti;
	q->tins[head].idle.prev = ti;
}

static void
idle_unlink(struct fq *q, uint32_t ti)
{
	struct fq_link l = q->tins[ti].idle;

	q->tins[l.prev].idle.next = l.next;
	q->tins[l.next].idle.prev = l.prev;
}

static void
slot_insert(struct fq *q, uint32_t key, uint32_t ti)
{
	uint32_t i = fq_slot_of(q, key);

	while (q->slots[i].tin)
		i = (i + 1) & q->slot_mask;
	FQ_SET(q->slots[i].key, key);
	FQ_SET(q->slots[i].tin, ti + 1);
}

/* Closes the gap by moving back what probing would no longer reach. */
static void
slot_remove(struct fq *q, uint32_t key)
{
	uint32_t mask = q->slot_mask;
	uint32_t gap = fq_slot_of(q, key);

	while (q->slots[gap].key != key || !q->slots[gap].tin)
		gap = (gap + 1) & mask;
	for (uint32_t i = (gap + 1) & mask; q->slots[i].tin; i = (i + 1) & mask) {
		uint32_t home = fq_slot_of(q, q->slots[i].key);

		if (((i - home) & mask) >= ((i - gap) & mask)) {
			FQ_SET(q->slots[gap].key, q->slots[i].key);
			FQ_SET(q->slots[gap].tin, q->slots[i].tin);
			gap = i;
		}
	}
	FQ_SET(q->slots[gap].tin, 0);
}

/* boosted and class stay: the lists they speak of forget a tin when they next see it. */
static void
tin_reset(struct fq *q, struct fq_tin *t, uint32_t key)
{
	FQ_SET(t->used, false);
	memset(&t->c, 0, sizeof(t->c));
	t->sojourn = (struct fq_sojourn){0};
	t->deficit = 0;
	t->weight = 1;
	t->recip = 65536;
	t->excess_at = 0;
	t->closed = q->start_closed;
	t->fat = FQ_NIL;
	t->fat_bytes = 0;
	FQ_SET(t->key, key);
	FQ_SET(t->used, true);
}

uint32_t
fq_tin_take(struct fq *q, uint32_t key)
{
	uint32_t ti = q->tins[fq_idle_head(q)].idle.next;

	if (ti == fq_idle_head(q))
		return FQ_NIL;
	if (q->tins[ti].used)
		slot_remove(q, q->tins[ti].key);
	tin_reset(q, &q->tins[ti], key);
	q->flows[fq_default_flow(q, ti)].codel = (struct fq_codel){0};
	slot_insert(q, key, ti);
	idle_unlink(q, ti);
	fq_tin_idle(q, ti);
	return ti;
}

static void
weight_count(struct fq *q, const struct fq_tin *t, int by)
{
	uint32_t class = rte_fls_u32(t->weight) - 1;

	q->weight_n[class] += by;
	if (q->weight_n[class])
		q->weight_mask |= 1u << class;
	else
		q->weight_mask &= ~(1u << class);
}

void
fq_tin_reweigh(struct fq *q, uint32_t ti, uint16_t weight)
{
	struct fq_tin *t = &q->tins[ti];

	weight = weight ? RTE_MIN(weight, FQ_WEIGHT_MAX) : 1;
	if (t->state == FQ_TIN_RING)
		weight_count(q, t, -1);
	FQ_SET(t->weight, weight);
	t->recip = 65536 / weight;
	t->excess_at = 0;
	if (t->state == FQ_TIN_RING)
		weight_count(q, t, 1);
}

static void
ring_join(struct fq *q, uint32_t ti)
{
	struct fq_tin *t = &q->tins[ti];

	t->state = FQ_TIN_RING;
	fq_queue_push(q, &q->ring, ti);
	weight_count(q, t, 1);
	t->deficit = RTE_MIN(t->deficit, 0) + fq_tin_quantum(q, t);
	if (t->fresh.n)
		fq_tin_boost(q, ti);
}

void
fq_tin_activate(struct fq *q, uint32_t ti)
{
	idle_unlink(q, ti);
	q->active_tins++;
	if (q->tins[ti].closed)
		q->tins[ti].state = FQ_TIN_PARKED;
	else
		ring_join(q, ti);
}

static void
retire(struct fq *q, uint32_t ti)
{
	struct fq_tin *t = &q->tins[ti];

	t->state = FQ_TIN_IDLE;
	FQ_SET(t->closed, q->start_closed);
	q->active_tins--;
	fq_tin_idle(q, ti);
}

/* A tin that was closed by name stays so, even with nothing queued. */
static bool
holds_place(const struct fq *q, const struct fq_tin *t)
{
	return t->fresh.n + t->old.n || (t->closed && !q->start_closed);
}

void
fq_tin_leave_ring(struct fq *q)
{
	uint32_t ti = fq_queue_at(q, &q->ring, 0);
	struct fq_tin *t = &q->tins[ti];

	q->ring.head++;
	weight_count(q, t, -1);
	t->state = FQ_TIN_PARKED;
	if (!holds_place(q, t))
		retire(q, ti);
}

void
fq_tin_open(struct fq *q, uint32_t tin_key)
{
	uint32_t ti = fq_tin_find(q, tin_key);
	struct fq_tin *t;

	if (ti == FQ_NIL || q->tins[ti].state == FQ_TIN_IDLE)
		return;
	t = &q->tins[ti];
	FQ_SET(t->closed, false);
	if (t->state == FQ_TIN_RING)
		fq_tin_boost(q, ti);
	else if (holds_place(q, t))
		ring_join(q, ti);
	else
		retire(q, ti);
}

int
fq_tin_close(struct fq *q, uint32_t tin_key)
{
	uint32_t ti = fq_tin_find(q, tin_key);

	if (ti == FQ_NIL && q->start_closed)
		return 0;
	if (ti == FQ_NIL)
		ti = fq_tin_take(q, tin_key);
	if (ti == FQ_NIL)
		return -ENOSPC;
	FQ_SET(q->tins[ti].closed, true);
	if (q->tins[ti].state == FQ_TIN_IDLE && !q->start_closed)
		fq_tin_activate(q, ti);
	return 0;
}

static unsigned int
list_purge(struct fq *q, struct fq_tin *t, struct fq_fifo *l)
{
	unsigned int n = 0;

	while (l->n) {
		uint32_t fi = fq_fifo_pop(q, t, l);

		for (; q->flows[fi].head; n++)
			fq_drop_head(q, fi, FQ_DROP_PURGE);
		fq_flow_release(q, fi);
	}
	return n;
}

unsigned int
fq_tin_purge(struct fq *q, uint32_t tin_key)
{
	uint32_t ti = fq_tin_find(q, tin_key);
	unsigned int n;

	if (ti == FQ_NIL)
		return 0;
	n = list_purge(q, &q->tins[ti], &q->tins[ti].fresh);
	n += list_purge(q, &q->tins[ti], &q->tins[ti].old);
	FQ_SET(q->tins[ti].closed, q->start_closed);
	if (q->tins[ti].state == FQ_TIN_PARKED)
		retire(q, ti);
	return n;
}
