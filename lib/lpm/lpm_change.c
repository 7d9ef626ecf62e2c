/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "lpm_private.h"

/* The node that a prefix belongs into, and its slot there: NULL if the shape has none for it. */
struct place {
	uintptr_t *ref;
	struct lpm_node *node;
	uintptr_t *slot;
};

static void
publish(uintptr_t *slot, uintptr_t entry)
{
	__atomic_store_n(slot, entry, __ATOMIC_RELEASE);
}

static void
end_change(struct lpm_trie *t)
{
	__atomic_store_n(&t->changes, t->changes + 1, __ATOMIC_RELEASE);
}

static void
leaf_free(struct rcu_head *head)
{
	struct lpm_leaf *l = container_of(head, struct lpm_leaf, rcu);

	lpm_object_free(l, l->reserved);
}

static void
node_free(struct rcu_head *head)
{
	struct lpm_node *n = container_of(head, struct lpm_node, rcu);

	lpm_object_free(n, n->reserved);
}

static void
leaf_retire(struct lpm *t, struct lpm_leaf *l)
{
	lpm_object_leaves(t, l, l->reserved);
	rcu_call(t->rcu, &l->rcu, leaf_free);
}

static void
node_retire(struct lpm *t, struct lpm_node *n)
{
	lpm_object_leaves(t, n, n->reserved);
	rcu_call(t->rcu, &n->rcu, node_free);
}

/* Nobody has seen it. NULL is allowed. */
static void
node_unused(struct lpm *t, struct lpm_node *n)
{
	if (!n)
		return;
	lpm_object_leaves(t, n, n->reserved);
	lpm_object_free(n, n->reserved);
}

struct lpm_node *
lpm_node_new(struct lpm *t, lpm_key key, unsigned int bit, uint64_t children, uint64_t prefixes)
{
	size_t slots = __builtin_popcountll(children) + __builtin_popcountll(prefixes);
	bool reserved;
	struct lpm_node *n =
		lpm_object_new(t, RTE_CACHE_LINE_SIZE, LPM_NODE_SIZE(slots), &reserved);

	if (!n)
		return NULL;
	n->reserved = reserved;
	key = bit ? key >> (KEY_BITS - bit) << (KEY_BITS - bit) : 0;
	n->high = lpm_high(key);
	n->low = (uint64_t)key;
	n->bit = bit;
	n->children = children;
	n->prefixes = prefixes;
	return n;
}

/* Whether a prefix of this length is held in a node at this bit, not below it. */
static bool
is_inside(unsigned int bit, unsigned int len)
{
	return len < bit + STRIDE;
}

/* Adds to a shape what a prefix needs. */
static void
shape_add(unsigned int bit, lpm_key key, unsigned int len, uint64_t *children, uint64_t *prefixes)
{
	unsigned int bits = bits_at(key, bit);

	if (is_inside(bit, len))
		*prefixes |= UINT64_C(1) << heap_index(bits, len - bit);
	else
		*children |= UINT64_C(1) << bits;
}

static uintptr_t *
slot_of(struct lpm_node *n, lpm_key key, unsigned int len)
{
	unsigned int bits = bits_at(key, n->bit);

	if (is_inside(n->bit, len)) {
		unsigned int index = heap_index(bits, len - n->bit);

		return n->prefixes >> index & 1 ? &n->slot[prefix_at(n, index)] : NULL;
	}
	return n->children >> bits & 1 ? &n->slot[child_at(n, bits)] : NULL;
}

static uintptr_t
leaf_new(struct lpm *t, lpm_key key, unsigned int len, uintptr_t value)
{
	bool reserved;
	struct lpm_leaf *l = lpm_object_new(t, sizeof(void *), sizeof(*l), &reserved);

	if (!l)
		return 0;
	l->reserved = reserved;
	l->high = lpm_high(key);
	l->low = (uint64_t)key;
	l->len = len;
	l->value = value;
	return (uintptr_t)l + IS_LEAF;
}

/* What the slot of a prefix holds in a node at this bit. 0 without memory. */
static uintptr_t
entry_new(struct lpm *t, unsigned int bit, lpm_key key, unsigned int len, uintptr_t value)
{
	return is_inside(bit, len) ? value : leaf_new(t, key, len, value);
}

static void
live_shape(const struct lpm_node *n, uint64_t *children, uint64_t *prefixes)
{
	const uintptr_t *slot = n->slot;

	*children = n->children;
	*prefixes = n->prefixes;
	for (uint64_t left = n->children; left; left &= left - 1)
		if (!*slot++)
			*children &= ~(left & -left);
	for (uint64_t left = n->prefixes; left; left &= left - 1)
		if (!*slot++)
			*prefixes &= ~(left & -left);
}

/* Fills these slots, at least all live ones, with what the node holds; the others stay empty. */
static struct lpm_node *
node_copy(struct lpm *t, const struct lpm_node *n, uint64_t children, uint64_t prefixes)
{
	const uintptr_t *from = n->slot;
	struct lpm_node *copy;

	copy = lpm_node_new(t, lpm_node_key(n), n->bit, children, prefixes);
	if (!copy)
		return NULL;
	for (uint64_t left = n->children; left; left &= left - 1, from++)
		if (*from)
			copy->slot[child_at(copy, __builtin_ctzll(left))] = *from;
	for (uint64_t left = n->prefixes; left; left &= left - 1, from++)
		if (*from)
			copy->slot[prefix_at(copy, __builtin_ctzll(left))] = *from;
	return copy;
}

static bool
is_exactly(const struct lpm_leaf *l, lpm_key key, unsigned int len)
{
	return l->len == len && lpm_leaf_key(l) == key;
}

/* The deepest node that this prefix is in or below. */
static struct place
seek(struct lpm_trie *t, lpm_key key, unsigned int len)
{
	struct place p = {.ref = &t->root};

	for (;;) {
		const struct lpm_node *next;

		p.node = as_node(*p.ref);
		p.slot = slot_of(p.node, key, len);
		if (is_inside(p.node->bit, len) || !p.slot || !*p.slot || is_leaf(*p.slot))
			return p;
		next = as_node(*p.slot);
		if (len < next->bit || !same_bits(lpm_node_key(next), key, next->bit))
			return p;
		p.ref = p.slot;
	}
}

/* The word that holds the value of exactly this prefix, or NULL. */
static uintptr_t *
value_at(const struct place *p, lpm_key key, unsigned int len)
{
	if (!p->slot || !*p->slot)
		return NULL;
	if (is_inside(p->node->bit, len))
		return p->slot;
	if (is_leaf(*p->slot) && is_exactly(as_leaf(*p->slot), key, len))
		return &as_leaf(*p->slot)->value;
	return NULL;
}

/* The node's shape has no slot for the prefix. */
static int
insert_by_copy(struct lpm *t, struct place p, lpm_key key, unsigned int len, uintptr_t value)
{
	uint64_t children, prefixes;
	struct lpm_node *copy;
	uintptr_t entry;

	live_shape(p.node, &children, &prefixes);
	shape_add(p.node->bit, key, len, &children, &prefixes);
	copy = node_copy(t, p.node, children, prefixes);
	if (!copy)
		return -ENOMEM;
	entry = entry_new(t, copy->bit, key, len, value);
	if (!entry) {
		node_unused(t, copy);
		return -ENOMEM;
	}
	*slot_of(copy, key, len) = entry;
	publish(p.ref, (uintptr_t)copy);
	node_retire(t, p.node);
	return 0;
}

/* The slot is taken by something else: puts a node above both, where they part or one ends. */
static int
insert_above(struct lpm *t, uintptr_t *slot, lpm_key key, unsigned int len, uintptr_t value)
{
	bool leaf = is_leaf(*slot);
	lpm_key there = leaf ? lpm_leaf_key(as_leaf(*slot)) : lpm_node_key(as_node(*slot));
	unsigned int there_len = leaf ? as_leaf(*slot)->len : as_node(*slot)->bit;
	unsigned int bit =
		RTE_MIN(lpm_common_bits(there, key), RTE_MIN(len, there_len)) / STRIDE * STRIDE;
	bool dissolve = leaf && is_inside(bit, there_len);
	uint64_t children = 0, prefixes = 0;
	uintptr_t was = *slot, entry;
	struct lpm_node *above;

	shape_add(bit, there, there_len, &children, &prefixes);
	shape_add(bit, key, len, &children, &prefixes);
	above = lpm_node_new(t, key, bit, children, prefixes);
	entry = above ? entry_new(t, bit, key, len, value) : 0;
	if (!entry) {
		node_unused(t, above);
		return -ENOMEM;
	}
	*slot_of(above, there, there_len) = dissolve ? as_leaf(was)->value : was;
	*slot_of(above, key, len) = entry;
	publish(slot, (uintptr_t)above);
	if (dissolve)
		leaf_retire(t, as_leaf(was));
	return 0;
}

static int
insert_new(struct lpm *t, struct place p, lpm_key key, unsigned int len, uintptr_t value)
{
	uintptr_t entry;

	if (!p.slot)
		return insert_by_copy(t, p, key, len, value);
	if (*p.slot)
		return insert_above(t, p.slot, key, len, value);
	entry = entry_new(t, p.node->bit, key, len, value);
	if (!entry)
		return -ENOMEM;
	publish(p.slot, entry);
	return 0;
}

/* The one prefix that a node holds, as a leaf. */
static uintptr_t
leaf_from_inside(struct lpm *t, const struct lpm_node *n, unsigned int index)
{
	unsigned int len = 63 - __builtin_clzll(index + 1);
	lpm_key key = lpm_node_key(n);

	if (len)
		key |= (lpm_key)(index + 1 - (1U << len)) << (KEY_BITS - len) >> n->bit;
	return leaf_new(t, key, n->bit + len, n->slot[prefix_at(n, index)]);
}

/* After a removal. Without memory the node stays as it is, with the slot empty. */
static void
repack(struct lpm *t, struct lpm_trie *trie, const struct place *p)
{
	struct lpm_node *n = p->node;
	uint64_t children, prefixes;
	uintptr_t packed;
	int held;

	live_shape(n, &children, &prefixes);
	held = __builtin_popcountll(children) + __builtin_popcountll(prefixes);
	if (held == 0 && p->ref != &trie->root) {
		publish(p->ref, 0);
		node_retire(t, n);
		return;
	}
	if (held > 1 || p->ref == &trie->root)
		packed = (uintptr_t)node_copy(t, n, children, prefixes);
	else if (children)
		packed = n->slot[child_at(n, __builtin_ctzll(children))];
	else
		packed = leaf_from_inside(t, n, __builtin_ctzll(prefixes));
	if (packed) {
		publish(p->ref, packed);
		node_retire(t, n);
	}
}

/* The trie has it already, or no longer. */
static void
tell_hosts(
	struct lpm *t, const struct lpm_trie *trie, lpm_key key, unsigned int len, uintptr_t value)
{
	if (t->hosts.lines && trie == &t->v4 && len == LPM_HOST_LEN)
		lpm_hosts_set(&t->hosts, (uint32_t)(lpm_high(key) >> 32), value);
}

int
lpm_trie_insert(struct lpm *t, struct lpm_trie *trie, lpm_key key, unsigned int len, void *value,
	void **old)
{
	struct place p = seek(trie, key, len);
	uintptr_t *word = value_at(&p, key, len);
	int rc = 0;

	if (old)
		*old = word ? (void *)*word : NULL;
	t->inserting = true;
	if (word)
		publish(word, (uintptr_t)value);
	else
		rc = insert_new(t, p, key, len, (uintptr_t)value);
	t->inserting = false;
	if (rc)
		return rc;
	tell_hosts(t, trie, key, len, (uintptr_t)value);
	__atomic_store_n(&t->count, t->count + !word, __ATOMIC_RELAXED);
	end_change(trie);
	return 0;
}

void *
lpm_trie_remove(struct lpm *t, struct lpm_trie *trie, lpm_key key, unsigned int len)
{
	struct place p = seek(trie, key, len);
	uintptr_t *word = value_at(&p, key, len);
	uintptr_t entry;
	void *value;

	if (!word)
		return NULL;
	value = (void *)*word;
	entry = *p.slot;
	publish(p.slot, 0);
	if (word != p.slot)
		leaf_retire(t, as_leaf(entry));
	repack(t, trie, &p);
	tell_hosts(t, trie, key, len, 0);
	__atomic_store_n(&t->count, t->count - 1, __ATOMIC_RELAXED);
	end_change(trie);
	return value;
}
