/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool.h"

#include <rte_eal.h>
#include <rte_mbuf.h>

struct rte_mempool *
tg_pool_create(const char *name, uint32_t n, uint32_t cache, uint16_t room)
{
	/* A card that is given physical addresses must not find a buffer on two pages. */
	if (rte_eal_has_hugepages() || rte_eal_iova_mode() != RTE_IOVA_VA)
		return rte_pktmbuf_pool_create(name, n, cache, 0, room, SOCKET_ID_ANY);
	return rte_mempool_create(name, n, sizeof(struct rte_mbuf) + room, cache,
		sizeof(struct rte_pktmbuf_pool_private), rte_pktmbuf_pool_init, NULL,
		rte_pktmbuf_init, NULL, SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_IOVA_CONTIG);
}
