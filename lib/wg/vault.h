/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory for things of one size that hold keys, peers and sessions: one range of addresses between
 * guard pages, reserved for all that there may be. What is in use of it is, as with
 * sodium_malloc(), locked (never in swap, as far as RLIMIT_MEMLOCK lets it) and left out of core
 * dumps, and a thing is wiped when it is given back. Made usable by the chunk, since a million
 * peers cannot have pages and guards of their own; the rest costs addresses only, and reads as
 * zeroes.
 *
 * So a thing has a number, its place, and who knows base and place need not look it up. What was
 * given back is taken again as late as possible; memory goes back to the system with the vault.
 *
 * Any thread but those of the data path: a short lock.
 */
#ifndef WG_VAULT_H
#define WG_VAULT_H

#include <stddef.h>
#include <stdint.h>

struct wg_vault;

/*
 * Room for max things. size: bytes of one, a multiple of the cache line. head: its first bytes are
 * its place's own, at first zero and then neither wiped nor zeroed, so that anybody may read them
 * at any time, whether the place is taken or not; a multiple of 8. NULL when memory is short, or
 * libsodium cannot start.
 */
struct wg_vault *wg_vault_create(size_t size, uint32_t max, size_t head);
/* All things are back, or never used again. NULL is allowed. */
void wg_vault_destroy(struct wg_vault *v);

/* All zero behind the head, aligned to cache lines; NULL and errno: ENOMEM when memory is short,
 * EAGAIN when all places are taken. */
void *wg_vault_take(struct wg_vault *v);
/* Wipes it. NULL is allowed. */
void wg_vault_give(struct wg_vault *v, void *thing);

/* Place i, of max, begins i * size bytes from here. */
void *wg_vault_base(const struct wg_vault *v);

#endif
