/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_crypto.h"

#include <rte_prefetch.h>

#include "fetch.h"

static void
dispatch(struct tg_crypto *c, struct rte_mbuf *m)
{
	const struct tg_meta *meta = tg_meta(m);

	switch (meta->op) {
	case TG_OP_OPEN:
		tg_open_add(c, m);
		break;
	case TG_OP_SEAL:
	case TG_OP_RESEAL:
		tg_seal_add(c, m);
		break;
	default:
		tg_meta(m)->fq.hash = m->hash.rss;
		tg_outbox_push(&c->tx[tg_tx_of_tin(c->env, meta->peer)], m, &c->counters);
		break;
	}
}

static void
take(void *stage, struct rte_mbuf **pkts, unsigned int n)
{
	struct tg_crypto *c = stage;
	unsigned int i;

	for (i = 0; i < n; i++) {
		rte_prefetch0(tg_meta(pkts[i]));
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	}
	tg_fetch_sessions(c->env, pkts, n);
	for (i = 0; i < n; i++)
		dispatch(c, pkts[i]);
	c->counters.in += n;
}

unsigned int
stage_crypto_poll(struct tg_crypto *c, uint64_t now)
{
	unsigned int i, n = 0;

	c->now = now;
	/* What waited in a closed tin is older than what is held here, and that than new arrivals.
	 */
	for (i = 0; i < c->env->n_tx; i++)
		n += tg_drain(c->from_tx[i], take, c);
	tg_seal_held(c);
	tg_open_parked(c);
	for (i = 0; i < c->env->n_rx; i++)
		n += tg_drain(c->from_rx[i], take, c);
	n += tg_drain(c->from_control, take, c);

	/* Opening first: what goes from peer to peer is sealed in the same poll. */
	tg_open_flush(c);
	tg_seal_flush(c);
	for (i = 0; i < c->env->n_tx; i++)
		tg_outbox_flush(&c->tx[i], &c->counters);
	tg_outbox_flush(&c->local, &c->counters);
	return n;
}
