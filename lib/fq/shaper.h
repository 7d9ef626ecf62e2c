/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rates in virtual time, without a bucket that fills: each packet moves the time at which the next
 * may leave by its own time on the wire. That time is not behind the clock by more than polling
 * late may make good, and not further ahead than one packet, else the clock was set back or the
 * rate raised.
 */
#ifndef FQ_SHAPER_H
#define FQ_SHAPER_H

#include "fq_private.h"

#define FQ_FINE_SHIFT 8
#define FQ_FINE_SECOND (UINT64_C(1000000000) << FQ_FINE_SHIFT)
#define FQ_LATE_FINE (FQ_LATE_NS << FQ_FINE_SHIFT)
#define FQ_WIRE_MAX (1u << 17)

static inline uint64_t
fq_fine(uint64_t ns)
{
	return ns << FQ_FINE_SHIFT;
}

/* The same as fq_now32 of the present call. */
static inline uint32_t
fq_clock32(const struct fq *q)
{
	return (uint32_t)(q->clock >> (FQ_FINE_SHIFT + FQ_TIME_SHIFT));
}

/* Rounded up. */
static inline uint64_t
fq_time_of(uint64_t rate, uint32_t len)
{
	return (len * FQ_FINE_SECOND + rate - 1) / rate;
}

static inline uint64_t
fq_shaper_time_of(const struct fq_shaper *s, uint32_t len)
{
	return (len * s->per_byte + UINT16_MAX) >> 16;
}

static inline bool
fq_is_after(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) > 0;
}

/* At the beginning of a call. */
static inline void
fq_shaper_bound(struct fq_shaper *s, uint64_t clock)
{
	int64_t ahead = (int64_t)(s->ready - clock);

	if (ahead > (int64_t)s->ahead)
		s->ready = clock;
	else if (ahead < -(int64_t)s->late)
		s->ready = clock - s->late;
}

/* A queue that has nothing to send has no time to make good. */
static inline void
fq_shaper_idle(struct fq_shaper *s, uint64_t clock)
{
	if (fq_is_after(clock, s->ready))
		s->ready = clock;
}

void fq_shaper_set(struct fq *q, uint64_t rate);

/* CoDel's parameters at a rate: at least 1.5 MTU times (RFC 8289 section 4.4, RFC 8290 5.2.1). */
static inline struct fq_codel_params
fq_codel_at(const struct fq_codel_params *p, uint64_t rate)
{
	uint64_t ns = p->mtu * UINT64_C(1500000000) / rate;
	uint32_t floor = (uint32_t)(ns >> FQ_TIME_SHIFT);
	uint32_t by = floor > p->target ? floor - p->target : 0;

	return (struct fq_codel_params){p->target + by, p->interval + by, p->mtu};
}

/* A tin's own rate. */
static inline void
fq_tin_charge(const struct fq *q, uint32_t ti, uint32_t len)
{
	struct fq_tin_rest *r = &q->rest[ti];
	uint64_t rate = q->tins[ti].rate;

	if (fq_is_after(q->clock, r->ready + FQ_LATE_FINE)) {
		uint64_t mtu = fq_time_of(rate, q->codel.mtu);
		uint64_t least = q->clock - RTE_MAX(mtu, FQ_LATE_FINE);

		r->ready = fq_is_after(least, r->ready) ? least : r->ready;
	}
	r->ready += fq_time_of(rate, len);
}

static inline bool
fq_tin_over_rate(const struct fq *q, uint32_t ti)
{
	struct fq_tin_rest *r = &q->rest[ti];

	if (!fq_is_after(r->ready, q->clock))
		return false;
	if (r->ready - q->clock <= fq_time_of(q->tins[ti].rate, FQ_WIRE_MAX))
		return true;
	r->ready = q->clock;
	return false;
}

/* wheel.c: the tin is off the ring. */
void fq_wheel_insert(struct fq *q, uint32_t ti);
void fq_wheel_remove(struct fq *q, uint32_t ti);
/* Lets go the tins whose time has come. */
void fq_wheel_turn(struct fq *q);

#endif
