/* SPDX-License-Identifier: BSD-3-Clause */
#include "flow.h"
#include "tin.h"

const struct fq_tin_conf fq_tin_plain = {.weight = 1};

/* What is known of a packet before it is queued. */
struct place {
	uint64_t tag;
	uint32_t fi; /* a guess */
};

static __rte_noinline uint32_t
tin_get(struct fq *q, uint32_t key)
{
	uint32_t ti = fq_tin_find(q, key);

	return ti != FQ_NIL ? ti : fq_tin_take(q, key);
}

static void
drop_no_tin(struct fq *q, struct rte_mbuf *m)
{
	FQ_ADD(q->c.drops[FQ_DROP_NO_TIN], 1);
	q->drop(q->ctx, m, FQ_DROP_NO_TIN);
}

/* A configuration that says what the tin has costs three comparisons. */
static inline void
configure(struct fq *q, const struct fq_tin *t, const struct fq_tin_conf *conf)
{
	if (unlikely((t->rate ^ FQ_GET(conf->rate)) | (t->limit ^ FQ_GET(conf->limit_packets)) |
		    (uint32_t)(t->weight ^ FQ_GET(conf->weight))))
		fq_tin_configure(q, (uint32_t)(t - q->tins), conf);
}

static inline bool
is_over(const struct fq *q, uint32_t packets, uint64_t bytes)
{
	return q->packets + packets > q->limit_packets || q->bytes + bytes > q->limit_bytes;
}

/* The flow is idle, is not where it was thought to be, or there is none yet. FQ_NIL: no tin. */
static __rte_noinline uint32_t
begin(struct fq *q, const struct fq_item *item, const struct place *at)
{
	uint32_t fi = at->fi, ti = q->flows[fi].tin;
	bool returns = (q->flows[fi].tag | FQ_TAG_BUSY) == at->tag &&
		q->tins[ti].key == item->tin_key && fq_tin_used(&q->tins[ti]);

	if (unlikely(!returns)) {
		ti = tin_get(q, item->tin_key);
		if (unlikely(ti == FQ_NIL))
			return FQ_NIL;
		fi = fq_flow_find(q, at->tag);
	}
	configure(q, &q->tins[ti], item->conf);
	if (fi == FQ_NIL || q->flows[fi].list == FQ_LIST_NONE)
		fi = fq_flow_begin(q, ti, fi, at->tag);
	return fi;
}

/*
 * The flow was this one before and is idle, and its tin is on the ring: most flows that begin do so
 * again, and need not be looked for. False: begin() has more to think of.
 */
static inline bool
resume(struct fq *q, const struct fq_item *item, const struct place *at)
{
	struct fq_flow *f = &q->flows[at->fi];
	uint32_t ti = f->tin;
	struct fq_tin *t = &q->tins[ti];

	if (unlikely((f->tag | FQ_TAG_BUSY) != at->tag || t->key != item->tin_key ||
		    t->state != FQ_TIN_RING || q->rest[ti].spill || fq_flow_is_one_too_many(q, t)))
		return false;
	f->tag = at->tag;
	fq_flow_busy(q, at->fi);
	fq_flow_join(q, t, at->fi);
	fq_tin_boost(q, ti);
	return true;
}

/* near: the queue may get over its limits by this burst. */
static __rte_always_inline void
enqueue_one(
	struct fq *q, const struct fq_item *item, const struct place *at, uint32_t now, bool near)
{
	struct fq_flow *f = &q->flows[at->fi];
	struct fq_tin *t;

	if (unlikely(f->tag != at->tag) && !resume(q, item, at)) {
		uint32_t fi = begin(q, item, at);

		if (unlikely(fi == FQ_NIL)) {
			drop_no_tin(q, item->m);
			return;
		}
		f = &q->flows[fi];
	}
	t = &q->tins[f->tin];
	configure(q, t, item->conf);
	fq_flow_append(q, t, f, item->m, now);
	if (unlikely(t->bytes >= t->excess_at))
		fq_excess_update(q, f->tin);
	while (unlikely(t->packets > fq_tin_limit(q, t)))
		fq_tin_trim(q, f->tin);
	if (unlikely(near) && is_over(q, 0, 0))
		fq_overload(q);
}

static __rte_noinline void
find_marked(const struct fq *q, struct place *at, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		rte_prefetch0(&q->marks[fq_mix_set(q, fq_flow_mix(at[i].tag))]);
	for (unsigned int i = 0; i < n; i++) {
		at[i].fi = fq_flow_guess(q, fq_flow_mix(at[i].tag));
		rte_prefetch0(&q->flows[at[i].fi]);
	}
}

static inline void
fetch(const struct fq *q, const struct fq_item *items, struct place *at, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		const struct fq_flow *f = &q->flows[at[i].fi];

		if (unlikely((f->tag | FQ_TAG_BUSY) != at[i].tag)) {
			at[i].fi = fq_flow_guess(q, fq_flow_mix(at[i].tag));
			f = &q->flows[at[i].fi];
		}
		rte_prefetch0(items[i].conf);
		rte_prefetch0(&q->nodes[f->tail]);
		rte_prefetch0(&q->tins[f->tin]);
		rte_prefetch0(RTE_PTR_ADD(&q->tins[f->tin], RTE_CACHE_LINE_SIZE));
	}
}

/* Looks up the flows of a batch step by step, each asking for what the next one reads. */
static inline void
find_places(const struct fq *q, const struct fq_item *items, struct place *at, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		at[i].tag = fq_flow_tag(items[i].tin_key, fq_pkt(q, items[i].m)->hash);
		at[i].fi = fq_flow_home(q, fq_flow_mix(at[i].tag));
		rte_prefetch0(&q->flows[at[i].fi]);
	}
	if (unlikely(fq_flows_crowded(q)))
		find_marked(q, at, n);
	if (fq_is_large(q))
		fetch(q, items, at, n);
}

/* All are of one flow. */
static __rte_noinline void
fifo_enqueue(struct fq *q, const struct fq_item *items, unsigned int n, uint32_t now)
{
	struct place at = {.tag = fq_flow_tag(FQ_FIFO_KEY, 0)};

	at.fi = fq_flow_home(q, fq_flow_mix(at.tag));
	for (unsigned int i = 0; i < n; i++) {
		struct fq_item item = {items[i].m, &fq_tin_plain, FQ_FIFO_KEY};

		if (q->packets >= q->fifo) {
			FQ_ADD(q->c.drops[FQ_DROP_FIFO], 1);
			q->drop(q->ctx, item.m, FQ_DROP_FIFO);
			continue;
		}
		enqueue_one(q, &item, &at, now, true);
	}
}

void
fq_enqueue_burst(struct fq *q, const struct fq_item *items, unsigned int n, uint64_t now)
{
	uint32_t now32 = fq_now32(now);
	struct place at[FQ_BATCH];

	q->clock = fq_fine(now);
	if (unlikely(!q->packets))
		fq_shaper_idle(&q->shaper, q->clock);
	FQ_ADD(q->c.enqueued, n);
	if (unlikely(q->fifo)) {
		fifo_enqueue(q, items, n, now32);
		return;
	}
	while (n) {
		unsigned int batch = RTE_MIN(n, FQ_BATCH);
		bool near = is_over(q, batch, batch * UINT64_C(65535));

		find_places(q, items, at, batch);
		for (unsigned int i = 0; i < batch; i++)
			enqueue_one(q, &items[i], &at[i], now32, near);
		items += batch;
		n -= batch;
	}
}

void
fq_enqueue(struct fq *q, struct rte_mbuf *m, uint32_t tin_key, const struct fq_tin_conf *conf,
	uint64_t now)
{
	struct fq_item item = {m, conf, tin_key};

	fq_enqueue_burst(q, &item, 1, now);
}
