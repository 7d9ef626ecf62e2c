/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole pipeline between two rings that stand for a LAN port and a WAN port, a control thread made of
 * a few lines, and remote peers that are WireGuard devices of their own: they seal and open with
 * libsodium, not with the code under test.
 *
 *   10.1.0.2 -- port 0, 10.1.0.1  gateway  port 1, 192.0.2.1 -- 192.0.2.10+i, peer i: 10.2.i.0/24
 *   fd01::/64                                2001:db8::1        2001:db8::10+i         fd02:0:0:i::/64
 *
 * Whatever is sent carries {flow, sequence number}; whatever comes out is checked for the order of its
 * flow, and for being where it was sent to.
 */
#ifndef TEST_PIPELINE_H
#define TEST_PIPELINE_H

#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <sodium.h>

#include "clock.h"
#include "fib_control.h"
#include "path.h"
#include "pipeline.h"
#include "test_eal.h"

#define S WG_NS_PER_S
#define MS (S / 1000)
#define US (MS / 1000)

#define BED_PEERS 8
#define BED_FLOWS 512
#define BED_MBUFS 4095
#define BED_RING 1024
#define BED_WG_PORT 51820
#define BED_MTU 1500
#define BED_TUNNEL_MTU 1420

enum { LAN, WAN, BED_PORTS };

static const struct rte_ether_addr bed_mac[BED_PORTS] = {
	{.addr_bytes = {2, 0, 0, 0, 0, 1}}, {.addr_bytes = {2, 0, 0, 0, 0, 2}}};
static const struct rte_ether_addr bed_neighbour_mac = {.addr_bytes = {2, 0, 0, 0, 1, 0}};

struct bed;

/* A device and who it is: peer number, or BED_PEERS for the gateway. */
struct bed_side {
	struct bed *bed;
	unsigned int number;
	struct wg_device *dev;
	uint8_t public_key[WG_KEY_LEN];
	struct wg_endpoint address;
};

struct bed_message {
	unsigned int to;
	struct wg_endpoint from;
	uint16_t len;
	uint8_t bytes[160];
};

/* How every payload begins. What is not GOOD was damaged on purpose: let out or not, it has no order. */
enum { BED_GOOD = 0x600d600d, BED_BAD = 0 };

struct bed_payload {
	uint32_t magic;
	uint32_t flow;
	uint32_t seq;
};

struct bed_flow {
	uint32_t sent;
	uint32_t got;	/* packets */
	uint32_t next;	/* least sequence number that may come */
	uint64_t counter; /* of the WireGuard message that the last one came in, and one more */
	uint32_t session;
};

struct bed {
	struct tg_pipeline p;
	struct rcu *rcu;
	struct bed_side gateway;
	struct bed_side peers[BED_PEERS];
	struct rte_ring *in[BED_PORTS];
	struct rte_ring *out[BED_PORTS][TG_STAGES_MAX];
	uint64_t now;
	uint64_t seed;

	struct bed_message net[256]; /* handshake messages under way */
	unsigned int n_net;
	bool net_held;
	struct tg_command commands[256]; /* not given yet */
	unsigned int n_commands;
	bool commands_held;

	bool damaged; /* packets of BED_BAD may come out */
	struct bed_flow flows[BED_FLOWS];
	uint64_t fed;	    /* mbufs into the pipeline */
	uint64_t collected; /* mbufs out of it, whichever way */
	unsigned int n_local[TG_OP_RESOLVE + 1];
	unsigned int n_out[BED_PORTS];
	unsigned int n_handshakes;
	unsigned int n_events[TG_EVENT_ROAMED + 1];
	unsigned int keepalives; /* that came to a peer */
	uint8_t last_tos;	 /* of an IP header that came out, inner or in the clear */
	uint8_t last_outer_tos;
	struct wg_endpoint last_to; /* where the last WireGuard message went */
};

struct bed_map {
	const char *name;
	unsigned int workers;
	struct tg_lcores lcores;
};

/* rx/crypto/tx; the lcores only say which stages share a worker. */
static const struct bed_map bed_maps[] = {
	{"1 worker", 1, {{1, 1, 1}, {{1}, {1}, {1}}}},
	{"2 workers", 2, {{1, 1, 1}, {{1}, {2}, {1}}}},
	{"3 workers", 3, {{1, 1, 1}, {{1}, {2}, {3}}}},
	{"6 workers, 1/4/1", 6, {{1, 4, 1}, {{1}, {2, 3, 4, 5}, {6}}}},
	{"6 workers, 2/3/2 with a shared one", 6, {{2, 3, 2}, {{1, 2}, {2, 3, 4}, {5, 6}}}},
};

static inline uint64_t
bed_random(struct bed *bed)
{
	uint64_t z = bed->seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline unsigned int
bed_below(struct bed *bed, unsigned int n)
{
	return (unsigned int)(bed_random(bed) % n);
}

/* 192.0.2.N, or 2001:db8::N */
static inline struct wg_endpoint
bed_endpoint(uint8_t n, uint16_t family)
{
	struct wg_endpoint e = {.family = family, .port = htons(BED_WG_PORT)};

	if (family == AF_INET)
		memcpy(e.addr, (const uint8_t[]){192, 0, 2, n}, 4);
	else
		memcpy(e.addr, (const uint8_t[]){0x20, 1, 0xd, 0xb8, [15] = n}, 16);
	return e;
}

/* Odd peers are reached over IPv6. */
static inline uint16_t
bed_family(unsigned int peer)
{
	return peer & 1 ? AF_INET6 : AF_INET;
}

/* The endpoint of a remote as the gateway sees it: with the address that it was reached at. */
static inline struct wg_endpoint
bed_endpoint_of(unsigned int peer)
{
	struct wg_endpoint e = bed_endpoint((uint8_t)(10 + peer), bed_family(peer));

	memcpy(e.src, bed_endpoint(1, bed_family(peer)).addr, sizeof(e.src));
	return e;
}

/*
 * Control: what control.c and handshake.c do, without the kernel and in the test's time.
 */
static inline void
bed_count_in(struct bed *bed, struct rte_ring *ring, struct rte_mbuf *m)
{
	if (rte_ring_sp_enqueue(ring, m))
		rte_pktmbuf_free(m);
	else
		bed->fed++;
}

static inline void
bed_op_send(void *ctx, struct wg_peer *peer, const struct wg_endpoint *to, const void *msg, size_t len)
{
	struct bed_side *side = ctx;
	struct bed *bed = side->bed;
	struct bed_message *m = &bed->net[bed->n_net];
	unsigned int i;

	RTE_SET_USED(peer);
	assert_true(bed->n_net < RTE_DIM(bed->net) && len <= sizeof(m->bytes));
	m->to = BED_PEERS;
	for (i = 0; side == &bed->gateway && i < BED_PEERS; i++)
		if (memcmp(bed->peers[i].address.addr, to->addr, 16) == 0)
			m->to = i;
	m->from = side->address;
	m->len = (uint16_t)len;
	memcpy(m->bytes, msg, len);
	bed->n_net++;
}

static inline void bed_remote_send(struct bed *bed, unsigned int peer, const void *inner, uint16_t len);

static inline void
bed_op_keepalive(void *ctx, struct wg_peer *peer)
{
	struct bed_side *side = ctx;
	struct bed *bed = side->bed;
	struct rte_mbuf *m;

	if (side != &bed->gateway) {
		bed_remote_send(bed, side->number, NULL, 0);
		return;
	}
	m = rte_pktmbuf_alloc(bed->p.env.pool);
	assert_non_null(m);
	m->hash.rss = peer->id * UINT32_C(0x9e3779b1);
	tg_meta(m)->op = TG_OP_SEAL;
	tg_meta(m)->peer = peer->id;
	bed_count_in(bed, bed->p.to_crypto[tg_crypto_of_flow(&bed->p.env, m->hash.rss)], m);
}

static inline void
bed_command(struct bed *bed, enum tg_command_kind kind, const struct wg_peer *peer)
{
	assert_true(bed->n_commands < RTE_DIM(bed->commands));
	bed->commands[bed->n_commands++] = (struct tg_command){.kind = kind, .peer = peer->id};
}

/* A remote that has become able to send says so, and that confirms the session to the gateway. */
static inline void
bed_op_session_up(void *ctx, struct wg_peer *peer)
{
	struct bed_side *side = ctx;

	if (side == &side->bed->gateway)
		bed_command(side->bed, TG_COMMAND_OPEN, peer);
	else
		bed_remote_send(side->bed, side->number, NULL, 0);
}

static inline void
bed_op_purge(void *ctx, struct wg_peer *peer)
{
	struct bed_side *side = ctx;

	if (side == &side->bed->gateway)
		bed_command(side->bed, TG_COMMAND_PURGE, peer);
}

static inline void
bed_op_endpoint_changed(void *ctx, struct wg_peer *peer)
{
	struct bed_side *side = ctx;

	if (side == &side->bed->gateway)
		tg_path_update(&side->bed->p.env, side->bed->rcu, peer);
}

static inline void
bed_op_peer_removed(void *ctx, struct wg_peer *peer)
{
	struct bed_side *side = ctx;

	if (side != &side->bed->gateway)
		return;
	tg_path_withdraw(side->bed->rcu, peer);
}

static inline uint64_t
bed_op_wall_clock(void *ctx)
{
	return 1700000000 * S + ((struct bed_side *)ctx)->bed->now;
}

static inline void
bed_op_random(void *ctx, void *buf, size_t len)
{
	for (uint8_t *p = buf; len--; p++)
		*p = (uint8_t)bed_random(((struct bed_side *)ctx)->bed);
}

static const struct wg_ops bed_ops = {
	.send = bed_op_send,
	.send_keepalive = bed_op_keepalive,
	.session_up = bed_op_session_up,
	.purge = bed_op_purge,
	.endpoint_changed = bed_op_endpoint_changed,
	.peer_removed = bed_op_peer_removed,
	.wall_clock = bed_op_wall_clock,
	.random = bed_op_random,
};

static inline void
bed_event(struct bed *bed, const struct tg_event *e)
{
	bed->n_events[e->kind]++;
	switch (e->kind) {
	case TG_EVENT_SESSION_WANTED:
		wg_device_session_wanted(bed->gateway.dev, e->id, bed->now);
		break;
	case TG_EVENT_HEARD:
		wg_device_heard(bed->gateway.dev, e->id, bed->now);
		break;
	case TG_EVENT_ROAMED:
		wg_device_roamed(bed->gateway.dev, e->id, &e->from);
		break;
	}
}

static inline void
bed_events(struct bed *bed)
{
	struct tg_event e;
	unsigned int i;

	for (i = 0; i < bed->p.n_events; i++)
		while (rte_ring_sc_dequeue_elem(bed->p.events[i], &e, sizeof(e)) == 0)
			bed_event(bed, &e);
}

static inline void
bed_commands(struct bed *bed)
{
	unsigned int i, n = bed->commands_held ? 0 : bed->n_commands;

	for (i = 0; i < n; i++) {
		const struct tg_command *c = &bed->commands[i];
		struct rte_ring *ring = bed->p.commands[tg_tx_of_tin(&bed->p.env, c->peer)];

		if (rte_ring_sp_enqueue_elem(ring, (void *)(uintptr_t)c, sizeof(*c)))
			break;
	}
	bed->n_commands -= i;
	memmove(bed->commands, &bed->commands[i], bed->n_commands * sizeof(bed->commands[0]));
}

static inline void
bed_local(struct bed *bed)
{
	unsigned int i;
	void *m;

	for (i = 0; i < bed->p.n_local; i++)
		while (rte_ring_sc_dequeue(bed->p.local[i], &m) == 0) {
			bed->n_local[tg_meta(m)->op]++;
			bed->collected++;
			rte_pktmbuf_free(m);
		}
}

static inline void
bed_handshakes(struct bed *bed)
{
	struct wg_endpoint from;
	unsigned int i;
	void *p;

	for (i = 0; i < bed->p.env.n_rx; i++)
		while (rte_ring_sc_dequeue(bed->p.handshakes[i], &p) == 0) {
			struct rte_mbuf *m = p;

			tg_endpoint_read(m, &from);
			wg_device_receive(bed->gateway.dev, rte_pktmbuf_mtod(m, void *),
				rte_pktmbuf_data_len(m), &from, false, bed->now);
			bed->n_handshakes++;
			bed->collected++;
			rte_pktmbuf_free(m);
		}
}

/*
 * Frames.
 */
static inline struct rte_mbuf *
bed_alloc(struct bed *bed)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed->p.env.pool);

	assert_non_null(m);
	return m;
}

static inline void
bed_feed(struct bed *bed, unsigned int port, struct rte_mbuf *m)
{
	assert_int_equal(rte_ring_sp_enqueue(bed->in[port], m), 0);
	bed->fed++;
}

/* A UDP datagram with its IP header at p; len: of the payload. The whole length. */
static inline uint16_t
bed_udp4(uint8_t *p, const uint8_t src[4], const uint8_t dst[4], uint16_t sport, uint16_t dport,
	const void *payload, uint16_t len)
{
	struct rte_ipv4_hdr *ip = (void *)p;
	struct rte_udp_hdr *udp = (void *)(p + sizeof(*ip));

	*ip = (struct rte_ipv4_hdr){.version_ihl = 0x45,
		.total_length = htons(sizeof(*ip) + sizeof(*udp) + len),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP};
	memcpy(&ip->src_addr, src, 4);
	memcpy(&ip->dst_addr, dst, 4);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	*udp = (struct rte_udp_hdr){htons(sport), htons(dport), htons(sizeof(*udp) + len), 0};
	memcpy(udp + 1, payload, len);
	return sizeof(*ip) + sizeof(*udp) + len;
}

static inline uint16_t
bed_udp6(uint8_t *p, const uint8_t src[16], const uint8_t dst[16], uint16_t sport, uint16_t dport,
	const void *payload, uint16_t len)
{
	struct rte_ipv6_hdr *ip = (void *)p;
	struct rte_udp_hdr *udp = (void *)(p + sizeof(*ip));

	*ip = (struct rte_ipv6_hdr){.vtc_flow = htonl(6u << 28),
		.payload_len = htons(sizeof(*udp) + len),
		.proto = IPPROTO_UDP,
		.hop_limits = 64};
	memcpy(ip->src_addr, src, 16);
	memcpy(ip->dst_addr, dst, 16);
	*udp = (struct rte_udp_hdr){htons(sport), htons(dport), htons(sizeof(*udp) + len), 0};
	memcpy(udp + 1, payload, len);
	return sizeof(*ip) + sizeof(*udp) + len;
}

/* Where a flow begins or ends: the LAN host, or the site behind a peer. */
#define BED_LAN BED_PEERS

static inline void
bed_host(unsigned int where, uint16_t family, uint8_t addr[16])
{
	memset(addr, 0, 16);
	if (family == AF_INET)
		memcpy(addr, (const uint8_t[]){10, where == BED_LAN ? 1 : 2,
				     where == BED_LAN ? 0 : where, 2}, 4);
	else
		memcpy(addr, (const uint8_t[]){0xfd, where == BED_LAN ? 1 : 2,
				     [7] = where == BED_LAN ? 0 : where, [15] = 2}, 16);
}

/* The next packet of a flow from one place to another; every third flow is IPv6. */
static inline uint16_t
bed_packet(struct bed *bed, uint8_t *p, unsigned int from, unsigned int to, uint32_t flow, uint16_t len)
{
	uint16_t family = flow % 3 == 2 ? AF_INET6 : AF_INET;
	uint8_t src[16], dst[16], payload[BED_MTU] = {0};
	struct bed_payload id = {BED_GOOD, flow, bed->flows[flow].sent++};
	uint16_t sport = (uint16_t)(1000 + flow);

	bed_host(from, family, src);
	bed_host(to, family, dst);
	memcpy(payload, &id, sizeof(id));
	len = RTE_MAX(len, (uint16_t)sizeof(id));
	return family == AF_INET ? bed_udp4(p, src, dst, sport, 9, payload, len)
				 : bed_udp6(p, src, dst, sport, 9, payload, len);
}

/* To the gateway's port. */
static inline struct rte_mbuf *
bed_frame(struct bed *bed, unsigned int port, const void *ip, uint16_t len)
{
	struct rte_mbuf *m = bed_alloc(bed);
	struct rte_ether_hdr *eth = (void *)rte_pktmbuf_append(m, (uint16_t)(sizeof(*eth) + len));

	assert_non_null(eth);
	eth->dst_addr = bed_mac[port];
	eth->src_addr = bed_neighbour_mac;
	eth->ether_type = htons(*(const uint8_t *)ip >> 4 == 6 ? RTE_ETHER_TYPE_IPV6
							       : RTE_ETHER_TYPE_IPV4);
	memcpy(eth + 1, ip, len);
	return m;
}

static inline void
bed_lan_send(struct bed *bed, unsigned int to, uint32_t flow, uint16_t len)
{
	uint8_t p[2048];

	len = bed_packet(bed, p, BED_LAN, to, flow, len);
	bed_feed(bed, LAN, bed_frame(bed, LAN, p, len));
}

/* A WireGuard message from a remote, on the WAN. */
static inline struct rte_mbuf *
bed_outer(struct bed *bed, unsigned int peer, const void *msg, uint16_t len, uint8_t tos)
{
	const struct bed_side *side = &bed->peers[peer];
	struct wg_endpoint us = bed_endpoint(1, side->address.family);
	uint16_t sport = ntohs(side->address.port);
	uint8_t p[4096];

	if (side->address.family == AF_INET) {
		struct rte_ipv4_hdr *ip = (void *)p;

		len = bed_udp4(p, side->address.addr, us.addr, sport, BED_WG_PORT, msg, len);
		ip->type_of_service = tos;
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	} else {
		len = bed_udp6(p, side->address.addr, us.addr, sport, BED_WG_PORT, msg, len);
		p[0] |= tos >> 4;
		p[1] |= (uint8_t)(tos << 4);
	}
	return bed_frame(bed, WAN, p, len);
}

static inline void
bed_nonce(uint8_t nonce[12], uint64_t counter)
{
	rte_le64_t le = rte_cpu_to_le_64(counter);

	memset(nonce, 0, 4);
	memcpy(nonce + 4, &le, sizeof(le));
}

/* Seals as the remote would; returns the message's length. */
static inline uint16_t
bed_seal(struct bed *bed, unsigned int peer, const void *inner, uint16_t len, uint8_t *out)
{
	struct bed_side *side = &bed->peers[peer];
	struct wg_peer *gw = wg_device_find(side->dev, bed->gateway.public_key);
	struct wg_keypair *kp = gw ? wg_peer_session(gw, bed->now) : NULL;
	struct wg_data *msg = (void *)out;
	uint8_t nonce[12], text[2048] = {0};
	unsigned long long n;
	uint64_t counter;

	if (!kp || !wg_keypair_take_counters(kp, 1, &counter)) {
		fail_msg("peer %u has no session to send under", peer);
		return 0;
	}
	*msg = (struct wg_data){.type = rte_cpu_to_le_32(WG_MESSAGE_DATA),
		.receiver = rte_cpu_to_le_32(kp->remote_index),
		.counter = rte_cpu_to_le_64(counter)};
	if (len)
		memcpy(text, inner, len);
	bed_nonce(nonce, counter);
	crypto_aead_chacha20poly1305_ietf_encrypt((uint8_t *)(msg + 1), &n, text,
		RTE_ALIGN_CEIL(len, 16), NULL, 0, NULL, nonce, kp->send_key);
	return (uint16_t)(sizeof(*msg) + n);
}

static inline void
bed_remote_send(struct bed *bed, unsigned int peer, const void *inner, uint16_t len)
{
	uint8_t msg[2048];

	len = bed_seal(bed, peer, inner, len, msg);
	bed_feed(bed, WAN, bed_outer(bed, peer, msg, len, 0));
}

static inline void
bed_site_send(struct bed *bed, unsigned int from, unsigned int to, uint32_t flow, uint16_t len)
{
	uint8_t p[2048];

	len = bed_packet(bed, p, from, to, flow, len);
	bed_remote_send(bed, from, p, len);
}

/*
 * What comes out.
 */
static inline void
bed_check_header(const uint8_t *p, unsigned int where)
{
	uint8_t expected[16];

	if (p[0] >> 4 == 4) {
		bed_host(where, AF_INET, expected);
		assert_int_equal(p[8], 63);
		assert_int_equal(rte_ipv4_cksum((const void *)p), 0);
		assert_memory_equal(p + 16, expected, 4);
	} else {
		bed_host(where, AF_INET6, expected);
		assert_int_equal(p[7], 63);
		assert_memory_equal(p + 24, expected, 16);
	}
}

/* An IP packet at the place where; NULL: it had been damaged. */
static inline struct bed_flow *
bed_arrived(struct bed *bed, const uint8_t *p, unsigned int where)
{
	struct bed_payload id;
	struct bed_flow *f;

	memcpy(&id, p + (p[0] >> 4 == 4 ? 28 : 48), sizeof(id));
	bed->last_tos = pkt_ip_tos(p);
	if (bed->damaged && id.magic != BED_GOOD)
		return NULL;
	assert_int_equal(id.magic, BED_GOOD);
	bed_check_header(p, where);
	assert_true(id.flow < BED_FLOWS);
	f = &bed->flows[id.flow];
	assert_true(id.seq >= f->next && id.seq < f->sent);
	f->next = id.seq + 1;
	f->got++;
	return f;
}

/* A WireGuard message at its receiver: it opens, is new, and its flow's counters grow. */
static inline void
bed_remote_receive(struct bed *bed, unsigned int peer, const uint8_t *p, uint16_t len)
{
	struct bed_side *side = &bed->peers[peer];
	const struct wg_data *msg = (const void *)p;
	uint32_t index = rte_le_to_cpu_32(msg->receiver);
	struct wg_keypair *kp = wg_index_keypair(wg_device_index(side->dev), index);
	uint64_t counter = rte_le_to_cpu_64(msg->counter);
	uint8_t nonce[12], text[2048];
	unsigned long long n;
	struct bed_flow *f;

	assert_int_equal(rte_le_to_cpu_32(msg->type), WG_MESSAGE_DATA);
	assert_non_null(kp);
	bed_nonce(nonce, counter);
	assert_int_equal(crypto_aead_chacha20poly1305_ietf_decrypt(text, &n, NULL,
				 (const uint8_t *)(msg + 1), len - sizeof(*msg), NULL, 0, nonce,
				 kp->recv_key),
		0);
	assert_true(wg_replay_update(&kp->replay, counter));
	if (!atomic_exchange(&kp->heard, true))
		wg_device_heard(side->dev, index, bed->now);
	if (!n) {
		bed->keepalives++;
		return;
	}
	f = bed_arrived(bed, text, peer);
	if (!f)
		return;
	assert_true(f->session != index || counter >= f->counter);
	f->session = index;
	f->counter = counter + 1;
}

/* From the gateway's WireGuard port: to the remote that has this address. */
static inline void
bed_wireguard(struct bed *bed, const uint8_t *p)
{
	bool v4 = p[0] >> 4 == 4;
	const struct rte_udp_hdr *udp = (const void *)(p + (v4 ? 20 : 40));
	unsigned int i;

	memset(&bed->last_to, 0, sizeof(bed->last_to));
	bed->last_to.family = v4 ? AF_INET : AF_INET6;
	bed->last_to.port = udp->dst_port;
	memcpy(bed->last_to.addr, p + (v4 ? 16 : 24), v4 ? 4 : 16);
	bed->last_outer_tos = pkt_ip_tos(p);
	for (i = 0; i < BED_PEERS; i++)
		if (wg_endpoint_equal(&bed->peers[i].address, &bed->last_to))
			break;
	assert_true(i < BED_PEERS);
	bed_remote_receive(bed, i, (const uint8_t *)(udp + 1),
		(uint16_t)(ntohs(udp->dgram_len) - sizeof(*udp)));
}

static inline void
bed_sent(struct bed *bed, unsigned int port, struct rte_mbuf *m)
{
	const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, void *);
	const uint8_t *p = (const uint8_t *)(eth + 1);
	const struct rte_udp_hdr *udp = (const void *)(p + (p[0] >> 4 == 4 ? 20 : 40));

	assert_true(rte_is_same_ether_addr(&eth->src_addr, &bed_mac[port]));
	assert_true(rte_is_same_ether_addr(&eth->dst_addr, &bed_neighbour_mac));
	bed->n_out[port]++;
	bed->collected++;
	if (port == WAN && udp->src_port == htons(BED_WG_PORT))
		bed_wireguard(bed, p);
	else
		bed_arrived(bed, p, BED_LAN);
	rte_pktmbuf_free(m);
}

/* Takes up to max frames from each TX queue of a port. */
static inline void
bed_collect(struct bed *bed, unsigned int port, unsigned int max)
{
	unsigned int q, n;
	void *m;

	for (q = 0; q < bed->p.env.n_tx; q++)
		for (n = 0; n < max && rte_ring_sc_dequeue(bed->out[port][q], &m) == 0; n++)
			bed_sent(bed, port, m);
}

/* One handshake message, in the gateway's case by way of its port. */
static inline void
bed_deliver(struct bed *bed)
{
	struct bed_message m;

	if (!bed->n_net || bed->net_held)
		return;
	m = bed->net[0];
	bed->n_net--;
	memmove(bed->net, &bed->net[1], bed->n_net * sizeof(bed->net[0]));
	if (m.to < BED_PEERS) {
		wg_device_receive(bed->peers[m.to].dev, m.bytes, m.len, &m.from, false, bed->now);
		return;
	}
	for (m.to = 0; !wg_endpoint_equal(&bed->peers[m.to].address, &m.from); m.to++)
		;
	bed_feed(bed, WAN, bed_outer(bed, m.to, m.bytes, m.len, 0));
}

static inline void
bed_control(struct bed *bed)
{
	bed_events(bed);
	bed_handshakes(bed);
	bed_local(bed);
	bed_deliver(bed);
	bed_commands(bed);
	rcu_reclaim(bed->rcu);
}

/*
 * The pipeline on one thread: a worker, the control thread or the world outside takes a step.
 */
static inline unsigned int
bed_worker(struct bed *bed, unsigned int i)
{
	struct tg_worker *w = &bed->p.workers[i];
	unsigned int s, n = 0;

	for (s = 0; s < w->n_stages; s++)
		n += w->stages[s].poll(w->stages[s].stage, bed->now);
	return n;
}

static inline void
bed_step(struct bed *bed)
{
	unsigned int n = bed->p.n_workers, i = bed_below(bed, n + 3);

	bed->now += US;
	if (i < n)
		bed_worker(bed, i);
	else if (i == n)
		bed_control(bed);
	else
		bed_collect(bed, i - n - 1, 1 + bed_below(bed, 64));
}

/* All instances of one stage take a turn. */
static inline void
bed_rx(struct bed *bed)
{
	unsigned int i;

	for (i = 0; i < bed->p.env.n_rx; i++)
		stage_rx_poll(bed->p.rx[i], bed->now);
}

static inline void
bed_crypto(struct bed *bed)
{
	unsigned int i;

	for (i = 0; i < bed->p.env.n_crypto; i++)
		stage_crypto_poll(bed->p.crypto[i], bed->now);
}

static inline void
bed_tx(struct bed *bed)
{
	unsigned int i;

	for (i = 0; i < bed->p.env.n_tx; i++)
		stage_tx_poll(bed->p.tx[i], bed->now);
}

/* The gateway makes a session with a peer; of the stages only RX runs. */
static inline void
bed_handshake(struct bed *bed, uint32_t id)
{
	wg_device_session_wanted(bed->gateway.dev, id, bed->now);
	bed_deliver(bed);
	bed_deliver(bed);
	bed_rx(bed);
	bed_handshakes(bed);
}

/* Until nothing moves any more. */
static inline void
bed_settle(struct bed *bed)
{
	unsigned int i, n, quiet;

	for (quiet = 0; quiet < 3;) {
		uint64_t before = bed->collected + bed->fed;

		n = bed->net_held ? 0 : bed->n_net;
		for (i = 0; i < bed->p.n_workers; i++)
			n += bed_worker(bed, i);
		bed_control(bed);
		bed_collect(bed, LAN, UINT_MAX);
		bed_collect(bed, WAN, UINT_MAX);
		bed->now += US;
		quiet = n || before != bed->collected + bed->fed ? 0 : quiet + 1;
	}
}

/*
 * Books.
 */
static inline uint64_t
bed_sum(const struct tg_counters *c)
{
	uint64_t sum = 0;
	unsigned int why;

	for (why = 0; why < TG_DROP_COUNT; why++)
		sum += c->drops[why];
	return sum;
}

static inline const struct tg_counters *
bed_counters(const struct bed *bed, enum tg_stage_kind kind, unsigned int i)
{
	switch (kind) {
	case TG_STAGE_RX:
		return &bed->p.rx[i]->counters;
	case TG_STAGE_CRYPTO:
		return &bed->p.crypto[i]->counters;
	default:
		return &bed->p.tx[i]->counters;
	}
}

static inline unsigned int
bed_stages(const struct bed *bed, enum tg_stage_kind kind)
{
	const uint16_t n[] = {bed->p.env.n_rx, bed->p.env.n_crypto, bed->p.env.n_tx};

	return n[kind];
}

/* Over all instances of a stage. */
static inline uint64_t
bed_drops(const struct bed *bed, enum tg_stage_kind kind, enum tg_drop why)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < bed_stages(bed, kind); i++)
		sum += bed_counters(bed, kind, i)->drops[why];
	return sum;
}

static inline uint64_t
bed_all_drops(const struct bed *bed)
{
	uint64_t sum = 0;
	unsigned int kind, i;

	for (kind = 0; kind < TG_STAGE_KINDS; kind++)
		for (i = 0; i < bed_stages(bed, kind); i++)
			sum += bed_sum(bed_counters(bed, kind, i));
	return sum;
}

/* Nothing waits for a closed tin, in the rings or in the books. */
static inline void
bed_assert_nothing_held(const struct bed *bed)
{
	unsigned int i, slot;

	for (i = 0; i < bed->p.env.n_crypto; i++) {
		assert_int_equal(bed->p.crypto[i]->n_held, 0);
		for (slot = 0; slot < BED_PEERS; slot++)
			assert_int_equal(bed->p.crypto[i]->waiting[slot], 0);
	}
	for (i = 0; i < bed->p.env.n_tx; i++)
		assert_int_equal(fq_backlog_packets(bed->p.tx[i]->staging), 0);
}

/* When nothing is queued: what went in came out or was dropped, in all and stage by stage. */
static inline void
bed_assert_conserved(const struct bed *bed)
{
	unsigned int kind, i;

	assert_int_equal(bed->fed, bed->collected + bed_all_drops(bed));
	for (kind = 0; kind < TG_STAGE_KINDS; kind++)
		for (i = 0; i < bed_stages(bed, kind); i++) {
			const struct tg_counters *c = bed_counters(bed, kind, i);

			assert_int_equal(c->in, c->out + bed_sum(c));
		}
	assert_int_equal(rte_mempool_avail_count(bed->p.env.pool), bed->p.env.pool->size);
}

static inline void
bed_assert_all_arrived(const struct bed *bed)
{
	unsigned int f;

	for (f = 0; f < BED_FLOWS; f++)
		assert_int_equal(bed->flows[f].got, bed->flows[f].sent);
}

/*
 * Setting up.
 */
static inline void
bed_route(struct bed *bed, const char *prefix, unsigned int len, enum tg_hop_type type, uint16_t port)
{
	struct tg_fib_route r = {.type = type, .port = port};

	r.prefix.family = strchr(prefix, ':') ? AF_INET6 : AF_INET;
	r.prefix.len = (uint8_t)len;
	r.local = r.own = type == TG_HOP_LOCAL;
	assert_int_equal(inet_pton(r.prefix.family, prefix, r.prefix.addr), 1);
	assert_int_equal(tg_fib_route_set(bed->p.env.fib, &r, TG_FIB_ADDED), TG_FIB_CHANGED);
}

static inline void
bed_neighbour(struct bed *bed, uint16_t port, uint16_t family, const uint8_t *addr, bool known)
{
	struct tg_fib_neigh n = {
		.port = port, .family = family, .addr = addr, .mac = known ? &bed_neighbour_mac : NULL};
	struct tg_hop *resolved;

	assert_int_equal(tg_fib_neigh_set(bed->p.env.fib, &n, &resolved), 0);
}

static inline void
bed_fill_fib(struct bed *bed)
{
	struct tg_fib *fib = bed->p.env.fib;
	uint8_t addr[16];
	unsigned int i;

	for (i = 0; i < BED_PORTS; i++) {
		assert_int_equal(tg_fib_add_port(fib, (uint16_t)i), 0);
		tg_fib_set_mtu(fib, (uint16_t)i, BED_MTU);
	}
	tg_fib_set_mtu(fib, TG_FIB_TUNNEL, BED_TUNNEL_MTU);
	bed_route(bed, "10.1.0.0", 24, TG_HOP_ON_LINK, LAN);
	bed_route(bed, "fd01::", 64, TG_HOP_ON_LINK, LAN);
	bed_route(bed, "192.0.2.0", 24, TG_HOP_ON_LINK, WAN);
	bed_route(bed, "2001:db8::", 64, TG_HOP_ON_LINK, WAN);
	bed_route(bed, "10.1.0.1", 32, TG_HOP_LOCAL, LAN);
	bed_route(bed, "192.0.2.1", 32, TG_HOP_LOCAL, WAN);
	bed_route(bed, "2001:db8::1", 128, TG_HOP_LOCAL, WAN);
	bed_route(bed, "10.2.0.0", 16, TG_HOP_TUNNEL, 0);
	bed_route(bed, "fd02::", 16, TG_HOP_TUNNEL, 0);
	bed_route(bed, "10.66.0.0", 16, TG_HOP_PROHIBIT, 0);
	bed_route(bed, "10.77.0.0", 16, TG_HOP_KERNEL, 0);
	bed_host(BED_LAN, AF_INET, addr);
	bed_neighbour(bed, LAN, AF_INET, addr, true);
	bed_host(BED_LAN, AF_INET6, addr);
	bed_neighbour(bed, LAN, AF_INET6, addr, true);
	for (i = 0; i < BED_PEERS; i++)
		bed_neighbour(bed, WAN, bed_family(i), bed->peers[i].address.addr, true);
}

/* Introduces who to a device, with one prefix per family. */
static inline void
bed_introduce(struct bed_side *to, const struct bed_side *who, const struct wg_endpoint *endpoint)
{
	struct lpm_prefix p4 = {.family = AF_INET, .len = 24};
	struct lpm_prefix p6 = {.family = AF_INET6, .len = 64};
	struct wg_update_peer *up;
	struct wg_update u;

	wg_update_init(&u);
	up = wg_update_add_peer(&u);
	memcpy(up->public_key, who->public_key, WG_KEY_LEN);
	up->has_endpoint = true;
	up->endpoint = *endpoint;
	if (who->number < BED_PEERS) {
		bed_host(who->number, AF_INET, p4.addr);
		bed_host(who->number, AF_INET6, p6.addr);
		wg_update_add_allowed(up)->prefix = p4;
		wg_update_add_allowed(up)->prefix = p6;
	}
	assert_int_equal(wg_device_apply(to->dev, &u, to->bed->now), 0);
	wg_update_free(&u);
}

static inline void
bed_remove_peer(struct bed *bed, unsigned int peer)
{
	struct wg_update_peer *up;
	struct wg_update u;

	wg_update_init(&u);
	up = wg_update_add_peer(&u);
	memcpy(up->public_key, bed->peers[peer].public_key, WG_KEY_LEN);
	up->remove = true;
	assert_int_equal(wg_device_apply(bed->gateway.dev, &u, bed->now), 0);
	wg_update_free(&u);
}

static inline struct wg_peer *
bed_peer(struct bed *bed, unsigned int peer)
{
	return wg_device_find(bed->gateway.dev, bed->peers[peer].public_key);
}

static inline void
bed_make_side(struct bed *bed, struct bed_side *side, unsigned int number, uint32_t max_peers,
	uint32_t lanes)
{
	struct wg_device_params params = {.max_peers = max_peers,
		.lanes = lanes,
		.rcu = bed->rcu,
		.ops = &bed_ops,
		.ctx = side};
	struct wg_update u;

	side->bed = bed;
	side->number = number;
	side->dev = wg_device_create(&params);
	assert_non_null(side->dev);
	wg_update_init(&u);
	u.has_private_key = true;
	memset(u.private_key, (int)(0x11 + number), WG_KEY_LEN);
	assert_int_equal(wg_device_apply(side->dev, &u, bed->now), 0);
	wg_update_free(&u);
	memcpy(side->public_key, wg_device_public_key(side->dev), WG_KEY_LEN);
}

static inline struct rte_ring *
bed_ring(const char *what, unsigned int port, unsigned int queue, unsigned int size)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *r;

	snprintf(name, sizeof(name), "bed_%s%u_%u", what, port, queue);
	r = rte_ring_create(name, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	assert_non_null(r);
	return r;
}

static inline void
bed_make_port(struct bed *bed, unsigned int port, uint16_t n_tx, unsigned int tx_ring)
{
	static unsigned int serial;
	struct tg_port *p = &bed->p.env.ports[port];
	struct rte_eth_conf conf = {0};
	char name[32];
	uint16_t q;
	int id;

	bed->in[port] = bed_ring("in", port, 0, BED_RING);
	for (q = 0; q < n_tx; q++)
		bed->out[port][q] = bed_ring("out", port, q, tx_ring);
	snprintf(name, sizeof(name), "bed%u", serial++);
	id = rte_eth_from_rings(name, &bed->in[port], 1, bed->out[port], n_tx, 0);
	assert_true(id >= 0);
	*p = (struct tg_port){.id = (uint16_t)id, .n_rxq = 1, .n_txq = n_tx, .mac = bed_mac[port]};
	assert_int_equal(rte_eth_dev_configure(p->id, 1, n_tx, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(p->id, 0, 64, 0, NULL, bed->p.env.pool), 0);
	for (q = 0; q < n_tx; q++)
		assert_int_equal(rte_eth_tx_queue_setup(p->id, q, 64, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
}

struct bed_params {
	const struct bed_map *map;
	uint64_t seed;
	uint32_t max_peers; /* 0: BED_PEERS */
	uint32_t mbufs;	    /* 0: BED_MBUFS; the pool, and what the queues' limits come from */
	uint32_t tx_ring;   /* 0: BED_RING; of each TX queue of the ports */
	unsigned int cache; /* of the pool */
	bool threads;	    /* time is tg_now(), workers sleep when idle */
};

static inline void
bed_make_devices(struct bed *bed, uint32_t max_peers, uint32_t lanes)
{
	struct wg_endpoint e;
	unsigned int i;

	bed_make_side(bed, &bed->gateway, BED_PEERS, max_peers, lanes);
	bed->gateway.address = bed_endpoint(1, AF_INET);
	bed->p.env.dev = bed->gateway.dev;
	for (i = 0; i < BED_PEERS; i++) {
		bed_make_side(bed, &bed->peers[i], i, 1, 1);
		bed->peers[i].address = bed_endpoint((uint8_t)(10 + i), bed_family(i));
		e = bed_endpoint(1, bed_family(i));
		bed_introduce(&bed->peers[i], &bed->gateway, &e);
	}
}

static inline struct bed *
bed_create(const struct bed_params *params)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	uint32_t mbufs = params->mbufs ? params->mbufs : BED_MBUFS;
	struct tg_pipeline_params pp = {.map = &params->map->lcores,
		.max_peers = params->max_peers ? params->max_peers : BED_PEERS,
		.mbufs = mbufs,
		.adaptive = params->threads};
	char error[TG_ERROR_LEN];
	unsigned int i;

	assert_non_null(bed);
	bed->seed = params->seed;
	bed->now = params->threads ? tg_now() : 1000 * S;
	bed->rcu = pp.rcu = rcu_create(RTE_MAX_LCORE);
	bed->p.env.pool =
		rte_pktmbuf_pool_create("bed", mbufs, params->cache, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
	assert_non_null(bed->p.env.pool);
	bed->p.env.fib = tg_fib_create(bed->rcu);
	bed->p.env.salt = bed_random(bed);
	bed->p.env.listen_port = htons(BED_WG_PORT);
	bed->p.env.n_ports = BED_PORTS;
	bed_make_devices(bed, pp.max_peers, params->map->lcores.n[TG_STAGE_CRYPTO]);
	for (i = 0; i < BED_PORTS; i++)
		bed_make_port(bed, i, params->map->lcores.n[TG_STAGE_TX],
			params->tx_ring ? params->tx_ring : BED_RING);
	bed_fill_fib(bed);
	assert_int_equal(tg_pipeline_create(&bed->p, &pp, error), 0);
	assert_int_equal(bed->p.n_workers, params->map->workers);
	return bed;
}

static inline void
bed_know(struct bed *bed, unsigned int peer)
{
	struct wg_endpoint e = bed_endpoint_of(peer);

	bed_introduce(&bed->gateway, &bed->peers[peer], &e);
}

static inline void
bed_know_all(struct bed *bed)
{
	unsigned int i;

	for (i = 0; i < BED_PEERS; i++)
		bed_know(bed, i);
}

/* A session, begun by the remote: both ends can send. */
static inline void
bed_connect(struct bed *bed, unsigned int peer)
{
	struct wg_peer *gw = wg_device_find(bed->peers[peer].dev, bed->gateway.public_key);

	wg_device_session_wanted(bed->peers[peer].dev, gw->id, bed->now);
	bed_settle(bed);
	assert_non_null(wg_peer_session(gw, bed->now));
	assert_non_null(wg_peer_session(bed_peer(bed, peer), bed->now));
}

static inline void
bed_connect_all(struct bed *bed)
{
	unsigned int i;

	for (i = 0; i < BED_PEERS; i++)
		bed_connect(bed, i);
}

static inline void
bed_close_port(struct bed *bed, unsigned int port)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	unsigned int q;

	assert_int_equal(rte_eth_dev_get_name_by_port(bed->p.env.ports[port].id, name), 0);
	rte_eth_dev_stop(bed->p.env.ports[port].id);
	rte_eth_dev_close(bed->p.env.ports[port].id);
	rte_ring_free(bed->in[port]);
	for (q = 0; q < bed->p.env.n_tx; q++)
		rte_ring_free(bed->out[port][q]);
}

/* Frees all; whatever was still queued must go back to the pool. */
static inline void
bed_destroy(struct bed *bed)
{
	unsigned int i;

	tg_pipeline_drain(&bed->p);
	assert_int_equal(bed->fed, bed->collected + bed_all_drops(bed));
	assert_int_equal(rte_mempool_avail_count(bed->p.env.pool), bed->p.env.pool->size);
	for (i = 0; i < BED_PEERS; i++)
		wg_device_destroy(bed->peers[i].dev);
	wg_device_destroy(bed->gateway.dev);
	for (i = 0; i < BED_PORTS; i++)
		bed_close_port(bed, i);
	tg_pipeline_destroy(&bed->p);
	rcu_barrier(bed->rcu);
	tg_fib_destroy(bed->p.env.fib);
	rcu_destroy(bed->rcu);
	rte_mempool_free(bed->p.env.pool);
	free(bed);
}

static inline int
bed_init(void)
{
	if (test_eal_init() || tg_meta_register() || sodium_init() < 0)
		return -1;
	tg_clock_init();
	return 0;
}

#endif
