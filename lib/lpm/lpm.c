/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_common.h>

#include "lpm_private.h"

#define PATH(bits)                                                                                 \
	(UINT64_C(1) << 0 | UINT64_C(1) << (1 + ((bits) >> 5)) |                                   \
		UINT64_C(1) << (3 + ((bits) >> 4)) | UINT64_C(1) << (7 + ((bits) >> 3)) |          \
		UINT64_C(1) << (15 + ((bits) >> 2)) | UINT64_C(1) << (31 + ((bits) >> 1)))
#define PATHS4(b) PATH(b), PATH((b) + 1), PATH((b) + 2), PATH((b) + 3)
#define PATHS16(b) PATHS4(b), PATHS4((b) + 4), PATHS4((b) + 8), PATHS4((b) + 12)

const uint64_t lpm_heap_path[1 << STRIDE] = {PATHS16(0), PATHS16(16), PATHS16(32), PATHS16(48)};

static __rte_always_inline uintptr_t
descend(uintptr_t entry, lpm_key key, unsigned int *alike, bool v4)
{
	uintptr_t best = 0;

	while (entry)
		entry = lpm_step(entry, key, &best, alike, v4);
	return best;
}

static __rte_always_inline void *
lookup(const struct lpm_trie *t, lpm_key key, unsigned int *alike, bool v4)
{
	uint64_t changes;
	uintptr_t value;

	do {
		changes = __atomic_load_n(&t->changes, __ATOMIC_ACQUIRE);
		value = descend(__atomic_load_n(&t->root, __ATOMIC_ACQUIRE), key, alike, v4);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (unlikely(__atomic_load_n(&t->changes, __ATOMIC_RELAXED) != changes));
	return (void *)value;
}

void *
lpm_lookup4(const struct lpm *t, const uint8_t addr[4])
{
	return lookup(&t->v4, lpm_key4(addr), NULL, true);
}

void *
lpm_lookup6(const struct lpm *t, const uint8_t addr[16])
{
	return lookup(&t->v6, lpm_key6(addr), NULL, false);
}

void *
lpm_lookup_alike(const struct lpm *t, const struct lpm_address *a, unsigned int *alike)
{
	bool v4 = a->version == 4;
	void *value = v4 ? lookup(&t->v4, lpm_key4(a->addr), alike, true)
			 : lookup(&t->v6, lpm_key6(a->addr), alike, false);

	*alike = RTE_MIN(*alike, v4 ? 32U : (unsigned int)KEY_BITS);
	return value;
}

/* The trie that a prefix belongs into and its key without host bits; NULL for one that cannot be.
 */
static struct lpm_trie *
trie_of(struct lpm *t, const struct lpm_prefix *p, lpm_key *key)
{
	bool v4 = p->family == AF_INET;

	if ((!v4 && p->family != AF_INET6) || p->len > (v4 ? 32 : 128))
		return NULL;
	*key = v4 ? lpm_key4(p->addr) : lpm_key6(p->addr);
	*key = p->len ? *key >> (KEY_BITS - p->len) << (KEY_BITS - p->len) : 0;
	return v4 ? &t->v4 : &t->v6;
}

int
lpm_insert(struct lpm *t, const struct lpm_prefix *p, void *value, void **old)
{
	lpm_key key;
	struct lpm_trie *trie = trie_of(t, p, &key);

	return trie && value ? lpm_trie_insert(t, trie, key, p->len, value, old) : -EINVAL;
}

void *
lpm_remove(struct lpm *t, const struct lpm_prefix *p)
{
	lpm_key key;
	struct lpm_trie *trie = trie_of(t, p, &key);

	return trie ? lpm_trie_remove(t, trie, key, p->len) : NULL;
}

struct walk {
	uint8_t family;
	void (*fn)(const struct lpm_prefix *p, void *value, void *ctx);
	void *ctx;
};

static void
visit(const struct walk *w, lpm_key key, unsigned int len, uintptr_t value)
{
	uint64_t half[2] = {rte_cpu_to_be_64(lpm_high(key)), rte_cpu_to_be_64((uint64_t)key)};
	struct lpm_prefix p = {.family = w->family, .len = len};

	memcpy(p.addr, half, sizeof(p.addr));
	w->fn(&p, (void *)value, w->ctx);
}

/* The prefixes in a node that begin at these bits, the shortest first. */
static void
walk_inside(const struct walk *w, const struct lpm_node *n, unsigned int bits)
{
	lpm_key key = lpm_node_key(n) | (lpm_key)bits << (KEY_BITS - STRIDE) >> n->bit;

	for (unsigned int len = 0; len < STRIDE; len++) {
		unsigned int index = heap_index(bits, len);
		bool begins = (bits & (below(STRIDE - len))) == 0;

		if (begins && n->prefixes >> index & 1 && n->slot[prefix_at(n, index)])
			visit(w, key, n->bit + len, n->slot[prefix_at(n, index)]);
	}
}

/* As deep as there are strides: 22. */
static void
walk_node(const struct walk *w, const struct lpm_node *n)
{
	for (unsigned int bits = 0; bits < 1U << STRIDE; bits++) {
		uintptr_t entry = 0;

		walk_inside(w, n, bits);
		if (n->children >> bits & 1)
			entry = n->slot[child_at(n, bits)];
		if (is_leaf(entry))
			visit(w, lpm_leaf_key(as_leaf(entry)), as_leaf(entry)->len,
				as_leaf(entry)->value);
		else if (entry)
			walk_node(w, as_node(entry));
	}
}

void
lpm_walk(const struct lpm *t, void (*fn)(const struct lpm_prefix *p, void *value, void *ctx),
	void *ctx)
{
	struct walk w = {.family = AF_INET, .fn = fn, .ctx = ctx};

	walk_node(&w, as_node(t->v4.root));
	w.family = AF_INET6;
	walk_node(&w, as_node(t->v6.root));
}

size_t
lpm_count(const struct lpm *t)
{
	return __atomic_load_n(&t->count, __ATOMIC_RELAXED);
}

size_t
lpm_memory(const struct lpm *t)
{
	return __atomic_load_n(&t->memory, __ATOMIC_RELAXED);
}

static void
free_below(struct lpm_node *n)
{
	int children = __builtin_popcountll(n->children);

	for (int i = 0; i < children; i++) {
		if (is_leaf(n->slot[i]))
			lpm_object_free(as_leaf(n->slot[i]), as_leaf(n->slot[i])->reserved);
		else if (n->slot[i])
			free_below(as_node(n->slot[i]));
	}
	lpm_object_free(n, n->reserved);
}

struct lpm *
lpm_create(struct rcu *rcu, size_t hosts)
{
	struct lpm *t = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*t));

	if (!t)
		goto fail;
	memset(t, 0, sizeof(*t));
	t->rcu = rcu;
	if (lpm_hosts_init(&t->hosts, hosts))
		goto fail_hosts;
	t->memory = footprint(t);
	t->v4.root = (uintptr_t)lpm_node_new(t, 0, 0, 0, 0);
	t->v6.root = (uintptr_t)lpm_node_new(t, 0, 0, 0, 0);
	if (!t->v4.root || !t->v6.root)
		goto fail_roots;
	return t;

fail_roots:
	free(as_node(t->v4.root));
	free(as_node(t->v6.root));
	lpm_hosts_fini(&t->hosts);
fail_hosts:
	free(t);
fail:
	errno = ENOMEM;
	return NULL;
}

void
lpm_destroy(struct lpm *t)
{
	if (!t)
		return;
	free_below(as_node(t->v4.root));
	free_below(as_node(t->v6.root));
	lpm_reserve_destroy(t);
	lpm_hosts_fini(&t->hosts);
	free(t);
}
