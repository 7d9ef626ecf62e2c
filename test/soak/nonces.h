/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A set of (key, counter), exact but for the key, of which 64 bits are kept: a bitmap of 64
 * counters per entry, open addressing. It only grows. Its memory is mapped, so that it does not
 * count as the library's (memory.h). Memory running out ends the program.
 */
#ifndef SOAK_NONCES_H
#define SOAK_NONCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct soak_nonce_block {
	uint64_t tag; /* of the key and counter / 64; 0: free */
	uint64_t counters;
};

/* All zero is empty. */
struct soak_nonces {
	struct soak_nonce_block *blocks;
	size_t used, room;
	uint64_t count;
};

/* False when it is there already. */
bool soak_nonces_add(struct soak_nonces *set, const uint8_t key[32], uint64_t counter);
bool soak_nonces_has(const struct soak_nonces *set, const uint8_t key[32], uint64_t counter);
void soak_nonces_free(struct soak_nonces *set);

#endif
