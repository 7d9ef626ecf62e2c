/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What every unit test starts with: cmocka, and an EAL without hugepages, devices or files,
 * so that tests run in parallel and without privileges.
 */
#ifndef TEST_EAL_H
#define TEST_EAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <rte_common.h>
#include <rte_eal.h>

static inline int
test_eal_init(void)
{
	static char args[][16] = {"test", "--no-huge", "--no-pci", "--no-telemetry", "--no-shconf",
		"-m", "256", "-l", "0", "--log-level", "lib.eal:4"};
	char *argv[RTE_DIM(args) + 1] = {NULL};
	unsigned int i;

	for (i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	return rte_eal_init(RTE_DIM(args), argv) < 0 ? -1 : 0;
}

/* As set-up of a group of tests. */
static inline int
test_eal_group(void **state)
{
	RTE_SET_USED(state);
	return test_eal_init();
}

#endif
