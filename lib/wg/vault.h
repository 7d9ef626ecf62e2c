/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory for things of one size that hold keys, peers and sessions: from sodium_malloc(), so locked
 * (never in swap, as far as RLIMIT_MEMLOCK lets it), left out of core dumps, and between guard
 * pages; wiped when it is given back. By the chunk, since a million peers cannot have pages and
 * guards of their own. What was given back is taken again as late as possible; memory goes back to
 * the system with the vault.
 *
 * Any thread but those of the data path: a short lock.
 */
#ifndef WG_VAULT_H
#define WG_VAULT_H

#include <stddef.h>

struct wg_vault;

/* size: bytes of a thing, a multiple of the cache line. NULL when memory is short, or libsodium
 * cannot start. */
struct wg_vault *wg_vault_create(size_t size);
/* All things are back, or never used again. NULL is allowed. */
void wg_vault_destroy(struct wg_vault *v);

/* All zero, aligned to cache lines; NULL when memory is short. */
void *wg_vault_take(struct wg_vault *v);
/* Wipes it. NULL is allowed. */
void wg_vault_give(struct wg_vault *v, void *thing);

#endif
