/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a handshake message has to pass before anything is computed for it (white paper, section
 * 5.3): its length, mac1, and under load a cookie and the rate limit of its source.
 *
 * Each thread that takes handshake messages from the network has one of its own. All messages of a
 * source (IPv4 address or IPv6 /64) have to reach the same one: the cookies that it gives are valid
 * with it alone, and it counts what the source has sent.
 */
#ifndef WG_ADMISSION_H
#define WG_ADMISSION_H

#include "endpoint.h"
#include "noise.h"
#include "random.h"
#include "refusal.h"

struct wg_admission;

/* NULL and errno = ENOMEM on failure. rnd is asked by the thread that uses this. */
struct wg_admission *wg_admission_create(const struct wg_random *rnd);
/* NULL is allowed. */
void wg_admission_destroy(struct wg_admission *a);

/*
 * May this message go on, which claims to be for identity? now: ns, as in device.h. After
 * WG_REFUSED_UNDER_LOAD a cookie reply is what it gets.
 */
enum wg_refusal wg_admission_check(struct wg_admission *a, const struct wg_identity *identity,
	const void *msg, size_t len, const struct wg_endpoint *from, bool under_load, uint64_t now);

/* The cookie reply to msg, an initiation or a response that was checked before. */
void wg_admission_reply(struct wg_admission *a, struct wg_cookie_reply *reply, const void *msg,
	size_t len, const struct wg_endpoint *from, uint64_t now);

#endif
