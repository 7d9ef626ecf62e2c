/* SPDX-License-Identifier: BSD-3-Clause */
#include "pipeline.h"

#include <rte_malloc.h>

#include "fq.h"

static void
drain_ring(struct rte_ring *r, struct tg_counters *c)
{
	void *m;

	while (r && rte_ring_sc_dequeue(r, &m) == 0)
		tg_drop(c, m, TG_DROP_SHUTDOWN);
}

static void
drain_crypto(struct tg_pipeline *p, struct tg_crypto *crypto)
{
	unsigned int i;

	for (i = 0; i < p->env.n_rx; i++)
		drain_ring(crypto->from_rx[i], &crypto->counters);
	for (i = 0; i < p->env.n_tx; i++)
		drain_ring(crypto->from_tx[i], &crypto->counters);
	for (i = 0; i < p->env.n_tx; i++)
		drain_ring(crypto->from_queue[i], &crypto->counters);
	drain_ring(crypto->from_control, &crypto->counters);
	fq_destroy(crypto->queue);
	crypto->queue = NULL;
	for (i = 0; i < crypto->n_held; i++)
		tg_drop(&crypto->counters, crypto->held[i], TG_DROP_SHUTDOWN);
	crypto->n_held = 0;
	for (; crypto->n_parked; crypto->n_parked--) {
		tg_drop(&crypto->counters, crypto->parked[crypto->first_parked], TG_DROP_SHUTDOWN);
		crypto->first_parked = (crypto->first_parked + 1) % TG_PARK_MAX;
	}
}

static void
drain_tx(struct tg_pipeline *p, struct tg_tx *tx)
{
	unsigned int i;

	for (i = 0; i < p->env.n_crypto; i++)
		drain_ring(tx->from_crypto[i], &tx->counters);
	drain_ring(tx->from_control, &tx->counters);
	for (i = 0; i < p->env.n_ports; i++) {
		struct tg_wire *wire = &tx->wires[i];

		for (; wire->n; wire->n--)
			tg_drop(&tx->counters, wire->pkts[wire->first++], TG_DROP_SHUTDOWN);
		fq_destroy(wire->queue);
		fq_destroy(wire->fifo);
		wire->queue = wire->fifo = wire->last = NULL;
	}
	fq_destroy(tx->staging);
	tx->staging = NULL;
}

static void
drain_jobs(struct tg_pipeline *p, struct rte_ring *r)
{
	void *job;

	while (r && rte_ring_sc_dequeue(r, &job) == 0)
		tg_handshake_job_end(p->jobs, job);
}

static void
drain_handshake(struct tg_pipeline *p, struct tg_handshake *hs)
{
	unsigned int i;

	for (i = 0; i < p->env.n_rx; i++)
		drain_ring(hs->from_rx[i], &hs->counters);
	drain_jobs(p, hs->from_control);
	drain_jobs(p, hs->to_control);
}

void
tg_pipeline_drain(struct tg_pipeline *p)
{
	unsigned int i;

	for (i = 0; i < p->env.n_handshake; i++)
		if (p->handshake[i])
			drain_handshake(p, p->handshake[i]);

	for (i = 0; i < p->env.n_crypto; i++)
		if (p->crypto[i])
			drain_crypto(p, p->crypto[i]);
	for (i = 0; i < p->env.n_tx; i++)
		if (p->tx[i])
			drain_tx(p, p->tx[i]);
	/* What nobody has read counts for the stage that sent it. */
	for (i = 0; i < p->env.n_rx; i++)
		if (p->rx[i])
			drain_ring(p->rx[i]->local.ring, &p->rx[i]->counters);
	for (i = 0; i < p->env.n_crypto; i++)
		if (p->crypto[i])
			drain_ring(p->crypto[i]->local.ring, &p->crypto[i]->counters);
	for (i = 0; i < p->env.n_tx; i++)
		if (p->tx[i])
			drain_ring(p->tx[i]->local.ring, &p->tx[i]->counters);
}

static void
destroy_crypto(struct tg_pipeline *p, struct tg_crypto *crypto)
{
	unsigned int i;

	for (i = 0; i < p->env.n_rx; i++)
		rte_ring_free(crypto->from_rx[i]);
	for (i = 0; i < p->env.n_tx; i++)
		rte_ring_free(crypto->from_tx[i]);
	for (i = 0; i < p->env.n_tx; i++)
		rte_ring_free(crypto->from_queue[i]);
	aead_destroy(crypto->aead);
	rte_free(crypto->lane);
	rte_free(crypto);
}

static void
destroy_tx(struct tg_pipeline *p, struct tg_tx *tx)
{
	unsigned int i;

	for (i = 0; i < p->env.n_crypto; i++)
		rte_ring_free(tx->from_crypto[i]);
	rte_free(tx->kept);
	rte_free(tx);
}

static void
destroy_handshake(struct tg_pipeline *p, struct tg_handshake *hs)
{
	unsigned int i;

	for (i = 0; i < p->env.n_rx; i++)
		rte_ring_free(hs->from_rx[i]);
	rte_ring_free(hs->from_control);
	rte_ring_free(hs->to_control);
	wg_admission_destroy(hs->admission);
	rte_free(hs);
}

void
tg_pipeline_destroy(struct tg_pipeline *p)
{
	unsigned int i;

	tg_pipeline_drain(p);
	for (i = 0; i < p->env.n_handshake; i++) {
		if (p->handshake[i])
			destroy_handshake(p, p->handshake[i]);
		p->handshake[i] = NULL;
	}
	rte_mempool_free(p->jobs);
	p->jobs = NULL;
	for (i = 0; i < p->env.n_tx; i++) {
		if (p->tx[i])
			destroy_tx(p, p->tx[i]);
		rte_ring_free(p->to_tx[i]);
		rte_ring_free(p->commands[i]);
		p->tx[i] = NULL;
	}
	for (i = 0; i < p->env.n_ports; i++) {
		fq_share_destroy(p->shares[i]);
		p->shares[i] = NULL;
	}
	for (i = 0; i < p->env.n_crypto; i++) {
		if (p->crypto[i])
			destroy_crypto(p, p->crypto[i]);
		rte_ring_free(p->to_crypto[i]);
		p->crypto[i] = NULL;
	}
	for (i = 0; i < p->env.n_rx; i++) {
		rte_free(p->rx[i]);
		p->rx[i] = NULL;
	}
	for (i = 0; i < p->n_local; i++)
		rte_ring_free(p->local[i]);
	for (i = 0; i < p->n_events; i++)
		rte_ring_free(p->events[i]);
	p->n_local = p->n_events = 0;
}
