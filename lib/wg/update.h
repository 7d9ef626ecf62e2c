/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A change to a device, as `wg set`, `wg syncconf` or a configuration file asks for it: built by a
 * parser, applied whole or not at all by wg_device_apply(). The builder owns it; wg_update_free()
 * wipes the keys in it.
 */
#ifndef WG_UPDATE_H
#define WG_UPDATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "endpoint.h"
#include "lpm.h"
#include "messages.h"

struct wg_update_allowed {
	struct lpm_prefix prefix;
	bool remove;
};

struct wg_update_peer {
	uint8_t public_key[WG_KEY_LEN];
	bool remove;
	bool update_only;
	bool replace_allowed_ips;
	bool has_preshared_key;
	bool has_endpoint;
	bool has_keepalive;
	bool has_weight;
	bool has_rate;
	bool has_ecn;
	bool has_replay_window;
	bool ecn;
	uint8_t preshared_key[WG_KEY_LEN]; /* all zero: none */
	struct wg_endpoint endpoint;
	uint16_t keepalive; /* s */
	uint16_t weight;
	uint16_t replay_window;
	uint64_t rate; /* bytes per s, 0: no limit */
	struct wg_update_allowed *allowed;
	size_t n_allowed;
};

struct wg_update {
	bool has_private_key;
	bool has_listen_port;
	bool has_fwmark;
	bool replace_peers;
	uint8_t private_key[WG_KEY_LEN]; /* all zero: none */
	uint16_t listen_port; /* host order */
	uint32_t fwmark;
	struct wg_update_peer
		*peers; /* in the order given: later ones see the effect of earlier ones */
	size_t n_peers;
};

void wg_update_init(struct wg_update *u);
/* NULL on out of memory. The pointer is valid until the next call. */
struct wg_update_peer *wg_update_add_peer(struct wg_update *u);
struct wg_update_allowed *wg_update_add_allowed(struct wg_update_peer *p);
void wg_update_free(struct wg_update *u);

#endif
