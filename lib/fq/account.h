/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What packets that leave add to the statistics. Ages are delays in units of 1024 ns. What readers
 * of the queue get is added once a call, what those of a tin get with each packet.
 */
#ifndef FQ_ACCOUNT_H
#define FQ_ACCOUNT_H

#include "tin.h"

/* Fading by 1/256 for each of n packets. */
static inline uint32_t
fq_peak(uint32_t peak, uint32_t n, uint32_t age)
{
	uint32_t faded = peak - n * (peak >> 8);

	return RTE_MAX(age, faded);
}

/* The histograms, and the statistics of the tin. */
static inline void
fq_account(struct fq *q, struct fq_tin *t, uint32_t age, uint32_t len)
{
	uint32_t bits = 31 ^ (uint32_t)__builtin_clz(2 * age + 1);

	FQ_ADD(q->histogram[bits], 1);
	FQ_ADD(t->histogram[fq_tin_bucket(bits)], 1);
	FQ_ADD(t->sojourn.avg, age - (t->sojourn.avg >> 5));
	FQ_SET(t->sojourn.peak, fq_peak(t->sojourn.peak, 1, age));
	FQ_ADD(t->sent_packets, 1);
	FQ_ADD(t->sent_bytes, len);
}

/* Of the packets of a call. */
struct fq_sum {
	uint64_t ages, bytes;
	uint32_t oldest;
};

static inline void
fq_sum_add(struct fq_sum *sum, uint32_t age, uint32_t len)
{
	sum->ages += age;
	sum->bytes += len;
	sum->oldest = RTE_MAX(sum->oldest, age);
}

static inline void
fq_account_sum(struct fq *q, unsigned int n, const struct fq_sum *sum)
{
	FQ_ADD(q->c.packets, n);
	FQ_ADD(q->c.bytes, sum->bytes);
	FQ_ADD(q->sojourn_total, sum->ages);
	FQ_SET(q->sojourn_peak, fq_peak(q->sojourn_peak, RTE_MIN(n, 256u), sum->oldest));
}

#endif
