/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queue against its model, see fq_model.h, with the input as its random numbers. The first two
 * bytes choose among small queues that are quickly full.
 */
#include "fq_model.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Two bytes per number; zeros when there are no more. */
static uint32_t
from_input(struct fq_model *m, uint32_t n)
{
	uint32_t v;

	if (m->input_left < 2)
		return 0;
	v = m->input[0] | (uint32_t)m->input[1] << 8;
	m->input += 2;
	m->input_left -= 2;
	return v % n;
}

static struct fq_params
choose(uint32_t c)
{
	struct fq_params p = test_fq_params();

	p.codel = c & 1;
	p.blue = c & 2;
	p.flows = c & 4 ? 16 : 128;
	p.tins = c & 8 ? 12 : 32;
	p.quantum = c & 16 ? 90 : 1500;
	p.tin_limit_packets = c & 32 ? 20 : 0;
	p.limit_packets = c & 64 ? 64 : 600;
	p.rate = c & 128 ? 1000000 : 0;
	p.target_ns = MS;
	p.interval_ns = 10 * MS;
	p.start_closed = c & 256;
	p.ce_threshold_ns = c & 512 ? MS / 2 : 0;
	p.limit_bytes = c & 1024 ? 20000 : 300000;
	return p;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	RTE_SET_USED(argc);
	RTE_SET_USED(argv);
	return test_eal_init();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fq_model m;
	struct test_fq t;

	if (size < 2)
		return 0;
	memset(&m, 0, sizeof(m));
	m.below = from_input;
	m.input = data + 2;
	m.input_left = size - 2;
	fq_model_start(&t, &m, choose(data[0] | (uint32_t)data[1] << 8));
	while (m.input_left >= 2) {
		fq_model_step(&t);
		fq_check(t.q);
	}
	fq_model_end(&t);
	return 0;
}
