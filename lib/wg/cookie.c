/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>
#include <sys/socket.h>

#include <sodium.h>

#include "cookie.h"

#define ADDRESS_LEN_MAX 16

static void
label_key(uint8_t key[WG_HASH_LEN], const char label[8], const uint8_t public_key[WG_KEY_LEN])
{
	wg_hash(key, label, 8, public_key, WG_KEY_LEN);
}

static const struct wg_macs *
macs_of(const void *msg, size_t len)
{
	return (const struct wg_macs *)((const uint8_t *)msg + len - sizeof(struct wg_macs));
}

static void
compute_mac2(
	uint8_t mac2[WG_MAC_LEN], const uint8_t cookie[WG_COOKIE_LEN], const void *msg, size_t len)
{
	wg_mac(mac2, cookie, WG_COOKIE_LEN, msg, len - WG_MAC_LEN);
}

static void
make_cookie(struct wg_cookie_checker *c, uint8_t cookie[WG_COOKIE_LEN],
	const struct wg_endpoint *from, uint64_t now)
{
	uint8_t source[ADDRESS_LEN_MAX + sizeof(from->port)];
	size_t len = from->family == AF_INET ? 4 : ADDRESS_LEN_MAX;

	if (!c->secret_birth || now - c->secret_birth >= WG_COOKIE_SECRET_MAX_AGE) {
		wg_random_fill(&c->random, c->secret, sizeof(c->secret));
		c->secret_birth = now;
	}
	memcpy(source, from->addr, len);
	memcpy(source + len, &from->port, sizeof(from->port));
	wg_mac(cookie, c->secret, sizeof(c->secret), source, len + sizeof(from->port));
}

void
wg_cookie_checker_init(struct wg_cookie_checker *c, const struct wg_random *rnd)
{
	memset(c, 0, sizeof(*c));
	c->random = *rnd;
}

void
wg_cookie_checker_set_key(struct wg_cookie_checker *c, const uint8_t public_key[WG_KEY_LEN])
{
	uint8_t key[WG_HASH_LEN];

	label_key(key, "mac1----", public_key);
	wg_mac_key_set(&c->mac1_key, key);
	label_key(c->cookie_key, "cookie--", public_key);
}

bool
wg_cookie_check_mac1(const struct wg_cookie_checker *c, const void *msg, size_t len)
{
	uint8_t mac1[WG_MAC_LEN];

	wg_mac_public(mac1, &c->mac1_key, msg, len - sizeof(struct wg_macs));
	return sodium_memcmp(mac1, macs_of(msg, len)->mac1, WG_MAC_LEN) == 0;
}

bool
wg_cookie_check_mac2(struct wg_cookie_checker *c, const void *msg, size_t len,
	const struct wg_endpoint *from, uint64_t now)
{
	uint8_t cookie[WG_COOKIE_LEN], mac2[WG_MAC_LEN];
	bool ok;

	make_cookie(c, cookie, from, now);
	compute_mac2(mac2, cookie, msg, len);
	ok = sodium_memcmp(mac2, macs_of(msg, len)->mac2, WG_MAC_LEN) == 0;
	sodium_memzero(cookie, sizeof(cookie));
	return ok;
}

void
wg_cookie_create_reply(struct wg_cookie_checker *c, struct wg_cookie_reply *reply, const void *msg,
	size_t len, const struct wg_endpoint *from, uint64_t now)
{
	uint8_t cookie[WG_COOKIE_LEN];

	reply->type = rte_cpu_to_le_32(WG_MESSAGE_COOKIE);
	/* The sender's index: the second word of both messages. */
	memcpy(&reply->receiver, (const uint8_t *)msg + sizeof(rte_le32_t), sizeof(rte_le32_t));
	wg_random_fill(&c->random, reply->nonce, sizeof(reply->nonce));
	make_cookie(c, cookie, from, now);
	crypto_aead_xchacha20poly1305_ietf_encrypt(reply->encrypted_cookie, NULL, cookie,
		sizeof(cookie), macs_of(msg, len)->mac1, WG_MAC_LEN, NULL, reply->nonce,
		c->cookie_key);
	sodium_memzero(cookie, sizeof(cookie));
}

void
wg_cookie_add_macs(struct wg_cookie *cookie, const uint8_t public_key[WG_KEY_LEN], void *msg,
	size_t len, uint64_t now)
{
	struct wg_macs *macs = (struct wg_macs *)((uint8_t *)msg + len - sizeof(*macs));
	uint8_t key[WG_HASH_LEN];

	label_key(key, "mac1----", public_key);
	wg_mac(macs->mac1, key, WG_HASH_LEN, msg, len - sizeof(*macs));
	memcpy(cookie->last_mac1, macs->mac1, WG_MAC_LEN);
	cookie->awaited = true;
	if (cookie->birth && now - cookie->birth < WG_COOKIE_SECRET_MAX_AGE - WG_COOKIE_LATENCY)
		compute_mac2(macs->mac2, cookie->cookie, msg, len);
	else
		memset(macs->mac2, 0, WG_MAC_LEN);
}

bool
wg_cookie_consume_reply(struct wg_cookie *cookie, const uint8_t public_key[WG_KEY_LEN],
	const struct wg_cookie_reply *reply, uint64_t now)
{
	uint8_t key[WG_HASH_LEN], fresh[WG_COOKIE_LEN];

	if (!cookie->awaited)
		return false;
	label_key(key, "cookie--", public_key);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(fresh, NULL, NULL, reply->encrypted_cookie,
		    sizeof(reply->encrypted_cookie), cookie->last_mac1, WG_MAC_LEN, reply->nonce,
		    key))
		return false;
	memcpy(cookie->cookie, fresh, sizeof(fresh));
	cookie->birth = now;
	cookie->awaited = false;
	sodium_memzero(fresh, sizeof(fresh));
	return true;
}
