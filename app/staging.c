/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_tx.h"

#include "fq.h"
#include "fragment.h"
#include "mss.h"
#include "route.h"

static void
waits_no_more(struct tg_tx *tx, struct rte_mbuf *m)
{
	const struct tg_meta *meta = tg_meta(m);

	tg_lane_wait_over(tx->lanes[meta->crypto], meta->peer);
}

static void
refuse(struct tg_tx *tx, struct rte_mbuf *m, enum tg_drop why)
{
	if (tg_refuse_host(&tx->refused, &tx->counters, m, why, tx->now))
		tg_outbox_push(&tx->local, m, &tx->counters);
}

static bool
is_younger(const struct tg_tx *tx, struct rte_mbuf *m)
{
	return (int32_t)(tg_meta(m)->time - tx->gave_up_at) > 0;
}

void
tg_staging_dropped(void *ctx, struct rte_mbuf *m, enum fq_drop why)
{
	struct tg_tx *tx = ctx;

	if (tx->giving_up && is_younger(tx, m)) {
		tx->kept[tx->n_kept++] = m;
		return;
	}
	waits_no_more(tx, m);
	if (tx->giving_up)
		refuse(tx, m, tg_drop_fq(why));
	else
		tg_drop(&tx->counters, m, tg_drop_fq(why));
}

static bool
has_endpoint(const struct wg_peer *peer)
{
	return atomic_load_explicit(&peer->has_endpoint, memory_order_relaxed);
}

static void
ask(struct tg_tx *tx, struct wg_peer *peer)
{
	struct tg_event event = {.kind = TG_EVENT_SESSION_WANTED, .id = peer->id};

	if (!tg_event_post(tx->events, &event))
		wg_peer_want_again(peer);
}

/*
 * A session may have come up while the packet was on its way here: then the tin is not closed. That
 * there is no path says nothing: only peers with a session have one.
 */
void
tg_staging_add(struct tg_tx *tx, struct rte_mbuf *m)
{
	uint32_t id = tg_meta(m)->peer;
	struct wg_peer *peer = wg_device_peer(tx->env->dev, id);

	if (peer && !has_endpoint(peer)) {
		waits_no_more(tx, m);
		refuse(tx, m, TG_DROP_NO_ENDPOINT);
		return;
	}
	tg_meta(m)->time = (uint32_t)(tx->now >> 10);
	fq_enqueue(tx->staging, m, id, &fq_tin_plain, tx->now);
	if (!peer)
		fq_tin_purge(tx->staging, id);
	else if (wg_peer_session(peer, tx->now))
		fq_tin_open(tx->staging, id);
	else if (wg_peer_want_session(peer, tx->now))
		ask(tx, peer);
}

/*
 * A command may be late, as when many come at once: what has been staged since then is not meant.
 * The handshake that it asked for may not have begun.
 */
static void
give_up(struct tg_tx *tx, uint32_t id, uint32_t at)
{
	struct wg_peer *peer = wg_device_peer(tx->env->dev, id);
	unsigned int i;

	tx->giving_up = true;
	tx->gave_up_at = at;
	tx->n_kept = 0;
	fq_tin_purge(tx->staging, id);
	tx->giving_up = false;
	if (peer && tx->n_kept && wg_peer_want_more(peer, tx->now))
		ask(tx, peer);
	for (i = 0; i < tx->n_kept; i++)
		tg_staging_add(tx, tx->kept[i]);
}

void
tg_staging_command(struct tg_tx *tx, const struct tg_command *command)
{
	switch (command->kind) {
	case TG_COMMAND_OPEN:
		fq_tin_open(tx->staging, command->peer);
		break;
	case TG_COMMAND_PURGE:
		give_up(tx, command->peer, command->at);
		break;
	case TG_COMMAND_GONE:
		fq_tin_purge(tx->staging, command->peer);
		tg_transmit_purge(tx, command->peer);
		break;
	}
}

/* For whatever becomes of a packet. */
static bool
room(const struct tg_tx *tx)
{
	unsigned int i;

	for (i = 0; i < tx->env->n_crypto; i++)
		if (rte_ring_free_count(tx->to_crypto[i]) < TG_FRAGMENTS_MAX)
			return false;
	return true;
}

static void
give_back(struct tg_tx *tx, struct rte_mbuf *m)
{
	tg_meta(m)->op = TG_OP_RESEAL;
	rte_ring_sp_enqueue(tx->to_crypto[tg_meta(m)->crypto], m);
	tx->counters.out++;
}

/* Fragments wait before the whole waits no more: nothing younger shall overtake them. */
static unsigned int
cut(struct tg_tx *tx, struct rte_mbuf *m)
{
	struct tg_lane *lane = tx->lanes[tg_meta(m)->crypto];
	uint32_t peer = tg_meta(m)->peer;
	struct rte_mbuf *out[TG_FRAGMENTS_MAX];
	unsigned int i, n = tg_fragment(tx->env, &tx->counters, m, out);

	tg_lane_wait(lane, peer, (uint16_t)n);
	for (i = 0; i < n; i++)
		give_back(tx, out[i]);
	tg_lane_wait_over(lane, peer);
	return n;
}

/* It was routed when nobody knew the way to its peer, and has lost its hop of TTL then. */
static unsigned int
too_big(struct tg_tx *tx, struct rte_mbuf *m, uint32_t mtu)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	struct pkt_ip ip;

	pkt_ip_parse(p, rte_pktmbuf_data_len(m), &ip);
	tg_meta(m)->mtu = (uint16_t)mtu;
	if (tg_route_may_fragment(&ip, p))
		return cut(tx, m);
	waits_no_more(tx, m);
	if (tg_refuse(&tx->counters, m, &ip, TG_DROP_TOO_BIG, PKT_ICMP_TOO_BIG) == TG_OP_REFUSED &&
		tg_refuse_may_tell(&tx->refused, &tx->counters, m, tx->now))
		tg_outbox_push(&tx->local, m, &tx->counters);
	return 1;
}

/* Nobody knew the way when it was routed, so its MSS may be more than fits. */
static __rte_noinline void
clamp(struct rte_mbuf *m, uint32_t mtu)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	struct pkt_ip ip;

	if (pkt_ip_parse(p, rte_pktmbuf_data_len(m), &ip) == PKT_IP_OK)
		pkt_mss_clamp(p, &ip, mtu);
}

static unsigned int
release(struct tg_tx *tx, struct rte_mbuf *m)
{
	const struct wg_peer *peer = wg_device_peer(tx->env->dev, tg_meta(m)->peer);
	uint32_t mtu = peer ? tg_route_peer_mtu(tx->env, peer) : UINT16_MAX;

	if (unlikely(rte_pktmbuf_data_len(m) > mtu))
		return too_big(tx, m, mtu);
	if (unlikely(tx->env->mss_clamp))
		clamp(m, mtu);
	give_back(tx, m);
	return 1;
}

/* What opened tins let go returns to the crypto stage that it came from, in order. */
unsigned int
tg_staging_release(struct tg_tx *tx)
{
	struct rte_mbuf *m;
	unsigned int n = 0;

	if (!fq_backlog_packets(tx->staging))
		return 0;
	while (n < TG_BURST && room(tx)) {
		m = fq_dequeue(tx->staging, tx->now);
		if (!m)
			break;
		n += release(tx, m);
	}
	return n;
}
