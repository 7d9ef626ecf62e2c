/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queue in front of the link: lib/fq as FQ-CoDel, or to compare with it in FIFO mode. Packets
 * are mbufs without data; what there is to know of one lies in its private area.
 */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include "fq.h"

#include <rte_mbuf.h>

#define SIM_POOL_PACKETS 16383u /* more than any queue's limit */

struct sim_source;

enum sim_mode { SIM_FIFO, SIM_FQ_CODEL, SIM_MODES };

struct sim_packet {
	struct fq_pkt fq;
	struct sim_source *source;
	uint64_t seq;
	uint64_t queued; /* ns */
	bool ect, ce;
};

struct sim_queue {
	enum sim_mode mode;
	struct fq *fq;
	uint64_t drops, marks;
};

/* 0 or -errno. sim_queue_close drops what is queued, uncounted. */
int sim_queue_open(struct sim_queue *q, enum sim_mode mode);
void sim_queue_close(struct sim_queue *q);

/* Takes the packet. */
void sim_queue_put(struct sim_queue *q, struct rte_mbuf *m, uint64_t now);

/* NULL: empty. */
struct rte_mbuf *sim_queue_get(struct sim_queue *q, uint64_t now);

const char *sim_mode_name(enum sim_mode mode);

static inline struct sim_packet *
sim_packet(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}

#endif
