/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One path-compressed multibit trie per family, six bits a step. A node stands at a multiple of six
 * bits and holds the prefixes that end within its six bits, found by a bitmap in heap order (prefix
 * of relative length l and bits v at 2^l - 1 + v), and children by the six bits themselves: another
 * node, or a leaf for a prefix that is alone below. Slots are packed, bitmaps say where (after tree
 * bitmap: Eatherton, Varghese, Dittia, 2004). Shapes never change: a node of another shape is a
 * copy.
 *
 * Why a reader is never wrong. A change is one release store into a slot: an entry, its absence
 * (0), or a copy with one entry more; what follows in the same call only repacks, without changing
 * what is held. The same host in lpm_hosts.h follows within the change: until then it is missing
 * there, or as it was. So a lookup beside a single change finds the state before or after it.
 * Beside two changes it could combine a node from before the first with one from after the second,
 * and miss both of two prefixes although one was always there. Hence the counter, which ends every
 * change: if it is the same after the descent as before, the stores of at most one change fell in
 * between; else the lookup is repeated. It never waits for the writer: a repetition means that a
 * change was completed.
 */
#ifndef LPM_PRIVATE_H
#define LPM_PRIVATE_H

#include <malloc.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>

#include "lpm.h"
#include "lpm_hosts.h"

#define STRIDE 6
#define KEY_BITS 128
#define IS_LEAF 1

/* Big-endian bit order: bit 0 of the address is the highest; IPv4 fills the first 32. */
typedef unsigned __int128 lpm_key;

/* In both the order of fields is such that a look-up reads few cache lines. */
struct lpm_leaf {
	uintptr_t value;
	uint64_t high; /* halves of its key */
	uint8_t len;
	bool reserved; /* from memory set aside: not to be freed by itself */
	uint64_t low;
	struct rcu_head rcu;
};

struct lpm_node {
	struct rcu_head rcu;
	uint64_t low; /* half of its key */
	bool reserved;

	uint64_t high __rte_cache_aligned;
	uint64_t children;
	uint64_t prefixes;
	uint8_t bit;
	/* Children by six bits, tagged; then the values of prefixes in heap order. 0: removed. */
	uintptr_t slot[];
};

_Static_assert(offsetof(struct lpm_node, slot[4]) == 2 * RTE_CACHE_LINE_SIZE,
	"with four slots, of IPv4, one line is read");

/* The first slots stand in what would pad the struct. Whole lines, so never less than that. */
#define LPM_NODE_SIZE(slots)                                                                       \
	RTE_CACHE_LINE_ROUNDUP(offsetof(struct lpm_node, slot) + (slots) * sizeof(uintptr_t))

struct lpm_trie {
	uintptr_t root;
	uint64_t changes;
};

/* At the start of what lpm_reserve() has mapped. */
struct lpm_region {
	struct lpm_region *next;
	size_t len;
	size_t used; /* from its start, this header included */
} __rte_cache_aligned;

struct lpm {
	struct lpm_trie v4 __rte_cache_aligned;
	struct lpm_trie v6 __rte_cache_aligned;
	struct rcu *rcu __rte_cache_aligned;
	struct lpm_hosts hosts;
	size_t count;
	size_t memory;
	struct lpm_region *reserve; /* set aside at present */
	struct lpm_region *used; /* of earlier ones, what is left of them */
	bool inserting; /* who may draw on the reserve */
};

/* Keys are stored in halves, so that the structs need no 16-byte alignment. */
static inline lpm_key
lpm_join(uint64_t high, uint64_t low)
{
	return (lpm_key)high << 64 | low;
}

static inline uint64_t
lpm_high(lpm_key k)
{
	return (uint64_t)(k >> 64);
}

static inline lpm_key
lpm_leaf_key(const struct lpm_leaf *l)
{
	return lpm_join(l->high, l->low);
}

static inline lpm_key
lpm_node_key(const struct lpm_node *n)
{
	return lpm_join(n->high, n->low);
}

static inline uint32_t
lpm_word4(const uint8_t addr[4])
{
	uint32_t word;

	memcpy(&word, addr, sizeof(word));
	return rte_be_to_cpu_32(word);
}

static inline lpm_key
lpm_key4(const uint8_t addr[4])
{
	return (lpm_key)lpm_word4(addr) << (KEY_BITS - 32);
}

static inline lpm_key
lpm_key6(const uint8_t addr[16])
{
	uint64_t half[2];

	memcpy(half, addr, sizeof(half));
	return lpm_join(rte_be_to_cpu_64(half[0]), rte_be_to_cpu_64(half[1]));
}

static inline bool
is_leaf(uintptr_t entry)
{
	return entry & IS_LEAF;
}

static inline struct lpm_leaf *
as_leaf(uintptr_t entry)
{
	return (struct lpm_leaf *)(entry - IS_LEAF);
}

static inline struct lpm_node *
as_node(uintptr_t entry)
{
	return (struct lpm_node *)entry;
}

static inline unsigned int
bits_at(lpm_key key, unsigned int bit)
{
	return (unsigned int)((key << bit) >> (KEY_BITS - STRIDE));
}

/* len is at least 1. */
static inline bool
same_bits(lpm_key a, lpm_key b, unsigned int len)
{
	return (a ^ b) >> (KEY_BITS - len) == 0;
}

static inline uint64_t
below(unsigned int index)
{
	return (UINT64_C(1) << index) - 1;
}

static inline unsigned int
heap_index(unsigned int bits, unsigned int len)
{
	return (1U << len) - 1 + (bits >> (STRIDE - len));
}

/* By six bits: the heap positions of the six prefixes, of length 0 to 5, that cover them. */
extern const uint64_t lpm_heap_path[1 << STRIDE];

static inline unsigned int
child_at(const struct lpm_node *n, unsigned int index)
{
	return __builtin_popcountll(n->children & below(index));
}

static inline unsigned int
prefix_at(const struct lpm_node *n, unsigned int index)
{
	return __builtin_popcountll(n->children) + __builtin_popcountll(n->prefixes & below(index));
}

/* Heap order has the longer prefixes higher. 0: none. */
static inline uintptr_t
lpm_longest_inside(const struct lpm_node *n, unsigned int bits)
{
	uint64_t match = n->prefixes & lpm_heap_path[bits];

	while (match) {
		unsigned int index = 63 - __builtin_clzll(match);
		uintptr_t value = __atomic_load_n(&n->slot[prefix_at(n, index)], __ATOMIC_ACQUIRE);

		if (likely(value))
			return value;
		match &= below(index);
	}
	return 0;
}

/* Whether a prefix of len bits covers the key. An IPv4 key has all its bits in the high half. */
static __rte_always_inline bool
lpm_covers(const uint64_t *high, const uint64_t *low, unsigned int len, lpm_key key, bool v4)
{
	uint64_t diff = *high ^ lpm_high(key);

	if (v4 || len < 64)
		return diff >> 1 >> (63 - len) == 0;
	return diff == 0 && (len == 64 || (*low ^ (uint64_t)key) >> (128 - len) == 0);
}

/* Bits that two keys have in common, from the first on. */
static inline unsigned int
lpm_common_bits(lpm_key a, lpm_key b)
{
	lpm_key diff = a ^ b;

	if (lpm_high(diff))
		return __builtin_clzll(lpm_high(diff));
	return diff ? 64 + __builtin_clzll((uint64_t)diff) : KEY_BITS;
}

/*
 * One step of a look-up: where it goes on from this entry, or 0. What it has found in here goes to
 * *best: longer prefixes come later. When it ends, *alike is after how many bits of the key it did:
 * those decided. NULL: nobody asks.
 */
static __rte_always_inline uintptr_t
lpm_step(uintptr_t entry, lpm_key key, uintptr_t *best, unsigned int *alike, bool v4)
{
	const struct lpm_node *n = as_node(entry);
	unsigned int bits;

	if (is_leaf(entry)) {
		const struct lpm_leaf *l = as_leaf(entry);
		bool covers = lpm_covers(&l->high, &l->low, l->len, key, v4);

		if (covers)
			*best = __atomic_load_n(&l->value, __ATOMIC_ACQUIRE);
		if (alike)
			*alike = covers ? l->len : lpm_common_bits(lpm_leaf_key(l), key) + 1;
		return 0;
	}
	if (!lpm_covers(&n->high, &n->low, n->bit, key, v4)) {
		if (alike)
			*alike = lpm_common_bits(lpm_node_key(n), key) + 1;
		return 0;
	}
	bits = v4 ? (unsigned int)(lpm_high(key) << n->bit >> (64 - STRIDE)) : bits_at(key, n->bit);
	if (n->prefixes) {
		uintptr_t inside = lpm_longest_inside(n, bits);

		*best = inside ? inside : *best;
	}
	if (alike)
		*alike = n->bit + STRIDE;
	if (!(n->children >> bits & 1))
		return 0;
	return __atomic_load_n(&n->slot[child_at(n, bits)], __ATOMIC_ACQUIRE);
}

static inline size_t
footprint(void *object)
{
	return malloc_usable_size(object) + sizeof(size_t);
}

/*
 * lpm_reserve.c. Zeroed memory from the heap, else while inserting from the reserve; *reserved says
 * which. align: as for aligned_alloc(), up to a cache line. NULL: neither has any.
 */
void *lpm_object_new(struct lpm *t, size_t align, size_t size, bool *reserved);
/* It was taken out of the table, or never in it. NULL is allowed. */
void lpm_object_leaves(struct lpm *t, void *object, bool reserved);
void lpm_object_free(void *object, bool reserved);
/* All that lpm_reserve() has mapped. */
void lpm_reserve_destroy(struct lpm *t);

/* Counted in t->memory. NULL without memory. The slots are empty. */
struct lpm_node *
lpm_node_new(struct lpm *t, lpm_key key, unsigned int bit, uint64_t children, uint64_t prefixes);

/* As their namesakes in lpm.h; the key has no bits beyond len. */
int lpm_trie_insert(struct lpm *t, struct lpm_trie *trie, lpm_key key, unsigned int len,
	void *value, void **old);
void *lpm_trie_remove(struct lpm *t, struct lpm_trie *trie, lpm_key key, unsigned int len);

#endif
