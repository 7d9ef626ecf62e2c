/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration file: what it means, and what every bad one is answered with. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "config.h"
#include "test_eal.h"
#include "test_random.h"

/* 32 bytes, each 0, 4, 8. */
#define KEY_0 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY_4 "BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ="
#define KEY_8 "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg="
/* Base64, but too short; a message with it in would give a secret away. */
#define BAD_SECRET "c2VjcmV0"
#define LONG_LINE ((16 << 20) + 1)

static const char whole_file[] = "# a gateway\n"
				 "[Interface]\n"
				 "PrivateKey = " KEY_8 "\n"
				 "ListenPort = 51820 # comment\n"
				 "FwMark = 0xca6c\n"
				 "\n"
				 "[Peer] # first\n"
				 "PublicKey = " KEY_4 "\n"
				 "PresharedKey = " KEY_8 "\n"
				 "AllowedIPs = 10.0.0.0/24, 10.1.0.1, fd00::/64\n"
				 "AllowedIPs = fd01::1\n"
				 "PersistentKeepalive = 25\n"
				 "Weight = 4\n"
				 "RateLimit = 50mbit\n"
				 "Ecn = off\n"
				 "ReplayWindow = 1023\n"
				 "[Peer]\n"
				 "PublicKey = " KEY_8 "\n"
				 "AllowedIPs =\n";

static int
parse(const char *text, size_t len, struct wg_update *u, char error[TG_ERROR_LEN])
{
	FILE *in = fmemopen((void *)(uintptr_t)text, len, "r");
	int rc;

	assert_non_null(in);
	rc = tg_config_parse(in, "gw.conf", u, error);
	fclose(in);
	return rc;
}

static void
parse_good(const char *text, struct wg_update *u)
{
	char error[TG_ERROR_LEN];

	if (parse(text, strlen(text), u, error))
		fail_msg("%s", error);
}

static void
assert_key(const uint8_t key[WG_KEY_LEN], uint8_t byte)
{
	for (int i = 0; i < WG_KEY_LEN; i++)
		assert_int_equal(key[i], byte);
}

static void
assert_allowed(const struct wg_update_allowed *allowed, const char *addr, uint8_t len)
{
	uint8_t expected[16] = {0};
	int family = strchr(addr, ':') ? AF_INET6 : AF_INET;

	inet_pton(family, addr, expected);
	assert_int_equal(allowed->prefix.family, family);
	assert_int_equal(allowed->prefix.len, len);
	assert_memory_equal(allowed->prefix.addr, expected, sizeof(expected));
	assert_false(allowed->remove);
}

static void
test_whole_file(void **state)
{
	struct wg_update u;
	struct wg_update_peer *peer;

	(void)state;
	parse_good(whole_file, &u);
	assert_true(u.has_private_key && u.has_listen_port && u.has_fwmark && u.replace_peers);
	assert_key(u.private_key, 8);
	assert_int_equal(u.listen_port, 51820);
	assert_int_equal(u.fwmark, 0xca6c);
	assert_int_equal(u.n_peers, 2);

	peer = &u.peers[0];
	assert_key(peer->public_key, 4);
	assert_true(peer->has_preshared_key && peer->has_keepalive && peer->has_weight);
	assert_true(peer->replace_allowed_ips);
	assert_false(peer->has_endpoint || peer->remove || peer->update_only);
	assert_key(peer->preshared_key, 8);
	assert_int_equal(peer->keepalive, 25);
	assert_int_equal(peer->weight, 4);
	assert_true(peer->has_rate && peer->has_ecn && peer->has_replay_window);
	assert_int_equal(peer->rate, 50000000 / 8);
	assert_false(peer->ecn);
	assert_int_equal(peer->replay_window, 1023);
	assert_int_equal(peer->n_allowed, 4);
	assert_allowed(&peer->allowed[0], "10.0.0.0", 24);
	assert_allowed(&peer->allowed[1], "10.1.0.1", 32);
	assert_allowed(&peer->allowed[2], "fd00::", 64);
	assert_allowed(&peer->allowed[3], "fd01::1", 128);

	peer = &u.peers[1];
	assert_key(peer->public_key, 8);
	assert_false(peer->has_preshared_key || peer->has_keepalive || peer->has_weight);
	assert_false(peer->has_rate || peer->has_ecn || peer->has_replay_window);
	assert_int_equal(peer->n_allowed, 0);
	wg_update_free(&u);
}

/* What the file does not say becomes what it is by default: wg setconf's meaning. */
static void
test_empty_file_clears_the_device(void **state)
{
	static const char *const texts[] = {"", "\n", "#", " \t\r\n# nothing\n", "[Interface]"};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(texts); i++) {
		struct wg_update u;

		parse_good(texts[i], &u);
		assert_true(
			u.has_private_key && u.has_listen_port && u.has_fwmark && u.replace_peers);
		assert_key(u.private_key, 0);
		assert_int_equal(u.listen_port, 0);
		assert_int_equal(u.fwmark, 0);
		assert_int_equal(u.n_peers, 0);
		wg_update_free(&u);
	}
}

static void
test_loose_writing(void **state)
{
	static const char text[] = "  [PEER]\r\n"
				   "pRESHAREDkEY=" KEY_8 "\r\n"
				   "\tallowedips =10.0.0.0 / 8 ,10.2.0.0/16\r\n"
				   "endpoint = [2001:db8::1]:51820# here\r\n"
				   "PersistentKeepalive = Off\r\n"
				   "ratelimit = OFF\r\n"
				   "ECN= On # here\r\n"
				   " replayWINDOW=0032\r\n"
				   "publickey = " KEY_4 "\r\n"
				   "[ interface ]\r\n"
				   "fwmark = off\r\n"
				   "listenport = 7"; /* no newline */
	struct wg_update u;

	(void)state;
	parse_good(text, &u);
	assert_int_equal(u.n_peers, 1);
	assert_key(u.peers[0].public_key, 4);
	assert_key(u.peers[0].preshared_key, 8);
	assert_int_equal(u.peers[0].n_allowed, 2);
	assert_allowed(&u.peers[0].allowed[1], "10.2.0.0", 16);
	assert_int_equal(u.peers[0].endpoint.family, AF_INET6);
	assert_int_equal(u.peers[0].endpoint.port, htons(51820));
	assert_true(u.peers[0].has_keepalive);
	assert_int_equal(u.peers[0].keepalive, 0);
	assert_true(u.peers[0].has_rate && u.peers[0].has_ecn && u.peers[0].ecn);
	assert_int_equal(u.peers[0].rate, 0);
	assert_int_equal(u.peers[0].replay_window, 32);
	assert_int_equal(u.listen_port, 7);
	wg_update_free(&u);
}

static const struct {
	const char *text;
	const char *error;
} bad_files[] = {
	{"Foo = 1\n", "gw.conf:1: a key before the first section"},
	{"PrivateKey = " KEY_8 "\n", "gw.conf:1: a key before the first section"},
	{"[Interface]\n\nFoo = 1\n", "gw.conf:3: `Foo' is not a key of [Interface]"},
	{"[Interface]\nPublicKey = " KEY_4 "\n",
		"gw.conf:2: `PublicKey' is not a key of [Interface]"},
	{"[Peer]\nListenPort = 1\n", "gw.conf:2: `ListenPort' is not a key of [Peer]"},
	{"[Foo]\n", "gw.conf:1: unknown section `[Foo]'"},
	{"[Peer\n", "gw.conf:1: unknown section `[Peer'"},
	{"[Interface]x\n", "gw.conf:1: unknown section `[Interface]x'"},
	{"[\x01\xff]\n", "gw.conf:1: unknown section `[??]'"},
	{"[Interface]\nListenPort\n", "gw.conf:2: neither a section nor KEY = VALUE"},
	{"[Interface]\n= 1\n", "gw.conf:2: not a key of [Interface]"},
	{"[Interface]\nListenPort = 65536\n",
		"gw.conf:2: ListenPort: `65536' is not a port, 0 to 65535"},
	{"[Interface]\nListenPort =\n", "gw.conf:2: ListenPort: `' is not a port, 0 to 65535"},
	{"[Interface]\nfwmark = 1f\n",
		"gw.conf:2: FwMark: `1f' is neither off nor a mark, 0 to 0xffffffff"},
	{"[Peer]\nPublicKey = AAEC\n",
		"gw.conf:2: PublicKey: `AAEC' is not a key, 32 bytes in base64"},
	{"[Peer]\nAllowedIPs = 10.0.0.0/8, 10.0.0.0/33, fd00::/8\n",
		"gw.conf:2: AllowedIPs: `10.0.0.0/33' is not a prefix, ADDRESS/LENGTH"},
	{"[Peer]\nAllowedIPs = 10.0.0.0/8,\n",
		"gw.conf:2: AllowedIPs: `' is not a prefix, ADDRESS/LENGTH"},
	{"[Peer]\nEndpoint = 192.0.2.1\n",
		"gw.conf:2: Endpoint: `192.0.2.1' is not an endpoint, ADDRESS:PORT or "
		"[ADDRESS]:PORT"},
	{"[Peer]\nEndpoint = no..such:1\n",
		"gw.conf:2: Endpoint: `no..such:1' does not resolve to an address"},
	{"[Peer]\nPersistentKeepalive = 65536\n",
		"gw.conf:2: PersistentKeepalive: `65536' is neither off nor 0 to 65535 seconds"},
	{"[Peer]\nWeight = 0\n", "gw.conf:2: Weight: `0' is not a weight, 1 to 1024"},
	{"[Peer]\nWeight = 1025\n", "gw.conf:2: Weight: `1025' is not a weight, 1 to 1024"},
	{"[Peer]\nratelimit = 50mb\n",
		"gw.conf:2: RateLimit: `50mb' is not a rate, 8bit to 1000gbit or off"},
	{"[Peer]\nRateLimit =\n",
		"gw.conf:2: RateLimit: `' is not a rate, 8bit to 1000gbit or off"},
	{"[Peer]\nEcn = yes\n", "gw.conf:2: Ecn: `yes' is neither on nor off"},
	{"[Peer]\nReplayWindow = 0\n",
		"gw.conf:2: ReplayWindow: `0' is not a replay window, 1 to 8128 packets"},
	{"[Peer]\nReplayWindow = 8129\n",
		"gw.conf:2: ReplayWindow: `8129' is not a replay window, 1 to 8128 packets"},
	{"[Interface]\nEcn = on\n", "gw.conf:2: `Ecn' is not a key of [Interface]"},
	{"RateLimit = 1mbit\n", "gw.conf:1: a key before the first section"},
	{"[Interface]\n[Peer]\nWeight = 1\n\n[Peer]\nPublicKey = " KEY_4 "\n",
		"gw.conf:2: [Peer] has no PublicKey"},
	{"[Peer]\nPublicKey = " KEY_4 "\n[Peer]", "gw.conf:3: [Peer] has no PublicKey"},
	{"[Peer]\nPublicKey = " KEY_4 "\nPublicKey = " KEY_8 "\n",
		"gw.conf:3: PublicKey: `" KEY_8 "' is a second key in the same section"},
	{"[Peer]\nPublicKey = " KEY_4 "\n[Peer]\nPublicKey = " KEY_8 "\n[Peer]\nPublicKey = " KEY_4,
		"gw.conf:6: PublicKey: the same as in line 2"},
};

static void
test_bad_files(void **state)
{
	struct wg_update u;
	char error[TG_ERROR_LEN];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(bad_files); i++) {
		const char *text = bad_files[i].text;

		assert_int_equal(parse(text, strlen(text), &u, error), -EINVAL);
		assert_string_equal(error, bad_files[i].error);
	}
}

static void
test_errors_do_not_name_secrets(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} cases[] = {
		{"[Interface]\nPrivateKey = " BAD_SECRET "\n",
			"gw.conf:2: PrivateKey: the value is not a key, 32 bytes in base64"},
		{"[Peer]\nPresharedKey = " BAD_SECRET "\n",
			"gw.conf:2: PresharedKey: the value is not a key, 32 bytes in base64"},
		{"[Interface]\nPrivatKey = " KEY_8 "\n",
			"gw.conf:2: `PrivatKey' is not a key of [Interface]"},
		{"[Interface]\nPrivateKey: " KEY_8 "\n", "gw.conf:2: not a key of [Interface]"},
		{"[Interface]\n" KEY_8 "\n", "gw.conf:2: not a key of [Interface]"},
		{KEY_8 "\n", "gw.conf:1: a key before the first section"},
	};
	struct wg_update u;
	char error[TG_ERROR_LEN];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		assert_int_equal(parse(cases[i].text, strlen(cases[i].text), &u, error), -EINVAL);
		assert_string_equal(error, cases[i].error);
	}
}

static void
test_nul_bytes(void **state)
{
	static const char in_value[] = "[Interface]\nListenPort = 1\0002\n";
	static const char in_comment[] = "# \0\n";
	struct wg_update u;
	char error[TG_ERROR_LEN];

	(void)state;
	assert_int_equal(parse(in_value, sizeof(in_value) - 1, &u, error), -EINVAL);
	assert_string_equal(error, "gw.conf:2: the line holds a NUL byte");
	assert_int_equal(parse(in_comment, sizeof(in_comment) - 1, &u, error), -EINVAL);
	assert_string_equal(error, "gw.conf:1: the line holds a NUL byte");
}

/* 16 MiB are a line, one byte more is not, whatever they are. */
static void
test_long_lines(void **state)
{
	static const char fillers[] = {' ', '#', 'x'};
	char *text = malloc(LONG_LINE + 1);
	struct wg_update u;
	char error[TG_ERROR_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(fillers); i++) {
		memset(text, fillers[i], LONG_LINE);
		text[LONG_LINE] = '\n';
		assert_int_equal(parse(text, LONG_LINE + 1, &u, error), -EINVAL);
		assert_string_equal(error, "gw.conf:1: the line is longer than 16777216 bytes");
		text[LONG_LINE - 1] = '\n';
		text[LONG_LINE] = '#';
		assert_int_equal(
			parse(text, LONG_LINE + 1, &u, error), fillers[i] == 'x' ? -EINVAL : 0);
		if (fillers[i] == 'x')
			assert_string_equal(error, "gw.conf:1: neither a section nor KEY = VALUE");
	}
	free(text);
}

static void
test_long_values_are_cut_in_errors(void **state)
{
	char text[1000] = "[Interface]\nListenPort = ";
	struct wg_update u;
	char error[TG_ERROR_LEN];
	size_t len = strlen(text);

	(void)state;
	memset(text + len, '9', sizeof(text) - len);
	assert_int_equal(parse(text, sizeof(text), &u, error), -EINVAL);
	assert_int_equal(strlen(error), TG_ERROR_LEN - 1);
	assert_memory_equal(error, "gw.conf:2: ListenPort: `9999", 28);
}

static void
test_unreadable(void **state)
{
	struct wg_update u;
	char error[TG_ERROR_LEN];
	FILE *dir = fopen("/", "r");

	(void)state;
	assert_non_null(dir);
	assert_int_equal(tg_config_parse(dir, "/", &u, error), -EIO);
	assert_string_equal(error, "/:1: cannot be read");
	fclose(dir);
}

/* 2000 peers: every public key of two bytes that count, all distinct but the last. */
static void
test_many_peers(void **state)
{
	enum { PEERS = 2000 };
	size_t size = PEERS * 80;
	char *text = malloc(size);
	size_t len = 0;
	struct wg_update u;
	char error[TG_ERROR_LEN];

	(void)state;
	for (int i = 0; i < PEERS; i++) {
		char key[] = KEY_0;

		key[0] = 'A' + i % 26;
		key[1] = 'A' + i / 26 % 26;
		key[2] = 'A' + i / 676;
		len += snprintf(text + len, size - len, "[Peer]\nPublicKey = %s\n", key);
	}
	assert_int_equal(parse(text, len, &u, error), 0);
	assert_int_equal(u.n_peers, PEERS);
	wg_update_free(&u);

	len += snprintf(text + len, size - len, "[Peer]\nPublicKey = %s\n", KEY_0);
	assert_int_equal(parse(text, len, &u, error), -EINVAL);
	assert_string_equal(error, "gw.conf:4002: PublicKey: the same as in line 2");
	free(text);
}

/* Endpoints are left out: mutated, they would be names to ask a server for. */
static void
test_mutated_files(void **state)
{
	static const char bytes[] = "\0\n\r #=[],/:.-09aF\xff";
	char text[sizeof(whole_file) - 1];
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		char error[TG_ERROR_LEN];
		struct wg_update u;
		int rc;

		memcpy(text, whole_file, sizeof(text));
		for (int n = test_random(&seed) % 4; n >= 0; n--)
			text[test_random(&seed) % sizeof(text)] =
				bytes[test_random(&seed) % sizeof(bytes)];
		rc = parse(text, 1 + test_random(&seed) % sizeof(text), &u, error);
		assert_true(rc == 0 || rc == -EINVAL);
		assert_int_equal(rc == 0, error[0] == '\0');
		if (rc == 0)
			wg_update_free(&u);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_file),
		cmocka_unit_test(test_empty_file_clears_the_device),
		cmocka_unit_test(test_loose_writing),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_errors_do_not_name_secrets),
		cmocka_unit_test(test_nul_bytes),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_long_values_are_cut_in_errors),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_many_peers),
		cmocka_unit_test(test_mutated_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
