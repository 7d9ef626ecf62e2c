/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <sodium.h>

#include "peer.h"

struct wg_peer *
wg_peer_create(const uint8_t public_key[WG_KEY_LEN])
{
	struct wg_peer *peer = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*peer));

	if (!peer)
		return NULL;
	memset(peer, 0, sizeof(*peer));
	atomic_init(&peer->weight, WG_WEIGHT_DEFAULT);
	atomic_init(&peer->replay_window, WG_REPLAY_WINDOW);
	atomic_init(&peer->mtu, UINT16_MAX);
	atomic_init(&peer->ecn, true);
	wg_handshake_init(&peer->handshake, public_key);
	wg_allowedips_list_init(&peer->allowed);
	return peer;
}

void
wg_peer_free(struct wg_peer *peer)
{
	if (peer)
		sodium_memzero(peer, sizeof(*peer));
	free(peer);
}

void
wg_peer_free_rcu(struct rcu_head *head)
{
	wg_peer_free(container_of(head, struct wg_peer, rcu));
}
