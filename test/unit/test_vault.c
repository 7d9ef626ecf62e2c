/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory for keys: what is handed out, what is left when it is given back, what lies around it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sodium.h>

#include "test_eal.h"
#include "vault.h"

#define PAGE 4096

/* What the kernel says of the mapping that p is in. */
struct mapping {
	char perms[5];
	bool undumped; /* core dumps leave it out */
	unsigned int kib; /* in memory */
};

static struct mapping
mapping_of(const void *p)
{
	FILE *maps = fopen("/proc/self/smaps", "r");
	struct mapping at = {.perms = ""}, found = at;
	uintptr_t from, to;
	char line[512];
	bool here = false;

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s", &from, &to, at.perms) == 3) {
			here = (uintptr_t)p >= from && (uintptr_t)p < to;
			if (here)
				found = at;
		} else if (here && !strncmp(line, "Rss:", 4)) {
			assert_int_equal(sscanf(line, "Rss: %u", &found.kib), 1);
		} else if (here && !strncmp(line, "VmFlags:", 8)) {
			found.undumped = strstr(line, " dd") != NULL;
		}
	}
	fclose(maps);
	return found;
}

/* Past the sanitizer, which would not let us read what was given back. */
static void
peek(const void *p, uint8_t *bytes, size_t len)
{
	int mem = open("/proc/self/mem", O_RDONLY);

	assert_true(mem >= 0);
	assert_int_equal(pread(mem, bytes, len, (off_t)(uintptr_t)p), len);
	close(mem);
}

/* 64 in the first chunk, as many in the second, then twice as many. */
static void
test_things_are_zero_and_apart(void **state)
{
	struct wg_vault *v = wg_vault_create(128, 1000, 0);
	uint8_t *things[200];

	RTE_SET_USED(state);
	assert_non_null(v);
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < RTE_DIM(things); i++) {
			things[i] = wg_vault_take(v);
			assert_non_null(things[i]);
			assert_int_equal((uintptr_t)things[i] % RTE_CACHE_LINE_SIZE, 0);
			assert_true(sodium_is_zero(things[i], 128));
			memset(things[i], (int)i + 1, 128);
		}
		for (unsigned int i = 0; i < RTE_DIM(things); i++) {
			for (unsigned int k = 0; k < 128; k++)
				assert_int_equal(things[i][k], (uint8_t)(i + 1));
			wg_vault_give(v, things[i]);
		}
	}
	wg_vault_give(v, NULL);
	wg_vault_destroy(v);
	wg_vault_destroy(NULL);
}

/* There are 64 at first: the one that was given back is taken again after the 63 that are free
 * longer. Then all are given back in another order, and taken again in that. */
static void
test_reuse_is_late(void **state)
{
	struct wg_vault *v = wg_vault_create(64, 1000, 0);
	uint8_t *base = wg_vault_base(v);

	RTE_SET_USED(state);
	assert_ptr_equal(wg_vault_take(v), base);
	wg_vault_give(v, base);
	for (unsigned int i = 1; i < 64; i++)
		assert_ptr_equal(wg_vault_take(v), base + i * 64);
	assert_ptr_equal(wg_vault_take(v), base);
	for (unsigned int i = 0; i < 64; i++)
		wg_vault_give(v, base + i * 5 % 64 * 64);
	for (unsigned int i = 0; i < 64; i++)
		assert_ptr_equal(wg_vault_take(v), base + i * 5 % 64 * 64);
	wg_vault_destroy(v);
}

/* Things of 11 lines end within pages. Each of 777 places is taken once, then no more. */
static void
test_places_are_counted_from_the_base(void **state)
{
	const size_t size = 11 * RTE_CACHE_LINE_SIZE;
	struct wg_vault *v = wg_vault_create(size, 777, 0);
	uint8_t *base = wg_vault_base(v), *thing;
	bool taken[777] = {false};

	RTE_SET_USED(state);
	for (unsigned int i = 0; i < 777; i++) {
		thing = wg_vault_take(v);
		assert_non_null(thing);
		assert_int_equal((size_t)(thing - base) % size, 0);
		assert_in_range((size_t)(thing - base) / size, 0, 776);
		assert_false(taken[(size_t)(thing - base) / size]);
		taken[(size_t)(thing - base) / size] = true;
	}
	assert_null(wg_vault_take(v));
	assert_int_equal(errno, EAGAIN);
	wg_vault_give(v, base + 5 * size);
	assert_ptr_equal(wg_vault_take(v), base + 5 * size);
	wg_vault_destroy(v);
}

/* 8 of 64 bytes are the place's. */
static void
test_a_head_outlives_its_thing(void **state)
{
	struct wg_vault *v = wg_vault_create(64, 64, 8);
	uint8_t *base = wg_vault_base(v), *thing, left[64];

	RTE_SET_USED(state);
	for (unsigned int i = 0; i < 64; i++) {
		thing = wg_vault_take(v);
		assert_true(sodium_is_zero(thing, 64));
		memset(thing, 0xab, 64);
		wg_vault_give(v, thing);
		peek(thing, left, sizeof(left));
		for (unsigned int k = 0; k < 64; k++)
			assert_int_equal(left[k], k < 8 ? 0xab : 0);
		assert_int_equal(thing[7], 0xab);
	}
	thing = wg_vault_take(v);
	assert_ptr_equal(thing, base);
	for (unsigned int k = 0; k < 64; k++)
		assert_int_equal(thing[k], k < 8 ? 0xab : 0);
	wg_vault_destroy(v);
}

/* 2^21 things of 11 lines, 1.4 GiB: a chunk of 64 is made usable, 11 pages. */
static void
test_only_what_is_used_is_memory(void **state)
{
	const size_t size = 11 * RTE_CACHE_LINE_SIZE;
	const uint32_t max = 1 << 21;
	struct wg_vault *v = wg_vault_create(size, max, 8);
	uint8_t *base = wg_vault_base(v);

	RTE_SET_USED(state);
	assert_non_null(v);
	assert_string_equal(mapping_of(base - 1).perms, "---p");
	assert_string_equal(mapping_of(base).perms, "rw-p");
	assert_string_equal(mapping_of(base + 11 * PAGE - 1).perms, "rw-p");
	assert_true(mapping_of(base).undumped);
	assert_string_equal(mapping_of(base + 11 * PAGE).perms, "r--p");
	assert_string_equal(mapping_of(base + max * size - 1).perms, "r--p");
	assert_string_equal(mapping_of(base + max * size).perms, "---p");
	for (uint32_t i = 0; i < max; i += max / 16)
		assert_true(sodium_is_zero(base + i * size, 8));
	assert_true(sodium_is_zero(base + (max - 1) * size, 8));
	assert_int_equal(mapping_of(base + 11 * PAGE).kib, 0);
	for (unsigned int i = 0; i < 65; i++)
		assert_non_null(wg_vault_take(v));
	assert_string_equal(mapping_of(base + 22 * PAGE - 1).perms, "rw-p");
	assert_true(mapping_of(base + 22 * PAGE - 1).undumped);
	assert_string_equal(mapping_of(base + 22 * PAGE).perms, "r--p");
	wg_vault_destroy(v);
	assert_string_not_equal(mapping_of(base).perms, "rw-p");
}

/* More than may be locked is usable, and no core dump has it. */
static void
test_without_locked_memory(void **state)
{
	struct rlimit limit, none = {.rlim_cur = 0};
	struct wg_vault *v;

	RTE_SET_USED(state);
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	none.rlim_max = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	v = wg_vault_create(64, 64, 0);
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	assert_non_null(v);
	assert_non_null(wg_vault_take(v));
	assert_true(mapping_of(wg_vault_base(v)).undumped);
	wg_vault_destroy(v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_things_are_zero_and_apart),
		cmocka_unit_test(test_reuse_is_late),
		cmocka_unit_test(test_places_are_counted_from_the_base),
		cmocka_unit_test(test_a_head_outlives_its_thing),
		cmocka_unit_test(test_only_what_is_used_is_memory),
		cmocka_unit_test(test_without_locked_memory),
	};

	return cmocka_run_group_tests_name("vault", tests, NULL, NULL);
}
