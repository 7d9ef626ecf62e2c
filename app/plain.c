/* SPDX-License-Identifier: BSD-3-Clause */
#include "plain.h"

#include "forward.h"
#include "path.h"
#include "route.h"

/* Beside the plaintext; what it is padded to comes on top. */
#define MESSAGE_LEN (sizeof(struct wg_data) + WG_TAG_LEN)

void
tg_plain_enqueue(struct tg_tx *tx, struct rte_mbuf *m)
{
	struct tg_meta *meta = tg_meta(m);
	const struct wg_peer *peer = wg_device_peer(tx->env->dev, meta->peer);
	const struct tg_path *path = peer ? tg_path_of(peer) : NULL;
	struct fq_tin_conf conf;
	uint32_t padded;

	if (!path) {
		tg_drop(&tx->counters, m, peer ? TG_DROP_NO_ENDPOINT : TG_DROP_PEER_GONE);
		return;
	}
	padded = pkt_wg_padded(m->pkt_len, tg_route_peer_mtu(tx->env, peer));
	meta->added = padded - m->pkt_len + MESSAGE_LEN + path->outer.len;
	m->pkt_len += meta->added;
	tg_transmit_conf(peer, &conf);
	/* It has no counter yet that could fall behind a window. */
	conf.limit_packets = 0;
	fq_enqueue(tx->wires[path->port].queue, m, meta->peer, &conf, tx->now);
}

/* How many more crypto takes in one burst, all of them of the same stage at worst. */
static unsigned int
room(const struct tg_tx *tx)
{
	unsigned int i, count, burst, least = TG_BURST;

	for (i = 0; i < tx->env->n_crypto; i++) {
		count = rte_ring_count(tx->to_cipher[i]);
		burst = atomic_load_explicit(tx->bursts[i], memory_order_relaxed);
		least = RTE_MIN(least, burst - RTE_MIN(count, burst));
	}
	return least;
}

static void
leave(struct tg_tx *tx, struct tg_wire *wire, struct rte_mbuf *m)
{
	struct tg_meta *meta = tg_meta(m);

	if (meta->op != TG_OP_PLAIN) {
		fq_enqueue(wire->fifo, m, meta->peer, &fq_tin_plain, tx->now);
		return;
	}
	m->pkt_len -= meta->added;
	meta->op = TG_OP_SEAL;
	/* room() has looked, and the ring has this one producer. */
	rte_ring_sp_enqueue(tx->to_cipher[meta->crypto], m);
	tx->counters.out++;
}

unsigned int
tg_plain_release(struct tg_tx *tx, uint16_t port)
{
	struct tg_wire *wire = &tx->wires[port];
	struct rte_mbuf *pkts[TG_BURST];
	unsigned int i, n;

	if (!fq_backlog_packets(wire->queue) || fq_backlog_packets(wire->fifo) >= TG_BURST)
		return 0;
	n = fq_dequeue_burst(wire->queue, tx->now, pkts, room(tx));
	tg_meta_fetch(pkts, n);
	for (i = 0; i < n; i++)
		leave(tx, wire, pkts[i]);
	return n;
}
