/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_prefetch.h>

#include "lpm_lookup.h"

struct step {
	lpm_key key;
	const struct lpm_node *node;
	const uintptr_t *slot; /* of the child; NULL: none */
	const struct lpm_leaf *leaf; /* at the end of the way; NULL: none */
	uintptr_t best; /* so far */
};

/* From key to the first slots; a node lies across cache lines. */
static void
fetch_node(const struct lpm_node *n)
{
	rte_prefetch0(&n->key);
	rte_prefetch0(&n->slot[4]);
}

/* What is held in the node, and where its child is. */
static void
look_inside(struct step *s)
{
	const struct lpm_node *n = s->node;
	unsigned int bits = bits_at(s->key, n->bit);
	uintptr_t value;

	s->slot = NULL;
	if (n->bit && !same_bits(n->key, s->key, n->bit))
		return;
	value = n->prefixes ? longest_inside(n, bits) : 0;
	s->best = value ? value : s->best;
	if (!(n->children >> bits & 1))
		return;
	s->slot = &n->slot[child_at(n, bits)];
	rte_prefetch0(s->slot);
}

/* False at the end of the way. */
static bool
descend(struct step *s)
{
	uintptr_t entry = s->slot ? __atomic_load_n(s->slot, __ATOMIC_ACQUIRE) : 0;

	if (!entry)
		return false;
	if (is_leaf(entry)) {
		s->leaf = as_leaf(entry);
		rte_prefetch0(&s->leaf->value);
		rte_prefetch0(&s->leaf->len);
		return false;
	}
	s->node = as_node(entry);
	fetch_node(s->node);
	return true;
}

/* All of them a step at a time, so that their misses overlap. */
static void
fetch(const struct lpm_trie *t, struct step *steps, unsigned int n, const void *values[])
{
	uint64_t under_way = below(n), left;
	unsigned int i;

	for (i = 0; i < n; i++)
		steps[i].node = as_node(__atomic_load_n(&t->root, __ATOMIC_ACQUIRE));
	while (under_way) {
		for (left = under_way; left; left &= left - 1)
			look_inside(&steps[__builtin_ctzll(left)]);
		for (left = under_way; left; left &= left - 1)
			if (!descend(&steps[__builtin_ctzll(left)]))
				under_way &= ~(left & -left);
	}
	for (i = 0; i < n; i++) {
		const struct lpm_leaf *l = steps[i].leaf;

		if (l && same_bits(l->key, steps[i].key, l->len))
			steps[i].best = __atomic_load_n(&l->value, __ATOMIC_ACQUIRE);
		values[i] = (const void *)steps[i].best;
		rte_prefetch0(values[i]);
	}
}

void
lpm_fetch4(const struct lpm *t, const uint8_t *const addrs[], unsigned int n, const void *values[])
{
	struct step steps[LPM_FETCH_MAX];
	unsigned int i;

	for (i = 0; i < n; i++)
		steps[i] = (struct step){.key = key4(addrs[i])};
	fetch(&t->v4, steps, n, values);
}

void
lpm_fetch6(const struct lpm *t, const uint8_t *const addrs[], unsigned int n, const void *values[])
{
	struct step steps[LPM_FETCH_MAX];
	unsigned int i;

	for (i = 0; i < n; i++)
		steps[i] = (struct step){.key = key6(addrs[i])};
	fetch(&t->v6, steps, n, values);
}
