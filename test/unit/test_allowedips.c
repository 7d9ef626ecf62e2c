/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AllowedIPs: who gets what, all operations against a list searched from end to end, and prefixes
 * that change hands beside a reader. struct wg_peer is opaque: here it is a name and a list.
 */
#include "test_eal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <rte_byteorder.h>

#include "allowedips.h"
#include "test_prefix.h"
#include "test_random.h"

#define PEERS 5
#define MODEL_MAX 400

struct wg_peer {
	struct wg_allowedips_list allowed;
	char name;
};

static struct rcu *rcu;
static struct wg_allowedips *table;
static struct wg_peer peers[PEERS];

static int
insert(const char *text, uint8_t len, char name)
{
	struct wg_peer *peer = &peers[name - 'a'];
	struct lpm_prefix p = test_prefix(text, len);

	return wg_allowedips_insert(table, &p, &peer->allowed, peer);
}

static int
remove_from(const char *text, uint8_t len, char name)
{
	struct lpm_prefix p = test_prefix(text, len);

	return wg_allowedips_remove(table, &p, &peers[name - 'a'].allowed);
}

static struct wg_peer *
lookup_addr(const struct lpm_prefix *p)
{
	return p->family == AF_INET ? wg_allowedips_lookup4(table, p->addr)
				    : wg_allowedips_lookup6(table, p->addr);
}

/* The peer's name, '-' for none. */
static char
lookup(const char *text)
{
	struct lpm_prefix p = test_prefix(text, 0);
	struct wg_peer *peer = lookup_addr(&p);

	return peer ? peer->name : '-';
}

static void
assert_shown(char name, const char *const *expected, size_t n)
{
	const struct wg_allowedips_list *list = &peers[name - 'a'].allowed;
	const struct wg_allowedips_node *node;
	size_t i = 0;

	assert_int_equal(list->count, n);
	WG_ALLOWEDIPS_FOREACH(node, list)
	{
		char text[INET6_ADDRSTRLEN], shown[INET6_ADDRSTRLEN + 4];

		inet_ntop(node->prefix.family, node->prefix.addr, text, sizeof(text));
		snprintf(shown, sizeof(shown), "%s/%d", text, node->prefix.len);
		assert_true(i < n);
		assert_string_equal(shown, expected[i++]);
	}
	assert_int_equal(i, n);
}

#define SHOWN(name, ...)                                                                           \
	do {                                                                                       \
		const char *const shown_[] = {__VA_ARGS__};                                        \
		assert_shown(name, shown_, RTE_DIM(shown_));                                       \
	} while (0)

/* Documentation addresses: a site, its subnets, one host of another peer inside, a default. */
static void
test_most_specific_peer(void **unused)
{
	(void)unused;
	assert_int_equal(insert("198.51.100.0", 24, 'a'), 0);
	assert_int_equal(insert("198.51.100.64", 26, 'b'), 0);
	assert_int_equal(insert("198.51.100.77", 32, 'c'), 0);
	assert_int_equal(insert("198.51.0.0", 17, 'd'), 0);
	assert_int_equal(insert("0.0.0.0", 0, 'e'), 0);
	assert_int_equal(insert("2001:db8::", 32, 'a'), 0);
	assert_int_equal(insert("2001:db8:0:10::", 60, 'b'), 0);
	assert_int_equal(insert("2001:db8:0:1f::5", 128, 'c'), 0);
	assert_int_equal(wg_allowedips_count(table), 8);

	assert_int_equal(lookup("198.51.100.63"), 'a');
	assert_int_equal(lookup("198.51.100.64"), 'b');
	assert_int_equal(lookup("198.51.100.77"), 'c');
	assert_int_equal(lookup("198.51.100.78"), 'b');
	assert_int_equal(lookup("198.51.100.128"), 'a');
	assert_int_equal(lookup("198.51.101.0"), 'd');
	assert_int_equal(lookup("198.51.128.0"), 'e');
	assert_int_equal(lookup("255.255.255.255"), 'e');
	assert_int_equal(lookup("2001:db8:0:f::1"), 'a');
	assert_int_equal(lookup("2001:db8:0:1f::4"), 'b');
	assert_int_equal(lookup("2001:db8:0:1f::5"), 'c');
	assert_int_equal(lookup("2001:db8:0:20::"), 'a');
	assert_int_equal(lookup("2001:db9::"), '-');
}

static void
test_prefix_moves_to_the_last_who_claims_it(void **unused)
{
	(void)unused;
	assert_int_equal(insert("10.0.0.0", 8, 'a'), 0);
	assert_int_equal(insert("10.1.0.0", 16, 'a'), 0);
	assert_int_equal(insert("10.1.77.5", 16, 'b'), 0);
	assert_int_equal(wg_allowedips_count(table), 2);
	SHOWN('a', "10.0.0.0/8");
	SHOWN('b', "10.1.0.0/16");
	assert_int_equal(lookup("10.1.2.3"), 'b');
	assert_int_equal(lookup("10.2.2.3"), 'a');
}

static void
test_shown_in_order_of_insertion(void **unused)
{
	(void)unused;
	assert_int_equal(insert("10.9.0.255", 24, 'a'), 0);
	assert_int_equal(insert("fd00::ff", 125, 'a'), 0);
	assert_int_equal(insert("10.1.255.255", 19, 'a'), 0);
	SHOWN('a', "10.9.0.0/24", "fd00::f8/125", "10.1.224.0/19");
	assert_int_equal(insert("10.9.0.0", 24, 'a'), 0);
	SHOWN('a', "fd00::f8/125", "10.1.224.0/19", "10.9.0.0/24");
	assert_int_equal(remove_from("10.1.224.0", 19, 'a'), 0);
	SHOWN('a', "fd00::f8/125", "10.9.0.0/24");
}

static void
test_only_the_owner_can_remove(void **unused)
{
	(void)unused;
	assert_int_equal(insert("10.0.0.0", 8, 'a'), 0);
	assert_int_equal(remove_from("10.0.0.0", 8, 'b'), -ENOENT);
	assert_int_equal(remove_from("10.0.0.0", 9, 'a'), -ENOENT);
	assert_int_equal(lookup("10.0.0.1"), 'a');
	assert_int_equal(remove_from("10.3.4.5", 8, 'a'), 0);
	assert_int_equal(remove_from("10.0.0.0", 8, 'a'), -ENOENT);
	assert_int_equal(lookup("10.0.0.1"), '-');
}

static void
test_remove_by_peer_leaves_the_others(void **unused)
{
	(void)unused;
	assert_int_equal(insert("203.0.113.9", 32, 'a'), 0);
	assert_int_equal(insert("172.16.0.0", 12, 'a'), 0);
	assert_int_equal(insert("172.20.0.0", 14, 'b'), 0);
	assert_int_equal(insert("::", 0, 'a'), 0);
	wg_allowedips_remove_by_peer(table, &peers[0].allowed);
	assert_int_equal(peers[0].allowed.count, 0);
	assert_int_equal(wg_allowedips_count(table), 1);
	assert_int_equal(lookup("203.0.113.9"), '-');
	assert_int_equal(lookup("172.16.0.1"), '-');
	assert_int_equal(lookup("2001:db8::1"), '-');
	assert_int_equal(lookup("172.20.0.1"), 'b');
	wg_allowedips_remove_by_peer(table, &peers[0].allowed);
	assert_int_equal(wg_allowedips_count(table), 1);
}

static void
test_refuses_what_is_no_prefix(void **unused)
{
	(void)unused;
	assert_int_equal(insert("10.0.0.0", 33, 'a'), -EINVAL);
	assert_int_equal(insert("fd00::", 129, 'a'), -EINVAL);
	assert_int_equal(remove_from("10.0.0.0", 33, 'a'), -ENOENT);
	assert_int_equal(peers[0].allowed.count, 0);
	assert_int_equal(wg_allowedips_count(table), 0);
}

/* A list of {prefix, owner} in order of insertion, searched from end to end. */
struct model {
	size_t n;
	struct {
		struct lpm_prefix prefix;
		struct wg_peer *peer;
	} e[MODEL_MAX];
};

static bool
covers(const struct lpm_prefix *p, const struct lpm_prefix *addr)
{
	unsigned int bytes = p->len / 8, bits = p->len % 8;

	if (p->family != addr->family || memcmp(p->addr, addr->addr, bytes))
		return false;
	return !bits || !((p->addr[bytes] ^ addr->addr[bytes]) >> (8 - bits));
}

static struct wg_peer *
model_lookup(const struct model *m, const struct lpm_prefix *addr)
{
	struct wg_peer *best = NULL;
	int len = -1;

	for (size_t i = 0; i < m->n; i++) {
		if (m->e[i].prefix.len > len && covers(&m->e[i].prefix, addr)) {
			len = m->e[i].prefix.len;
			best = m->e[i].peer;
		}
	}
	return best;
}

static void
model_drop(struct model *m, size_t i)
{
	memmove(&m->e[i], &m->e[i + 1], (--m->n - i) * sizeof(m->e[0]));
}

static size_t
model_find(const struct model *m, const struct lpm_prefix *p)
{
	size_t i = 0;

	while (i < m->n && (m->e[i].prefix.len != p->len || !covers(&m->e[i].prefix, p)))
		i++;
	return i;
}

static void
model_insert(struct model *m, const struct lpm_prefix *p, struct wg_peer *peer)
{
	size_t i = model_find(m, p);

	if (i < m->n)
		model_drop(m, i);
	m->e[m->n].prefix = *p;
	m->e[m->n++].peer = peer;
}

static void
model_remove_by_peer(struct model *m, const struct wg_peer *peer)
{
	for (size_t i = m->n; i-- > 0;)
		if (m->e[i].peer == peer)
			model_drop(m, i);
}

static void
check_lists(const struct model *m)
{
	for (size_t k = 0; k < PEERS; k++) {
		const struct wg_allowedips_node *node = TAILQ_FIRST(&peers[k].allowed.nodes);
		size_t n = 0;

		for (size_t i = 0; i < m->n; i++) {
			if (m->e[i].peer != &peers[k])
				continue;
			assert_non_null(node);
			assert_int_equal(node->prefix.len, m->e[i].prefix.len);
			assert_true(covers(&node->prefix, &m->e[i].prefix));
			node = TAILQ_NEXT(node, link);
			n++;
		}
		assert_null(node);
		assert_int_equal(peers[k].allowed.count, n);
	}
}

/* Two addresses, at most two bits changed, any length: nearly all overlap, many are the same. */
static struct lpm_prefix
clustered(uint64_t *state)
{
	struct lpm_prefix p =
		test_prefix(test_random(state) & 1 ? "10.0.129.255" : "fd00:80:ff::1", 0);
	unsigned int bits = p.family == AF_INET ? 32 : 128;

	for (int i = 0; i < 2; i++) {
		unsigned int bit = test_random(state) % bits;

		p.addr[bit / 8] ^= 0x80 >> bit % 8;
	}
	p.len = test_random(state) % (bits + 1);
	return p;
}

static void
model_step(struct model *m, uint64_t *state, int n)
{
	struct wg_peer *peer = &peers[test_random(state) % PEERS];
	struct lpm_prefix p = clustered(state);
	size_t i = model_find(m, &p);

	if (n % 2003 == 0) {
		model_remove_by_peer(m, peer);
		wg_allowedips_remove_by_peer(table, &peer->allowed);
	} else if (m->n == MODEL_MAX || test_random(state) % 3 == 0) {
		bool owned = i < m->n && m->e[i].peer == peer;

		assert_int_equal(
			wg_allowedips_remove(table, &p, &peer->allowed), owned ? 0 : -ENOENT);
		if (owned)
			model_drop(m, i);
	} else {
		assert_int_equal(wg_allowedips_insert(table, &p, &peer->allowed, peer), 0);
		model_insert(m, &p, peer);
	}
	assert_ptr_equal(lookup_addr(&p), model_lookup(m, &p));
}

static void
test_against_model(void **unused)
{
	struct model *m = calloc(1, sizeof(*m));
	uint64_t state = 5;

	(void)unused;
	for (int n = 0; n < 200000; n++) {
		struct lpm_prefix addr = clustered(&state);

		model_step(m, &state, n);
		assert_ptr_equal(lookup_addr(&addr), model_lookup(m, &addr));
		assert_int_equal(wg_allowedips_count(table), m->n);
		if (n % 500 == 0) {
			check_lists(m);
			rcu_reclaim(rcu);
		}
	}
	free(m);
}

/* By fives: a /30 of a and its hosts, which go round. */
static struct lpm_prefix
fifth(uint32_t n, struct wg_peer **peer)
{
	uint32_t addr = (n / 5 * UINT32_C(2654435761)) << 2 | (n % 5 ? n % 5 - 1 : 0);
	struct lpm_prefix p = {.family = AF_INET, .len = n % 5 ? 32 : 30};

	addr = rte_cpu_to_be_32(addr);
	memcpy(p.addr, &addr, sizeof(addr));
	*peer = &peers[n % 5];
	return p;
}

#define HOARD 4096

/* Takes all that the heap has, in pieces; returns how many. */
static int
starve(void *hoard[HOARD], struct rlimit *was)
{
	struct rlimit none;
	int n = 0;

	assert_int_equal(getrlimit(RLIMIT_AS, was), 0);
	none = *was;
	none.rlim_cur = 1;
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
	for (size_t size = 1 << 20; size >= 16; size /= 2)
		while (n < HOARD && (hoard[n] = malloc(size)))
			n++;
	return n;
}

/* 5000 insertions that were reserved succeed without heap, and no other; then all as usual. */
static void
test_reserved_insertions(void **unused)
{
	static void *hoard[HOARD];
	struct wg_peer *peer;
	struct lpm_prefix p;
	struct rlimit was;
	int n_hoard, more, failed = 0;

	(void)unused;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* their allocators abort instead of failing */
#endif
	assert_int_equal(wg_allowedips_reserve(table, 5000), 0);
	n_hoard = starve(hoard, &was);
	for (uint32_t n = 0; n < 5000; n++) {
		p = fifth(n, &peer);
		failed += wg_allowedips_insert(table, &p, &peer->allowed, peer) != 0;
	}
	wg_allowedips_release(table);
	p = fifth(5000, &peer);
	more = wg_allowedips_insert(table, &p, &peer->allowed, peer);
	while (n_hoard)
		free(hoard[--n_hoard]);
	assert_int_equal(setrlimit(RLIMIT_AS, &was), 0);
	assert_int_equal(failed, 0);
	assert_int_equal(more, -ENOMEM);
	assert_int_equal(wg_allowedips_count(table), 5000);
	for (uint32_t n = 0; n < 5000; n++) {
		p = fifth(n, &peer);
		assert_ptr_equal(lookup_addr(&p), n % 5 ? peer : &peers[1]);
	}
	for (uint32_t n = 0; n < 5000; n += 2) {
		p = fifth(n, &peer);
		assert_int_equal(wg_allowedips_remove(table, &p, &peer->allowed), 0);
		rcu_reclaim(rcu);
	}
	assert_int_equal(wg_allowedips_count(table), 2500);
}

/* 10.0.0.0/8 is e's; 10.1.0.0/16 goes from a to b to a: the reader must find a or b there. */
struct watch {
	uint64_t lookups;
	uint64_t wrong;
	uint64_t seen[PEERS];
	bool stop;
};

static void *
watch_main(void *arg)
{
	struct rte_rcu_qsbr *v = rcu_qsbr(rcu);
	struct watch *w = arg;
	const uint8_t addr[4] = {10, 1, 2, 3};

	rte_rcu_qsbr_thread_register(v, 0);
	rte_rcu_qsbr_thread_online(v, 0);
	while (!__atomic_load_n(&w->stop, __ATOMIC_ACQUIRE)) {
		const struct wg_peer *peer = wg_allowedips_lookup4(table, addr);

		if (peer != &peers[0] && peer != &peers[1])
			w->wrong++;
		else
			__atomic_fetch_add(&w->seen[peer - peers], 1, __ATOMIC_RELAXED);
		rte_rcu_qsbr_quiescent(v, 0);
		__atomic_fetch_add(&w->lookups, 1, __ATOMIC_RELEASE);
	}
	rte_rcu_qsbr_thread_offline(v, 0);
	rte_rcu_qsbr_thread_unregister(v, 0);
	return NULL;
}

/* Of two lookups that end from now on the second has begun from now on: it sees the last change. */
static bool
is_seen_now(const struct watch *w, int peer)
{
	uint64_t seen = __atomic_load_n(&w->seen[peer], __ATOMIC_ACQUIRE);
	uint64_t lookups = __atomic_load_n(&w->lookups, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&w->lookups, __ATOMIC_ACQUIRE) < lookups + 2)
		sched_yield();
	return __atomic_load_n(&w->seen[peer], __ATOMIC_RELAXED) > seen;
}

static void
test_moves_beside_a_reader(void **unused)
{
	struct watch w = {0};
	unsigned int unseen = 0;
	pthread_t reader;

	(void)unused;
	assert_int_equal(insert("10.0.0.0", 8, 'e'), 0);
	assert_int_equal(insert("10.1.0.0", 16, 'a'), 0);
	assert_int_equal(pthread_create(&reader, NULL, watch_main, &w), 0);
	unseen += !is_seen_now(&w, 0);
	for (int n = 0; n < 100000; n++) {
		assert_int_equal(insert("10.1.0.0", 16, n & 1 ? 'a' : 'b'), 0);
		assert_int_equal(insert("10.1.3.0", 24, 'c'), 0);
		assert_int_equal(insert("10.1.2.2", 32, 'c'), 0);
		if (n % 1000 == 0)
			unseen += !is_seen_now(&w, 1);
		wg_allowedips_remove_by_peer(table, &peers[2].allowed);
		rcu_reclaim(rcu);
	}
	__atomic_store_n(&w.stop, true, __ATOMIC_RELEASE);
	pthread_join(reader, NULL);
	assert_int_equal(w.wrong, 0);
	assert_int_equal(unseen, 0);
}

static int
fresh_table(void **unused)
{
	(void)unused;
	table = wg_allowedips_create(rcu, 64);
	for (int i = 0; i < PEERS; i++) {
		peers[i].name = 'a' + i;
		wg_allowedips_list_init(&peers[i].allowed);
	}
	return table ? 0 : -1;
}

static int
drop_table(void **unused)
{
	size_t left = 0;

	(void)unused;
	wg_allowedips_destroy(table);
	for (int i = 0; i < PEERS; i++)
		left += peers[i].allowed.count;
	rcu_barrier(rcu);
	return left ? -1 : 0;
}

static int
set_up(void **unused)
{
	(void)unused;
	if (test_eal_init())
		return -1;
	rcu = rcu_create(1);
	return rcu ? 0 : -1;
}

static int
tear_down(void **unused)
{
	(void)unused;
	rcu_destroy(rcu);
	return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fresh_table, drop_table)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_most_specific_peer),
		TEST(test_prefix_moves_to_the_last_who_claims_it),
		TEST(test_shown_in_order_of_insertion),
		TEST(test_only_the_owner_can_remove),
		TEST(test_remove_by_peer_leaves_the_others),
		TEST(test_refuses_what_is_no_prefix),
		TEST(test_against_model),
		TEST(test_reserved_insertions),
		TEST(test_moves_beside_a_reader),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
