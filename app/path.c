/* SPDX-License-Identifier: BSD-3-Clause */
#include "path.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_ip.h>
#include <rte_udp.h>

#include "trunk.h"

#define TAG_FACTOR UINT64_C(0x9e3779b97f4a7c15) /* odd, bits well mixed */

static struct tg_hop *
lookup(const struct tg_env *env, const struct wg_endpoint *to)
{
	struct tg_hop *hop = to->family == AF_INET ? tg_fib_lookup4(env->fib, to->addr)
						   : tg_fib_lookup6(env->fib, to->addr);

	if (!hop || (hop->type != TG_HOP_ETHER && hop->type != TG_HOP_ON_LINK)) {
		errno = ENETUNREACH;
		return NULL;
	}
	if (hop->type == TG_HOP_ON_LINK)
		return tg_fib_hop_get(env->fib, hop->port, to->family, to->addr);
	return tg_fib_hop_get(env->fib, hop->port, hop->family, hop->addr);
}

/*
 * The address that the peer last reached us at, while it is still ours and the way back is by the
 * same port; else what routing says.
 */
static bool
source(const struct tg_env *env, const struct wg_endpoint *to, const struct tg_hop *hop,
	uint8_t src[16])
{
	static const uint8_t none[16];
	bool same_port = !to->iface || to->iface == hop->port + 1;

	if (same_port && memcmp(to->src, none, sizeof(none)) != 0 &&
		tg_fib_is_local(env->fib, to->family, to->src)) {
		memcpy(src, to->src, 16);
		return true;
	}
	return tg_fib_source(env->fib, hop, to->family, to->addr, src);
}

/* 0, or -1 and errno; with a reference to the hop then. */
static int
fill(const struct tg_env *env, struct tg_path *path, const struct wg_endpoint *to)
{
	static const struct rte_ether_addr unknown;
	struct pkt_addr src = {.family = (uint8_t)to->family};
	struct pkt_addr dst = {.family = (uint8_t)to->family};

	memset(path, 0, sizeof(*path));
	if (!to->family) {
		errno = EDESTADDRREQ;
		return -1;
	}
	path->fib = env->fib;
	path->endpoint = *to;
	path->hop = lookup(env, to);
	if (!path->hop)
		return -1;
	path->port = path->hop->port;
	path->csum = env->ports[path->port].udp_csum && to->family == AF_INET6
		? PKT_OUTER_CSUM_OFFLOAD
		: PKT_OUTER_CSUM_LAZY;
	memcpy(dst.bytes, to->addr, sizeof(dst.bytes));
	if (!source(env, to, path->hop, src.bytes)) {
		tg_fib_hop_put(path->fib, path->hop);
		errno = EADDRNOTAVAIL;
		return -1;
	}
	/* Cannot fail: one family. */
	pkt_outer_set(&path->outer, &env->ports[path->port].mac, &unknown, &src, &dst,
		atomic_load_explicit(&env->listen_port, memory_order_relaxed), to->port);
	return 0;
}

/* Takes over the hop. NULL on out of memory. */
static struct tg_path *
copy(const struct tg_path *filled)
{
	struct tg_path *path =
		aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN(sizeof(*path), RTE_CACHE_LINE_SIZE));

	if (path)
		*path = *filled;
	else
		tg_fib_hop_put(filled->fib, filled->hop);
	return path;
}

struct tg_path *
tg_path_create(const struct tg_env *env, const struct wg_endpoint *to)
{
	struct tg_path path;

	return fill(env, &path, to) ? NULL : copy(&path);
}

void
tg_path_destroy(struct tg_path *path)
{
	if (!path)
		return;
	tg_fib_hop_put(path->fib, path->hop);
	free(path);
}

static void
free_path(struct rcu_head *head)
{
	tg_path_destroy(RTE_PTR_SUB(head, offsetof(struct tg_path, rcu)));
}

static void
publish(const struct tg_env *env, struct rcu *rcu, struct wg_peer *peer, struct tg_path *path)
{
	struct tg_path *old = atomic_exchange_explicit(&peer->path, path, memory_order_acq_rel);
	uint64_t way = path ? tg_way_take(env->trunks, path) : 0;

	/* Who finds no way, or a tag, finds the path that it is of, or a later one. */
	way = atomic_exchange_explicit(&peer->way, way, memory_order_acq_rel);
	atomic_store_explicit(&peer->path_tag, path ? tg_endpoint_tag_of(&path->endpoint) : 0,
		memory_order_release);
	tg_way_give(env->trunks, rcu, way);
	if (old)
		rcu_call(rcu, &old->rcu, free_path);
}

/* The path stays as it is. When it was made all trunks may have been taken. */
static void
find_way(const struct tg_env *env, struct wg_peer *peer, const struct tg_path *path)
{
	if (!atomic_load_explicit(&peer->way, memory_order_relaxed))
		atomic_store_explicit(
			&peer->way, tg_way_take(env->trunks, path), memory_order_release);
}

static bool
same(const struct tg_path *a, const struct tg_path *b)
{
	return a->hop == b->hop && wg_endpoint_equal(&a->endpoint, &b->endpoint) &&
		a->outer.len == b->outer.len &&
		memcmp(a->outer.hdr, b->outer.hdr, a->outer.len) == 0;
}

/* What a message of it takes beside the outer headers is without padding: shape() adds none past
 * it. */
static uint16_t
inner_mtu(const struct tg_path *path)
{
	uint32_t mtu = tg_fib_port_mtu(path->fib, path->port);
	uint32_t around = path->outer.len - sizeof(struct rte_ether_hdr) + WG_DATA_LEN_MIN;

	return (uint16_t)RTE_MAX(mtu - RTE_MIN(mtu, around), (uint32_t)RTE_ETHER_MIN_MTU);
}

static void
set_mtu(struct wg_peer *peer, uint16_t mtu)
{
	atomic_store_explicit(&peer->mtu, mtu, memory_order_relaxed);
}

void
tg_path_update(const struct tg_env *env, struct rcu *rcu, struct wg_peer *peer)
{
	const struct tg_path *old = tg_path_of(peer);
	struct tg_path path;

	if (fill(env, &path, &peer->endpoint)) {
		set_mtu(peer, UINT16_MAX);
		publish(env, rcu, peer, NULL);
		return;
	}
	set_mtu(peer, inner_mtu(&path));
	if (old && same(old, &path)) {
		tg_fib_hop_put(path.fib, path.hop);
		find_way(env, peer, old);
	} else {
		publish(env, rcu, peer, copy(&path));
	}
}

void
tg_path_withdraw(const struct tg_env *env, struct rcu *rcu, struct wg_peer *peer)
{
	set_mtu(peer, UINT16_MAX);
	publish(env, rcu, peer, NULL);
}

int
tg_path_write_unaddressed(const struct tg_path *path, struct rte_mbuf *m, uint8_t tos, uint16_t id)
{
	return pkt_outer_write(&path->outer, m, tos, id, PKT_OUTER_CSUM_SOFTWARE);
}

void
tg_endpoint_read(struct rte_mbuf *m, uint16_t past, struct wg_endpoint *from)
{
	const uint8_t *message = rte_pktmbuf_mtod(m, const uint8_t *) - past;
	const uint8_t *ip = message - tg_meta(m)->outer_len;
	const uint8_t *udp = message - sizeof(struct rte_udp_hdr);

	memset(from, 0, sizeof(*from));
	from->iface = (uint16_t)(m->port + 1); /* 0 for RTE_MBUF_PORT_INVALID */
	memcpy(&from->port, udp + offsetof(struct rte_udp_hdr, src_port), sizeof(from->port));
	if (ip[0] >> 4 == 4) {
		from->family = AF_INET;
		memcpy(from->addr, ip + offsetof(struct rte_ipv4_hdr, src_addr), 4);
		memcpy(from->src, ip + offsetof(struct rte_ipv4_hdr, dst_addr), 4);
	} else {
		from->family = AF_INET6;
		memcpy(from->addr, ip + offsetof(struct rte_ipv6_hdr, src_addr), 16);
		memcpy(from->src, ip + offsetof(struct rte_ipv6_hdr, dst_addr), 16);
	}
}

bool
tg_endpoint_is(struct rte_mbuf *m, const struct wg_endpoint *e)
{
	const uint8_t *message = rte_pktmbuf_mtod(m, const uint8_t *);
	const uint8_t *ip = message - tg_meta(m)->outer_len;
	const uint8_t *udp = message - sizeof(struct rte_udp_hdr);
	uint16_t iface = (uint16_t)(m->port + 1);

	if (memcmp(udp, &e->port, sizeof(e->port)) != 0 || (iface != e->iface && iface && e->iface))
		return false;
	if (ip[0] >> 4 == 4)
		return e->family == AF_INET &&
			memcmp(ip + offsetof(struct rte_ipv4_hdr, src_addr), e->addr, 4) == 0 &&
			memcmp(ip + offsetof(struct rte_ipv4_hdr, dst_addr), e->src, 4) == 0;
	return e->family == AF_INET6 &&
		memcmp(ip + offsetof(struct rte_ipv6_hdr, src_addr), e->addr, 16) == 0 &&
		memcmp(ip + offsetof(struct rte_ipv6_hdr, dst_addr), e->src, 16) == 0;
}

/* addrs: theirs and ours, 8 bytes or 32. Each step leaves different values different. */
static inline uint64_t
tag(const uint8_t *addrs, bool v4, uint16_t port, uint16_t iface)
{
	uint64_t sum = (port | (uint32_t)iface << 16) * TAG_FACTOR, part;

	memcpy(&part, addrs, sizeof(part));
	sum ^= part;
	for (unsigned int i = 8; !v4 && i < 32; i += 8) {
		memcpy(&part, addrs + i, sizeof(part));
		sum = (sum ^ sum >> 32) * TAG_FACTOR ^ part;
	}
	return sum;
}

uint64_t
tg_endpoint_tag(struct rte_mbuf *m)
{
	const uint8_t *message = rte_pktmbuf_mtod(m, const uint8_t *);
	const uint8_t *ip = message - tg_meta(m)->outer_len;
	uint16_t port, iface = (uint16_t)(m->port + 1);

	memcpy(&port, message - sizeof(struct rte_udp_hdr), sizeof(port));
	if (likely(ip[0] >> 4 == 4))
		return tag(ip + offsetof(struct rte_ipv4_hdr, src_addr), true, port, iface);
	return tag(ip + offsetof(struct rte_ipv6_hdr, src_addr), false, port, iface);
}

uint64_t
tg_endpoint_tag_of(const struct wg_endpoint *e)
{
	unsigned int len = e->family == AF_INET ? 4 : 16;
	uint8_t addrs[32];

	memcpy(addrs, e->addr, len);
	memcpy(addrs + len, e->src, len);
	return tag(addrs, e->family == AF_INET, e->port, e->iface);
}
