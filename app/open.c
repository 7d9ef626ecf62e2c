/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_crypto.h"

#include "ecn.h"
#include "fetch.h"
#include "forward.h"
#include "fragment.h"
#include "hash.h"
#include "path.h"
#include "route.h"

/*
 * How long packets are kept for the path, or the session, that the answer shall take: control may
 * have to wait for a CPU, several ms where others use it.
 */
#define PARK_TIME_MAX UINT64_C(10000000)

/* An authenticated message: before the cipher its session is known, behind it everything. */
void
tg_open_add(struct tg_crypto *c, struct rte_mbuf *m)
{
	struct wg_data *msg = rte_pktmbuf_mtod(m, struct wg_data *);
	uint64_t counter = rte_le_to_cpu_64(msg->counter);
	struct wg_keypair *kp =
		wg_index_keypair(wg_device_index(c->env->dev), rte_le_to_cpu_32(msg->receiver));
	enum tg_drop why;

	if (!kp)
		why = TG_DROP_NO_SESSION;
	else if (!wg_keypair_receives(kp, c->now))
		why = TG_DROP_EXPIRED;
	else if (!wg_replay_check(&kp->replay, counter))
		why = TG_DROP_REPLAY;
	else {
		struct tg_batch *b = &c->open;

		b->jobs[b->n] = (struct aead_job){
			.text = (uint8_t *)(msg + 1),
			.key = kp->recv_key,
			.counter = counter,
			.len = rte_pktmbuf_data_len(m) - sizeof(*msg) - WG_TAG_LEN,
		};
		b->keypairs[b->n] = kp;
		b->pkts[b->n++] = m;
		if (b->n == TG_BURST)
			tg_open_flush(c);
		return;
	}
	tg_drop(&c->counters, m, why);
}

static bool
is_unconfirmed(const struct wg_keypair *kp)
{
	return atomic_load_explicit(&kp->unconfirmed, memory_order_acquire);
}

static void
tell_roamed(struct tg_crypto *c, struct rte_mbuf *m, const struct wg_peer *peer)
{
	struct tg_event roamed = {.kind = TG_EVENT_ROAMED, .id = peer->id};

	tg_endpoint_read(m, 0, &roamed.from);
	tg_event_post(c->events, &roamed);
}

static __rte_noinline void
tell_heard(struct tg_crypto *c, struct wg_keypair *kp)
{
	struct tg_event heard = {.kind = TG_EVENT_HEARD, .id = kp->local_index};

	if (tg_event_post(c->events, &heard))
		atomic_store_explicit(&kp->heard, true, memory_order_relaxed);
}

/* Not from where the tag says. True: it is from elsewhere than the path leads to. */
static __rte_noinline bool
has_moved(struct tg_crypto *c, struct rte_mbuf *m, struct wg_peer *peer)
{
	const struct tg_path *path = tg_path_of(peer);
	bool moved = path && !tg_endpoint_is(m, &path->endpoint);

	if (moved || (!path && wg_peer_want_session(peer, c->now)))
		tell_roamed(c, m, peer);
	return moved;
}

/*
 * What an authenticated packet means to the peer, whatever its inside turns out to be. True: it
 * came from another endpoint than answers go to, or under a session that they are not sent under
 * yet, and control has been told.
 */
static bool
authenticated(struct tg_crypto *c, struct rte_mbuf *m, struct wg_keypair *kp, uint32_t len)
{
	struct wg_peer *peer = kp->peer;
	bool moved =
		tg_endpoint_tag(m) != atomic_load_explicit(&peer->path_tag, memory_order_acquire) &&
		has_moved(c, m, peer);

	if (unlikely(!atomic_load_explicit(&kp->heard, memory_order_relaxed)))
		tell_heard(c, kp);
	wg_peer_received(peer, c->now, len != 0);
	wg_peer_count(&peer->rx_bytes, rte_pktmbuf_data_len(m));
	return moved || is_unconfirmed(kp);
}

static void
routed(void *stage, struct rte_mbuf *m, enum tg_op op)
{
	struct tg_crypto *c = stage;

	if (likely(op == TG_OP_FRAME)) {
		tg_outbox_push(&c->tx[tg_tx_of_tin(c->env, tg_meta(m)->peer)], m, &c->counters);
		return;
	}
	switch (op) {
	case TG_OP_DROPPED:
		break;
	case TG_OP_SEAL:
		if (!c->sifts || tg_seal_admit(c, m))
			tg_seal_add(c, &m, 1);
		break;
	case TG_OP_FRAGMENT:
		tg_fragment_route(c->env, &c->counters, m, routed, c);
		break;
	case TG_OP_REFUSED:
		if (tg_refuse_may_tell(&c->refused, &c->counters, m, c->now))
			tg_outbox_push(&c->local, m, &c->counters);
		break;
	default:
		tg_outbox_push(&c->local, m, &c->counters);
		break;
	}
}

/* The inner packet onwards; its data begin at its IP header and end with it. */
static inline void
forward(struct tg_crypto *c, struct rte_mbuf *m, const struct pkt_ip *ip)
{
	const struct tg_way *way = tg_recent_lookup(&c->recent, c->env, ip, NULL);

	/* To Linux a link-local address in the tunnel means something. */
	if (unlikely(pkt_ip_martian(ip)) && !way->kernels) {
		tg_drop(&c->counters, m, TG_DROP_MARTIAN);
		return;
	}
	m->hash.rss = pkt_flow_hash(ip, rte_pktmbuf_mtod(m, const uint8_t *), c->env->salt);
	tg_meta(m)->fq.hash = m->hash.rss;
	routed(c, m, tg_route(c->env, &c->counters, m, ip, way));
}

static __rte_noinline void
unpark(struct tg_crypto *c)
{
	struct rte_mbuf *m = c->parked[c->first_parked];
	struct pkt_ip ip;

	c->first_parked = (c->first_parked + 1) % TG_PARK_MAX;
	c->n_parked--;
	tg_lane_peer(c, tg_meta(m)->peer)->parked--;
	/* Parsed before: this cannot fail. */
	pkt_ip_parse(rte_pktmbuf_mtod(m, const uint8_t *), rte_pktmbuf_data_len(m), &ip);
	forward(c, m, &ip);
}

static __rte_noinline void
park(struct tg_crypto *c, struct rte_mbuf *m)
{
	if (c->n_parked == TG_PARK_MAX)
		unpark(c);
	tg_meta(m)->time = (uint32_t)(c->now >> 10);
	tg_lane_peer(c, tg_meta(m)->peer)->parked++;
	c->parked[(c->first_parked + c->n_parked++) % TG_PARK_MAX] = m;
}

/*
 * Would the answer take the session that this packet came under, and the path to where it came
 * from? Or does control take too long?
 */
static bool
may_go(struct tg_crypto *c, struct rte_mbuf *m)
{
	const struct wg_peer *peer = wg_device_peer(c->env->dev, tg_meta(m)->peer);
	const struct tg_path *path = peer ? tg_path_of(peer) : NULL;
	const struct wg_data *msg =
		rte_pktmbuf_mtod_offset(m, const struct wg_data *, -(int)sizeof(*msg));
	const struct wg_keypair *kp =
		wg_index_keypair(wg_device_index(c->env->dev), rte_le_to_cpu_32(msg->receiver));
	struct wg_endpoint from;

	if ((uint32_t)(c->now >> 10) - tg_meta(m)->time > PARK_TIME_MAX >> 10)
		return true;
	if (kp && is_unconfirmed(kp))
		return false;
	tg_endpoint_read(m, sizeof(*msg), &from);
	return !path || wg_endpoint_equal(&path->endpoint, &from);
}

void
tg_open_parked(struct tg_crypto *c)
{
	while (c->n_parked && may_go(c, c->parked[c->first_parked]))
		unpark(c);
}

/*
 * What is inside: IP, from the peer that may send from there, with the outer mark carried over.
 * source: who may, NULL when nobody has looked.
 */
static enum tg_drop
inspect(struct tg_crypto *c, const struct wg_keypair *kp, const struct aead_job *job,
	const struct wg_peer *source, uint8_t outer_tos, struct pkt_ip *ip)
{
	enum pkt_ip_reason bad = pkt_ip_check(job->text, job->len, ip);

	if (unlikely(bad != PKT_IP_OK))
		return tg_drop_ip(bad);
	if (tg_recent_peer(&c->sender, c->env, ip, source) != kp->peer)
		return TG_DROP_SOURCE;
	if (!pkt_ecn_decap(outer_tos, job->text))
		return TG_DROP_ECN;
	return TG_DROP_COUNT;
}

/* The order of checks is the protocol's: replay, endpoint and session, then what is inside. */
static void
opened(struct tg_crypto *c, struct rte_mbuf *m, struct wg_keypair *kp, const struct aead_job *job,
	const struct wg_peer *source)
{
	uint8_t outer_tos =
		pkt_ip_tos(rte_pktmbuf_mtod(m, const uint8_t *) - tg_meta(m)->outer_len);
	enum tg_drop why = TG_DROP_REPLAY;
	bool park_it = false;
	struct pkt_ip ip;

	if (wg_replay_update(&kp->replay, job->counter)) {
		park_it = authenticated(c, m, kp, job->len);
		why = job->len ? inspect(c, kp, job, source, outer_tos, &ip) : TG_DROP_KEEPALIVE;
	}
	if (unlikely(why != TG_DROP_COUNT)) {
		tg_drop(&c->counters, m, why);
		return;
	}
	pkt_narrow(m, job->text, ip.total_len);
	tg_meta_join(tg_meta(m), kp->peer->id, wg_peer_is_limited(kp->peer));
	if (unlikely(park_it || (c->n_parked && tg_lane_peer(c, kp->peer->id)->parked)))
		park(c, m);
	else
		forward(c, m, &ip);
}

void
tg_open_flush(struct tg_crypto *c)
{
	struct tg_batch *b = &c->open;
	struct wg_peer *sources[TG_BURST];
	unsigned int i;

	if (!b->n)
		return;
	tg_fetch_senders(c, b);
	aead_open_burst(c->aead, b->jobs, b->n);
	c->opened += b->n;
	tg_crypto_slow_down(c, b->n);
	tg_fetch_sources(c->env, b, sources);
	for (i = 0; i < b->n; i++) {
		if (b->jobs[i].ok)
			opened(c, b->pkts[i], b->keypairs[i], &b->jobs[i], sources[i]);
		else
			tg_drop(&c->counters, b->pkts[i], TG_DROP_BAD_TAG);
	}
	b->n = 0;
}
