/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole pipeline between two rings that stand for a LAN port and a WAN port, a control thread
 * made of a few lines, and remote peers that are WireGuard devices of their own: they seal and open
 * with libsodium, not with the code under test.
 *
 *   10.1.0.2 -- port 0, 10.1.0.1  gateway  port 1, 192.0.2.1 -- 192.0.2.10+i, peer i: 10.2.i.0/24
 *   fd01::/64                                2001:db8::1        2001:db8::10+i fd02:0:0:i::/64
 *
 * Whatever is sent carries {flow, sequence number}; whatever comes out is checked for the order of
 * its flow, and for being where it was sent to.
 */
#ifndef PIPELINE_BED_H
#define PIPELINE_BED_H

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
#include "paths.h"
#include "peer_of_key.h"
#include "pipeline.h"
#include "ports.h"
#include "refuse.h"
#include "test_eal.h"
#include "test_random.h"
#include "trunk.h"

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
#define BED_OVERHEAD 80
#define BED_PACKET_MAX 9216

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

/* How every payload begins. What is not GOOD was damaged on purpose: let out or not, it has no
 * order. */
enum { BED_GOOD = 0x600d600d, BED_BAD = 0 };

struct bed_payload {
	uint32_t magic;
	uint32_t flow;
	uint32_t seq;
};

struct bed_flow {
	uint32_t sent;
	uint32_t got; /* packets */
	uint32_t next; /* least sequence number that may come */
	uint64_t counter; /* of the WireGuard message that the last one came in, and one more */
	uint32_t session;
};

/* What came out and is no whole UDP datagram, and at which place; the first BED_SEEN are kept. */
#define BED_SEEN 64
struct bed_seen {
	unsigned int where;
	uint16_t len;
	uint8_t p[BED_MTU];
};

struct bed {
	struct tg_pipeline p;
	struct rcu *rcu;
	struct tg_paths paths;
	struct bed_side gateway;
	struct bed_side peers[BED_PEERS];
	struct rte_ring *in[BED_PORTS];
	struct rte_ring *out[BED_PORTS][TG_STAGES_MAX];
	uint32_t max_peers;
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
	uint64_t fed; /* mbufs into the pipeline */
	uint64_t collected; /* mbufs out of it, whichever way */
	unsigned int n_local[TG_OP_RESOLVE + 1];
	unsigned int n_out[BED_PORTS];
	unsigned int n_handshakes;
	unsigned int n_events[TG_EVENT_ROAMED + 1];
	unsigned int keepalives; /* that came to a peer */
	struct tg_counters control;
	struct bed_seen seen[BED_SEEN];
	unsigned int n_seen;
	unsigned int n_ce; /* packets of peers and to peers that came out with CE inside */
	uint8_t last_tos; /* of an IP header that came out, inner or in the clear */
	uint8_t last_outer_tos;
	struct wg_endpoint last_to; /* where the last WireGuard message went */
};

struct bed_map {
	const char *name;
	unsigned int workers;
	struct tg_lcores lcores;
	bool encrypt_at_dequeue;
};

/* rx/crypto/tx/handshake; the lcores only say which stages share a worker, 0 is control. */
static const struct bed_map bed_maps[] = {
	{"1 worker", 1, {{1, 1, 1, 1}, {{1}, {1}, {1}, {0}}}, false},
	{"2 workers", 2, {{1, 1, 1, 1}, {{1}, {2}, {1}, {0}}}, false},
	{"3 workers", 3, {{1, 1, 1, 1}, {{1}, {2}, {3}, {0}}}, false},
	{"6 workers, 1/4/1", 6, {{1, 4, 1, 1}, {{1}, {2, 3, 4, 5}, {6}, {0}}}, false},
	{"6 workers, 2/3/2 with a shared one", 6, {{2, 3, 2, 1}, {{1, 2}, {2, 3, 4}, {5, 6}, {0}}},
		false},
	{"1 worker, encrypt at dequeue", 1, {{1, 1, 1, 1}, {{1}, {1}, {1}, {0}}}, true},
	{"6 workers, encrypt at dequeue", 6, {{2, 3, 2, 1}, {{1, 2}, {2, 3, 4}, {5, 6}, {0}}},
		true},
};

static inline uint64_t
bed_random(struct bed *bed)
{
	return test_random(&bed->seed);
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
bed_op_send(
	void *ctx, struct wg_peer *peer, const struct wg_endpoint *to, const void *msg, size_t len)
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

static inline void
bed_remote_send(struct bed *bed, unsigned int peer, const void *inner, uint16_t len);

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
	bed->commands[bed->n_commands++] = (struct tg_command){
		.kind = kind, .peer = peer->id, .at = (uint32_t)(bed->now >> 10)};
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
		tg_paths_moved(&side->bed->paths, peer);
}

static inline void
bed_op_path_needed(void *ctx, struct wg_peer *peer)
{
	struct bed_side *side = ctx;

	if (side == &side->bed->gateway)
		tg_paths_needed(&side->bed->paths, peer);
}

static inline void
bed_op_path_not_needed(void *ctx, struct wg_peer *peer)
{
	struct bed_side *side = ctx;

	if (side == &side->bed->gateway)
		tg_paths_not_needed(&side->bed->paths, peer);
}

static inline void
bed_op_peer_removed(void *ctx, struct wg_peer *peer)
{
	struct bed_side *side = ctx;

	if (side != &side->bed->gateway)
		return;
	tg_paths_not_needed(&side->bed->paths, peer);
	bed_command(side->bed, TG_COMMAND_GONE, peer);
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
	.path_needed = bed_op_path_needed,
	.path_not_needed = bed_op_path_not_needed,
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

/* As app/icmp.c does; who asks for a MAC gets none. */
static inline void
bed_answer(struct bed *bed, struct rte_mbuf *m)
{
	struct tg_pipeline *p = &bed->p;

	switch (tg_refuse_answer(&p->env, &bed->control, m)) {
	case TG_OP_SEAL:
		bed_count_in(bed, p->to_crypto[tg_crypto_of_flow(&p->env, m->hash.rss)], m);
		break;
	case TG_OP_FRAME:
		bed_count_in(bed, p->to_tx[tg_tx_of_tin(&p->env, tg_meta(m)->peer)], m);
		break;
	case TG_OP_RESOLVE:
		rte_pktmbuf_free(m);
		break;
	default:
		break;
	}
}

static inline void
bed_local_packet(struct bed *bed, struct rte_mbuf *m)
{
	bed->n_local[tg_meta(m)->op]++;
	bed->collected++;
	if (tg_meta(m)->op == TG_OP_REFUSED)
		bed_answer(bed, m);
	else
		rte_pktmbuf_free(m);
}

static inline void
bed_local(struct bed *bed)
{
	unsigned int i;
	void *m;

	for (i = 0; i < bed->p.n_local; i++)
		while (rte_ring_sc_dequeue(bed->p.local[i], &m) == 0)
			bed_local_packet(bed, m);
}

static inline void
bed_handshakes(struct bed *bed)
{
	struct wg_endpoint from;
	unsigned int i;
	void *p;

	for (i = 0; i < bed->p.env.n_rx; i++)
		while (rte_ring_sc_dequeue(bed->p.handshake[0]->from_rx[i], &p) == 0) {
			struct rte_mbuf *m = p;

			tg_endpoint_read(m, 0, &from);
			wg_device_receive(bed->gateway.dev, rte_pktmbuf_mtod(m, void *),
				rte_pktmbuf_data_len(m), &from, false, bed->now);
			bed->n_handshakes++;
			bed->collected++;
			rte_pktmbuf_free(m);
		}
}

#endif
