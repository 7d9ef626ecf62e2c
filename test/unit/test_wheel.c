/* SPDX-License-Identifier: BSD-3-Clause */
/* The timer wheel, and what keeps a device of many peers from doing all at a time. */
#include "wg_net.h"
#include "wheel.h"

#define GRAIN WG_WHEEL_GRAIN

static unsigned int fired;

static void
count_fire(struct wg_wheel_entry *e, void *ctx)
{
	uint64_t *now = ctx;

	assert_true(e->due <= *now);
	fired++;
}

static uint64_t
advance(struct wg_wheel *w, uint64_t now)
{
	unsigned int budget = UINT_MAX;

	return wg_wheel_advance(w, now, &budget, count_fire, &now);
}

/* Due in the middle of the grain 10: fires when that is over. */
static void
test_wheel_fires_within_a_grain(void **state)
{
	struct wg_wheel_entry e = {0};
	struct wg_wheel w = {0};

	RTE_SET_USED(state);
	fired = 0;
	assert_int_equal(advance(&w, 5 * GRAIN), UINT64_MAX);
	wg_wheel_file(&w, &e, 10 * GRAIN + GRAIN / 2);
	assert_int_equal(advance(&w, 6 * GRAIN), 11 * GRAIN);
	assert_int_equal(advance(&w, 11 * GRAIN - 1), 11 * GRAIN);
	assert_int_equal(fired, 0);
	assert_int_equal(advance(&w, 11 * GRAIN), UINT64_MAX);
	assert_int_equal(fired, 1);
	assert_null(e.link);
}

/*
 * Two entries in the same slot, one of them three turns later: it is passed over three times. Then
 * once more, after a pause of ten turns.
 */
static void
test_wheel_beyond_a_turn(void **state)
{
	uint64_t turn = WG_WHEEL_SLOTS * GRAIN;
	struct wg_wheel_entry near = {0}, far = {0};
	struct wg_wheel w = {0};

	RTE_SET_USED(state);
	fired = 0;
	wg_wheel_file(&w, &near, 7 * GRAIN);
	wg_wheel_file(&w, &far, 3 * turn + 7 * GRAIN);
	assert_int_equal(advance(&w, 0), 8 * GRAIN);
	for (uint64_t i = 0; i < 3; i++) {
		assert_int_equal(advance(&w, i * turn + 8 * GRAIN), (i + 1) * turn + 8 * GRAIN);
		assert_int_equal(fired, 1);
	}
	assert_int_equal(advance(&w, 3 * turn + 8 * GRAIN), UINT64_MAX);
	assert_int_equal(fired, 2);

	wg_wheel_file(&w, &far, 4 * turn);
	advance(&w, 14 * turn);
	assert_int_equal(fired, 3);
}

static void
test_wheel_past_and_removed(void **state)
{
	struct wg_wheel_entry past = {0}, removed = {0}, moved = {0};
	struct wg_wheel w = {0};

	RTE_SET_USED(state);
	fired = 0;
	advance(&w, 100 * GRAIN);
	wg_wheel_file(&w, &past, 3 * GRAIN);
	wg_wheel_file(&w, &removed, 101 * GRAIN);
	wg_wheel_remove(&w, &removed);
	wg_wheel_remove(&w, &removed);
	wg_wheel_file(&w, &moved, 101 * GRAIN);
	wg_wheel_file(&w, &moved, 500 * GRAIN);
	advance(&w, 200 * GRAIN);
	assert_int_equal(fired, 1);
	advance(&w, 501 * GRAIN);
	assert_int_equal(fired, 2);
	assert_int_equal(w.filed, 0);
}

static void
file_again(struct wg_wheel_entry *e, void *ctx)
{
	fired++;
	wg_wheel_file(ctx, e, 0);
}

static void
test_wheel_fires_once_per_call(void **state)
{
	unsigned int budget = UINT_MAX;
	struct wg_wheel_entry e = {0};
	struct wg_wheel w = {0};

	RTE_SET_USED(state);
	fired = 0;
	wg_wheel_file(&w, &e, GRAIN);
	wg_wheel_advance(&w, 2 * GRAIN, &budget, file_again, &w);
	assert_int_equal(fired, 1);
	wg_wheel_advance(&w, 3 * GRAIN, &budget, file_again, &w);
	assert_int_equal(fired, 2);
}

/*
 * Ten entries in one grain, two in the next, and a budget of four: 4, 4, then 2 and 2 of the next
 * grain. One that is removed between two calls, and one that is due a turn later, do not fire.
 */
static void
test_wheel_budget(void **state)
{
	static const unsigned int after[] = {4, 8, 11, 11};
	struct wg_wheel_entry e[12] = {0}, removed = {0};
	uint64_t now = 9 * GRAIN;
	struct wg_wheel w = {0};

	RTE_SET_USED(state);
	fired = 0;
	wg_wheel_file(&w, &removed, 5 * GRAIN);
	for (int i = 0; i < 10; i++)
		wg_wheel_file(&w, &e[i], 5 * GRAIN);
	wg_wheel_file(&w, &e[10], 6 * GRAIN);
	wg_wheel_file(&w, &e[11], (WG_WHEEL_SLOTS + 6) * GRAIN);
	for (int call = 0; call < 4; call++) {
		unsigned int budget = 4;
		uint64_t next = wg_wheel_advance(&w, now, &budget, count_fire, &now);

		assert_int_equal(fired, after[call]);
		assert_int_equal(next, call < 2 ? now : (WG_WHEEL_SLOTS + 7) * GRAIN);
		wg_wheel_remove(&w, &removed);
	}
	assert_int_equal(w.filed, 1);
	now = (WG_WHEEL_SLOTS + 7) * GRAIN;
	assert_int_equal(advance(&w, now), UINT64_MAX);
	assert_int_equal(fired, 12);
}

#define STORM 100

/*
 * The keepalives of 100 peers begin with one update. A tick makes 16 initiations, which is its
 * budget of 1024 in steps of 64, and wants to be called again at once: 7 ticks for all.
 */
static void
test_a_storm_is_spread(void **state)
{
	struct net *net = net_create(STORM);
	struct net_side *side = &net->side[0];
	struct wg_update u;

	RTE_SET_USED(state);
	net->held = true;
	wg_update_init(&u);
	for (int i = 0; i < STORM; i++) {
		struct wg_update_peer *up = wg_update_add_peer(&u);

		up->public_key[0] = (uint8_t)(9 + i);
		up->has_endpoint = true;
		up->endpoint = net->side[1].address;
		up->has_keepalive = true;
		up->keepalive = 25;
	}
	assert_int_equal(net_apply(side, &u), 0);
	assert_int_equal(net->queued, 0);
	net->now += 2 * GRAIN;
	for (unsigned int i = 1; i <= 6; i++) {
		assert_int_equal(wg_device_tick(side->dev, net->now), net->now);
		assert_int_equal(net->queued, 16 * i);
	}
	assert_true(wg_device_tick(side->dev, net->now) > net->now);
	assert_int_equal(net->queued, STORM);
	net_destroy(net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wheel_fires_within_a_grain),
		cmocka_unit_test(test_wheel_beyond_a_turn),
		cmocka_unit_test(test_wheel_past_and_removed),
		cmocka_unit_test(test_wheel_fires_once_per_call),
		cmocka_unit_test(test_wheel_budget),
		cmocka_unit_test(test_a_storm_is_spread),
	};

	return cmocka_run_group_tests_name("wheel", tests, test_eal_group, NULL);
}
