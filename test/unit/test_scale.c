/* SPDX-License-Identifier: BSD-3-Clause */
/* What many peers cost when they do nothing. */
#include <malloc.h>
#include <sys/socket.h>

#include "stage_crypto.h"
#include "wg_net.h"

#define PEERS 10000

/* A key, an endpoint, an IPv4 and an IPv6 address: what a peer of a gateway has. */
static void
configure(struct wg_update *u, uint32_t n)
{
	struct wg_update_peer *up = wg_update_add_peer(u);
	struct wg_update_allowed *v4, *v6;

	memcpy(up->public_key, &n, sizeof(n));
	up->public_key[8] = 9;
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle_peers_fit_in_a_kib),
	};

	return cmocka_run_group_tests_name("scale", tests, test_eal_group, NULL);
}
