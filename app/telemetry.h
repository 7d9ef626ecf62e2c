/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK telemetry commands (dpdk-telemetry.py):
 *
 *   /tinguard/stats[,START]         counters of every stage and queue; from START on
 *   /tinguard/tins[,START]          tins of the TX queues, TG_TELEMETRY_TINS from START on
 *   /tinguard/lcores[,START|reset]  polls of every worker, and gaps between them; reset: of all
 *
 * An answer of telemetry's has 16 KiB, and what does not fit is left out without a word. So stats
 * and lcores say how many parts there are, and a page, TG_TELEMETRY_PARTS of them from START on,
 * fits whatever they have counted.
 *
 * They run on telemetry's own thread, which reads counters while their owners write them, and peers
 * as one more RCU reader.
 */
#ifndef TG_TELEMETRY_H
#define TG_TELEMETRY_H

#include "control.h"

#define TG_TELEMETRY_PARTS 8
#define TG_TELEMETRY_TINS 19

/* Once; reader is a free thread id of c->rcu's qsbr. c must outlive the process's telemetry. 0 or
 * -errno. */
int tg_telemetry_init(struct tg_control *c, unsigned int reader);

/* No command touches the pipeline any more after this returns. */
void tg_telemetry_stop(void);

#endif
