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

/* A packet that has left its flow. */
struct taken {
	fq_link link; /* 0: CoDel or BLUE took it */
	uint32_t age;
};

static inline uint32_t
age_of(const struct fq_node *node, uint32_t now)
{
	int32_t age = (int32_t)(now - node->time);

	return (uint32_t)RTE_MAX(age, 0);
}

/* Fading by 1/256 per packet. */
static inline uint32_t
peak_of(uint32_t peak, uint32_t age)
{
	uint32_t faded = peak - (peak >> 8);

	return RTE_MAX(age, faded);
}

static inline void
account(struct fq *q, struct fq_tin *t, const struct taken *p)
{
	uint32_t bits = rte_fls_u32(2 * p->age + 1) - 1;
	uint32_t len = fq_link_len(p->link);

	FQ_ADD(q->histogram[bits], 1);
	FQ_ADD(t->histogram[fq_tin_bucket(bits)], 1);
	FQ_ADD(q->sojourn_total, p->age);
	FQ_SET(q->sojourn_peak, peak_of(q->sojourn_peak, p->age));
	FQ_ADD(t->sojourn.avg, p->age - (t->sojourn.avg >> 5));
	FQ_SET(t->sojourn.peak, peak_of(t->sojourn.peak, p->age));
	FQ_ADD(t->sent_packets, 1);
	FQ_ADD(t->sent_bytes, len);
	FQ_ADD(q->c.bytes, len);
	if (q->shaper.rate)
		q->shaper.ready += fq_shaper_time_of(&q->shaper, len);
}

/* Takes the first packet off the flow. Deficits and counters are the caller's. */
static __rte_always_inline struct taken
flow_take(struct fq *q, struct fq_tin *t, struct fq_flow *f, uint32_t now)
{
	const struct fq_node *node = fq_flow_unlink(q, t, f);
	struct taken p = {node->link, age_of(node, now)};
	struct rte_mbuf *m = fq_link_pkt(p.link);

	rte_prefetch0(fq_pkt(q, m));
	if (unlikely(p.age >= q->police_at || f->watched) && !fq_police(q, f, m, p.age))
		p.link = 0;
	return p;
}

/* a where the mask is all ones, b where it is zero. */
static inline void *
pick(int64_t mask, const void *a, const void *b)
{
	return (void *)((uintptr_t)b ^ (((uintptr_t)a ^ (uintptr_t)b) & (uintptr_t)mask));
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
	rte_prefetch0(&q->nodes[f->head]);
	rte_prefetch0(&q->flows[f->next]);
}

/*
 * The first old flow has sent: to the end of its list when it has no credit left, off it when it
 * has no packets left. The flow that is first now. Turns end at random, and a branch that is
 * guessed wrong costs more.
 */
static inline struct fq_flow *
old_next(struct fq *q, struct fq_tin *t, struct fq_flow *f, int32_t deficit)
{
	int64_t end = (deficit - 1) >> 31;
	struct fq_flow *first = pick(end, &q->flows[f->next], f);

	f->deficit = deficit + (int32_t)(q->quantum & (uint32_t)end);
	if (unlikely(!(f->packets | (uint32_t)end))) {
		fq_flow_release(q, fq_fifo_pop(q, t, &t->old));
		return &q->flows[t->old.head];
	}
	t->turns -= (uint32_t)end;
	t->old.tail ^= (t->old.tail ^ t->old.head) & (uint32_t)end;
	t->old.head = (uint32_t)(first - q->flows);
	return first;
}

/* The first tin has sent. All ones: its turn has ended. */
static inline int64_t
tin_turn(const struct fq *q, struct fq_tin *t, int32_t deficit)
{
	int64_t end = (deficit - 1) >> 31;

	t->deficit = deficit + (fq_tin_quantum(q, t) & (int32_t)end);
	return end;
}

/* The next packet is one of an old flow, and all there is to do is to send it. */
static inline bool
is_plain(const struct fq_tin *t, const struct fq_flow *f)
{
	return !(t->fresh.n | t->rate | t->closed) && t->old.n && t->deficit > 0 && f->packets &&
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
	} else if (!f->packets) {
		fq_flow_release(q, fq_fifo_pop(q, t, &t->fresh));
	}
}

/* The flow's next packet, and what follows from it but deficits. Link 0: there is none now. */
static struct taken
special_packet(struct fq *q, uint32_t ti, struct fq_flow *f, uint32_t now)
{
	struct fq_tin *t = &q->tins[ti];
	struct taken p = {0};

	while (!p.link && f->packets && f->deficit > 0)
		p = flow_take(q, t, f, now);
	if (!p.link)
		return p;
	account(q, t, &p);
	if (unlikely(t->rate))
		fq_tin_charge(q, ti, fq_link_len(p.link));
	return p;
}

/* The next packet of the tin, with only_new of its new flows. NULL: there are no such flows. */
static struct rte_mbuf *
tin_take(struct fq *q, uint32_t ti, bool only_new, uint32_t now)
{
	struct fq_tin *t = &q->tins[ti];

	while (t->fresh.n || (!only_new && t->old.n)) {
		struct fq_fifo *l = t->fresh.n ? &t->fresh : &t->old;
		struct fq_flow *f = &q->flows[l->head];
		struct taken p;
		int32_t len;

		if (!f->packets && f->deficit > 0) {
			fq_flow_release(q, fq_fifo_pop(q, t, l));
			continue;
		}
		p = special_packet(q, ti, f, now);
		len = (int32_t)fq_link_len(p.link);
		t->deficit -= len;
		if (l == &t->old)
			old_next(q, t, f, f->deficit - len);
		else
			new_next(q, t, f, f->deficit - len);
		if (p.link)
			return fq_link_pkt(p.link);
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

/*
 * As many packets as are plain in a row. Who is next when this turn ends is looked up before it is
 * known whether it does: so no packet waits for the loads of the one before.
 */
static unsigned int
take_plain(struct fq *q, struct rte_mbuf **pkts, unsigned int max, uint32_t now)
{
	struct fq_ring ring = q->ring;
	struct fq_tin *t = &q->tins[fq_ring_at(&ring, 0)];
	struct fq_flow *f = &q->flows[t->old.head];
	unsigned int n = 0;

	while (n < max && is_plain(t, f) && !is_held_back(q)) {
		int32_t of_tin = t->deficit - f->len, of_flow = f->deficit - f->len;
		struct taken p = flow_take(q, t, f, now);
		struct fq_tin *next;
		int64_t end;

		if (unlikely(!p.link))
			break;
		account(q, t, &p);
		pkts[n++] = fq_link_pkt(p.link);
		ring.tins[ring.tail & ring.mask] = ring.tins[ring.head & ring.mask];
		next = &q->tins[fq_ring_at(&ring, 1)];
		end = tin_turn(q, t, of_tin);
		f = old_next(q, t, f, of_flow);
		f = pick(end, &q->flows[next->old.head], f);
		t = pick(end, next, t);
		ring.head -= (uint32_t)end;
		ring.tail -= (uint32_t)end;
		if (n & 1)
			ring_prefetch(q, &ring);
	}
	q->ring = ring;
	return n;
}

static unsigned int
take_burst(struct fq *q, struct rte_mbuf **pkts, unsigned int max, uint32_t now)
{
	unsigned int n = 0;

	while (n < max) {
		if (!q->boost.n && !fq_ring_empty(&q->ring))
			n += take_plain(q, &pkts[n], max - n, now);
		if (n == max)
			break;
		if (is_held_back(q)) {
			note_held_back(q);
			break;
		}
		pkts[n] = special_take(q, now);
		if (!pkts[n]) {
			note_idle(q);
			break;
		}
		n++;
	}
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
