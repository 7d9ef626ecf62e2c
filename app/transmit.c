/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_tx.h"

#include <errno.h>

#include <rte_ethdev.h>

#include "ecn.h"
#include "fq.h"
#include "path.h"
#include "plain.h"

static void
lose(struct tg_tx *tx, struct rte_mbuf *m, enum tg_drop why)
{
	tx->wasted += tg_meta(m)->op == TG_OP_WIRE;
	tg_drop(&tx->counters, m, why);
}

void
tg_transmit_dropped(void *ctx, struct rte_mbuf *m, enum fq_drop why)
{
	const struct tg_meta *meta = tg_meta(m);
	struct tg_tx *tx = ctx;

	if (meta->op == TG_OP_WIRE && why != FQ_DROP_PURGE && why != FQ_DROP_FIFO)
		tg_hint_lost(&tx->hinter, tx->wires[meta->port].queue, meta->peer, meta->fq.hash,
			tx->now);
	lose(tx, m, tg_drop_fq(why));
}

static bool
may_mark(uint8_t tos, enum fq_mark why)
{
	uint8_t ecn = tos & PKT_ECN_MASK;

	return why == FQ_MARK_CODEL ? ecn != PKT_ECN_NOT_ECT : ecn == PKT_ECN_ECT1;
}

/*
 * CE goes on the outer header that is still to be written, on the packet that is still to be
 * sealed, or on the IP packet in a frame of ours.
 */
bool
tg_transmit_mark(void *ctx, struct rte_mbuf *m, enum fq_mark why)
{
	struct tg_meta *meta = tg_meta(m);
	uint8_t *ip;

	(void)ctx;
	if (meta->op == TG_OP_WIRE) {
		if (!may_mark(meta->tos, why))
			return false;
		meta->tos |= PKT_ECN_CE;
		return true;
	}
	if (meta->peer == TG_TIN_TWIN || meta->peer == TG_TIN_HANDSHAKE)
		return false;
	if (!rte_pktmbuf_data_len(m))
		return false;
	ip = rte_pktmbuf_mtod_offset(
		m, uint8_t *, meta->op == TG_OP_PLAIN ? 0 : sizeof(struct rte_ether_hdr));
	return may_mark(pkt_ip_tos(ip), why) && pkt_ecn_mark_ce(ip);
}

const struct fq_tin_conf *
tg_transmit_conf(const struct wg_peer *peer, struct fq_tin_conf *conf)
{
	if (!peer)
		return NULL;
	conf->rate = atomic_load_explicit(&peer->rate, memory_order_relaxed);
	conf->weight = atomic_load_explicit(&peer->weight, memory_order_relaxed);
	/* More than a window of packets in the queue, and the last could be too late. */
	conf->limit_packets = atomic_load_explicit(&peer->replay_window, memory_order_relaxed);
	return conf;
}

/*
 * A sealed message goes to the port that its peer's path leads over now. It is queued with the
 * length that it will have on the wire.
 */
static bool
address(struct tg_tx *tx, struct rte_mbuf *m, const struct wg_peer *peer)
{
	const struct tg_path *path = peer ? tg_path_of(peer) : NULL;

	if (!path) {
		lose(tx, m, peer ? TG_DROP_NO_ENDPOINT : TG_DROP_PEER_GONE);
		return false;
	}
	tg_meta(m)->port = (uint8_t)path->port;
	tg_meta(m)->outer_len = path->outer.len;
	m->pkt_len += path->outer.len;
	return true;
}

void
tg_transmit_enqueue(struct tg_tx *tx, struct rte_mbuf *m)
{
	struct tg_meta *meta = tg_meta(m);
	const struct wg_peer *peer =
		meta->peer < WG_PEER_ID_RESERVED ? wg_device_peer(tx->env->dev, meta->peer) : NULL;
	bool sealed = meta->op == TG_OP_WIRE;
	struct fq_tin_conf conf;
	struct tg_wire *wire;

	if (sealed && !address(tx, m, peer))
		return;
	wire = &tx->wires[meta->port];
	fq_enqueue(sealed && wire->fifo ? wire->fifo : wire->queue, m, meta->peer,
		tg_transmit_conf(peer, &conf), tx->now);
}

/* The peer may have moved, or gone, while its packet was queued: the packet follows. */
static bool
write_header(struct tg_tx *tx, struct rte_mbuf *m, uint16_t port)
{
	struct tg_meta *meta = tg_meta(m);
	struct wg_peer *peer = wg_device_peer(tx->env->dev, meta->peer);
	struct tg_path *path = peer ? tg_path_of(peer) : NULL;
	uint32_t len;

	m->pkt_len -= meta->outer_len;
	len = m->pkt_len;
	if (!path || path->port != port) {
		tg_transmit_enqueue(tx, m);
		return false;
	}
	if (!wg_peer_in_window(peer, meta->keypair, meta->counter)) {
		lose(tx, m, TG_DROP_REPLAY_WINDOW);
		return false;
	}
	switch (tg_path_write(path, m, meta->tos, tx->ipv4_id++)) {
	case 0:
		break;
	case -EHOSTUNREACH:
		tg_outbox_push(&tx->local, m, &tx->counters);
		return false;
	case -ENOSPC:
		lose(tx, m, TG_DROP_NO_ROOM);
		return false;
	default:
		lose(tx, m, TG_DROP_TOO_BIG);
		return false;
	}
	wg_peer_sent(peer, tx->now, len > WG_DATA_LEN_MIN);
	atomic_fetch_add_explicit(&peer->tx_bytes, len, memory_order_relaxed);
	return true;
}

/* From the last queue before the wire. */
static void
refill(struct tg_tx *tx, uint16_t port, struct fq *last)
{
	struct tg_wire *wire = &tx->wires[port];
	struct rte_mbuf *pkts[TG_BURST];
	unsigned int i, n = fq_dequeue_burst(last, tx->now, pkts, TG_BURST);

	wire->first = 0;
	wire->n = 0;
	for (i = 0; i < n; i++) {
		const struct tg_meta *meta = tg_meta(pkts[i]);

		if (meta->op == TG_OP_WIRE) {
			tg_hint_sent(&tx->hinter, meta->peer, meta->fq.hash);
			if (!write_header(tx, pkts[i], port))
				continue;
		}
		wire->pkts[wire->n++] = pkts[i];
	}
}

/* Nothing leaves the queue before the port has taken what left it last: the wait stays in the
 * queue. */
unsigned int
tg_transmit(struct tg_tx *tx, uint16_t port)
{
	struct tg_wire *wire = &tx->wires[port];
	struct fq *last = wire->fifo ? wire->fifo : wire->queue;
	unsigned int n = wire->fifo ? tg_plain_release(tx, port) : 0;
	uint16_t sent;

	if (!wire->n && fq_backlog_packets(last))
		refill(tx, port, last);
	if (!wire->n)
		return n;
	sent = rte_eth_tx_burst(
		tx->env->ports[port].id, tx->index, &wire->pkts[wire->first], wire->n);
	tx->port_full += sent < wire->n;
	wire->first += sent;
	wire->n -= sent;
	tx->counters.out += sent;
	return n + sent;
}
