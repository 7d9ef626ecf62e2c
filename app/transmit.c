/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_tx.h"

#include <errno.h>

#include <rte_ethdev.h>

#include "ecn.h"
#include "fq.h"
#include "path.h"

void
tg_transmit_dropped(void *ctx, struct rte_mbuf *m, enum fq_drop why)
{
	struct tg_tx *tx = ctx;

	tg_drop(&tx->counters, m, tg_drop_fq(why));
}

/* CoDel wants CE: on the outer header that is still to be written, or on the IP packet in a frame.
 */
bool
tg_transmit_mark(void *ctx, struct rte_mbuf *m)
{
	struct tg_meta *meta = tg_meta(m);
	const struct rte_ether_hdr *eth;

	(void)ctx;
	if (meta->op == TG_OP_WIRE) {
		if ((meta->tos & PKT_ECN_MASK) == PKT_ECN_NOT_ECT)
			return false;
		meta->tos |= PKT_ECN_CE;
		return true;
	}
	if (meta->peer == TG_TIN_TWIN || meta->peer == TG_TIN_HANDSHAKE)
		return false;
	eth = rte_pktmbuf_mtod(m, const struct rte_ether_hdr *);
	return pkt_ecn_mark_ce((uint8_t *)(uintptr_t)(eth + 1));
}

static uint16_t
weight_of(const struct tg_env *env, uint32_t tin)
{
	const struct wg_peer *peer;

	if (tin >= WG_PEER_ID_RESERVED)
		return WG_WEIGHT_DEFAULT;
	peer = wg_device_peer(env->dev, tin);
	return peer ? atomic_load_explicit(&peer->weight, memory_order_relaxed) : WG_WEIGHT_DEFAULT;
}

/* For a sealed message the port is the one that the peer's path leads over now. */
void
tg_transmit_enqueue(struct tg_tx *tx, struct rte_mbuf *m)
{
	struct tg_meta *meta = tg_meta(m);

	if (meta->op == TG_OP_WIRE) {
		const struct wg_peer *peer = wg_device_peer(tx->env->dev, meta->peer);
		const struct tg_path *path = peer ? tg_path_of(peer) : NULL;

		if (!path) {
			tg_drop(&tx->counters, m, peer ? TG_DROP_NO_ENDPOINT : TG_DROP_PEER_GONE);
			return;
		}
		meta->port = (uint8_t)path->port;
	}
	fq_enqueue(tx->wires[meta->port].queue, m, meta->peer, weight_of(tx->env, meta->peer),
		tx->now);
}

/* The peer may have moved, or gone, while its packet was queued: the packet follows. */
static bool
write_header(struct tg_tx *tx, struct rte_mbuf *m, uint16_t port)
{
	struct tg_meta *meta = tg_meta(m);
	struct wg_peer *peer = wg_device_peer(tx->env->dev, meta->peer);
	struct tg_path *path = peer ? tg_path_of(peer) : NULL;
	uint32_t len = rte_pktmbuf_pkt_len(m);

	if (!path || path->port != port) {
		tg_transmit_enqueue(tx, m);
		return false;
	}
	switch (tg_path_write(path, m, meta->tos, tx->ipv4_id++)) {
	case 0:
		break;
	case -EHOSTUNREACH:
		tg_outbox_push(&tx->local, m, &tx->counters);
		return false;
	case -ENOSPC:
		tg_drop(&tx->counters, m, TG_DROP_NO_ROOM);
		return false;
	default:
		tg_drop(&tx->counters, m, TG_DROP_TOO_BIG);
		return false;
	}
	wg_peer_sent(peer, tx->now, len > WG_DATA_LEN_MIN);
	atomic_fetch_add_explicit(&peer->tx_bytes, len, memory_order_relaxed);
	return true;
}

static void
refill(struct tg_tx *tx, uint16_t port)
{
	struct tg_wire *wire = &tx->wires[port];
	struct rte_mbuf *pkts[TG_BURST];
	unsigned int i, n = fq_dequeue_burst(wire->queue, tx->now, pkts, TG_BURST);

	wire->first = 0;
	wire->n = 0;
	for (i = 0; i < n; i++)
		if (tg_meta(pkts[i])->op != TG_OP_WIRE || write_header(tx, pkts[i], port))
			wire->pkts[wire->n++] = pkts[i];
}

/* Nothing leaves the queue before the port has taken what left it last: the wait stays in the
 * queue. */
unsigned int
tg_transmit(struct tg_tx *tx, uint16_t port)
{
	struct tg_wire *wire = &tx->wires[port];
	uint16_t sent;

	if (!wire->n && fq_backlog_packets(wire->queue))
		refill(tx, port);
	if (!wire->n)
		return 0;
	sent = rte_eth_tx_burst(
		tx->env->ports[port].id, tx->index, &wire->pkts[wire->first], wire->n);
	tx->port_full += sent < wire->n;
	wire->first += sent;
	wire->n -= sent;
	tx->counters.out += sent;
	return sent;
}
