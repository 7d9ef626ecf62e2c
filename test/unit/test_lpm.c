/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Longest-prefix match: against a list that is searched from end to end, short of memory, and at a
 * million prefixes. In bursts and beside a writer: test_lpm_burst.c.
 */
#include "test_lpm.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#define MODEL_MAX 512
#define MILLION 1000000

struct model {
	size_t n;
	struct {
		struct lpm_prefix prefix;
		void *value;
	} e[MODEL_MAX];
};

static bool
same_prefix(const struct lpm_prefix *a, const struct lpm_prefix *b)
{
	return a->family == b->family && a->len == b->len && covers(a, b->addr);
}

static size_t
model_find(const struct model *m, const struct lpm_prefix *p)
{
	size_t i = 0;

	while (i < m->n && !same_prefix(&m->e[i].prefix, p))
		i++;
	return i;
}

static void *
model_insert(struct model *m, const struct lpm_prefix *p, void *value)
{
	size_t i = model_find(m, p);
	void *old = i < m->n ? m->e[i].value : NULL;

	m->e[i].prefix = *p;
	m->e[i].value = value;
	m->n += i == m->n;
	return old;
}

static void *
model_remove(struct model *m, const struct lpm_prefix *p)
{
	size_t i = model_find(m, p);
	void *old = i < m->n ? m->e[i].value : NULL;

	if (old)
		m->e[i] = m->e[--m->n];
	return old;
}

static void *
model_lookup(const struct model *m, const struct lpm_prefix *addr)
{
	void *best = NULL;
	int len = -1;

	for (size_t i = 0; i < m->n; i++) {
		const struct lpm_prefix *p = &m->e[i].prefix;

		if (p->family == addr->family && p->len > len && covers(p, addr->addr)) {
			len = p->len;
			best = m->e[i].value;
		}
	}
	return best;
}

/* Each byte is one of three, the first ones mostly the same: prefixes overlap and addresses hit. */
static struct lpm_prefix
clustered_prefix(uint64_t *state)
{
	static const uint8_t bytes[] = {0x00, 0x81, 0xff};
	uint64_t r = test_random(state);
	bool v4 = r & 1;
	unsigned int size = v4 ? 4 : 16, turn = (r >> 8) % size;
	struct lpm_prefix p = {
		.family = v4 ? AF_INET : AF_INET6, .len = (r >> 16) % (8 * size + 1)};

	for (unsigned int i = 0; i < size; i++)
		p.addr[i] = i < turn ? 0x81 : bytes[test_random(state) >> 40 & 1 ? 1 : i % 3];
	for (unsigned int i = turn; i < size; i++)
		p.addr[i] ^= 1 << (test_random(state) >> 32 & 7);
	return p;
}

struct walk_check {
	const struct model *model;
	struct lpm_prefix last;
	size_t n;
};

static void
walk_step(const struct lpm_prefix *p, void *value, void *ctx)
{
	struct walk_check *w = ctx;
	size_t i = model_find(w->model, p);

	assert_true(i < w->model->n);
	assert_ptr_equal(w->model->e[i].value, value);
	if (w->n++ && w->last.family == p->family) {
		int order = memcmp(w->last.addr, p->addr, sizeof(p->addr));

		assert_true(order < 0 || (order == 0 && w->last.len < p->len));
	} else if (w->n > 1) {
		assert_int_equal(w->last.family, AF_INET);
	}
	w->last = *p;
}

static void
check_walk(const struct lpm *t, const struct model *m)
{
	struct walk_check w = {.model = m};

	lpm_walk(t, walk_step, &w);
	assert_int_equal(w.n, m->n);
	assert_int_equal(lpm_count(t), m->n);
}

/*
 * Whatever follows the bits that decided: the very next one is the one to be caught by, the others
 * are as may be.
 */
static void
check_alike(
	const struct lpm *t, const struct model *m, const struct lpm_prefix *addr, uint64_t *state)
{
	unsigned int bits = addr->family == AF_INET ? 32 : 128, alike = 0;
	struct lpm_address a = {addr->addr, addr->family == AF_INET ? 4 : 6};
	void *value = lpm_lookup_alike(t, &a, &alike);
	struct lpm_prefix other = *addr;

	assert_ptr_equal(value, model_lookup(m, addr));
	assert_in_range(alike, 1, bits);
	for (unsigned int bit = alike; bit < bits; bit++)
		if (bit == alike || test_random(state) >> 40 & 1)
			other.addr[bit / 8] ^= 0x80 >> bit % 8;
	assert_ptr_equal(value, model_lookup(m, &other));
}

/* Of any size, with any bits in common. */
static void
check_burst(const struct lpm *t, const struct lpm_prefix *p, unsigned int n)
{
	struct lpm_address addrs[LPM_BURST_MAX];
	void *values[LPM_BURST_MAX];

	for (unsigned int i = 0; i < n; i++)
		addrs[i] = (struct lpm_address){p[i].addr, p[i].family == AF_INET ? 4 : 6};
	lpm_lookup_burst(t, addrs, values, n);
	for (unsigned int i = 0; i < n; i++)
		assert_ptr_equal(values[i], lookup(t, &p[i]));
}

static void
test_against_model(void **unused)
{
	struct lpm *t = lpm_create(rcu, HOSTS);
	struct model *m = calloc(1, sizeof(*m));
	struct lpm_prefix recent[LPM_BURST_MAX];
	size_t empty = lpm_memory(t), hits = 0;
	uint64_t state = 1;

	(void)unused;
	for (uint64_t n = 0; n < 300000; n++) {
		struct lpm_prefix p = clustered_prefix(&state), q = clustered_prefix(&state);
		/* Fills up and drains in turns, so that every shape is grown and shrunk. */
		bool insert = m->n < 8 || (m->n < MODEL_MAX - 8 && (n / 4000 & 1) == 0);
		void *old;

		if (!insert && n & 1)
			p = m->e[(test_random(&state) >> 20) % m->n].prefix;
		if (insert) {
			assert_int_equal(lpm_insert(t, &p, value_of(n), &old), 0);
			assert_ptr_equal(old, model_insert(m, &p, value_of(n)));
		} else {
			assert_ptr_equal(lpm_remove(t, &p), model_remove(m, &p));
			assert_null(lpm_remove(t, &p));
		}
		assert_ptr_equal(lookup(t, &p), model_lookup(m, &p));
		assert_ptr_equal(lookup(t, &q), model_lookup(m, &q));
		check_alike(t, m, &q, &state);
		recent[n % LPM_BURST_MAX] = q;
		check_burst(t, recent, n % LPM_BURST_MAX + 1);
		hits += !!lookup(t, &q);
		if (n % 1000 == 0) {
			check_walk(t, m);
			rcu_reclaim(rcu);
		}
	}
	assert_true(hits > 100000);
	while (m->n) {
		struct lpm_prefix p = m->e[0].prefix;

		assert_ptr_equal(lpm_remove(t, &p), model_remove(m, &p));
	}
	check_walk(t, m);
	/* Of the heap's own: what a block has beyond what was asked for. */
	assert_in_range(lpm_memory(t), empty - RTE_CACHE_LINE_SIZE, empty + RTE_CACHE_LINE_SIZE);
	free(m);
	lpm_destroy(t);
	rcu_barrier(rcu);
}

static void
test_refuses_what_is_no_prefix(void **unused)
{
	static const struct lpm_prefix wrong[] = {
		{.family = AF_INET, .len = 33},
		{.family = AF_INET6, .len = 129},
		{.family = AF_UNIX, .len = 8},
	};
	struct lpm *t = lpm_create(rcu, HOSTS);
	struct lpm_prefix all = prefix4(0, 0);

	(void)unused;
	for (size_t i = 0; i < RTE_DIM(wrong); i++) {
		assert_int_equal(lpm_insert(t, &wrong[i], value_of(1), NULL), -EINVAL);
		assert_null(lpm_remove(t, &wrong[i]));
	}
	assert_int_equal(lpm_insert(t, &all, NULL, NULL), -EINVAL);
	assert_int_equal(lpm_count(t), 0);
	lpm_destroy(t);
	lpm_destroy(NULL);
}

static void
test_host_bits_are_ignored(void **unused)
{
	struct lpm *t = lpm_create(rcu, HOSTS);
	struct lpm_prefix p = prefix4(0x0a010203, 8), same = prefix4(0x0affffff, 8);
	struct lpm_prefix other = prefix4(0x0b000000, 8);
	void *old = value_of(9);

	(void)unused;
	assert_int_equal(lpm_insert(t, &p, value_of(1), &old), 0);
	assert_null(old);
	assert_int_equal(lpm_insert(t, &same, value_of(2), &old), 0);
	assert_ptr_equal(old, value_of(1));
	assert_int_equal(lpm_count(t), 1);
	assert_ptr_equal(lookup(t, &p), value_of(2));
	assert_null(lookup(t, &other));
	lpm_destroy(t);
	rcu_barrier(rcu);
}

/* All 33 (or 129) prefixes of one address: each is the answer once the longer ones are gone. */
static void
test_every_length_of_one_address(void **unused)
{
	struct lpm *t = lpm_create(rcu, HOSTS);

	(void)unused;
	for (int family = 0; family < 2; family++) {
		struct lpm_prefix p = family ? prefix6(UINT64_C(0xfd5555aaaa123456), 77, 128)
					     : prefix4(0xc0a80a37, 32);
		struct lpm_prefix addr = p;

		for (int len = addr.len; len >= 0; len--) {
			p.len = len;
			assert_int_equal(lpm_insert(t, &p, value_of(len), NULL), 0);
			assert_ptr_equal(lookup(t, &addr), value_of(addr.len));
		}
		for (int len = addr.len; len >= 0; len--) {
			assert_ptr_equal(lookup(t, &addr), value_of(len));
			p.len = len;
			assert_ptr_equal(lpm_remove(t, &p), value_of(len));
		}
		assert_null(lookup(t, &addr));
	}
	lpm_destroy(t);
	rcu_barrier(rcu);
}

/* A limit below what is mapped: the heap cannot grow, and malloc() fails once it is used up. */
static struct rlimit
limit_memory(void)
{
	struct rlimit was, none;

	assert_int_equal(getrlimit(RLIMIT_AS, &was), 0);
	none = was;
	none.rlim_cur = 1;
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
	return was;
}

/* By fives: a /30 and its hosts, so that removals find nodes to shrink. */
static struct lpm_prefix
starving(uint32_t n)
{
	uint32_t addr = (n / 5 * 2654435761U) << 2;

	return n % 5 ? prefix4(addr | (n % 5 - 1), 32) : prefix4(addr, 30);
}

static void
test_without_memory(void **unused)
{
	struct lpm_prefix all = prefix4(0, 0), p;
	struct rlimit was;
	struct lpm *t;
	uint32_t n = 0;
	int rc = 0;

	(void)unused;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* their allocators abort instead of failing */
#endif
	t = lpm_create(rcu, HOSTS);
	assert_int_equal(lpm_insert(t, &all, value_of(MILLION), NULL), 0);
	was = limit_memory();
	while (!rc) {
		p = starving(n);
		rc = lpm_insert(t, &p, value_of(n), NULL);
		n += !rc;
	}
	assert_int_equal(rc, -ENOMEM);
	assert_int_equal(lpm_count(t), n + 1);
	assert_ptr_equal(lookup(t, &p), value_of(n % 5 ? n / 5 * 5 : MILLION));
	for (uint32_t i = 0; i < n; i++) {
		p = starving(i);
		/* That of a /30 is its first host's, too, which may be here. */
		assert_ptr_equal(lookup(t, &p), value_of(i % 5 || i + 1 == n ? i : i + 1));
	}
	for (uint32_t i = n; i-- > 0;) {
		p = starving(i);
		assert_ptr_equal(lpm_remove(t, &p), value_of(i));
		assert_ptr_equal(lookup(t, &p), value_of(i % 5 ? i / 5 * 5 : MILLION));
	}
	assert_int_equal(setrlimit(RLIMIT_AS, &was), 0);
	assert_int_equal(lpm_count(t), 1);
	for (uint32_t i = 0; i < RTE_MIN(n, 1000U); i++) {
		p = starving(i);
		assert_int_equal(lpm_insert(t, &p, value_of(i), NULL), 0);
		assert_ptr_equal(lookup(t, &p), value_of(i));
	}
	lpm_destroy(t);
	rcu_barrier(rcu);
}

static struct lpm_prefix
host(int family, uint32_t n)
{
	uint64_t mixed = n * UINT64_C(0x9e3779b97f4a7c15);

	if (family == AF_INET)
		return prefix4(n * 2654435761U, 32);
	return prefix6(UINT64_C(0xfd00000000000000) | mixed >> 8, mixed * mixed, 128);
}

static void
fill(struct lpm *t, int family)
{
	size_t before = lpm_memory(t);

	for (uint32_t n = 0; n < MILLION; n++) {
		struct lpm_prefix p = host(family, n);

		assert_int_equal(lpm_insert(t, &p, value_of(n), NULL), 0);
		rcu_reclaim(rcu);
	}
	assert_in_range(lpm_memory(t) - before, 1, (size_t)160 * MILLION);
}

static void
test_a_million_hosts(void **unused)
{
	struct lpm *t = lpm_create(rcu, HOSTS);

	(void)unused;
	assert_in_range(lpm_memory(t), 1, 1 << 20);
	fill(t, AF_INET);
	fill(t, AF_INET6);
	assert_int_equal(lpm_count(t), 2 * MILLION);
	for (uint32_t n = 0; n < MILLION; n++) {
		struct lpm_prefix v4 = host(AF_INET, n), v6 = host(AF_INET6, n);

		assert_ptr_equal(lookup(t, &v4), value_of(n));
		assert_ptr_equal(lookup(t, &v6), value_of(n));
		v4 = host(AF_INET, MILLION + n);
		assert_null(lookup(t, &v4));
	}
	lpm_destroy(t);
	rcu_barrier(rcu);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refuses_what_is_no_prefix),
		cmocka_unit_test(test_host_bits_are_ignored),
		cmocka_unit_test(test_every_length_of_one_address),
		cmocka_unit_test(test_against_model),
		cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_a_million_hosts),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
