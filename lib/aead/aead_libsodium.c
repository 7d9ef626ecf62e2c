/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sodium.h>

#include "aead_private.h"

static int
sodium_start(void **state)
{
	*state = NULL;
	return sodium_init() < 0 ? -ENOTSUP : 0;
}

static void
sodium_stop(void *state)
{
	(void)state;
}

static void
sodium_seal(void *state, const struct aead_common *c, struct aead_job *jobs, unsigned int n)
{
	uint8_t nonce[AEAD_NONCE_LEN];

	(void)state;
	for (struct aead_job *j = jobs; j < jobs + n; j++) {
		aead_nonce(nonce, c, j->counter);
		crypto_aead_chacha20poly1305_ietf_encrypt_detached(j->text, j->text + j->len, NULL,
			j->text, j->len, c->aad, c->aad_len, NULL, nonce, j->key);
	}
}

static unsigned int
sodium_open(void *state, const struct aead_common *c, struct aead_job *jobs, unsigned int n)
{
	uint8_t nonce[AEAD_NONCE_LEN];
	unsigned int good = 0;

	(void)state;
	for (struct aead_job *j = jobs; j < jobs + n; j++) {
		aead_nonce(nonce, c, j->counter);
		j->ok = crypto_aead_chacha20poly1305_ietf_decrypt_detached(j->text, NULL, j->text,
				j->len, j->text + j->len, c->aad, c->aad_len, nonce, j->key) == 0;
		good += j->ok;
	}
	return good;
}

const struct aead_ops aead_libsodium_ops = {
	.name = "libsodium",
	.init = sodium_start,
	.fini = sodium_stop,
	.seal = sodium_seal,
	.open = sodium_open,
};
