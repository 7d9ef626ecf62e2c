/* SPDX-License-Identifier: BSD-3-Clause */
/* Results as a table, as JSON and as CSV. Functions that write files return 0 or -errno. */
#ifndef SIM_OUTPUT_H
#define SIM_OUTPUT_H

#include "goals.h"

void sim_print_heading(void);
void sim_print_result(const struct sim_result *r);
void sim_print_goals(const struct sim_goal *goals, uint32_t n);

/* An array of {"name", "value", "unit", "goal", "met"}. */
int sim_write_json(const char *path, const struct sim_goal *goals, uint32_t n);

/* probe.csv, flows.csv and series.csv in an existing directory; scripts/sim reads them. */
int sim_write_data(const char *dir, const struct sim_result *results, uint32_t n);

#endif
