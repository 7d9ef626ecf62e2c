/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The handshake stage and its control end, between a ring that RX would fill and a device: what is
 * answered, what is refused and where, and what a flood costs.
 */
#include <arpa/inet.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_udp.h>
#include <sodium.h>

#include "clock.h"
#include "control.h"
#include "peer_of_key.h"
#include "test_eal.h"

#define S WG_NS_PER_S
#define RING 1024 /* under load from 128 on */
#define MBUFS 2047
#define JOBS 1023

struct remote {
	struct wg_identity identity;
	struct wg_handshake to_us;
	struct wg_cookie cookie;
};

static struct tg_pipeline pipeline;
static struct tg_handshake stage;
static struct tg_control control;
static struct remote remote;
static uint64_t wall_clock;
static unsigned int sent[WG_MESSAGE_DATA + 1];
static uint8_t last[256];

static void
op_send(void *ctx, struct wg_peer *peer, const struct wg_endpoint *to, const void *msg, size_t len)
{
	(void)ctx, (void)peer, (void)to;
	memcpy(last, msg, len);
	sent[last[0]]++;
}

static void
op_nothing(void *ctx, struct wg_peer *peer)
{
	(void)ctx, (void)peer;
}

static uint64_t
op_wall_clock(void *ctx)
{
	(void)ctx;
	return wall_clock += S;
}

static void
op_random(void *ctx, void *buf, size_t len)
{
	(void)ctx;
	randombytes_buf(buf, len);
}

static const struct wg_ops ops = {.send = op_send,
	.send_keepalive = op_nothing,
	.session_up = op_nothing,
	.purge = op_nothing,
	.endpoint_changed = op_nothing,
	.peer_removed = op_nothing,
	.begin = tg_handshake_begin,
	.wall_clock = op_wall_clock,
	.random = op_random};

static struct rte_ring *
ring(const char *name, unsigned int size)
{
	return rte_ring_create(name, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

static void
make_stage(void)
{
	static const struct wg_random rnd = {.fill = op_random};

	pipeline.env.n_rx = pipeline.env.n_handshake = 1;
	pipeline.env.dev = control.dev;
	pipeline.env.pool = rte_pktmbuf_pool_create(
		"mbufs", MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	pipeline.jobs = tg_handshake_jobs_create(JOBS);
	assert_non_null(pipeline.jobs);
	stage = (struct tg_handshake){.env = &pipeline.env,
		.jobs = pipeline.jobs,
		.admission = wg_admission_create(&rnd),
		.from_rx = {ring("from rx", RING)},
		.from_control = ring("from control", RING),
		.to_control = ring("to control", RING)};
	pipeline.handshake[0] = &stage;
	control.pipeline = &pipeline;
}

static int
set_up(void **state)
{
	struct wg_device_params params = {
		.max_peers = 16, .lanes = 1, .ops = &ops, .ctx = &control};
	uint8_t key[WG_KEY_LEN] = {7};
	struct wg_update_peer *up;
	struct wg_update u;

	(void)state;
	memset(sent, 0, sizeof(sent));
	memset(&control, 0, sizeof(control));
	memset(&remote, 0, sizeof(remote));
	wg_identity_set(&remote.identity, key);
	control.rcu = params.rcu = rcu_create(1);
	control.dev = wg_device_create(&params);
	wg_update_init(&u);
	u.has_private_key = true;
	memset(u.private_key, 0x11, WG_KEY_LEN);
	up = wg_update_add_peer(&u);
	memcpy(up->public_key, remote.identity.public_key, WG_KEY_LEN);
	assert_int_equal(wg_device_apply(control.dev, &u, tg_now()), 0);
	wg_update_free(&u);
	wg_handshake_init(&remote.to_us, wg_device_identity(control.dev)->public_key);
	make_stage();
	return 0;
}

/* However a job has ended, nothing is left in it. */
static void
assert_jobs_wiped(void)
{
	void *jobs[JOBS];
	unsigned int i;

	assert_int_equal(rte_mempool_get_bulk(pipeline.jobs, jobs, JOBS), 0);
	for (i = 0; i < JOBS; i++)
		assert_true(sodium_is_zero(jobs[i], sizeof(struct wg_job)));
	rte_mempool_put_bulk(pipeline.jobs, jobs, JOBS);
}

/* Nothing is lost, and no job is left that could hold keys. */
static int
tear_down(void **state)
{
	(void)state;
	assert_jobs_wiped();
	assert_int_equal(rte_mempool_avail_count(pipeline.env.pool), MBUFS);
	assert_int_equal(rte_mempool_avail_count(pipeline.jobs), JOBS);
	wg_device_destroy(control.dev);
	rcu_destroy(control.rcu);
	wg_admission_destroy(stage.admission);
	rte_ring_free(stage.from_rx[0]);
	rte_ring_free(stage.from_control);
	rte_ring_free(stage.to_control);
	rte_mempool_free(pipeline.jobs);
	rte_mempool_free(pipeline.env.pool);
	return 0;
}

/* From 10.0.a.b, as RX leaves it: the data begin at the message. */
static void
feed(const void *msg, size_t len, uint16_t source)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pipeline.env.pool);
	struct rte_ipv4_hdr ip = {.version_ihl = RTE_IPV4_VHL_DEF,
		.src_addr = htonl(RTE_IPV4(10, 0, 0, 0) | source),
		.dst_addr = htonl(RTE_IPV4(UINT32_C(192), 0, 2, 1))};
	struct rte_udp_hdr udp = {.src_port = htons(51820)};

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, sizeof(ip)), &ip, sizeof(ip));
	memcpy(rte_pktmbuf_append(m, sizeof(udp)), &udp, sizeof(udp));
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), msg, len);
	rte_pktmbuf_adj(m, sizeof(ip) + sizeof(udp));
	tg_meta(m)->outer_len = sizeof(ip) + sizeof(udp);
	assert_int_equal(rte_ring_sp_enqueue(stage.from_rx[0], m), 0);
}

static struct wg_initiation
initiation(void)
{
	uint8_t ephemeral[WG_KEY_LEN];
	struct wg_initiation msg;

	op_random(NULL, ephemeral, sizeof(ephemeral));
	assert_true(wg_noise_create_initiation(
		&msg, &remote.to_us, &remote.identity, 5, ephemeral, op_wall_clock(NULL)));
	wg_cookie_add_macs(&remote.cookie, wg_device_identity(control.dev)->public_key, &msg,
		sizeof(msg), tg_now());
	return msg;
}

/* The stage and control, until neither has anything to do. */
static void
settle(void)
{
	unsigned int n;

	do {
		n = stage_handshake_poll(&stage, tg_now());
		control.now = tg_now();
		n += tg_handshake_poll(&control);
	} while (n);
}

static uint64_t
refused(enum wg_refusal why)
{
	uint64_t refusals[WG_REFUSAL_COUNT];

	tg_handshake_refusals(&control, refusals);
	return refusals[why];
}

static void
pass(uint64_t ns)
{
	tg_clock.start -= (uint64_t)((double)ns * (double)rte_get_tsc_hz() / (double)S);
}

static void
test_initiation_is_answered(void **state)
{
	struct wg_initiation msg = initiation();
	struct wg_response answer;
	struct wg_session_keys keys;

	(void)state;
	feed(&msg, sizeof(msg), 1);
	settle();
	assert_int_equal(sent[WG_MESSAGE_RESPONSE], 1);
	assert_int_equal(refused(WG_OK), 1);
	memcpy(&answer, last, sizeof(answer));
	remote.to_us.local_index = rte_le_to_cpu_32(answer.receiver);
	assert_int_equal(remote.to_us.local_index, 5);
	assert_true(wg_noise_consume_response(&remote.to_us, &answer, &remote.identity, &keys));
}

/* 300 of them: no job is taken, control hears of none, and that is what a flood of them costs. */
static void
test_wrong_mac1_ends_in_the_stage(void **state)
{
	struct wg_initiation msg = initiation();
	unsigned int i;

	(void)state;
	msg.macs.mac1[3] ^= 1;
	for (i = 0; i < 300; i++)
		feed(&msg, sizeof(msg), (uint16_t)i);
	while (stage_handshake_poll(&stage, tg_now()))
		assert_int_equal(rte_ring_count(stage.to_control), 0);
	assert_int_equal(stage.refusals[WG_REFUSED_MAC1], 300);
	assert_int_equal(rte_mempool_avail_count(pipeline.jobs), JOBS);
	assert_int_equal(sent[WG_MESSAGE_COOKIE] + sent[WG_MESSAGE_RESPONSE], 0);
}

/*
 * 128 messages in the ring: under load. Who is let in then, and for a second after, has a cookie;
 * then the next is answered without.
 */
static void
test_under_load_for_a_second(void **state)
{
	struct wg_initiation msg = initiation();
	struct wg_cookie_reply reply;
	unsigned int i;

	(void)state;
	for (i = 0; i < RING / 8; i++)
		feed(&msg, sizeof(msg), 1);
	settle();
	assert_int_equal(sent[WG_MESSAGE_COOKIE], RING / 8);
	assert_int_equal(sent[WG_MESSAGE_RESPONSE], 0);
	assert_int_equal(refused(WG_REFUSED_UNDER_LOAD), RING / 8);
	memcpy(&reply, last, sizeof(reply));

	feed(&msg, sizeof(msg), 1);
	settle();
	assert_int_equal(sent[WG_MESSAGE_COOKIE], RING / 8 + 1);
	assert_true(wg_cookie_consume_reply(
		&remote.cookie, wg_device_identity(control.dev)->public_key, &reply, tg_now()));
	msg = initiation();
	/* A cookie is for one address: from another it is none. */
	feed(&msg, sizeof(msg), 2);
	settle();
	assert_int_equal(sent[WG_MESSAGE_COOKIE], RING / 8 + 2);
	feed(&msg, sizeof(msg), 1);
	settle();
	assert_int_equal(sent[WG_MESSAGE_RESPONSE], 1);

	pass(S + S / 10);
	remote.cookie.birth = 0;
	msg = initiation();
	feed(&msg, sizeof(msg), 3);
	settle();
	assert_int_equal(sent[WG_MESSAGE_RESPONSE], 2);
}

static void
test_not_under_load_below_an_eighth(void **state)
{
	struct wg_initiation msg = initiation();
	unsigned int i;

	(void)state;
	for (i = 0; i < RING / 8 - 1; i++)
		feed(&msg, sizeof(msg), 1);
	settle();
	assert_int_equal(sent[WG_MESSAGE_COOKIE], 0);
	assert_int_equal(sent[WG_MESSAGE_RESPONSE], 1);
	assert_int_equal(refused(WG_REFUSED_INITIATION), RING / 8 - 2);
}

/* What comes in takes half the ring to control at most: the rest is for what has begun. */
static void
test_messages_leave_room(void **state)
{
	struct wg_initiation msg = initiation();
	unsigned int i;

	(void)state;
	for (i = 0; i < RING - 1; i++)
		feed(&msg, sizeof(msg), (uint16_t)i);
	while (stage_handshake_poll(&stage, tg_now()))
		;
	assert_true(rte_ring_count(stage.to_control) <= RING / 2);
	assert_int_equal(stage.refusals[WG_REFUSED_UNDER_LOAD] + rte_ring_count(stage.to_control),
		RING - 1 - stage.refusals[WG_REFUSED_INITIATION]);
	settle();
}

/* Nothing of ours has these indices. */
static void
test_made_up_indices_end_in_the_stage(void **state)
{
	struct wg_cookie_reply cookie = {.type = rte_cpu_to_le_32(WG_MESSAGE_COOKIE)};
	struct wg_response response = {.type = rte_cpu_to_le_32(WG_MESSAGE_RESPONSE)};
	struct wg_cookie macs = {0};

	(void)state;
	wg_cookie_add_macs(&macs, wg_device_identity(control.dev)->public_key, &response,
		sizeof(response), tg_now());
	feed(&cookie, sizeof(cookie), 1);
	feed(&response, sizeof(response), 1);
	stage_handshake_poll(&stage, tg_now());
	assert_int_equal(rte_ring_count(stage.to_control), 0);
	assert_int_equal(stage.refusals[WG_REFUSED_COOKIE], 1);
	assert_int_equal(stage.refusals[WG_REFUSED_RESPONSE], 1);
}

/* A poll ends after half a millisecond: 100 X25519 take far longer. */
static void
test_a_poll_is_bounded(void **state)
{
	struct wg_initiation msg = initiation();
	unsigned int i, n;

	(void)state;
	for (i = 0; i < 100; i++)
		feed(&msg, sizeof(msg), 1);
	n = stage_handshake_poll(&stage, tg_now());
	assert_true(n > 0 && n < 100);
	settle();
}

static void
test_no_job_left(void **state)
{
	struct wg_initiation msg = initiation();
	void *jobs[JOBS];

	(void)state;
	assert_int_equal(rte_mempool_get_bulk(pipeline.jobs, jobs, JOBS), 0);
	feed(&msg, sizeof(msg), 1);
	settle();
	assert_int_equal(refused(WG_REFUSED_RESOURCES), 1);
	rte_mempool_put_bulk(pipeline.jobs, jobs, JOBS);
	feed(&msg, sizeof(msg), 1);
	settle();
	assert_int_equal(sent[WG_MESSAGE_RESPONSE], 1);
}

static void
want_session(void)
{
	struct wg_peer *peer = peer_of_key(control.dev, remote.identity.public_key);
	const struct wg_endpoint to = {.family = AF_INET, .port = 1, .addr = {10, 0, 0, 1}};

	wg_device_roamed(control.dev, peer->id, &to);
	wg_device_session_wanted(control.dev, peer->id, tg_now());
}

/* Our own, which waits in the ring until the stage computes it, and is wiped when it is done. */
static void
test_our_initiation(void **state)
{
	(void)state;
	want_session();
	assert_int_equal(sent[WG_MESSAGE_INITIATION], 0);
	assert_int_equal(rte_ring_count(stage.from_control), 1);
	settle();
	assert_int_equal(sent[WG_MESSAGE_INITIATION], 1);
	assert_int_equal(refused(WG_OK), 0);
	assert_jobs_wiped();
}

/* One of ours waits, and what it has become finds no place: lost, and wiped by tear_down's look. */
static void
test_no_place_for_a_result(void **state)
{
	void *full[RING - 1] = {0};

	(void)state;
	want_session();
	assert_int_equal(
		rte_ring_sp_enqueue_bulk(stage.to_control, full, RING - 1, NULL), RING - 1);
	assert_int_equal(stage_handshake_poll(&stage, tg_now()), 1);
	assert_int_equal(
		rte_ring_sc_dequeue_bulk(stage.to_control, full, RING - 1, NULL), RING - 1);
	settle();
	assert_int_equal(sent[WG_MESSAGE_INITIATION], 0);
}

/* A round of an lcore that runs the stage beside one of control; the port is never without more. */
static void
round_in_flood(const struct wg_initiation *msg)
{
	static uint16_t source;

	while (!rte_ring_full(stage.from_rx[0]))
		feed(msg, sizeof(*msg), source++);
	stage_handshake_poll(&stage, tg_now());
	control.now = tg_now();
	wg_device_tick(control.dev, control.now);
	assert_true(tg_handshake_poll(&control) <= TG_BURST);
}

/*
 * mac1 is right, so cookie replies fill half the ring to control, 512 places, and control takes 32
 * a round. An initiation of ours, unanswered, is due again after 5.4 s at most: begun in the next
 * round, it leaves when what is before it has, 16 rounds later.
 */
static void
test_flood_keeps_no_timer_waiting(void **state)
{
	struct wg_initiation msg = initiation();
	unsigned int i;

	(void)state;
	want_session();
	settle();
	assert_int_equal(sent[WG_MESSAGE_INITIATION], 1);
	for (i = 0; i < 40; i++)
		round_in_flood(&msg);
	assert_int_equal(sent[WG_MESSAGE_INITIATION], 1);
	assert_true(sent[WG_MESSAGE_COOKIE] > 0);

	pass(WG_REKEY_TIMEOUT + 4 * S / 10);
	round_in_flood(&msg);
	assert_int_equal(rte_ring_count(stage.from_control), 1);
	for (i = 0; i < RING / 2 / TG_BURST + 1; i++)
		round_in_flood(&msg);
	assert_int_equal(sent[WG_MESSAGE_INITIATION], 2);
	settle();
}

/* At the end one is still to be computed, and one to be looked at. */
static void
test_shutdown(void **state)
{
	struct wg_initiation msg = initiation();

	(void)state;
	feed(&msg, sizeof(msg), 1);
	stage_handshake_poll(&stage, tg_now());
	want_session();
	assert_int_equal(rte_ring_count(stage.from_control), 1);
	assert_int_equal(rte_ring_count(stage.to_control), 1);
	tg_pipeline_drain(&pipeline);
}

/* Left out of core dumps, as what has no guard pages is not. */
static void
test_jobs_are_guarded(void **state)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	unsigned long from, to;
	bool here = false, guarded = false;
	char line[512];
	void *job;

	(void)state;
	assert_non_null(maps);
	assert_int_equal(rte_mempool_get(pipeline.jobs, &job), 0);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= (uintptr_t)job && (uintptr_t)job < to;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			guarded = strstr(line, " dd") != NULL;
	}
	fclose(maps);
	rte_mempool_put(pipeline.jobs, job);
	assert_true(guarded);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_initiation_is_answered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_wrong_mac1_ends_in_the_stage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_under_load_for_a_second, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_not_under_load_below_an_eighth, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_messages_leave_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_made_up_indices_end_in_the_stage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_poll_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_job_left, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_our_initiation, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_place_for_a_result, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_flood_keeps_no_timer_waiting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shutdown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_jobs_are_guarded, set_up, tear_down),
	};

	if (test_eal_init() || tg_meta_register() || sodium_init() < 0)
		return 1;
	tg_clock_init();
	return cmocka_run_group_tests_name("handshake_stage", tests, NULL, NULL);
}
