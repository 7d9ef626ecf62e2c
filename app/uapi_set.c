/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "parse.h"
#include "peer_options.h"
#include "uapi_private.h"

struct key {
	const char *name;
	/* u, or its last peer, gets the value. 0 or -errno. */
	int (*device)(struct wg_update *u, const char *value);
	int (*peer)(struct wg_update_peer *peer, const char *value);
};

static int
verdict(const char *reason)
{
	return reason ? -EINVAL : 0;
}

static int
parse_true(const char *value, bool *flag)
{
	if (strcmp(value, "true") != 0)
		return -EINVAL;
	*flag = true;
	return 0;
}

static int
set_private_key(struct wg_update *u, const char *value)
{
	u->has_private_key = true;
	return verdict(tg_parse_key_hex(value, u->private_key));
}

static int
set_listen_port(struct wg_update *u, const char *value)
{
	u->has_listen_port = true;
	return verdict(tg_parse_port(value, &u->listen_port));
}

static int
set_fwmark(struct wg_update *u, const char *value)
{
	u->has_fwmark = true;
	return verdict(tg_parse_fwmark(value, &u->fwmark));
}

static int
set_replace_peers(struct wg_update *u, const char *value)
{
	return parse_true(value, &u->replace_peers);
}

static int
set_public_key(struct wg_update *u, const char *value)
{
	struct wg_update_peer *peer = wg_update_add_peer(u);

	return peer ? verdict(tg_parse_key_hex(value, peer->public_key)) : -ENOMEM;
}

static int
set_preshared_key(struct wg_update_peer *peer, const char *value)
{
	peer->has_preshared_key = true;
	return verdict(tg_parse_key_hex(value, peer->preshared_key));
}

static int
set_endpoint(struct wg_update_peer *peer, const char *value)
{
	peer->has_endpoint = true;
	return verdict(tg_parse_endpoint(value, &peer->endpoint));
}

static int
set_keepalive(struct wg_update_peer *peer, const char *value)
{
	peer->has_keepalive = true;
	return verdict(tg_parse_keepalive(value, &peer->keepalive));
}

static int
set_allowed_ip(struct wg_update_peer *peer, const char *value)
{
	struct wg_update_allowed *allowed = wg_update_add_allowed(peer);

	if (!allowed)
		return -ENOMEM;
	allowed->remove = *value == '-';
	return verdict(tg_parse_prefix(value + allowed->remove, &allowed->prefix));
}

static int
set_replace_allowed_ips(struct wg_update_peer *peer, const char *value)
{
	return parse_true(value, &peer->replace_allowed_ips);
}

static int
set_protocol_version(struct wg_update_peer *peer, const char *value)
{
	(void)peer;
	return strcmp(value, "1") == 0 ? 0 : -EINVAL;
}

static int
set_remove(struct wg_update_peer *peer, const char *value)
{
	return parse_true(value, &peer->remove);
}

static int
set_update_only(struct wg_update_peer *peer, const char *value)
{
	return parse_true(value, &peer->update_only);
}

static const struct key keys[] = {
	{"public_key", .device = set_public_key},
	{"allowed_ip", .peer = set_allowed_ip},
	{"endpoint", .peer = set_endpoint},
	{"preshared_key", .peer = set_preshared_key},
	{"persistent_keepalive_interval", .peer = set_keepalive},
	{"replace_allowed_ips", .peer = set_replace_allowed_ips},
	{"protocol_version", .peer = set_protocol_version},
	{"remove", .peer = set_remove},
	{"update_only", .peer = set_update_only},
	{"private_key", .device = set_private_key},
	{"listen_port", .device = set_listen_port},
	{"fwmark", .device = set_fwmark},
	{"replace_peers", .device = set_replace_peers},
};

/* Not one of the protocol's keys. */
static int
apply_own(struct wg_update *u, const char *name, const char *value)
{
	const struct tg_peer_option *option = tg_peer_options;

	while (option->uapi_name && strcmp(option->uapi_name, name) != 0)
		option++;
	if (!option->uapi_name || !u->n_peers)
		return -EINVAL;
	return verdict(option->parse(value, &u->peers[u->n_peers - 1]));
}

/* Keys of the device end where the first peer begins; public_key begins one anywhere. */
static int
apply_key(struct wg_update *u, const char *name, const char *value)
{
	for (size_t i = 0; i < RTE_DIM(keys); i++) {
		const struct key *key = &keys[i];

		if (strcmp(key->name, name) != 0)
			continue;
		if (key->peer)
			return u->n_peers ? key->peer(&u->peers[u->n_peers - 1], value) : -EINVAL;
		if (u->n_peers && key->device != set_public_key)
			return -EINVAL;
		return key->device(u, value);
	}
	return apply_own(u, name, value);
}

static int
parse_line(struct wg_update *u, char *line)
{
	char *value = strchr(line, '=');

	if (!value)
		return -EINVAL;
	*value++ = '\0';
	return apply_key(u, line, value);
}

int
tg_uapi_parse(char *text, size_t len, struct wg_update *u)
{
	char *end = text + len;
	int rc = 0;

	if (memchr(text, '\0', len))
		rc = -EINVAL;
	while (!rc && text < end) {
		char *newline = memchr(text, '\n', end - text);

		if (!newline) {
			rc = -EINVAL;
			break;
		}
		*newline = '\0';
		rc = parse_line(u, text);
		text = newline + 1;
	}
	if (rc)
		wg_update_free(u);
	return rc;
}
