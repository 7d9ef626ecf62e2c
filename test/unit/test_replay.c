/* SPDX-License-Identifier: BSD-3-Clause */
/* The replay window: what is accepted, counter by counter, and against a set that forgets nothing.
 */
#include "test_eal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "messages.h"
#include "replay.h"

#define LIMIT WG_REJECT_AFTER_MESSAGES
#define END 0xff

/* Counters in the order in which they arrive at an empty window. */
struct scenario {
	const char *name;
	struct {
		uint64_t counter;
		uint8_t accepted;
	} packet[10];
};

static const struct scenario scenarios[] = {
	{"the first is 0", {{0, 1}, {0, 0}, {1, 1}, {0, 0}, {1, 0}, {0, END}}},
	{"the first is not 0", {{9, 1}, {8, 1}, {0, 1}, {0, 0}, {9, 0}, {8, 0}, {7, 1}, {0, END}}},
	{"8127 behind", {{20000, 1}, {20000 - 8127, 1}, {20000 - 8127, 0}, {0, END}}},
	{"8128 behind", {{20000, 1}, {20000 - 8128, 1}, {20000 - 8128, 0}, {0, END}}},
	{"8129 behind", {{20000, 1}, {20000 - 8129, 0}, {20000 - 8129, 0}, {0, END}}},
	{"edge, first bit of a word", {{8192, 1}, {64, 1}, {64, 0}, {63, 0}, {65, 1}, {0, END}}},
	{"edge, last bit of a word", {{8255, 1}, {127, 1}, {127, 0}, {126, 0}, {0, END}}},
	{"0 is 8128 behind", {{8128, 1}, {0, 1}, {0, 0}, {1, 1}, {0, END}}},
	{"0 is 8129 behind", {{8129, 1}, {0, 0}, {1, 1}, {0, END}}},
	{"0 known, one ring later", {{0, 1}, {8192, 1}, {8192, 0}, {64, 1}, {0, 0}, {0, END}}},
	{"jump of one ring", {{70, 1}, {70 + 8192, 1}, {134, 1}, {133, 0}, {0, END}}},
	{"jump of 127 words", {{70, 1}, {70 + 8128, 1}, {70, 0}, {71, 1}, {69, 0}, {0, END}}},
	{"jump of many rings",
		{{5, 1}, {1ULL << 40, 1}, {5, 0}, {(1ULL << 40) - 8128, 1}, {0, END}}},
	{"across 2^32", {{(1ULL << 32) - 1, 1}, {1ULL << 32, 1}, {(1ULL << 32) - 1, 0}, {0, END}}},
	{"last counter", {{LIMIT - 1, 1}, {LIMIT - 1, 0}, {LIMIT, 0}, {LIMIT - 2, 1}, {0, END}}},
	{"edge behind the last", {{LIMIT - 1, 1}, {LIMIT - 8129, 1}, {LIMIT - 8130, 0}, {0, END}}},
	{"no counter", {{LIMIT, 0}, {LIMIT + 1, 0}, {UINT64_MAX, 0}, {0, 1}, {0, END}}},
	{"refused, window stays", {{100, 1}, {UINT64_MAX, 0}, {101, 1}, {99, 1}, {0, 1}, {0, END}}},
};

static void
test_scenarios(void **unused)
{
	(void)unused;
	assert_true(LIMIT == UINT64_C(18446744073709543423)); /* 2^64 - 2^13 - 1 */
	assert_int_equal(WG_REPLAY_WINDOW, 8128);
	for (size_t i = 0; i < RTE_DIM(scenarios); i++) {
		const struct scenario *s = &scenarios[i];
		struct wg_replay r = {0};

		for (size_t k = 0; s->packet[k].accepted != END; k++) {
			bool checked = wg_replay_check(&r, s->packet[k].counter);
			bool updated = wg_replay_update(&r, s->packet[k].counter);

			if (checked != s->packet[k].accepted || updated != s->packet[k].accepted)
				fail_msg("%s: packet %zu: check %d, update %d", s->name, k, checked,
					updated);
		}
	}
}

static void
test_check_changes_nothing(void **unused)
{
	struct wg_replay r = {0}, before;

	(void)unused;
	assert_true(wg_replay_update(&r, 1000));
	before = r;
	assert_true(wg_replay_check(&r, 999));
	assert_true(wg_replay_check(&r, 999));
	assert_true(wg_replay_check(&r, 1 << 20));
	assert_memory_equal(&r, &before, sizeof(r));
}

/* 100 rings in reverse within each window's length: every counter once, none twice. */
static void
test_backwards_in_blocks(void **unused)
{
	struct wg_replay r = {0};

	(void)unused;
	for (uint64_t block = 0; block < 100; block++) {
		uint64_t first = block * 8129;

		for (uint64_t i = 8129; i-- > 0;)
			assert_true(wg_replay_update(&r, first + i));
		for (uint64_t i = 0; i < 8129; i++)
			assert_false(wg_replay_update(&r, first + i));
	}
}

/* Steps of up to 300 (every 512th of up to 32768) ahead, looks back of up to 10000. */
static void
test_against_set(void **unused)
{
	enum { COUNTERS = 1 << 24 };
	uint8_t *seen = calloc(COUNTERS, 1);
	uint64_t highest = 0, state = 3;
	struct wg_replay r = {0};
	unsigned int accepted = 0;

	(void)unused;
	for (int n = 0; n < 400000; n++) {
		uint64_t counter, back;
		bool expected;

		state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
		back = (state >> 33) % 10000;
		counter = highest + (state >> 50) % (n % 512 ? 300 : 32768);
		if (n % 8)
			counter = highest > back ? highest - back : 0;
		if (counter >= COUNTERS)
			break;
		expected = !seen[counter] && counter + 8128 >= highest;
		assert_int_equal(wg_replay_check(&r, counter), expected);
		assert_int_equal(wg_replay_update(&r, counter), expected);
		seen[counter] |= expected;
		highest = RTE_MAX(highest, expected ? counter : 0);
		accepted += expected;
	}
	assert_true(accepted > 100000);
	free(seen);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scenarios),
		cmocka_unit_test(test_check_changes_nothing),
		cmocka_unit_test(test_backwards_in_blocks),
		cmocka_unit_test(test_against_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
