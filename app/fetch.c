/* SPDX-License-Identifier: BSD-3-Clause */
#include "fetch.h"

#include <rte_ip.h>
#include <rte_prefetch.h>

#include "path.h"

_Static_assert(TG_BURST <= LPM_BURST_MAX, "a burst is looked up in one go");

/* Of an IP packet that nobody has looked at yet. False: it is too short, or no IP. */
static bool
address(const uint8_t *ip, uint32_t len, bool source, struct lpm_address *a)
{
	if (likely(len >= sizeof(struct rte_ipv4_hdr) && ip[0] >> 4 == 4))
		*a = (struct lpm_address){ip + (source ? 12 : 16), 4};
	else if (len >= sizeof(struct rte_ipv6_hdr) && ip[0] >> 4 == 6)
		*a = (struct lpm_address){ip + (source ? 8 : 24), 6};
	else
		return false;
	return true;
}

static bool
has_few_peers(const struct tg_env *env)
{
	return !wg_allowedips_is_large(wg_device_allowedips(env->dev));
}

/* Addresses, and which packets they are of; of a train's the first (recent.h has the others). */
struct wanted {
	unsigned int n;
	struct lpm_address addrs[TG_BURST];
	uint8_t of[TG_BURST];
};

static inline bool
same(const struct lpm_address *a, const struct lpm_address *b)
{
	if (a->version != b->version)
		return false;
	return a->version == 4 ? memcmp(a->addr, b->addr, 4) == 0
			       : memcmp(a->addr, b->addr, 16) == 0;
}

static inline void
want(struct wanted *w, const uint8_t *ip, uint32_t len, bool source, unsigned int i)
{
	struct lpm_address *a = &w->addrs[w->n];

	w->of[w->n] = (uint8_t)i;
	w->n += address(ip, len, source, a) && !(w->n && same(a, a - 1));
}

static void
find(const struct tg_env *env, const struct wanted *w, struct wg_peer **peers)
{
	struct wg_peer *found[TG_BURST];
	unsigned int i;

	wg_allowedips_lookup_burst(wg_device_allowedips(env->dev), w->addrs, found, w->n);
	for (i = 0; i < w->n; i++)
		peers[w->of[i]] = found[i];
}

void
tg_fetch_destinations(const struct tg_env *env, struct rte_mbuf **frames,
	struct wg_peer *peers[TG_BURST], unsigned int n)
{
	struct wanted w;
	unsigned int i;

	memset(peers, 0, n * sizeof(*peers));
	if (has_few_peers(env))
		return;
	w.n = 0;
	for (i = 0; i < n; i++) {
		const uint8_t *frame = rte_pktmbuf_mtod(frames[i], const uint8_t *);
		uint32_t len = rte_pktmbuf_data_len(frames[i]);

		if (len > RTE_ETHER_HDR_LEN)
			want(&w, frame + RTE_ETHER_HDR_LEN, len - RTE_ETHER_HDR_LEN, false, i);
	}
	find(env, &w, peers);
}

static const struct wg_data *
message(struct rte_mbuf *m)
{
	return tg_meta(m)->op == TG_OP_OPEN ? rte_pktmbuf_mtod(m, const struct wg_data *) : NULL;
}

void
tg_fetch_sessions(const struct tg_env *env, struct rte_mbuf **pkts, unsigned int n)
{
	const struct wg_index *index = wg_device_index(env->dev);
	unsigned int i;

	if (has_few_peers(env))
		return;
	for (i = 0; i < n; i++) {
		const struct wg_data *msg = message(pkts[i]);

		if (msg)
			wg_index_fetch_slot(index, rte_le_to_cpu_32(msg->receiver));
	}
	for (i = 0; i < n; i++) {
		const struct wg_data *msg = message(pkts[i]);
		const struct wg_keypair *kp =
			msg ? wg_index_fetch(index, rte_le_to_cpu_32(msg->receiver)) : NULL;

		if (kp)
			wg_replay_fetch(&kp->replay, rte_le_to_cpu_64(msg->counter));
	}
}

void
tg_fetch_senders(const struct tg_crypto *c, const struct tg_batch *b)
{
	unsigned int i;

	if (has_few_peers(c->env))
		return;
	for (i = 0; i < b->n; i++) {
		const struct wg_peer *peer = b->keypairs[i]->peer;

		rte_prefetch0(peer);
		rte_prefetch0(&peer->last_sent);
		rte_prefetch0(&peer->last_received);
	}
}

void
tg_fetch_sources(
	const struct tg_env *env, const struct tg_batch *b, struct wg_peer *peers[TG_BURST])
{
	struct wanted w;
	unsigned int i;

	memset(peers, 0, b->n * sizeof(*peers));
	if (has_few_peers(env))
		return;
	w.n = 0;
	for (i = 0; i < b->n; i++)
		if (b->jobs[i].ok)
			want(&w, b->jobs[i].text, b->jobs[i].len, true, i);
	find(env, &w, peers);
}
