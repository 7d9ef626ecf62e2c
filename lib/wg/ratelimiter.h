/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many handshake messages a source may send while we are under load: 20 a second, bursts of 5,
 * per IPv4 address or IPv6 /64. Asked only for sources that have proven their address by a cookie.
 *
 * Memory is fixed: a salted set-associative table. An entry is forgotten when its bucket is full
 * again (250 ms at most); a source whose set is taken by others is refused until then. One
 * thread, that of the admission (admission.h) which it is part of.
 */
#ifndef WG_RATELIMITER_H
#define WG_RATELIMITER_H

#include <stdbool.h>
#include <stdint.h>

#include "endpoint.h"
#include "messages.h"
#include "random.h"

#define WG_RATELIMITER_PER_SECOND 20
#define WG_RATELIMITER_BURST 5

struct wg_ratelimiter;

/* NULL and errno = ENOMEM on failure. */
struct wg_ratelimiter *wg_ratelimiter_create(const struct wg_random *rnd);
void wg_ratelimiter_destroy(struct wg_ratelimiter *rl);

/* May one more message of this source pass? now: ns, as in device.h. */
bool wg_ratelimiter_allow(struct wg_ratelimiter *rl, const struct wg_endpoint *from, uint64_t now);

#endif
