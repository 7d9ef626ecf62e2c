/* SPDX-License-Identifier: BSD-3-Clause */
#include "parse.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <rte_common.h>
#include <sodium.h>

#include "peer.h"

#define KEY_BASE64_LEN 44
#define KEY_HEX_LEN 64
#define HOST_LEN 256
#define RATE_MAX (1000 * UINT64_C(1000000000))

static const char not_endpoint[] = "is not an endpoint, ADDRESS:PORT or [ADDRESS]:PORT";

const char *
tg_parse_key_base64(const char *value, uint8_t key[WG_KEY_LEN])
{
	uint8_t bytes[WG_KEY_LEN];
	size_t len;
	bool ok;

	ok = strlen(value) == KEY_BASE64_LEN &&
		sodium_base642bin(bytes, sizeof(bytes), value, KEY_BASE64_LEN, NULL, &len, NULL,
			sodium_base64_VARIANT_ORIGINAL) == 0 &&
		len == sizeof(bytes);
	if (ok)
		memcpy(key, bytes, sizeof(bytes));
	sodium_memzero(bytes, sizeof(bytes));
	return ok ? NULL : "is not a key, 32 bytes in base64";
}

const char *
tg_parse_key_hex(const char *value, uint8_t key[WG_KEY_LEN])
{
	uint8_t bytes[WG_KEY_LEN];
	size_t len;
	bool ok;

	ok = strlen(value) == KEY_HEX_LEN &&
		sodium_hex2bin(bytes, sizeof(bytes), value, KEY_HEX_LEN, NULL, &len, NULL) == 0 &&
		len == sizeof(bytes);
	if (ok)
		memcpy(key, bytes, sizeof(bytes));
	sodium_memzero(bytes, sizeof(bytes));
	return ok ? NULL : "is not a key, 64 hexadecimal digits";
}

static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Digits and nothing else, at least one, up to max. */
static bool
parse_number(const char *value, unsigned int base, uint32_t max, uint32_t *number)
{
	uint64_t n = 0;

	if (!*value)
		return false;
	for (; *value; value++) {
		int digit = digit_value(*value);

		if (digit < 0 || (unsigned int)digit >= base)
			return false;
		n = n * base + digit;
		if (n > max)
			return false;
	}
	*number = n;
	return true;
}

const char *
tg_parse_port(const char *value, uint16_t *port)
{
	uint32_t n;

	if (!parse_number(value, 10, UINT16_MAX, &n))
		return "is not a port, 0 to 65535";
	*port = n;
	return NULL;
}

const char *
tg_parse_keepalive(const char *value, uint16_t *seconds)
{
	uint32_t n = 0;

	if (strcasecmp(value, "off") != 0 && !parse_number(value, 10, UINT16_MAX, &n))
		return "is neither off nor 0 to 65535 seconds";
	*seconds = n;
	return NULL;
}

const char *
tg_parse_fwmark(const char *value, uint32_t *fwmark)
{
	bool hex = strncmp(value, "0x", 2) == 0;
	uint32_t n = 0;

	if (strcasecmp(value, "off") != 0 &&
		!parse_number(hex ? value + 2 : value, hex ? 16 : 10, UINT32_MAX, &n))
		return "is neither off nor a mark, 0 to 0xffffffff";
	*fwmark = n;
	return NULL;
}

const char *
tg_parse_weight(const char *value, uint16_t *weight)
{
	uint32_t n;

	if (!parse_number(value, 10, WG_WEIGHT_MAX, &n) || n == 0)
		return "is not a weight, 1 to " RTE_STR(WG_WEIGHT_MAX);
	*weight = n;
	return NULL;
}

static const struct {
	const char *name;
	uint64_t bits;
} rate_units[] = {{"bit", 1}, {"kbit", 1000}, {"mbit", 1000000}, {"gbit", 1000000000}, {"", 1}};

const char *
tg_parse_rate(const char *value, uint64_t *rate)
{
	static const char bad[] = "is not a rate, 8bit to 1000gbit or off";
	char number[16] = "";
	size_t i, digits = strspn(value, "0123456789");
	uint32_t n;

	if (strcasecmp(value, "off") == 0 || strcmp(value, "0") == 0) {
		*rate = 0;
		return NULL;
	}
	if (digits >= sizeof(number))
		return bad;
	memcpy(number, value, digits);
	if (!parse_number(number, 10, UINT32_MAX, &n))
		return bad;
	for (i = 0; i < RTE_DIM(rate_units); i++) {
		uint64_t bits = n * rate_units[i].bits;

		if (strcasecmp(value + digits, rate_units[i].name) != 0)
			continue;
		if (bits < 8 || bits > RATE_MAX)
			return bad;
		*rate = bits / 8;
		return NULL;
	}
	return bad;
}

const char *
tg_parse_switch(const char *value, bool *on)
{
	bool yes = strcasecmp(value, "on") == 0 || strcmp(value, "1") == 0;

	if (!yes && strcasecmp(value, "off") != 0 && strcmp(value, "0") != 0)
		return "is neither on nor off";
	*on = yes;
	return NULL;
}

const char *
tg_parse_replay_window(const char *value, uint16_t *window)
{
	uint32_t n;

	if (!parse_number(value, 10, WG_REPLAY_WINDOW, &n) || n == 0)
		return "is not a replay window, 1 to 8128 packets";
	*window = n;
	return NULL;
}

static void
clear_host_bits(struct lpm_prefix *prefix)
{
	unsigned int byte = prefix->len / 8;

	if (prefix->len % 8)
		prefix->addr[byte++] &= 0xff << (8 - prefix->len % 8);
	memset(prefix->addr + byte, 0, sizeof(prefix->addr) - byte);
}

const char *
tg_parse_prefix(const char *value, struct lpm_prefix *prefix)
{
	static const char not_prefix[] = "is not a prefix, ADDRESS/LENGTH";
	struct lpm_prefix p = {.family = strchr(value, ':') ? AF_INET6 : AF_INET};
	size_t host_len = strcspn(value, "/");
	char host[INET6_ADDRSTRLEN];
	uint32_t max = p.family == AF_INET6 ? 128 : 32;
	uint32_t len = max;

	if (host_len >= sizeof(host))
		return not_prefix;
	memcpy(host, value, host_len);
	host[host_len] = '\0';
	if (inet_pton(p.family, host, p.addr) != 1)
		return not_prefix;
	if (value[host_len] && !parse_number(value + host_len + 1, 10, max, &len))
		return not_prefix;
	p.len = len;
	clear_host_bits(&p);
	*prefix = p;
	return NULL;
}

/* HOST:PORT or [HOST]:PORT, the port in network order. */
static bool
split_endpoint(const char *value, char host[HOST_LEN], bool *bracketed, uint16_t *port)
{
	const char *end;
	uint32_t n;

	*bracketed = *value == '[';
	if (*bracketed) {
		end = strchr(++value, ']');
		if (!end || end[1] != ':' || !parse_number(end + 2, 10, UINT16_MAX, &n))
			return false;
	} else {
		end = strchr(value, ':');
		if (!end || !parse_number(end + 1, 10, UINT16_MAX, &n))
			return false;
	}
	if (end == value || end - value >= HOST_LEN || n == 0)
		return false;
	memcpy(host, value, end - value);
	host[end - value] = '\0';
	*port = htons(n);
	return true;
}

const char *
tg_parse_endpoint(const char *value, struct wg_endpoint *endpoint)
{
	struct wg_endpoint ep = {0};
	char host[HOST_LEN];
	bool bracketed;

	if (!split_endpoint(value, host, &bracketed, &ep.port))
		return not_endpoint;
	ep.family = bracketed ? AF_INET6 : AF_INET;
	if (inet_pton(ep.family, host, ep.addr) != 1)
		return not_endpoint;
	*endpoint = ep;
	return NULL;
}

static const char *
resolve_host(const char *host, struct wg_endpoint *endpoint)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_protocol = IPPROTO_UDP};
	struct addrinfo *found;
	int rc;

	rc = getaddrinfo(host, NULL, &hints, &found);
	if (rc == EAI_AGAIN)
		return "cannot be resolved now";
	if (rc)
		return "does not resolve to an address";
	endpoint->family = found->ai_family;
	if (found->ai_family == AF_INET)
		memcpy(endpoint->addr, &((struct sockaddr_in *)found->ai_addr)->sin_addr, 4);
	else
		memcpy(endpoint->addr, &((struct sockaddr_in6 *)found->ai_addr)->sin6_addr, 16);
	freeaddrinfo(found);
	return NULL;
}

const char *
tg_resolve_endpoint(const char *value, struct wg_endpoint *endpoint)
{
	struct wg_endpoint ep = {0};
	char host[HOST_LEN];
	const char *reason;
	bool bracketed;

	if (!tg_parse_endpoint(value, endpoint))
		return NULL;
	if (!split_endpoint(value, host, &bracketed, &ep.port) || bracketed)
		return not_endpoint;
	reason = resolve_host(host, &ep);
	if (!reason)
		*endpoint = ep;
	return reason;
}
