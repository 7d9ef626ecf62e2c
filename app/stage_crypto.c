/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_crypto.h"

#include <rte_prefetch.h>

#include "crypto_queue.h"
#include "fetch.h"

static void
prefetch(const struct tg_crypto *c, struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		rte_prefetch0(tg_meta(pkts[i]));
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	}
	tg_fetch_sessions(c->env, pkts, n);
}

/* To where each is worked on. */
static void
dispatch(struct tg_crypto *c, struct rte_mbuf **pkts, unsigned int n)
{
	struct rte_mbuf *seal[TG_BURST];
	unsigned int i, n_seal = 0;

	for (i = 0; i < n; i++) {
		struct tg_meta *meta = tg_meta(pkts[i]);

		switch (meta->op) {
		case TG_OP_OPEN:
			tg_open_add(c, pkts[i]);
			break;
		case TG_OP_SEAL:
		case TG_OP_RESEAL:
			seal[n_seal++] = pkts[i];
			break;
		default:
			meta->fq.hash = pkts[i]->hash.rss;
			tg_outbox_push(
				&c->tx[tg_tx_of_tin(c->env, meta->peer)], pkts[i], &c->counters);
			break;
		}
	}
	tg_seal_add(c, seal, n_seal);
}

/* What comes back from TX. */
static void
take_back(void *stage, struct rte_mbuf **pkts, unsigned int n)
{
	struct tg_crypto *c = stage;

	prefetch(c, pkts, n);
	dispatch(c, pkts, n);
	c->counters.in += n;
}

/* Those that may go on are at the front then; how many. */
static unsigned int
sift(struct tg_crypto *c, struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int i, kept = 0;

	if (likely(!c->sifts))
		return n;
	for (i = 0; i < n; i++)
		if (tg_meta(pkts[i])->op != TG_OP_SEAL || tg_seal_admit(c, pkts[i]))
			pkts[kept++] = pkts[i];
	return kept;
}

static void
pass_by(void *stage, struct rte_mbuf **pkts, unsigned int n)
{
	struct tg_crypto *c = stage;

	prefetch(c, pkts, n);
	dispatch(c, pkts, sift(c, pkts, n));
	c->counters.in += n;
}

/*
 * A frame has nothing to do with the cipher. And what is to be sealed at dequeue comes here only
 * while its peer has no path: as soon as there is one, younger packets of the flow go to TX, and
 * would overtake it in a queue.
 */
static bool
waits_for_cipher(const struct tg_crypto *c, struct rte_mbuf *m)
{
	const struct tg_meta *meta = tg_meta(m);

	return meta->op == TG_OP_OPEN || (meta->op == TG_OP_SEAL && !c->env->encrypt_at_dequeue);
}

static void
queue_up(void *stage, struct rte_mbuf **pkts, unsigned int n)
{
	struct tg_crypto *c = stage;
	struct rte_mbuf *others[TG_BURST];
	unsigned int i, kept, wait = 0, n_others = 0;

	prefetch(c, pkts, n);
	kept = sift(c, pkts, n);
	for (i = 0; i < kept; i++) {
		if (waits_for_cipher(c, pkts[i]))
			pkts[wait++] = pkts[i];
		else
			others[n_others++] = pkts[i];
	}
	dispatch(c, others, n_others);
	tg_crypto_queue_put(c, pkts, wait);
	c->counters.in += n;
}

static unsigned int
burst(const struct tg_crypto *c)
{
	return atomic_load_explicit(&c->burst, memory_order_relaxed);
}

/* The lcore may have been away: one burst raises the average by an eighth at most. */
static void
measure(struct tg_crypto *c, uint64_t cycles, uint64_t n)
{
	int64_t cost = (int64_t)RTE_MIN(cycles / n, 2 * c->cost);
	uint64_t fit;

	c->cost = (uint64_t)((int64_t)c->cost + (cost - (int64_t)c->cost) / 8);
	fit = RTE_MIN(c->burst_cycles / c->cost, (uint64_t)TG_BURST);
	atomic_store_explicit(&c->burst, (uint16_t)RTE_MAX(fit, UINT64_C(1)), memory_order_relaxed);
}

static unsigned int
take_from_queue(struct tg_crypto *c)
{
	struct rte_mbuf *pkts[TG_BURST];
	unsigned int n = fq_dequeue_burst(c->queue, c->now, pkts, burst(c));

	prefetch(c, pkts, n);
	dispatch(c, pkts, n);
	return n;
}

/* Packets that have come from RX and control. */
static unsigned int
arrived(struct tg_crypto *c)
{
	unsigned int i, n = 0;

	for (i = 0; i < c->env->n_rx; i++)
		n += rte_ring_count(c->from_rx[i]);
	c->ring_peak = RTE_MAX(c->ring_peak, n);
	return n + rte_ring_count(c->from_control);
}

/* Behind: there is more to do than one burst. Packets that pass by the queue never overtake any. */
static unsigned int
take_new(struct tg_crypto *c, uint64_t *from)
{
	bool behind = arrived(c) > burst(c) || fq_backlog_packets(c->queue);
	unsigned int i, n = 0;

	for (i = 0; i < c->env->n_rx; i++)
		n += tg_drain(c->from_rx[i], behind ? queue_up : pass_by, c);
	n += tg_drain(c->from_control, behind ? queue_up : pass_by, c);
	if (!behind)
		return n;
	*from = *from ? *from : rte_rdtsc();
	return n + take_from_queue(c);
}

static unsigned int
take_from_tx_queue(struct tg_crypto *c, uint64_t *from)
{
	unsigned int i, n = 0;

	if (!c->env->encrypt_at_dequeue)
		return 0;
	*from = rte_rdtsc();
	for (i = 0; i < c->env->n_tx; i++)
		n += tg_drain(c->from_queue[i], take_back, c);
	return n;
}

unsigned int
stage_crypto_poll(struct tg_crypto *c, uint64_t now)
{
	uint64_t from = 0, done = c->sealed + c->opened;
	unsigned int i, n = 0;

	c->now = now;
	c->sifts = tg_seal_sifts(c);
	c->recent.dst.version = 0;
	c->sender.src.version = 0;
	/*
	 * What waited in a closed tin is older than what is held here, that than what comes out of
	 * TX's queue, and that than new arrivals.
	 */
	for (i = 0; i < c->env->n_tx; i++)
		n += tg_drain(c->from_tx[i], take_back, c);
	tg_seal_held(c);
	tg_open_parked(c);
	n += take_from_tx_queue(c, &from);
	n += take_new(c, &from);

	/* Opening first: what goes from peer to peer is sealed in the same poll. */
	tg_open_flush(c);
	tg_seal_flush(c);
	done = c->sealed + c->opened - done;
	if (from && done)
		measure(c, rte_rdtsc() - from, done);
	for (i = 0; i < c->env->n_tx; i++)
		tg_outbox_flush(&c->tx[i], &c->counters);
	tg_outbox_flush(&c->local, &c->counters);
	return n;
}
