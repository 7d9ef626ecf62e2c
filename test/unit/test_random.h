/* SPDX-License-Identifier: BSD-3-Clause */
/* Pseudo-random input, the same in every run: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
#ifndef TEST_RANDOM_H
#define TEST_RANDOM_H

#include <stdint.h>

/* The state is the seed at first, and any. */
static inline uint64_t
test_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

#endif
