/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is said when DPDK's memory does not suffice: for what, how much of it, and what the operator
 * can change. Control thread, at start.
 */
#ifndef TG_MEMORY_H
#define TG_MEMORY_H

#include <stdint.h>

#include "error.h"

struct fq_params;

/* What is taken from DPDK's memory, in bytes, at least; what can be made less for that. */
struct tg_memory {
	const char *what;
	uint64_t bytes;
	const char *less;
};

/* Of n packet buffers with so much room (tg_port_buffer_size()). */
uint64_t tg_memory_buffers(uint32_t n, uint16_t room);

/* Of a queue, see fq.h. */
uint64_t tg_memory_queue(const struct fq_params *fq);

/* Says that m failed with -ret, which is returned. */
int tg_memory_lacks(const struct tg_memory *m, int ret, char error[TG_ERROR_LEN]);

#endif
