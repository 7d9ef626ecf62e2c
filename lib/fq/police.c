/* SPDX-License-Identifier: BSD-3-Clause */
/* CoDel and BLUE, for packets that waited long or whose flow is being policed. */
#include "flow.h"

/* More drops than this in a row would hold up the other flows. */
#define DROPS_MAX 32u

static bool
mark(struct fq *q, uint32_t ti, struct rte_mbuf *m, enum fq_mark why)
{
	if (!q->mark || !q->mark(q->ctx, m, why))
		return false;
	FQ_ADD(q->rest[ti].marks, 1);
	FQ_ADD(q->c.marks, 1);
	return true;
}

static bool
drop(struct fq *q, uint32_t ti, struct rte_mbuf *m, enum fq_drop why)
{
	q->dropped++;
	FQ_ADD(q->rest[ti].drops[why], 1);
	FQ_ADD(q->c.drops[why], 1);
	q->drop(q->ctx, m, why);
	return false;
}

/* Marsaglia, Xorshift RNGs, 2003. */
static bool
blue_hits(struct fq *q, const struct fq_flow *f)
{
	q->random ^= q->random << 13;
	q->random ^= q->random >> 17;
	q->random ^= q->random << 5;
	return q->random % FQ_BLUE_ONE < f->blue;
}

static bool
judge(struct fq *q, struct fq_flow *f, uint32_t age)
{
	uint64_t rate = q->tins[f->tin].rate;
	struct fq_codel_params p = q->codel;

	if (unlikely(rate))
		p = fq_codel_at(&p, rate);
	return fq_codel_judge(&f->codel, &p, age, f->bytes, fq_clock32(q));
}

static bool
is_let_go(struct fq *q, struct fq_flow *f, struct rte_mbuf *m, uint32_t age)
{
	bool signal = judge(q, f, age);

	if (unlikely(signal) && !mark(q, f->tin, m, FQ_MARK_CODEL))
		return drop(q, f->tin, m, FQ_DROP_CODEL);
	if (unlikely(f->blue) && blue_hits(q, f))
		return drop(q, f->tin, m, FQ_DROP_BLUE);
	if (unlikely(age > q->ce_threshold) && !signal)
		mark(q, f->tin, m, FQ_MARK_CE_THRESHOLD);
	q->dropped = 0;
	return true;
}

bool
fq_police(struct fq *q, struct fq_flow *f, struct rte_mbuf *m, uint32_t age)
{
	bool go;

	if (!q->police || q->dropped >= DROPS_MAX) {
		q->dropped = 0;
		return true;
	}
	go = is_let_go(q, f, m, age);
	f->watched = f->codel.above || f->blue;
	return go;
}
