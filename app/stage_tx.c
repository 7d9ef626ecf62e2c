/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_tx.h"

#include "plain.h"
#include "run.h"

static unsigned int
commands(struct tg_tx *tx)
{
	struct tg_command command;
	unsigned int n = 0;

	while (n < TG_BURST &&
		rte_ring_sc_dequeue_elem(tx->commands, &command, sizeof(command)) == 0) {
		tg_staging_command(tx, &command);
		n++;
	}
	return n;
}

static void
each(struct tg_tx *tx, void (*add)(struct tg_tx *tx, struct rte_mbuf *m), struct rte_mbuf **pkts,
	unsigned int n)
{
	for (; n--; pkts++)
		add(tx, *pkts);
}

static void
take(void *stage, struct rte_mbuf **pkts, unsigned int n)
{
	struct tg_tx *tx = stage;
	struct tg_arrivals a;
	struct tg_runs runs;
	unsigned int i;

	tg_meta_fetch(pkts, n);
	tg_runs_find_ways(tx->env, pkts, n, &runs);
	tg_transmit_begin(tx, &a, pkts, &runs);
	for (i = 0; i < runs.n; i++) {
		struct rte_mbuf **run = &pkts[runs.first[i]];

		switch (tg_meta(*run)->op) {
		case TG_OP_STAGE:
			each(tx, tg_staging_add, run, runs.len[i]);
			break;
		case TG_OP_PLAIN:
			each(tx, tg_plain_enqueue, run, runs.len[i]);
			break;
		default:
			tg_transmit_run(&a, i);
			break;
		}
	}
	tg_transmit_end(&a);
	tx->counters.in += n;
}

unsigned int
stage_tx_poll(struct tg_tx *tx, uint64_t now)
{
	unsigned int i, n;

	tx->now = now;
	n = commands(tx);
	for (i = 0; i < tx->env->n_crypto; i++)
		n += tg_drain(tx->from_crypto[i], take, tx);
	n += tg_drain(tx->from_control, take, tx);
	n += tg_staging_release(tx);
	for (i = 0; i < tx->env->n_ports; i++)
		n += tg_transmit(tx, (uint16_t)i);
	tg_hint_poll(&tx->hinter, now);
	tg_outbox_flush(&tx->local, &tx->counters);
	return n;
}
