/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A peer's path: the outer header for its endpoint, ready to be copied, and the hop that it leaves
 * by. Made by the control thread whenever endpoint or routes change, published in peer->path,
 * replaced and freed under RCU. The data path reads it; TX needs it only for peers that have no way
 * by a trunk (trunk.h), which control publishes beside it.
 */
#ifndef TG_PATH_H
#define TG_PATH_H

#include "endpoint.h"
#include "env.h"
#include "outer.h"

/* On cache lines: the first has all that an IPv4 message needs. */
struct tg_path {
	struct tg_hop *hop;
	uint16_t port;
	uint8_t csum; /* enum pkt_outer_csum, of data messages */
	struct pkt_outer outer; /* destination MAC left to the hop */
	struct wg_endpoint endpoint; /* that it was made for */
	struct tg_fib *fib;
	struct rcu_head rcu;
};

_Static_assert(offsetof(struct tg_path, outer.hdr) + PKT_OUTER_IP4_LEN == RTE_CACHE_LINE_SIZE &&
		offsetof(struct tg_path, endpoint) + sizeof(struct wg_endpoint) <=
			2 * RTE_CACHE_LINE_SIZE,
	"one line to send by, and one to compare with");

/* Data path. NULL: the peer cannot be reached at present. */
static inline struct tg_path *
tg_path_of(const struct wg_peer *peer)
{
	return atomic_load_explicit(&peer->path, memory_order_acquire);
}

/*
 * Control. The way to an endpoint, or NULL and errno: EDESTADDRREQ (no endpoint), ENETUNREACH (no
 * route out of a port; one into the tunnel does not count), EADDRNOTAVAIL (no local address),
 * ENOMEM.
 */
struct tg_path *tg_path_create(const struct tg_env *env, const struct wg_endpoint *to);

/* Control. A path that was never published. NULL is allowed. */
void tg_path_destroy(struct tg_path *path);

/* Control. Makes peer->path what its endpoint and the routes say now. */
void tg_path_update(const struct tg_env *env, struct rcu *rcu, struct wg_peer *peer);

/* Control. Takes the path from a peer that is going. */
void tg_path_withdraw(const struct tg_env *env, struct rcu *rcu, struct wg_peer *peer);

/*
 * Data path and control. Where a WireGuard message came from: its outer header is still before it.
 * past is how many bytes of the message have been taken off the data.
 */
void tg_endpoint_read(struct rte_mbuf *m, uint16_t past, struct wg_endpoint *from);

/* Data path. Is that e, as wg_endpoint_equal() has it? The data begin at the message. */
bool tg_endpoint_is(struct rte_mbuf *m, const struct wg_endpoint *e);

/*
 * The same in one number, data path and control: endpoints that differ have tags that differ, but
 * for chance, 2^-64. So peer->path_tag tells of nearly every message, without a look at the path,
 * that its sender has not moved. An interface that is not known is another here.
 */
uint64_t tg_endpoint_tag(struct rte_mbuf *m);
uint64_t tg_endpoint_tag_of(const struct wg_endpoint *e);

/*
 * Data path. Puts the headers before a message; to is where a trunk shall lead, 0 for other paths,
 * mac the hop's, id the IPv4 identification. 0, or what pkt_outer_write_to() returns; m is not
 * changed then.
 */
static inline int
tg_path_write(const struct tg_path *path, uint64_t to, const struct rte_ether_addr *mac,
	struct rte_mbuf *m, uint8_t tos, uint16_t id)
{
	int ret = pkt_outer_write_to(&path->outer, to, m, tos, id, path->csum);

	if (likely(!ret))
		rte_pktmbuf_mtod(m, struct rte_ether_hdr *)->dst_addr = *mac;
	return ret;
}

/*
 * Control. The same, with the destination MAC left to be filled in when the hop has one, and
 * without the port's help for the checksum: a frame is queued like one of any other origin.
 */
int
tg_path_write_unaddressed(const struct tg_path *path, struct rte_mbuf *m, uint8_t tos, uint16_t id);

#endif
