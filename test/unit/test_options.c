/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line: what it means, and what every bad one is answered with. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "test_eal.h"

#define MS UINT64_C(1000000)
#define ARGS_MAX 16

/* The words of line, as behind EAL's `--'. Strings in *o lead into copy. */
static int
parse(const char *line, char copy[256], struct tg_options *o, char error[TG_ERROR_LEN])
{
	static char name[] = "tinguard";
	char *argv[ARGS_MAX + 1] = {name}, *word;
	int argc = 1;

	strcpy(copy, line);
	error[0] = '\0';
	while ((word = strsep(&copy, " ")))
		if (*word)
			argv[argc++] = word;
	return tg_options_parse(o, argc, argv, error);
}

static void
parse_good(const char *line, char copy[256], struct tg_options *o)
{
	char error[TG_ERROR_LEN];

	if (parse(line, copy, o, error))
		fail_msg("`%s': %s", line, error);
}

static void
test_defaults(void **state)
{
	struct tg_options o;
	char copy[256];

	(void)state;
	parse_good("", copy, &o);
	assert_null(o.config);
	assert_string_equal(o.tunnel, "tg0");
	assert_null(o.lcores[TG_STAGE_RX]);
	assert_null(o.lcores[TG_STAGE_HANDSHAKE]);
	assert_false(o.adaptive || o.help || o.version);
	assert_int_equal(o.cipher, AEAD_AUTO);
	assert_int_equal(o.max_peers, 65536);
	assert_int_equal(o.mbufs, 49152);
	assert_int_equal(o.mtu, 1500);
	assert_false(o.queue.fifo);
	assert_int_equal(o.queue.flows, 65536);
	assert_int_equal(o.queue.staging, 128);
	assert_int_equal(o.queue.target_ns, 5 * MS);
	assert_int_equal(o.queue.interval_ns, 100 * MS);
	assert_int_equal(o.queue.ce_threshold_ns, 0);
	assert_int_equal(o.queue.crypto_target_ns, 5 * MS);
	assert_int_equal(o.queue.crypto_interval_ns, 100 * MS);
	assert_false(o.queue.encrypt_at_dequeue);
	assert_int_equal(o.crypto_delay, 0);
	for (int i = 0; i < TG_PORTS_MAX; i++)
		assert_false(o.queue.shapes[i].set);
}

static void
test_all_but_the_queue(void **state)
{
	struct tg_options o;
	char copy[256];

	(void)state;
	parse_good("--config a.conf --tunnel=wg-1 --rx-lcores 1 --crypto-lcores 2,3 --tx-lcores=4 "
		   "--handshake-lcores 0,5",
		copy, &o);
	assert_string_equal(o.config, "a.conf");
	assert_string_equal(o.tunnel, "wg-1");
	assert_string_equal(o.lcores[TG_STAGE_RX], "1");
	assert_string_equal(o.lcores[TG_STAGE_CRYPTO], "2,3");
	assert_string_equal(o.lcores[TG_STAGE_TX], "4");
	assert_string_equal(o.lcores[TG_STAGE_HANDSHAKE], "0,5");
	assert_false(o.mss_clamp);
	parse_good("--poll adaptive --cipher libsodium --max-peers 1048576 --mbufs 4096 --mtu "
		   "16000 --mss-clamp",
		copy, &o);
	assert_true(o.mss_clamp);
	assert_true(o.adaptive);
	assert_int_equal(o.cipher, AEAD_LIBSODIUM);
	assert_int_equal(o.max_peers, 1048576);
	assert_int_equal(o.mbufs, 4096);
	parse_good("--mtu 16000", copy, &o);
	assert_int_equal(o.mtu, 16000);
	parse_good("--mtu 1500", copy, &o);
	assert_int_equal(o.mtu, 1500);
	assert_false(o.user.set);
	/* daemon has the numbers 1 and 1 on Debian. */
	parse_good("--user daemon", copy, &o);
	assert_true(o.user.set && o.user.uid == 1 && o.user.gid == 1);
	parse_good("--user 1:2", copy, &o);
	assert_true(o.user.set && o.user.uid == 1 && o.user.gid == 2);
	parse_good("--poll busy --help", copy, &o);
	assert_false(o.adaptive);
	assert_true(o.help);
	parse_good("--version", copy, &o);
	assert_true(o.version);
}

static void
test_queue(void **state)
{
	struct tg_options o;
	char copy[256];

	(void)state;
	parse_good("--staging 8192", copy, &o);
	assert_int_equal(o.queue.staging, 8192);
	parse_good("--queue fifo --flows 16 --codel target=500us,interval=20ms", copy, &o);
	assert_true(o.queue.fifo);
	assert_int_equal(o.queue.flows, 16);
	assert_int_equal(o.queue.target_ns, MS / 2);
	assert_int_equal(o.queue.interval_ns, 20 * MS);
	parse_good("--queue fq-codel --flows 16777216 --codel ce-threshold=1000000ns", copy, &o);
	assert_false(o.queue.fifo);
	assert_int_equal(o.queue.flows, 1 << 24);
	assert_int_equal(o.queue.ce_threshold_ns, MS);
	assert_int_equal(o.queue.target_ns, 5 * MS);
	parse_good("--crypto-codel target=1ms,interval=20ms --encrypt-at dequeue", copy, &o);
	assert_int_equal(o.queue.crypto_target_ns, MS);
	assert_int_equal(o.queue.crypto_interval_ns, 20 * MS);
	assert_int_equal(o.queue.target_ns, 5 * MS);
	assert_true(o.queue.encrypt_at_dequeue);
	parse_good("--encrypt-at enqueue --crypto-delay 100000", copy, &o);
	assert_false(o.queue.encrypt_at_dequeue);
	assert_int_equal(o.crypto_delay, 100000);
	parse_good("--codel interval=60s,target=60s", copy, &o);
	assert_int_equal(o.queue.target_ns, 60000 * MS);
}

static void
test_shape(void **state)
{
	const struct tg_shape *shape;
	struct tg_options o;
	char copy[256];

	(void)state;
	parse_good("--shape 0=100mbit --shape 31=20mbit,overhead=44,mpu=0,atm --shape 2=off", copy,
		&o);
	shape = &o.queue.shapes[0];
	assert_true(shape->set);
	assert_int_equal(shape->rate, 12500000);
	assert_int_equal(shape->overhead, 24); /* of Ethernet: preamble, FCS, gap */
	assert_int_equal(shape->mpu, 84);
	assert_int_equal(shape->framing, FQ_FRAMING_NONE);
	shape = &o.queue.shapes[31];
	assert_int_equal(shape->rate, 2500000);
	assert_int_equal(shape->overhead, 44);
	assert_int_equal(shape->mpu, 0);
	assert_int_equal(shape->framing, FQ_FRAMING_ATM);
	shape = &o.queue.shapes[2];
	assert_true(shape->set);
	assert_int_equal(shape->rate, 0);
	assert_false(o.queue.shapes[1].set);
	parse_good("--shape 1=1gbit,ptm,overhead=256", copy, &o);
	assert_int_equal(o.queue.shapes[1].framing, FQ_FRAMING_PTM);
	assert_int_equal(o.queue.shapes[1].overhead, 256);
}

static void
test_what_a_queue_gets(void **state)
{
	struct tg_options o;
	struct fq_params fq;
	char copy[256];

	(void)state;
	parse_good("--flows 1024 --codel target=1ms,interval=9ms,ce-threshold=2ms "
		   "--shape 1=1mbit,overhead=8,mpu=64,ptm",
		copy, &o);
	fq_params_default(&fq);
	tg_queue_params(&o.queue, 1, &fq);
	assert_int_equal(fq.flows, 1024);
	assert_int_equal(fq.target_ns, MS);
	assert_int_equal(fq.interval_ns, 9 * MS);
	assert_int_equal(fq.ce_threshold_ns, 2 * MS);
	assert_int_equal(fq.fifo, 0);
	assert_int_equal(fq.overhead, 8);
	assert_int_equal(fq.mpu, 64);
	assert_int_equal(fq.framing, FQ_FRAMING_PTM);
	tg_queue_params(&o.queue, 0, &fq);
	assert_int_equal(fq.overhead, 24);
	assert_int_equal(fq.framing, FQ_FRAMING_NONE);
	parse_good("--queue fifo", copy, &o);
	tg_queue_params(&o.queue, 0, &fq);
	assert_int_equal(fq.fifo, 1000);
}

#define BAD_NUMBER(name, value, range)                                                             \
	{                                                                                          \
		"--" name " " value, "--" name ": `" value "' is not a number from " range         \
	}
#define BAD_TIME(value)                                                                            \
	{                                                                                          \
		"--codel target=" value,                                                           \
			"--codel: `" value "' is not a time such as 5ms, with ns, us, ms or s"     \
	}
#define BAD_FLOWS(value)                                                                           \
	{                                                                                          \
		"--flows " value, "--flows: `" value "' is not a power of two from 16 to 16777216" \
	}
#define BAD_RATE(value)                                                                            \
	{                                                                                          \
		"--shape 0=" value, "--shape: `" value "' is not a rate, 8bit to 1000gbit or off"  \
	}
#define BAD_PORT(value)                                                                            \
	{                                                                                          \
		"--shape " value, "--shape: `" value "' does not begin with PORT=RATE"             \
	}
#define BAD_BYTES(key, value)                                                                      \
	{                                                                                          \
		"--shape 0=1mbit," key "=" value,                                                  \
			"--shape: `" value "' is not a number from 0 to 256"                       \
	}

static const struct {
	const char *line;
	const char *error;
} bad_lines[] = {
	{"--frobnicate", "unknown option: --frobnicate"},
	{"--mss-clamp=on", "unknown option: --mss-clamp=on"},
	{"-x", "unknown option: -x"},
	{"--mss-clamp -xyz", "unknown option: -x"},
	{"--mbufs", "--mbufs needs a value"},
	{"file.conf", "unexpected argument: file.conf"},
	{"--poll lazy", "--poll: `lazy' is neither busy nor adaptive"},
	{"--cipher rot13", "--cipher: `rot13' is not auto, ipsec-mb or libsodium"},
	{"--tunnel=", "--tunnel: `' has to have 1 to 12 characters"},
	{"--tunnel abcdefghijklm", "--tunnel: `abcdefghijklm' has to have 1 to 12 characters"},
	{"--tunnel a/b", "--tunnel: `a/b' is not an interface name"},
	{"--tunnel ..", "--tunnel: `..' is not an interface name"},
	BAD_NUMBER("max-peers", "0", "1 to 1048576"),
	BAD_NUMBER("max-peers", "1048577", "1 to 1048576"),
	BAD_NUMBER("max-peers", "-1", "1 to 1048576"),
	BAD_NUMBER("mbufs", "4095", "4096 to 16777216"),
	{"--user :nogroup", "--user: `:nogroup' is not NAME or NAME:GROUP"},
	{"--user no.such.user", "--user: `no.such.user' is not a user of this system"},
	{"--user nobody:no.such.group",
		"--user: `nobody:no.such.group' names a group that this system has not"},
	{"--user 4294967295", "--user: `4294967295' is not a user of this system"},
	{"--user root", "--user: `root' is root: leave the option out"},
	{"--user 0:1", "--user: `0:1' is root: leave the option out"},
	BAD_NUMBER("mtu", "1499", "1500 to 16000"),
	BAD_NUMBER("mtu", "16001", "1500 to 16000"),
	BAD_NUMBER("mbufs", "16777217", "4096 to 16777216"),
	BAD_NUMBER("mbufs", "9000x", "4096 to 16777216"),
	BAD_NUMBER("mbufs", "18446744073709551616", "4096 to 16777216"),
	{"--queue red", "--queue: `red' is neither fq-codel nor fifo"},
	{"--queue FIFO", "--queue: `FIFO' is neither fq-codel nor fifo"},
	BAD_FLOWS("0"),
	BAD_FLOWS("8"),
	BAD_FLOWS("1000"),
	BAD_FLOWS("33554432"),
	BAD_FLOWS("1024k"),
	BAD_FLOWS("-16"),
	BAD_FLOWS("x"),
	{"--flows=", "--flows: `' is not a power of two from 16 to 16777216"},
	BAD_NUMBER("staging", "0", "1 to 8192"),
	BAD_NUMBER("staging", "8193", "1 to 8192"),
	BAD_TIME("5"),
	BAD_TIME("ms"),
	BAD_TIME("5m"),
	BAD_TIME("-5ms"),
	BAD_TIME("61s"),
	BAD_TIME("18446744074s"),
	BAD_TIME("18446744073709551617ns"),
	{"--codel target", "--codel: `target' is not a time such as 5ms, with ns, us, ms or s"},
	{"--codel 5ms", "--codel: `5ms' is not target, interval or ce-threshold"},
	{"--codel target=5ms,", "--codel: `' is not target, interval or ce-threshold"},
	{"--codel limit=5ms", "--codel: `limit' is not target, interval or ce-threshold"},
	{"--codel target=0ms", "--codel: `target=0ms' has a target of 0 or above its interval"},
	{"--codel target=101ms", "--codel: `target=101ms' has a target of 0 or above its interval"},
	{"--codel interval=4ms", "--codel: `interval=4ms' has a target of 0 or above its interval"},
	{"--crypto-codel target=0us",
		"--crypto-codel: `target=0us' has a target of 0 or above its interval"},
	{"--crypto-codel ce-threshold=1ms",
		"--crypto-codel: `ce-threshold' is not target or interval"},
	{"--encrypt-at once", "--encrypt-at: `once' is neither dequeue nor enqueue"},
	BAD_NUMBER("crypto-delay", "100000001", "0 to 100000000"),
	BAD_PORT("100mbit"),
	BAD_PORT("=100mbit"),
	BAD_PORT("0"),
	BAD_PORT("32=1mbit"),
	BAD_PORT("-1=1mbit"),
	BAD_PORT("0x=1mbit"),
	BAD_RATE("fast"),
	BAD_RATE("7"),
	BAD_RATE("1001gbit"),
	{"--shape 0=", "--shape: `' is not a rate, 8bit to 1000gbit or off"},
	{"--shape 0=1mbit,burst=9", "--shape: `burst' is not overhead=N, mpu=N, atm or ptm"},
	{"--shape 0=1mbit,atm=1", "--shape: `atm' is not overhead=N, mpu=N, atm or ptm"},
	{"--shape 0=1mbit,", "--shape: `' is not overhead=N, mpu=N, atm or ptm"},
	{"--shape 0=1mbit,mpu", "--shape: `mpu' is not a number from 0 to 256"},
	BAD_BYTES("mpu", "257"),
	BAD_BYTES("mpu", "64b"),
	BAD_BYTES("overhead", "-8"),
	BAD_BYTES("overhead", "257"),
};

static void
test_errors_name_the_value(void **state)
{
	struct tg_options o;
	char copy[256], error[TG_ERROR_LEN];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(bad_lines); i++) {
		if (parse(bad_lines[i].line, copy, &o, error) != -EINVAL)
			fail_msg("`%s' is accepted", bad_lines[i].line);
		assert_string_equal(error, bad_lines[i].error);
	}
}

static void
test_long_values(void **state)
{
	static const char *const names[] = {"--codel=", "--shape="};
	char error[TG_ERROR_LEN], text[1000];
	char *argv[] = {text, text, NULL};
	struct tg_options o;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(names); i++) {
		memset(text, '1', sizeof(text));
		text[sizeof(text) - 1] = '\0';
		memcpy(text, names[i], 8);
		assert_int_equal(tg_options_parse(&o, 2, argv, error), -EINVAL);
		assert_int_equal(strlen(error), TG_ERROR_LEN - 1);
		text[200] = '\0';
		assert_int_equal(tg_options_parse(&o, 2, argv, error), -EINVAL);
		assert_non_null(strstr(error, "' is too long"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all_but_the_queue),
		cmocka_unit_test(test_queue),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_what_a_queue_gets),
		cmocka_unit_test(test_errors_name_the_value),
		cmocka_unit_test(test_long_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
