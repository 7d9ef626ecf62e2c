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
on_mark(void *ctx, struct rte_mbuf *m)
{
	struct sim_packet *p = sim_packet(m);
	struct sim_queue *q = ctx;

	if (!p->ect)
		return false;
	p->ce = true;
	p->source->marks++;
	q->marks++;
	return true;
}

static int
open_fq(struct sim_queue *q)
{
	struct fq_params p;

	fq_params_default(&p);
	p.pkt_offset = sizeof(struct rte_mbuf) + offsetof(struct sim_packet, fq);
	p.drop = on_drop;
	p.mark = on_mark;
	p.ctx = q;
	q->fq = fq_create(&p);
	return q->fq ? 0 : -rte_errno;
}

int
sim_queue_open(struct sim_queue *q, enum sim_mode mode)
{
	*q = (struct sim_queue){.mode = mode};
	if (mode == SIM_FQ_CODEL)
		return open_fq(q);
	q->ring = sim_realloc(NULL, SIM_FIFO_PACKETS, sizeof(*q->ring));
	return 0;
}

void
sim_queue_close(struct sim_queue *q)
{
	fq_destroy(q->fq);
	for (; q->head < q->tail; q->head++)
		rte_pktmbuf_free(q->ring[q->head % SIM_FIFO_PACKETS]);
	free(q->ring);
}

void
sim_queue_put(struct sim_queue *q, struct rte_mbuf *m, uint64_t now)
{
	const struct sim_source *s = sim_packet(m)->source;

	if (q->mode == SIM_FQ_CODEL)
		fq_enqueue(q->fq, m, s->peer, s->weight, now);
	else if (q->tail - q->head < SIM_FIFO_PACKETS)
		q->ring[q->tail++ % SIM_FIFO_PACKETS] = m;
	else
		drop(q, m);
}

struct rte_mbuf *
sim_queue_get(struct sim_queue *q, uint64_t now)
{
	if (q->mode == SIM_FQ_CODEL)
		return fq_dequeue(q->fq, now);
	return q->head < q->tail ? q->ring[q->head++ % SIM_FIFO_PACKETS] : NULL;
}
