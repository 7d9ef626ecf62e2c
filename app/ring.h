/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets into and out of rings, in bursts.
 *
 * An outbox collects those on their way into a ring. It is owned by the stage that fills it, and
 * flushed before the stage's poll returns. What the ring does not take is dropped.
 */
#ifndef TG_RING_H
#define TG_RING_H

#include <string.h>

#include <rte_ring.h>

#include "drops.h"
#include "meta.h"

#define TG_BURST 64

struct tg_outbox {
	struct rte_ring *ring;
	enum tg_drop full; /* the reason when the ring is full */
	uint16_t n;
	struct rte_mbuf *pkts[TG_BURST];
};

/* What may be sealed ends: then the cipher's work was for nothing. */
static inline void
tg_lose(struct tg_counters *c, struct rte_mbuf *m, enum tg_drop why)
{
	c->wasted += tg_meta(m)->op == TG_OP_WIRE;
	tg_drop(c, m, why);
}

static inline void
tg_outbox_flush(struct tg_outbox *o, struct tg_counters *c)
{
	unsigned int sent;

	if (!o->n)
		return;
	sent = rte_ring_enqueue_burst(o->ring, (void **)o->pkts, o->n, NULL);
	c->out += sent;
	for (; sent < o->n; sent++)
		tg_lose(c, o->pkts[sent], o->full);
	o->n = 0;
}

static inline void
tg_outbox_push(struct tg_outbox *o, struct rte_mbuf *m, struct tg_counters *c)
{
	o->pkts[o->n++] = m;
	if (o->n == TG_BURST)
		tg_outbox_flush(o, c);
}

/* Of many: one by one each would wait for the count that the one before has written. */
static inline void
tg_outbox_push_burst(
	struct tg_outbox *o, struct rte_mbuf **pkts, unsigned int n, struct tg_counters *c)
{
	unsigned int done, fit;

	for (done = 0; done < n; done += fit) {
		fit = RTE_MIN(n - done, (unsigned int)TG_BURST - o->n);
		memcpy(&o->pkts[o->n], &pkts[done], fit * sizeof(*pkts));
		o->n = (uint16_t)(o->n + fit);
		if (o->n == TG_BURST)
			tg_outbox_flush(o, c);
	}
}

/*
 * Hands all that is in the ring now to a stage, burst by burst: no queue may stand where CoDel does
 * not see it. Returns how many.
 */
static inline unsigned int
tg_drain(struct rte_ring *ring, void (*take)(void *stage, struct rte_mbuf **pkts, unsigned int n),
	void *stage)
{
	struct rte_mbuf *pkts[TG_BURST];
	unsigned int n, done, all = rte_ring_count(ring);

	for (done = 0; done < all; done += n) {
		n = rte_ring_sc_dequeue_burst(ring, (void **)pkts, TG_BURST, NULL);
		take(stage, pkts, n);
	}
	return done;
}

#endif
