/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Between aead.c and its back ends, and for tests that need what WireGuard leaves at zero: the
 * first four bytes of the nonce and additional data. Threads, memory and errors are as in aead.h.
 */
#ifndef AEAD_PRIVATE_H
#define AEAD_PRIVATE_H

#include <endian.h>
#include <string.h>

#include "aead.h"

#define AEAD_NONCE_LEN 12
#define AEAD_NONCE_PREFIX_LEN 4

/* The same for every job of a burst. All zero: a WireGuard data message. */
struct aead_common {
	uint8_t prefix[AEAD_NONCE_PREFIX_LEN];
	const uint8_t *aad;
	uint32_t aad_len;
};

struct aead_ops {
	const char *name;
	int (*init)(void **state); /* 0, -ENOTSUP, -ENOMEM */
	void (*fini)(void *state);
	void (*seal)(
		void *state, const struct aead_common *c, struct aead_job *jobs, unsigned int n);
	/* Sets ok in every job, returns how many are. */
	unsigned int (*open)(
		void *state, const struct aead_common *c, struct aead_job *jobs, unsigned int n);
};

extern const struct aead_ops aead_ipsec_mb_ops;
extern const struct aead_ops aead_libsodium_ops;

void aead_seal_common(
	struct aead *a, const struct aead_common *c, struct aead_job *jobs, unsigned int n);
unsigned int aead_open_common(
	struct aead *a, const struct aead_common *c, struct aead_job *jobs, unsigned int n);

static inline void
aead_nonce(uint8_t nonce[AEAD_NONCE_LEN], const struct aead_common *c, uint64_t counter)
{
	uint64_t le = htole64(counter);

	memcpy(nonce, c->prefix, AEAD_NONCE_PREFIX_LEN);
	memcpy(nonce + AEAD_NONCE_PREFIX_LEN, &le, sizeof(le));
}

#endif
