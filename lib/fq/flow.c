/* SPDX-License-Identifier: BSD-3-Clause */
/* How flows begin and end. */
#include "flow.h"

#include "tin.h"

static uint16_t
spill_bit(uint32_t hash)
{
	return (uint16_t)(1u << (hash & 15));
}

/* A flow that has packets in the default flow stays there until they left, to keep its order. */
static bool
is_spilled(struct fq *q, uint32_t ti, uint32_t hash)
{
	struct fq_tin_rest *r = &q->rest[ti];

	if (likely(!r->spill))
		return false;
	if (!q->flows[fq_default_flow(q, ti)].packets)
		r->spill = 0;
	return r->spill & spill_bit(hash);
}

static uint32_t
collide(struct fq *q, uint32_t ti, uint32_t hash)
{
	q->rest[ti].spill |= spill_bit(hash);
	FQ_ADD(q->rest[ti].collisions, 1);
	FQ_ADD(q->c.collisions, 1);
	return fq_default_flow(q, ti);
}

/* An idle flow may be what this one was before. */
static void
claim(struct fq *q, uint32_t ti, uint32_t fi, uint64_t tag)
{
	struct fq_flow *f = &q->flows[fi];

	if (unlikely(f->tin != ti || (f->tag | FQ_TAG_BUSY) != tag)) {
		f->codel = (struct fq_codel){0};
		f->blue = 0;
		f->watched = false;
		f->until = q->tins[ti].turns;
		f->tin = (uint16_t)ti;
		q->marks[fi] = fq_flow_mark(fq_flow_mix(tag));
	}
	f->tag = tag;
	fq_flow_busy(q, fi);
}

/* An idle one has room: any of the set. */
uint32_t
fq_flow_find(const struct fq *q, uint64_t tag)
{
	uint32_t mix = fq_flow_mix(tag), set = fq_mix_set(q, mix);
	uint32_t marked = fq_ways_marked(&q->marks[set], fq_flow_mark(mix));
	uint32_t home = fq_flow_home(q, mix);
	uint32_t way;

	for (; marked; marked &= ~(3u << 2 * way)) {
		way = fq_way_first(marked);
		if ((q->flows[set + way].tag | FQ_TAG_BUSY) == tag)
			return set + way;
	}
	if (!fq_flows_crowded(q) && !fq_flow_is_busy(q, home))
		return home;
	way = fq_way_idle(q, set);
	return way < FQ_WAYS ? set + way : FQ_NIL;
}

uint32_t
fq_flow_begin(struct fq *q, uint32_t ti, uint32_t fi, uint64_t tag)
{
	uint32_t hash = (uint32_t)(tag >> 32);
	struct fq_tin *t = &q->tins[ti];

	if (unlikely(fi == FQ_NIL || is_spilled(q, ti, hash) || fq_flow_is_one_too_many(q, t))) {
		fi = collide(q, ti, hash);
		if (q->flows[fi].list != FQ_LIST_NONE)
			return fi;
	} else {
		claim(q, ti, fi, tag);
	}
	fq_flow_join(q, t, fi);
	if (likely(t->state == FQ_TIN_RING))
		fq_tin_boost(q, ti);
	else if (t->state == FQ_TIN_IDLE)
		fq_tin_activate(q, ti);
	return fi;
}

/*
 * RFC 8290 sends an emptied new flow through the old list, lest it come back as new at once with a
 * fresh quantum and starve the others. Here it keeps what is left of its quantum for as long as
 * that would take, one turn of each flow now on the old list, counted from when it was given
 * (fq_flow_join): a sparse flow stays sparse however long the round is and however often it comes
 * back, and none gets more than a quantum per round.
 */
void
fq_flow_release(struct fq *q, uint32_t fi)
{
	struct fq_flow *f = &q->flows[fi];
	const struct fq_tin *t = &q->tins[f->tin];

	if (f->list == FQ_LIST_OLD)
		f->until = t->turns + t->old.n;
	fq_codel_empty(&f->codel, fq_clock32(q));
	f->watched = f->blue;
	f->list = FQ_LIST_NONE;
	if (fi < q->n_flows) {
		f->tag &= ~FQ_TAG_BUSY;
		fq_flow_idle(q, fi);
	}
}
