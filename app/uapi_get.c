/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <sodium.h>

#include "peer_options.h"
#include "uapi_private.h"

static void
put_text(struct tg_uapi_buf *buf, const char *text)
{
	size_t len = strlen(text);
	char *room = tg_uapi_buf_reserve(buf, len);

	if (!room)
		return;
	memcpy(room, text, len);
	buf->len += len;
}

static void
put_number(struct tg_uapi_buf *buf, const char *name, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64 "\n", number);
	put_text(buf, name);
	put_text(buf, text);
}

/* Secrets go straight into buf, which is wiped. */
static void
put_key(struct tg_uapi_buf *buf, const char *name, const uint8_t key[WG_KEY_LEN])
{
	char *room;

	put_text(buf, name);
	room = tg_uapi_buf_reserve(buf, 2 * WG_KEY_LEN + 1);
	if (!room)
		return;
	sodium_bin2hex(room, 2 * WG_KEY_LEN + 1, key, WG_KEY_LEN);
	room[2 * WG_KEY_LEN] = '\n';
	buf->len += 2 * WG_KEY_LEN + 1;
}

static void
put_endpoint(struct tg_uapi_buf *buf, const struct wg_endpoint *ep)
{
	char addr[INET6_ADDRSTRLEN];
	char text[INET6_ADDRSTRLEN + 32];

	if (!ep->family)
		return;
	inet_ntop(ep->family, ep->addr, addr, sizeof(addr));
	snprintf(text, sizeof(text),
		ep->family == AF_INET6 ? "endpoint=[%s]:%u\n" : "endpoint=%s:%u\n", addr,
		ntohs(ep->port));
	put_text(buf, text);
}

static void
put_allowed_ip(struct tg_uapi_buf *buf, const struct lpm_prefix *prefix)
{
	char addr[INET6_ADDRSTRLEN];
	char text[INET6_ADDRSTRLEN + 32];

	inet_ntop(prefix->family, prefix->addr, addr, sizeof(addr));
	snprintf(text, sizeof(text), "allowed_ip=%s/%u\n", addr, prefix->len);
	put_text(buf, text);
}

static void
put_own(struct tg_uapi_buf *buf, const struct wg_peer *peer)
{
	const struct tg_peer_option *option;
	char name[32];

	for (option = tg_peer_options; option->uapi_name; option++) {
		snprintf(name, sizeof(name), "%s=", option->uapi_name);
		put_number(buf, name, option->get(peer));
	}
}

static uint64_t
sum(const _Atomic uint64_t *data, const _Atomic uint64_t *handshakes)
{
	return atomic_load_explicit(data, memory_order_relaxed) +
		atomic_load_explicit(handshakes, memory_order_relaxed);
}

void
tg_uapi_print_peer(const struct wg_peer *peer, struct tg_uapi_buf *buf)
{
	const struct wg_allowedips_node *node;

	put_key(buf, "public_key=", peer->handshake.remote_static);
	put_key(buf, "preshared_key=", peer->handshake.preshared_key);
	put_text(buf, "protocol_version=1\n");
	put_endpoint(buf, &peer->endpoint);
	put_number(buf, "last_handshake_time_sec=", peer->timers.last_handshake / WG_NS_PER_S);
	put_number(buf, "last_handshake_time_nsec=", peer->timers.last_handshake % WG_NS_PER_S);
	put_number(buf, "tx_bytes=", sum(&peer->tx_bytes, &peer->handshake_tx_bytes));
	put_number(buf, "rx_bytes=", sum(&peer->rx_bytes, &peer->handshake_rx_bytes));
	put_number(buf, "persistent_keepalive_interval=", peer->persistent_keepalive);
	put_own(buf, peer);
	WG_ALLOWEDIPS_FOREACH(node, &peer->allowed)
	put_allowed_ip(buf, &node->prefix);
}

void
tg_uapi_print_device(struct wg_device *dev, struct tg_uapi_buf *buf)
{
	const uint8_t *private_key = wg_device_private_key(dev);

	if (!sodium_is_zero(private_key, WG_KEY_LEN))
		put_key(buf, "private_key=", private_key);
	if (wg_device_listen_port(dev))
		put_number(buf, "listen_port=", wg_device_listen_port(dev));
	if (wg_device_fwmark(dev))
		put_number(buf, "fwmark=", wg_device_fwmark(dev));
}
