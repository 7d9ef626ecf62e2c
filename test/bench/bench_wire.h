/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses and frames of the benchmarks' network (bench_world.h). */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "aead.h"
#include "endpoint.h"
#include "keypair.h"
#include "messages.h"

#define WIRE_PEERS_NET 0x0a000000u /* 10.0.0.0/8 */
#define WIRE_LAN_NET 0xac100000u /* 172.16.0.0/12 */

struct wire_frame {
	struct rte_ether_addr gateway;
	const uint8_t *key;
	struct wg_keypair *session; /* messages only; takes a send counter of it */
	uint32_t peer;
	uint32_t flow;
	uint16_t len; /* of the inner packet */
};

static inline void
wire_put32(void *p, uint32_t value)
{
	rte_be32_t be = rte_cpu_to_be_32(value);

	memcpy(p, &be, sizeof(be));
}

struct rte_ether_addr wire_mac(uint16_t port);
uint32_t wire_gateway(uint16_t port);
uint32_t wire_router(uint16_t port);
uint32_t wire_peer_inside(uint32_t peer);
struct wg_endpoint wire_endpoint(uint32_t peer);

/* A UDP datagram from the LAN to a peer, and the job to seal it where it lies. */
void wire_write_plain(struct rte_mbuf *m, const struct wire_frame *f, struct aead_job *job);

/* An initiation that claims to be from the peer. */
void wire_write_initiation(
	struct rte_mbuf *m, const struct wire_frame *f, const struct wg_initiation *msg);

/* A message from the peer with a datagram to the LAN; the job seals it, or opens it again. */
void wire_write_message(struct rte_mbuf *m, const struct wire_frame *f, struct aead_job *job);

#endif
