/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a peer is on the outer network. Plain data, owned by whatever embeds it. */
#ifndef WG_ENDPOINT_H
#define WG_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * family: AF_INET, AF_INET6, or 0 for none. port and addresses in network order, IPv4 in the first
 * 4 bytes, the rest zero. src is our address that the peer last reached us at (answers leave from
 * it); all zero when routing shall choose. iface names the interface it came in by, as the caller
 * likes to; 0 when that is not known.
 */
struct wg_endpoint {
	uint16_t family;
	uint16_t port;
	uint8_t addr[16];
	uint8_t src[16];
	uint16_t iface;
};

static inline bool
wg_endpoint_equal(const struct wg_endpoint *a, const struct wg_endpoint *b)
{
	bool same_iface = a->iface == b->iface || !a->iface || !b->iface;

	return same_iface && memcmp(a, b, offsetof(struct wg_endpoint, iface)) == 0;
}

#endif
