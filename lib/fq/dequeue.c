/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two levels of deficit round robin. Tins: those with new flows first while they have credit, then
 * the ring. Flows of a tin: new, then old, each through CoDel (RFC 8290 section 4.2).
 *
 * Most packets leave by the loop in take_burst: the tin at the head of the ring has only old flows,
 * and nothing but its turn to think of. What else there is goes by special_take.
 */
#include "flow.h"
#include "tin.h"

#include <rte_mbuf.h>

/* How far ahead on the ring to fetch. */
#define AHEAD_TIN 16u
#define AHEAD_FLOW 12u
#define AHEAD_PACKET 8u
#define AHEAD_SECOND 4u /* the packet after it, and that of the second flow */

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

/* Takes the first packet off the flow; 0 when CoDel or BLUE took it. Deficits are the caller's. */
static __rte_always_inline fq_link
flow_take(struct fq *q, struct fq_tin *t, struct fq_flow *f, uint32_t now)
{
	fq_link link = f->head;
	uint32_t len = fq_link_len(link);
	struct rte_mbuf *m = fq_flow_unlink(f);
	uint32_t age = sojourn_of(q, m, now);

	FQ_ADD(f->load, -fq_load(len));
	FQ_ADD(t->load, -fq_load(len));
	FQ_ADD(q->load, -fq_load(len));
	if (unlikely(is_policed(q, f, age)) && !fq_police(q, f, m, age))
		return 0;
	account_age(q, t, age);
	FQ_ADD(t->sent_packets, 1);
	FQ_ADD(t->sent_bytes, len);
	FQ_ADD(q->c.bytes, len);
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
 * Every other packet, since about as many end a turn. Looks ahead on the ring: a tin, the flow of a
 * nearer one, the packet of a nearer one still. Each step reads what an earlier call fetched.
 * Behind the tail there are outdated but valid indices.
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
	if (f->head)
		fq_link_prefetch(fq_link_pkt(f->head)->tx_offload);
}

/* All ones where it holds. Turns end at random, and a branch that is guessed wrong costs more. */
static inline uint32_t
mask_if(bool condition)
{
	return -(uint32_t)condition;
}

/*
 * The first old flow has sent: to the end of its list when it has no credit left, off it when it
 * has no packets left.
 */
static inline void
old_next(struct fq *q, struct fq_tin *t, struct fq_flow *f, int32_t deficit)
{
	uint32_t fi = t->old.head, end = mask_if(deficit <= 0);

	f->deficit = deficit + (int32_t)(q->quantum & end);
	if (unlikely(!f->head) && deficit > 0) {
		fq_flow_release(q, fq_fifo_pop(q, t, &t->old));
		return;
	}
	t->turns -= end;
	t->old.head = fi ^ ((fi ^ f->next) & end);
	t->old.tail ^= (t->old.tail ^ fi) & end;
}

/* The first tin has sent: to the end of the ring when it has no credit left. */
static inline void
tin_next(const struct fq *q, struct fq_tin *t, struct fq_ring *r, int32_t deficit)
{
	uint32_t end = mask_if(deficit <= 0);

	t->deficit = deficit + (fq_tin_quantum(q, t) & (int32_t)end);
	r->tins[r->tail & r->mask] = r->tins[r->head & r->mask];
	r->head -= end;
	r->tail -= end;
}

/* The next packet is one of an old flow, and all there is to do is to send it. */
static inline bool
is_plain(const struct fq_tin *t, const struct fq_flow *f)
{
	return !(t->fresh.n | t->rate | t->closed) && t->old.n && t->deficit > 0 && f->head &&
		f->deficit > 0;
}

static inline bool
is_held_back(const struct fq *q)
{
	return q->shaper.rate && fq_is_after(q->shaper.ready, q->clock);
}

/* The first new flow has sent. Without credit it becomes an old one. */
static inline void
new_next(struct fq *q, struct fq_tin *t, struct fq_flow *f, int32_t deficit)
{
	f->deficit = deficit;
	if (deficit <= 0) {
		f->deficit += (int32_t)q->quantum;
		f->list = FQ_LIST_OLD;
		fq_fifo_push(q, &t->old, fq_fifo_pop(q, t, &t->fresh));
	} else if (!f->head) {
		fq_flow_release(q, fq_fifo_pop(q, t, &t->fresh));
	}
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
		uint32_t len;

		if (!f->head && f->deficit > 0) {
			fq_flow_release(q, fq_fifo_pop(q, t, l));
			continue;
		}
		while (!link && f->head && f->deficit > 0)
			link = flow_take(q, t, f, now);
		len = fq_link_len(link);
		t->deficit -= (int32_t)len;
		if (l == &t->old)
			old_next(q, t, f, f->deficit - (int32_t)len);
		else
			new_next(q, t, f, f->deficit - (int32_t)len);
		if (unlikely(t->rate) && link)
			fq_tin_charge(q, ti, len);
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
	while (q->boost.n) {
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

/* What plain packets are not: of a boosted tin, a new flow, a tin with a rate. NULL: nothing is
 * left. */
static __rte_noinline struct rte_mbuf *
special_take(struct fq *q, uint32_t now)
{
	struct rte_mbuf *m = boost_take(q, now);

	return m ? m : ring_take(q, now);
}

static void
note_idle(struct fq *q)
{
	fq_shaper_idle(&q->shaper, q->clock);
	q->member.idled = true;
}

static void
note_held_back(struct fq *q)
{
	q->member.held |= q->packets > 0;
	q->member.idled |= !q->packets;
}

/* The ring is in registers here, and brought up to date for who else looks at it. */
static unsigned int
take_burst(struct fq *q, struct rte_mbuf **pkts, unsigned int max, uint32_t now)
{
	struct fq_ring ring = q->ring;
	unsigned int n = 0;

	while (n < max) {
		struct fq_tin *t = &q->tins[fq_ring_at(&ring, 0)];
		struct fq_flow *f = &q->flows[t->old.head];
		int32_t of_tin = t->deficit, of_flow = f->deficit;
		fq_link link;

		if (is_held_back(q)) {
			note_held_back(q);
			break;
		}
		if (unlikely(q->boost.n || fq_ring_empty(&ring) || !is_plain(t, f))) {
			q->ring = ring;
			pkts[n] = special_take(q, now);
			ring = q->ring;
			if (pkts[n]) {
				n++;
				continue;
			}
			note_idle(q);
			break;
		}
		link = flow_take(q, t, f, now);
		if (unlikely(!link))
			continue;
		pkts[n++] = fq_link_pkt(link);
		tin_next(q, t, &ring, of_tin - (int32_t)fq_link_len(link));
		old_next(q, t, f, of_flow - (int32_t)fq_link_len(link));
		if (n & 1)
			ring_prefetch(q, &ring);
	}
	q->ring = ring;
	return n;
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
