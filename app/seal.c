/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_crypto.h"

#include "ecn.h"
#include "forward.h"
#include "ip.h"
#include "path.h"
#include "route.h"
#include "run.h"

static void
send_to_tx(struct tg_crypto *c, struct rte_mbuf *m)
{
	tg_outbox_push(&c->tx[tg_tx_of_tin(c->env, tg_meta(m)->peer)], m, &c->counters);
}

static void
send_all_to_tx(struct tg_crypto *c, struct rte_mbuf **pkts, unsigned int n)
{
	unsigned int i;

	if (c->env->n_tx == 1) {
		tg_outbox_push_burst(&c->tx[0], pkts, n, &c->counters);
		return;
	}
	for (i = 0; i < n; i++)
		send_to_tx(c, pkts[i]);
}

/* No session: the packet joins the peer's closed tin as it is. */
static void
stage(struct tg_crypto *c, struct rte_mbuf *m)
{
	struct tg_outbox *box = &c->tx[tg_tx_of_tin(c->env, tg_meta(m)->peer)];

	/* It returns to this stage, which is not its flow's when it came from another peer. */
	tg_meta(m)->op = TG_OP_STAGE;
	tg_meta(m)->crypto = c->index;
	/* Counted before TX can see it; a full ring shows at the flush, so make sure of room first.
	 */
	if (rte_ring_free_count(box->ring) <= box->n) {
		tg_drop(&c->counters, m, TG_DROP_TX_FULL);
		return;
	}
	tg_lane_wait(c->lane, tg_meta(m)->peer, 1);
	send_to_tx(c, m);
}

static void
hold(struct tg_crypto *c, struct rte_mbuf *m, struct tg_lane_peer *peer)
{
	if (c->n_held == TG_HOLD_MAX) {
		tg_drop(&c->counters, m, TG_DROP_HOLD_FULL);
		return;
	}
	peer->held++;
	c->held[c->n_held++] = m;
}

/* Marsaglia, Xorshift RNGs, 2003. */
static __rte_noinline bool
falls_to(struct tg_crypto *c, uint32_t share)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 17;
	c->random ^= c->random << 5;
	return (c->random & UINT16_MAX) < share;
}

/* To the port's queue in the clear; what has nowhere to go waits as if it had no session. */
static __rte_noinline bool
queue_in_clear(struct tg_crypto *c, struct rte_mbuf *m)
{
	struct tg_meta *meta = tg_meta(m);
	const struct wg_peer *peer = wg_device_peer(c->env->dev, meta->peer);

	if (!peer || !tg_path_of(peer))
		return false;
	meta->fq.hash = m->hash.rss;
	meta->op = TG_OP_PLAIN;
	meta->crypto = c->index;
	send_to_tx(c, m);
	return true;
}

bool
tg_seal_sifts(const struct tg_crypto *c)
{
	unsigned int i;

	for (i = 0; i < c->env->n_tx; i++)
		if (tg_hint_any(c->hints[i]))
			return true;
	return c->env->encrypt_at_dequeue;
}

bool
tg_seal_admit(struct tg_crypto *c, struct rte_mbuf *m)
{
	uint32_t peer = tg_meta(m)->peer;
	uint32_t share = tg_hint_share(c->hints[tg_tx_of_tin(c->env, peer)], peer, m->hash.rss);

	if (unlikely(share) && falls_to(c, share)) {
		tg_drop(&c->counters, m, TG_DROP_HINTED);
		return false;
	}
	return !c->env->encrypt_at_dequeue || !queue_in_clear(c, m);
}

void
tg_seal_add(struct tg_crypto *c, struct rte_mbuf **pkts, unsigned int n)
{
	struct tg_batch *b = &c->seal;
	unsigned int i, done, fit;

	for (i = 0; i < n; i++) {
		struct tg_meta *meta = tg_meta(pkts[i]);

		meta->fq.hash = pkts[i]->hash.rss;
		if (unlikely(meta->op == TG_OP_RESEAL))
			tg_lane_wait_over(c->lane, meta->peer);
	}
	for (done = 0; done < n; done += fit) {
		fit = RTE_MIN(n - done, (unsigned int)TG_BURST - b->n);
		memcpy(&b->pkts[b->n], &pkts[done], fit * sizeof(*pkts));
		b->n = (uint16_t)(b->n + fit);
		if (b->n == TG_BURST)
			tg_seal_flush(c);
	}
}

/* All of them once more, in order: those that still cannot go are held again. */
void
tg_seal_held(struct tg_crypto *c)
{
	unsigned int i, n = c->n_held;

	c->n_held = 0;
	for (i = 0; i < n; i++)
		tg_lane_peer(c, tg_meta(c->held[i])->peer)->held--;
	tg_seal_add(c, c->held, n);
}

/* What the messages of a run have in common. */
struct seal {
	struct wg_keypair *kp;
	uint32_t mtu; /* padding ends there */
	bool ecn;
	uint64_t counter; /* of the first one */
};

/* Zeroes for the padding are written where the tag will be, too. */
_Static_assert((int)PKT_WG_PAD <= (int)WG_TAG_LEN, "padding is shorter than what is written");

/* A message in place: header before, padding and room for the tag behind. */
static inline bool
shape(struct rte_mbuf *m, const struct seal *s, uint64_t counter, struct aead_job *job)
{
	struct tg_meta *meta = tg_meta(m);
	uint8_t *text = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t len = rte_pktmbuf_data_len(m);
	uint32_t padded = pkt_wg_padded(len, s->mtu);
	struct wg_data *msg = (void *)(text - sizeof(*msg));

	if (unlikely(rte_pktmbuf_tailroom(m) < padded - len + WG_TAG_LEN ||
		    rte_pktmbuf_headroom(m) < sizeof(*msg)))
		return false;
	meta->tos = 0;
	if (len && s->ecn)
		meta->tos = pkt_ecn_encap(pkt_ip_tos(text));
	meta->op = TG_OP_WIRE;
	meta->keypair = s->kp->session;
	meta->counter = (uint32_t)counter;
	memset(text + len, 0, WG_TAG_LEN);
	m->data_off -= sizeof(*msg);
	m->data_len = (uint16_t)(sizeof(*msg) + padded + WG_TAG_LEN);
	m->pkt_len = m->data_len;
	*msg = (struct wg_data){.type = rte_cpu_to_le_32(WG_MESSAGE_DATA),
		.receiver = rte_cpu_to_le_32(s->kp->remote_index),
		.counter = rte_cpu_to_le_64(counter)};
	*job = (struct aead_job){
		.text = text, .key = s->kp->send_key, .counter = counter, .len = padded};
	return true;
}

static bool
is_older(struct rte_mbuf *m)
{
	return tg_meta(m)->op == TG_OP_RESEAL;
}

static inline void
seal(struct tg_crypto *c, struct rte_mbuf *m, const struct seal *s, uint64_t counter,
	struct tg_batch *out)
{
	if (likely(shape(m, s, counter, &out->jobs[out->n])))
		out->pkts[out->n++] = m;
	else
		tg_drop(&c->counters, m, TG_DROP_NO_ROOM);
}

/*
 * A run that is not sealed as it is. With older packets on their way, the session is only for those
 * of them that have come back.
 */
static __rte_noinline void
run_in_order(struct tg_crypto *c, struct rte_mbuf **pkts, unsigned int n, struct seal s,
	struct tg_batch *out)
{
	struct tg_lane_peer *lane = tg_lane_peer(c, tg_meta(pkts[0])->peer);
	unsigned int i, sealed = 0;

	for (i = 0; i < n; i++)
		sealed += is_older(pkts[i]);
	if (s.kp && !wg_keypair_take_counters(s.kp, sealed, &s.counter))
		s.kp = NULL;
	for (i = 0; i < n; i++) {
		if (!s.kp)
			stage(c, pkts[i]);
		else if (!is_older(pkts[i]))
			hold(c, pkts[i], lane);
		else
			seal(c, pkts[i], &s, s.counter++, out);
	}
}

static void
drop_all(struct tg_crypto *c, struct rte_mbuf **pkts, unsigned int n, enum tg_drop why)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		tg_drop(&c->counters, pkts[i], why);
}

/* Are older packets of any peer on their way to where this one's would have to wait? */
static bool
any_wait(const struct tg_crypto *c)
{
	return c->n_held || atomic_load_explicit(&c->lane->waiting, memory_order_acquire);
}

static bool
waits(const struct tg_crypto *c, uint32_t id)
{
	const struct tg_lane_peer *peer;

	if (likely(!any_wait(c)))
		return false;
	peer = tg_lane_peer(c, id);
	return peer->held || atomic_load_explicit(&peer->waiting, memory_order_relaxed);
}

/*
 * One run of packets for the same peer: one look at its state, one session, one add to its counter.
 */
static void
run(struct tg_crypto *c, const struct tg_runs *r, unsigned int i, struct tg_batch *out)
{
	struct rte_mbuf **pkts = &out->pkts[r->first[i]];
	const struct wg_peer *peer = r->peers[i];
	unsigned int n = r->len[i];
	struct seal s;

	if (unlikely(!peer)) {
		drop_all(c, pkts, n, TG_DROP_PEER_GONE);
		return;
	}
	s = (struct seal){.kp = wg_peer_session(peer, c->now),
		.mtu = tg_route_peer_mtu(c->env, peer),
		.ecn = atomic_load_explicit(&peer->ecn, memory_order_relaxed)};
	if (unlikely(waits(c, r->ids[i]) || !s.kp ||
		    !wg_keypair_take_counters(s.kp, n, &s.counter))) {
		run_in_order(c, pkts, n, s, out);
		return;
	}
	for (; n--; pkts++)
		seal(c, *pkts, &s, s.counter++, out);
}

void
tg_seal_flush(struct tg_crypto *c)
{
	struct tg_batch *b = &c->seal;
	struct tg_runs runs;
	unsigned int i;

	if (!b->n)
		return;
	tg_runs_find(c->env, b->pkts, b->n, &runs);
	for (i = any_wait(c) ? 0 : runs.n; i < runs.n; i++)
		rte_prefetch0(tg_lane_peer(c, runs.ids[i]));
	tg_runs_fetch_sessions(&runs);
	/* Sealed packets move up over those that end here: b->n never overtakes a run. */
	b->n = 0;
	for (i = 0; i < runs.n; i++)
		run(c, &runs, i, b);
	aead_seal_burst(c->aead, b->jobs, b->n);
	c->sealed += b->n;
	tg_crypto_slow_down(c, b->n);
	send_all_to_tx(c, b->pkts, b->n);
	b->n = 0;
}
