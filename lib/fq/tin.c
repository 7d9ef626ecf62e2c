/* SPDX-License-Identifier: BSD-3-Clause */
#include "tin.h"

#include "flow.h"

#include <errno.h>
#include <string.h>

#define RECLAIM_MAX 64u

void
fq_tin_idle(struct fq *q, uint32_t ti)
{
	uint32_t head = fq_idle_head(q);
	uint32_t tail = q->tins[head].link.prev;

	q->tins[ti].link = (struct fq_tin_link){(uint16_t)head, (uint16_t)tail};
	q->tins[tail].link.next = (uint16_t)ti;
	q->tins[head].link.prev = (uint16_t)ti;
}

static void
idle_unlink(struct fq *q, uint32_t ti)
{
	struct fq_tin_link l = q->tins[ti].link;

	q->tins[l.prev].link.next = l.next;
	q->tins[l.next].link.prev = l.prev;
}

static void
slot_insert(struct fq *q, uint32_t key, uint32_t ti)
{
	uint32_t i = fq_slot_of(q, key);

	while (q->slots[i])
		i = (i + 1) & q->slot_mask;
	FQ_SET(q->slots[i], fq_key_hash(key) << 16 | (ti + 1));
}

static uint32_t
slot_home(const struct fq *q, uint32_t slot)
{
	return fq_slot_of(q, q->tins[(slot & UINT16_MAX) - 1].key);
}

/* Closes the gap by moving back what probing would no longer reach. */
static void
slot_remove(struct fq *q, uint32_t ti)
{
	uint32_t mask = q->slot_mask;
	uint32_t gap = fq_slot_of(q, q->tins[ti].key);

	while ((q->slots[gap] & UINT16_MAX) != ti + 1)
		gap = (gap + 1) & mask;
	for (uint32_t i = (gap + 1) & mask; q->slots[i]; i = (i + 1) & mask) {
		if (((i - slot_home(q, q->slots[i])) & mask) >= ((i - gap) & mask)) {
			FQ_SET(q->slots[gap], q->slots[i]);
			gap = i;
		}
	}
	FQ_SET(q->slots[gap], 0);
}

/* boosted and class stay: the lists they speak of forget a tin when they next see it. */
static void
tin_reset(struct fq *q, uint32_t ti, uint32_t key)
{
	struct fq_tin *t = &q->tins[ti];
	struct fq_flow *f = &q->flows[fq_default_flow(q, ti)];

	FQ_SET(t->used, false);
	memset(&q->tin_counters[ti], 0, sizeof(q->tin_counters[ti]));
	t->sent_packets = t->sent_bytes = 0;
	t->sojourn = (struct fq_sojourn){0};
	t->deficit = 0;
	t->weight = 1;
	t->recip = 65536;
	t->rate = 0;
	t->limit = q->tin_limit;
	t->excess_at = 0;
	t->closed = q->start_closed;
	t->fat = FQ_NIL;
	t->fat_bytes = 0;
	f->codel = (struct fq_codel){0};
	f->blue = 0;
	FQ_SET(t->key, key);
	FQ_SET(t->used, true);
}

static void
weight_count(struct fq *q, const struct fq_tin *t, int by)
{
	uint32_t class = rte_fls_u32(t->weight) - 1;

	q->weight_sum += by * t->weight;
	q->weight_n[class] += by;
	if (q->weight_n[class])
		q->weight_mask |= 1u << class;
	else
		q->weight_mask &= ~(1u << class);
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

static void
reweigh(struct fq *q, struct fq_tin *t, uint16_t weight)
{
	if (t->state == FQ_TIN_RING)
		weight_count(q, t, -1);
	FQ_SET(t->weight, weight);
	t->recip = 65536 / weight;
	t->excess_at = 0;
	if (t->state == FQ_TIN_RING)
		weight_count(q, t, 1);
}

/* Nothing is owed at the new rate but a packet's time. */
static void
set_rate(struct fq *q, uint32_t ti, uint64_t rate)
{
	struct fq_tin *t = &q->tins[ti];
	uint64_t soon = q->clock + (rate ? fq_time_of(rate, q->codel.mtu) : 0);

	if (!t->rate || fq_is_after(t->ready, soon))
		t->ready = t->rate ? soon : q->clock;
	FQ_SET(t->rate, rate);
	if (t->state == FQ_TIN_WAITING) {
		fq_wheel_remove(q, ti);
		fq_tin_proceed(q, ti);
	}
}

void
fq_tin_configure(struct fq *q, uint32_t ti, const struct fq_tin_conf *conf)
{
	struct fq_tin *t = &q->tins[ti];
	uint16_t weight = FQ_GET(conf->weight);
	uint64_t rate = FQ_GET(conf->rate);

	weight = weight ? RTE_MIN(weight, FQ_WEIGHT_MAX) : 1;
	rate = rate ? RTE_MAX(rate, FQ_RATE_MIN) : 0;
	if (weight != t->weight)
		reweigh(q, t, weight);
	if (rate != t->rate)
		set_rate(q, ti, rate);
	t->limit = fq_tin_limit(q, conf);
}

void
fq_tin_activate(struct fq *q, uint32_t ti)
{
	struct fq_tin *t = &q->tins[ti];

	idle_unlink(q, ti);
	q->active_tins++;
	if (t->rate && fq_is_after(q->clock, t->ready))
		t->ready = q->clock;
	if (t->closed)
		t->state = FQ_TIN_PARKED;
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

static uint32_t
ring_pop(struct fq *q)
{
	uint32_t ti = fq_queue_at(q, &q->ring, 0);

	q->ring.head++;
	weight_count(q, &q->tins[ti], -1);
	return ti;
}

static void
park(struct fq *q, uint32_t ti)
{
	q->tins[ti].state = FQ_TIN_PARKED;
	if (!holds_place(q, &q->tins[ti]))
		retire(q, ti);
}

void
fq_tin_leave_ring(struct fq *q)
{
	park(q, ring_pop(q));
}

void
fq_tin_wait(struct fq *q)
{
	fq_wheel_insert(q, ring_pop(q));
}

void
fq_tin_proceed(struct fq *q, uint32_t ti)
{
	if (q->tins[ti].closed)
		park(q, ti);
	else
		ring_join(q, ti);
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

/*
 * Tins that have sent all leave the ring when their turn comes. When bursts take neither more nor
 * less than what is queued no turn comes, so they are looked for near the head. The others there
 * keep their order.
 */
static bool
ring_reclaim(struct fq *q)
{
	unsigned int kept = 0, n = RTE_MIN(q->ring.tail - q->ring.head, RECLAIM_MAX);
	uint16_t keep[RECLAIM_MAX];

	for (unsigned int i = 0; i < n; i++) {
		uint32_t ti = fq_queue_at(q, &q->ring, 0);
		struct fq_tin *t = &q->tins[ti];

		if (t->packets || t->closed) {
			keep[kept++] = (uint16_t)ti;
			q->ring.head++;
			continue;
		}
		list_purge(q, t, &t->fresh);
		list_purge(q, t, &t->old);
		ring_pop(q);
		retire(q, ti);
	}
	for (unsigned int i = kept; i > 0; i--)
		q->ring.tins[--q->ring.head & q->queue_mask] = keep[i - 1];
	return kept < n;
}

uint32_t
fq_tin_take(struct fq *q, uint32_t key)
{
	uint32_t ti = q->tins[fq_idle_head(q)].link.next;

	if (ti == fq_idle_head(q) && !ring_reclaim(q))
		return FQ_NIL;
	ti = q->tins[fq_idle_head(q)].link.next;
	if (q->tins[ti].used)
		slot_remove(q, ti);
	tin_reset(q, ti, key);
	slot_insert(q, key, ti);
	idle_unlink(q, ti);
	fq_tin_idle(q, ti);
	return ti;
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
	else if (t->state == FQ_TIN_PARKED && holds_place(q, t))
		ring_join(q, ti);
	else if (t->state == FQ_TIN_PARKED)
		retire(q, ti);
}

int
fq_tin_close(struct fq *q, uint32_t tin_key)
{
	uint32_t ti = fq_tin_find(q, tin_key);

	if (q->fifo)
		return -ENOTSUP;
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
	if (q->tins[ti].state == FQ_TIN_WAITING) {
		fq_wheel_remove(q, ti);
		retire(q, ti);
	} else if (q->tins[ti].state == FQ_TIN_PARKED) {
		retire(q, ti);
	}
	return n;
}
