/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_tx.h"

#include "ecn.h"
#include "fq.h"
#include "path.h"
#include "plain.h"
#include "run.h"

void
tg_transmit_dropped(void *ctx, struct rte_mbuf *m, enum fq_drop why)
{
	const struct tg_meta *meta = tg_meta(m);
	struct tg_tx *tx = ctx;

	if (meta->op == TG_OP_WIRE && why != FQ_DROP_PURGE && why != FQ_DROP_FIFO)
		tg_hint_lost(&tx->hinter, tx->wires[meta->port].queue, meta->peer, meta->fq.hash,
			tx->now);
	tg_lose(&tx->counters, m, tg_drop_fq(why));
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
		tg_lose(&tx->counters, m, peer ? TG_DROP_NO_ENDPOINT : TG_DROP_PEER_GONE);
		return false;
	}
	tg_meta(m)->port = (uint8_t)path->port;
	tg_meta(m)->outer_len = path->outer.len;
	m->pkt_len += path->outer.len;
	/* IPv4 ends on the line that this is on already. */
	rte_prefetch0(&path->outer.hdr[path->outer.len - 1]);
	return true;
}

static struct fq *
last_queue(const struct tg_wire *wire)
{
	return wire->fifo ? wire->fifo : wire->queue;
}

/* Sealed messages wait once: behind the queue that they have left already there is a FIFO. */
static struct fq *
queue_of(struct tg_tx *tx, const struct tg_meta *meta)
{
	struct tg_wire *wire = &tx->wires[meta->port];

	return meta->op == TG_OP_WIRE && wire->fifo ? wire->fifo : wire->queue;
}

void
tg_transmit_again(struct tg_tx *tx, struct rte_mbuf *m)
{
	const struct tg_meta *meta = tg_meta(m);
	const struct wg_peer *peer = wg_device_peer(tx->env->dev, meta->peer);
	struct fq_tin_conf conf;

	if (address(tx, m, peer))
		fq_enqueue(
			queue_of(tx, meta), m, meta->peer, tg_transmit_conf(peer, &conf), tx->now);
}

void
tg_transmit_purge(struct tg_tx *tx, uint32_t peer)
{
	uint16_t i;

	for (i = 0; i < tx->env->n_ports; i++)
		fq_tin_purge(tx->wires[i].queue, peer);
}

/* The operator may have changed it. */
static void
follow_mtu(struct tg_tx *tx, uint16_t port)
{
	struct tg_wire *wire = &tx->wires[port];
	uint16_t mtu = tg_fib_port_mtu(tx->env->fib, port);

	if (likely(mtu == wire->mtu))
		return;
	wire->mtu = mtu;
	fq_mtu_set(wire->queue, mtu + RTE_ETHER_HDR_LEN);
}

/* Packets for one queue. */
struct arrivals {
	struct fq *queue;
	uint16_t port;
	uint16_t n;
	struct fq_item items[TG_BURST];
};

/*
 * While the port takes all that comes, nothing is queued: then a burst goes past the last queue,
 * which costs a third of going through it. It is offered with others, at the end of the poll or
 * when there are enough: where packets for several ports alternate each would go alone.
 */
static unsigned int
pass(struct tg_tx *tx, const struct arrivals *a)
{
	struct tg_wire *wire = &tx->wires[a->port];
	struct rte_mbuf *pkts[TG_BURST];
	unsigned int i, n;

	if (!wire->refused && wire->n + a->n > TG_BURST)
		tg_depart_offer(tx, a->port);
	if (wire->refused || a->queue != last_queue(wire))
		return 0;
	follow_mtu(tx, a->port);
	n = fq_pass_burst(a->queue, a->items, a->n, tx->now);
	for (i = 0; i < n; i++)
		pkts[i] = a->items[i].m;
	tg_depart(tx, a->port, pkts, n);
	return n;
}

static void
flush(struct tg_tx *tx, struct arrivals *a)
{
	unsigned int passed = a->n ? pass(tx, a) : 0;

	if (a->n > passed)
		fq_enqueue_burst(a->queue, &a->items[passed], a->n - passed, tx->now);
	a->n = 0;
}

static void
arrive(struct tg_tx *tx, struct arrivals *a, struct rte_mbuf **pkts, const struct tg_runs *r,
	unsigned int run, const struct fq_tin_conf *conf)
{
	unsigned int i;

	for (i = r->first[run]; i < r->first[run + 1]; i++) {
		const struct tg_meta *meta = tg_meta(pkts[i]);
		struct fq *queue;

		if (meta->op == TG_OP_WIRE && !address(tx, pkts[i], r->peers[run]))
			continue;
		queue = queue_of(tx, meta);
		if (queue != a->queue)
			flush(tx, a);
		a->queue = queue;
		a->port = meta->port;
		a->items[a->n++] =
			(struct fq_item){.m = pkts[i], .conf = conf, .tin_key = r->ids[run]};
	}
}

void
tg_transmit_enqueue(struct tg_tx *tx, struct rte_mbuf **pkts, unsigned int n)
{
	struct fq_tin_conf confs[TG_BURST];
	struct tg_runs runs;
	struct arrivals a = {.n = 0};
	unsigned int i;

	tg_runs_find(tx->env, pkts, n, &runs);
	tg_runs_fetch_paths(&runs);
	for (i = 0; i < runs.n; i++)
		arrive(tx, &a, pkts, &runs, i, tg_transmit_conf(runs.peers[i], &confs[i]));
	flush(tx, &a);
}

/* Nothing leaves the queue before the port has taken what left it last: the wait stays in the
 * queue. */
unsigned int
tg_transmit(struct tg_tx *tx, uint16_t port)
{
	struct tg_wire *wire = &tx->wires[port];
	struct fq *last = last_queue(wire);
	unsigned int n = wire->fifo ? tg_plain_release(tx, port) : 0;
	struct rte_mbuf *pkts[TG_BURST];

	if (!wire->n && fq_backlog_packets(last)) {
		follow_mtu(tx, port);
		tg_depart(tx, port, pkts, fq_dequeue_burst(last, tx->now, pkts, TG_BURST));
	}
	return n + tg_depart_offer(tx, port);
}
