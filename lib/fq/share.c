/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One rate for several instances. Members tell each other, one cache line each, whether their
 * shaper held packets back all the time; if so, the weight of their tins, else what they use. Each
 * computes its own part from that: what the modest ones use is theirs, the rest is divided by
 * weight. Nobody waits for anybody, and a member alone has all of the rate.
 *
 * A tin that waits for a rate of its own, so below its share, is not of that weight: were it, its
 * member would get a share that it cannot use, and give that to its other tins.
 */
#include "shaper.h"

#include <rte_malloc.h>

#define STALE_NS (5 * FQ_SHARE_NS)
#define FLOOR_SHIFT 4 /* 1/16 of the rate is always divided, whatever members say they use */

struct member {
	uint64_t at; /* ns, when this was written; 0: never */
	uint64_t used; /* bytes per s */
	uint32_t weight; /* 0: it had nothing to send for a while */
} __rte_cache_aligned;

struct fq_share {
	uint64_t rate;
	unsigned int n;
	struct member members[];
};

struct fq_share *
fq_share_create(unsigned int members, uint64_t rate, int socket)
{
	struct fq_share *s = rte_zmalloc_socket("fq_share",
		sizeof(*s) + members * sizeof(s->members[0]), RTE_CACHE_LINE_SIZE, socket);

	if (s) {
		s->n = members;
		s->rate = rate;
	}
	return s;
}

void
fq_share_destroy(struct fq_share *s)
{
	rte_free(s);
}

void
fq_share_join(struct fq_share *s, unsigned int member, struct fq *q)
{
	q->member = (struct fq_member){.share = s, .index = member};
	fq_shaper_set(q, FQ_GET(s->rate));
}

void
fq_share_rate_set(struct fq_share *s, uint64_t rate)
{
	FQ_SET(s->rate, rate);
}

static void
publish(struct fq *q, uint64_t now)
{
	struct fq_member *own = &q->member;
	struct member *m = &own->share->members[own->index];
	uint64_t gone = now - own->last;
	uint64_t used = (q->c.bytes - own->bytes) * UINT64_C(1000000000) / RTE_MAX(gone, 1u);

	if (own->last && gone < STALE_NS)
		own->used = own->used - (own->used + 7) / 8 + used / 8;
	FQ_SET(m->used, own->used);
	FQ_SET(m->weight, own->held && !own->idled ? RTE_MAX(q->weight_sum, 1u) : 0);
	FQ_SET(m->at, now);
	own->last = now;
	own->bytes = q->c.bytes;
	own->held = own->idled = false;
}

static uint64_t
part(const struct fq *q, uint64_t rate, uint64_t now)
{
	const struct fq_share *s = q->member.share;
	uint32_t weight = RTE_MAX(q->weight_sum, 1u);
	uint64_t weights = weight, modest = 0;

	for (unsigned int i = 0; i < s->n; i++) {
		const struct member *m = &s->members[i];
		uint64_t at = FQ_GET(m->at);

		if (i == q->member.index || !at || now - at + STALE_NS > 2 * STALE_NS)
			continue;
		weights += FQ_GET(m->weight);
		modest += FQ_GET(m->weight) ? 0 : FQ_GET(m->used);
	}
	modest = RTE_MIN(modest, rate - (rate >> FLOOR_SHIFT));
	return (uint64_t)((double)(rate - modest) * weight / (double)weights);
}

void
fq_share_sync(struct fq *q, uint64_t now)
{
	uint64_t rate;

	if (!fq_share_due(q, now))
		return;
	publish(q, now);
	rate = FQ_GET(q->member.share->rate);
	fq_shaper_set(q, rate ? RTE_MAX(part(q, rate, now), FQ_RATE_MIN) : 0);
}

bool
fq_share_is_divided(const struct fq *q)
{
	const struct fq_share *s = q->member.share;

	return s->n > 1 && FQ_GET(s->rate);
}
