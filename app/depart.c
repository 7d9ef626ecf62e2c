/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_tx.h"

#include <rte_ethdev.h>

/* Messages for one peer, and what is known of the way there. */
struct departure {
	struct wg_peer *peer;
	const struct tg_path *path;
	bool resolved; /* mac is the next hop's */
	struct rte_ether_addr mac;
	uint16_t ipv4_id; /* the next */
	uint32_t len_max; /* that fits the way, of a message */
	uint64_t bytes; /* that are on their way to the port */
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

/* False: it is not on its way to the port. */
static bool
write_header(struct tg_tx *tx, struct rte_mbuf *m, struct departure *d)
{
	const struct tg_meta *meta = tg_meta(m);
	uint32_t len = m->pkt_len - d->path->outer.len;
	enum tg_drop why;

	m->pkt_len = len;
	/* Too big it cannot be unless the path has changed on the way: then what fitted may not fit
	 * any more. */
	if (!wg_peer_in_window(d->peer, meta->keypair, meta->counter))
		why = TG_DROP_REPLAY_WINDOW;
	else if (unlikely(len > d->len_max))
		why = TG_DROP_TOO_BIG;
	else if (unlikely(!d->resolved)) {
		resolve(tx, m);
		return false;
	} else if (unlikely(tg_path_write(d->path, &d->mac, m, meta->tos, d->ipv4_id++)))
		why = TG_DROP_NO_ROOM;
	else {
		d->bytes += len;
		return true;
	}
	end_here(tx, m, why);
	return false;
}

/* A keepalive is as short as a message can be. */
static void
stamp(const struct tg_tx *tx, const struct departure *d, unsigned int n)
{
	wg_peer_sent(d->peer, tx->now, d->bytes > (uint64_t)n * WG_DATA_LEN_MIN);
	wg_peer_count(&d->peer->tx_bytes, d->bytes);
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
messages(struct tg_tx *tx, struct tg_wire *wire, struct wg_peer *peer, const struct tg_path *path,
	struct rte_mbuf **pkts, unsigned int n)
{
	struct rte_mbuf **out = &wire->pkts[wire->first + wire->n];
	struct departure d = {.peer = peer, .path = path, .ipv4_id = tx->ipv4_id};
	unsigned int i, going = 0;

	tell_hinter(tx, pkts, n);
	d.resolved = tg_hop_mac(path->hop, &d.mac);
	d.len_max = wire->mtu + RTE_ETHER_HDR_LEN - path->outer.len;
	for (i = 0; i < n; i++)
		if (write_header(tx, pkts[i], &d))
			out[going++] = pkts[i];
	tx->ipv4_id = d.ipv4_id;
	wire->n += (uint16_t)going;
	if (likely(going))
		stamp(tx, &d, going);
}

static void
frames(struct tg_wire *wire, struct rte_mbuf **pkts, unsigned int n)
{
	struct rte_mbuf **out = &wire->pkts[wire->first + wire->n];
	unsigned int i;

	for (i = 0; i < n; i++)
		out[i] = pkts[i];
	wire->n += (uint16_t)n;
}

void
tg_depart_runs(struct tg_tx *tx, uint16_t port, struct rte_mbuf **pkts, const struct tg_runs *r,
	unsigned int run, unsigned int n)
{
	struct tg_wire *wire = &tx->wires[port];
	unsigned int len;

	if (!wire->n)
		wire->first = 0;
	for (; n; n -= len, run++) {
		struct rte_mbuf **at = &pkts[r->first[run]];

		len = RTE_MIN(n, (unsigned int)r->len[run]);
		if (r->paths[run])
			messages(tx, wire, r->peers[run], r->paths[run], at, len);
		else
			frames(wire, at, len);
	}
}

/* Messages were queued with the header of a path of then. How many go by this port now. */
static unsigned int
readdress(struct tg_tx *tx, uint16_t port, const struct wg_peer *peer, const struct tg_path *path,
	struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int i;

	if (likely(path && path->port == port)) {
		for (i = 0; i < n; i++)
			pkts[i]->pkt_len += path->outer.len - tg_meta(pkts[i])->outer_len;
		return n;
	}
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
