/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_wire.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_udp.h>

#include "bench_world.h"
#include "forward.h"

#define FLOWS_PER_HOST 16384u

struct rte_ether_addr
wire_mac(uint16_t port)
{
	return (struct rte_ether_addr){.addr_bytes = {2, 0, 0, 0, 0, (uint8_t)(1 + port)}};
}

uint32_t
wire_gateway(uint16_t port)
{
	return port == LAN ? 0xc0a80001 : 0xcb007101; /* 192.168.0.1, 203.0.113.1 */
}

uint32_t
wire_router(uint16_t port)
{
	return wire_gateway(port) + 1;
}

uint32_t
wire_peer_inside(uint32_t peer)
{
	return WIRE_PEERS_NET + 1 + peer;
}

static uint32_t
peer_outside(uint32_t peer)
{
	return 0xc6120000 + peer % 0x20000; /* 198.18.0.0/15 */
}

/* As the peer's messages have it, with the address that they are sent to. */
struct wg_endpoint
wire_endpoint(uint32_t peer)
{
	struct wg_endpoint e = {.family = AF_INET, .port = rte_cpu_to_be_16(WORLD_WG_PORT)};

	wire_put32(e.addr, peer_outside(peer));
	wire_put32(e.src, wire_gateway(WAN));
	return e;
}

struct udp4 {
	uint32_t src, dst;
	uint16_t sport, dport;
	uint16_t len; /* of all */
};

static uint8_t *
write_udp4(uint8_t *p, const struct udp4 *u)
{
	struct rte_ipv4_hdr *ip = (void *)p;
	struct rte_udp_hdr *udp = (void *)(ip + 1);

	*ip = (struct rte_ipv4_hdr){.version_ihl = RTE_IPV4_VHL_DEF,
		.total_length = rte_cpu_to_be_16(u->len),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = rte_cpu_to_be_32(u->src),
		.dst_addr = rte_cpu_to_be_32(u->dst)};
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	*udp = (struct rte_udp_hdr){rte_cpu_to_be_16(u->sport), rte_cpu_to_be_16(u->dport),
		rte_cpu_to_be_16((uint16_t)(u->len - sizeof(*ip))), 0};
	return (uint8_t *)(udp + 1);
}

/* The datagram that travels inside; all of it is written. */
static void
write_inner(uint8_t *p, const struct wire_frame *f, bool to_peer)
{
	uint32_t host = WIRE_LAN_NET + 2 + f->flow / FLOWS_PER_HOST;
	uint32_t inside = wire_peer_inside(f->peer);
	struct udp4 u = {.src = to_peer ? host : inside,
		.dst = to_peer ? inside : host,
		.sport = (uint16_t)(1024 + f->flow % FLOWS_PER_HOST),
		.dport = 9,
		.len = f->len};
	uint8_t *payload = write_udp4(p, &u);

	memset(payload, 0, f->len - (size_t)(payload - p));
}

static uint8_t *
begin(struct rte_mbuf *m, const struct wire_frame *f, uint32_t len)
{
	struct rte_ether_hdr *eth;

	rte_pktmbuf_reset(m);
	eth = (void *)rte_pktmbuf_append(m, (uint16_t)(sizeof(*eth) + len));
	eth->dst_addr = f->gateway;
	memset(&eth->src_addr, 2, sizeof(eth->src_addr));
	eth->ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
	return (uint8_t *)(eth + 1);
}

void
wire_write_plain(struct rte_mbuf *m, const struct wire_frame *f, struct aead_job *job)
{
	uint8_t *p = begin(m, f, f->len);

	write_inner(p, f, true);
	*job = (struct aead_job){.text = p, .key = f->key, .len = pkt_wg_padded(f->len, WORLD_MTU)};
}

void
wire_write_message(struct rte_mbuf *m, const struct wire_frame *f, struct aead_job *job)
{
	uint32_t padded = pkt_wg_padded(f->len, WORLD_MTU);
	uint32_t len =
		sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr) + WG_DATA_LEN_MIN + padded;
	struct udp4 u = {.src = peer_outside(f->peer),
		.dst = wire_gateway(WAN),
		.sport = WORLD_WG_PORT,
		.dport = WORLD_WG_PORT,
		.len = (uint16_t)len};
	struct wg_data *msg = (void *)write_udp4(begin(m, f, len), &u);
	uint8_t *text = (uint8_t *)(msg + 1);
	uint64_t counter = 0;

	wg_keypair_take_counters(f->session, 1, &counter);
	*msg = (struct wg_data){.type = rte_cpu_to_le_32(WG_MESSAGE_DATA),
		.receiver = rte_cpu_to_le_32(f->session->local_index),
		.counter = rte_cpu_to_le_64(counter)};
	write_inner(text, f, false);
	memset(text + f->len, 0, padded - f->len);
	*job = (struct aead_job){.text = text, .key = f->key, .counter = counter, .len = padded};
}

void
wire_write_initiation(
	struct rte_mbuf *m, const struct wire_frame *f, const struct wg_initiation *msg)
{
	uint32_t len = sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr) + sizeof(*msg);
	struct udp4 u = {.src = peer_outside(f->peer),
		.dst = wire_gateway(WAN),
		.sport = WORLD_WG_PORT,
		.dport = WORLD_WG_PORT,
		.len = (uint16_t)len};

	memcpy(write_udp4(begin(m, f, len), &u), msg, sizeof(*msg));
}
