/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A pipeline for tests (pipeline_bed.h, pipeline_traffic.h): how it is set up, how it moves, and
 * how its books are checked.
 */
#ifndef TEST_PIPELINE_H
#define TEST_PIPELINE_H

#include "pipeline_traffic.h"

/*
 * The pipeline on one thread: a worker, the control thread or the world outside takes a step.
 */
static inline unsigned int
bed_worker(struct bed *bed, unsigned int i)
{
	struct tg_worker *w = &bed->p.workers[i];
	unsigned int s, n = 0;

	for (s = 0; s < w->n_stages; s++)
		n += w->stages[s].poll(w->stages[s].stage, bed->now);
	return n;
}

static inline void
bed_step(struct bed *bed)
{
	unsigned int n = bed->p.n_workers, i = bed_below(bed, n + 3);

	bed->now += US;
	if (i < n)
		bed_worker(bed, i);
	else if (i == n)
		bed_control(bed);
	else
		bed_collect(bed, i - n - 1, 1 + bed_below(bed, 64));
}

/* All instances of one stage take a turn. */
static inline void
bed_rx(struct bed *bed)
{
	unsigned int i;

	for (i = 0; i < bed->p.env.n_rx; i++)
		stage_rx_poll(bed->p.rx[i], bed->now);
}

static inline void
bed_crypto(struct bed *bed)
{
	unsigned int i;

	for (i = 0; i < bed->p.env.n_crypto; i++)
		stage_crypto_poll(bed->p.crypto[i], bed->now);
}

static inline void
bed_tx(struct bed *bed)
{
	unsigned int i;

	for (i = 0; i < bed->p.env.n_tx; i++)
		stage_tx_poll(bed->p.tx[i], bed->now);
}

/* Packets that wait for the cipher. */
static inline uint32_t
bed_crypto_backlog(const struct bed *bed)
{
	uint32_t n = 0;
	unsigned int i;

	for (i = 0; i < bed->p.env.n_crypto; i++)
		n += fq_backlog_packets(bed->p.crypto[i]->queue);
	return n;
}

/* The gateway makes a session with a peer; of the stages only RX runs. */
static inline void
bed_handshake(struct bed *bed, uint32_t id)
{
	wg_device_session_wanted(bed->gateway.dev, id, bed->now);
	bed_deliver(bed);
	bed_deliver(bed);
	bed_rx(bed);
	bed_handshakes(bed);
}

/* One poll of each kind of stage, at this instant. */
static inline void
bed_poll(struct bed *bed)
{
	bed_rx(bed);
	bed_crypto(bed);
	bed_tx(bed);
	bed_collect(bed, LAN, UINT_MAX);
	bed_collect(bed, WAN, UINT_MAX);
}

/* The same every 100 us for so long. */
static inline void
bed_pass(struct bed *bed, uint64_t ns)
{
	uint64_t until = bed->now + ns;

	for (; bed->now < until; bed->now += 100 * US)
		bed_poll(bed);
}

/* Until nothing moves any more. */
static inline void
bed_settle(struct bed *bed)
{
	unsigned int i, n, quiet;

	for (quiet = 0; quiet < 3;) {
		uint64_t before = bed->collected + bed->fed;

		n = bed->net_held ? 0 : bed->n_net;
		for (i = 0; i < bed->p.n_workers; i++)
			n += bed_worker(bed, i);
		bed_control(bed);
		bed_collect(bed, LAN, UINT_MAX);
		bed_collect(bed, WAN, UINT_MAX);
		bed->now += US;
		quiet = n || before != bed->collected + bed->fed ? 0 : quiet + 1;
	}
}

/*
 * Books.
 */
static inline uint64_t
bed_sum(const struct tg_counters *c)
{
	uint64_t sum = 0;
	unsigned int why;

	for (why = 0; why < TG_DROP_COUNT; why++)
		sum += c->drops[why];
	return sum;
}

static inline const struct tg_counters *
bed_counters(const struct bed *bed, enum tg_stage_kind kind, unsigned int i)
{
	switch (kind) {
	case TG_STAGE_RX:
		return &bed->p.rx[i]->counters;
	case TG_STAGE_CRYPTO:
		return &bed->p.crypto[i]->counters;
	case TG_STAGE_HANDSHAKE:
		return &bed->p.handshake[i]->counters;
	default:
		return &bed->p.tx[i]->counters;
	}
}

static inline unsigned int
bed_stages(const struct bed *bed, enum tg_stage_kind kind)
{
	const uint16_t n[] = {
		bed->p.env.n_rx, bed->p.env.n_crypto, bed->p.env.n_tx, bed->p.env.n_handshake};

	return n[kind];
}

/* Over all instances of a stage. */
static inline uint64_t
bed_drops(const struct bed *bed, enum tg_stage_kind kind, enum tg_drop why)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < bed_stages(bed, kind); i++)
		sum += bed_counters(bed, kind, i)->drops[why];
	return sum;
}

static inline uint64_t
bed_all_drops(const struct bed *bed)
{
	uint64_t sum = 0;
	unsigned int kind, i;

	for (kind = 0; kind < TG_STAGE_KINDS; kind++)
		for (i = 0; i < bed_stages(bed, kind); i++)
			sum += bed_sum(bed_counters(bed, kind, i));
	return sum;
}

/* Nothing waits for a closed tin, in the rings or in the books. */
static inline void
bed_assert_nothing_held(const struct bed *bed)
{
	unsigned int i, slot;

	for (i = 0; i < bed->p.env.n_crypto; i++) {
		assert_int_equal(bed->p.crypto[i]->n_held, 0);
		assert_int_equal(bed->p.crypto[i]->n_parked, 0);
		assert_int_equal(bed->p.crypto[i]->lane->waiting, 0);
		for (slot = 0; slot < wg_peer_slots(bed->max_peers); slot++) {
			const struct tg_lane_peer *peer = &bed->p.crypto[i]->lane->peers[slot];

			assert_int_equal(peer->waiting, 0);
			assert_int_equal(peer->held, 0);
			assert_int_equal(peer->parked, 0);
		}
	}
	for (i = 0; i < bed->p.env.n_tx; i++)
		assert_int_equal(fq_backlog_packets(bed->p.tx[i]->staging), 0);
}

/* ICMP errors and fragments. */
static inline uint64_t
bed_made(const struct tg_counters *c)
{
	return c->icmp + c->fragments;
}

static inline uint64_t
bed_all_made(const struct bed *bed)
{
	uint64_t sum = 0;
	unsigned int kind, i;

	for (kind = 0; kind < TG_STAGE_KINDS; kind++)
		for (i = 0; i < bed_stages(bed, kind); i++)
			sum += bed_made(bed_counters(bed, kind, i));
	return sum;
}

/* When nothing is queued: what went in came out or was dropped, in all and stage by stage. */
static inline void
bed_assert_conserved(const struct bed *bed)
{
	unsigned int kind, i;

	assert_int_equal(bed->fed + bed_all_made(bed), bed->collected + bed_all_drops(bed));
	for (kind = 0; kind < TG_STAGE_KINDS; kind++)
		for (i = 0; i < bed_stages(bed, kind); i++) {
			const struct tg_counters *c = bed_counters(bed, kind, i);

			assert_int_equal(c->in + bed_made(c), c->out + bed_sum(c));
		}
	assert_int_equal(rte_mempool_avail_count(bed->p.env.pool), bed->p.env.pool->size);
}

static inline void
bed_assert_all_arrived(const struct bed *bed)
{
	unsigned int f;

	for (f = 0; f < BED_FLOWS; f++)
		assert_int_equal(bed->flows[f].got, bed->flows[f].sent);
}

/*
 * Setting up.
 */
static inline void
bed_route(
	struct bed *bed, const char *prefix, unsigned int len, enum tg_hop_type type, uint16_t port)
{
	struct tg_fib_route r = {.type = type, .port = port};

	r.prefix.family = strchr(prefix, ':') ? AF_INET6 : AF_INET;
	r.prefix.len = (uint8_t)len;
	r.local = r.own = type == TG_HOP_LOCAL;
	assert_int_equal(inet_pton(r.prefix.family, prefix, r.prefix.addr), 1);
	assert_int_equal(tg_fib_route_set(bed->p.env.fib, &r, TG_FIB_ADDED), TG_FIB_CHANGED);
}

/* Over a router of that port. */
static inline void
bed_route_by(
	struct bed *bed, const char *prefix, uint8_t len, uint16_t port, const uint8_t router[4])
{
	struct tg_fib_route r = {.type = TG_HOP_ETHER, .port = port, .family = AF_INET};

	r.prefix = (struct lpm_prefix){.family = AF_INET, .len = len};
	memcpy(r.gateway, router, 4);
	assert_int_equal(inet_pton(AF_INET, prefix, r.prefix.addr), 1);
	assert_int_equal(tg_fib_route_set(bed->p.env.fib, &r, TG_FIB_ADDED), TG_FIB_CHANGED);
}

static inline void
bed_neighbour(struct bed *bed, uint16_t port, uint16_t family, const uint8_t *addr, bool known)
{
	struct tg_fib_neigh n = {.port = port,
		.family = family,
		.addr = addr,
		.mac = known ? &bed_neighbour_mac : NULL};
	struct tg_hop *resolved;

	assert_int_equal(tg_fib_neigh_set(bed->p.env.fib, &n, &resolved), 0);
}

static inline void
bed_fill_fib(struct bed *bed, uint16_t mtu)
{
	struct tg_fib *fib = bed->p.env.fib;
	uint8_t addr[16];
	unsigned int i;

	for (i = 0; i < BED_PORTS; i++) {
		assert_int_equal(tg_fib_add_port(fib, (uint16_t)i), 0);
		tg_fib_set_mtu(fib, (uint16_t)i, mtu);
	}
	tg_fib_set_mtu(fib, TG_FIB_TUNNEL, mtu - BED_OVERHEAD);
	bed_route(bed, "10.1.0.0", 24, TG_HOP_ON_LINK, LAN);
	bed_route(bed, "fd01::", 64, TG_HOP_ON_LINK, LAN);
	bed_route(bed, "192.0.2.0", 24, TG_HOP_ON_LINK, WAN);
	bed_route(bed, "2001:db8::", 64, TG_HOP_ON_LINK, WAN);
	bed_route(bed, "10.1.0.1", 32, TG_HOP_LOCAL, LAN);
	bed_route(bed, "192.0.2.1", 32, TG_HOP_LOCAL, WAN);
	bed_route(bed, "2001:db8::1", 128, TG_HOP_LOCAL, WAN);
	bed_route(bed, "10.2.0.0", 16, TG_HOP_TUNNEL, 0);
	bed_route(bed, "fd02::", 16, TG_HOP_TUNNEL, 0);
	bed_route(bed, "10.66.0.0", 16, TG_HOP_PROHIBIT, 0);
	bed_route(bed, "10.77.0.0", 16, TG_HOP_KERNEL, 0);
	bed_host(BED_LAN, AF_INET, addr);
	bed_neighbour(bed, LAN, AF_INET, addr, true);
	bed_host(BED_LAN, AF_INET6, addr);
	bed_neighbour(bed, LAN, AF_INET6, addr, true);
	for (i = 0; i < BED_PEERS; i++)
		bed_neighbour(bed, WAN, bed_family(i), bed->peers[i].address.addr, true);
}

/* Introduces who to a device, with one prefix per family. */
/* endpoint may be NULL: not known. */
static inline void
bed_introduce(struct bed_side *to, const struct bed_side *who, const struct wg_endpoint *endpoint)
{
	struct lpm_prefix p4 = {.family = AF_INET, .len = 24};
	struct lpm_prefix p6 = {.family = AF_INET6, .len = 64};
	struct wg_update_peer *up;
	struct wg_update u;

	wg_update_init(&u);
	up = wg_update_add_peer(&u);
	memcpy(up->public_key, who->public_key, WG_KEY_LEN);
	up->has_endpoint = endpoint != NULL;
	if (endpoint)
		up->endpoint = *endpoint;
	if (who->number < BED_PEERS) {
		bed_host(who->number, AF_INET, p4.addr);
		bed_host(who->number, AF_INET6, p6.addr);
		wg_update_add_allowed(up)->prefix = p4;
		wg_update_add_allowed(up)->prefix = p6;
	}
	assert_int_equal(wg_device_apply(to->dev, &u, to->bed->now), 0);
	wg_update_free(&u);
}

static inline void
bed_remove_peer(struct bed *bed, unsigned int peer)
{
	struct wg_update_peer *up;
	struct wg_update u;

	wg_update_init(&u);
	up = wg_update_add_peer(&u);
	memcpy(up->public_key, bed->peers[peer].public_key, WG_KEY_LEN);
	up->remove = true;
	assert_int_equal(wg_device_apply(bed->gateway.dev, &u, bed->now), 0);
	wg_update_free(&u);
}

static inline struct wg_peer *
bed_peer(struct bed *bed, unsigned int peer)
{
	return peer_of_key(bed->gateway.dev, bed->peers[peer].public_key);
}

static inline void
bed_make_side(struct bed *bed, struct bed_side *side, unsigned int number, uint32_t max_peers,
	uint32_t lanes)
{
	struct wg_device_params params = {.max_peers = max_peers,
		.lanes = lanes,
		.rcu = bed->rcu,
		.ops = &bed_ops,
		.ctx = side};
	struct wg_update u;

	side->bed = bed;
	side->number = number;
	side->dev = wg_device_create(&params);
	assert_non_null(side->dev);
	wg_update_init(&u);
	u.has_private_key = true;
	memset(u.private_key, (int)(0x11 + number), WG_KEY_LEN);
	assert_int_equal(wg_device_apply(side->dev, &u, bed->now), 0);
	wg_update_free(&u);
	memcpy(side->public_key, wg_device_identity(side->dev)->public_key, WG_KEY_LEN);
}

static inline struct rte_ring *
bed_ring(const char *what, unsigned int port, unsigned int queue, unsigned int size)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *r;

	snprintf(name, sizeof(name), "bed_%s%u_%u", what, port, queue);
	r = rte_ring_create(name, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	assert_non_null(r);
	return r;
}

static inline void
bed_make_port(struct bed *bed, unsigned int port, uint16_t n_tx, unsigned int tx_ring)
{
	static unsigned int serial;
	struct tg_port *p = &bed->p.env.ports[port];
	struct rte_eth_conf conf = {0};
	char name[32];
	uint16_t q;
	int id;

	bed->in[port] = bed_ring("in", port, 0, BED_RING);
	for (q = 0; q < n_tx; q++)
		bed->out[port][q] = bed_ring("out", port, q, tx_ring);
	snprintf(name, sizeof(name), "bed%u", serial++);
	id = rte_eth_from_rings(name, &bed->in[port], 1, bed->out[port], n_tx, 0);
	assert_true(id >= 0);
	*p = (struct tg_port){.id = (uint16_t)id, .n_rxq = 1, .n_txq = n_tx, .mac = bed_mac[port]};
	assert_int_equal(rte_eth_dev_configure(p->id, 1, n_tx, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup(p->id, 0, 64, 0, NULL, bed->p.env.pool), 0);
	for (q = 0; q < n_tx; q++)
		assert_int_equal(rte_eth_tx_queue_setup(p->id, q, 64, 0, NULL), 0);
	assert_int_equal(rte_eth_dev_start(p->id), 0);
}

struct bed_params {
	const struct bed_map *map;
	uint64_t seed;
	uint32_t max_peers; /* 0: BED_PEERS */
	uint32_t mbufs; /* 0: BED_MBUFS; the pool, and what the queues' limits come from */
	uint16_t mtu; /* 0: BED_MTU; of the ports, and what mbufs have room for */
	bool udp_csum; /* of the ports */
	uint32_t tx_ring; /* 0: BED_RING; of each TX queue of the ports */
	const struct tg_queue_options *queue; /* NULL: what the command line has by default */
	unsigned int cache; /* of the pool */
	bool threads; /* time is tg_now(), workers sleep when idle */
};

static inline void
bed_make_devices(struct bed *bed, uint32_t max_peers, uint32_t lanes)
{
	struct wg_endpoint e;
	unsigned int i;

	bed_make_side(bed, &bed->gateway, BED_PEERS, max_peers, lanes);
	bed->gateway.address = bed_endpoint(1, AF_INET);
	bed->p.env.dev = bed->gateway.dev;
	for (i = 0; i < BED_PEERS; i++) {
		bed_make_side(bed, &bed->peers[i], i, 1, 1);
		bed->peers[i].address = bed_endpoint((uint8_t)(10 + i), bed_family(i));
		e = bed_endpoint(1, bed_family(i));
		bed_introduce(&bed->peers[i], &bed->gateway, &e);
	}
}

static inline struct bed *
bed_create(const struct bed_params *params)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	uint16_t mtu = params->mtu ? params->mtu : BED_MTU;
	uint32_t mbufs = params->mbufs ? params->mbufs : BED_MBUFS;
	struct tg_queue_options defaults;
	struct tg_pipeline_params pp = {.map = &params->map->lcores,
		.max_peers = params->max_peers ? params->max_peers : BED_PEERS,
		.mbufs = mbufs,
		.adaptive = params->threads,
		.queue = params->queue ? params->queue : &defaults};
	char error[TG_ERROR_LEN];
	unsigned int i;

	assert_non_null(bed);
	tg_queue_options_default(&defaults);
	defaults.encrypt_at_dequeue = params->map->encrypt_at_dequeue;
	bed->seed = params->seed;
	bed->now = params->threads ? tg_now() : 1000 * S;
	bed->rcu = pp.rcu = rcu_create(RTE_MAX_LCORE);
	bed->p.env.pool = rte_pktmbuf_pool_create(
		"bed", mbufs, params->cache, 0, tg_port_buffer_size(mtu), 0);
	assert_non_null(bed->p.env.pool);
	bed->p.env.fib = tg_fib_create(bed->rcu);
	bed->p.env.trunks = tg_trunks_create();
	bed->p.env.salt = bed_random(bed);
	bed->p.env.listen_port = htons(BED_WG_PORT);
	bed->p.env.n_ports = BED_PORTS;
	bed->max_peers = pp.max_peers;
	tg_paths_init(&bed->paths, &bed->p.env, bed->rcu);
	bed_make_devices(bed, pp.max_peers, params->map->lcores.n[TG_STAGE_CRYPTO]);
	for (i = 0; i < BED_PORTS; i++)
		bed_make_port(bed, i, params->map->lcores.n[TG_STAGE_TX],
			params->tx_ring ? params->tx_ring : BED_RING);
	for (i = 0; i < BED_PORTS; i++)
		bed->p.env.ports[i].udp_csum = params->udp_csum;
	bed_fill_fib(bed, mtu);
	assert_int_equal(tg_pipeline_create(&bed->p, &pp, error), 0);
	assert_int_equal(bed->p.n_workers, params->map->workers);
	/* In virtual time a burst is 32 packets, however long this machine is away. */
	for (i = 0; i < bed->p.env.n_crypto && !params->threads; i++)
		bed->p.crypto[i]->burst_cycles = UINT64_MAX;
	return bed;
}

static inline void
bed_know(struct bed *bed, unsigned int peer)
{
	struct wg_endpoint e = bed_endpoint_of(peer);

	bed_introduce(&bed->gateway, &bed->peers[peer], &e);
}

static inline void
bed_know_all(struct bed *bed)
{
	unsigned int i;

	for (i = 0; i < BED_PEERS; i++)
		bed_know(bed, i);
}

/* A session, begun by the remote: both ends can send. */
static inline void
bed_connect(struct bed *bed, unsigned int peer)
{
	struct wg_peer *gw = peer_of_key(bed->peers[peer].dev, bed->gateway.public_key);

	wg_device_session_wanted(bed->peers[peer].dev, gw->id, bed->now);
	bed_settle(bed);
	assert_non_null(wg_peer_session(gw, bed->now));
	assert_non_null(wg_peer_session(bed_peer(bed, peer), bed->now));
}

static inline void
bed_connect_all(struct bed *bed)
{
	unsigned int i;

	for (i = 0; i < BED_PEERS; i++)
		bed_connect(bed, i);
}

static inline void
bed_close_port(struct bed *bed, unsigned int port)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	unsigned int q;

	assert_int_equal(rte_eth_dev_get_name_by_port(bed->p.env.ports[port].id, name), 0);
	rte_eth_dev_stop(bed->p.env.ports[port].id);
	rte_eth_dev_close(bed->p.env.ports[port].id);
	rte_ring_free(bed->in[port]);
	for (q = 0; q < bed->p.env.n_tx; q++)
		rte_ring_free(bed->out[port][q]);
}

/* Frees all; whatever was still queued must go back to the pool. */
static inline void
bed_destroy(struct bed *bed)
{
	unsigned int i;

	tg_pipeline_drain(&bed->p);
	assert_int_equal(bed->fed + bed_all_made(bed), bed->collected + bed_all_drops(bed));
	assert_int_equal(rte_mempool_avail_count(bed->p.env.pool), bed->p.env.pool->size);
	for (i = 0; i < BED_PEERS; i++)
		wg_device_destroy(bed->peers[i].dev);
	wg_device_destroy(bed->gateway.dev);
	for (i = 0; i < BED_PORTS; i++)
		bed_close_port(bed, i);
	tg_pipeline_destroy(&bed->p);
	rcu_barrier(bed->rcu);
	for (i = 0; i < TG_TRUNKS; i++)
		assert_null(bed->p.env.trunks[i].path.hop);
	tg_trunks_destroy(bed->p.env.trunks);
	tg_fib_destroy(bed->p.env.fib);
	rcu_destroy(bed->rcu);
	rte_mempool_free(bed->p.env.pool);
	free(bed);
}

/* The end of a test in which all packets have come through. */
static inline void
bed_finish(struct bed *bed)
{
	bed_assert_nothing_held(bed);
	bed_assert_conserved(bed);
	bed_destroy(bed);
}

static inline int
bed_init(void)
{
	if (test_eal_init() || tg_meta_register() || sodium_init() < 0)
		return -1;
	tg_clock_init();
	return 0;
}

/* For main(): run() finds the lcore map to test with in *map. */
static inline int
bed_run_with_each_map(const struct bed_map **map, int (*run)(void))
{
	if (bed_init())
		return 1;
	for (*map = bed_maps; *map < &bed_maps[RTE_DIM(bed_maps)]; (*map)++)
		if (run())
			return 1;
	return 0;
}

#endif
