/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two levels of deficit round robin. Tins: those with new flows first while they have credit, then
 * the ring. Flows of a tin: new, then old, each through CoDel (RFC 8290 section 4.2).
 */
#include "flow.h"
#include "tin.h"

#include <rte_mbuf.h>

/* More drops than this in a row would hold up the other flows. */
#define DROPS_MAX 32u

/* How far ahead on the ring to fetch. */
#define AHEAD_TIN 8u
#define AHEAD_FLOW 6u
#define AHEAD_PACKET 4u
#define AHEAD_SECOND 2u /* the packet of the second flow */

static inline uint32_t
sojourn_of(const struct fq *q, struct rte_mbuf *m, uint32_t now)
{
	uint32_t age = now - fq_pkt(q, m)->time;

	return (int32_t)age < 0 ? 0 : age;
}

static bool
mark(struct fq *q, struct fq_tin *t, struct rte_mbuf *m, enum fq_mark why)
{
	if (!q->mark || !q->mark(q->ctx, m, why))
		return false;
	FQ_ADD(q->tin_counters[t - q->tins].marks, 1);
	FQ_ADD(q->c.marks, 1);
	return true;
}

static void
police_drop(struct fq *q, struct fq_tin *t, struct rte_mbuf *m, enum fq_drop why)
{
	FQ_ADD(q->tin_counters[t - q->tins].drops[why], 1);
	FQ_ADD(q->c.drops[why], 1);
	q->drop(q->ctx, m, why);
}

/* Marsaglia, Xorshift RNGs, 2003. */
static bool
blue_hits(struct fq *q, const struct fq_flow *f)
{
	q->random ^= q->random << 13;
	q->random ^= q->random >> 17;
	q->random ^= q->random << 5;
	return q->random % FQ_BLUE_ONE < f->blue;
}

/* Whether the packet may leave; if not it is gone. left: bytes behind it in the flow. */
static inline bool
police(struct fq *q, struct fq_tin *t, struct fq_flow *f, const struct fq_codel_params *p,
	struct rte_mbuf *m, uint32_t age, uint32_t left, uint32_t now)
{
	bool signal = fq_codel_judge(&f->codel, p, age, left, now);

	if (unlikely(signal) && !mark(q, t, m, FQ_MARK_CODEL)) {
		police_drop(q, t, m, FQ_DROP_CODEL);
		return false;
	}
	if (unlikely(f->blue) && blue_hits(q, f)) {
		police_drop(q, t, m, FQ_DROP_BLUE);
		return false;
	}
	if (unlikely(age > q->ce_threshold) && !signal)
		mark(q, t, m, FQ_MARK_CE_THRESHOLD);
	return true;
}

/* Packets of one flow in a row, their sums. Counters are brought up to date once for all. */
struct run {
	uint32_t popped, left; /* packets from the flow, bytes still in it */
	uint32_t sent, bytes;
	uint64_t age;
	struct fq_sojourn tin;
	uint32_t peak;
};

static inline void
run_age(struct fq *q, struct run *r, uint32_t age)
{
	uint32_t tin_faded = r->tin.peak - (r->tin.peak >> 8);
	uint32_t faded = r->peak - (r->peak >> 8);

	r->age += age;
	r->tin.avg += age - (r->tin.avg >> 5);
	r->tin.peak = RTE_MAX(age, tin_faded);
	r->peak = RTE_MAX(age, faded);
	FQ_ADD(q->histogram[rte_fls_u32(age)], 1);
}

static inline void
run_account(struct fq *q, struct fq_tin *t, uint32_t fi, const struct run *r)
{
	struct fq_flow *f = &q->flows[fi];
	uint32_t gone = f->bytes - r->left;

	f->bytes = r->left;
	f->packets -= r->popped;
	f->deficit -= (int32_t)r->bytes;
	t->deficit -= (int32_t)r->bytes;
	if (t->fat == fi)
		t->fat_bytes = r->left;
	FQ_SET(t->sojourn.avg, r->tin.avg);
	FQ_SET(t->sojourn.peak, r->tin.peak);
	FQ_ADD(t->bytes, -gone);
	FQ_ADD(t->packets, -r->popped);
	FQ_ADD(t->sent_packets, r->sent);
	FQ_ADD(t->sent_bytes, r->bytes);
	FQ_ADD(q->bytes, -gone);
	FQ_ADD(q->packets, -r->popped);
	FQ_ADD(q->c.bytes, r->bytes);
	FQ_ADD(q->sojourn_total, r->age);
	FQ_SET(q->sojourn_peak, r->peak);
	if (unlikely(t->rate))
		fq_tin_charge(q, t, r->bytes);
}

/*
 * Up to max packets, until flow or tin have spent their credit or CoDel and BLUE have left none. A
 * tin with a rate of its own is asked again after each packet.
 */
static inline unsigned int
flow_run(struct fq *q, struct fq_tin *t, uint32_t fi, struct rte_mbuf **pkts, unsigned int max,
	uint32_t now)
{
	struct fq_flow *f = &q->flows[fi];
	struct run r = {.left = f->bytes, .tin = t->sojourn, .peak = q->sojourn_peak};
	int32_t credit = RTE_MIN(f->deficit, t->deficit);
	struct fq_codel_params codel = q->codel;
	unsigned int drops = 0;

	if (unlikely(t->rate)) {
		codel = fq_codel_at(&codel, t->rate);
		max = 1;
	}
	while (f->head) {
		uint32_t len = fq_link_len(f->head);
		struct rte_mbuf *m = fq_flow_unlink(f);
		uint32_t age = sojourn_of(q, m, now);

		r.left -= len;
		r.popped++;
		if (q->police && drops < DROPS_MAX &&
			!police(q, t, f, &codel, m, age, r.left, now)) {
			drops++;
			continue;
		}
		drops = 0;
		r.bytes += len;
		run_age(q, &r, age);
		pkts[r.sent++] = m;
		if (r.sent == max || (int32_t)r.bytes >= credit)
			break;
	}
	run_account(q, t, fi, &r);
	return r.sent;
}

static inline void
flow_end_turn(struct fq *q, struct fq_tin *t, struct fq_fifo *l)
{
	uint32_t fi = fq_fifo_pop(q, t, l);

	q->flows[fi].deficit += (int32_t)q->quantum;
	q->flows[fi].list = FQ_LIST_OLD;
	fq_fifo_push(q, &t->old, fi);
}

/* The next packets of the tin, with only_new of its new flows. 0: there are no such flows. */
static __rte_always_inline unsigned int
tin_dequeue(struct fq *q, struct fq_tin *t, bool only_new, struct rte_mbuf **pkts, unsigned int max,
	uint32_t now)
{
	while (t->fresh.n || (!only_new && t->old.n)) {
		struct fq_fifo *l = t->fresh.n ? &t->fresh : &t->old;
		uint32_t fi = l->head;
		struct fq_flow *f = &q->flows[fi];
		unsigned int n = 0;

		if (likely(f->deficit > 0))
			n = flow_run(q, t, fi, pkts, max, now);
		if (f->deficit <= 0)
			flow_end_turn(q, t, l);
		else if (!f->head)
			fq_flow_release(q, fq_fifo_pop(q, t, l));
		if (likely(n))
			return n;
	}
	return 0;
}

static inline bool
boost_due(const struct fq *q, struct fq_tin *t)
{
	return fq_tin_boostable(q, t) && likely(!t->rate || !fq_tin_over_rate(q, t));
}

/* Each boosted tin gives one packet in turn; one that is not entitled is forgotten here. */
static inline unsigned int
boost_dequeue(struct fq *q, struct rte_mbuf **pkts, uint32_t now)
{
	while (q->boost.head != q->boost.tail) {
		uint32_t ti = fq_queue_at(q, &q->boost, 0);
		struct fq_tin *t = &q->tins[ti];
		unsigned int n;

		q->boost.head++;
		t->boosted = false;
		if (!boost_due(q, t))
			continue;
		n = tin_dequeue(q, t, true, pkts, 1, now);
		if (fq_tin_boostable(q, t))
			fq_tin_boost(q, ti);
		if (n)
			return n;
	}
	return 0;
}

static inline const struct fq_flow *
flow_ahead(const struct fq *q, uint32_t steps)
{
	const struct fq_tin *t = &q->tins[fq_queue_at(q, &q->ring, steps)];

	return &q->flows[t->fresh.n ? t->fresh.head : t->old.n ? t->old.head : 0];
}

/*
 * Looks ahead on the ring: a tin, the flow of a nearer one, the packet of a nearer one still. Each
 * step reads what an earlier call fetched. Behind the tail there are outdated but valid indices.
 */
static inline void
ring_prefetch(const struct fq *q)
{
	const struct fq_tin *t = &q->tins[fq_queue_at(q, &q->ring, AHEAD_TIN)];
	const struct fq_flow *f = flow_ahead(q, AHEAD_PACKET);

	rte_prefetch0(t);
	rte_prefetch0(RTE_PTR_ADD(t, RTE_CACHE_LINE_SIZE));
	rte_prefetch0(flow_ahead(q, AHEAD_FLOW));
	fq_link_prefetch(f->head);
	if (f->next != FQ_NIL)
		rte_prefetch0(&q->flows[f->next]);
	f = flow_ahead(q, AHEAD_SECOND);
	if (f->head)
		fq_link_prefetch(fq_link_pkt(f->head)->tx_offload);
	if (f->next != FQ_NIL)
		fq_link_prefetch(q->flows[f->next].head);
}

static inline void
ring_end_turn(struct fq *q, uint32_t ti)
{
	struct fq_tin *t = &q->tins[ti];

	t->deficit += fq_tin_quantum(q, t);
	q->ring.head++;
	fq_queue_push(q, &q->ring, ti);
	if (t->fresh.n)
		fq_tin_boost(q, ti);
	ring_prefetch(q);
}

static inline unsigned int
ring_dequeue(struct fq *q, struct rte_mbuf **pkts, unsigned int max, uint32_t now)
{
	while (q->ring.head != q->ring.tail) {
		uint32_t ti = fq_queue_at(q, &q->ring, 0);
		struct fq_tin *t = &q->tins[ti];
		unsigned int n = 0;

		if (unlikely(t->closed)) {
			fq_tin_leave_ring(q);
			continue;
		}
		if (unlikely(t->rate) && fq_tin_over_rate(q, t)) {
			fq_tin_wait(q);
			continue;
		}
		if (likely(t->deficit > 0))
			n = tin_dequeue(q, t, false, pkts, max, now);
		if (t->deficit <= 0)
			ring_end_turn(q, ti);
		else if (!n)
			fq_tin_leave_ring(q);
		if (likely(n))
			return n;
	}
	return 0;
}

/* At least one packet if there is any. Only the end of a turn adds to the boost list. */
static inline unsigned int
dequeue_some(struct fq *q, struct rte_mbuf **pkts, unsigned int max, uint32_t now)
{
	unsigned int n = boost_dequeue(q, pkts, now);

	return n ? n : ring_dequeue(q, pkts, max, now);
}

static inline unsigned int
free_burst(struct fq *q, struct rte_mbuf **pkts, unsigned int n, uint32_t now)
{
	unsigned int got = 0, more;

	while (got < n) {
		more = dequeue_some(q, &pkts[got], n - got, now);
		if (!more)
			break;
		got += more;
	}
	return got;
}

static unsigned int
shaped_burst(struct fq *q, struct rte_mbuf **pkts, unsigned int n, uint32_t now)
{
	struct fq_shaper *s = &q->shaper;
	unsigned int i;

	fq_shaper_bound(s, q->clock);
	for (i = 0; i < n; i++) {
		uint64_t before = q->c.bytes;

		if (fq_is_after(s->ready, q->clock)) {
			if (q->packets)
				q->member.held = true;
			else
				q->member.idled = true;
			break;
		}
		if (!dequeue_some(q, &pkts[i], 1, now)) {
			fq_shaper_idle(s, q->clock);
			q->member.idled = true;
			break;
		}
		s->ready += fq_shaper_time_of(s, (uint32_t)(q->c.bytes - before));
	}
	return i;
}

unsigned int
fq_dequeue_burst(struct fq *q, uint64_t now, struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int got;

	q->clock = fq_fine(now);
	if (unlikely(q->wheel.n))
		fq_wheel_turn(q);
	if (unlikely(q->member.share))
		fq_share_sync(q, now);
	got = q->shaper.rate ? shaped_burst(q, pkts, n, fq_now32(now))
			     : free_burst(q, pkts, n, fq_now32(now));
	FQ_ADD(q->c.packets, got);
	return got;
}

struct rte_mbuf *
fq_dequeue(struct fq *q, uint64_t now)
{
	struct rte_mbuf *m;

	return fq_dequeue_burst(q, now, &m, 1) ? m : NULL;
}
