/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The sliding window against replayed data messages (RFC 6479, WireGuard whitepaper section 5.4.6).
 *
 * A counter is accepted once, when it is at most WG_REPLAY_WINDOW behind the highest accepted so
 * far and below WG_REJECT_AFTER_MESSAGES. Counters are in host order. The bitmap is a ring of words
 * in which one word is always spare, so that moving the window clears whole words.
 *
 * One thread per window: the crypto lcore that decrypts its session. All zeros is an empty window.
 */
#ifndef WG_REPLAY_H
#define WG_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_prefetch.h>

#define WG_REPLAY_BITS 8192
#define WG_REPLAY_WORDS (WG_REPLAY_BITS / 64)
#define WG_REPLAY_WINDOW (WG_REPLAY_BITS - 64)

struct wg_replay {
	uint64_t highest;
	uint64_t bits[WG_REPLAY_WORDS];
};

/* Asks for what wg_replay_check() and wg_replay_update() read for this counter. */
static inline void
wg_replay_fetch(const struct wg_replay *r, uint64_t counter)
{
	rte_prefetch0(&r->highest);
	rte_prefetch0(&r->bits[counter / 64 % WG_REPLAY_WORDS]);
}

/* Whether wg_replay_update() would accept it: to refuse before the cost of decryption. */
bool wg_replay_check(const struct wg_replay *r, uint64_t counter);

/* Only for an authenticated packet. Takes note of the counter; false: the packet must be dropped.
 */
bool wg_replay_update(struct wg_replay *r, uint64_t counter);

#endif
