/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two levels of deficit round robin. Tins: those with new flows first while they have credit, then
 * the ring. Flows of a tin: new, then old, each through CoDel (RFC 8290 section 4.2).
 *
 * Nearly all packets leave by plain_run: the tin at the head of the ring has only old flows, and
 * nothing but its turn to think of. What else there is goes one packet at a time by boost_take and
 * ring_take.
 */
#include "flow.h"
#include "tin.h"

#include <rte_mbuf.h>

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

/* Fading by 1/256 per packet. */
static inline uint32_t
peak_of(uint32_t peak, uint32_t age)
{
	uint32_t faded = peak - (peak >> 8);

	return RTE_MAX(age, faded);
}

static inline void
account_age(struct fq *q, struct fq_tin *t, uint32_t age)
{
	uint32_t bits = 31 ^ (uint32_t)__builtin_clz(2 * age + 1);

	FQ_ADD(q->histogram[bits], 1);
	FQ_ADD(t->histogram[fq_tin_bucket(bits)], 1);
	FQ_ADD(q->sojourn_total, age);
	FQ_SET(q->sojourn_peak, peak_of(q->sojourn_peak, age));
	FQ_SET(t->sojourn.avg, t->sojourn.avg - (t->sojourn.avg >> 5) + age);
	FQ_SET(t->sojourn.peak, peak_of(t->sojourn.peak, age));
}

static inline bool
is_policed(const struct fq *q, const struct fq_flow *f, uint32_t age)
{
	return age >= q->police_at || f->codel.above || f->blue;
}

/* Takes the first packet off the flow and charges for it; 0 when CoDel or BLUE took it. */
static __rte_always_inline fq_link
flow_take(struct fq *q, struct fq_tin *t, struct fq_flow *f, uint32_t now)
{
	fq_link link = f->head;
	uint32_t len = fq_link_len(link);
	struct rte_mbuf *m = fq_flow_unlink(f);
	uint32_t age = sojourn_of(q, m, now);

	f->load -= fq_load(len);
	FQ_ADD(t->load, -fq_load(len));
	FQ_ADD(q->load, -fq_load(len));
	if (unlikely(is_policed(q, f, age)) && !fq_police(q, f, m, age))
		return 0;
	account_age(q, t, age);
	FQ_ADD(t->sent_packets, 1);
	FQ_ADD(t->sent_bytes, len);
	FQ_ADD(q->c.bytes, len);
	f->deficit -= (int32_t)len;
	t->deficit -= (int32_t)len;
	if (q->shaper.rate)
		q->shaper.ready += fq_shaper_time_of(&q->shaper, len);
	return link;
}

static inline const struct fq_flow *
flow_ahead(const struct fq *q, const struct fq_ring *r, uint32_t steps)
{
	return &q->flows[q->tins[fq_ring_at(r, steps)].old.head];
}

/*
 * Looks ahead on the ring: a tin, the flow of a nearer one, the packet of a nearer one still. Each
 * step reads what an earlier call fetched. Behind the tail there are outdated but valid indices.
 */
static inline void
ring_prefetch(const struct fq *q, const struct fq_ring *r)
{
	const struct fq_tin *t = &q->tins[fq_ring_at(r, AHEAD_TIN)];
	const struct fq_flow *f = flow_ahead(q, r, AHEAD_PACKET);

	rte_prefetch0(t);
	rte_prefetch0(RTE_PTR_ADD(t, RTE_CACHE_LINE_SIZE));
	rte_prefetch0(flow_ahead(q, r, AHEAD_FLOW));
	fq_link_prefetch(f->head);
	rte_prefetch0(&q->flows[f->next]);
	f = flow_ahead(q, r, AHEAD_SECOND);
	fq_link_prefetch(q->flows[f->next].head);
}

/* All ones where it holds. Turns end at random, and a branch that is guessed wrong costs more. */
static inline uint32_t
mask_if(bool condition)
{
	return -(uint32_t)condition;
}

/* The first old flow has sent: to the end of its list when it has no credit left. */
static inline void
flow_next(const struct fq *q, struct fq_tin *t, struct fq_flow *f)
{
	uint32_t fi = t->old.head, end = mask_if(f->deficit <= 0);

	f->deficit += (int32_t)(q->quantum & end);
	t->turns -= end;
	t->old.head = fi ^ ((fi ^ f->next) & end);
	t->old.tail ^= (t->old.tail ^ fi) & end;
}

/* The first tin has sent: to the end of the ring when it has no credit left. */
static inline void
tin_next(const struct fq *q, struct fq_tin *t, struct fq_ring *r, uint32_t ti)
{
	uint32_t end = mask_if(t->deficit <= 0);

	t->deficit += fq_tin_quantum(q, t) & (int32_t)end;
	r->tins[r->tail & r->mask] = (uint16_t)ti;
	r->head -= end;
	r->tail -= end;
}

static inline bool
tin_is_plain(const struct fq_tin *t)
{
	return !(t->fresh.n | t->rate | t->closed) && t->old.n && t->deficit > 0;
}

static inline bool
is_held_back(const struct fq *q)
{
	return q->shaper.rate && fq_is_after(q->shaper.ready, q->clock);
}

/* Packets of old flows in turn, while that is all there is to do. */
static unsigned int
plain_run(struct fq *q, struct rte_mbuf **pkts, unsigned int max, uint32_t now)
{
	struct fq_ring ring = q->ring;
	unsigned int n = 0;

	while (n < max && !fq_ring_empty(&ring) && !is_held_back(q)) {
		uint32_t ti = fq_ring_at(&ring, 0);
		struct fq_tin *t = &q->tins[ti];
		struct fq_flow *f = &q->flows[t->old.head];
		fq_link link;

		if (unlikely(!tin_is_plain(t) || !f->head || f->deficit <= 0))
			break;
		link = flow_take(q, t, f, now);
		if (unlikely(!link))
			continue;
		pkts[n++] = fq_link_pkt(link);
		if (unlikely(!f->head) && f->deficit > 0)
			fq_flow_release(q, fq_fifo_pop(q, t, &t->old));
		else
			flow_next(q, t, f);
		tin_next(q, t, &ring, ti);
		if (n & 1)
			ring_prefetch(q, &ring);
	}
	q->ring.head = ring.head;
	q->ring.tail = ring.tail;
	return n;
}

static void
flow_end_turn(struct fq *q, struct fq_tin *t, struct fq_fifo *l)
{
	uint32_t fi = l->head;

	q->flows[fi].deficit += (int32_t)q->quantum;
	if (l == &t->old) {
		fq_fifo_turn(q, t, l);
		return;
	}
	q->flows[fi].list = FQ_LIST_OLD;
	fq_fifo_push(q, &t->old, fq_fifo_pop(q, t, l));
}

/* The next packet of the tin, with only_new of its new flows. NULL: there are no such flows. */
static struct rte_mbuf *
tin_take(struct fq *q, uint32_t ti, bool only_new, uint32_t now)
{
	struct fq_tin *t = &q->tins[ti];

	while (t->fresh.n || (!only_new && t->old.n)) {
		struct fq_fifo *l = t->fresh.n ? &t->fresh : &t->old;
		struct fq_flow *f = &q->flows[l->head];
		fq_link link = 0;

		while (!link && f->head && f->deficit > 0)
			link = flow_take(q, t, f, now);
		if (f->deficit <= 0)
			flow_end_turn(q, t, l);
		else if (!f->head)
			fq_flow_release(q, fq_fifo_pop(q, t, l));
		if (unlikely(t->rate) && link)
			fq_tin_charge(q, ti, fq_link_len(link));
		if (link)
			return fq_link_pkt(link);
	}
	return NULL;
}

static bool
boost_due(const struct fq *q, uint32_t ti)
{
	const struct fq_tin *t = &q->tins[ti];

	return fq_tin_boostable(q, t) && likely(!t->rate || !fq_tin_over_rate(q, ti));
}

/* Each boosted tin gives one packet in turn; one that is not entitled is forgotten here. */
static struct rte_mbuf *
boost_take(struct fq *q, uint32_t now)
{
	while (q->boost.head != FQ_TIN_NIL) {
		uint32_t ti = fq_tin_unboost(q);
		struct rte_mbuf *m;

		if (!boost_due(q, ti))
			continue;
		m = tin_take(q, ti, true, now);
		if (fq_tin_boostable(q, &q->tins[ti]))
			fq_tin_boost(q, ti);
		if (m)
			return m;
	}
	return NULL;
}

static void
ring_end_turn(struct fq *q, uint32_t ti)
{
	struct fq_tin *t = &q->tins[ti];

	t->deficit += fq_tin_quantum(q, t);
	q->ring.head++;
	fq_ring_push(&q->ring, ti);
	if (t->fresh.n)
		fq_tin_boost(q, ti);
}

/* The next packet in the ring's order, NULL when there is none. */
static struct rte_mbuf *
ring_take(struct fq *q, uint32_t now)
{
	while (!fq_ring_empty(&q->ring)) {
		uint32_t ti = fq_ring_at(&q->ring, 0);
		struct fq_tin *t = &q->tins[ti];
		struct rte_mbuf *m = NULL;

		if (unlikely(t->closed)) {
			fq_tin_leave_ring(q);
			continue;
		}
		if (unlikely(t->rate) && fq_tin_over_rate(q, ti)) {
			fq_tin_wait(q);
			continue;
		}
		if (t->deficit > 0)
			m = tin_take(q, ti, false, now);
		if (t->deficit <= 0)
			ring_end_turn(q, ti);
		else if (!m)
			fq_tin_leave_ring(q);
		if (m)
			return m;
	}
	return NULL;
}

static void
note_idle(struct fq *q)
{
	fq_shaper_idle(&q->shaper, q->clock);
	q->member.idled = true;
}

static unsigned int
take_burst(struct fq *q, struct rte_mbuf **pkts, unsigned int n, uint32_t now)
{
	unsigned int got = 0;

	while (got < n) {
		struct rte_mbuf *m = NULL;

		if (is_held_back(q)) {
			q->member.held |= q->packets > 0;
			q->member.idled |= !q->packets;
			break;
		}
		m = boost_take(q, now);
		if (!m) {
			got += plain_run(q, &pkts[got], n - got, now);
			if (got == n || is_held_back(q))
				continue;
			m = ring_take(q, now);
		}
		if (!m) {
			note_idle(q);
			break;
		}
		pkts[got++] = m;
	}
	return got;
}

unsigned int
fq_dequeue_burst(struct fq *q, uint64_t now, struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int got;

	q->clock = fq_fine(now);
	q->dropped = 0;
	if (unlikely(q->wheel.n))
		fq_wheel_turn(q);
	if (unlikely(q->member.share))
		fq_share_sync(q, now);
	if (q->shaper.rate)
		fq_shaper_bound(&q->shaper, q->clock);
	got = take_burst(q, pkts, n, fq_now32(now));
	FQ_ADD(q->c.packets, got);
	return got;
}

struct rte_mbuf *
fq_dequeue(struct fq *q, uint64_t now)
{
	struct rte_mbuf *m;

	return fq_dequeue_burst(q, now, &m, 1) ? m : NULL;
}
