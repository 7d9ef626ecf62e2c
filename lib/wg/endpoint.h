/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a peer is on the outer network. Plain data, owned by whatever embeds it. */
#ifndef WG_ENDPOINT_H
#define WG_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * family: AF_INET, AF_INET6, or 0 for none. port and addresses in network order, IPv4 in the first
 * 4 bytes, the rest zero. src is our address that the peer last reached us at (answers leave from
 * it); all zero when routing shall choose.
 */
struct wg_endpoint {
	uint16_t family;
	uint16_t port;
	uint8_t addr[16];
	uint8_t src[16];
};

static inline bool
wg_endpoint_equal(const struct wg_endpoint *a, const struct wg_endpoint *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

#endif
