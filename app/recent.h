/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What was looked up for the packet before, since packets come in trains: the next one has the same
 * addresses more often than not. And if not, its destination may still have the same route, whoever
 * the peer behind is. A stage's own, and for one poll: a quiescent state follows, and what these
 * point at may be freed.
 */
#ifndef TG_RECENT_H
#define TG_RECENT_H

#include <string.h>

#include "route.h"

/* Zeroed: none. Network order. */
struct tg_recent_address {
	uint8_t version;
	uint8_t bytes[16];
};

/* Of destinations. */
struct tg_recent_way {
	struct tg_recent_address dst;
	unsigned int alike; /* leading bits that lead to the same hop */
	struct tg_way way;
};

/* Of sources inside the tunnel. */
struct tg_recent_sender {
	struct tg_recent_address src;
	const struct wg_peer *peer;
};

static inline bool
tg_recent_is(const struct tg_recent_address *a, uint8_t version, const uint8_t *bytes)
{
	if (a->version != version)
		return false;
	return version == 4 ? memcmp(a->bytes, bytes, 4) == 0 : memcmp(a->bytes, bytes, 16) == 0;
}

static inline void
tg_recent_set(struct tg_recent_address *a, uint8_t version, const uint8_t *bytes)
{
	a->version = version;
	if (version == 4)
		memcpy(a->bytes, bytes, 4);
	else
		memcpy(a->bytes, bytes, 16);
}

/* Has it these leading bits, at least one, in common with the one before? */
static inline bool
tg_recent_is_near(
	const struct tg_recent_address *a, uint8_t version, const uint8_t *bytes, unsigned int bits)
{
	rte_be32_t was, is;
	rte_be64_t was6[2], is6[2];

	if (a->version != version)
		return false;
	if (version == 4) {
		memcpy(&was, a->bytes, sizeof(was));
		memcpy(&is, bytes, sizeof(is));
		return rte_be_to_cpu_32(was ^ is) >> (32 - bits) == 0;
	}
	memcpy(was6, a->bytes, sizeof(was6));
	memcpy(is6, bytes, sizeof(is6));
	if (bits <= 64)
		return rte_be_to_cpu_64(was6[0] ^ is6[0]) >> (64 - bits) == 0;
	return was6[0] == is6[0] && rte_be_to_cpu_64(was6[1] ^ is6[1]) >> (128 - bits) == 0;
}

/* Data path. As tg_route_lookup(). */
static inline const struct tg_way *
tg_recent_lookup(struct tg_recent_way *recent, const struct tg_env *env, const struct pkt_ip *ip,
	const struct wg_peer *peer)
{
	if (likely(tg_recent_is(&recent->dst, ip->version, ip->dst)))
		return &recent->way;
	if (!tg_recent_is_near(&recent->dst, ip->version, ip->dst, recent->alike))
		recent->way.hop =
			tg_fib_lookup_alike(env->fib, ip->version, ip->dst, &recent->alike);
	tg_recent_set(&recent->dst, ip->version, ip->dst);
	recent->way = tg_route_over(env, ip, recent->way.hop, peer);
	return &recent->way;
}

/* Data path. The peer that AllowedIPs name for the source, or NULL. peer: NULL: nobody has looked.
 */
static inline const struct wg_peer *
tg_recent_peer(struct tg_recent_sender *recent, const struct tg_env *env, const struct pkt_ip *ip,
	const struct wg_peer *peer)
{
	if (likely(tg_recent_is(&recent->src, ip->version, ip->src)))
		return recent->peer;
	tg_recent_set(&recent->src, ip->version, ip->src);
	recent->peer = peer ? peer : tg_route_peer(env, ip, ip->src);
	return recent->peer;
}

#endif
