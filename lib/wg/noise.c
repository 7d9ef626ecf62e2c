/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <sodium.h>

#include "hash.h"
#include "noise.h"

#define TAI64_BASE (UINT64_C(0x4000000000000000) + 10)
/* Clock readings are rounded down to about 16.8 ms, so that they tell little else than their order.
 */
#define TIMESTAMP_GRAIN (UINT32_C(1) << 24)

/* H("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s") */
static const uint8_t initial_chaining_key[WG_HASH_LEN] = {0x60, 0xe2, 0x6d, 0xae, 0xf3, 0x27, 0xef,
	0xc0, 0x2e, 0xc3, 0x35, 0xe2, 0xa0, 0x25, 0xd2, 0xd0, 0x16, 0xeb, 0x42, 0x06, 0xf8, 0x72,
	0x77, 0xf5, 0x2d, 0x38, 0xd1, 0x98, 0x8b, 0x78, 0xcd, 0x36};
/* H of that and "WireGuard v1 zx2c4 Jason@zx2c4.com" */
static const uint8_t initial_hash[WG_HASH_LEN] = {0x22, 0x11, 0xb3, 0x61, 0x08, 0x1a, 0xc5, 0x66,
	0x69, 0x12, 0x43, 0xdb, 0x45, 0x8a, 0xd5, 0x32, 0x2d, 0x9c, 0x6c, 0x66, 0x22, 0x93, 0xe8,
	0xb7, 0x0e, 0xe1, 0x9c, 0x65, 0xba, 0x07, 0x9e, 0xf3};

/* What libb2 and libsodium leave below us on the stack, scalars and outputs of hashes among it. */
#define STACK_OF_LIBRARIES 8192

static const uint8_t zero_nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

static void
mix_hash(struct wg_noise *n, const void *data, size_t len)
{
	wg_hash(n->hash, n->hash, WG_HASH_LEN, data, len);
}

static void
start(struct wg_noise *n, const uint8_t responder_static[WG_KEY_LEN])
{
	memcpy(n->chaining_key, initial_chaining_key, WG_HASH_LEN);
	memcpy(n->hash, initial_hash, WG_HASH_LEN);
	mix_hash(n, responder_static, WG_KEY_LEN);
}

static void
mix_ephemeral(struct wg_noise *n, const uint8_t ephemeral[WG_KEY_LEN])
{
	mix_hash(n, ephemeral, WG_KEY_LEN);
	wg_kdf(n->chaining_key, NULL, NULL, n->chaining_key, ephemeral, WG_KEY_LEN);
}

/* False when the other side chose a point of low order: the secret would be zero. */
static bool
agree(uint8_t secret[WG_KEY_LEN], const uint8_t private_key[WG_KEY_LEN],
	const uint8_t public_key[WG_KEY_LEN])
{
	return crypto_scalarmult_curve25519(secret, private_key, public_key) == 0 &&
		!sodium_is_zero(secret, WG_KEY_LEN);
}

/* key may be NULL. */
static bool
mix_dh(struct wg_noise *n, uint8_t key[WG_KEY_LEN], const uint8_t private_key[WG_KEY_LEN],
	const uint8_t public_key[WG_KEY_LEN])
{
	uint8_t secret[WG_KEY_LEN];
	bool ok;

	ok = agree(secret, private_key, public_key);
	if (ok)
		wg_kdf(n->chaining_key, key, NULL, n->chaining_key, secret, sizeof(secret));
	sodium_memzero(secret, sizeof(secret));
	return ok;
}

static void
seal(struct wg_noise *n, const uint8_t key[WG_KEY_LEN], uint8_t *out, const void *in, size_t len)
{
	crypto_aead_chacha20poly1305_ietf_encrypt(
		out, NULL, in, len, n->hash, WG_HASH_LEN, NULL, zero_nonce, key);
	mix_hash(n, out, len + WG_TAG_LEN);
}

static bool
unseal(struct wg_noise *n, const uint8_t key[WG_KEY_LEN], void *out, const uint8_t *in, size_t len)
{
	if (crypto_aead_chacha20poly1305_ietf_decrypt(
		    out, NULL, NULL, in, len, n->hash, WG_HASH_LEN, zero_nonce, key))
		return false;
	mix_hash(n, in, len);
	return true;
}

static void
split(const struct wg_noise *n, uint8_t first[WG_KEY_LEN], uint8_t second[WG_KEY_LEN])
{
	wg_kdf(first, second, NULL, n->chaining_key, NULL, 0);
}

void
wg_identity_set(struct wg_identity *id, const uint8_t private_key[WG_KEY_LEN])
{
	memset(id, 0, sizeof(*id));
	if (sodium_is_zero(private_key, WG_KEY_LEN))
		return;
	memcpy(id->private_key, private_key, WG_KEY_LEN);
	id->private_key[0] &= 248;
	id->private_key[31] &= 127;
	id->private_key[31] |= 64;
	id->set = crypto_scalarmult_curve25519_base(id->public_key, id->private_key) == 0;
	sodium_stackzero(STACK_OF_LIBRARIES);
}

void
wg_handshake_init(struct wg_handshake *hs, const uint8_t remote_static[WG_KEY_LEN])
{
	memset(hs, 0, sizeof(*hs));
	memcpy(hs->remote_static, remote_static, WG_KEY_LEN);
}

void
wg_handshake_renew(struct wg_handshake *hs)
{
	wg_handshake_drop(hs);
	sodium_memzero(hs->static_static, WG_KEY_LEN);
	hs->agreement = WG_AGREEMENT_UNTRIED;
}

bool
wg_handshake_possible(struct wg_handshake *hs, const struct wg_identity *id)
{
	bool ok;

	if (hs->agreement == WG_AGREEMENT_UNTRIED) {
		ok = id->set && agree(hs->static_static, id->private_key, hs->remote_static);
		hs->agreement = ok ? WG_AGREEMENT_POSSIBLE : WG_AGREEMENT_IMPOSSIBLE;
		sodium_stackzero(STACK_OF_LIBRARIES);
	}
	return hs->agreement == WG_AGREEMENT_POSSIBLE;
}

void
wg_handshake_drop(struct wg_handshake *hs)
{
	hs->waiting = false;
	hs->local_index = 0;
	sodium_memzero(hs->ephemeral_private, WG_KEY_LEN);
	sodium_memzero(&hs->noise, sizeof(hs->noise));
}

static void
tai64n(uint8_t out[WG_TIMESTAMP_LEN], uint64_t wall_clock)
{
	rte_be64_t seconds = rte_cpu_to_be_64(TAI64_BASE + wall_clock / WG_NS_PER_S);
	rte_be32_t ns =
		rte_cpu_to_be_32((uint32_t)(wall_clock % WG_NS_PER_S) & ~(TIMESTAMP_GRAIN - 1));

	memcpy(out, &seconds, sizeof(seconds));
	memcpy(out + sizeof(seconds), &ns, sizeof(ns));
}

static bool
write_initiation(struct wg_initiation *msg, struct wg_noise *n, const struct wg_handshake *hs,
	const struct wg_identity *id, const uint8_t ephemeral[WG_KEY_LEN], uint64_t wall_clock)
{
	uint8_t key[WG_KEY_LEN], timestamp[WG_TIMESTAMP_LEN];
	bool ok = false;

	start(n, hs->remote_static);
	if (crypto_scalarmult_curve25519_base(msg->ephemeral, ephemeral))
		return false;
	mix_ephemeral(n, msg->ephemeral);
	if (!mix_dh(n, key, ephemeral, hs->remote_static))
		goto out;
	seal(n, key, msg->encrypted_static, id->public_key, WG_KEY_LEN);
	wg_kdf(n->chaining_key, key, NULL, n->chaining_key, hs->static_static, WG_KEY_LEN);
	tai64n(timestamp, wall_clock);
	seal(n, key, msg->encrypted_timestamp, timestamp, sizeof(timestamp));
	ok = true;
out:
	sodium_memzero(key, sizeof(key));
	return ok;
}

bool
wg_noise_create_initiation(struct wg_initiation *msg, struct wg_handshake *hs,
	const struct wg_identity *id, uint32_t local_index, const uint8_t ephemeral[WG_KEY_LEN],
	uint64_t wall_clock)
{
	struct wg_noise n;
	bool ok;

	memset(msg, 0, sizeof(*msg));
	msg->type = rte_cpu_to_le_32(WG_MESSAGE_INITIATION);
	msg->sender = rte_cpu_to_le_32(local_index);
	ok = wg_handshake_possible(hs, id) &&
		write_initiation(msg, &n, hs, id, ephemeral, wall_clock);
	if (ok) {
		hs->waiting = true;
		hs->local_index = local_index;
		memcpy(hs->ephemeral_private, ephemeral, WG_KEY_LEN);
		hs->noise = n;
	}
	sodium_memzero(&n, sizeof(n));
	sodium_stackzero(STACK_OF_LIBRARIES);
	return ok;
}

bool
wg_noise_open_initiation(
	struct wg_noise_responder *r, const struct wg_initiation *msg, const struct wg_identity *id)
{
	uint8_t key[WG_KEY_LEN];
	bool ok;

	memcpy(r->remote_ephemeral, msg->ephemeral, WG_KEY_LEN);
	r->remote_index = rte_le_to_cpu_32(msg->sender);
	start(&r->noise, id->public_key);
	mix_ephemeral(&r->noise, msg->ephemeral);
	ok = mix_dh(&r->noise, key, id->private_key, msg->ephemeral) &&
		unseal(&r->noise, key, r->remote_static, msg->encrypted_static,
			sizeof(msg->encrypted_static));
	sodium_memzero(key, sizeof(key));
	return ok;
}

static bool
is_fresh(const struct wg_handshake *hs, const uint8_t timestamp[WG_TIMESTAMP_LEN], uint64_t now)
{
	if (memcmp(timestamp, hs->latest_timestamp, WG_TIMESTAMP_LEN) <= 0)
		return false;
	return !hs->last_consumed || now >= hs->last_consumed + WG_INITIATION_INTERVAL_MIN;
}

bool
wg_noise_accept_initiation(struct wg_noise_responder *r, const struct wg_initiation *msg,
	struct wg_handshake *hs, const struct wg_identity *id, uint64_t now)
{
	uint8_t key[WG_KEY_LEN], timestamp[WG_TIMESTAMP_LEN];
	bool ok;

	if (!wg_handshake_possible(hs, id))
		return false;
	wg_kdf(r->noise.chaining_key, key, NULL, r->noise.chaining_key, hs->static_static,
		WG_KEY_LEN);
	ok = unseal(&r->noise, key, timestamp, msg->encrypted_timestamp,
		sizeof(msg->encrypted_timestamp));
	sodium_memzero(key, sizeof(key));
	if (!ok || !is_fresh(hs, timestamp, now))
		return false;
	memcpy(hs->latest_timestamp, timestamp, sizeof(timestamp));
	hs->last_consumed = now;
	return true;
}

void
wg_handshake_learn(struct wg_handshake *hs, const struct wg_handshake *copy)
{
	if (copy->agreement == WG_AGREEMENT_UNTRIED)
		return;
	memcpy(hs->static_static, copy->static_static, WG_KEY_LEN);
	hs->agreement = copy->agreement;
}

void
wg_handshake_wait(struct wg_handshake *hs, const struct wg_handshake *copy, uint32_t local_index)
{
	memcpy(hs->ephemeral_private, copy->ephemeral_private, WG_KEY_LEN);
	hs->noise = copy->noise;
	hs->local_index = local_index;
	hs->waiting = true;
}

bool
wg_handshake_take_initiation(struct wg_handshake *hs, const struct wg_handshake *copy)
{
	if (!is_fresh(hs, copy->latest_timestamp, copy->last_consumed))
		return false;
	memcpy(hs->latest_timestamp, copy->latest_timestamp, sizeof(hs->latest_timestamp));
	hs->last_consumed = copy->last_consumed;
	return true;
}

/* The end of the response, the same on both sides: k and the hash that the tag covers. */
static void
mix_preshared_key(struct wg_noise *n, uint8_t key[WG_KEY_LEN], const uint8_t psk[WG_KEY_LEN])
{
	uint8_t temp[WG_HASH_LEN];

	wg_kdf(n->chaining_key, temp, key, n->chaining_key, psk, WG_KEY_LEN);
	mix_hash(n, temp, sizeof(temp));
	sodium_memzero(temp, sizeof(temp));
}

bool
wg_noise_create_response(struct wg_response *msg, struct wg_noise_responder *r,
	const struct wg_handshake *hs, uint32_t local_index, const uint8_t ephemeral[WG_KEY_LEN],
	struct wg_session_keys *keys)
{
	uint8_t key[WG_KEY_LEN];

	memset(msg, 0, sizeof(*msg));
	msg->type = rte_cpu_to_le_32(WG_MESSAGE_RESPONSE);
	msg->sender = rte_cpu_to_le_32(local_index);
	msg->receiver = rte_cpu_to_le_32(r->remote_index);
	if (crypto_scalarmult_curve25519_base(msg->ephemeral, ephemeral))
		return false;
	mix_ephemeral(&r->noise, msg->ephemeral);
	if (!mix_dh(&r->noise, NULL, ephemeral, r->remote_ephemeral) ||
		!mix_dh(&r->noise, NULL, ephemeral, r->remote_static))
		return false;
	mix_preshared_key(&r->noise, key, hs->preshared_key);
	seal(&r->noise, key, msg->encrypted_nothing, NULL, 0);
	sodium_memzero(key, sizeof(key));
	split(&r->noise, keys->receive, keys->send);
	return true;
}

void
wg_noise_leave(void)
{
	sodium_stackzero(STACK_OF_LIBRARIES);
}

bool
wg_noise_consume_response(struct wg_handshake *hs, const struct wg_response *msg,
	const struct wg_identity *id, struct wg_session_keys *keys)
{
	uint8_t key[WG_KEY_LEN], nothing[1];
	struct wg_noise n = hs->noise;
	bool ok = false;

	if (!hs->waiting || rte_le_to_cpu_32(msg->receiver) != hs->local_index)
		goto out;
	mix_ephemeral(&n, msg->ephemeral);
	if (!mix_dh(&n, NULL, hs->ephemeral_private, msg->ephemeral) ||
		!mix_dh(&n, NULL, id->private_key, msg->ephemeral))
		goto out;
	mix_preshared_key(&n, key, hs->preshared_key);
	if (!unseal(&n, key, nothing, msg->encrypted_nothing, sizeof(msg->encrypted_nothing)))
		goto out;
	split(&n, keys->send, keys->receive);
	wg_handshake_drop(hs);
	ok = true;
out:
	sodium_memzero(&n, sizeof(n));
	sodium_memzero(key, sizeof(key));
	sodium_stackzero(STACK_OF_LIBRARIES);
	return ok;
}
