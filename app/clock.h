/* SPDX-License-Identifier: BSD-3-Clause */
/* Time for everybody: ns since the process started, from the TSC, without a system call. Never 0.
 */
#ifndef TG_CLOCK_H
#define TG_CLOCK_H

#include <stdint.h>

#include <rte_cycles.h>

struct tg_clock {
	uint64_t start; /* TSC */
	uint64_t ns_q32; /* ns per cycle, 32 bits after the point */
};

extern struct tg_clock tg_clock;

/* Once, before any thread asks. */
void tg_clock_init(void);

static inline uint64_t
tg_now(void)
{
	uint64_t cycles = rte_rdtsc() - tg_clock.start;

	return (uint64_t)(((unsigned __int128)cycles * tg_clock.ns_q32) >> 32) + 1;
}

#endif
