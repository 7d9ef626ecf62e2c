/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_common.h>

#include "index.h"
#include "keypair.h"
#include "noise.h"
#include "vault.h"

struct wg_keypair *
wg_keypair_create(struct wg_vault *vault, struct wg_peer *peer, const struct wg_session_keys *keys,
	uint32_t local_index, uint32_t remote_index, bool initiator, uint64_t now)
{
	struct wg_keypair *kp = wg_vault_take(vault);

	if (!kp)
		return NULL;
	kp->vault = vault;
	memcpy(kp->send_key, keys->send, WG_KEY_LEN);
	memcpy(kp->recv_key, keys->receive, WG_KEY_LEN);
	kp->birth = now;
	kp->recv_until = now + WG_REJECT_AFTER_TIME;
	kp->peer = peer;
	kp->local_index = local_index;
	kp->session = local_index;
	kp->remote_index = remote_index;
	kp->initiator = initiator;
	atomic_init(&kp->unconfirmed, !initiator);
	return kp;
}

static void
wipe_and_free(struct rcu_head *head)
{
	struct wg_keypair *kp = container_of(head, struct wg_keypair, rcu);

	wg_vault_give(kp->vault, kp);
}

void
wg_keypair_retire(struct wg_keypair *kp, struct wg_index *index, struct rcu *rcu)
{
	if (!kp)
		return;
	wg_index_remove(index, kp->local_index);
	rcu_call(rcu, &kp->rcu, wipe_and_free);
}
