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
		return &fq_tin_plain;
	conf->rate = atomic_load_explicit(&peer->rate, memory_order_relaxed);
	conf->weight = atomic_load_explicit(&peer->weight, memory_order_relaxed);
	/* More than a window of packets in the queue, and the last could be too late. */
	conf->limit_packets = atomic_load_explicit(&peer->replay_window, memory_order_relaxed);
	return conf;
}

/* Sealed messages wait once: behind the queue that they have left already there is a FIFO. */
static struct fq *
queue_of(const struct tg_wire *wire, bool message)
{
	return message ? wire->last : wire->queue;
}

/* A message that is queued counts with the length that it will have on the wire. */
static void
address(struct rte_mbuf *m, const struct tg_path *path)
{
	tg_meta(m)->port = (uint8_t)path->port;
	m->pkt_len = m->data_len + path->outer.len;
}

static void
lose(struct tg_tx *tx, struct rte_mbuf **pkts, unsigned int n, enum tg_drop why)
{
	for (; n--; pkts++)
		tg_lose(&tx->counters, *pkts, why);
}

void
tg_transmit_again(struct tg_tx *tx, struct rte_mbuf *m, const struct wg_peer *peer)
{
	const struct tg_path *path = peer ? tg_path_of(peer) : NULL;
	struct fq_tin_conf conf;

	if (!path) {
		tg_lose(&tx->counters, m, peer ? TG_DROP_NO_ENDPOINT : TG_DROP_PEER_GONE);
		return;
	}
	address(m, path);
	fq_enqueue(tx->wires[path->port].last, m, peer->id, tg_transmit_conf(peer, &conf), tx->now);
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

/*
 * While the port takes all that comes, nothing is queued: then a burst goes past the last queue,
 * which costs a third of going through it. It is offered with others, at the end of the poll or
 * when there are enough: where packets for several ports alternate each would go alone.
 */
static unsigned int
pass(const struct tg_arrivals *a)
{
	struct tg_tx *tx = a->tx;
	struct tg_wire *wire = &tx->wires[a->port];
	unsigned int n, going;

	if (!wire->refused && wire->n + a->n > TG_BURST)
		tg_depart_offer(tx, a->port);
	if (wire->refused || a->limited || a->queue != wire->last)
		return 0;
	follow_mtu(tx, a->port);
	n = fq_pass_begin(a->queue, a->n, tx->now);
	going = tg_depart_runs(tx, a->port, a->pkts, a->runs, a->run, n);
	fq_pass_end(a->queue, &wire->pkts[wire->first + wire->n - going], going);
	return n;
}

/* What is about to be queued. */
struct queueing {
	unsigned int n;
	struct fq_item items[TG_BURST];
	struct fq_tin_conf confs[TG_BURST];
};

static void
add_items(struct queueing *q, struct rte_mbuf **pkts, unsigned int n, uint32_t tin,
	const struct wg_peer *peer)
{
	const struct fq_tin_conf *conf = tg_transmit_conf(peer, &q->confs[q->n]);

	for (; n--; pkts++)
		q->items[q->n++] = (struct fq_item){*pkts, conf, tin};
}

static void
add_messages(struct queueing *q, struct rte_mbuf **pkts, unsigned int n, const struct tg_runs *r,
	unsigned int run)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		address(pkts[i], r->paths[run]);
	add_items(q, pkts, n, r->ids[run], r->peers[run]);
}

/* Now it has to be known whom they are from. */
static void
add_frames(struct queueing *q, struct rte_mbuf **pkts, unsigned int n, const struct tg_env *env)
{
	struct tg_runs r;
	unsigned int i;

	tg_runs_find(env, pkts, n, &r);
	for (i = 0; i < r.n; i++)
		add_items(q, &pkts[r.first[i]], r.len[i], r.ids[i], r.peers[i]);
}

/* Those from the packet first on. */
static __rte_noinline void
enqueue(const struct tg_arrivals *a, unsigned int first)
{
	unsigned int run, n, end = a->first + a->n;
	const struct tg_runs *r = a->runs;
	struct queueing q;

	q.n = 0;
	for (run = a->run; first < end; run++) {
		struct rte_mbuf **pkts = &a->pkts[first];
		unsigned int next = (unsigned int)r->first[run] + r->len[run];

		if (next <= first)
			continue;
		n = next - first;
		if (r->paths[run])
			add_messages(&q, pkts, n, r, run);
		else
			add_frames(&q, pkts, n, a->tx->env);
		first = next;
	}
	fq_enqueue_burst(a->queue, q.items, q.n, a->tx->now);
}

static void
flush(struct tg_arrivals *a)
{
	unsigned int passed = a->n ? pass(a) : 0;

	if (a->n > passed)
		enqueue(a, a->first + passed);
	a->n = 0;
}

void
tg_transmit_begin(
	struct tg_tx *tx, struct tg_arrivals *a, struct rte_mbuf **pkts, const struct tg_runs *runs)
{
	*a = (struct tg_arrivals){.tx = tx, .pkts = pkts, .runs = runs};
}

/* A sealed message goes to the port that its peer's path leads over now. */
void
tg_transmit_run(struct tg_arrivals *a, unsigned int run)
{
	const struct tg_runs *r = a->runs;
	const struct tg_path *path = r->paths[run];
	struct rte_mbuf **pkts = &a->pkts[r->first[run]];
	const struct tg_meta *meta = tg_meta(*pkts);
	bool limited, message = meta->op == TG_OP_WIRE;
	unsigned int n = r->len[run];
	uint16_t port = meta->port;
	struct fq *queue;

	if (message && unlikely(!path)) {
		lose(a->tx, pkts, n, r->peers[run] ? TG_DROP_NO_ENDPOINT : TG_DROP_PEER_GONE);
		return;
	}
	if (message) {
		port = path->port;
		/* IPv4 ends on the line that this is on already. */
		rte_prefetch0(&path->outer.hdr[path->outer.len - 1]);
	}
	limited = message ? wg_peer_is_limited(r->peers[run]) : meta->limited;
	queue = queue_of(&a->tx->wires[port], message);
	if (queue != a->queue || limited != a->limited || r->first[run] != a->first + a->n)
		flush(a);
	if (!a->n) {
		a->queue = queue;
		a->port = port;
		a->limited = limited;
		a->run = run;
		a->first = r->first[run];
	}
	a->n += n;
}

void
tg_transmit_end(struct tg_arrivals *a)
{
	flush(a);
}

/* Nothing leaves the queue before the port has taken what left it last: the wait stays in the
 * queue. */
unsigned int
tg_transmit(struct tg_tx *tx, uint16_t port)
{
	struct tg_wire *wire = &tx->wires[port];
	unsigned int n = wire->fifo ? tg_plain_release(tx, port) : 0;
	struct rte_mbuf *pkts[TG_BURST];
	unsigned int taken;

	if (!wire->n && fq_backlog_packets(wire->last)) {
		follow_mtu(tx, port);
		taken = fq_dequeue_burst(wire->last, tx->now, pkts, TG_BURST);
		tg_meta_fetch(pkts, taken);
		tg_depart(tx, port, pkts, taken);
	}
	return n + tg_depart_offer(tx, port);
}
