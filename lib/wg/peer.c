/* SPDX-License-Identifier: BSD-3-Clause */
#include "peer.h"

#include <rte_common.h>

#include "vault.h"

struct wg_peer *
wg_peer_create(struct wg_vault *vault, const uint8_t public_key[WG_KEY_LEN])
{
	struct wg_peer *peer = wg_vault_take(vault);

	if (!peer)
		return NULL;
	peer->vault = vault;
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
		wg_vault_give(peer->vault, peer);
}

void
wg_peer_free_rcu(struct rcu_head *head)
{
	wg_peer_free(container_of(head, struct wg_peer, rcu));
}
