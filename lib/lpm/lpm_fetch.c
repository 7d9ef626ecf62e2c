/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The descents of several addresses side by side: each step reads what the step before has asked
 * for. No answer comes out of it, so that a change meanwhile does no harm.
 */
#include <rte_prefetch.h>

#include "lpm_private.h"

struct cursor {
	lpm_key key;
	const struct lpm_node *node; /* NULL: at the end */
	const uintptr_t *slot;
	const uintptr_t *value; /* where it stands, in a node or a leaf; NULL: not known */
};

static inline void
begin(const struct lpm *t, const struct lpm_address *a, struct cursor *c)
{
	const struct lpm_trie *trie = a->version == 4 ? &t->v4 : &t->v6;

	c->key = a->version == 4 ? lpm_key4(a->addr) : lpm_key6(a->addr);
	c->node = as_node(__atomic_load_n(&trie->root, __ATOMIC_ACQUIRE));
	c->value = NULL;
}

/* The longest of the prefixes inside the node, as if none had just been removed. */
static inline void
end_inside(struct cursor *c, unsigned int bits)
{
	uint64_t match = c->node->prefixes & lpm_heap_path(bits);

	if (match) {
		c->value = &c->node->slot[prefix_at(c->node, 63 - __builtin_clzll(match))];
		rte_prefetch0(c->value);
	}
	c->node = NULL;
}

static inline void
find_slot(struct cursor *c)
{
	unsigned int bits = bits_at(c->key, c->node->bit);

	if (!(c->node->children >> bits & 1)) {
		end_inside(c, bits);
		return;
	}
	c->slot = &c->node->slot[child_at(c->node, bits)];
	rte_prefetch0(c->slot);
}

static inline void
follow_slot(struct cursor *c)
{
	uintptr_t entry = __atomic_load_n(c->slot, __ATOMIC_ACQUIRE);

	c->node = NULL;
	if (is_leaf(entry)) {
		c->value = &as_leaf(entry)->value;
		rte_prefetch0(as_leaf(entry));
	} else if (entry) {
		c->node = as_node(entry);
		rte_prefetch0(c->node);
		rte_prefetch0(&c->node->bit);
	}
}

void
lpm_fetch(const struct lpm *t, const struct lpm_address *addrs, const void **values, unsigned int n)
{
	struct cursor c[LPM_FETCH_MAX];
	unsigned int i, going;

	for (i = 0; i < n; i++)
		begin(t, &addrs[i], &c[i]);
	do {
		going = 0;
		for (i = 0; i < n; i++)
			if (c[i].node)
				find_slot(&c[i]);
		for (i = 0; i < n; i++) {
			if (c[i].node)
				follow_slot(&c[i]);
			going += c[i].node != NULL;
		}
	} while (going);
	for (i = 0; i < n; i++) {
		values[i] =
			c[i].value ? (void *)__atomic_load_n(c[i].value, __ATOMIC_ACQUIRE) : NULL;
		rte_prefetch0(values[i]);
	}
}
