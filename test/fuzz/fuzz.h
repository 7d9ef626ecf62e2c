/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the fuzz targets share: libFuzzer's entry points, and the input as a stream of choices.
 * scripts/fuzz builds and runs them.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "test_eal.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
	const uint8_t *p;
	size_t left;
};

/* Ends the program, so that libFuzzer keeps the input. */
static inline void
fuzz_require(bool holds)
{
	if (!holds)
		abort();
}

/* cmocka's assertions abort outside its tests, too. */
static inline int
fuzz_init(void)
{
	return setenv("CMOCKA_TEST_ABORT", "1", 1) ? -1 : test_eal_init();
}

/* 0 when there are no more. */
static inline uint8_t
fuzz_byte(struct fuzz_input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

static inline uint16_t
fuzz_u16(struct fuzz_input *in)
{
	return (uint16_t)(fuzz_byte(in) | fuzz_byte(in) << 8);
}

/* Up to len bytes, which the input holds. */
static inline const uint8_t *
fuzz_take(struct fuzz_input *in, size_t *len)
{
	const uint8_t *p = in->p;

	*len = RTE_MIN(*len, in->left);
	in->p += *len;
	in->left -= *len;
	return p;
}

/* A copy of just this length, so that a sanitizer sees a read past the end. Never NULL. */
static inline void *
fuzz_copy(const void *p, size_t len)
{
	void *copy = malloc(len ? len : 1);

	fuzz_require(copy != NULL);
	if (len)
		memcpy(copy, p, len);
	return copy;
}

#endif
