/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What all stages look at: tables, ports and the number of instances of each stage. Filled before
 * the workers start and not changed after, but for atomics; the tables change inside, under RCU.
 */
#ifndef TG_ENV_H
#define TG_ENV_H

#include <stdatomic.h>
#include <stdbool.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "device.h"
#include "fib.h"
#include "lcores.h"
#include "meta.h"

struct tg_port {
	uint16_t id; /* of the DPDK port */
	uint16_t n_rxq;
	uint16_t n_txq; /* one for each TX stage */
	bool udp_csum; /* the port makes UDP checksums */
	struct rte_ether_addr mac;
	_Atomic bool down; /* its twin is: what comes in is dropped */
};

struct tg_trunk;

struct tg_env {
	struct wg_device *dev;
	struct tg_fib *fib;
	struct tg_trunk *trunks; /* see trunk.h */
	struct rte_mempool *pool;
	uint16_t mtu_max; /* that an mbuf of the pool has room for */
	uint64_t salt; /* of flow hashes */
	bool mss_clamp; /* lower the MSS of TCP to what fits the tunnel */
	bool encrypt_at_dequeue; /* see plain.h */
	_Atomic uint16_t listen_port; /* network order; 0: none */
	uint16_t n_rx;
	uint16_t n_crypto;
	uint16_t n_tx;
	uint16_t n_handshake;
	uint16_t n_ports;
	struct tg_port ports[TG_PORTS_MAX];
};

/* The crypto stage that seals a flow, and takes back what of it had to wait. */
static inline uint16_t
tg_crypto_of_flow(const struct tg_env *env, uint32_t hash)
{
	return (uint16_t)((uint64_t)hash * env->n_crypto >> 32);
}

/* A division takes longer than a branch that always goes the same way. */
static inline uint16_t
tg_remainder(uint32_t value, uint16_t n)
{
	return n == 1 ? 0 : (uint16_t)(value % n);
}

/* The crypto stage that opens a session's messages: see wg index.h on lanes. */
static inline uint16_t
tg_crypto_of_session(const struct tg_env *env, uint32_t receiver)
{
	return tg_remainder(receiver, env->n_crypto);
}

/* The handshake stage of a source, by a hash of it; and of a peer's jobs, which keep their order.
 */
static inline uint16_t
tg_handshake_of_source(const struct tg_env *env, uint32_t hash)
{
	return (uint16_t)((uint64_t)hash * env->n_handshake >> 32);
}

static inline uint16_t
tg_handshake_of_peer(const struct tg_env *env, uint32_t peer)
{
	return (uint16_t)((peer & WG_PEER_SLOT_MASK) % env->n_handshake);
}

/* The TX stage that owns a tin. */
static inline uint16_t
tg_tx_of_tin(const struct tg_env *env, uint32_t tin)
{
	return tg_remainder(tin & WG_PEER_SLOT_MASK, env->n_tx);
}

#endif
