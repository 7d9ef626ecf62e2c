/* SPDX-License-Identifier: BSD-3-Clause */
/* What lookups one by one (lpm.c) and by the burst (lpm_fetch.c) have in common. */
#ifndef LPM_LOOKUP_H
#define LPM_LOOKUP_H

#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>

#include "lpm_private.h"

/* The heap positions of the six prefixes, of length 0 to 5, that cover these bits. */
static inline uint64_t
heap_path(unsigned int bits)
{
	return UINT64_C(1) << 0 | UINT64_C(1) << (1 + (bits >> 5)) |
		UINT64_C(1) << (3 + (bits >> 4)) | UINT64_C(1) << (7 + (bits >> 3)) |
		UINT64_C(1) << (15 + (bits >> 2)) | UINT64_C(1) << (31 + (bits >> 1));
}

/* Heap order has the longer prefixes higher. */
static inline uintptr_t
longest_inside(const struct lpm_node *n, unsigned int bits)
{
	uint64_t match = n->prefixes & heap_path(bits);

	while (match) {
		unsigned int index = 63 - __builtin_clzll(match);
		uintptr_t value = __atomic_load_n(&n->slot[prefix_at(n, index)], __ATOMIC_ACQUIRE);

		if (likely(value))
			return value;
		match &= below(index);
	}
	return 0;
}

static inline lpm_key
key4(const uint8_t addr[4])
{
	uint32_t word;

	memcpy(&word, addr, sizeof(word));
	return (lpm_key)rte_be_to_cpu_32(word) << (KEY_BITS - 32);
}

static inline lpm_key
key6(const uint8_t addr[16])
{
	uint64_t half[2];

	memcpy(half, addr, sizeof(half));
	return join((struct lpm_halves){rte_be_to_cpu_64(half[0]), rte_be_to_cpu_64(half[1])});
}

#endif
