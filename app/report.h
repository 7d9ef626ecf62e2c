/* SPDX-License-Identifier: BSD-3-Clause */
/* The statistics for people: what is printed at the end. Control thread, workers stopped. */
#ifndef TG_REPORT_H
#define TG_REPORT_H

#include <stdio.h>

#include "control.h"

/* Counters of every stage and of the ports; what is 0 is left out. */
void tg_report_print(const struct tg_control *c, FILE *out);

/* "mbufs: total T free F": T == F once everything is drained. */
void tg_report_mbufs(const struct rte_mempool *pool, FILE *out);

#endif
