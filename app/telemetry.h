/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK telemetry commands (dpdk-telemetry.py):
 *
 *   /tinguard/stats              counters of every stage, and the ports' queues
 *   /tinguard/tins[,START]       tins of the TX queues, TG_TELEMETRY_TINS from START on
 *
 * They run on telemetry's own thread, which reads counters while their owners write them, and peers
 * as one more RCU reader.
 */
#ifndef TG_TELEMETRY_H
#define TG_TELEMETRY_H

#include "control.h"

/* Fits into telemetry's 16 KiB. */
#define TG_TELEMETRY_TINS 19

/* Once; reader is a free thread id of c->rcu's qsbr. c must outlive the process's telemetry. 0 or
 * -errno. */
int tg_telemetry_init(struct tg_control *c, unsigned int reader);

/* No command touches the pipeline any more after this returns. */
void tg_telemetry_stop(void);

#endif
