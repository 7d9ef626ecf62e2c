/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What was looked up for the packet before, since packets come in trains: the next one has the same
 * addresses more often than not. A stage's own, and for one poll: a quiescent state follows, and
 * what these point at may be freed.
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
	struct tg_way way;
};

/* Of sources inside the tunnel. */
struct tg_recent_sender {
	struct tg_recent_address src;
	const struct wg_peer *peer;
};

/* True: it is the same again; false: it is now. */
static inline bool
tg_recent_is(struct tg_recent_address *a, uint8_t version, const uint8_t *bytes)
{
	bool same = a->version == version &&
		(version == 4 ? memcmp(a->bytes, bytes, 4) == 0 : memcmp(a->bytes, bytes, 16) == 0);

	if (likely(same))
		return true;
	a->version = version;
	memcpy(a->bytes, bytes, version == 4 ? 4 : 16);
	return false;
}

/* Data path. As tg_route_lookup(). */
static inline const struct tg_way *
tg_recent_lookup(struct tg_recent_way *recent, const struct tg_env *env, const struct pkt_ip *ip,
	const struct wg_peer *peer)
{
	if (!tg_recent_is(&recent->dst, ip->version, ip->dst))
		recent->way = tg_route_lookup(env, ip, peer);
	return &recent->way;
}

/* Data path. The peer that AllowedIPs name for the source, or NULL. peer: NULL: nobody has looked.
 */
static inline const struct wg_peer *
tg_recent_peer(struct tg_recent_sender *recent, const struct tg_env *env, const struct pkt_ip *ip,
	const struct wg_peer *peer)
{
	if (!tg_recent_is(&recent->src, ip->version, ip->src))
		recent->peer = peer ? peer : tg_route_peer(env, ip, ip->src);
	return recent->peer;
}

#endif
