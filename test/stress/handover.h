/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What ThreadSanitizer cannot see: that DPDK's own objects, which are not instrumented, hand
 * packets from thread to thread through the rings behind a port and through the pool. Callbacks and
 * a mempool handler here say it again, by atomics of their own. They order nothing that DPDK does
 * not order.
 */
#ifndef STRESS_HANDOVER_H
#define STRESS_HANDOVER_H

#include <stdint.h>

#include <rte_ring.h>

/* After the EAL's start, before the pool is made. 0 or -errno. */
int handover_pool(void);

/* For a port with one RX and one TX queue; in: the ring that it receives from. 0 or -errno. */
int handover_port(uint16_t port, struct rte_ring *in);
/* Before the port is closed, which leaves callbacks to the next port of this number. */
void handover_port_end(uint16_t port);

/* After a packet was taken out of the ring that a port sends to. */
void handover_taken(void);

#endif
