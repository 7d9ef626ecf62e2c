/* SPDX-License-Identifier: BSD-3-Clause */
#include "tin.h"

#include "flow.h"

#include <string.h>

#define RECLAIM_MAX 64u

void
fq_tin_idle(struct fq *q, uint32_t ti)
{
	uint32_t head = fq_idle_head(q);
	uint32_t tail = q->rest[head].link.prev;

	q->rest[ti].link = (struct fq_tin_link){(uint16_t)head, (uint16_t)tail};
	q->rest[tail].link.next = (uint16_t)ti;
	q->rest[head].link.prev = (uint16_t)ti;
}

static void
idle_unlink(struct fq *q, uint32_t ti)
{
	struct fq_tin_link l = q->rest[ti].link;

	q->rest[l.prev].link.next = l.next;
	q->rest[l.next].link.prev = l.prev;
}

static void
slot_insert(struct fq *q, uint32_t key, uint32_t ti)
{
	uint32_t i = fq_slot_of(q, key);

	while (q->slots[i])
		i = fq_slot_next(q, i);
	FQ_SET(q->slots[i], fq_key_hash(key) << 16 | (ti + 1));
}

static uint32_t
slot_home(const struct fq *q, uint32_t slot)
{
	return fq_slot_of(q, q->tins[(slot & UINT16_MAX) - 1].key);
}

static uint32_t
slots_from(const struct fq *q, uint32_t a, uint32_t b)
{
	return b >= a ? b - a : b + q->n_slots - a;
}

/* Closes the gap by moving back what probing would no longer reach. */
static void
slot_remove(struct fq *q, uint32_t ti)
{
	uint32_t gap = fq_slot_of(q, q->tins[ti].key);

	while ((q->slots[gap] & UINT16_MAX) != ti + 1)
		gap = fq_slot_next(q, gap);
	for (uint32_t i = fq_slot_next(q, gap); q->slots[i]; i = fq_slot_next(q, i)) {
		if (slots_from(q, slot_home(q, q->slots[i]), i) >= slots_from(q, gap, i)) {
			FQ_SET(q->slots[gap], q->slots[i]);
			gap = i;
		}
	}
	FQ_SET(q->slots[gap], 0);
}

static void
counters_reset(struct fq_tin *t, struct fq_tin_rest *r)
{
	t->sent_packets = t->sent_bytes = 0;
	t->sojourn = (struct fq_sojourn){0};
	memset(t->histogram, 0, sizeof(t->histogram));
	memset(r->drops, 0, sizeof(r->drops));
	r->marks = r->collisions = 0;
}

/* boost and class stay: the lists they speak of forget a tin when they next see it. */
static void
tin_reset(struct fq *q, uint32_t ti, uint32_t key)
{
	struct fq_tin *t = &q->tins[ti];
	struct fq_flow *f = &q->flows[fq_default_flow(q, ti)];

	FQ_SET(t->state, FQ_TIN_UNUSED);
	counters_reset(t, &q->rest[ti]);
	t->deficit = 0;
	t->weight = 1;
	t->rate = 0;
	t->limit = 0;
	t->excess_at = 0;
	t->closed = q->start_closed;
	t->fat = fq_default_flow(q, ti);
	t->fat_bytes = 0;
	f->codel = (struct fq_codel){0};
	f->blue = 0;
	f->watched = false;
	FQ_SET(t->key, key);
	FQ_SET(t->state, FQ_TIN_IDLE);
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
	if (q->weight_mask)
		q->weight_shift = rte_bsf32(q->weight_mask);
}

static void
on_ring(struct fq *q, uint32_t ti)
{
	struct fq_tin *t = &q->tins[ti];

	t->state = FQ_TIN_RING;
	weight_count(q, t, 1);
	if (t->fresh.n)
		fq_tin_boost(q, ti);
}

static void
ring_join(struct fq *q, uint32_t ti)
{
	struct fq_tin *t = &q->tins[ti];

	fq_ring_push(&q->ring, ti);
	on_ring(q, ti);
	t->deficit = RTE_MIN(t->deficit, 0) + fq_tin_quantum(q, t);
}

/* How many came to the head by the ring's order, ever: not those that came back to it. */
static uint32_t
ring_passed(struct fq *q)
{
	if ((int32_t)(q->ring.head - q->ring_passed) > 0)
		q->ring_passed = q->ring.head;
	return q->ring_passed;
}

/* The tins that had not come by then; those that were reclaimed count as if they had. */
static uint32_t
ring_round(struct fq *q)
{
	int32_t round = (int32_t)(q->ring.tail - ring_passed(q));

	return (uint32_t)RTE_MAX(round, 0);
}

/*
 * A tin that waited for its rate goes on with its turn, else its weight would be worth nothing: it
 * has the credit that was left, and for the part of a round that has passed, that of a quantum.
 */
void
fq_tin_proceed(struct fq *q, uint32_t ti)
{
	struct fq_tin *t = &q->tins[ti];
	uint32_t round = ring_round(q);
	uint16_t passed = (uint16_t)(ring_passed(q) - q->rest[ti].left);
	int64_t quantum, credit;

	q->ring.tins[--q->ring.head & q->ring.mask] = (uint16_t)ti;
	on_ring(q, ti);
	quantum = fq_tin_quantum(q, t);
	credit = t->deficit + (passed < round ? quantum * passed / round : quantum);
	t->deficit = (int32_t)RTE_MIN(credit, quantum);
}

static void
reweigh(struct fq *q, struct fq_tin *t, uint16_t weight)
{
	if (t->state == FQ_TIN_RING)
		weight_count(q, t, -1);
	FQ_SET(t->weight, weight);
	t->excess_at = 0;
	if (t->state == FQ_TIN_RING)
		weight_count(q, t, 1);
}

/* Nothing is owed at the new rate but a packet's time. */
static void
set_rate(struct fq *q, uint32_t ti, uint64_t rate)
{
	struct fq_tin *t = &q->tins[ti];
	struct fq_tin_rest *r = &q->rest[ti];
	uint64_t soon = q->clock + (rate ? fq_time_of(rate, q->codel.mtu) : 0);

	if (!t->rate || fq_is_after(r->ready, soon))
		r->ready = t->rate ? soon : q->clock;
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
	t->limit = FQ_GET(conf->limit_packets);
}

void
fq_tin_activate(struct fq *q, uint32_t ti)
{
	struct fq_tin *t = &q->tins[ti];

	idle_unlink(q, ti);
	q->active_tins++;
	if (t->rate && fq_is_after(q->clock, q->rest[ti].ready))
		q->rest[ti].ready = q->clock;
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
	t->fat_bytes = 0;
	FQ_SET(t->closed, q->start_closed);
	q->active_tins--;
	fq_tin_idle(q, ti);
}

static bool
has_flows(const struct fq_tin *t)
{
	return t->fresh.n + t->old.n;
}

static uint32_t
ring_pop(struct fq *q)
{
	uint32_t ti = fq_ring_at(&q->ring, 0);

	q->ring.head++;
	weight_count(q, &q->tins[ti], -1);
	return ti;
}

static void
park(struct fq *q, uint32_t ti)
{
	q->tins[ti].state = FQ_TIN_PARKED;
	if (!has_flows(&q->tins[ti]))
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
	uint32_t ti = ring_pop(q);

	q->rest[ti].left = (uint16_t)ring_passed(q);
	fq_wheel_insert(q, ti);
}

static unsigned int
list_purge(struct fq *q, struct fq_tin *t, struct fq_fifo *l)
{
	unsigned int n = 0;

	while (l->n) {
		uint32_t fi = fq_fifo_pop(q, t, l);

		for (; q->flows[fi].packets; n++)
			fq_drop_head(q, fi, FQ_DROP_PURGE);
		fq_flow_release(q, fi);
	}
	return n;
}

/*
 * Tins that have sent all leave the ring when their turn comes. While sparse packets keep the queue
 * busy no turn comes, so those tins are looked for, a piece of the ring at a time. The last tin
 * gets the place of one that is taken: nobody has to wait longer for it.
 */
static bool
ring_reclaim(struct fq *q)
{
	struct fq_ring *r = &q->ring;
	uint32_t n = RTE_MIN(r->tail - r->head, RECLAIM_MAX);
	bool found = false;

	while (n-- && !fq_ring_empty(r)) {
		uint32_t at = r->reclaim - r->head < r->tail - r->head ? r->reclaim : r->head;
		uint32_t ti = r->tins[at & r->mask];
		struct fq_tin *t = &q->tins[ti];

		r->reclaim = at + 1;
		if (t->packets)
			continue;
		list_purge(q, t, &t->fresh);
		list_purge(q, t, &t->old);
		r->tins[at & r->mask] = r->tins[--r->tail & r->mask];
		r->reclaim = at;
		weight_count(q, t, -1);
		retire(q, ti);
		found = true;
	}
	return found;
}

uint32_t
fq_tin_take(struct fq *q, uint32_t key)
{
	uint32_t ti = q->rest[fq_idle_head(q)].link.next;

	if (ti == fq_idle_head(q) && !ring_reclaim(q))
		return FQ_NIL;
	ti = q->rest[fq_idle_head(q)].link.next;
	if (fq_tin_used(&q->tins[ti]))
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
	else if (t->state == FQ_TIN_PARKED)
		ring_join(q, ti);
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
