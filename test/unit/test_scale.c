/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many peers: what one costs that does nothing, whose prefix it is after many moves, and how timers
 * that fire together are spread.
 */
#include <malloc.h>
#include <sys/socket.h>

#include "device_private.h"
#include "stage_crypto.h"
#include "test_random.h"
#include "wg_net.h"

#define PEERS 100000
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
 * All that a device allocates for 100,000 peers, its tables included, and what one crypto stage has
 * for the two slots of each. A peer itself is in a vault, which malloc does not know of. 1 KiB a
 * peer at most.
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
	bytes = (allocated() - before) / PEERS + sizeof(struct wg_peer) +
		2 * sizeof(struct tg_lane_peer);
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

/*
 * A device with many peers, and how much of what it asks for comes within one call.
 */
struct crowd {
	struct wg_device *dev;
	struct rcu *rcu;
	uint64_t now;
	uint64_t seed;
	unsigned int begun, sent, up, gone; /* handshakes; keepalives; paths needed and not */
};

static void
crowd_send(
	void *ctx, struct wg_peer *peer, const struct wg_endpoint *to, const void *msg, size_t len)
{
	RTE_SET_USED(ctx);
	RTE_SET_USED(peer);
	RTE_SET_USED(to);
	RTE_SET_USED(msg);
	RTE_SET_USED(len);
}

/* It is computed, and lost on its way. */
static bool
crowd_begin(void *ctx, const struct wg_job *job)
{
	RTE_SET_USED(job);
	((struct crowd *)ctx)->begun++;
	return true;
}

static void
crowd_keepalive(void *ctx, struct wg_peer *peer)
{
	struct crowd *c = ctx;

	c->sent++;
	wg_peer_sent(peer, c->now, false);
}

static void
crowd_path_needed(void *ctx, struct wg_peer *peer)
{
	RTE_SET_USED(peer);
	((struct crowd *)ctx)->up++;
}

static void
crowd_path_not_needed(void *ctx, struct wg_peer *peer)
{
	RTE_SET_USED(peer);
	((struct crowd *)ctx)->gone++;
}

static void
crowd_ignore(void *ctx, struct wg_peer *peer)
{
	RTE_SET_USED(ctx);
	RTE_SET_USED(peer);
}

static uint64_t
crowd_wall_clock(void *ctx)
{
	return ((struct crowd *)ctx)->now;
}

static void
crowd_random(void *ctx, void *buf, size_t len)
{
	for (uint8_t *p = buf; len--; p++)
		*p = (uint8_t)test_random(&((struct crowd *)ctx)->seed);
}

static const struct wg_ops crowd_ops = {
	.send = crowd_send,
	.send_keepalive = crowd_keepalive,
	.session_up = crowd_ignore,
	.path_needed = crowd_path_needed,
	.path_not_needed = crowd_path_not_needed,
	.purge = crowd_ignore,
	.endpoint_changed = crowd_ignore,
	.peer_removed = crowd_ignore,
	.begin = crowd_begin,
	.wall_clock = crowd_wall_clock,
	.random = crowd_random,
};

static struct crowd *
crowd_create(uint16_t keepalive)
{
	struct crowd *c = calloc(1, sizeof(*c));
	struct wg_device_params params = {
		.max_peers = MANY, .lanes = 1, .ops = &crowd_ops, .ctx = c};
	struct wg_update u;

	c->now = 1000 * S;
	c->rcu = params.rcu = rcu_create(1);
	c->dev = wg_device_create(&params);
	assert_non_null(c->dev);
	wg_device_set_up(c->dev, false, c->now);
	wg_update_init(&u);
	u.has_private_key = true;
	key_of(u.private_key, MANY);
	for (uint32_t n = 0; n < MANY; n++) {
		configure(&u, n);
		u.peers[n].has_keepalive = true;
		u.peers[n].keepalive = keepalive;
	}
	assert_int_equal(wg_device_apply(c->dev, &u, c->now), 0);
	wg_update_free(&u);
	return c;
}

static void
crowd_destroy(struct crowd *c)
{
	wg_device_destroy(c->dev);
	rcu_destroy(c->rcu);
	free(c);
}

/* All have a session that they began, as after as many handshakes. */
static void
crowd_connect(struct crowd *c)
{
	struct wg_session_keys keys = {0};
	struct wg_keypair *kp;
	struct wg_peer *peer;
	struct wg_walk walk;
	uint32_t index;

	wg_walk_begin(c->dev, &walk);
	while ((peer = wg_walk_next(&walk))) {
		assert_int_equal(wg_index_add_handshake(c->dev->index, peer, 0, &index), 0);
		kp = wg_keypair_create(
			c->dev->keypair_vault, peer, &keys, index, index, true, c->now);
		assert_non_null(kp);
		wg_session_add(c->dev, peer, kp, c->now);
		wg_device_schedule(c->dev, peer, c->now);
	}
	wg_walk_end(&walk);
}

/* Ticks until nothing is due. The most that one did: handshakes, or all of it. */
struct most {
	unsigned int begun, all;
};

static struct most
crowd_tick(struct crowd *c)
{
	struct most most = {0};
	uint64_t next;

	do {
		struct crowd was = *c;

		next = wg_device_tick(c->dev, c->now);
		most.begun = RTE_MAX(most.begun, c->begun - was.begun);
		most.all = RTE_MAX(
			most.all, c->begun + c->sent + c->gone - was.begun - was.sent - was.gone);
	} while (next == c->now);
	return most;
}

/*
 * The network comes up and all shall speak; all keepalives are due; all sessions end: each time
 * 100,000 peers, and one call does 1024 of them at most, or begins 16 handshakes.
 */
static void
test_storms_come_in_slices(void **state)
{
	struct crowd *c = crowd_create(25);
	struct most most;

	RTE_SET_USED(state);
	wg_device_set_up(c->dev, true, c->now);
	c->now += NET_GRAIN;
	most = crowd_tick(c);
	assert_int_equal(c->begun, MANY);
	assert_int_equal(most.begun, 16);

	crowd_connect(c);
	assert_int_equal(c->up, MANY);
	c->now += 25 * S + NET_GRAIN;
	most = crowd_tick(c);
	assert_int_equal(c->sent, MANY);
	assert_int_equal(most.all, 1024);
	assert_int_equal(c->begun, MANY);
	crowd_destroy(c);

	c = crowd_create(0);
	wg_device_set_up(c->dev, true, c->now);
	crowd_connect(c);
	c->now += 540 * S + NET_GRAIN;
	most = crowd_tick(c);
	assert_int_equal(c->gone, MANY);
	assert_int_equal(most.all, 1024);
	assert_int_equal(wg_device_tick(c->dev, c->now), UINT64_MAX);
	crowd_destroy(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle_peers_fit_in_a_kib),
		cmocka_unit_test(test_moves_among_many),
		cmocka_unit_test(test_storms_come_in_slices),
	};

	return cmocka_run_group_tests_name("scale", tests, test_eal_group, NULL);
}
