/* SPDX-License-Identifier: BSD-3-Clause */
/* The peer of a device that has this public key, or NULL. */
#ifndef PEER_OF_KEY_H
#define PEER_OF_KEY_H

#include "device_private.h"

static inline struct wg_peer *
peer_of_key(const struct wg_device *dev, const uint8_t public_key[WG_KEY_LEN])
{
	return wg_peers_find(&dev->peers, public_key);
}

#endif
