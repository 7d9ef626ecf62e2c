/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_tx.h"

#include <rte_prefetch.h>

#include "plain.h"

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
take(void *stage, struct rte_mbuf **pkts, unsigned int n)
{
	struct tg_tx *tx = stage;
	struct rte_mbuf *wire[TG_BURST];
	unsigned int i, n_wire = 0;

	for (i = 0; i < n; i++)
		rte_prefetch0(tg_meta(pkts[i]));
	for (i = 0; i < n; i++) {
		switch (tg_meta(pkts[i])->op) {
		case TG_OP_STAGE:
			tg_staging_add(tx, pkts[i]);
			break;
		case TG_OP_PLAIN:
			tg_plain_enqueue(tx, pkts[i]);
			break;
		default:
			wire[n_wire++] = pkts[i];
			break;
		}
	}
	tg_transmit_enqueue(tx, wire, n_wire);
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
