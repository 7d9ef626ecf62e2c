/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who loses packets when the queue is over its limit: the tin with the most bytes per weight, and
 * of its flows the one with the most bytes, without looking at all of them.
 *
 * Tins are kept in classes of bytes / weight, four per doubling. A tin is moved up when a packet
 * comes and never when one leaves; a victim search that finds one too high moves it down. So the
 * victim is within 1/4 of the true maximum (within 1 KiB per unit of weight for small backlogs),
 * and dequeue pays nothing.
 *
 * The fattest flow is remembered when packets come, with the bytes it had: dequeue takes nothing
 * off them, a victim search does. So one that is fatter may be missed as long as it gets no
 * packets; it is noticed when the remembered one is below the mean, and up to 16 flows are
 * searched.
 */
#include "flow.h"
#include "tin.h"

#define SCAN_MAX 16u

static uint32_t
excess_class(const struct fq_tin *t)
{
	uint32_t v = t->bytes / t->weight;
	uint32_t e = rte_fls_u32(v | 4) - 1;

	return 4 * (e - 2) + ((v >> (e - 2)) & 3);
}

/* The least number of bytes that are above the class. */
static uint32_t
class_end(const struct fq_tin *t, uint32_t class)
{
	uint64_t bytes = ((UINT64_C(5) + class % 4) << (class / 4)) * t->weight;

	return (uint32_t)RTE_MIN(bytes, UINT32_MAX);
}

static void
class_remove(struct fq *q, uint32_t ti)
{
	struct fq_tin_rest *r = &q->rest[ti];
	struct fq_tin_link l = r->excess;

	if (l.prev != FQ_TIN_NIL)
		q->rest[l.prev].excess.next = l.next;
	else
		q->class_head[r->class] = l.next;
	if (l.next != FQ_TIN_NIL)
		q->rest[l.next].excess.prev = l.prev;
	if (q->class_head[r->class] == FQ_TIN_NIL)
		q->class_mask[r->class / 64] &= ~(UINT64_C(1) << (r->class % 64));
	r->class = FQ_CLASS_NONE;
	q->tins[ti].excess_at = 0;
}

static void
class_insert(struct fq *q, uint32_t ti, uint32_t class)
{
	struct fq_tin_rest *r = &q->rest[ti];
	uint16_t head = q->class_head[class];

	r->class = (uint8_t) class;
	r->excess = (struct fq_tin_link){head, FQ_TIN_NIL};
	if (head != FQ_TIN_NIL)
		q->rest[head].excess.prev = (uint16_t)ti;
	q->class_head[class] = (uint16_t)ti;
	q->class_mask[class / 64] |= UINT64_C(1) << (class % 64);
}

void
fq_excess_update(struct fq *q, uint32_t ti)
{
	struct fq_tin *t = &q->tins[ti];
	uint32_t class = excess_class(t), is = q->rest[ti].class;

	if (is == FQ_CLASS_NONE) {
		class_insert(q, ti, class);
	} else if (class > is) {
		class_remove(q, ti);
		class_insert(q, ti, class);
	} else {
		t->excess_at = class_end(t, is);
	}
}

static uint32_t
top_class(const struct fq *q)
{
	if (q->class_mask[1])
		return 64 + rte_fls_u64(q->class_mask[1]) - 1;
	return rte_fls_u64(q->class_mask[0]) - 1;
}

/* Something is queued, so there is one. */
static uint32_t
victim_tin(struct fq *q)
{
	for (;;) {
		uint32_t top = top_class(q);
		uint32_t ti = q->class_head[top];
		const struct fq_tin *t = &q->tins[ti];
		uint32_t class = excess_class(t);

		if (t->bytes && class >= top)
			return ti;
		class_remove(q, ti);
		if (t->bytes)
			class_insert(q, ti, class);
	}
}

static void
pop_and_release(struct fq *q, struct fq_tin *t, struct fq_fifo *l)
{
	fq_flow_release(q, fq_fifo_pop(q, t, l));
}

static struct fq_fifo *
elder_list(struct fq_tin *t)
{
	return t->old.n ? &t->old : &t->fresh;
}

/* Turns the list round as it goes, so that the next search sees others. */
static uint32_t
scan_flows(struct fq *q, struct fq_tin *t)
{
	uint32_t best = FQ_NIL;
	unsigned int seen = 0;

	while (seen < SCAN_MAX) {
		struct fq_fifo *l = elder_list(t);
		const struct fq_flow *f = &q->flows[l->head];

		if (!f->packets) {
			pop_and_release(q, t, l);
			continue;
		}
		if (best == FQ_NIL || f->bytes > q->flows[best].bytes)
			best = l->head;
		fq_fifo_turn(q, t, l);
		seen++;
	}
	t->fat = best;
	t->fat_bytes = q->flows[best].bytes;
	return best;
}

static uint32_t
victim_flow(struct fq *q, struct fq_tin *t)
{
	const struct fq_flow *f = &q->flows[t->fat];

	t->fat_bytes = &q->tins[f->tin] == t ? f->bytes : 0;
	if ((uint64_t)t->fat_bytes * (t->fresh.n + t->old.n) >= t->bytes)
		return t->fat;
	return scan_flows(q, t);
}

void
fq_drop_head(struct fq *q, uint32_t fi, enum fq_drop why)
{
	struct fq_tin *t = &q->tins[q->flows[fi].tin];
	struct fq_flow *f = &q->flows[fi];
	struct rte_mbuf *m = fq_link_pkt(fq_flow_unlink(q, t, f)->link);

	FQ_ADD(q->rest[f->tin].drops[why], 1);
	FQ_ADD(q->c.drops[why], 1);
	q->drop(q->ctx, m, why);
}

void
fq_overload(struct fq *q)
{
	while (q->packets > q->limit_packets || q->bytes > q->limit_bytes) {
		struct fq_tin *t = &q->tins[victim_tin(q)];
		uint32_t fi = victim_flow(q, t);
		uint32_t n = RTE_MIN((q->flows[fi].packets + 1) / 2, FQ_BATCH);

		fq_blue_up(q, &q->flows[fi]);
		while (n--)
			fq_drop_head(q, fi, FQ_DROP_OVERLIMIT);
	}
}

bool
fq_fattest_flow(struct fq *q, struct fq_fattest *out)
{
	uint32_t ti, fi;

	if (!q->packets || q->fifo)
		return false;
	ti = victim_tin(q);
	fi = victim_flow(q, &q->tins[ti]);
	*out = (struct fq_fattest){q->tins[ti].key, 0, q->flows[fi].bytes};
	if (fi >= q->n_flows)
		return false;
	out->hash = (uint32_t)(q->flows[fi].tag >> 32) & INT32_MAX;
	return true;
}

/* What waits behind a closed tin is all too old some time: there the oldest goes, whoever sent it.
 */
static uint32_t
oldest_flow(struct fq *q, struct fq_tin *t)
{
	while (!q->flows[elder_list(t)->head].packets)
		pop_and_release(q, t, elder_list(t));
	return elder_list(t)->head;
}

void
fq_tin_trim(struct fq *q, uint32_t ti)
{
	struct fq_tin *t = &q->tins[ti];
	uint32_t fi = t->closed ? oldest_flow(q, t) : victim_flow(q, t);

	if (!t->closed)
		fq_blue_up(q, &q->flows[fi]);
	fq_drop_head(q, fi, FQ_DROP_TIN_LIMIT);
}
