/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "aead_private.h"

struct aead {
	const struct aead_ops *ops;
	void *state;
};

static const struct aead_common wireguard;

static const struct aead_ops *const backends[] = {
	[AEAD_IPSEC_MB] = &aead_ipsec_mb_ops,
	[AEAD_LIBSODIUM] = &aead_libsodium_ops,
};

static int
aead_start(struct aead *a, enum aead_backend want)
{
	a->ops = backends[want];
	return a->ops->init(&a->state);
}

struct aead *
aead_create(enum aead_backend want)
{
	struct aead *a;
	int rc;

	if (want != AEAD_AUTO && want != AEAD_IPSEC_MB && want != AEAD_LIBSODIUM) {
		errno = EINVAL;
		return NULL;
	}
	a = calloc(1, sizeof(*a));
	if (a == NULL)
		return NULL;
	rc = aead_start(a, want == AEAD_AUTO ? AEAD_IPSEC_MB : want);
	if (rc == -ENOTSUP && want == AEAD_AUTO)
		rc = aead_start(a, AEAD_LIBSODIUM);
	if (rc < 0) {
		free(a);
		errno = -rc;
		return NULL;
	}
	return a;
}

void
aead_destroy(struct aead *a)
{
	if (a == NULL)
		return;
	a->ops->fini(a->state);
	free(a);
}

const char *
aead_name(const struct aead *a)
{
	return a->ops->name;
}

int
aead_backend_parse(const char *name, enum aead_backend *out)
{
	if (strcmp(name, "auto") == 0) {
		*out = AEAD_AUTO;
		return 0;
	}
	for (unsigned int i = AEAD_IPSEC_MB; i <= AEAD_LIBSODIUM; i++) {
		if (strcmp(name, backends[i]->name) == 0) {
			*out = i;
			return 0;
		}
	}
	return -EINVAL;
}

void
aead_seal_common(struct aead *a, const struct aead_common *c, struct aead_job *jobs, unsigned int n)
{
	a->ops->seal(a->state, c, jobs, n);
}

unsigned int
aead_open_common(struct aead *a, const struct aead_common *c, struct aead_job *jobs, unsigned int n)
{
	return a->ops->open(a->state, c, jobs, n);
}

void
aead_seal_burst(struct aead *a, struct aead_job *jobs, unsigned int n)
{
	aead_seal_common(a, &wireguard, jobs, n);
}

unsigned int
aead_open_burst(struct aead *a, struct aead_job *jobs, unsigned int n)
{
	return aead_open_common(a, &wireguard, jobs, n);
}
