/* SPDX-License-Identifier: BSD-3-Clause */
/* Look-ups in bursts, and look-ups of both kinds beside a writer. */
#include "test_lpm.h"

#include <pthread.h>
#include <stdlib.h>

#include "lpm_hosts.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader_beside_churn),
		cmocka_unit_test(test_burst_finds_what_look_ups_find),
		cmocka_unit_test(test_hosts_in_bursts),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
