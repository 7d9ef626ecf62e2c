/* SPDX-License-Identifier: BSD-3-Clause */
#include "shaper.h"

#include "tin.h"

/* What follows from the rate and the MTU. */
static void
derive(struct fq *q)
{
	struct fq_shaper *s = &q->shaper;
	uint64_t rate = s->rate;

	q->codel = rate ? fq_codel_at(&q->codel_base, rate) : q->codel_base;
	q->police_at = q->police ? RTE_MIN(q->codel.target, q->ce_threshold) : UINT32_MAX;
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

void
fq_rate_set(struct fq *q, uint64_t rate)
{
	fq_shaper_set(q, rate);
}

uint64_t
fq_rate(const struct fq *q)
{
	return FQ_GET(q->shaper.rate);
}

static uint64_t
wheel_next_ns(const struct fq *q, uint64_t now)
{
	int32_t wait = (int32_t)(q->wheel.next - fq_now32(now));

	return wait <= 0 ? now : ((now >> FQ_TIME_SHIFT) + (uint32_t)wait) << FQ_TIME_SHIFT;
}

uint64_t
fq_next(const struct fq *q, uint64_t now)
{
	int64_t ahead = (int64_t)(q->shaper.ready - fq_fine(now));
	uint64_t at = now;

	if (!q->packets)
		return UINT64_MAX;
	if (fq_ring_empty(&q->ring)) {
		if (!q->wheel.n)
			return UINT64_MAX;
		at = wheel_next_ns(q, now);
	}
	if (q->shaper.rate && ahead > 0 && ahead <= (int64_t)q->shaper.ahead)
		at = RTE_MAX(at, now + (((uint64_t)ahead + 255) >> FQ_FINE_SHIFT));
	return at;
}
