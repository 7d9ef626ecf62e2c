/* SPDX-License-Identifier: BSD-3-Clause */
#include "shaper.h"

/* What follows from the rate and the MTU. */
static void
derive(struct fq *q)
{
	struct fq_shaper *s = &q->shaper;
	uint64_t rate = s->rate;

	q->codel = rate ? fq_codel_at(&q->codel_base, rate) : q->codel_base;
	q->police_at = q->police ? RTE_MIN(q->codel.target, q->ce_threshold) : INT32_MAX;
	if (!rate)
		return;
	s->per_byte = ((UINT64_C(1000000000) << 24) + rate - 1) / rate;
	s->late = RTE_MAX(fq_shaper_time_of(s, q->codel.mtu), FQ_LATE_FINE);
	s->ahead = fq_shaper_time_of(s, FQ_WIRE_MAX);
}

void
fq_shaper_set(struct fq *q, uint64_t rate)
{
	if (rate)
		rate = RTE_MAX(rate, FQ_RATE_MIN);
	if (rate == q->shaper.rate && q->codel.interval)
		return;
	FQ_SET(q->shaper.rate, rate);
	derive(q);
}

void
fq_mtu_set(struct fq *q, uint32_t mtu)
{
	q->codel_base.mtu = fq_on_wire(q, mtu);
	derive(q);
}

uint64_t
fq_rate(const struct fq *q)
{
	return FQ_GET(q->shaper.rate);
}
