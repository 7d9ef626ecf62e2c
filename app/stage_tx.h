/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TX stage: the queue right before the wire. It owns its tins (env.h), one FQ-CoDel instance
 * for each port and one for plaintext that waits for a session.
 *
 *   staging.c   closed tins: packets of peers without a session, back to crypto when there is one
 *   transmit.c  port queues: enqueue by tin and inner flow, past an empty one, dequeue
 *   depart.c    what has left them: outer header, port
 *   plain.c     the same with the queue before the cipher
 *   hint.c      what crypto need not seal
 */
#ifndef TG_STAGE_TX_H
#define TG_STAGE_TX_H

#include <stdatomic.h>

#include "env.h"
#include "event.h"
#include "hint.h"
#include "path.h"
#include "refuse.h"
#include "ring.h"
#include "run.h"
#include "stage_crypto.h"

/* What has left the queue and has its header; the port takes it before anything else leaves. */
struct tg_wire {
	struct fq *queue;
	struct fq *fifo; /* NULL, or behind the queue and the cipher, see plain.h */
	struct fq *last; /* of the two, right before the port */
	uint16_t mtu; /* that the queue knows of */
	uint16_t first;
	uint16_t n;
	bool refused; /* the port has been offered these, and took no more */
	struct rte_mbuf *pkts[TG_BURST];
};

struct tg_tx {
	const struct tg_env *env;
	uint16_t index; /* among the TX stages, and the queue of each port that it uses */
	uint16_t ipv4_id;
	uint64_t now;

	struct rte_ring *from_crypto[TG_STAGES_MAX];
	struct rte_ring *from_control;
	struct rte_ring *commands;
	struct tg_outbox local;
	struct rte_ring *events;

	struct fq *staging;
	bool giving_up; /* what is purged from it is refused, but what came after: that is kept */
	uint32_t gave_up_at;
	unsigned int n_kept;
	struct rte_mbuf **kept; /* room for all that a closed tin holds */
	struct rte_ring *to_crypto[TG_STAGES_MAX];
	struct rte_ring *to_cipher[TG_STAGES_MAX]; /* of plain.c; NULL when sealing at enqueue */
	const _Atomic uint16_t *bursts[TG_STAGES_MAX]; /* that the crypto stages take */
	struct tg_lane
		*lanes[TG_STAGES_MAX]; /* of the crypto stages: waiting is counted here too */

	struct tg_wire wires[TG_PORTS_MAX];

	struct tg_refuse_limit refused;
	struct tg_hinter hinter;

	uint64_t port_full; /* times that a port took less than it was offered */
	struct tg_counters counters;
};

/* Empties the rings of packets, and moves one burst to each port; returns how many packets. */
unsigned int stage_tx_poll(struct tg_tx *tx, uint64_t now);

/* staging.c */
void tg_staging_add(struct tg_tx *tx, struct rte_mbuf *m);
void tg_staging_command(struct tg_tx *tx, const struct tg_command *command);
unsigned int tg_staging_release(struct tg_tx *tx);
/* The staging queue's drop callback; ctx is the struct tg_tx. */
void tg_staging_dropped(void *ctx, struct rte_mbuf *m, enum fq_drop why);

/* transmit.c */
/* Messages and frames of a burst on their way to the ports: runs in a row for one queue. */
struct tg_arrivals {
	struct tg_tx *tx;
	struct rte_mbuf **pkts; /* of the burst */
	const struct tg_runs *runs; /* the same */
	struct fq *queue;
	uint16_t port;
	bool limited; /* by rates of their own */
	unsigned int run; /* the first */
	unsigned int first; /* packet */
	unsigned int n; /* packets */
};
void tg_transmit_begin(struct tg_tx *tx, struct tg_arrivals *a, struct rte_mbuf **pkts,
	const struct tg_runs *runs);
/* In order; runs may be left out. */
void tg_transmit_run(struct tg_arrivals *a, unsigned int run);
void tg_transmit_end(struct tg_arrivals *a);
unsigned int tg_transmit(struct tg_tx *tx, uint16_t port);
/* A message for peer (NULL: gone) has left a queue, but its path leads over another port by now. */
void tg_transmit_again(struct tg_tx *tx, struct rte_mbuf *m, const struct wg_peer *peer);
/* Drops what the port queues hold for the peer, so that it takes no time on the wire. */
void tg_transmit_purge(struct tg_tx *tx, uint32_t peer);
/* What a peer wants of its tin, written to conf; tins that belong to no peer are plain. */
const struct fq_tin_conf *tg_transmit_conf(const struct wg_peer *peer, struct fq_tin_conf *conf);
/* The port queues' callbacks; ctx is the struct tg_tx. */
void tg_transmit_dropped(void *ctx, struct rte_mbuf *m, enum fq_drop why);
bool tg_transmit_mark(void *ctx, struct rte_mbuf *m, enum fq_mark why);

/* depart.c */
/*
 * What has left the last queue of a port, or passes it, gets its header; then it is the port's to
 * take. There is room for it in the wire's pkts.
 */
void tg_depart(struct tg_tx *tx, uint16_t port, struct rte_mbuf **pkts, unsigned int n);
/*
 * The same for n packets of runs that go by this port, from one run on. How many are on their way:
 * the last of the wire's.
 */
unsigned int tg_depart_runs(struct tg_tx *tx, uint16_t port, struct rte_mbuf **pkts,
	const struct tg_runs *r, unsigned int run, unsigned int n);
/* Returns how many the port took. */
unsigned int tg_depart_offer(struct tg_tx *tx, uint16_t port);

#endif
