/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_tx.h"

#include <rte_ethdev.h>

#include "path.h"

/*
 * Where the messages of a run go: its peer may have moved, or gone, while they were queued, and
 * they follow. What is known by peer is looked up once.
 */
struct departure {
	uint32_t id;
	uint16_t port;
	bool resolved; /* mac is the next hop's */
	uint32_t len_max; /* that fits the way, of a message */
	struct wg_peer *peer;
	const struct tg_path *path; /* NULL: not over this port any more */
	struct rte_ether_addr mac;
	uint64_t bytes; /* that have left so far */
	uint32_t longest;
};

static void
look_up(const struct tg_tx *tx, struct departure *d, uint32_t id, uint16_t port)
{
	struct wg_peer *peer = wg_device_peer(tx->env->dev, id);
	const struct tg_path *path = peer ? tg_path_of(peer) : NULL;

	*d = (struct departure){.id = id, .port = port, .peer = peer};
	if (!path || path->port != port)
		return;
	d->path = path;
	d->resolved = tg_hop_mac(path->hop, &d->mac);
	d->len_max = tg_fib_port_mtu(tx->env->fib, port) + RTE_ETHER_HDR_LEN - path->outer.len;
}

static void
stamp(const struct tg_tx *tx, const struct departure *d)
{
	if (!d->bytes)
		return;
	wg_peer_sent(d->peer, tx->now, d->longest > WG_DATA_LEN_MIN);
	wg_peer_count(&d->peer->tx_bytes, d->bytes);
}

/* False: it is not on its way to the port. */
static bool
write_header(struct tg_tx *tx, struct rte_mbuf *m, struct departure *d)
{
	struct tg_meta *meta = tg_meta(m);
	uint32_t len = m->pkt_len - meta->outer_len;
	enum tg_drop why;

	m->pkt_len = len;
	if (unlikely(!d->path)) {
		tg_transmit_again(tx, m);
		return false;
	}
	/* Too big it cannot be unless the path has changed on the way: then what fitted may not fit
	 * any more. */
	if (!wg_peer_in_window(d->peer, meta->keypair, meta->counter))
		why = TG_DROP_REPLAY_WINDOW;
	else if (unlikely(len > d->len_max))
		why = TG_DROP_TOO_BIG;
	else if (unlikely(!d->resolved)) {
		tg_outbox_push(&tx->local, m, &tx->counters);
		return false;
	} else if (unlikely(tg_path_write(d->path, &d->mac, m, meta->tos, tx->ipv4_id++)))
		why = TG_DROP_NO_ROOM;
	else {
		d->bytes += len;
		d->longest = RTE_MAX(d->longest, len);
		return true;
	}
	tg_lose(&tx->counters, m, why);
	return false;
}

void
tg_depart(struct tg_tx *tx, uint16_t port, struct rte_mbuf **pkts, unsigned int n)
{
	struct tg_wire *wire = &tx->wires[port];
	struct departure d = {.id = WG_PEER_ID_RESERVED};
	unsigned int i;

	if (!wire->n)
		wire->first = 0;
	for (i = 0; i < n; i++) {
		const struct tg_meta *meta = tg_meta(pkts[i]);

		if (meta->op == TG_OP_WIRE) {
			tg_hint_sent(&tx->hinter, meta->peer, meta->fq.hash);
			if (meta->peer != d.id) {
				stamp(tx, &d);
				look_up(tx, &d, meta->peer, port);
			}
			if (!write_header(tx, pkts[i], &d))
				continue;
		}
		wire->pkts[wire->first + wire->n++] = pkts[i];
	}
	stamp(tx, &d);
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
