/* SPDX-License-Identifier: BSD-3-Clause */
/* Walks all of a queue and asserts the invariants listed in fq_private.h. */
#ifndef FQ_CHECK_H
#define FQ_CHECK_H

#include "flow.h"
#include "test_fq.h"
#include "tin.h"

/* Where the flow is looked for first. */
static inline uint32_t
fq_check_home(const struct fq *q, uint32_t key, uint32_t hash)
{
	return fq_flow_home(q, fq_flow_mix(fq_flow_tag(key, hash)));
}

/* The first flow of its set. */
static inline uint32_t
fq_check_set(const struct fq *q, uint32_t key, uint32_t hash)
{
	return fq_mix_set(q, fq_flow_mix(fq_flow_tag(key, hash)));
}

/*
 * Nothing leaves before this time; UINT64_MAX when there is nothing to wait for. Of the wheel it
 * may be early: then nothing leaves, and the next answer is later.
 */
static inline uint64_t
fq_check_next(const struct fq *q, uint64_t now)
{
	int64_t ahead = (int64_t)(q->shaper.ready - fq_fine(now));
	int32_t wait = (int32_t)(q->wheel.next - fq_now32(now));
	uint64_t at = now;

	if (!q->packets || (fq_ring_empty(&q->ring) && !q->wheel.n))
		return UINT64_MAX;
	if (fq_ring_empty(&q->ring) && wait > 0)
		at = ((now >> FQ_TIME_SHIFT) + (uint32_t)wait) << FQ_TIME_SHIFT;
	if (q->shaper.rate && ahead > 0 && ahead <= (int64_t)q->shaper.ahead)
		at = RTE_MAX(at, now + (((uint64_t)ahead + 255) >> FQ_FINE_SHIFT));
	return at;
}

struct fq_check_sum {
	uint32_t packets, bytes, flows;
};

static inline void
fq_check_flow(const struct fq *q, uint32_t fi, uint32_t ti, enum fq_list_id list,
	struct fq_check_sum *sum)
{
	const struct fq_flow *f = &q->flows[fi];
	uint32_t packets = 0, bytes = 0, len = f->len;

	assert_int_equal(f->list, list);
	assert_int_equal(f->tin, ti);
	for (uint32_t at = f->head; packets < f->packets; at = q->nodes[at].next) {
		packets++;
		assert_int_equal(len, fq_wire_len(q, fq_link_pkt(q->nodes[at].link)));
		bytes += len;
		len = fq_link_next_len(q->nodes[at].link);
		if (packets == f->packets)
			assert_int_equal(at, f->tail);
	}
	assert_int_equal(f->bytes, bytes);
	assert_true(f->deficit <= (int32_t)q->quantum);
	if (fi < q->n_flows) {
		assert_true(f->tag & FQ_TAG_BUSY);
		assert_int_equal((uint32_t)f->tag, q->tins[ti].key);
		assert_int_equal(q->marks[fi], fq_flow_mark(fq_flow_mix(f->tag)));
		sum->flows++;
	} else {
		assert_int_equal(fi, fq_default_flow(q, ti));
	}
	sum->packets += packets;
	sum->bytes += bytes;
}

static inline void
fq_check_list(const struct fq *q, uint32_t ti, const struct fq_fifo *l, enum fq_list_id list,
	struct fq_check_sum *sum)
{
	uint32_t fi = l->head;

	for (uint32_t i = 0; i < l->n; i++) {
		fq_check_flow(q, fi, ti, list, sum);
		if (i + 1 == l->n)
			assert_int_equal(fi, l->tail);
		fi = q->flows[fi].next;
	}
	if (l->n)
		assert_int_equal(fi, l->head);
}

static inline void
fq_check_class(const struct fq *q, uint32_t ti)
{
	const struct fq_tin *t = &q->tins[ti];
	uint32_t class = q->rest[ti].class;

	if (class == FQ_CLASS_NONE) {
		assert_int_equal(t->bytes, 0);
		return;
	}
	assert_true(!t->excess_at || t->bytes < t->excess_at);
	/* The class's upper end: 2^e * (1 + (m + 1) / 4), for class = 4 * (e - 2) + m. */
	assert_true(t->bytes / t->weight < (UINT64_C(5) + class % 4) << (class / 4));
	assert_true(q->class_mask[class / 64] >> (class % 64) & 1);
}

static inline void
fq_check_tin(const struct fq *q, uint32_t ti, struct fq_check_sum *all)
{
	const struct fq_tin *t = &q->tins[ti];
	struct fq_check_sum sum = {0};

	fq_check_list(q, ti, &t->fresh, FQ_LIST_NEW, &sum);
	fq_check_list(q, ti, &t->old, FQ_LIST_OLD, &sum);
	assert_int_equal(t->packets, sum.packets);
	assert_int_equal(t->bytes, sum.bytes);
	fq_check_class(q, ti);
	if (t->state <= FQ_TIN_IDLE)
		assert_int_equal(t->fresh.n + t->old.n, 0);
	if (t->state == FQ_TIN_PARKED)
		assert_true(t->closed);
	if (fq_tin_used(t))
		assert_int_equal(fq_tin_find(q, t->key), ti);
	if (fq_tin_used(t) && q->flows[t->fat].tin == ti)
		assert_true(t->fat_bytes >= q->flows[t->fat].bytes);
	all->packets += sum.packets;
	all->bytes += sum.bytes;
	all->flows += sum.flows;
}

static inline uint32_t
fq_check_ring(const struct fq *q)
{
	uint32_t n = q->ring.tail - q->ring.head;

	assert_true(n <= q->n_tins);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(q->tins[fq_ring_at(&q->ring, i)].state, FQ_TIN_RING);
	return n;
}

static inline uint32_t
fq_check_boost(const struct fq *q)
{
	uint32_t ti = q->boost.head, last = fq_idle_head(q);

	for (uint32_t i = 0; i < q->boost.n; i++) {
		last = ti;
		ti = q->rest[ti].boost;
		assert_int_not_equal(ti, FQ_TIN_NIL);
	}
	assert_int_equal(q->boost.tail, last);
	return q->boost.n;
}

static inline void
fq_check_weights(const struct fq *q)
{
	uint32_t n = 0;

	for (uint32_t class = 0; class < FQ_WEIGHT_CLASSES; class ++) {
		n += q->weight_n[class];
		assert_int_equal(q->weight_mask >> class & 1, q->weight_n[class] > 0);
	}
	assert_int_equal(n, q->ring.tail - q->ring.head);
}

static inline uint32_t
fq_check_wheel(const struct fq *q)
{
	uint32_t n = 0;

	for (uint32_t slot = 0; slot < FQ_WHEEL_LEVELS << FQ_WHEEL_BITS; slot++) {
		uint16_t prev = FQ_TIN_NIL;

		if (!(q->wheel.mask[slot >> FQ_WHEEL_BITS] >> (slot & 63) & 1))
			continue;
		for (uint16_t ti = q->wheel.head[slot]; ti != FQ_TIN_NIL; n++) {
			assert_int_equal(q->tins[ti].state, FQ_TIN_WAITING);
			assert_int_equal(q->rest[ti].slot, slot);
			assert_int_equal(q->rest[ti].link.prev, prev);
			prev = ti;
			ti = q->rest[ti].link.next;
		}
	}
	return n;
}

/* Nodes that hold no packet. */
static inline uint32_t
fq_check_free(const struct fq *q)
{
	uint32_t n = 0;

	for (uint32_t at = q->free; n < q->limit_packets + 1 - q->packets; n++) {
		assert_true(at <= q->limit_packets);
		at = q->nodes[at].next;
	}
	return n;
}

/* Each flow has one place in its set, in use or idle: with two it would overtake itself. */
static inline void
fq_check_place(const struct fq *q, uint32_t fi)
{
	const struct fq_flow *f = &q->flows[fi];

	if (!f->tag)
		return;
	for (uint32_t other = fi & ~(FQ_WAYS - 1); other < fi; other++)
		assert_true(!q->flows[other].tag || ((q->flows[other].tag ^ f->tag) << 1));
}

static inline void
fq_check(const struct fq *q)
{
	struct fq_check_sum sum = {0};
	uint32_t ring = 0, boosted = 0, parked = 0, waiting = 0, idle = 0, busy = 0;

	for (uint32_t ti = 0; ti < q->n_tins; ti++) {
		const struct fq_tin *t = &q->tins[ti];

		fq_check_tin(q, ti, &sum);
		ring += t->state == FQ_TIN_RING;
		parked += t->state == FQ_TIN_PARKED;
		waiting += t->state == FQ_TIN_WAITING;
		boosted += q->rest[ti].boost != FQ_TIN_NIL;
		if (q->flows[fq_default_flow(q, ti)].list == FQ_LIST_NONE)
			assert_int_equal(q->flows[fq_default_flow(q, ti)].packets, 0);
	}
	for (uint32_t ti = q->rest[q->n_tins].link.next; ti != q->n_tins; idle++) {
		assert_true(q->tins[ti].state <= FQ_TIN_IDLE);
		ti = q->rest[ti].link.next;
	}
	for (uint32_t fi = 0; fi < q->n_flows; fi++) {
		const struct fq_flow *f = &q->flows[fi];
		bool is_busy = f->list != FQ_LIST_NONE;

		busy += is_busy;
		fq_check_place(q, fi);
		assert_int_equal((f->tag & FQ_TAG_BUSY) != 0, is_busy);
		assert_int_equal(fq_flow_is_busy(q, fi), is_busy);
		assert_true(f->watched || !(f->codel.above || f->blue));
	}
	assert_int_equal(sum.packets, q->packets);
	assert_int_equal(fq_check_free(q), q->limit_packets + 1 - q->packets);
	assert_int_equal(sum.bytes, q->bytes);
	assert_int_equal(sum.flows, q->busy_flows);
	assert_int_equal(busy, q->busy_flows);
	assert_int_equal(fq_check_ring(q), ring);
	assert_int_equal(fq_check_boost(q), boosted);
	assert_int_equal(fq_check_wheel(q), waiting);
	assert_int_equal(waiting, q->wheel.n);
	assert_int_equal(ring + parked + waiting, q->active_tins);
	assert_int_equal(ring + parked + waiting + idle, q->n_tins);
	fq_check_weights(q);
}

#endif
