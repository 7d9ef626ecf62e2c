/* SPDX-License-Identifier: BSD-3-Clause */
/* Many peers: what one costs that does nothing, and whose prefix it is after many moves. */
#include <malloc.h>
#include <sys/socket.h>

#include "stage_crypto.h"
#include "test_random.h"
#include "wg_net.h"

#define PEERS 10000
#define MANY 100000
#define MOVES 20000

static void
key_of(uint8_t key[WG_KEY_LEN], uint32_t n)
{
	memset(key, 0, WG_KEY_LEN);
	memcpy(key, &n, sizeof(n));
	key[8] = 9;
}

/* A key, an endpoint, an IPv4 and an IPv6 address: what a peer of a gateway has. */
static void
configure(struct wg_update *u, uint32_t n)
{
	struct wg_update_peer *up = wg_update_add_peer(u);
	struct wg_update_allowed *v4, *v6;

	key_of(up->public_key, n);
	up->has_endpoint = true;
	up->endpoint.family = AF_INET;
	up->endpoint.port = rte_cpu_to_be_16(51820);
	memcpy(up->endpoint.addr, &n, sizeof(n));
	v4 = wg_update_add_allowed(up);
	v4->prefix = (struct lpm_prefix){AF_INET, 32, {10, n >> 16, n >> 8, n}};
	v6 = wg_update_add_allowed(up);
	v6->prefix = (struct lpm_prefix){AF_INET6, 128, {0xfd, [13] = n >> 16, n >> 8, n}};
}

static size_t
allocated(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/*
 * All that a device allocates for 10,000 peers, its tables included, and what one crypto stage has
 * for each. 1 KiB a peer at most.
 */
static void
test_idle_peers_fit_in_a_kib(void **state)
{
	struct net *net = net_create(1);
	struct wg_device_params params = {.max_peers = PEERS,
		.lanes = 1,
		.rcu = net->side[0].rcu,
		.ops = &net_ops,
		.ctx = &net->side[0]};
	size_t before = allocated(), bytes;
	struct wg_device *dev = wg_device_create(&params);
	struct wg_update u;

	RTE_SET_USED(state);
	wg_update_init(&u);
	for (uint32_t n = 0; n < PEERS; n++)
		configure(&u, n);
	assert_int_equal(wg_device_apply(dev, &u, net->now), 0);
	wg_update_free(&u);
	rcu_barrier(params.rcu);
	assert_int_equal(wg_device_peer_count(dev), PEERS);
	bytes = (allocated() - before) / PEERS + sizeof(struct tg_lane_peer);
	wg_device_destroy(dev);
	net_destroy(net);
#if defined(__SANITIZE_ADDRESS__)
	skip(); /* its allocator does not tell */
#endif
	print_message("bytes per idle peer: %zu\n", bytes);
	assert_true(bytes <= 1024);
}

/* Host n, or the block of 256 that it is in. */
static struct lpm_prefix
inside(uint32_t n, uint8_t len)
{
	return (struct lpm_prefix){AF_INET, len, {10, n >> 16, n >> 8, len == 32 ? n : 0}};
}

/* The slow way to know: who has each host and each block. 0: nobody, else the peer's number + 1. */
struct model {
	uint32_t hosts[MANY];
	uint32_t blocks[MANY / 256 + 1];
};

static void
assert_owner(const struct wg_device *dev, const struct model *m, uint32_t n)
{
	struct lpm_prefix p = inside(n, 32);
	const struct wg_peer *peer = wg_allowedips_lookup4(wg_device_allowedips(dev), p.addr);
	uint32_t owner = m->hosts[n] ? m->hosts[n] : m->blocks[n / 256];
	uint8_t key[WG_KEY_LEN];

	if (!owner) {
		assert_null(peer);
		return;
	}
	key_of(key, owner - 1);
	assert_non_null(peer);
	assert_memory_equal(peer->handshake.remote_static, key, WG_KEY_LEN);
}

/* To a random peer goes a random host or block, is taken from it, or replaces all that it has. */
static void
move(struct net *net, struct wg_device *dev, struct model *m, uint64_t *seed)
{
	uint32_t to = test_random(seed) % MANY, n = test_random(seed) % MANY;
	bool block = test_random(seed) % 8 == 0;
	uint32_t *owner = block ? &m->blocks[n / 256] : &m->hosts[n];
	struct wg_update_allowed *allowed;
	struct wg_update_peer *up;
	struct wg_update u;
	int what = test_random(seed) % 8;

	if (what == 0 && *owner)
		to = *owner - 1;
	wg_update_init(&u);
	up = wg_update_add_peer(&u);
	key_of(up->public_key, to);
	up->update_only = true;
	up->replace_allowed_ips = what == 1;
	allowed = wg_update_add_allowed(up);
	allowed->prefix = inside(n, block ? 24 : 32);
	allowed->remove = what == 0;
	assert_int_equal(wg_device_apply(dev, &u, net->now), 0);
	wg_update_free(&u);
	for (uint32_t i = 0; what == 1 && i < MANY; i++) {
		m->hosts[i] = m->hosts[i] == to + 1 ? 0 : m->hosts[i];
		m->blocks[i / 256] = m->blocks[i / 256] == to + 1 ? 0 : m->blocks[i / 256];
	}
	if (what != 0)
		*owner = to + 1;
	else if (*owner == to + 1)
		*owner = 0;
	assert_owner(dev, m, n);
	rcu_reclaim(net->side[0].rcu);
}

static void
test_moves_among_many(void **state)
{
	struct net *net = net_create(1);
	struct wg_device_params params = {.max_peers = MANY,
		.lanes = 1,
		.rcu = net->side[0].rcu,
		.ops = &net_ops,
		.ctx = &net->side[0]};
	struct wg_device *dev = wg_device_create(&params);
	struct model *m = calloc(1, sizeof(*m));
	struct wg_update u;
	uint64_t seed = 7;

	RTE_SET_USED(state);
	wg_update_init(&u);
	for (uint32_t n = 0; n < MANY; n++) {
		configure(&u, n);
		m->hosts[n] = n + 1;
	}
	assert_int_equal(wg_device_apply(dev, &u, net->now), 0);
	wg_update_free(&u);
	for (int i = 0; i < MOVES; i++)
		move(net, dev, m, &seed);
	for (uint32_t n = 0; n < MANY; n++)
		assert_owner(dev, m, n);
	free(m);
	wg_device_destroy(dev);
	net_destroy(net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle_peers_fit_in_a_kib),
		cmocka_unit_test(test_moves_among_many),
	};

	return cmocka_run_group_tests_name("scale", tests, test_eal_group, NULL);
}
