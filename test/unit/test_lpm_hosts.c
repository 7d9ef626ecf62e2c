/* SPDX-License-Identifier: BSD-3-Clause */
/* What a reader of lpm_hosts.h is told while a place goes from one host to another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lpm_hosts.h"
#include "single_step.h"

#define FIRST 0x1111U
#define SECOND 0x2222U

/* The second host takes the place of the first. */
struct line {
	struct lpm_hosts hosts;
	uint32_t first, second;
	uint32_t wanted; /* by the reader */
	uintptr_t found;
	bool gone; /* the first one is not there before, but its place is as it left it */
};

static void
read_one(void *arg)
{
	struct line *l = arg;

	l->found = lpm_host_value(lpm_host_line(&l->hosts, l->wanted), l->wanted);
}

static void
change_hands(void *arg)
{
	struct line *l = arg;

	if (!l->gone)
		lpm_hosts_set(&l->hosts, l->first, 0);
	lpm_hosts_set(&l->hosts, l->second, SECOND);
}

/* The value that is the wanted one's own, before or after, or none. */
static void
check_found(const struct line *l)
{
	if (l->wanted == l->first && !l->gone)
		assert_true(l->found == FIRST || l->found == 0);
	else if (l->wanted == l->first)
		assert_int_equal(l->found, 0);
	else
		assert_true(l->found == SECOND || l->found == 0);
}

static void
set_out(struct line *l)
{
	lpm_hosts_set(&l->hosts, l->second, 0);
	lpm_hosts_set(&l->hosts, l->first, FIRST);
	if (l->gone)
		lpm_hosts_set(&l->hosts, l->first, 0);
}

/* With one between all the steps of the other, until it comes too late. */
static void
check_every_step(struct line *l, void (*first)(void *arg), void (*second)(void *arg))
{
	size_t at = 0, steps;

	do {
		set_out(l);
		l->found = UINTPTR_MAX;
		steps = single_step_run(first, second, l, at);
		if (at >= steps)
			break;
		check_found(l);
	} while (++at);
	assert_true(at > 10);
}

static void
check_place(struct line *l)
{
	for (unsigned int i = 0; i < 4; i++) {
		l->gone = i % 2;
		l->wanted = i / 2 ? l->second : l->first;
		check_every_step(l, read_one, change_hands);
		check_every_step(l, change_hands, read_one);
	}
}

static uint32_t
next_on_line(const struct lpm_hosts *h, uint32_t addr)
{
	const struct lpm_host_line *line = lpm_host_line(h, addr);

	while (lpm_host_line(h, ++addr) != line)
		;
	return addr;
}

/* The one that four others have left. */
static void
test_a_place_changes_hands(void **unused)
{
	struct line l = {0};
	uint32_t others[LPM_HOST_PLACES - 1];
	unsigned int i;

	(void)unused;
	assert_int_equal(lpm_hosts_init(&l.hosts, 1000), 0);
	others[0] = 0x0a010203;
	for (i = 1; i < LPM_HOST_PLACES - 1; i++)
		others[i] = next_on_line(&l.hosts, others[i - 1]);
	l.first = next_on_line(&l.hosts, others[i - 1]);
	l.second = next_on_line(&l.hosts, l.first);
	for (i = 0; i < LPM_HOST_PLACES - 1; i++)
		lpm_hosts_set(&l.hosts, others[i], 0x3333 + i);
	check_place(&l);
	for (i = 0; i < LPM_HOST_PLACES - 1; i++)
		assert_int_equal(
			lpm_host_value(lpm_host_line(&l.hosts, others[i]), others[i]), 0x3333 + i);
	lpm_hosts_fini(&l.hosts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_place_changes_hands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
