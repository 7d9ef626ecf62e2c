/* SPDX-License-Identifier: BSD-3-Clause */
#include "pool.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_memzone.h>

static void
free_zone(struct rte_mempool_memhdr *chunk, void *zone)
{
	(void)chunk;
	rte_memzone_free(zone);
}

/* 0 or -errno. By hand, since with the flag DPDK leaves out the addresses that cards are given. */
static int
populate(struct rte_mempool *pool, const char *name)
{
	const struct rte_memzone *zone;
	size_t chunk, align;
	ssize_t size = rte_mempool_op_calc_mem_size_default(pool, pool->size, 0, &chunk, &align);
	int ret;

	if (size < 0)
		return (int)size;
	zone = rte_memzone_reserve_aligned(name, (size_t)size, SOCKET_ID_ANY, 0, (unsigned)align);
	if (!zone)
		return -rte_errno;
	ret = rte_mempool_populate_iova(
		pool, zone->addr, zone->iova, zone->len, free_zone, (void *)(uintptr_t)zone);
	if (ret <= 0)
		rte_memzone_free(zone);
	if (ret != (int)pool->size)
		return ret < 0 ? ret : -ENOBUFS;
	/* What is in one piece is so for cards, too; and what the flag says keeps some from it. */
	pool->flags &= ~(RTE_MEMPOOL_F_NO_IOVA_CONTIG | RTE_MEMPOOL_F_NON_IO);
	return 0;
}

/* IOVA is VA: a buffer may be on two pages. */
static struct rte_mempool *
create_packed(const char *name, uint32_t n, uint32_t cache, uint16_t room)
{
	struct rte_mempool *pool = rte_mempool_create_empty(name, n, sizeof(struct rte_mbuf) + room,
		cache, sizeof(struct rte_pktmbuf_pool_private), SOCKET_ID_ANY,
		RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	int ret;

	if (!pool)
		return NULL;
	ret = rte_mempool_set_ops_byname(pool, RTE_MBUF_DEFAULT_MEMPOOL_OPS, NULL);
	if (!ret) {
		rte_pktmbuf_pool_init(pool, NULL);
		ret = populate(pool, name);
	}
	if (ret) {
		rte_mempool_free(pool);
		rte_errno = -ret;
		return NULL;
	}
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return pool;
}

struct rte_mempool *
tg_pool_create(const char *name, uint32_t n, uint32_t cache, uint16_t room)
{
	/* A card that is given physical addresses must not find a buffer on two pages. */
	if (rte_eal_has_hugepages() || rte_eal_iova_mode() != RTE_IOVA_VA)
		return rte_pktmbuf_pool_create(name, n, cache, 0, room, SOCKET_ID_ANY);
	return create_packed(name, n, cache, room);
}
