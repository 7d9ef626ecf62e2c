/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The RX stage: takes bursts from its port queues, says of each packet what it is and where it
 * goes, and deals them out: data messages by receiver index and everything else by flow hash to the
 * crypto stages, handshakes by source to the handshake stages, local traffic to the control thread.
 */
#ifndef TG_STAGE_RX_H
#define TG_STAGE_RX_H

#include "env.h"
#include "recent.h"
#include "refuse.h"
#include "ring.h"

#define TG_RX_QUEUES_MAX 64
/* Packets after which a poll ends, even if there are more: half of what a ring behind it holds. */
#define TG_RX_POLL_MAX 512

struct tg_rx_queue {
	uint16_t port; /* index into env->ports */
	uint16_t queue;
};

struct tg_rx {
	const struct tg_env *env;
	uint64_t now; /* of this poll */
	struct tg_outbox crypto[TG_STAGES_MAX];
	struct tg_outbox handshake[TG_STAGES_MAX];
	struct tg_outbox local;
	struct tg_recent_way recent;
	struct tg_refuse_limit refused;
	struct tg_counters counters;
	uint64_t linearized; /* packets that came in several buffers and were copied into one */
	uint16_t n_queues;
	uint16_t next; /* queue to be polled */
	struct tg_rx_queue queues[TG_RX_QUEUES_MAX];
};

/* Empties the queues, or ends at TG_RX_POLL_MAX packets; returns how many. */
unsigned int stage_rx_poll(struct tg_rx *rx, uint64_t now);

#endif
