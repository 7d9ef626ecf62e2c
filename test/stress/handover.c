/* SPDX-License-Identifier: BSD-3-Clause */
#include "handover.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_mempool.h>

#define POOL_OPS "stress"

static _Atomic unsigned int sent, freed;
static const struct rte_mempool_ops *ring;
static const struct rte_eth_rxtx_callback *on_receive[RTE_MAX_ETHPORTS];
static const struct rte_eth_rxtx_callback *on_send[RTE_MAX_ETHPORTS];

static void
publish(_Atomic unsigned int *where)
{
	atomic_fetch_add_explicit(where, 1, memory_order_release);
}

static void
observe(_Atomic unsigned int *where)
{
	atomic_load_explicit(where, memory_order_acquire);
}

void
handover_taken(void)
{
	observe(&sent);
}

/* Whoever filled the ring, by inline functions, has published this. */
static uint16_t
received(
	uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n, uint16_t max, void *arg)
{
	RTE_SET_USED(port);
	RTE_SET_USED(queue);
	RTE_SET_USED(pkts);
	RTE_SET_USED(max);
	__atomic_load_n(&((struct rte_ring *)arg)->prod.tail, __ATOMIC_ACQUIRE);
	return n;
}

static uint16_t
sending(uint16_t port, uint16_t queue, struct rte_mbuf *pkts[], uint16_t n, void *arg)
{
	RTE_SET_USED(port);
	RTE_SET_USED(queue);
	RTE_SET_USED(pkts);
	RTE_SET_USED(arg);
	publish(&sent);
	return n;
}

int
handover_port(uint16_t port, struct rte_ring *in)
{
	on_receive[port] = rte_eth_add_rx_callback(port, 0, received, in);
	on_send[port] = rte_eth_add_tx_callback(port, 0, sending, NULL);
	return on_receive[port] && on_send[port] ? 0 : -rte_errno;
}

void
handover_port_end(uint16_t port)
{
	rte_eth_remove_rx_callback(port, 0, on_receive[port]);
	rte_eth_remove_tx_callback(port, 0, on_send[port]);
}

/*
 * The pool: the handler that it would have, and a word on each side.
 */
static int
pool_alloc(struct rte_mempool *mp)
{
	return ring->alloc(mp);
}

static void
pool_free(struct rte_mempool *mp)
{
	ring->free(mp);
}

static int
pool_enqueue(struct rte_mempool *mp, void *const *objects, unsigned int n)
{
	publish(&freed);
	return ring->enqueue(mp, objects, n);
}

static int
pool_dequeue(struct rte_mempool *mp, void **objects, unsigned int n)
{
	int rc = ring->dequeue(mp, objects, n);

	observe(&freed);
	return rc;
}

static unsigned int
pool_count(const struct rte_mempool *mp)
{
	return ring->get_count(mp);
}

static const struct rte_mempool_ops ops = {
	.name = POOL_OPS,
	.alloc = pool_alloc,
	.free = pool_free,
	.enqueue = pool_enqueue,
	.dequeue = pool_dequeue,
	.get_count = pool_count,
};

RTE_MEMPOOL_REGISTER_OPS(ops)

int
handover_pool(void)
{
	for (unsigned int i = 0; i < rte_mempool_ops_table.num_ops; i++)
		if (!strcmp(rte_mempool_ops_table.ops[i].name, "ring_mp_mc"))
			ring = &rte_mempool_ops_table.ops[i];
	return ring ? rte_mbuf_set_platform_mempool_ops(POOL_OPS) : -ENOENT;
}
