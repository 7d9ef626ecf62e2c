/* SPDX-License-Identifier: BSD-3-Clause */
#include "clock.h"

struct tg_clock tg_clock;

void
tg_clock_init(void)
{
	tg_clock.start = rte_rdtsc();
	tg_clock.ns_q32 = (uint64_t)(((unsigned __int128)1000000000 << 32) / rte_get_tsc_hz());
}
