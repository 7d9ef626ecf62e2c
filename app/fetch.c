/* SPDX-License-Identifier: BSD-3-Clause */
#include "fetch.h"

#include <rte_ip.h>

#include "path.h"

_Static_assert(TG_BURST <= LPM_FETCH_MAX, "a burst is fetched at once");

/* Addresses by family. */
struct addresses {
	const uint8_t *v4[TG_BURST];
	const uint8_t *v6[TG_BURST];
	unsigned int n4, n6;
};

static void
fetch(const struct tg_env *env, const struct addresses *a)
{
	const struct wg_allowedips *allowed = wg_device_allowedips(env->dev);

	if (a->n4)
		wg_allowedips_fetch4(allowed, a->v4, a->n4);
	if (a->n6)
		wg_allowedips_fetch6(allowed, a->v6, a->n6);
}

void
tg_fetch_by_destination(const struct tg_env *env, struct rte_mbuf **pkts, unsigned int n)
{
	struct addresses a = {.n4 = 0, .n6 = 0};
	unsigned int i;

	for (i = 0; i < n; i++) {
		const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(pkts[i], const void *);
		const uint8_t *ip = (const uint8_t *)(eth + 1);
		uint16_t len = rte_pktmbuf_data_len(pkts[i]);

		if (len >= sizeof(*eth) + sizeof(struct rte_ipv4_hdr) &&
			eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV4))
			a.v4[a.n4++] = ip + offsetof(struct rte_ipv4_hdr, dst_addr);
		else if (len >= sizeof(*eth) + sizeof(struct rte_ipv6_hdr) &&
			eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_IPV6))
			a.v6[a.n6++] = ip + offsetof(struct rte_ipv6_hdr, dst_addr);
	}
	fetch(env, &a);
}

void
tg_fetch_by_source(const struct tg_env *env, const struct aead_job *jobs, unsigned int n)
{
	struct addresses a = {.n4 = 0, .n6 = 0};
	unsigned int i;

	for (i = 0; i < n; i++) {
		const uint8_t *ip = jobs[i].text;

		if (!jobs[i].ok)
			continue;
		if (jobs[i].len >= sizeof(struct rte_ipv4_hdr) && ip[0] >> 4 == 4)
			a.v4[a.n4++] = ip + offsetof(struct rte_ipv4_hdr, src_addr);
		else if (jobs[i].len >= sizeof(struct rte_ipv6_hdr) && ip[0] >> 4 == 6)
			a.v6[a.n6++] = ip + offsetof(struct rte_ipv6_hdr, src_addr);
	}
	fetch(env, &a);
}

/* The messages to be opened, of more than one session. */
static unsigned int
messages(struct rte_mbuf **pkts, unsigned int n, const struct wg_data *msgs[TG_BURST])
{
	unsigned int i, n_msgs = 0;
	bool differ = false;

	for (i = 0; i < n; i++) {
		if (tg_meta(pkts[i])->op != TG_OP_OPEN)
			continue;
		msgs[n_msgs] = rte_pktmbuf_mtod(pkts[i], const struct wg_data *);
		differ |= msgs[n_msgs]->receiver != msgs[0]->receiver;
		n_msgs++;
	}
	return differ ? n_msgs : 0;
}

static void
fetch_peer(const struct wg_keypair *kp, const struct wg_data *msg)
{
	uint64_t word = rte_le_to_cpu_64(msg->counter) / 64 % WG_REPLAY_WORDS;

	rte_prefetch0(kp->peer);
	rte_prefetch0(&kp->peer->last_received);
	rte_prefetch0(&kp->replay.bits[word]);
}

static void
fetch_path(const struct wg_peer *peer, const struct tg_lane_peer *lanes)
{
	const struct tg_path *path = tg_path_of(peer);

	rte_prefetch0(&lanes[peer->id & WG_PEER_SLOT_MASK]);
	if (path)
		rte_prefetch0(&path->endpoint);
}

void
tg_fetch_by_session(const struct tg_env *env, const struct tg_lane_peer *lanes,
	struct rte_mbuf **pkts, unsigned int n)
{
	const struct wg_index *index = wg_device_index(env->dev);
	const struct wg_keypair *kps[TG_BURST];
	const struct wg_data *msgs[TG_BURST];
	unsigned int i, n_msgs = messages(pkts, n, msgs);

	for (i = 0; i < n_msgs; i++)
		wg_index_fetch(index, rte_le_to_cpu_32(msgs[i]->receiver));
	for (i = 0; i < n_msgs; i++) {
		kps[i] = wg_index_likely_keypair(index, rte_le_to_cpu_32(msgs[i]->receiver));
		rte_prefetch0(kps[i]);
		if (kps[i])
			rte_prefetch0(&kps[i]->recv_key);
	}
	for (i = 0; i < n_msgs; i++)
		if (kps[i])
			fetch_peer(kps[i], msgs[i]);
	for (i = 0; i < n_msgs; i++)
		if (kps[i])
			fetch_path(kps[i]->peer, lanes);
}
