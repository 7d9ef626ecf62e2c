/* SPDX-License-Identifier: BSD-3-Clause */
#include "queue.h"

#include "event.h"
#include "source.h"

#include <rte_errno.h>
#include <stdlib.h>

const char *
sim_mode_name(enum sim_mode mode)
{
	return mode == SIM_FIFO ? "fifo" : "fq_codel";
}

static void
drop(struct sim_queue *q, struct rte_mbuf *m)
{
	sim_packet(m)->source->drops++;
	q->drops++;
	rte_pktmbuf_free(m);
}

static void
on_drop(void *ctx, struct rte_mbuf *m, enum fq_drop why)
{
	if (why == FQ_DROP_PURGE)
		rte_pktmbuf_free(m);
	else
		drop(ctx, m);
}

static bool
on_mark(void *ctx, struct rte_mbuf *m, enum fq_mark why)
{
	struct sim_packet *p = sim_packet(m);
	struct sim_queue *q = ctx;

	/* No source here is ECT(1). */
	if (!p->ect || why != FQ_MARK_CODEL)
		return false;
	p->ce = true;
	p->source->marks++;
	q->marks++;
	return true;
}

int
sim_queue_open(struct sim_queue *q, enum sim_mode mode)
{
	struct fq_params p;

	*q = (struct sim_queue){.mode = mode};
	fq_params_default(&p);
	p.pkt_offset = sizeof(struct rte_mbuf) + offsetof(struct sim_packet, fq);
	p.fifo = mode == SIM_FIFO ? FQ_FIFO_PACKETS : 0;
	p.drop = on_drop;
	p.mark = on_mark;
	p.ctx = q;
	q->fq = fq_create(&p);
	return q->fq ? 0 : -rte_errno;
}

void
sim_queue_close(struct sim_queue *q)
{
	fq_destroy(q->fq);
}

void
sim_queue_put(struct sim_queue *q, struct rte_mbuf *m, uint64_t now)
{
	const struct sim_source *s = sim_packet(m)->source;
	const struct fq_tin_conf conf = {.weight = s->weight};

	fq_enqueue(q->fq, m, s->peer, &conf, now);
}

struct rte_mbuf *
sim_queue_get(struct sim_queue *q, uint64_t now)
{
	return fq_dequeue(q->fq, now);
}
