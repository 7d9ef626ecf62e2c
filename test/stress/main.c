/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control updates against running stages: for some seconds, peers come and go, restart and move,
 * and prefixes change hands, as fast as they can, while workers seal and open. Every packet
 * says which prefix it is for or from, who sent it, and after how many changes (versions) it was
 * sent:
 *
 *   - a message that comes out opens with a key of a peer that owned the packet's destination at
 *     some time since it was sent, and goes to that peer's address;
 *   - a packet that comes out was sent by a peer that owned its source at some time since;
 *   - no (key, counter) comes out twice.
 *
 * Keys are remembered by the test when handshakes end, so that no device under test is asked.
 */
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "handover.h"
#include "nonces.h"
#include "owners.h"
#include "test_pipeline.h"

#define KEYS_MAX (1u << 16)
#define PATIENCE (60 * S)
#define QUEUE_MAX                                                                                  \
	128 /* in a port's ring, so that updates meet packets everywhere, not a backlog            \
	     */

struct key {
	uint32_t index;
	uint32_t peer;
	uint8_t key[WG_KEY_LEN];
};

/* How every payload begins. */
struct tag {
	uint32_t magic;
	uint32_t from; /* peer, or BED_LAN */
	uint32_t source, destination; /* prefixes, or BED_LAN */
	uint64_t version;
};

struct stress {
	struct bed *bed;
	struct owners owners;
	struct key *keys; /* open addressing by index; peer BED_PEERS + 1: free */
	unsigned int n_keys;
	struct soak_nonces nonces;
	uint64_t updates, restarts, to_peers, from_peers, unowned, keepalives;
};

static void
require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "stress: %s\n", what);
	abort();
}

/*
 * Keys.
 */
static struct key *
key_slot(const struct stress *s, uint32_t index, const uint8_t *key)
{
	unsigned int i = index % KEYS_MAX;

	while (s->keys[i].peer <= BED_PEERS &&
		(s->keys[i].index != index || memcmp(s->keys[i].key, key, WG_KEY_LEN) != 0))
		i = (i + 1) % KEYS_MAX;
	return &s->keys[i];
}

static void
remember(struct stress *s, uint32_t peer, const struct wg_keypair *kp)
{
	struct key *k;

	if (!kp)
		return;
	k = key_slot(s, kp->local_index, kp->recv_key);
	s->n_keys += k->peer > BED_PEERS;
	require(s->n_keys < KEYS_MAX / 2, "too many keys");
	k->index = kp->local_index;
	k->peer = peer;
	memcpy(k->key, kp->recv_key, WG_KEY_LEN);
}

static void
remember_all(struct stress *s, uint32_t peer)
{
	struct bed_side *side = &s->bed->peers[peer];
	struct wg_peer *gw = peer_of_key(side->dev, s->bed->gateway.public_key);

	remember(s, peer, atomic_load(&gw->current));
	remember(s, peer, gw->next);
	remember(s, peer, gw->previous);
}

/* Whose key opens it; the text and its length. */
static const struct key *
open_message(const struct stress *s, const uint8_t *p, size_t len, uint8_t *text, size_t *n)
{
	const struct wg_data *msg = (const void *)p;
	uint32_t index = rte_le_to_cpu_32(msg->receiver);
	unsigned long long m;
	uint8_t nonce[12];

	bed_nonce(nonce, rte_le_to_cpu_64(msg->counter));
	for (unsigned int i = index % KEYS_MAX; s->keys[i].peer <= BED_PEERS;
		i = (i + 1) % KEYS_MAX) {
		if (s->keys[i].index != index ||
			crypto_aead_chacha20poly1305_ietf_decrypt(text, &m, NULL, p + sizeof(*msg),
				len - sizeof(*msg), NULL, 0, nonce, s->keys[i].key))
			continue;
		*n = m;
		return &s->keys[i];
	}
	return NULL;
}

/*
 * What comes out.
 */
static struct tag
tag_of(const uint8_t *ip)
{
	struct tag t;

	memcpy(&t, ip + (ip[0] >> 4 == 4 ? 28 : 48), sizeof(t));
	require(t.magic == BED_GOOD, "what came out is not what went in");
	return t;
}

static void
check_source(struct stress *s, const struct tag *t)
{
	if (t->from == BED_LAN)
		return;
	require(owners_had(&s->owners, t->source, t->from, t->version),
		"accepted from a peer that did not own the source");
	s->from_peers++;
}

static void
check_message(struct stress *s, const uint8_t *ip)
{
	bool v4 = ip[0] >> 4 == 4;
	const struct rte_udp_hdr *udp = (const void *)(ip + (v4 ? 20 : 40));
	const uint8_t *msg = (const uint8_t *)(udp + 1);
	uint8_t text[2048];
	const struct key *k;
	struct tag t;
	size_t n;

	k = open_message(s, msg, ntohs(udp->dgram_len) - sizeof(*udp), text, &n);
	require(k != NULL, "sealed with a key that no peer has");
	require(memcmp(s->bed->peers[k->peer].address.addr, ip + (v4 ? 16 : 24), v4 ? 4 : 16) == 0,
		"sealed for one peer, sent to another");
	require(soak_nonces_add(&s->nonces, k->key,
			rte_le_to_cpu_64(((const struct wg_data *)(const void *)msg)->counter)),
		"a counter came out twice");
	if (!n) {
		s->keepalives++;
		return;
	}
	t = tag_of(text);
	require(owners_had(&s->owners, t.destination, k->peer, t.version),
		"sealed for a peer that did not own the destination");
	check_source(s, &t);
	s->to_peers++;
}

static void
came_out(struct stress *s, unsigned int port, struct rte_mbuf *m)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, RTE_ETHER_HDR_LEN);
	struct tag t;

	s->bed->collected++;
	if (port == WAN) {
		check_message(s, ip);
	} else {
		t = tag_of(ip);
		require(t.destination == BED_LAN, "out of the wrong port");
		check_source(s, &t);
	}
	rte_pktmbuf_free(m);
}

static void
collect(struct stress *s)
{
	for (unsigned int port = 0; port < BED_PORTS; port++) {
		void *m;

		while (rte_ring_sc_dequeue(s->bed->out[port][0], &m) == 0) {
			handover_taken();
			came_out(s, port, m);
		}
	}
}

/*
 * Control.
 */
static unsigned int
peer_at(const struct bed *bed, const struct wg_endpoint *e)
{
	unsigned int i = 0;

	while (memcmp(bed->peers[i].address.addr, e->addr, sizeof(e->addr)) != 0)
		i++;
	return i;
}

/* Handshake messages; those to the gateway by way of its port. */
static void
deliver(struct stress *s)
{
	struct bed *bed = s->bed;

	for (unsigned int i = 0; i < bed->n_net; i++) {
		struct bed_message *m = &bed->net[i];

		if (m->to < BED_PEERS) {
			wg_device_receive(
				bed->peers[m->to].dev, m->bytes, m->len, &m->from, false, bed->now);
			remember_all(s, m->to);
		} else {
			bed_feed(bed, WAN,
				bed_outer(bed, peer_at(bed, &m->from), m->bytes, m->len, 0));
		}
	}
	bed->n_net = 0;
}

static void
control(struct stress *s)
{
	struct bed *bed = s->bed;

	bed->now = tg_now();
	bed_events(bed);
	bed_handshakes(bed);
	bed_local(bed);
	deliver(s);
	bed_commands(bed);
	wg_device_tick(bed->gateway.dev, bed->now);
	for (unsigned int i = 0; i < BED_PEERS; i++)
		wg_device_tick(bed->peers[i].dev, bed->now);
	rcu_reclaim(bed->rcu);
	collect(s);
}

/*
 * Updates.
 */
static void
add_prefixes(struct wg_update_peer *up, unsigned int prefix, bool remove)
{
	const uint16_t family[] = {AF_INET, AF_INET6};

	for (unsigned int i = 0; i < RTE_DIM(family); i++) {
		struct wg_update_allowed *a = wg_update_add_allowed(up);

		a->prefix.family = family[i];
		a->prefix.len = family[i] == AF_INET ? 24 : 64;
		bed_host(prefix, family[i], a->prefix.addr);
		a->remove = remove;
	}
}

static struct wg_update_peer *
also_about(struct stress *s, struct wg_update *u, unsigned int peer)
{
	struct wg_update_peer *up = wg_update_add_peer(u);

	memcpy(up->public_key, s->bed->peers[peer].public_key, WG_KEY_LEN);
	up->update_only = true;
	return up;
}

static struct wg_update_peer *
about(struct stress *s, struct wg_update *u, unsigned int peer)
{
	wg_update_init(u);
	return also_about(s, u, peer);
}

static void
apply(struct stress *s, struct wg_update *u)
{
	require(!wg_device_apply(s->bed->gateway.dev, u, s->bed->now), "an update failed");
	wg_update_free(u);
	s->updates++;
}

static void
remove_peer(struct stress *s, unsigned int peer)
{
	struct wg_update u;

	about(s, &u, peer)->remove = true;
	apply(s, &u);
	owners_lose_all(&s->owners, peer);
}

/* With the prefix of its number. */
static void
describe(struct stress *s, struct wg_update_peer *up, unsigned int peer)
{
	up->update_only = false;
	up->has_endpoint = true;
	up->endpoint = s->bed->peers[peer].address;
	add_prefixes(up, peer, false);
}

static void
add_peer(struct stress *s, unsigned int peer)
{
	struct wg_update u;

	describe(s, about(s, &u, peer), peer);
	apply(s, &u);
	owners_set(&s->owners, peer, peer);
}

/* All in one update: each comes back under another id, in a slot that others have had. */
static void
swap_peers(struct stress *s, unsigned int a, unsigned int b)
{
	struct wg_update u;

	about(s, &u, a)->remove = true;
	also_about(s, &u, b)->remove = true;
	describe(s, also_about(s, &u, b), b);
	describe(s, also_about(s, &u, a), a);
	apply(s, &u);
	owners_lose_all(&s->owners, a);
	owners_lose_all(&s->owners, b);
	owners_set(&s->owners, a, a);
	owners_set(&s->owners, b, b);
}

static void
move_prefix(struct stress *s, unsigned int prefix, unsigned int to)
{
	struct wg_update u;

	if (!bed_peer(s->bed, to))
		return;
	add_prefixes(about(s, &u, to), prefix, false);
	apply(s, &u);
	owners_set(&s->owners, prefix, to);
}

static void
take_prefix(struct stress *s, unsigned int prefix)
{
	unsigned int owner = owners_now(&s->owners, prefix);
	struct wg_update u;

	if (owner == OWNER_NONE)
		return;
	add_prefixes(about(s, &u, owner), prefix, true);
	apply(s, &u);
	owners_set(&s->owners, prefix, OWNER_NONE);
}

/* Another port; the gateway is told, or finds out. */
static void
move_peer(struct stress *s, unsigned int peer, bool tell)
{
	struct wg_endpoint *e = &s->bed->peers[peer].address;
	struct wg_update_peer *up;
	struct wg_update u;

	e->port = htons((uint16_t)(1024 + bed_below(s->bed, 1000)));
	if (!tell)
		return;
	up = about(s, &u, peer);
	up->has_endpoint = true;
	up->endpoint = *e;
	apply(s, &u);
}

static void
want_session(struct stress *s, unsigned int peer)
{
	struct bed_side *side = &s->bed->peers[peer];
	struct wg_peer *gw = peer_of_key(side->dev, s->bed->gateway.public_key);

	wg_device_session_wanted(side->dev, gw->id, s->bed->now);
}

/* It comes back with nothing but its key, and begins a session. */
static void
restart(struct stress *s, unsigned int peer)
{
	struct bed *bed = s->bed;
	struct wg_endpoint e = bed_endpoint(1, bed_family(peer));

	wg_device_destroy(bed->peers[peer].dev);
	bed_make_side(bed, &bed->peers[peer], peer, 1, 1);
	bed_introduce(&bed->peers[peer], &bed->gateway, &e);
	want_session(s, peer);
	s->restarts++;
}

static void
update(struct stress *s)
{
	unsigned int peer = bed_below(s->bed, BED_PEERS), prefix = bed_below(s->bed, BED_PEERS);
	unsigned int dice = bed_below(s->bed, 100);

	if (dice < 50)
		move_prefix(s, prefix, peer);
	else if (dice < 60)
		take_prefix(s, prefix);
	else if (dice < 75)
		move_peer(s, peer, dice % 2);
	else if (dice < 80 && peer != prefix)
		swap_peers(s, peer, prefix);
	else if (dice < 90)
		restart(s, peer);
	else if (!bed_peer(s->bed, peer))
		add_peer(s, peer);
	else if (dice < 92)
		remove_peer(s, peer);
}

/*
 * What goes in.
 */
static uint16_t
packet(struct stress *s, uint8_t *p, const struct tag *t)
{
	bool v4 = bed_below(s->bed, 3);
	uint16_t family = v4 ? AF_INET : AF_INET6, port = (uint16_t)bed_below(s->bed, 64);
	uint8_t src[16], dst[16];

	bed_host(t->source, family, src);
	bed_host(t->destination, family, dst);
	return v4 ? bed_udp4(p, src, dst, 1000 + port, 9, t, sizeof(*t))
		  : bed_udp6(p, src, dst, 1000 + port, 9, t, sizeof(*t));
}

static void
send_down(struct stress *s)
{
	struct tag t = {.magic = BED_GOOD,
		.from = BED_LAN,
		.source = BED_LAN,
		.destination = bed_below(s->bed, BED_PEERS),
		.version = s->owners.version};
	uint8_t p[256];
	uint16_t len = packet(s, p, &t);

	bed_feed(s->bed, LAN, bed_frame(s->bed, LAN, p, len));
}

/* From a source that is the sender's, mostly; to the LAN or to another peer. */
static void
send_up(struct stress *s)
{
	unsigned int peer = bed_below(s->bed, BED_PEERS);
	struct bed_side *side = &s->bed->peers[peer];
	struct wg_peer *gw = peer_of_key(side->dev, s->bed->gateway.public_key);
	struct tag t = {.magic = BED_GOOD,
		.from = peer,
		.source = bed_below(s->bed, BED_PEERS),
		.destination = bed_below(s->bed, 2) ? BED_LAN : bed_below(s->bed, BED_PEERS),
		.version = s->owners.version};
	uint8_t p[256];

	if (!wg_peer_session(gw, s->bed->now))
		return;
	if (bed_below(s->bed, 4) && owners_now(&s->owners, t.source) != peer)
		t.source = owners_one_of(&s->owners, peer, t.source);
	s->unowned += owners_now(&s->owners, t.source) != peer;
	bed_remote_send(s->bed, peer, p, packet(s, p, &t));
}

static bool
has_room(const struct bed *bed)
{
	return rte_ring_count(bed->in[LAN]) < QUEUE_MAX &&
		rte_ring_count(bed->in[WAN]) < QUEUE_MAX &&
		rte_mempool_avail_count(bed->p.env.pool) > BED_MBUFS / 2;
}

/* To say anything. */
static bool
is_enough(const struct stress *s)
{
	return s->updates > 100 && s->restarts > 10 && s->to_peers > 1000 && s->from_peers > 1000;
}

/* On a busy machine for longer than asked for. */
static void
run(struct stress *s, unsigned int seconds)
{
	uint64_t end = tg_now() + seconds * S, patience = end + PATIENCE;

	while (s->bed->now < end || (!is_enough(s) && s->bed->now < patience)) {
		control(s);
		for (unsigned int i = 0; i < 16 && has_room(s->bed); i++)
			bed_below(s->bed, 2) ? send_down(s) : send_up(s);
		if (bed_below(s->bed, 4) == 0)
			update(s);
	}
}

/* Without peers nothing can wait. */
static void
finish(struct stress *s)
{
	for (unsigned int i = 0; i < BED_PEERS; i++)
		if (bed_peer(s->bed, i))
			remove_peer(s, i);
	for (unsigned int quiet = 0; quiet < 1000; quiet++) {
		uint64_t before = s->bed->collected;

		control(s);
		usleep(50);
		quiet = before != s->bed->collected || rte_ring_count(s->bed->in[LAN]) ||
				rte_ring_count(s->bed->in[WAN])
			? 0
			: quiet;
	}
}

static void *
thread(void *worker)
{
	rte_thread_register();
	tg_worker_run(worker);
	rte_thread_unregister();
	return NULL;
}

static void
report(const struct stress *s)
{
	uint64_t refused = bed_drops(s->bed, TG_STAGE_CRYPTO, TG_DROP_SOURCE);

	printf("%" PRIu64 " updates, %" PRIu64 " restarts, %u keys; %" PRIu64
	       " packets to peers, %" PRIu64 " from peers, %" PRIu64
	       " sent from a source not the sender's, %" PRIu64 " refused for it\n",
		s->updates, s->restarts, s->n_keys, s->to_peers, s->from_peers, s->unowned,
		refused);
	require(is_enough(s), "too few updates or packets to say anything");
	require(refused > 0, "nothing was refused");
}

static void
stress(const struct bed_map *map, unsigned int seconds, uint64_t seed)
{
	struct stress s = {0};
	pthread_t threads[RTE_MAX_LCORE];
	/* To peers 0, 2 and 4; the others are next hops themselves. */
	static const uint8_t router[4] = {192, 0, 2, 254};

	printf("%s: ", map->name);
	s.bed = bed_create(
		&(struct bed_params){.map = map, .seed = seed, .cache = 64, .threads = true});
	bed_route_by(s.bed, "192.0.2.8", 29, WAN, router);
	bed_neighbour(s.bed, WAN, AF_INET, router, true);
	owners_create(&s.owners, BED_PEERS);
	s.keys = calloc(KEYS_MAX, sizeof(*s.keys));
	require(s.keys != NULL, "out of memory");
	for (unsigned int i = 0; i < KEYS_MAX; i++)
		s.keys[i].peer = BED_PEERS + 1;
	for (unsigned int i = 0; i < BED_PEERS; i++) {
		add_peer(&s, i);
		want_session(&s, i);
	}
	for (unsigned int i = 0; i < BED_PORTS; i++)
		require(!handover_port(s.bed->p.env.ports[i].id, s.bed->in[i]), "callbacks");
	for (unsigned int i = 0; i < s.bed->p.n_workers; i++)
		require(!pthread_create(&threads[i], NULL, thread, &s.bed->p.workers[i]),
			"threads");
	run(&s, seconds);
	finish(&s);
	atomic_store(&s.bed->p.stop, true);
	for (unsigned int i = 0; i < s.bed->p.n_workers; i++)
		require(!pthread_join(threads[i], NULL), "threads");
	report(&s);
	bed_assert_nothing_held(s.bed);
	for (unsigned int i = 0; i < BED_PORTS; i++)
		handover_port_end(s.bed->p.env.ports[i].id);
	bed_destroy(s.bed);
	owners_destroy(&s.owners);
	soak_nonces_free(&s.nonces);
	free(s.keys);
}

int
main(int argc, char **argv)
{
	/* 2 workers, 3 workers, and several crypto stages that seal under the same sessions. */
	static const unsigned int maps[] = {1, 2, 3};
	unsigned int seconds = 60, seed = 1;

	if (argc > 3 || (argc > 1 && sscanf(argv[1], "%u", &seconds) != 1) ||
		(argc > 2 && sscanf(argv[2], "%u", &seed) != 1) || !seconds) {
		fprintf(stderr, "usage: stress [SECONDS [SEED]] (60 1)\n");
		return 2;
	}
	if (setenv("CMOCKA_TEST_ABORT", "1", 1) || bed_init() || handover_pool())
		return 2;
	for (unsigned int i = 0; i < RTE_DIM(maps); i++)
		stress(&bed_maps[maps[i]], RTE_MAX(seconds / (unsigned int)RTE_DIM(maps), 1u),
			seed);
	return 0;
}
