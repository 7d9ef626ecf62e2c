/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receiver index -> keypair (data path) or peer with a handshake under way (control).
 *
 * A directly indexed table: the high bits of an index are its slot, all 32 bits are random but for
 * one constraint: index % lanes == lane. All sessions of a peer share a lane, so that RX, which
 * knows only the index, sends them to the same crypto lcore and a rekey does not reorder the peer's
 * packets.
 */
#ifndef WG_INDEX_H
#define WG_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "random.h"

struct wg_index;
struct wg_keypair;
struct wg_peer;

/* Control. Room for at least 4 * max_peers entries. NULL and errno = ENOMEM on failure. */
struct wg_index *wg_index_create(uint32_t max_peers, uint32_t lanes, const struct wg_random *rnd);
/* NULL is allowed. */
void wg_index_destroy(struct wg_index *t);

/*
 * Control. Picks a free index on the lane for peer's handshake; 0, or -ENOSPC. It tries at random:
 * a table that is all but full (more than four entries for each of max_peers) may refuse too.
 */
int
wg_index_add_handshake(struct wg_index *t, struct wg_peer *peer, uint32_t lane, uint32_t *index);

/* Control. The handshake at index has become a session, under the same index. */
void wg_index_set_keypair(struct wg_index *t, uint32_t index, struct wg_keypair *kp);

/* Control. Frees the index; readers may hold what was there until a grace period has passed. */
void wg_index_remove(struct wg_index *t, uint32_t index);

/* Control. The peer whose handshake has this index, or NULL. */
struct wg_peer *wg_index_handshake(const struct wg_index *t, uint32_t index);

/* Any reader. Whether the slot of this index holds anything: says no to nearly all made-up ones. */
bool wg_index_taken(const struct wg_index *t, uint32_t index);

/* Data path. The session with this index, or NULL. */
struct wg_keypair *wg_index_keypair(const struct wg_index *t, uint32_t index);

/* Data path. Ask for the memory that wg_index_keypair() reads: the slot, then the session in it. */
void wg_index_fetch_slot(const struct wg_index *t, uint32_t index);
/* What is in the slot, to ask for more of it: perhaps another session, or NULL. */
const struct wg_keypair *wg_index_fetch(const struct wg_index *t, uint32_t index);

#endif
