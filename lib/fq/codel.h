/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CoDel, RFC 8289 sections 4 and 5, as a machine that judges one packet at a time.
 *
 * The caller shows it each packet that leaves a flow. True means: signal congestion with this
 * packet. If it could be marked it goes out (so there is at most one mark per dequeue, and entering
 * by a mark takes no second packet); else it is dropped and the flow's next packet is judged at the
 * same time.
 *
 * Time is 32 bits of 1024 ns, compared so that it may wrap.
 */
#ifndef FQ_CODEL_H
#define FQ_CODEL_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

struct fq_codel_params {
	uint32_t target;
	uint32_t interval;
	uint32_t mtu; /* bytes; no signal while no more than this stays behind in the flow */
};

struct fq_codel {
	uint32_t count; /* signals since dropping began, kept over idle times */
	uint32_t lastcount; /* count when dropping last began */
	uint32_t first_above; /* when the delay will have been above target for an interval; while
				 the flow is empty, since when it is */
	uint32_t drop_next;
	bool above; /* first_above is set */
	bool dropping;
} __attribute__((packed, aligned(2)));

static inline bool
fq_codel_reached(uint32_t now, uint32_t t)
{
	return (int32_t)(now - t) >= 0;
}

static inline uint32_t
fq_codel_control_law(const struct fq_codel_params *p, uint32_t t, uint32_t count)
{
	return t + (uint32_t)((float)p->interval / sqrtf((float)count));
}

static inline bool
fq_codel_ok_to_drop(struct fq_codel *c, const struct fq_codel_params *p, uint32_t sojourn,
	uint32_t backlog, uint32_t now)
{
	if (sojourn < p->target || backlog <= p->mtu) {
		c->above = false;
		return false;
	}
	if (!c->above) {
		c->above = true;
		c->first_above = now + p->interval;
		return false;
	}
	return fq_codel_reached(now, c->first_above);
}

/* Coming back soon after dropping ended continues near the rate that had worked. */
static inline void
fq_codel_enter(struct fq_codel *c, const struct fq_codel_params *p, uint32_t now)
{
	uint32_t delta = c->count - c->lastcount;
	bool recent = (int64_t)(int32_t)(now - c->drop_next) < 16 * (int64_t)p->interval;

	c->dropping = true;
	c->count = delta > 1 && recent ? delta : 1;
	c->lastcount = c->count;
	c->drop_next = fq_codel_control_law(p, now, c->count);
}

/* backlog: bytes left in the flow without this packet. */
static inline bool
fq_codel_judge(struct fq_codel *c, const struct fq_codel_params *p, uint32_t sojourn,
	uint32_t backlog, uint32_t now)
{
	if (!fq_codel_ok_to_drop(c, p, sojourn, backlog, now)) {
		c->dropping = false;
		return false;
	}
	if (!c->dropping) {
		fq_codel_enter(c, p, now);
		return true;
	}
	if (!fq_codel_reached(now, c->drop_next))
		return false;
	c->count++;
	c->drop_next = fq_codel_control_law(p, c->drop_next, c->count);
	return true;
}

static inline void
fq_codel_empty(struct fq_codel *c, uint32_t now)
{
	c->first_above = now;
	c->above = false;
	c->dropping = false;
}

#endif
