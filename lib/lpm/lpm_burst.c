/* SPDX-License-Identifier: BSD-3-Clause */
/* The descents of several addresses side by side: each step reads what the one before asked for. */
#include <stddef.h>

#include <rte_branch_prediction.h>
#include <rte_prefetch.h>

#include "lpm_private.h"

struct cursor {
	lpm_key key;
	uintptr_t entry; /* node or leaf to look at */
	uintptr_t best;
};

/* Of nothing, too. The slots of a large node are not asked for: which, is not known yet. */
static __rte_always_inline void
fetch(uintptr_t entry, bool v4)
{
	rte_prefetch0((void *)(entry + (is_leaf(entry) ? 0 : offsetof(struct lpm_node, high))));
	if (!v4)
		rte_prefetch0((void *)(entry + offsetof(struct lpm_node, low)));
}

/* From the root as far as all go the same way, which is walked once. */
static __rte_always_inline void
set_out(const struct lpm_trie *t, struct cursor *cursors, const uint8_t *names, unsigned int n,
	bool v4)
{
	lpm_key key = cursors[names[0]].key, others = 0;
	uintptr_t entry = __atomic_load_n(&t->root, __ATOMIC_ACQUIRE), best = 0;
	unsigned int i, together;

	for (i = 1; i < n; i++)
		others |= cursors[names[i]].key ^ key;
	together = lpm_common_bits(others, 0);
	while (entry && !is_leaf(entry) && as_node(entry)->bit + STRIDE <= (int)together)
		entry = lpm_step(entry, key, &best, NULL, v4);
	for (i = 0; i < n; i++) {
		cursors[names[i]].entry = entry;
		cursors[names[i]].best = best;
	}
}

/* The cursors that are named, from where they are. */
static __rte_always_inline void
descend(struct cursor *cursors, uint8_t *names, unsigned int n, bool v4)
{
	while (n) {
		unsigned int i, going = 0;

		for (i = 0; i < n; i++) {
			struct cursor *c = &cursors[names[i]];

			c->entry = lpm_step(c->entry, c->key, &c->best, NULL, v4);
			fetch(c->entry, v4);
			names[going] = names[i];
			going += c->entry != 0;
		}
		n = going;
	}
}

static __rte_always_inline void
look_up(const struct lpm_trie *t, struct cursor *cursors, uint8_t *names, unsigned int n, bool v4)
{
	if (!n)
		return;
	set_out(t, cursors, names, n, v4);
	if (cursors[names[0]].entry)
		descend(cursors, names, n, v4);
}

/* What the table of hosts says of those in it; 0 of the others. */
static void
find_hosts(const struct lpm_hosts *hosts, const struct lpm_address *addrs, struct cursor *c,
	unsigned int n)
{
	const struct lpm_host_line *lines[LPM_BURST_MAX];
	uint32_t words[LPM_BURST_MAX];
	unsigned int i;

	for (i = 0; i < n; i++) {
		words[i] = lpm_word4(addrs[i].addr);
		lines[i] = lpm_host_line(hosts, words[i]);
		rte_prefetch0(lines[i]);
	}
	for (i = 0; i < n; i++)
		c[i].best = addrs[i].version == 4 ? lpm_host_value(lines[i], words[i]) : 0;
}

static void
find_prefixes(
	const struct lpm *t, const struct lpm_address *addrs, struct cursor *c, unsigned int n)
{
	uint8_t v4[LPM_BURST_MAX], v6[LPM_BURST_MAX];
	unsigned int i, n_v4 = 0, n_v6 = 0;

	for (i = 0; i < n; i++) {
		if (likely(c[i].best))
			continue;
		if (addrs[i].version == 4) {
			c[i].key = lpm_key4(addrs[i].addr);
			v4[n_v4++] = (uint8_t)i;
		} else {
			c[i].key = lpm_key6(addrs[i].addr);
			v6[n_v6++] = (uint8_t)i;
		}
	}
	look_up(&t->v4, c, v4, n_v4, true);
	look_up(&t->v6, c, v6, n_v6, false);
}

static void
look_up_all(const struct lpm *t, const struct lpm_address *addrs, struct cursor *c, unsigned int n)
{
	unsigned int i;

	if (t->hosts.lines)
		find_hosts(&t->hosts, addrs, c, n);
	else
		for (i = 0; i < n; i++)
			c[i].best = 0;
	find_prefixes(t, addrs, c, n);
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

	look_up_all(t, addrs, c, n);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	same = changes(t) == before;
	for (unsigned int i = 0; i < n; i++) {
		values[i] = likely(same) ? (void *)c[i].best : lookup(t, &addrs[i]);
		rte_prefetch0(values[i]);
	}
}
