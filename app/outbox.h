/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets on their way into a ring, collected so that they enter it in bursts. Owned by the stage
 * that fills it; flushed before the stage's poll returns. What the ring does not take is dropped.
 */
#ifndef TG_OUTBOX_H
#define TG_OUTBOX_H

#include <rte_ring.h>

#include "drops.h"

#define TG_BURST 32

struct tg_outbox {
	struct rte_ring *ring;
	enum tg_drop full; /* the reason when the ring is full */
	uint16_t n;
	struct rte_mbuf *pkts[TG_BURST];
};

static inline void
tg_outbox_flush(struct tg_outbox *o, struct tg_counters *c)
{
	unsigned int sent;

	if (!o->n)
		return;
	sent = rte_ring_enqueue_burst(o->ring, (void **)o->pkts, o->n, NULL);
	c->out += sent;
	for (; sent < o->n; sent++)
		tg_drop(c, o->pkts[sent], o->full);
	o->n = 0;
}

static inline void
tg_outbox_push(struct tg_outbox *o, struct rte_mbuf *m, struct tg_counters *c)
{
	o->pkts[o->n++] = m;
	if (o->n == TG_BURST)
		tg_outbox_flush(o, c);
}

#endif
