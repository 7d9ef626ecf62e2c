/* SPDX-License-Identifier: BSD-3-Clause */
/* Where secret and unpredictable bytes come from: the operating system, or a script in tests. */
#ifndef WG_RANDOM_H
#define WG_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct wg_random {
	void (*fill)(void *ctx, void *buf, size_t len);
	void *ctx;
};

static inline void
wg_random_fill(const struct wg_random *rnd, void *buf, size_t len)
{
	rnd->fill(rnd->ctx, buf, len);
}

static inline uint32_t
wg_random_u32(const struct wg_random *rnd)
{
	uint32_t value;

	wg_random_fill(rnd, &value, sizeof(value));
	return value;
}

#endif
