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

static inline void
sojourn_update(struct fq_sojourn *s, uint32_t age)
{
	uint32_t faded = s->peak - (s->peak >> 8);

	FQ_ADD(s->avg, age - (s->avg >> 5));
	FQ_SET(s->peak, RTE_MAX(age, faded));
}

static inline uint32_t
sojourn_of(const struct fq *q, struct rte_mbuf *m, uint32_t now)
{
	uint32_t age = now - fq_pkt(q, m)->time;

	return (int32_t)age < 0 ? 0 : age;
}

static inline void
account(struct fq *q, struct fq_tin *t, struct fq_flow *f, uint32_t len, uint32_t age)
{
	uint32_t faded = q->sojourn_peak - (q->sojourn_peak >> 8);

	f->deficit -= (int32_t)len;
	t->deficit -= (int32_t)len;
	if (unlikely(t->rate))
		fq_tin_charge(q, t, len);
	sojourn_update(&t->sojourn, age);
	FQ_ADD(q->sojourn_total, age);
	FQ_SET(q->sojourn_peak, RTE_MAX(age, faded));
	FQ_ADD(q->histogram[rte_fls_u32(age)], 1);
	FQ_ADD(t->sent_packets, 1);
	FQ_ADD(t->sent_bytes, len);
	FQ_ADD(q->c.bytes, len);
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

static inline bool
codel_signals(
	const struct fq *q, const struct fq_tin *t, struct fq_flow *f, uint32_t age, uint32_t now)
{
	struct fq_codel_params own;
	const struct fq_codel_params *p = &q->codel;

	if (unlikely(t->rate)) {
		own = fq_codel_at(p, t->rate);
		p = &own;
	}
	return fq_codel_judge(&f->codel, p, age, f->bytes, now);
}

/* Whether the packet may leave; if not it is gone. */
static inline bool
police(struct fq *q, struct fq_tin *t, struct fq_flow *f, struct rte_mbuf *m, uint32_t age,
	uint32_t now)
{
	bool signal = codel_signals(q, t, f, age, now);

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

/* NULL when the flow has nothing, or nothing left after the drops. */
static inline struct rte_mbuf *
flow_dequeue(struct fq *q, struct fq_tin *t, uint32_t fi, uint32_t now)
{
	struct fq_flow *f = &q->flows[fi];

	for (unsigned int drops = 0; f->head; drops++) {
		uint32_t len;
		struct rte_mbuf *m = fq_flow_pop(q, t, fi, &len);
		uint32_t age = sojourn_of(q, m, now);

		if (!q->police || drops == DROPS_MAX || police(q, t, f, m, age, now)) {
			account(q, t, f, len, age);
			return m;
		}
	}
	return NULL;
}

static inline void
flow_end_turn(struct fq *q, struct fq_tin *t, struct fq_fifo *l)
{
	uint32_t fi = fq_fifo_pop(q, t, l);

	q->flows[fi].deficit += (int32_t)q->quantum;
	q->flows[fi].list = FQ_LIST_OLD;
	fq_fifo_push(q, &t->old, fi);
}

/* The next packet of the tin, with only_new of its new flows. NULL: there are no such flows. */
static __rte_always_inline struct rte_mbuf *
tin_dequeue(struct fq *q, struct fq_tin *t, bool only_new, uint32_t now)
{
	while (t->fresh.n || (!only_new && t->old.n)) {
		struct fq_fifo *l = t->fresh.n ? &t->fresh : &t->old;
		uint32_t fi = l->head;
		struct fq_flow *f = &q->flows[fi];
		struct rte_mbuf *m = NULL;

		if (likely(f->deficit > 0))
			m = flow_dequeue(q, t, fi, now);
		if (f->deficit <= 0)
			flow_end_turn(q, t, l);
		else if (!f->head)
			fq_flow_release(q, fq_fifo_pop(q, t, l));
		if (likely(m))
			return m;
	}
	return NULL;
}

static inline bool
boost_due(const struct fq *q, struct fq_tin *t)
{
	return fq_tin_boostable(q, t) && likely(!t->rate || !fq_tin_over_rate(q, t));
}

/* Each boosted tin gives one packet in turn; one that is not entitled is forgotten here. */
static inline struct rte_mbuf *
boost_dequeue(struct fq *q, uint32_t now)
{
	while (q->boost.head != q->boost.tail) {
		uint32_t ti = fq_queue_at(q, &q->boost, 0);
		struct fq_tin *t = &q->tins[ti];
		struct rte_mbuf *m = NULL;

		q->boost.head++;
		t->boosted = false;
		if (!boost_due(q, t))
			continue;
		m = tin_dequeue(q, t, true, now);
		if (fq_tin_boostable(q, t))
			fq_tin_boost(q, ti);
		if (m)
			return m;
	}
	return NULL;
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

static inline struct rte_mbuf *
ring_dequeue(struct fq *q, uint32_t now)
{
	while (q->ring.head != q->ring.tail) {
		uint32_t ti = fq_queue_at(q, &q->ring, 0);
		struct fq_tin *t = &q->tins[ti];
		struct rte_mbuf *m = NULL;

		if (unlikely(t->closed)) {
			fq_tin_leave_ring(q);
			continue;
		}
		if (unlikely(t->rate) && fq_tin_over_rate(q, t)) {
			fq_tin_wait(q);
			continue;
		}
		if (likely(t->deficit > 0))
			m = tin_dequeue(q, t, false, now);
		if (t->deficit <= 0)
			ring_end_turn(q, ti);
		else if (!m)
			fq_tin_leave_ring(q);
		if (likely(m))
			return m;
	}
	return NULL;
}

static inline struct rte_mbuf *
dequeue_one(struct fq *q, uint32_t now)
{
	struct rte_mbuf *m = boost_dequeue(q, now);

	return m ? m : ring_dequeue(q, now);
}

static inline unsigned int
free_burst(struct fq *q, uint32_t now, struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		pkts[i] = dequeue_one(q, now);
		if (!pkts[i])
			break;
	}
	return i;
}

static unsigned int
shaped_burst(struct fq *q, uint32_t now, struct rte_mbuf **pkts, unsigned int n)
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
		pkts[i] = dequeue_one(q, now);
		if (!pkts[i]) {
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
	got = q->shaper.rate ? shaped_burst(q, fq_now32(now), pkts, n)
			     : free_burst(q, fq_now32(now), pkts, n);
	FQ_ADD(q->c.packets, got);
	return got;
}

struct rte_mbuf *
fq_dequeue(struct fq *q, uint64_t now)
{
	struct rte_mbuf *m;

	return fq_dequeue_burst(q, now, &m, 1) ? m : NULL;
}
