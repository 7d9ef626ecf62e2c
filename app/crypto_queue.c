/* SPDX-License-Identifier: BSD-3-Clause */
#include "crypto_queue.h"

#include "ecn.h"

#define FLOWS 16384

/* A slot has one generation at a time, so no other peer has the id with its top bit inverted. */
#define TIN_OPEN (UINT32_C(1) << 31)

static void
dropped(void *ctx, struct rte_mbuf *m, enum fq_drop why)
{
	struct tg_crypto *c = ctx;

	tg_drop(&c->counters, m, tg_drop_fq(why));
}

/*
 * To a peer: the inner header, which is still in the clear, so the peer need not carry marks. From
 * a peer: the outer one, whose mark goes on to the inner header when the message is opened.
 */
static bool
mark(void *ctx, struct rte_mbuf *m, enum fq_mark why)
{
	const struct tg_meta *meta = tg_meta(m);
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	(void)ctx;
	if (why != FQ_MARK_CODEL || !rte_pktmbuf_data_len(m))
		return false;
	return pkt_ecn_mark_ce(meta->op == TG_OP_OPEN ? ip - meta->outer_len : ip);
}

struct fq *
tg_crypto_queue_create(struct tg_crypto *c, const struct tg_crypto_queue_params *params)
{
	uint64_t tins = 2 * (uint64_t)params->max_peers;
	struct fq_params fq;

	fq_params_default(&fq);
	fq.flows = FLOWS;
	fq.limit_packets = params->limit;
	/* Each busy tin holds a packet: with so many no packet finds the pool empty. */
	fq.tins = (uint32_t)RTE_MIN(tins, params->limit + UINT64_C(1));
	fq.overhead = TG_CRYPTO_OVERHEAD;
	fq.mtu = c->env->mtu_max + RTE_ETHER_HDR_LEN;
	fq.quantum = fq.mtu + TG_CRYPTO_OVERHEAD;
	fq.target_ns = params->target_ns;
	fq.interval_ns = params->interval_ns;
	fq.fifo = params->fifo;
	fq.seed = (uint32_t)c->env->salt + c->index;
	fq.pkt_offset = tg_meta_offset + (int)offsetof(struct tg_meta, fq);
	fq.drop = dropped;
	fq.mark = mark;
	fq.ctx = c;
	return fq_create(&fq);
}

/* The peer that a message says it is from, if there is such a session. */
static const struct wg_peer *
sender(const struct tg_crypto *c, struct rte_mbuf *m)
{
	const struct wg_data *msg = rte_pktmbuf_mtod(m, const struct wg_data *);
	const struct wg_keypair *kp =
		wg_index_keypair(wg_device_index(c->env->dev), rte_le_to_cpu_32(msg->receiver));

	return kp ? kp->peer : NULL;
}

/* False: there is no such peer or session, and the packet is gone. */
static bool
classify(struct tg_crypto *c, struct rte_mbuf *m, struct fq_item *item, struct fq_tin_conf *conf)
{
	struct tg_meta *meta = tg_meta(m);
	bool open = meta->op == TG_OP_OPEN;
	const struct wg_peer *peer = open ? sender(c, m) : wg_device_peer(c->env->dev, meta->peer);

	if (!peer) {
		tg_drop(&c->counters, m, open ? TG_DROP_NO_SESSION : TG_DROP_PEER_GONE);
		return false;
	}
	*conf = (struct fq_tin_conf){
		.weight = atomic_load_explicit(&peer->weight, memory_order_relaxed)};
	meta->fq.hash = open ? 0 : m->hash.rss;
	*item = (struct fq_item){m, conf, open ? peer->id ^ TIN_OPEN : peer->id};
	return true;
}

void
tg_crypto_queue_put(struct tg_crypto *c, struct rte_mbuf **pkts, unsigned int n)
{
	struct fq_tin_conf confs[TG_BURST];
	struct fq_item items[TG_BURST];
	unsigned int i, kept = 0;

	for (i = 0; i < n; i++)
		kept += classify(c, pkts[i], &items[kept], &confs[kept]);
	fq_enqueue_burst(c->queue, items, kept, c->now);
}
