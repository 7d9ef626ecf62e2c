/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the program holds in memory: the linker leads malloc and its kin through here (meson.build),
 * sodium_malloc and what vaults give out likewise. Mappings are led through here too, to be plain
 * memory, and do not count; nor does what libraries outside the tree allocate for themselves.
 */
#ifndef SOAK_MEMORY_H
#define SOAK_MEMORY_H

#include <stddef.h>

struct soak_memory {
	size_t objects;
	size_t bytes; /* usable, of malloc */
	size_t guarded; /* objects of sodium_malloc */
	size_t kept; /* things of vaults */
};

struct soak_memory soak_memory(void);

#endif
