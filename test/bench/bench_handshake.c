/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What handshakes cost, in TSC cycles, each number the median of its turns, which are short, since
 * others may use the machine:
 *
 *  - a handshake answered, from the message to the session and the response, all on one lcore,
 *    beside the X25519 that it cannot do without, turn by turn in the same run: three with any
 *    point, one with the base point
 *  - an initiation whose mac1 is wrong, in the handshake stage: ring, admission, buffer freed
 *  - a handshake message in the RX stage, with room in the ring to the handshake stage and without
 *
 * Arguments: --json FILE, --quick; behind "--" those of EAL.
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_udp.h>
#include <sodium.h>

#include "clock.h"
#include "fib_control.h"
#include "stage_handshake.h"
#include "stage_rx.h"

#define TURNS_MAX 201u
#define PEERS 16u
#define HANDSHAKES_MAX (PEERS * TURNS_MAX)
#define BURST 32u
#define BURSTS 8u /* of a turn */
#define HEADERS                                                                                    \
	(sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) + sizeof(struct rte_udp_hdr))
#define PORT 51820

struct remote {
	struct wg_identity identity;
	struct wg_handshake to_us;
};

static struct tg_env env;
static struct rcu *rcu;
static struct remote remotes[PEERS];
static struct rte_ring *port_ring, *handshakes;
static unsigned int turns = TURNS_MAX;
static FILE *json;

static void
check(bool ok, const char *what)
{
	if (!ok)
		rte_exit(EXIT_FAILURE, "bench_handshake: %s\n", what);
}

/*
 * The device, which knows the remotes.
 */
static void
no_send(void *ctx, struct wg_peer *peer, const struct wg_endpoint *to, const void *msg, size_t len)
{
	(void)ctx, (void)peer, (void)to, (void)msg, (void)len;
}

static void
nothing(void *ctx, struct wg_peer *peer)
{
	(void)ctx, (void)peer;
}

static uint64_t
wall_clock(void *ctx)
{
	(void)ctx;
	return 1;
}

static void
random_bytes(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	randombytes_buf(buf, len);
}

static void
make_device(void)
{
	static const struct wg_ops ops = {.send = no_send,
		.send_keepalive = nothing,
		.session_up = nothing,
		.purge = nothing,
		.endpoint_changed = nothing,
		.peer_removed = nothing,
		.wall_clock = wall_clock,
		.random = random_bytes};
	struct wg_device_params params = {.max_peers = 65536, .lanes = 1, .ops = &ops};
	struct wg_update u;

	rcu = params.rcu = rcu_create(1);
	env.dev = wg_device_create(&params);
	check(env.dev, "no device");
	wg_update_init(&u);
	u.has_private_key = true;
	randombytes_buf(u.private_key, WG_KEY_LEN);
	for (unsigned int i = 0; i < PEERS; i++) {
		uint8_t key[WG_KEY_LEN];

		randombytes_buf(key, sizeof(key));
		wg_identity_set(&remotes[i].identity, key);
		memcpy(wg_update_add_peer(&u)->public_key, remotes[i].identity.public_key,
			WG_KEY_LEN);
	}
	check(wg_device_apply(env.dev, &u, 1) == 0, "update");
	wg_update_free(&u);
	for (unsigned int i = 0; i < PEERS; i++)
		wg_handshake_init(&remotes[i].to_us, wg_device_identity(env.dev)->public_key);
}

static void
make_initiation(struct wg_initiation *msg, struct remote *r, uint64_t now)
{
	struct wg_cookie cookie = {0};
	uint8_t ephemeral[WG_KEY_LEN];

	randombytes_buf(ephemeral, sizeof(ephemeral));
	check(wg_noise_create_initiation(msg, &r->to_us, &r->identity, 1, ephemeral, now),
		"initiation");
	wg_cookie_add_macs(
		&cookie, wg_device_identity(env.dev)->public_key, msg, sizeof(*msg), now);
}

/*
 * The handshake answered, and X25519.
 */
static double
answer(struct remote *r, uint64_t now)
{
	const struct wg_endpoint from = {.family = AF_INET, .port = 1, .addr = {192, 0, 2, 2}};
	struct wg_initiation msg;
	uint64_t t;

	make_initiation(&msg, r, now);
	t = rte_rdtsc_precise();
	check(wg_device_receive(env.dev, &msg, sizeof(msg), &from, false, now) == WG_OK, "refused");
	t = rte_rdtsc_precise() - t;
	rcu_reclaim(rcu);
	return (double)t;
}

static double
agree(void)
{
	uint8_t secret[WG_KEY_LEN], point[WG_KEY_LEN];
	uint64_t t;

	randombytes_buf(secret, sizeof(secret));
	t = rte_rdtsc_precise();
	check(crypto_scalarmult_curve25519_base(point, secret) == 0, "X25519");
	for (unsigned int i = 0; i < 3; i++)
		check(crypto_scalarmult_curve25519(secret, secret, point) == 0, "X25519");
	return (double)(rte_rdtsc_precise() - t);
}

/*
 * Messages as packets.
 */
static void
write_packet(struct rte_mbuf *m, const struct rte_ether_addr *mac)
{
	struct wg_initiation msg = {.type = rte_cpu_to_le_32(WG_MESSAGE_INITIATION)};
	struct rte_ether_hdr eth = {
		.dst_addr = *mac, .ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4)};
	struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF,
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = rte_rand() | 1,
		.dst_addr = htonl(RTE_IPV4(UINT32_C(192), 0, 2, 1)),
		.total_length = htons(sizeof(ip) + sizeof(struct rte_udp_hdr) + sizeof(msg))};
	struct rte_udp_hdr udp = {.src_port = 1,
		.dst_port = htons(PORT),
		.dgram_len = htons(sizeof(udp) + sizeof(msg))};
	uint8_t *p = (uint8_t *)rte_pktmbuf_append(m, HEADERS + sizeof(msg));

	/* Nothing in it is right but the length: mac1 is wrong. */
	randombytes_buf(&msg.sender, sizeof(msg) - sizeof(msg.type));
	ip.src_addr = htonl(RTE_IPV4(10, 0, 0, 0)) | (ip.src_addr & 0xffffff00);
	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	memcpy(p, &eth, sizeof(eth));
	memcpy(p += sizeof(eth), &ip, sizeof(ip));
	memcpy(p += sizeof(ip), &udp, sizeof(udp));
	memcpy(p + sizeof(udp), &msg, sizeof(msg));
}

static void
feed(unsigned int n)
{
	struct rte_mbuf *m;

	while (n--) {
		m = rte_pktmbuf_alloc(env.pool);
		check(m, "no mbuf");
		write_packet(m, &env.ports[0].mac);
		check(rte_ring_enqueue(port_ring, m) == 0, "port");
	}
}

static void
make_port(void)
{
	struct tg_port *p = &env.ports[0];
	struct tg_fib_route local = {
		.prefix = {.family = AF_INET, .len = 32, .addr = {192, 0, 2, 1}},
		.type = TG_HOP_LOCAL,
		.local = true,
		.own = true};
	struct rte_eth_conf conf = {0};

	env.pool = rte_pktmbuf_pool_create(
		"packets", 8191, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	port_ring = rte_ring_create("port", 1024, SOCKET_ID_ANY, 0);
	handshakes =
		rte_ring_create("handshakes", 4096, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	check(env.pool && port_ring && handshakes, "memory");
	p->id = (uint16_t)rte_eth_from_ring(port_ring);
	p->n_rxq = 1;
	check(rte_eth_dev_configure(p->id, 1, 1, &conf) == 0 &&
			rte_eth_rx_queue_setup(p->id, 0, 64, 0, NULL, env.pool) == 0 &&
			rte_eth_tx_queue_setup(p->id, 0, 64, 0, NULL) == 0 &&
			rte_eth_dev_start(p->id) == 0 && rte_eth_macaddr_get(p->id, &p->mac) == 0,
		"port");
	env.n_ports = env.n_rx = env.n_handshake = 1;
	env.listen_port = htons(PORT);
	env.fib = tg_fib_create(rcu);
	check(env.fib && tg_fib_add_port(env.fib, 0) == 0 &&
			tg_fib_route_set(env.fib, &local, TG_FIB_ADDED) == TG_FIB_CHANGED,
		"route");
}

static void
drop_all(struct rte_ring *ring)
{
	void *m = NULL;

	while (rte_ring_dequeue(ring, &m) == 0)
		rte_pktmbuf_free(m);
}

/* Per packet; every ring but the port's is emptied by who calls. */
static double
receive_turn(struct tg_rx *rx)
{
	unsigned int n = 0;
	uint64_t t;

	feed(BURSTS * BURST);
	t = rte_rdtsc_precise();
	while (n < BURSTS * BURST)
		n += stage_rx_poll(rx, 0);
	t = rte_rdtsc_precise() - t;
	check(n == BURSTS * BURST, "RX");
	return (double)t / (BURSTS * BURST);
}

static double
refuse_turn(struct tg_handshake *hs)
{
	uint64_t t;
	unsigned int n = 0;

	t = rte_rdtsc_precise();
	while (n < BURSTS * BURST)
		n += stage_handshake_poll(hs, tg_now());
	t = rte_rdtsc_precise() - t;
	check(n == BURSTS * BURST, "handshake stage");
	return (double)t / (BURSTS * BURST);
}

static int
compare(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) -
		(*(const double *)a < *(const double *)b);
}

static double
middle(double *v, unsigned int n)
{
	qsort(v, n, sizeof(*v), compare);
	return v[n / 2];
}

static void
result(const char *name, const char *text, double value, const char *unit, double goal)
{
	static unsigned int n;

	printf("%-52s %10.*f %s%s\n", text, value < 10 ? 3 : 0, value, unit,
		goal > 0 && value < goal ? "  (missed)" : "");
	if (!json)
		return;
	fprintf(json, "%s\n  {\"name\": \"%s\", \"value\": %.3f, \"unit\": \"%s\", ",
		n++ ? "," : "", name, value, unit);
	if (goal > 0)
		fprintf(json, "\"goal\": \">= %g\", \"met\": %s}", goal,
			value >= goal ? "true" : "false");
	else
		fputs("\"goal\": null, \"met\": null}", json);
}

static void
bench_answers(void)
{
	static double answers[HANDSHAKES_MAX], agreements[HANDSHAKES_MAX];
	double hz = (double)rte_get_tsc_hz(), whole, alone;
	unsigned int n = turns * PEERS;

	/* The first handshake with a peer computes the secret of both static keys, once. */
	for (unsigned int i = 0; i < PEERS; i++)
		answer(&remotes[i], WG_NS_PER_S);
	for (unsigned int i = 0; i < n; i++) {
		answers[i] = answer(&remotes[i % PEERS], (i / PEERS + 2) * WG_NS_PER_S);
		agreements[i] = agree();
	}
	whole = middle(answers, n);
	alone = middle(agreements, n);
	result("handshake_answered_cycles", "handshake answered", whole, "cycles", 0);
	result("handshake_x25519_cycles", "its four X25519 alone", alone, "cycles", 0);
	result("handshake_answered_rate", "handshakes answered", hz / whole, "per s and lcore", 0);
	result("handshake_answered_ratio", "of what X25519 alone allows", alone / whole,
		"of X25519", 0.9);
}

static void
bench_packets(void)
{
	static double refused[TURNS_MAX], received[TURNS_MAX], overflowed[TURNS_MAX];
	static struct tg_handshake hs = {.env = &env};
	static struct tg_rx rx = {.env = &env, .n_queues = 1};
	static const struct wg_random rnd = {.fill = random_bytes};
	double hz = (double)rte_get_tsc_hz(), cycles;

	hs.from_rx[0] = handshakes;
	hs.from_control = rte_ring_create("from control", 64, SOCKET_ID_ANY, 0);
	hs.to_control = rte_ring_create("to control", 64, SOCKET_ID_ANY, 0);
	hs.admission = wg_admission_create(&rnd);
	rx.handshake[0] = (struct tg_outbox){.ring = handshakes, .full = TG_DROP_HANDSHAKE_FULL};
	check(hs.from_control && hs.to_control && hs.admission, "memory");
	for (unsigned int i = 0; i < turns; i++) {
		received[i] = receive_turn(&rx);
		refused[i] = refuse_turn(&hs);
	}
	check(hs.refusals[WG_REFUSED_MAC1] == turns * BURSTS * BURST, "not all had a wrong mac1");
	while (!rte_ring_full(handshakes))
		receive_turn(&rx);
	for (unsigned int i = 0; i < turns; i++)
		overflowed[i] = receive_turn(&rx);
	drop_all(handshakes);
	wg_admission_destroy(hs.admission);
	cycles = middle(refused, turns);
	result("mac1_refused_cycles", "wrong mac1, handshake stage", cycles, "cycles", 0);
	result("mac1_refused_rate", "wrong mac1 refused", hz / cycles, "per s and lcore", 1e6);
	result("rx_handshake_cycles", "RX stage, into the ring", middle(received, turns),
		"cycles per message", 0);
	result("rx_handshake_full_cycles", "RX stage, ring full", middle(overflowed, turns),
		"cycles per message", 0);
}

static void
start(int argc, char **argv)
{
	static char args[][16] = {"bench_handshake", "--no-huge", "--no-pci", "--no-telemetry",
		"--no-shconf", "-m", "256", "-l", "0", "--log-level", "lib.eal:4"};
	char *defaults[RTE_DIM(args) + 1] = {NULL};
	bool own = argc > optind;

	for (unsigned int i = 0; i < RTE_DIM(args); i++)
		defaults[i] = args[i];
	if (own)
		argv[optind - 1] = argv[0];
	check(rte_eal_init(own ? argc - optind + 1 : (int)RTE_DIM(args),
		      own ? argv + optind - 1 : defaults) >= 0,
		"no EAL");
	check(sodium_init() >= 0 && tg_meta_register() == 0, "no libsodium, or no room in mbufs");
	tg_clock_init();
}

static void
options(int argc, char **argv)
{
	static const struct option longs[] = {
		{"json", required_argument, NULL, 'j'}, {"quick", no_argument, NULL, 'q'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'q')
			turns = 5;
		else
			check(c == 'j' && (json = fopen(optarg, "w")),
				"usage: [--json FILE] [--quick] [-- EAL]");
	}
}

int
main(int argc, char **argv)
{
	options(argc, argv);
	start(argc, argv);
	make_device();
	make_port();
	if (json)
		fputc('[', json);
	bench_answers();
	bench_packets();
	if (json) {
		fputs("\n]\n", json);
		fclose(json);
	}
	return EXIT_SUCCESS;
}
