/* SPDX-License-Identifier: BSD-3-Clause */
/* What the queue promises and no clock is needed for; pkt_offset: of struct fq_pkt in an mbuf. */
#ifndef PROMISES_H
#define PROMISES_H

/* Bytes that fq_create takes, by asking the allocator: per flow, per tin, per peer without a tin.
 */
void promise_memory(int pkt_offset);

/*
 * Virtual time: greedy flows through the shaper at 1 Mbit/s to 100 Gbit/s. Goodput in percent of
 * what framing leaves of the rate, and by how much any span of time had more than its share.
 */
void promise_rates(int pkt_offset);

#endif
