/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TG_POOL_H
#define TG_POOL_H

#include <stdint.h>

#include <rte_mempool.h>

/*
 * Control, at start. A pool of n packet buffers with so much room each, headroom included, cache
 * of them kept by each lcore. NULL and rte_errno. rte_mempool_free() when all are back.
 *
 * They lie one behind the other, also where there are no hugepages. By itself DPDK begins a page
 * with each of them there: then the same line of all packets of a burst is in the same set of a
 * first-level cache, which keeps 8 or 12 of 32.
 */
struct rte_mempool *tg_pool_create(const char *name, uint32_t n, uint32_t cache, uint16_t room);

#endif
