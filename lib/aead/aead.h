/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ChaCha20-Poly1305 (RFC 8439) in place and in bursts, as WireGuard's data messages use it: the
 * nonce is four zero bytes and the counter as 64 bits little-endian, there is no additional data,
 * the tag has 16 bytes and follows the text.
 *
 * Threads: one struct aead per lcore. Any thread may create or destroy it (its memory comes from
 * the NUMA node of the creator); only one at a time may use it. The burst calls neither allocate,
 * block nor make system calls.
 *
 * Memory: the caller owns the jobs, texts and keys. Nothing outside text[0 .. len + 16) is read or
 * written, no pointer is followed after the call returns, and no key is kept.
 */
#ifndef AEAD_H
#define AEAD_H

#include <stdbool.h>
#include <stdint.h>

#define AEAD_KEY_LEN 32
#define AEAD_TAG_LEN 16

enum aead_backend {
	AEAD_AUTO, /* IPsec-MB where the CPU can run it, else libsodium */
	AEAD_IPSEC_MB,
	AEAD_LIBSODIUM,
};

/* Texts of one burst must not overlap, keys may be shared; texts and keys need no alignment. */
struct aead_job {
	uint8_t *text; /* len bytes, then AEAD_TAG_LEN bytes for the tag */
	const uint8_t *key; /* AEAD_KEY_LEN bytes */
	uint64_t counter; /* host order; never the same one twice for sealing with one key */
	uint32_t len; /* bytes of text, without the tag in both directions; 0 is a keepalive */
	bool ok; /* set by aead_open_burst */
};

struct aead;

/*
 * NULL and errno: ENOTSUP when the back end cannot run on this CPU, ENOMEM, EINVAL when want is
 * no back end.
 */
struct aead *aead_create(enum aead_backend want);

/* Wipes and frees; NULL is allowed. */
void aead_destroy(struct aead *a);

/* The back end in use, "ipsec-mb" or "libsodium"; a constant string. */
const char *aead_name(const struct aead *a);

/* Reads "auto", "ipsec-mb" or "libsodium". 0, or -EINVAL and *out untouched. */
int aead_backend_parse(const char *name, enum aead_backend *out);

/*
 * Encrypts each text and writes its tag behind it. Any n, 0 included. Aborts the process rather
 * than leave a text in clear.
 */
void aead_seal_burst(struct aead *a, struct aead_job *jobs, unsigned int n);

/*
 * Checks each tag, in constant time, and decrypts; sets ok in every job. A text that is not ok has
 * undefined content and must not be looked at. The tag's own bytes are left as they are. Returns
 * how many are ok.
 */
unsigned int aead_open_burst(struct aead *a, struct aead_job *jobs, unsigned int n);

#endif
