/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The pipeline: all instances of the stages, the rings between them, and the lcores that run them.
 *
 *   port -> RX -> crypto -> TX -> port      rings: (rx, crypto), (crypto, tx), (tx, crypto)
 *            \       \       \
 *             control thread                rings to it: local, events, jobs from handshake
 *                                           rings from it: to crypto, to TX, commands, jobs
 *   RX -> handshake <-> control
 *
 * Every ring has one producer and one consumer. The control thread creates, starts, stops and
 * destroys the pipeline, and owns the control ends of the rings.
 */
#ifndef TG_PIPELINE_H
#define TG_PIPELINE_H

#include "error.h"
#include "lcores.h"
#include "queue_options.h"
#include "rcu.h"
#include "stage_crypto.h"
#include "stage_handshake.h"
#include "stage_rx.h"
#include "stage_tx.h"
#include "worker.h"

struct tg_pipeline_params {
	const struct tg_lcores *map;
	enum aead_backend cipher;
	bool adaptive;
	uint32_t max_peers;
	uint32_t mbufs;
	const struct tg_queue_options *queue;
	uint32_t crypto_delay; /* cycles per packet; 0 but for experiments */
	struct rcu *rcu;
};

struct tg_pipeline {
	struct tg_env env;

	struct tg_rx *rx[TG_STAGES_MAX];
	struct tg_crypto *crypto[TG_STAGES_MAX];
	struct tg_tx *tx[TG_STAGES_MAX];
	struct tg_handshake *handshake[TG_STAGES_MAX];
	struct tg_handshake *own_handshake; /* the one that the control thread polls, or NULL */
	struct rte_mempool *jobs; /* of handshake stages */
	struct fq_share *shares[TG_PORTS_MAX]; /* the rate of a port, over its TX stages */

	/* Read by the control thread. */
	struct rte_ring *local[TG_STAGE_KINDS * TG_STAGES_MAX]; /* from every stage */
	struct rte_ring *events[TG_STAGE_KINDS * TG_STAGES_MAX]; /* from crypto and TX */
	uint16_t n_local;
	uint16_t n_events;

	/* Written by the control thread. */
	struct rte_ring *to_crypto[TG_STAGES_MAX];
	struct rte_ring *to_tx[TG_STAGES_MAX];
	struct rte_ring *commands[TG_STAGES_MAX];

	unsigned int n_workers;
	struct tg_worker workers[RTE_MAX_LCORE];
	_Atomic bool stop;
};

/*
 * Makes stages and rings for the ports in p->env, which is filled but for the numbers of stages. p
 * is zeroed elsewhere. 0, or -errno and what is wrong in error; nothing is left behind then.
 */
int tg_pipeline_create(
	struct tg_pipeline *p, const struct tg_pipeline_params *params, char error[TG_ERROR_LEN]);

/* Any thread. Bytes per s that all TX stages together send on a port, 0: not shaped. */
void tg_pipeline_set_rate(struct tg_pipeline *p, uint16_t port, uint64_t rate);

/* Launches the workers; 0 or -errno. */
int tg_pipeline_start(struct tg_pipeline *p);

/* Returns when every worker has ended. Idempotent. */
void tg_pipeline_stop(struct tg_pipeline *p);

/* Frees and counts what is still queued (TG_DROP_SHUTDOWN, or the queue's purge). Stop it before.
 */
void tg_pipeline_drain(struct tg_pipeline *p);

void tg_pipeline_destroy(struct tg_pipeline *p);

#endif
