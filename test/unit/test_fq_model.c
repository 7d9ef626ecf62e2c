/* SPDX-License-Identifier: BSD-3-Clause */
/* Millions of random operations against the model, see fq_model.h. */
#include "fq_model.h"

#define STEPS 400000u

static void
run_model(struct fq_params p, uint64_t seed)
{
	struct test_fq t;
	struct fq_model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	m->below = fq_model_random;
	m->random = seed;
	fq_model_start(&t, m, p);
	for (uint32_t i = 0; i < STEPS; i++) {
		fq_model_step(&t);
		if (i % 16 == 0)
			fq_model_compare(&t);
	}
	fq_model_end(&t);
	free(m);
}

static void
limits_and_codel(void **state)
{
	struct fq_params p = test_fq_params();

	RTE_SET_USED(state);
	p.codel = true;
	p.flows = 128;
	p.tins = 32;
	p.limit_packets = 600;
	p.limit_bytes = 500000;
	run_model(p, 1);
}

/* Fewer tins than keys, fewer buckets than flows, a limit per tin, tiny quantum. */
static void
everything_is_scarce(void **state)
{
	struct fq_params p = test_fq_params();

	RTE_SET_USED(state);
	p.codel = true;
	p.target_ns = MS;
	p.interval_ns = 10 * MS;
	p.flows = 16;
	p.tins = 12;
	p.quantum = 90;
	p.tin_limit_packets = 20;
	p.limit_packets = 300;
	run_model(p, 2);
}

/* Tins begin closed, and are again when they have sent all. */
static void
closed_until_opened(void **state)
{
	struct fq_params p = test_fq_params();

	RTE_SET_USED(state);
	p.start_closed = true;
	p.flows = 64;
	p.tins = 20;
	p.tin_limit_packets = 40;
	p.limit_packets = 400;
	run_model(p, 3);
}

/*
 * A table of 1024: up to 64 flows go to their homes, from then on to the first free place of their
 * set, and those that are at home are still found there.
 */
static void
crowded_now_and_then(void **state)
{
	struct fq_params p = test_fq_params();

	RTE_SET_USED(state);
	p.flows = 1024;
	p.tins = 32;
	p.limit_packets = 90;
	run_model(p, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_and_codel),
		cmocka_unit_test(everything_is_scarce),
		cmocka_unit_test(closed_until_opened),
		cmocka_unit_test(crowded_now_and_then),
	};

	return cmocka_run_group_tests_name("fq_model", tests, test_fq_setup, NULL);
}
