/* SPDX-License-Identifier: BSD-3-Clause */
#include "memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_memory.h>

#include "fq.h"

/* fq.h, "Memory". */
#define FQ_FLOW_BYTES UINT64_C(66)
#define FQ_TIN_BYTES UINT64_C(256)
#define FQ_PACKET_BYTES UINT64_C(16)
#define FQ_BYTES UINT64_C(4096)

uint64_t
tg_memory_buffers(uint32_t n, uint16_t room)
{
	uint32_t size = rte_mempool_calc_obj_size(sizeof(struct rte_mbuf) + room, 0, NULL);

	return (uint64_t)n * size;
}

uint64_t
tg_memory_queue(const struct fq_params *fq)
{
	return FQ_FLOW_BYTES * fq->flows + FQ_TIN_BYTES * fq->tins +
		FQ_PACKET_BYTES * fq->limit_packets + FQ_BYTES;
}

static uint64_t
in_use(void)
{
	struct rte_malloc_socket_stats s;
	uint64_t sum = 0;
	int i;

	for (i = 0; i < RTE_MAX_NUMA_NODES; i++)
		if (!rte_malloc_get_socket_stats(i, &s))
			sum += s.heap_allocsz_bytes;
	return sum;
}

static uint64_t
mib(uint64_t bytes)
{
	return (bytes + (1 << 20) - 1) >> 20;
}

int
tg_memory_lacks(const struct tg_memory *m, int ret, char error[TG_ERROR_LEN])
{
	/* A mempool that finds memory in pieces only. */
	if (ret != -ENOMEM && ret != -ENOBUFS)
		snprintf(error, TG_ERROR_LEN, "%s: %s", m->what, rte_strerror(-ret));
	else
		snprintf(error, TG_ERROR_LEN,
			"%s take %" PRIu64 " MiB or more, and of DPDK's memory, %" PRIu64
			" MiB, %" PRIu64
			" are in use: more hugepages or a larger -m, or less of %s",
			m->what, mib(m->bytes), mib(rte_eal_get_physmem_size()), mib(in_use()),
			m->less);
	return ret;
}
