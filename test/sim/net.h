/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One scenario with one queue: sources, queue, and the link that takes a packet whenever it is
 * idle. Everything happens in virtual time, and the same each time.
 */
#ifndef SIM_NET_H
#define SIM_NET_H

#include "event.h"
#include "queue.h"
#include "result.h"
#include "source.h"

struct sim_net {
	struct sim_events ev;
	struct sim_queue q;
	uint64_t rate; /* bit/s */
	struct rte_mbuf *on_wire; /* being sent */
	struct rte_mempool *pool;
	struct sim_result *res;
};

/* Fills res, which the caller frees. 0 or -errno; -EPROTO when packets got lost on the way. */
int sim_run(const struct sim_scenario *s, enum sim_mode mode, struct rte_mempool *pool,
	struct sim_result *res);

/* A packet from a source into the queue. */
void sim_send(struct sim_source *s, uint64_t seq, uint32_t bytes);

#endif
