/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two threads' work on one: the second's whole falls between two instructions of the first's, by
 * the processor's trap flag (Intel SDM, volume 3, 17.3.1.4). So each such place is met for sure.
 */
#ifndef SINGLE_STEP_H
#define SINGLE_STEP_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <x86intrin.h>

#define TRAP_FLAG 0x100U
#define SINGLE_STEP_EACH SIZE_MAX

static struct {
	size_t steps, at;
	void (*second)(void *arg);
	void *arg;
} single_step;

static void
single_step_trap(int number)
{
	(void)number;
	if (single_step.at == SINGLE_STEP_EACH || single_step.steps == single_step.at)
		single_step.second(single_step.arg);
	single_step.steps++;
}

/*
 * second(arg) comes when first(arg) has done `at' steps, or after each of them; returns how many
 * steps there were.
 */
static inline size_t
single_step_run(void (*first)(void *arg), void (*second)(void *arg), void *arg, size_t at)
{
	const struct sigaction trap = {.sa_handler = single_step_trap};
	struct sigaction before;

	single_step.steps = 0;
	single_step.at = at;
	single_step.second = second;
	single_step.arg = arg;
	sigaction(SIGTRAP, &trap, &before);
	__writeeflags(__readeflags() | TRAP_FLAG);
	first(arg);
	__writeeflags(__readeflags() & ~(unsigned long long)TRAP_FLAG);
	sigaction(SIGTRAP, &before, NULL);
	return single_step.steps;
}

#endif
