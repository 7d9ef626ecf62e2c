/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_tx.h"

#include <errno.h>

#include <rte_ethdev.h>

#include "ecn.h"
#include "fq.h"
#include "path.h"
#include "run.h"

void
tg_transmit_dropped(void *ctx, struct rte_mbuf *m, enum fq_drop why)
{
	struct tg_tx *tx = ctx;

	tg_drop(&tx->counters, m, tg_drop_fq(why));
}

static bool
may_mark(uint8_t tos, enum fq_mark why)
{
	uint8_t ecn = tos & PKT_ECN_MASK;

	return why == FQ_MARK_CODEL ? ecn != PKT_ECN_NOT_ECT : ecn == PKT_ECN_ECT1;
}

/* CE goes on the outer header that is still to be written, or on the IP packet in a frame of ours.
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
	ip = rte_pktmbuf_mtod_offset(m, uint8_t *, sizeof(struct rte_ether_hdr));
	return may_mark(pkt_ip_tos(ip), why) && pkt_ecn_mark_ce(ip);
}

/* NULL for tins that belong to no peer. */
static const struct fq_tin_conf *
conf_of(const struct wg_peer *peer, struct fq_tin_conf *conf)
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
		tg_drop(&tx->counters, m, peer ? TG_DROP_NO_ENDPOINT : TG_DROP_PEER_GONE);
		return false;
	}
	tg_meta(m)->port = (uint8_t)path->port;
	tg_meta(m)->outer_len = path->outer.len;
	m->pkt_len += path->outer.len;
	return true;
}

/* Packets for the queue of one port. */
struct arrivals {
	uint16_t port;
	uint16_t n;
	struct fq_item items[TG_BURST];
};

static void
flush(struct tg_tx *tx, struct arrivals *a)
{
	if (a->n)
		fq_enqueue_burst(tx->wires[a->port].queue, a->items, a->n, tx->now);
	a->n = 0;
}

static void
arrive(struct tg_tx *tx, struct arrivals *a, struct rte_mbuf **pkts, const struct tg_run *run,
	const struct wg_peer *peer, const struct fq_tin_conf *conf)
{
	unsigned int i;

	for (i = run->first; i < run->first + run->n; i++) {
		struct tg_meta *meta = tg_meta(pkts[i]);

		if (meta->op == TG_OP_WIRE && !address(tx, pkts[i], peer))
			continue;
		if (meta->port != a->port)
			flush(tx, a);
		a->port = meta->port;
		a->items[a->n++] =
			(struct fq_item){.m = pkts[i], .conf = conf, .tin_key = run->peer};
	}
}

void
tg_transmit_enqueue(struct tg_tx *tx, struct rte_mbuf **pkts, unsigned int n)
{
	struct fq_tin_conf confs[TG_BURST];
	struct tg_run runs[TG_BURST];
	struct arrivals a = {.n = 0};
	unsigned int i, n_runs = tg_runs(pkts, n, runs);

	tg_runs_fetch_peers(tx->env, runs, n_runs);
	tg_runs_fetch_paths(tx->env, runs, n_runs);
	for (i = 0; i < n_runs; i++) {
		uint32_t id = runs[i].peer;
		const struct wg_peer *peer =
			id < WG_PEER_ID_RESERVED ? wg_device_peer(tx->env->dev, id) : NULL;

		arrive(tx, &a, pkts, &runs[i], peer, conf_of(peer, &confs[i]));
	}
	flush(tx, &a);
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
		tg_transmit_enqueue(tx, &m, 1);
		return false;
	}
	if (!wg_peer_in_window(peer, meta->keypair, meta->counter)) {
		tg_drop(&tx->counters, m, TG_DROP_REPLAY_WINDOW);
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
	wg_peer_count(&peer->tx_bytes, len);
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
