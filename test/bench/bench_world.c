/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_world.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <sodium.h>

#include "bench_wire.h"
#include "clock.h"
#include "device_private.h"
#include "fib_control.h"
#include "path.h"
#include "pool.h"
#include "test_random.h"

#define RATE_NEVER_REACHED UINT64_C(50000000000) /* bytes per s */
#define MBUFS 49152 /* tinguard's default, from which the queues take their limits */
#define MAX_PEERS 65536 /* the same */
#define RING (2 * WORLD_WINDOW)

static const struct rte_ether_addr neighbour_mac = {.addr_bytes = {2, 0, 0, 0, 1, 0}};

static void
need(bool good, const char *what)
{
	if (!good)
		rte_exit(EXIT_FAILURE, "bench: %s\n", what);
}

/*
 * The control thread's side: paths follow endpoints, and nothing else happens.
 */
static void
op_ignore(void *ctx, struct wg_peer *peer)
{
	RTE_SET_USED(ctx);
	RTE_SET_USED(peer);
}

static void
op_send(void *ctx, struct wg_peer *peer, const struct wg_endpoint *to, const void *msg, size_t len)
{
	RTE_SET_USED(to);
	RTE_SET_USED(msg);
	RTE_SET_USED(len);
	op_ignore(ctx, peer);
}

static void
op_endpoint_changed(void *ctx, struct wg_peer *peer)
{
	struct world *w = ctx;

	tg_path_update(&w->p.env, w->rcu, peer);
}

static void
op_peer_removed(void *ctx, struct wg_peer *peer)
{
	struct world *w = ctx;

	tg_path_withdraw(&w->p.env, w->rcu, peer);
}

static uint64_t
op_wall_clock(void *ctx)
{
	RTE_SET_USED(ctx);
	return 1;
}

static void
op_random(void *ctx, void *buf, size_t len)
{
	for (uint8_t *p = buf; len--; p++)
		*p = (uint8_t)test_random(&((struct world *)ctx)->random);
}

static const struct wg_ops ops = {
	.send = op_send,
	.send_keepalive = op_ignore,
	.session_up = op_ignore,
	.path_needed = op_endpoint_changed,
	.path_not_needed = op_peer_removed,
	.purge = op_ignore,
	.endpoint_changed = op_endpoint_changed,
	.peer_removed = op_peer_removed,
	.wall_clock = op_wall_clock,
	.random = op_random,
};

static struct rte_ring *
make_ring(const char *name)
{
	struct rte_ring *r =
		rte_ring_create(name, RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);

	need(r != NULL, "no memory for rings");
	return r;
}

static void
make_port(struct world *w, uint16_t port)
{
	static const char *const in[] = {"lan_in", "wan_in"}, *const out[] = {"lan_out", "wan_out"};
	static unsigned int serial;
	struct tg_port *p = &w->p.env.ports[port];
	struct rte_eth_conf conf = {0};
	char name[32];
	int id;

	w->in[port] = make_ring(in[port]);
	w->out[port] = make_ring(out[port]);
	snprintf(name, sizeof(name), "bench%u", serial++);
	id = rte_eth_from_rings(name, &w->in[port], 1, &w->out[port], 1, 0);
	need(id >= 0, "no port from rings");
	*p = (struct tg_port){.id = (uint16_t)id, .n_rxq = 1, .n_txq = 1, .mac = wire_mac(port)};
	need(rte_eth_dev_configure(p->id, 1, 1, &conf) == 0 &&
			rte_eth_rx_queue_setup(p->id, 0, 64, 0, NULL, w->p.env.pool) == 0 &&
			rte_eth_tx_queue_setup(p->id, 0, 64, 0, NULL) == 0 &&
			rte_eth_dev_start(p->id) == 0,
		"the port does not start");
}

static void
add_route(struct world *w, uint32_t net, uint8_t len, enum tg_hop_type type, uint16_t port)
{
	struct tg_fib_route r = {.type = type,
		.port = port,
		.family = AF_INET,
		.local = type == TG_HOP_LOCAL,
		.own = type == TG_HOP_LOCAL};
	struct rte_ether_addr mac = neighbour_mac;
	struct tg_fib_neigh n = {.port = port, .family = AF_INET, .addr = r.gateway, .mac = &mac};
	struct tg_hop *resolved;

	r.prefix.family = AF_INET;
	r.prefix.len = len;
	wire_put32(r.prefix.addr, net);
	wire_put32(r.gateway, wire_router(port));
	need(tg_fib_route_set(w->p.env.fib, &r, TG_FIB_ADDED) == TG_FIB_CHANGED, "no route");
	if (type == TG_HOP_ETHER)
		need(tg_fib_neigh_set(w->p.env.fib, &n, &resolved) == 0, "no neighbour");
}

static void
make_fib(struct world *w)
{
	struct tg_fib *fib = w->p.env.fib;

	for (uint16_t port = 0; port < WORLD_PORTS; port++) {
		need(tg_fib_add_port(fib, port) == 0, "no memory for routes");
		tg_fib_set_mtu(fib, port, 1500);
		add_route(w, wire_gateway(port), 32, TG_HOP_LOCAL, port);
	}
	tg_fib_set_mtu(fib, TG_FIB_TUNNEL, WORLD_MTU);
	add_route(w, WIRE_PEERS_NET, 8, TG_HOP_TUNNEL, 0);
	add_route(w, WIRE_LAN_NET, 12, TG_HOP_ETHER, LAN);
	add_route(w, 0, 0, TG_HOP_ETHER, WAN);
}

static void
describe_peer(struct world *w, struct wg_update *u, uint32_t i)
{
	struct wg_update_peer *up = wg_update_add_peer(u);
	struct lpm_prefix prefix = {.family = AF_INET, .len = 32};

	need(up != NULL, "no memory for peers");
	op_random(w, up->public_key, WG_KEY_LEN);
	up->has_endpoint = true;
	up->endpoint = wire_endpoint(i);
	wire_put32(prefix.addr, wire_peer_inside(i));
	wg_update_add_allowed(up)->prefix = prefix;
}

static void
give_session(struct world *w, struct wg_peer *peer, uint64_t now)
{
	struct wg_device *dev = w->p.env.dev;
	struct wg_session_keys keys;
	struct wg_keypair *kp;
	uint32_t index;

	memcpy(keys.send, w->key, WG_KEY_LEN);
	memcpy(keys.receive, w->key, WG_KEY_LEN);
	need(wg_index_add_handshake(dev->index, peer, 0, &index) == 0, "no index");
	kp = wg_keypair_create(dev->keypair_vault, peer, &keys, index, index, true, now);
	need(kp != NULL, "no memory for sessions");
	wg_session_add(dev, peer, kp, now);
}

static void
make_peers(struct world *w, uint32_t peers)
{
	uint64_t now = tg_now();
	struct wg_update u;
	struct wg_walk walk;
	struct wg_peer *peer;

	wg_update_init(&u);
	u.has_private_key = true;
	memset(u.private_key, 1, WG_KEY_LEN);
	for (uint32_t i = 0; i < peers; i++)
		describe_peer(w, &u, i);
	need(wg_device_apply(w->p.env.dev, &u, now) == 0, "the peers cannot be configured");
	wg_update_free(&u);
	w->peers = calloc(peers, sizeof(*w->peers));
	need(w->peers != NULL, "no memory for peers");
	wg_walk_begin(w->p.env.dev, &walk);
	while ((peer = wg_walk_next(&walk)))
		w->peers[w->n_peers++] = peer;
	wg_walk_end(&walk);
	for (uint32_t i = 0; i < peers; i++)
		give_session(w, w->peers[i], now);
}

static void
make_tables(struct world *w, uint32_t max_peers)
{
	struct wg_device_params device = {
		.max_peers = max_peers, .lanes = 1, .ops = &ops, .ctx = w};
	struct tg_env *env = &w->p.env;

	env->pool = tg_pool_create("mbufs", 2 * WORLD_WINDOW, 0, RTE_MBUF_DEFAULT_BUF_SIZE);
	need(env->pool && rte_pktmbuf_alloc_bulk(env->pool, w->window, WORLD_WINDOW) == 0,
		"no memory for packets");
	w->rcu = device.rcu = rcu_create(RTE_MAX_LCORE);
	env->fib = tg_fib_create(w->rcu);
	env->trunks = tg_trunks_create();
	env->dev = wg_device_create(&device);
	w->aead = aead_create(AEAD_AUTO);
	need(w->rcu && env->fib && env->trunks && env->dev && w->aead, "no memory for tables");
	env->salt = 1;
	env->mtu_max = 1500;
	env->listen_port = htons(WORLD_WG_PORT);
	env->n_ports = WORLD_PORTS;
}

struct world *
world_create(uint32_t peers)
{
	static const struct tg_lcores map = {{1, 1, 1, 1}, {{1}, {1}, {1}, {2}}};
	static struct tg_queue_options queue;
	struct world *w =
		aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN(sizeof(*w), RTE_CACHE_LINE_SIZE));
	struct tg_pipeline_params params = {.map = &map,
		.max_peers = RTE_MAX(peers, (uint32_t)MAX_PEERS),
		.mbufs = MBUFS,
		.queue = &queue};
	char error[TG_ERROR_LEN] = "no memory";

	need(w != NULL, error);
	memset(w, 0, sizeof(*w));
	memset(w->key, 0x42, sizeof(w->key));
	tg_queue_options_default(&queue);
	make_tables(w, params.max_peers);
	for (uint16_t port = 0; port < WORLD_PORTS; port++)
		make_port(w, port);
	make_fib(w);
	params.rcu = w->rcu;
	need(tg_pipeline_create(&w->p, &params, error) == 0, error);
	make_peers(w, peers);
	rte_rcu_qsbr_thread_online(w->p.workers[0].qsbr, w->p.workers[0].reader);
	return w;
}

void
world_destroy(struct world *w)
{
	struct tg_env *env;

	if (!w)
		return;
	env = &w->p.env;
	rte_rcu_qsbr_thread_offline(w->p.workers[0].qsbr, w->p.workers[0].reader);
	rte_pktmbuf_free_bulk(w->window, WORLD_WINDOW);
	wg_device_destroy(env->dev);
	for (uint16_t port = 0; port < WORLD_PORTS; port++) {
		rte_eth_dev_stop(env->ports[port].id);
		rte_eth_dev_close(env->ports[port].id);
		rte_ring_free(w->in[port]);
		rte_ring_free(w->out[port]);
	}
	tg_pipeline_destroy(&w->p);
	rcu_barrier(w->rcu);
	tg_trunks_destroy(env->trunks);
	tg_fib_destroy(env->fib);
	rcu_destroy(w->rcu);
	aead_destroy(w->aead);
	rte_mempool_free(env->pool);
	free(w->peers);
	free(w);
}

static uint16_t
exit_of(enum world_direction d)
{
	return d == WORLD_ENCRYPT ? WAN : LAN;
}

static uint16_t
imix(uint32_t i)
{
	static const uint16_t lens[] = {64, 576, 64, 64, 576, 64, 1420, 64, 576, 64, 576, 64};

	return lens[i % RTE_DIM(lens)];
}

void
world_fill(struct world *w, const struct world_traffic *t)
{
	uint16_t port = world_entry(t->direction);
	struct wire_frame f = {.gateway = w->p.env.ports[port].mac, .key = w->key};

	for (uint32_t i = 0; i < WORLD_WINDOW; i++) {
		uint32_t flow = t->in_turn ? w->next_flow++ % t->flows
					   : (uint32_t)(test_random(&w->random) % t->flows);
		uint32_t peer = flow % w->n_peers;

		f.peer = peer;
		f.flow = flow;
		f.len = t->len ? t->len : imix(i);
		f.session = atomic_load_explicit(&w->peers[peer]->current, memory_order_relaxed);
		if (t->direction == WORLD_ENCRYPT)
			wire_write_plain(w->window[i], &f, &w->jobs[i]);
		else
			wire_write_message(w->window[i], &f, &w->jobs[i]);
	}
	if (t->direction == WORLD_DECRYPT)
		aead_seal_burst(w->aead, w->jobs, WORLD_WINDOW);
}

bool
world_is_through(const struct world *w, enum world_direction d)
{
	return rte_ring_count(w->out[exit_of(d)]) == WORLD_WINDOW;
}

static void
show_drops(const struct world *w)
{
	const struct tg_counters *c[] = {
		&w->p.rx[0]->counters, &w->p.crypto[0]->counters, &w->p.tx[0]->counters};

	for (unsigned int stage = 0; stage < RTE_DIM(c); stage++)
		for (unsigned int why = 0; why < TG_DROP_COUNT; why++)
			if (c[stage]->drops[why])
				fprintf(stderr, "%s %s %" PRIu64 "\n", tg_stage_name(stage),
					tg_drop_key(why), c[stage]->drops[why]);
}

void
world_collect(struct world *w, enum world_direction d)
{
	void *pkts[WORLD_WINDOW];

	if (rte_ring_sc_dequeue_bulk(w->out[exit_of(d)], pkts, WORLD_WINDOW, NULL) == WORLD_WINDOW)
		return;
	show_drops(w);
	rte_exit(EXIT_FAILURE, "bench: packets were lost on their way\n");
}

void
world_shape(struct world *w, bool on)
{
	for (uint16_t port = 0; port < w->p.env.n_ports; port++)
		tg_pipeline_set_rate(&w->p, port, on ? RATE_NEVER_REACHED : 0);
}
