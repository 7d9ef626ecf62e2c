/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK ports: configured, started and stopped. Control thread. */
#ifndef TG_PORTS_H
#define TG_PORTS_H

#include "env.h"
#include "error.h"

/* A frame of this MTU leaves room in an mbuf for what sealing puts around it. */
#define TG_MTU_MAX 16000

/* Bytes of an mbuf, headroom included, for ports of this MTU, up to TG_MTU_MAX. */
uint16_t tg_port_buffer_size(uint16_t mtu);

/* Those of a port's TX offloads (RTE_ETH_TX_OFFLOAD_*) that are used. */
uint64_t tg_port_tx_offloads(uint64_t capabilities);

/*
 * Configures every port that EAL has probed, with one TX queue for each of n_tx stages and up to
 * n_rx RX queues, or all that the driver fills in any case, for an MTU of env->mtu_max or what the
 * driver can do, and fills env->ports. 0, or -errno and what is wrong in error.
 */
int tg_ports_setup(struct tg_env *env, uint16_t n_rx, uint16_t n_tx, char error[TG_ERROR_LEN]);

int tg_ports_start(const struct tg_env *env, char error[TG_ERROR_LEN]);

/*
 * The rate to shape a port to when the operator names none: 1 % under its link's, so that the queue
 * is here and not in the port. Bytes per s; 0 when the driver does not know.
 */
uint64_t tg_port_link_rate(const struct tg_env *env, uint16_t port);

/* Bytes of IP packet that the port sends at most. */
uint16_t tg_port_mtu(const struct tg_env *env, uint16_t port);

/*
 * After the operator has changed the twin's MTU. 0, -EMSGSIZE when it is more than packet buffers
 * hold, or -errno of a port that cannot follow.
 */
int tg_port_set_mtu(const struct tg_env *env, uint16_t port, uint16_t mtu);

/* Stops and closes them; what they hold returns to the pool. */
void tg_ports_close(const struct tg_env *env);

#endif
