/* SPDX-License-Identifier: BSD-3-Clause */
#include "fq.h"

#include "shaper.h"
#include "tin.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

void
fq_params_default(struct fq_params *p)
{
	*p = (struct fq_params){
		.flows = 65536,
		.tins = 1024,
		.limit_packets = 10240,
		.limit_bytes = 32 << 20,
		.quantum = 1514,
		.mtu = 1514,
		.target_ns = 5000000,
		.interval_ns = 100000000,
		.codel = true,
		.blue = true,
		.socket = SOCKET_ID_ANY,
	};
}

static bool
params_valid(const struct fq_params *p)
{
	return rte_is_power_of_2(p->flows) && p->flows >= 2 * FQ_WAYS && p->flows <= 1u << 24 &&
		p->tins >= 1 && p->tins <= FQ_TINS_MAX && p->limit_packets &&
		p->limit_packets <= FQ_PACKETS_MAX && p->limit_bytes &&
		p->limit_bytes <= 1u << 31 && p->quantum >= 1 && p->quantum <= 65535 &&
		p->target_ns <= p->interval_ns && p->interval_ns < UINT64_C(1) << 36 &&
		p->mpu <= UINT16_MAX && p->framing <= FQ_FRAMING_PTM && p->pkt_offset > 0 &&
		p->drop;
}

static void
set_params(struct fq *q, const struct fq_params *p)
{
	q->n_flows = p->flows;
	q->n_tins = p->tins;
	q->n_slots = 2 * p->tins;
	q->ring.mask = rte_align32pow2(p->tins) - 1;
	q->home_shift = 32 - rte_bsf32(p->flows);
	q->overhead = p->overhead;
	q->mpu = RTE_MAX(p->mpu, 1u);
	q->quantum = p->quantum;
	q->limit_packets = p->limit_packets;
	q->limit_bytes = p->limit_bytes;
	q->tin_limit = p->tin_limit_packets ? p->tin_limit_packets : UINT32_MAX;
	q->codel_base.target = fq_now32(p->target_ns);
	q->codel_base.interval = fq_now32(p->interval_ns);
	q->ce_threshold = p->ce_threshold_ns ? fq_now32(p->ce_threshold_ns) : UINT32_MAX;
	q->framing = p->framing;
	q->unframed = p->framing == FQ_FRAMING_NONE ? UINT16_MAX + 1 - q->mpu : 0;
	q->codel_base.mtu = fq_on_wire(q, p->mtu);
	q->fifo = p->fifo;
	q->random = p->seed | 1;
	q->pkt_offset = p->pkt_offset;
	q->police = p->codel;
	q->blue = p->codel && p->blue;
	q->start_closed = p->start_closed;
	q->drop = p->drop;
	q->mark = p->mark;
	q->ctx = p->ctx;
}

static void
init_lists(struct fq *q)
{
	for (uint32_t c = 0; c < FQ_CLASSES; c++)
		q->class_head[c] = FQ_TIN_NIL;
	q->boost.tail = (uint16_t)fq_idle_head(q);
	q->rest[fq_idle_head(q)].link =
		(struct fq_tin_link){(uint16_t)fq_idle_head(q), (uint16_t)fq_idle_head(q)};
	for (uint32_t i = 0; i < q->limit_packets; i++)
		q->nodes[i].next = i + 1;
	for (uint32_t ti = 0; ti < q->n_tins; ti++) {
		q->flows[q->n_flows + ti].tin = (uint16_t)ti;
		q->rest[ti].class = FQ_CLASS_NONE;
		q->rest[ti].boost = FQ_TIN_NIL;
		fq_tin_idle(q, ti);
	}
}

static void *
array_alloc(const struct fq_params *p, size_t n, size_t size)
{
	return rte_zmalloc_socket("fq", n * size, RTE_CACHE_LINE_SIZE, p->socket);
}

/* One tin, one flow, and none of what would change the order. */
static struct fq_params
fifo_params(const struct fq_params *p)
{
	struct fq_params fifo = *p;

	fifo.tins = 1;
	fifo.flows = 2 * FQ_WAYS;
	fifo.limit_packets = p->fifo;
	fifo.limit_bytes = 1u << 31;
	fifo.tin_limit_packets = 0;
	fifo.codel = fifo.start_closed = false;
	return fifo;
}

static void
free_all(struct fq *q)
{
	rte_free(q->ring.tins);
	rte_free(q->slots);
	rte_free(q->rest);
	rte_free(q->tins);
	rte_free(q->busy);
	rte_free(q->marks);
	rte_free(q->nodes);
	rte_free(q->flows);
	rte_free(q);
}

struct fq *
fq_create(const struct fq_params *params)
{
	struct fq_params fifo = fifo_params(params);
	const struct fq_params *p = params->fifo ? &fifo : params;
	struct fq *q;

	if (!params_valid(p)) {
		rte_errno = EINVAL;
		return NULL;
	}
	q = array_alloc(p, 1, sizeof(*q));
	if (!q)
		goto no_memory;
	set_params(q, p);
	q->flows = array_alloc(p, p->flows + p->tins, sizeof(*q->flows));
	q->marks = array_alloc(p, p->flows, sizeof(*q->marks));
	q->busy = array_alloc(p, p->flows / FQ_WAYS, sizeof(*q->busy));
	q->nodes = array_alloc(p, p->limit_packets + 1, sizeof(*q->nodes));
	q->tins = array_alloc(p, p->tins, sizeof(*q->tins));
	q->rest = array_alloc(p, p->tins + 1, sizeof(*q->rest));
	q->slots = array_alloc(p, q->n_slots, sizeof(*q->slots));
	q->ring.tins = array_alloc(p, q->ring.mask + 1, sizeof(*q->ring.tins));
	if (!q->flows || !q->marks || !q->busy || !q->nodes || !q->tins || !q->rest || !q->slots ||
		!q->ring.tins)
		goto no_arrays;
	init_lists(q);
	fq_shaper_set(q, p->rate);
	return q;

no_arrays:
	free_all(q);
no_memory:
	rte_errno = ENOMEM;
	return NULL;
}

void
fq_destroy(struct fq *q)
{
	if (!q)
		return;
	for (uint32_t ti = 0; ti < q->n_tins; ti++) {
		if (fq_tin_used(&q->tins[ti]))
			fq_tin_purge(q, q->tins[ti].key);
	}
	free_all(q);
}
