/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two levels of deficit round robin. Tins: those with new flows first while they have credit, then
 * the ring. Flows of a tin: new, then old, each through CoDel (RFC 8290 section 4.2).
 *
 * Most packets leave by the loop in take_plain: the tin at the head of the ring has only old flows,
 * and nothing but its turn to think of. New flows leave by take_boosted, what else there is by
 * ring_take.
 */
#include "account.h"
#include "flow.h"
#include "tin.h"

/* How far ahead on the ring to fetch; twice as far what comes from beyond the core's cache. */
#define AHEAD_TIN 12u
#define AHEAD_FLOW 9u
#define AHEAD_PACKET 6u
#define AHEAD_SECOND 3u

/* A packet that has left its flow. */
struct taken {
	struct rte_mbuf *m;
	uint32_t age, len;
};

/* False: the next packet has to wait for the time that this one takes on the wire. */
static inline bool
shape(struct fq *q, uint32_t len)
{
	if (!q->shaper.rate)
		return true;
	q->shaper.ready += fq_shaper_time_of(&q->shaper, len);
	return !fq_is_after(q->shaper.ready, q->clock);
}

static inline bool
is_watched(const struct fq *q, const struct fq_flow *f, uint32_t age)
{
	return age >= q->police_at || f->watched;
}

/*
 * False: CoDel or BLUE have taken it. Only what came after now, before the clock was set back, is
 * as old as that.
 */
static inline bool
is_let_go(struct fq *q, struct fq_flow *f, struct taken *p)
{
	if (likely(!is_watched(q, f, p->age)))
		return true;
	p->age = p->age > INT32_MAX ? 0 : p->age;
	return !is_watched(q, f, p->age) || fq_police(q, f, p->m, p->age);
}

/* Takes the first packet off the flow. Deficits and counters are the caller's. */
static __rte_always_inline struct taken
flow_take(struct fq *q, struct fq_tin *t, struct fq_flow *f, uint32_t now)
{
	uint32_t len = f->len;
	const struct fq_node *node = fq_flow_unlink(q, t, f);

	return (struct taken){fq_link_pkt(node->link), now - node->time, len};
}

static inline const struct fq_flow *
flow_ahead(const struct fq *q, const struct fq_ring *r, uint32_t steps)
{
	return &q->flows[q->tins[fq_ring_at(r, steps)].old.head];
}

/*
 * Looks ahead on the ring: a tin, the flow of a nearer one, the packet of a nearer one still, and
 * of the nearest the packet behind that. Each step reads what an earlier call fetched. Behind the
 * tail there are outdated but valid indices.
 */
static inline void
ring_prefetch(const struct fq *q, const struct fq_ring *r, uint32_t times)
{
	const struct fq_tin *t = &q->tins[fq_ring_at(r, AHEAD_TIN * times)];
	const struct fq_flow *f = flow_ahead(q, r, AHEAD_PACKET * times);
	const struct fq_node *node = &q->nodes[flow_ahead(q, r, AHEAD_SECOND * times)->head];

	rte_prefetch0(t);
	rte_prefetch0(RTE_PTR_ADD(t, RTE_CACHE_LINE_SIZE));
	rte_prefetch0(flow_ahead(q, r, AHEAD_FLOW * times));
	rte_prefetch0(&q->nodes[f->head]);
	rte_prefetch0(&q->flows[f->next]);
	rte_prefetch0(&q->nodes[node->next]);
}

/*
 * The first old flow has sent: to the end of its list when it has no credit left, off it when it
 * has no packets left. The flow that is first now. Turns end at random, and a branch that is
 * guessed wrong costs more.
 */
static inline uint32_t
old_next(struct fq *q, struct fq_tin *t, struct fq_flow *f, int32_t deficit)
{
	uint32_t end = (uint32_t)((deficit - 1) >> 31), head = t->old.head;
	uint32_t first = fq_pick(end, f->next, head);

	f->deficit = deficit + (int32_t)(q->quantum & end);
	if (unlikely(!(f->packets | end))) {
		fq_flow_release(q, fq_fifo_pop(q, t, &t->old));
		return t->old.head;
	}
	t->turns -= end;
	t->old.tail = fq_pick(end, head, t->old.tail);
	t->old.head = first;
	return first;
}

/* The first tin has sent. All ones: its turn has ended. */
static inline uint32_t
tin_turn(const struct fq *q, struct fq_tin *t, int32_t deficit)
{
	int32_t end = (deficit - 1) >> 31;

	t->deficit = deficit + (fq_tin_quantum(q, t) & end);
	return (uint32_t)end;
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

/* The flow's next packet, and what follows from it but deficits. m NULL: there is none now. */
static __rte_always_inline struct taken
special_packet(struct fq *q, uint32_t ti, struct fq_flow *f, uint32_t now, struct fq_sum *sum)
{
	struct fq_tin *t = &q->tins[ti];
	struct taken p = {0};

	while (!p.m && f->packets && f->deficit > 0) {
		p = flow_take(q, t, f, now);
		if (unlikely(!is_let_go(q, f, &p)))
			p.m = NULL;
	}
	if (!p.m)
		return (struct taken){0};
	fq_account(q, t, p.age, p.len);
	fq_sum_add(sum, p.age, p.len);
	shape(q, p.len);
	if (unlikely(t->rate))
		fq_tin_charge(q, ti, p.len);
	return p;
}

/* The next packet of the tin, with only_new of its new flows. NULL: there are no such flows. */
static __rte_always_inline struct rte_mbuf *
tin_take(struct fq *q, uint32_t ti, bool only_new, uint32_t now, struct fq_sum *sum)
{
	struct fq_tin *t = &q->tins[ti];

	while (t->fresh.n || (!only_new && t->old.n)) {
		struct fq_fifo *l = t->fresh.n ? &t->fresh : &t->old;
		struct fq_flow *f = &q->flows[l->head];
		struct taken p;

		if (!f->packets && f->deficit > 0) {
			fq_flow_release(q, fq_fifo_pop(q, t, l));
			continue;
		}
		p = special_packet(q, ti, f, now, sum);
		t->deficit -= (int32_t)p.len;
		if (l == &t->old)
			old_next(q, t, f, f->deficit - (int32_t)p.len);
		else
			new_next(q, t, f, f->deficit - (int32_t)p.len);
		if (p.m)
			return p.m;
	}
	return NULL;
}

static bool
boost_due(const struct fq *q, uint32_t ti)
{
	const struct fq_tin *t = &q->tins[ti];

	return fq_tin_boostable(q, t) && likely(!t->rate || !fq_tin_over_rate(q, ti));
}

/*
 * New flows ahead of their tins' turn, while there are any: each boosted tin gives one packet, and
 * one that is not entitled is forgotten here.
 */
static __rte_noinline unsigned int
take_boosted(
	struct fq *q, struct rte_mbuf **pkts, unsigned int max, uint32_t now, struct fq_sum *sum)
{
	unsigned int n = 0;

	while (q->boost.n && n < max && !is_held_back(q)) {
		uint32_t ti = fq_tin_unboost(q);

		if (!boost_due(q, ti))
			continue;
		pkts[n] = tin_take(q, ti, true, now, sum);
		if (fq_tin_boostable(q, &q->tins[ti]))
			fq_tin_boost(q, ti);
		n += pkts[n] != NULL;
	}
	return n;
}

static void
ring_end_turn(struct fq *q, uint32_t ti)
{
	struct fq_tin *t = &q->tins[ti];

	t->deficit += fq_tin_quantum(q, t);
	fq_ring_turn(&q->ring);
	if (t->fresh.n)
		fq_tin_boost(q, ti);
}

/* The next packet in the ring's order, whatever it takes. NULL: there is none. */
static __rte_noinline struct rte_mbuf *
ring_take(struct fq *q, uint32_t now, struct fq_sum *sum)
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
			m = tin_take(q, ti, false, now, sum);
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

static void
note_held_back(struct fq *q)
{
	q->member.held |= q->packets > 0;
	q->member.idled |= !q->packets;
}

/*
 * A turn without a packet, and nothing else to think of: a tin in debt for what its new flows sent
 * ahead, or an old flow that is empty. False: it is not that.
 */
static inline bool
pass_over(struct fq *q, struct fq_ring *r, struct fq_tin *t, struct fq_flow *f)
{
	if (t->fresh.n | t->rate | t->closed)
		return false;
	if (t->deficit <= 0) {
		t->deficit += fq_tin_quantum(q, t);
		fq_ring_turn(r);
		return true;
	}
	if (!t->old.n || f->packets || f->deficit <= 0)
		return false;
	fq_flow_release(q, fq_fifo_pop(q, t, &t->old));
	return true;
}

/*
 * As many packets as are plain in a row. Who is next is worked out and not branched on: it is as
 * good as random, and known late.
 */
static __rte_noinline unsigned int
take_plain(struct fq *q, struct rte_mbuf **pkts, unsigned int max, uint32_t now,
	struct fq_sum *sum_out)
{
	struct fq_ring ring = q->ring;
	struct fq_tin *t = &q->tins[fq_ring_at(&ring, 0)];
	uint32_t fi = t->old.head;
	const bool far = fq_is_large(q);
	struct fq_sum sum = *sum_out;
	unsigned int n = 0;

	while (n < max) {
		struct fq_flow *f = &q->flows[fi];
		struct fq_tin *next;
		struct taken p;
		uint32_t end;

		if (!is_plain(t, f)) {
			if (!pass_over(q, &ring, t, f))
				break;
			t = &q->tins[fq_ring_at(&ring, 0)];
			fi = t->old.head;
			continue;
		}
		p = flow_take(q, t, f, now);
		if (unlikely(!is_let_go(q, f, &p)))
			break;
		fq_account(q, t, p.age, p.len);
		fq_sum_add(&sum, p.age, p.len);
		pkts[n++] = p.m;
		ring.tins[ring.tail & ring.mask] = ring.tins[ring.head & ring.mask];
		next = &q->tins[fq_ring_at(&ring, 1)];
		end = tin_turn(q, t, t->deficit - (int32_t)p.len);
		fi = old_next(q, t, f, f->deficit - (int32_t)p.len);
		fi = fq_pick(end, next->old.head, fi);
		t = end ? next : t;
		ring.head -= end;
		ring.tail -= end;
		/* Some packets end no turn: for what is near, half the calls are as good. */
		if (far)
			ring_prefetch(q, &ring, 2);
		else if (n & 1)
			ring_prefetch(q, &ring, 1);
		if (!shape(q, p.len))
			break;
	}
	q->ring = ring;
	*sum_out = sum;
	return n;
}

static unsigned int
take_burst(struct fq *q, struct rte_mbuf **pkts, unsigned int max, uint32_t now, struct fq_sum *sum)
{
	unsigned int n = 0;

	while (n < max) {
		unsigned int plain = 0;

		if (is_held_back(q)) {
			note_held_back(q);
			break;
		}
		if (q->boost.n) {
			n += take_boosted(q, &pkts[n], max - n, now, sum);
			continue;
		}
		if (!fq_ring_empty(&q->ring))
			plain = take_plain(q, &pkts[n], max - n, now, sum);
		n += plain;
		if (plain)
			continue;
		pkts[n] = ring_take(q, now, sum);
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
	struct fq_sum sum = {0};
	unsigned int got;

	q->clock = fq_fine(now);
	q->dropped = 0;
	if (unlikely(q->wheel.n))
		fq_wheel_turn(q);
	if (unlikely(q->member.share))
		fq_share_sync(q, now);
	if (q->shaper.rate)
		fq_shaper_bound(&q->shaper, q->clock);
	got = take_burst(q, pkts, n, fq_now32(now), &sum);
	fq_account_sum(q, got, &sum);
	return got;
}

struct rte_mbuf *
fq_dequeue(struct fq *q, uint64_t now)
{
	struct rte_mbuf *m;

	return fq_dequeue_burst(q, now, &m, 1) ? m : NULL;
}
