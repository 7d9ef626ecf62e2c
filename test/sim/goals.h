/* SPDX-License-Identifier: BSD-3-Clause */
/* What the queue promises and a simulation can show. */
#ifndef SIM_GOALS_H
#define SIM_GOALS_H

#include "result.h"

#define SIM_GOALS_MAX 8

struct sim_goal {
	const char *name;
	const char *unit;
	const char *goal; /* "<= 2" */
	double value;
	bool met;
};

/* Those that the results allow; how many they are. */
uint32_t
sim_goals(const struct sim_result *results, uint32_t n, struct sim_goal goals[SIM_GOALS_MAX]);

#endif
