/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Longest-prefix match: against a list that is searched from end to end, beside a reader, short of
 * memory, and at a million prefixes.
 */
#include "test_eal.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <rte_byteorder.h>

#include "lpm.h"
#include "lpm_hosts.h"
#include "test_random.h"

#define MODEL_MAX 512
#define HOSTS 4096 /* that a table shall have room for, about */
#define MILLION 1000000

static struct rcu *rcu;

static struct lpm_prefix
prefix4(uint32_t addr, uint8_t len)
{
	struct lpm_prefix p = {.family = AF_INET, .len = len};

	addr = rte_cpu_to_be_32(addr);
	memcpy(p.addr, &addr, sizeof(addr));
	return p;
}

static struct lpm_prefix
prefix6(uint64_t high, uint64_t low, uint8_t len)
{
	struct lpm_prefix p = {.family = AF_INET6, .len = len};

	high = rte_cpu_to_be_64(high);
	low = rte_cpu_to_be_64(low);
	memcpy(p.addr, &high, sizeof(high));
	memcpy(p.addr + 8, &low, sizeof(low));
	return p;
}

static void *
lookup(const struct lpm *t, const struct lpm_prefix *p)
{
	return p->family == AF_INET ? lpm_lookup4(t, p->addr) : lpm_lookup6(t, p->addr);
}

static bool
covers(const struct lpm_prefix *p, const uint8_t *addr)
{
	unsigned int bytes = p->len / 8, bits = p->len % 8;

	if (memcmp(p->addr, addr, bytes))
		return false;
	return !bits || !((p->addr[bytes] ^ addr[bytes]) >> (8 - bits));
}

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

static void *
value_of(uint64_t n)
{
	return (void *)(uintptr_t)(n + 1);
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

/*
 * Churn beside a reader. 10.0.0.0/8 stays; of 10.1.0.0/16 and 10.1.2.0/24 at least one is always
 * there, and longer prefixes come and go below. So an address in the /24 must never fall to the /8.
 */
struct churn {
	struct lpm *t;
	struct lpm_prefix addr;
	uint64_t lookups;
	uint64_t uncovered;
	uint64_t foreign;
	bool stop;
};

struct route {
	struct lpm_prefix prefix;
	bool alive;
	struct rcu_head rcu;
};

/* The last of a burst, after some that part from it late, early, and not at all. */
static void *
lookup_in_burst(const struct lpm *t, const struct lpm_prefix *p)
{
	uint8_t size = p->family == AF_INET ? 4 : 16;
	struct lpm_prefix others[] = {*p, *p, *p};
	struct lpm_address addrs[4];
	void *values[4];

	others[0].addr[size - 1] ^= 1;
	others[1].addr[1] ^= 0x40;
	for (int i = 0; i < 4; i++)
		addrs[i] = (struct lpm_address){
			i < 3 ? others[i].addr : p->addr, p->family == AF_INET ? 4 : 6};
	lpm_lookup_burst(t, addrs, values, 4);
	return values[3];
}

static void *
churn_reader(void *arg)
{
	struct rte_rcu_qsbr *v = rcu_qsbr(rcu);
	struct churn *c = arg;

	rte_rcu_qsbr_thread_register(v, 0);
	rte_rcu_qsbr_thread_online(v, 0);
	while (!__atomic_load_n(&c->stop, __ATOMIC_ACQUIRE)) {
		for (int i = 0; i < 64; i++) {
			const struct route *r =
				i % 2 ? lookup(c->t, &c->addr) : lookup_in_burst(c->t, &c->addr);
			int shorter = c->addr.family == AF_INET ? 16 : 48;

			c->uncovered += !r || r->prefix.len < shorter;
			c->foreign += r && (!r->alive || !covers(&r->prefix, c->addr.addr));
		}
		rte_rcu_qsbr_quiescent(v, 0);
		__atomic_fetch_add(&c->lookups, 64, __ATOMIC_RELAXED);
	}
	rte_rcu_qsbr_thread_offline(v, 0);
	rte_rcu_qsbr_thread_unregister(v, 0);
	return NULL;
}

static void
route_free(struct rcu_head *head)
{
	struct route *r = container_of(head, struct route, rcu);

	r->alive = false;
	free(r);
}

static void
route_add(struct lpm *t, struct lpm_prefix p)
{
	struct route *r = malloc(sizeof(*r));
	void *old;

	r->prefix = p;
	r->alive = true;
	assert_int_equal(lpm_insert(t, &p, r, &old), 0);
	if (old)
		rcu_call(rcu, &((struct route *)old)->rcu, route_free);
}

static void
route_del(struct lpm *t, struct lpm_prefix p)
{
	struct route *r = lpm_remove(t, &p);

	if (r)
		rcu_call(rcu, &r->rcu, route_free);
}

static void
free_route(const struct lpm_prefix *p, void *value, void *ctx)
{
	(void)p;
	(void)ctx;
	free(value);
}

static struct lpm_prefix
cut(struct lpm_prefix p, uint8_t len)
{
	p.len = len;
	return p;
}

static struct lpm_prefix
neighbour(struct lpm_prefix p, uint8_t len, uint64_t r)
{
	p.addr[len / 8 - 1] ^= 1 + (r >> 13) % 255;
	p.len = len;
	return p;
}

#define ON_LINE 8

/* Other hosts on the address's line of lpm_hosts.h, where five have room. */
static void
find_on_line(struct lpm_prefix addr, struct lpm_prefix others[ON_LINE])
{
	const struct lpm_host_line *line;
	struct lpm_hosts hosts;
	uint32_t a;

	memcpy(&a, addr.addr, sizeof(a));
	a = rte_be_to_cpu_32(a);
	assert_int_equal(lpm_hosts_init(&hosts, HOSTS), 0);
	line = lpm_host_line(&hosts, a);
	for (unsigned int i = 0; i < ON_LINE; i++) {
		while (lpm_host_line(&hosts, ++a) != line)
			;
		others[i] = prefix4(a, LPM_HOST_LEN);
	}
	lpm_hosts_fini(&hosts);
}

static void
churn_once(struct lpm *t, struct lpm_prefix addr, const struct lpm_prefix others[ON_LINE],
	uint64_t *state)
{
	bool v4 = addr.family == AF_INET;
	uint8_t shorter = v4 ? 16 : 48, longer = v4 ? 24 : 64, host = v4 ? 32 : 128;
	uint64_t r = test_random(state);

	route_add(t, cut(addr, shorter));
	route_del(t, cut(addr, longer));
	route_add(t, cut(addr, longer + r % 8));
	route_add(t, neighbour(addr, longer, r));
	route_add(t, neighbour(addr, host, r));
	route_del(t, cut(addr, longer + r % 8));
	route_add(t, cut(addr, longer));
	route_del(t, cut(addr, shorter));
	route_del(t, neighbour(addr, longer, r >> 7));
	route_del(t, neighbour(addr, host, r >> 7));
	if (v4) {
		route_add(t, others[r % ON_LINE]);
		route_add(t, cut(addr, host));
		route_add(t, others[(r >> 5) % ON_LINE]);
		route_del(t, cut(addr, host));
		route_del(t, others[r % ON_LINE]);
	}
	rcu_reclaim(rcu);
}

static void
churn(struct lpm_prefix addr)
{
	struct churn c = {.t = lpm_create(rcu, HOSTS), .addr = addr};
	struct lpm_prefix others[ON_LINE];
	uint64_t state = 7;
	pthread_t reader;

	route_add(c.t, cut(addr, 8));
	route_add(c.t, cut(addr, addr.family == AF_INET ? 24 : 64));
	if (addr.family == AF_INET)
		find_on_line(addr, others);
	assert_int_equal(pthread_create(&reader, NULL, churn_reader, &c), 0);
	while (!__atomic_load_n(&c.lookups, __ATOMIC_RELAXED))
		sched_yield();
	for (int n = 0; n < 100000; n++)
		churn_once(c.t, addr, others, &state);
	__atomic_store_n(&c.stop, true, __ATOMIC_RELEASE);
	pthread_join(reader, NULL);
	assert_int_equal(c.uncovered, 0);
	assert_int_equal(c.foreign, 0);
	lpm_walk(c.t, free_route, NULL);
	lpm_destroy(c.t);
	rcu_barrier(rcu);
}

static void
test_reader_beside_churn(void **unused)
{
	(void)unused;
	churn(prefix4(0x0a010203, 32));
	churn(prefix6(UINT64_C(0xfd00000100020003), 0x405, 128));
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

struct hosts {
	struct lpm *t;
	struct lpm_prefix addr[HOSTS];
	void *value[HOSTS]; /* NULL: not there */
};

/* Hosts that are not there belong to the /1 that they are in, of which there is one. */
static void
check_hosts(const struct hosts *h, uint64_t *state)
{
	unsigned int which[LPM_BURST_MAX];
	struct lpm_address addrs[LPM_BURST_MAX];
	void *values[LPM_BURST_MAX];

	for (unsigned int i = 0; i < LPM_BURST_MAX; i++) {
		which[i] = (test_random(state) >> 20) % HOSTS;
		addrs[i] = (struct lpm_address){h->addr[which[i]].addr, 4};
	}
	lpm_lookup_burst(h->t, addrs, values, LPM_BURST_MAX);
	for (unsigned int i = 0; i < LPM_BURST_MAX; i++) {
		void *net = addrs[i].addr[0] & 0x80 ? value_of(0) : NULL;

		assert_ptr_equal(values[i], h->value[which[i]] ? h->value[which[i]] : net);
	}
}

/* They come, go and change hands, so many that lines overflow. */
static void
test_hosts_in_bursts(void **unused)
{
	struct hosts *h = calloc(1, sizeof(*h));
	struct lpm_prefix net = prefix4(0x80000000, 1);
	uint64_t state = 3;

	(void)unused;
	h->t = lpm_create(rcu, HOSTS);
	assert_int_equal(lpm_insert(h->t, &net, value_of(0), NULL), 0);
	for (unsigned int i = 0; i < HOSTS; i++)
		h->addr[i] = prefix4((uint32_t)(test_random(&state) >> 16), 32);
	for (uint64_t n = 1; n < 60000; n++) {
		unsigned int i = (test_random(&state) >> 20) % HOSTS;

		if (h->value[i] && (n / 20000 == 1 || n % 8 == 0)) {
			assert_ptr_equal(lpm_remove(h->t, &h->addr[i]), h->value[i]);
			h->value[i] = NULL;
		} else if (n / 20000 != 1) {
			assert_int_equal(lpm_insert(h->t, &h->addr[i], value_of(n), NULL), 0);
			h->value[i] = value_of(n);
		}
		check_hosts(h, &state);
		rcu_reclaim(rcu);
	}
	lpm_destroy(h->t);
	rcu_barrier(rcu);
	free(h);
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

/* 10.0.0.1+n/32 side by side, 2001:db8:0:n::/64, and 192.0.2.0/24 alone. */
static struct lpm_prefix
peer_prefix(uint32_t n)
{
	if (n == 0)
		return prefix4(0xc0000200, 24);
	if (n % 2)
		return prefix4(0x0a000000 + n, 32);
	return prefix6(UINT64_C(0x20010db800000000) + n, 0, 64);
}

/* A burst finds what look-ups find, wherever it stands: in a leaf, among others in a node. */
static void
test_burst_finds_what_look_ups_find(void **unused)
{
	struct lpm *t = lpm_create(rcu, HOSTS);
	struct lpm_prefix p[LPM_BURST_MAX];
	struct lpm_address addrs[LPM_BURST_MAX];
	void *values[LPM_BURST_MAX];

	(void)unused;
	for (uint32_t n = 0; n < 64 * LPM_BURST_MAX; n++) {
		p[0] = peer_prefix(n);
		assert_int_equal(lpm_insert(t, &p[0], value_of(n), NULL), 0);
	}
	for (uint32_t n = 0; n < 64 * LPM_BURST_MAX; n++) {
		p[n % LPM_BURST_MAX] = peer_prefix(n);
		addrs[n % LPM_BURST_MAX] = (struct lpm_address){
			p[n % LPM_BURST_MAX].addr, p[n % LPM_BURST_MAX].family == AF_INET ? 4 : 6};
		if (n % LPM_BURST_MAX != LPM_BURST_MAX - 1)
			continue;
		lpm_lookup_burst(t, addrs, values, LPM_BURST_MAX);
		for (unsigned int i = 0; i < LPM_BURST_MAX; i++)
			assert_ptr_equal(values[i], lookup(t, &p[i]));
	}
	/* 10.255.0.1 has six bits before and all behind in common with 10.0.0.1, 11.0.0.0 six. */
	p[0] = prefix4(0x0aff0001, 32);
	p[1] = prefix4(0x0b000000, 32);
	addrs[0] = (struct lpm_address){p[0].addr, 4};
	addrs[1] = (struct lpm_address){p[1].addr, 4};
	lpm_lookup_burst(t, addrs, values, 2);
	assert_null(values[0]);
	assert_null(values[1]);
	lpm_lookup_burst(t, addrs, values, 0);
	lpm_destroy(t);
	rcu_barrier(rcu);
}

static int
set_up(void **unused)
{
	(void)unused;
	if (test_eal_init())
		return -1;
	rcu = rcu_create(2);
	return rcu ? 0 : -1;
}

static int
tear_down(void **unused)
{
	(void)unused;
	rcu_destroy(rcu);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refuses_what_is_no_prefix),
		cmocka_unit_test(test_host_bits_are_ignored),
		cmocka_unit_test(test_every_length_of_one_address),
		cmocka_unit_test(test_against_model),
		cmocka_unit_test(test_reader_beside_churn),
		cmocka_unit_test(test_without_memory),
		cmocka_unit_test(test_burst_finds_what_look_ups_find),
		cmocka_unit_test(test_hosts_in_bursts),
		cmocka_unit_test(test_a_million_hosts),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
