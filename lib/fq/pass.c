/* SPDX-License-Identifier: BSD-3-Clause */
/* Past the queue, while nothing is in it. */
#include "account.h"
#include "shaper.h"

/* A share is divided by the tins on the ring: now and then packets have to put theirs there. */
static bool
must_show(struct fq *q, uint64_t now)
{
	if (!fq_share_due(q, now))
		return false;
	if (fq_share_is_divided(q))
		return true;
	fq_share_sync(q, now);
	return false;
}

/* Nothing has been saved up: when the first has left it is not time for another. */
static unsigned int
shape(struct fq *q)
{
	fq_shaper_bound(&q->shaper, q->clock);
	fq_shaper_idle(&q->shaper, q->clock);
	return !fq_is_after(q->shaper.ready, q->clock);
}

unsigned int
fq_pass_begin(struct fq *q, unsigned int n, uint64_t now)
{
	unsigned int may = n;

	if (q->packets || q->start_closed)
		return 0;
	q->clock = fq_fine(now);
	if (must_show(q, now))
		return 0;
	if (q->shaper.rate)
		may = RTE_MIN(n, shape(q));
	q->member.idled |= may == n;
	return may;
}

/* As if each had been queued and had left at once. */
void
fq_pass_end(struct fq *q, struct rte_mbuf *const *pkts, unsigned int n)
{
	struct fq_sum sum = {0};

	for (unsigned int i = 0; i < n; i++)
		fq_sum_add(&sum, 0, fq_wire_len(q, pkts[i]));
	if (q->shaper.rate)
		q->shaper.ready += fq_shaper_time_of(&q->shaper, (uint32_t)sum.bytes);
	FQ_ADD(q->c.enqueued, n);
	FQ_ADD(q->histogram[0], n);
	fq_account_sum(q, n, &sum);
}
