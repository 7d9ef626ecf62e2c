/* SPDX-License-Identifier: BSD-3-Clause */
/* The descents of several addresses side by side: each step reads what the one before asked for. */
#include <stddef.h>

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "lpm_private.h"

struct cursor {
	lpm_key key;
	uintptr_t entry; /* node or leaf to look at */
	const uintptr_t *slot; /* what comes after that */
	uintptr_t best;
};

/* Of nothing too: the entry may just have been removed. */
static inline void
fetch(uintptr_t entry)
{
	if (is_leaf(entry)) {
		rte_prefetch0(&as_leaf(entry)->value);
		rte_prefetch0(&as_leaf(entry)->len);
	} else {
		rte_prefetch0((void *)(entry + offsetof(struct lpm_node, key)));
		rte_prefetch0((void *)(entry + offsetof(struct lpm_node, slot[1])));
	}
}

/* True: it goes on by a slot. */
static __rte_always_inline bool
look(struct cursor *c, bool v4)
{
	const struct lpm_node *n = as_node(c->entry);
	unsigned int bits;
	uintptr_t inside;

	if (is_leaf(c->entry)) {
		const struct lpm_leaf *l = as_leaf(c->entry);

		if (lpm_covers(l->key, c->key, l->len, v4))
			c->best = __atomic_load_n(&l->value, __ATOMIC_ACQUIRE);
		return false;
	}
	if (n->bit && !lpm_covers(n->key, c->key, n->bit, v4))
		return false;
	bits = lpm_step_bits(c->key, n->bit, v4);
	inside = n->prefixes ? lpm_longest_inside(n, bits) : 0;
	c->best = inside ? inside : c->best;
	c->slot = &n->slot[child_at(n, bits)];
	rte_prefetch0(c->slot);
	return n->children >> bits & 1;
}

/* The cursors that are named. */
static __rte_always_inline void
descend(struct cursor *cursors, uint8_t *names, unsigned int n, bool v4)
{
	unsigned int i, going;

	while (n) {
		for (i = going = 0; i < n; i++) {
			names[going] = names[i];
			going += look(&cursors[names[i]], v4);
		}
		for (i = n = 0; i < going; i++) {
			struct cursor *c = &cursors[names[i]];

			c->entry = __atomic_load_n(c->slot, __ATOMIC_ACQUIRE);
			fetch(c->entry);
			names[n] = names[i];
			n += c->entry != 0;
		}
	}
}

static void
begin(struct cursor *c, const struct lpm_trie *t, lpm_key key)
{
	c->key = key;
	c->entry = __atomic_load_n(&t->root, __ATOMIC_ACQUIRE);
	c->best = 0;
}

static void
descend_all(const struct lpm *t, const struct lpm_address *addrs, struct cursor *c, unsigned int n)
{
	uint8_t v4[LPM_BURST_MAX], v6[LPM_BURST_MAX];
	unsigned int i, n_v4 = 0, n_v6 = 0;

	for (i = 0; i < n; i++) {
		if (addrs[i].version == 4) {
			begin(&c[i], &t->v4, lpm_key4(addrs[i].addr));
			v4[n_v4++] = (uint8_t)i;
		} else {
			begin(&c[i], &t->v6, lpm_key6(addrs[i].addr));
			v6[n_v6++] = (uint8_t)i;
		}
	}
	descend(c, v4, n_v4, true);
	descend(c, v6, n_v6, false);
}

static void *
lookup(const struct lpm *t, const struct lpm_address *a)
{
	return a->version == 4 ? lpm_lookup4(t, a->addr) : lpm_lookup6(t, a->addr);
}

static uint64_t
changes(const struct lpm *t)
{
	return __atomic_load_n(&t->v4.changes, __ATOMIC_ACQUIRE) +
		__atomic_load_n(&t->v6.changes, __ATOMIC_ACQUIRE);
}

void
lpm_lookup_burst(
	const struct lpm *t, const struct lpm_address *addrs, void **values, unsigned int n)
{
	struct cursor c[LPM_BURST_MAX];
	uint64_t before = changes(t);
	bool same;

	descend_all(t, addrs, c, n);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	same = changes(t) == before;
	for (unsigned int i = 0; i < n; i++) {
		values[i] = likely(same) ? (void *)c[i].best : lookup(t, &addrs[i]);
		rte_prefetch0(values[i]);
	}
}
