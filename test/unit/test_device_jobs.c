/* SPDX-License-Identifier: BSD-3-Clause */
/* Handshakes whose computation takes time, on other threads: what may happen meanwhile. */
#include "wg_net.h"

static struct net *
create(void)
{
	struct net *net = net_create_pair();

	net->jobs_held = true;
	return net;
}

/* Computes and delivers until nothing is left to do. */
static void
settle(struct net *net)
{
	while (net->n_jobs || net->queued) {
		net_work(net, 0);
		net_deliver(net);
	}
}

/* Side 0 wants to send; all until side 1 has `kind` to compute next, which nobody has yet. */
static void
until(struct net *net, enum wg_job_kind kind)
{
	net_data(net, 0, 1);
	while (net->jobs[0].job.kind != kind) {
		net_work_one(net, 0);
		net_deliver(net);
	}
}

static void
set_psk(struct net *net, int of, int who, uint8_t byte)
{
	struct wg_update u;
	struct wg_update_peer *up = net_update(&u, net->side[who].public_key);

	up->has_preshared_key = true;
	memset(up->preshared_key, byte, WG_KEY_LEN);
	assert_int_equal(net_apply(&net->side[of], &u), 0);
}

static void
assert_connects(struct net *net)
{
	net->jobs_held = false;
	settle(net);
	net_run(net, 6 * S);
	net->side[0].data_received = net->side[1].data_received = 0;
	net->side[0].data_refused = net->side[1].data_refused = 0;
	net_assert_connected(net, 0, 1);
}

/* Four steps of computing and no more: initiate, open, answer, and, behind the look up, conclude.
 */
static void
test_steps_of_a_handshake(void **state)
{
	static const struct {
		int side;
		enum wg_job_kind kind;
	} steps[] = {
		{0, WG_JOB_INITIATE},
		{1, WG_JOB_OPEN},
		{1, WG_JOB_ANSWER},
		{0, WG_JOB_RESPONSE},
		{0, WG_JOB_CONCLUDE},
	};
	struct net *net = create();

	RTE_SET_USED(state);
	net_data(net, 0, 1);
	for (size_t i = 0; i < RTE_DIM(steps); i++) {
		assert_int_equal(net->n_jobs, 1);
		assert_int_equal(net->jobs[0].side->number, steps[i].side);
		assert_int_equal(net->jobs[0].job.kind, steps[i].kind);
		assert_null(net_session(net, 0, 1));
		net_work_one(net, 0);
		net_deliver(net);
	}
	assert_int_equal(net->n_jobs, 0);
	assert_int_equal(net->side[1].data_received, 1);
	assert_int_equal(net->side[1].refusals[WG_OK], 1);
	assert_int_equal(net->side[0].refusals[WG_OK], 1);
	net_assert_connected(net, 0, 1);
	net_destroy(net);
}

/* Each side's jobs keep their order; what the sides do, and messages, mix in any. */
static void
test_both_initiate_at_once(void **state)
{
	RTE_SET_USED(state);
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct net *net = create();

		net->held = true;
		net_data(net, 0, 1);
		net_data(net, 1, 0);
		rte_srand(seed);
		while (net->n_jobs || net->queued) {
			unsigned int i = (unsigned int)rte_rand_max(net->n_jobs + net->queued), j;

			if (i >= net->n_jobs) {
				net_deliver_one(net, i - net->n_jobs);
				continue;
			}
			for (j = 0; net->jobs[j].side != net->jobs[i].side;)
				j++;
			net_work_one(net, j);
		}
		net->held = false;
		assert_int_equal(net->side[0].data_received, 1);
		assert_int_equal(net->side[1].data_received, 1);
		net_assert_connected(net, 0, 1);
		net_destroy(net);
	}
}

static void
test_peer_removed_meanwhile(void **state)
{
	static const enum wg_job_kind kinds[] = {
		WG_JOB_INITIATE, WG_JOB_OPEN, WG_JOB_ANSWER, WG_JOB_RESPONSE, WG_JOB_CONCLUDE};

	RTE_SET_USED(state);
	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		struct net *net = create();
		struct net_side *side;
		struct wg_update u;

		until(net, kinds[i]);
		side = net->jobs[0].side;
		net_update(&u, net->side[1 - side->number].public_key)->remove = true;
		assert_int_equal(net_apply(side, &u), 0);
		rcu_reclaim(side->rcu);
		settle(net);
		assert_int_equal(net->side[0].sessions + net->side[1].sessions, 0);
		assert_int_equal(side->refusals[WG_OK], 0);
		net_introduce(net, side->number, 1 - side->number, true);
		net_data(net, 0, 1);
		assert_connects(net);
		net_destroy(net);
	}
}

/* A device that goes down takes no result, and has no session when it is up again. */
static void
test_device_goes_down_meanwhile(void **state)
{
	static const enum wg_job_kind kinds[] = {
		WG_JOB_INITIATE, WG_JOB_OPEN, WG_JOB_ANSWER, WG_JOB_RESPONSE, WG_JOB_CONCLUDE};

	RTE_SET_USED(state);
	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		struct net *net = create();
		struct net_side *side;

		until(net, kinds[i]);
		side = net->jobs[0].side;
		wg_device_set_up(side->dev, false, net->now);
		settle(net);
		assert_int_equal(net->side[0].sessions + net->side[1].sessions, 0);
		assert_int_equal(side->refusals[WG_OK], 0);
		assert_null(net_peer(net, side->number, 1 - side->number)->next);
		wg_device_set_up(side->dev, true, net->now);
		net->now += S;
		net_data(net, 0, 1);
		assert_connects(net);
		net_destroy(net);
	}
}

/* Down and up again while a job is out: it may go on, or be late, and nothing is stuck. */
static void
test_device_goes_down_and_up_meanwhile(void **state)
{
	static const enum wg_job_kind kinds[] = {
		WG_JOB_INITIATE, WG_JOB_OPEN, WG_JOB_ANSWER, WG_JOB_RESPONSE, WG_JOB_CONCLUDE};

	RTE_SET_USED(state);
	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		struct net *net = create();
		struct net_side *side;

		until(net, kinds[i]);
		side = net->jobs[0].side;
		wg_device_set_up(side->dev, false, net->now);
		wg_device_set_up(side->dev, true, net->now);
		settle(net);
		net->now += S;
		net_data(net, 0, 1);
		assert_connects(net);
		net_destroy(net);
	}
}

#define MANY 100

/*
 * Down, no timer runs. Up, 100 peers with keepalives are spoken to by the wheel: a tick makes 16
 * initiations, which is its budget of 1024 in steps of 64, and wants to be called again at once.
 */
static void
test_device_comes_up_with_many_peers(void **state)
{
	struct net *net = net_create(MANY);
	struct net_side *side = &net->side[0];
	struct wg_update u;

	RTE_SET_USED(state);
	net->held = true;
	wg_device_set_up(side->dev, false, net->now);
	wg_update_init(&u);
	for (int i = 0; i < MANY; i++) {
		struct wg_update_peer *up = wg_update_add_peer(&u);

		up->public_key[0] = (uint8_t)(9 + i);
		up->has_endpoint = up->has_keepalive = true;
		up->endpoint = net->side[1].address;
		up->keepalive = 25;
	}
	assert_int_equal(net_apply(side, &u), 0);
	net->now += 100 * S;
	assert_int_equal(wg_device_tick(side->dev, net->now), UINT64_MAX);
	assert_int_equal(side->purges, 0);

	wg_device_set_up(side->dev, true, net->now);
	assert_int_equal(net->queued, 0);
	net->now += 2 * NET_GRAIN;
	for (unsigned int i = 1; i <= 6; i++) {
		assert_int_equal(wg_device_tick(side->dev, net->now), net->now);
		assert_int_equal(net->queued, 16 * i);
	}
	assert_true(wg_device_tick(side->dev, net->now) > net->now);
	assert_int_equal(net->queued, MANY);
	net_destroy(net);
}

/* Nothing that was computed under the old key is used. */
static void
test_private_key_changed_meanwhile(void **state)
{
	static const enum wg_job_kind kinds[] = {
		WG_JOB_INITIATE, WG_JOB_OPEN, WG_JOB_ANSWER, WG_JOB_RESPONSE, WG_JOB_CONCLUDE};
	uint8_t key[WG_KEY_LEN], old[WG_KEY_LEN];

	RTE_SET_USED(state);
	memset(key, 0x44, sizeof(key));
	for (size_t i = 0; i < RTE_DIM(kinds) * 2; i++) {
		struct net *net = create();
		struct net_side *side;

		until(net, kinds[i / 2]);
		side = net->jobs[0].side;
		/* Before it is computed, or between that and the look at the result. */
		net->jobs[0].done = i % 2;
		if (i % 2)
			wg_job_run(&net->jobs[0].job, wg_device_identity(side->dev));
		memcpy(old, side->private_key, sizeof(old));
		net_set_key(side, key);
		rcu_reclaim(side->rcu);
		settle(net);
		assert_int_equal(net->side[0].sessions + net->side[1].sessions, 0);
		net_set_key(side, old);
		net_data(net, 0, 1);
		assert_connects(net);
		net_destroy(net);
	}
}

static void
test_preshared_key_changed_meanwhile(void **state)
{
	static const enum wg_job_kind kinds[] = {WG_JOB_ANSWER, WG_JOB_CONCLUDE};

	RTE_SET_USED(state);
	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		struct net *net = create();
		int number;

		until(net, kinds[i]);
		number = net->jobs[0].side->number;
		set_psk(net, number, 1 - number, 0x55);
		settle(net);
		assert_int_equal(net->side[number].refusals[WG_OK], 0);
		assert_int_equal(net->side[number].sessions, 0);
		set_psk(net, 1 - number, number, 0x55);
		assert_connects(net);
		net_destroy(net);
	}
}

/* Two initiations, the second 5 s younger, are answered at a time: the first is late, and refused.
 */
static void
test_older_initiation_comes_last(void **state)
{
	struct net *net = create();

	RTE_SET_USED(state);
	until(net, WG_JOB_ANSWER);
	net->jobs_held = false;
	net_run(net, 6 * S);
	assert_int_equal(net->side[1].refusals[WG_OK], 1);
	assert_int_equal(net->side[1].data_received, 1);
	net_work(net, 0);
	assert_int_equal(net->side[1].refusals[WG_REFUSED_INITIATION], 1);
	net_assert_connected(net, 0, 1);
	net_destroy(net);
}

/* The same initiation twice, and the same response twice, both computed before either result. */
static void
test_replays_at_a_time(void **state)
{
	static const struct {
		enum wg_job_kind kind;
		int side;
		enum wg_refusal refusal;
	} cases[] = {
		{WG_JOB_OPEN, 1, WG_REFUSED_INITIATION},
		{WG_JOB_RESPONSE, 0, WG_REFUSED_RESPONSE},
	};

	RTE_SET_USED(state);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		struct net *net = create();

		until(net, cases[i].kind);
		net_job_push(net->jobs[0].side, &net->jobs[0].job);
		/* Both get past the first look. */
		net_work_one(net, 0);
		net_work_one(net, 0);
		assert_int_equal(net->n_jobs, 2);
		settle(net);
		assert_int_equal(net->side[cases[i].side].refusals[WG_OK], 1);
		assert_int_equal(net->side[cases[i].side].refusals[cases[i].refusal], 1);
		net->side[1].data_received = 0;
		net_assert_connected(net, 0, 1);
		net_destroy(net);
	}
}

/* While our initiation is computed the other side's brings up the session: ours is not sent. */
static void
test_session_is_up_meanwhile(void **state)
{
	struct net *net = create();

	RTE_SET_USED(state);
	net_data(net, 0, 1);
	net->jobs_held = false;
	net_data(net, 1, 0);
	assert_int_equal(net->side[0].sessions, 1);
	net_work(net, 0);
	assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 0);
	assert_int_equal(net->side[1].data_received, 1);
	net_assert_connected(net, 0, 1);
	net_destroy(net);
}

/* Wherever a step is lost, the retry after 5 s to 5.333 s brings up the session. */
static void
test_lost_jobs(void **state)
{
	static const enum wg_job_kind kinds[] = {
		WG_JOB_INITIATE, WG_JOB_OPEN, WG_JOB_ANSWER, WG_JOB_RESPONSE, WG_JOB_CONCLUDE};

	RTE_SET_USED(state);
	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		struct net *net = create();

		until(net, kinds[i]);
		net->n_jobs = 0;
		net->jobs_held = false;
		net_run(net, 5 * S - 1);
		assert_int_equal(net->side[0].sessions, 0);
		net_run(net, 333 * MS + NET_GRAIN);
		assert_int_equal(net->side[0].sessions, 1);
		assert_int_equal(net->side[1].data_received, 1);
		net_destroy(net);
	}
}

/* No room for 1 s: asked again every 125 ms, and not only after 5 s. For 91 s: given up all the
 * same. */
static void
test_no_room_for_initiations(void **state)
{
	struct net *net = net_create_pair();

	RTE_SET_USED(state);
	net->no_room = true;
	net_data(net, 0, 1);
	net_run(net, 1 * S);
	assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 0);
	net->no_room = false;
	net_run(net, S / 8 + NET_GRAIN);
	assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 1);
	assert_int_equal(net->side[1].data_received, 1);
	net_destroy(net);

	net = net_create_pair();
	net->no_room = true;
	net_data(net, 0, 1);
	net_run(net, 90 * S - 1);
	assert_int_equal(net->side[0].purges, 0);
	net_run(net, NET_GRAIN);
	assert_int_equal(net->side[0].purges, 1);
	net_run(net, 100 * S);
	assert_int_equal(net->side[0].purges, 1);
	net_destroy(net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps_of_a_handshake),
		cmocka_unit_test(test_both_initiate_at_once),
		cmocka_unit_test(test_peer_removed_meanwhile),
		cmocka_unit_test(test_device_goes_down_meanwhile),
		cmocka_unit_test(test_device_goes_down_and_up_meanwhile),
		cmocka_unit_test(test_device_comes_up_with_many_peers),
		cmocka_unit_test(test_private_key_changed_meanwhile),
		cmocka_unit_test(test_preshared_key_changed_meanwhile),
		cmocka_unit_test(test_older_initiation_comes_last),
		cmocka_unit_test(test_replays_at_a_time),
		cmocka_unit_test(test_session_is_up_meanwhile),
		cmocka_unit_test(test_lost_jobs),
		cmocka_unit_test(test_no_room_for_initiations),
	};

	return cmocka_run_group_tests_name("device_jobs", tests, test_eal_group, NULL);
}
