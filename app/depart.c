/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_tx.h"

#include <rte_ethdev.h>

/* A burst on its way to a port. */
struct burst {
	struct tg_tx *tx;
	struct rte_mbuf **out; /* the next one's place */
	uint32_t frame_max; /* bytes that the port takes */
	uint16_t ipv4_id; /* the next */
};

/* Messages for one peer, and what is known of the way there. */
struct way {
	struct wg_peer *peer;
	const struct tg_path *path;
	uint64_t to; /* the rest of the path, when that is a trunk */
	bool resolved; /* mac is the next hop's */
	struct rte_ether_addr mac;
};

/* Apart, since it is rare: what is inlined there makes the common way longer. */
static __rte_noinline void
end_here(struct tg_tx *tx, struct rte_mbuf *m, enum tg_drop why)
{
	tg_lose(&tx->counters, m, why);
}

static __rte_noinline void
resolve(struct tg_tx *tx, struct rte_mbuf *m)
{
	tg_outbox_push(&tx->local, m, &tx->counters);
}

/* How long the message is; 0: it is not on its way to the port. */
static inline uint32_t
message(struct burst *b, struct rte_mbuf *m, const struct way *way)
{
	const struct tg_meta *meta = tg_meta(m);
	uint32_t len = m->data_len;
	enum tg_drop why;

	/* In the queue it was with the header. */
	m->pkt_len = len;
	/* Too big it cannot be unless the path has changed on the way: then what fitted may not fit
	 * any more. */
	if (!wg_peer_in_window(way->peer, meta->keypair, meta->counter))
		why = TG_DROP_REPLAY_WINDOW;
	else if (unlikely(len + way->path->outer.len > b->frame_max))
		why = TG_DROP_TOO_BIG;
	else if (unlikely(!way->resolved)) {
		resolve(b->tx, m);
		return 0;
	} else if (unlikely(tg_path_write(
			   way->path, way->to, &way->mac, m, meta->tos, b->ipv4_id++)))
		why = TG_DROP_NO_ROOM;
	else {
		*b->out++ = m;
		return len;
	}
	end_here(b->tx, m, why);
	return 0;
}

/* A keepalive is as short as a message can be. */
static void
stamp(struct wg_peer *peer, uint64_t now, unsigned int n, uint64_t bytes)
{
	wg_peer_sent(peer, now, bytes > (uint64_t)n * WG_DATA_LEN_MIN);
	wg_peer_count(&peer->tx_bytes, bytes);
}

static void
tell_hinter(struct tg_tx *tx, struct rte_mbuf **pkts, unsigned int n)
{
	if (likely(!tx->hinter.n))
		return;
	for (; n--; pkts++)
		tg_hint_sent(&tx->hinter, tg_meta(*pkts)->peer, tg_meta(*pkts)->fq.hash);
}

static void
messages(struct burst *b, const struct tg_runs *r, unsigned int run, struct rte_mbuf **pkts,
	unsigned int n)
{
	struct way way = {.peer = r->peers[run], .path = r->paths[run], .to = r->to[run]};
	struct rte_mbuf **first = b->out;
	uint64_t bytes = 0;

	tell_hinter(b->tx, pkts, n);
	way.resolved = tg_hop_mac(way.path->hop, &way.mac);
	for (; n--; pkts++)
		bytes += message(b, *pkts, &way);
	if (likely(bytes))
		stamp(way.peer, b->tx->now, (unsigned int)(b->out - first), bytes);
}

static void
frames(struct burst *b, struct rte_mbuf **pkts, unsigned int n)
{
	memcpy(b->out, pkts, n * sizeof(*pkts));
	b->out += n;
}

unsigned int
tg_depart_runs(struct tg_tx *tx, uint16_t port, struct rte_mbuf **pkts, const struct tg_runs *r,
	unsigned int run, unsigned int n)
{
	struct tg_wire *wire = &tx->wires[port];
	struct rte_mbuf **first;
	unsigned int len;
	struct burst b;

	if (!wire->n)
		wire->first = 0;
	first = &wire->pkts[wire->first + wire->n];
	b = (struct burst){.tx = tx,
		.out = first,
		.frame_max = wire->mtu + RTE_ETHER_HDR_LEN,
		.ipv4_id = tx->ipv4_id};
	for (; n; n -= len, run++) {
		struct rte_mbuf **at = &pkts[r->first[run]];

		len = RTE_MIN(n, (unsigned int)r->len[run]);
		if (r->paths[run])
			messages(&b, r, run, at, len);
		else
			frames(&b, at, len);
	}
	tx->ipv4_id = b.ipv4_id;
	wire->n += (uint16_t)(b.out - first);
	return (unsigned int)(b.out - first);
}

/* How many messages of a run go by this port now. */
static unsigned int
readdress(struct tg_tx *tx, uint16_t port, const struct wg_peer *peer, const struct tg_path *path,
	struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int i;

	if (likely(path && path->port == port))
		return n;
	tell_hinter(tx, pkts, n);
	for (i = 0; i < n; i++)
		tg_transmit_again(tx, pkts[i], peer);
	return 0;
}

/* A peer may have moved, or gone, while its messages were queued, and they follow. */
void
tg_depart(struct tg_tx *tx, uint16_t port, struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int i, going = 0;
	struct tg_runs r;

	tg_runs_find_ways(tx->env, pkts, n, &r);
	for (i = 0; i < r.n; i++) {
		struct rte_mbuf **run = &pkts[r.first[i]];

		if (tg_meta(*run)->op == TG_OP_WIRE)
			r.len[i] =
				(uint8_t)readdress(tx, port, r.peers[i], r.paths[i], run, r.len[i]);
		going += r.len[i];
	}
	tg_depart_runs(tx, port, pkts, &r, 0, going);
}

unsigned int
tg_depart_offer(struct tg_tx *tx, uint16_t port)
{
	struct tg_wire *wire = &tx->wires[port];
	uint16_t sent;

	if (!wire->n)
		return 0;
	sent = rte_eth_tx_burst(
		tx->env->ports[port].id, tx->index, &wire->pkts[wire->first], wire->n);
	wire->refused = sent < wire->n;
	tx->port_full += wire->refused;
	wire->first += sent;
	wire->n -= sent;
	tx->counters.out += sent;
	return sent;
}
