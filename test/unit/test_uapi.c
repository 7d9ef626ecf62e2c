/* SPDX-License-Identifier: BSD-3-Clause */
/* UAPI over a real socket: what `wg` sends and reads, and malformed operations. */
#include "test_uapi.h"
#include "peer_of_key.h"
#include "test_random.h"

#define X4(s) s s s s
#define X31(s) X4(s) X4(s) X4(s) X4(s) X4(s) X4(s) X4(s) s s s
#define PRIVATE_KEY X31("08") "48"
#define PEER_1 X31("01") "01"
#define PEER_2 X31("02") "02"
#define PEER_3 X31("03") "03"
#define PSK X31("0c") "0c"
#define NO_PSK X31("00") "00"
#define NEVER "last_handshake_time_sec=0\nlast_handshake_time_nsec=0\ntx_bytes=0\nrx_bytes=0\n"
#define OWN_DEFAULTS "weight=1\nrate_limit=0\necn=1\nreplay_window=8128\n"

static const char setting[] = "set=1\n"
			      "private_key=" PRIVATE_KEY "\n"
			      "listen_port=51820\n"
			      "fwmark=51820\n"
			      "replace_peers=true\n"
			      "public_key=" PEER_1 "\n"
			      "preshared_key=" PSK "\n"
			      "protocol_version=1\n"
			      "endpoint=192.0.2.1:51820\n"
			      "replace_allowed_ips=true\n"
			      "allowed_ip=10.1.0.0/16\n"
			      "allowed_ip=fd00::/64\n"
			      "weight=4\n"
			      "rate_limit=50mbit\n"
			      "ecn=off\n"
			      "replay_window=1023\n"
			      "public_key=" PEER_2 "\n"
			      "endpoint=[2001:db8::2]:1\n"
			      "public_key=" PEER_3 "\n"
			      "persistent_keepalive_interval=25\n"
			      "\n";

static const char state_of_setting[] =
	"private_key=" PRIVATE_KEY "\n"
	"listen_port=51820\n"
	"fwmark=51820\n"
	"public_key=" PEER_1 "\n"
	"preshared_key=" PSK "\n"
	"protocol_version=1\n"
	"endpoint=192.0.2.1:51820\n" NEVER "persistent_keepalive_interval=0\n"
	"weight=4\nrate_limit=50000000\necn=0\nreplay_window=1023\n"
	"allowed_ip=10.1.0.0/16\n"
	"allowed_ip=fd00::/64\n"
	"public_key=" PEER_2 "\n"
	"preshared_key=" NO_PSK "\n"
	"protocol_version=1\n"
	"endpoint=[2001:db8::2]:1\n" NEVER "persistent_keepalive_interval=0\n" OWN_DEFAULTS
	"public_key=" PEER_3 "\n"
	"preshared_key=" NO_PSK "\n"
	"protocol_version=1\n" NEVER "persistent_keepalive_interval=25\n" OWN_DEFAULTS
	"errno=0\n\n";

static void
test_empty_device(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f->path);

	assert_says(f, fd, "get=1\n\n", "errno=0\n\n");
	assert_says(f, fd, "set=1\n\n", "errno=0\n\n");
	assert_int_equal(f->applied, 1);
	close(fd);
}

static void
test_get_after_set(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f->path);

	assert_says(f, fd, setting, "errno=0\n\n");
	assert_says(f, fd, "get=1\n\n", state_of_setting);
	close(fd);
}

static void
test_traffic_and_handshake_time(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f->path);
	struct wg_peer *peer;
	uint8_t key[WG_KEY_LEN];
	struct answer a;

	assert_says(f, fd, "set=1\npublic_key=" PEER_1 "\n\n", "errno=0\n\n");
	memset(key, 1, sizeof(key));
	peer = peer_of_key(f->dev, key);
	assert_non_null(peer);
	peer->timers.last_handshake = 1700000000 * WG_NS_PER_S + 42;
	peer->tx_bytes = UINT64_MAX - 148;
	peer->handshake_tx_bytes = 148;
	peer->rx_bytes = 1;
	a = talk(f, fd, "get=1\n\n", 7, SIZE_MAX);
	assert_non_null(strstr(a.text,
		"last_handshake_time_sec=1700000000\nlast_handshake_time_nsec=42\n"
		"tx_bytes=18446744073709551615\nrx_bytes=1\n"));
	free(a.text);
	close(fd);
}

/* The changes that `wg set` makes one at a time. */
static void
test_changes(void **state)
{
	static const struct {
		const char *set;
		const char *present;
		const char *absent;
	} steps[] = {
		{"private_key=" NO_PSK "\n", "listen_port=51820\n", "private_key"},
		{"fwmark=0\nlisten_port=7\n", "listen_port=7\n", "fwmark"},
		{"public_key=" PEER_1 "\npreshared_key=" NO_PSK "\n", "public_key=" PEER_1, PSK},
		{"public_key=" PEER_1 "\nallowed_ip=-10.1.0.0/16\n", "fd00::/64", "10.1.0.0/16"},
		{"public_key=" PEER_2 "\nreplace_allowed_ips=true\nallowed_ip=fd00::/64\n",
			OWN_DEFAULTS "allowed_ip=fd00::/64\n", "=1023\nallowed_ip"},
		{"public_key=" PEER_1 "\nrate_limit=off\necn=1\nreplay_window=32\n",
			"weight=4\nrate_limit=0\necn=1\nreplay_window=32\n", "rate_limit=5"},
		/* What get says of a rate, set takes. */
		{"public_key=" PEER_1 "\nrate_limit=8000000\necn=on\n",
			"weight=4\nrate_limit=8000000\necn=1\nreplay_window=32\n", "ecn=0"},
		{"public_key=" PEER_1 "\nremove=true\n", PEER_2, PEER_1},
		{"public_key=" PEER_1 "\nupdate_only=true\nendpoint=192.0.2.1:1\n", PEER_2, PEER_1},
		{"replace_peers=true\npublic_key=" PEER_1 "\n", PEER_1, PEER_2},
	};
	struct fixture *f = *state;
	int fd = connect_to(f->path);

	assert_says(f, fd, setting, "errno=0\n\n");
	for (size_t i = 0; i < RTE_DIM(steps); i++) {
		char set[512];
		struct answer a;

		snprintf(set, sizeof(set), "set=1\n%s\n", steps[i].set);
		assert_says(f, fd, set, "errno=0\n\n");
		a = talk(f, fd, "get=1\n\n", 7, SIZE_MAX);
		assert_non_null(strstr(a.text, steps[i].present));
		assert_null(strstr(a.text, steps[i].absent));
		free(a.text);
	}
	close(fd);
}

static void
test_byte_by_byte(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f->path);
	struct answer a = talk(f, fd, setting, sizeof(setting) - 1, 1);

	assert_string_equal(a.text, "errno=0\n\n");
	free(a.text);
	a = talk(f, fd, "get=1\n\n", 7, 1);
	assert_string_equal(a.text, state_of_setting);
	free(a.text);
	close(fd);
}

static void
test_operations_in_one_write(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f->path);

	assert_says(f, fd,
		"set=1\nlisten_port=1\n\nget=1\n\nset=1\nlisten_port=x\n\nset=1\nlisten_port=2\n\n"
		"get=1\n\n",
		"errno=0\n\nlisten_port=1\nerrno=0\n\nerrno=-22\n\nerrno=0\n\nlisten_port=2\nerrno="
		"0\n\n");
	close(fd);
}

#define DEVICE_KEYS "private_key=" PRIVATE_KEY "\nlisten_port=9\nfwmark=9\nreplace_peers=true\n"
#define PEER_KEYS DEVICE_KEYS "public_key=" PEER_2 "\nremove=true\npublic_key=" PEER_1 "\n"

/* Every one has a fault in its last line, after lines that alone would change something. */
static const char *const bad_sets[] = {
	DEVICE_KEYS "foo=1\n",
	DEVICE_KEYS "listen_port\n",
	DEVICE_KEYS "=1\n",
	DEVICE_KEYS "listen_port=\n",
	DEVICE_KEYS "listen_port=65536\n",
	DEVICE_KEYS "listen_port= 1\n",
	DEVICE_KEYS "Listen_port=1\n",
	DEVICE_KEYS "listen_port=1\r\n",
	DEVICE_KEYS "fwmark=4294967296\n",
	DEVICE_KEYS "replace_peers=1\n",
	DEVICE_KEYS "private_key=08\n",
	DEVICE_KEYS "public_key=" PEER_1 "00\n",
	DEVICE_KEYS "public_key=\n",
	DEVICE_KEYS "endpoint=192.0.2.1:1\n", /* no peer to give it to */
	DEVICE_KEYS "get=1\n",
	PEER_KEYS "listen_port=9\n", /* the device's, after a peer has begun */
	PEER_KEYS "replace_peers=true\n",
	PEER_KEYS "preshared_key=0c\n",
	PEER_KEYS "endpoint=192.0.2.1\n",
	PEER_KEYS "endpoint=localhost:1\n",
	PEER_KEYS "persistent_keepalive_interval=65536\n",
	PEER_KEYS "allowed_ip=10.0.0.0/33\n",
	PEER_KEYS "allowed_ip=--10.0.0.0/8\n",
	PEER_KEYS "allowed_ip=\n",
	PEER_KEYS "replace_allowed_ips=yes\n",
	PEER_KEYS "protocol_version=2\n",
	PEER_KEYS "remove=false\n",
	PEER_KEYS "update_only=\n",
	PEER_KEYS "weight=0\n",
	PEER_KEYS "weight=1025\n",
	DEVICE_KEYS "weight=1\n", /* no peer to give it to */
	PEER_KEYS "rate_limit=\n",
	PEER_KEYS "rate_limit=7\n",
	PEER_KEYS "rate_limit=1001gbit\n",
	PEER_KEYS "ecn=2\n",
	PEER_KEYS "ecn=true\n",
	PEER_KEYS "replay_window=0\n",
	PEER_KEYS "replay_window=8129\n",
	PEER_KEYS "RateLimit=1mbit\n", /* the file's name for it */
	PEER_KEYS "last_handshake_time_sec=1\n", /* only read */
	PEER_KEYS "rx_bytes=1\n",
};

static void
test_bad_set_changes_nothing(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f->path);
	unsigned int applied;

	assert_says(f, fd, setting, "errno=0\n\n");
	applied = f->applied;
	for (size_t i = 0; i < RTE_DIM(bad_sets); i++) {
		char set[1024];

		snprintf(set, sizeof(set), "set=1\n%s\n", bad_sets[i]);
		assert_says(f, fd, set, "errno=-22\n\n");
	}
	assert_int_equal(f->applied, applied);
	assert_says(f, fd, "get=1\n\n", state_of_setting);
	close(fd);
}

static void
test_nul_byte_in_set(void **state)
{
	static const char set[] = "set=1\nlisten_port=1\0002\n\n";
	struct fixture *f = *state;
	int fd = connect_to(f->path);
	struct answer a = talk(f, fd, set, sizeof(set) - 1, SIZE_MAX);

	assert_string_equal(a.text, "errno=-22\n\n");
	assert_int_equal(f->applied, 0);
	free(a.text);
	close(fd);
}

static void
test_refused_by_the_device(void **state)
{
	struct fixture *f = *state;
	int fd = connect_to(f->path);

	f->apply_error = -EADDRINUSE;
	assert_says(f, fd, "set=1\nlisten_port=53\n\n", "errno=-98\n\n");
	f->apply_error = 0;
	assert_says(f, fd, "get=1\n\n", "errno=0\n\n");
	close(fd);
}

static void
test_mutated_sets(void **state)
{
	static const char bytes[] = "\0\n\r =[],/:.-09af\xff";
	char text[sizeof(setting) - 8];
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		/* Exactly as long as the text, so that a read past its end is seen. */
		size_t len = test_random(&seed) % sizeof(text);
		struct wg_update u;
		char *copy;
		int rc;

		memcpy(text, setting + 6, sizeof(text));
		for (int n = test_random(&seed) % 4; n >= 0; n--)
			text[test_random(&seed) % sizeof(text)] =
				bytes[test_random(&seed) % sizeof(bytes)];
		copy = malloc(len + 1);
		memcpy(copy, text, len);
		copy[len] = '\n';
		wg_update_init(&u);
		rc = tg_uapi_parse(copy, len + 1, &u);
		assert_true(rc == 0 || rc == -EINVAL);
		if (rc == 0)
			wg_update_free(&u);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UAPI_TEST(test_empty_device),
		UAPI_TEST(test_get_after_set),
		UAPI_TEST(test_traffic_and_handshake_time),
		UAPI_TEST(test_changes),
		UAPI_TEST(test_byte_by_byte),
		UAPI_TEST(test_operations_in_one_write),
		UAPI_TEST(test_bad_set_changes_nothing),
		UAPI_TEST(test_nul_byte_in_set),
		UAPI_TEST(test_refused_by_the_device),
		cmocka_unit_test(test_mutated_sets),
	};

	if (test_eal_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
