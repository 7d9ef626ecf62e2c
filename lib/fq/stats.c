/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads what the owning thread writes with relaxed atomic stores. */
#include "flow.h"
#include "tin.h"

static uint64_t
avg_ns(const struct fq_sojourn *s)
{
	return ((uint64_t)FQ_GET(s->avg) << FQ_TIME_SHIFT) / 32;
}

static uint64_t
peak_ns(const struct fq_sojourn *s)
{
	return (uint64_t)FQ_GET(s->peak) << FQ_TIME_SHIFT;
}

static void
counters_get(const struct fq_counters *c, struct fq_counters *out)
{
	out->enqueued = FQ_GET(c->enqueued);
	out->packets = FQ_GET(c->packets);
	out->bytes = FQ_GET(c->bytes);
	out->marks = FQ_GET(c->marks);
	out->collisions = FQ_GET(c->collisions);
	for (unsigned int i = 0; i < FQ_DROP_MAX; i++)
		out->drops[i] = FQ_GET(c->drops[i]);
}

/* The queue's own counts would cost each flow that begins and ends. */
static void
flows_get(const struct fq *q, struct fq_stats *out)
{
	uint32_t ti, packets, left = FQ_GET(q->active_tins);

	out->flows_new = out->flows_old = out->flows_default = out->default_packets = 0;
	for (ti = 0; left && ti < q->n_tins; ti++) {
		const struct fq_tin *t = &q->tins[ti];

		if (FQ_GET(t->state) <= FQ_TIN_IDLE)
			continue;
		left--;
		packets = FQ_GET(q->flows[fq_default_flow(q, ti)].packets);
		out->flows_new += FQ_GET(t->fresh.n);
		out->flows_old += FQ_GET(t->old.n);
		out->flows_default += packets != 0;
		out->default_packets += packets;
	}
}

void
fq_stats_get(const struct fq *q, struct fq_stats *out)
{
	counters_get(&q->c, &out->c);
	out->backlog_packets = FQ_GET(q->packets);
	out->backlog_bytes = FQ_GET(q->bytes);
	out->flows = FQ_GET(q->busy_flows);
	flows_get(q, out);
	out->tins = FQ_GET(q->active_tins);
	out->rate = FQ_GET(q->shaper.rate);
	out->sojourn_total_ns = FQ_GET(q->sojourn_total) << FQ_TIME_SHIFT;
	out->sojourn_peak_ns = (uint64_t)FQ_GET(q->sojourn_peak) << FQ_TIME_SHIFT;
	for (unsigned int i = 0; i < FQ_HISTOGRAM; i++)
		out->histogram[i] = FQ_GET(q->histogram[i]);
}

/* A packet that came has left, was dropped, or is queued. */
static void
tin_counters_get(const struct fq *q, uint32_t ti, struct fq_counters *out)
{
	const struct fq_tin_rest *c = &q->rest[ti];
	const struct fq_tin *t = &q->tins[ti];

	*out = (struct fq_counters){
		.packets = FQ_GET(t->sent_packets),
		.bytes = FQ_GET(t->sent_bytes),
		.marks = FQ_GET(c->marks),
		.collisions = FQ_GET(c->collisions),
	};
	out->enqueued = out->packets + FQ_GET(t->packets);
	for (unsigned int i = 0; i < FQ_TIN_DROPS; i++) {
		out->drops[i] = FQ_GET(c->drops[i]);
		out->enqueued += out->drops[i];
	}
}

bool
fq_tin_stats_at(const struct fq *q, uint32_t index, struct fq_tin_stats *out)
{
	const struct fq_tin *t;

	if (index >= q->n_tins || !fq_tin_used(&q->tins[index]))
		return false;
	t = &q->tins[index];
	out->key = FQ_GET(t->key);
	out->weight = FQ_GET(t->weight);
	out->closed = FQ_GET(t->closed);
	out->waiting = FQ_GET(t->state) == FQ_TIN_WAITING;
	out->rate = FQ_GET(t->rate);
	tin_counters_get(q, index, &out->c);
	out->backlog_packets = FQ_GET(t->packets);
	out->backlog_bytes = FQ_GET(t->bytes);
	out->flows_new = FQ_GET(t->fresh.n);
	out->flows_old = FQ_GET(t->old.n);
	out->default_packets = FQ_GET(q->flows[q->n_flows + index].packets);
	out->sojourn_avg_ns = avg_ns(&t->sojourn);
	out->sojourn_peak_ns = peak_ns(&t->sojourn);
	for (unsigned int i = 0; i < FQ_TIN_HISTOGRAM; i++)
		out->histogram[i] = FQ_GET(t->histogram[i]);
	return fq_tin_used(t) && FQ_GET(t->key) == out->key;
}

uint32_t
fq_tins(const struct fq *q)
{
	return q->n_tins;
}

uint32_t
fq_backlog_packets(const struct fq *q)
{
	return q->packets;
}

uint32_t
fq_backlog_bytes(const struct fq *q)
{
	return q->bytes;
}

uint32_t
fq_flow_backlog_packets(const struct fq *q, uint32_t tin_key, uint32_t hash)
{
	uint32_t fi = fq_flow_find(q, fq_flow_tag(tin_key, hash));

	return fi == FQ_NIL ? 0 : q->flows[fi].packets;
}

static const char *const drops[] = {
#define DROP_NAME(sym, name, help) [FQ_DROP_##sym] = name,
	FQ_DROPS(DROP_NAME)
#undef DROP_NAME
};

const char *
fq_drop_name(enum fq_drop why)
{
	return drops[why];
}
