/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "ports.h"

/* The twin of port 31 is called <tunnel>p31. */
#define TUNNEL_NAME_MAX (IFNAMSIZ - 1 - 3)

#define OPTIONS(X)                                                                                 \
	X(CONFIG, "config", "FILE", "peers and keys, in wg(8)'s format and keys of ours")          \
	X(TUNNEL, "tunnel", "NAME", "the tunnel device; ports' twins are NAMEp0, ... (tg0)")       \
	X(RX, "rx-lcores", "LIST", "lcores that receive, such as 1 or 1,3-5")                      \
	X(CRYPTO, "crypto-lcores", "LIST", "lcores that encrypt and decrypt")                      \
	X(TX, "tx-lcores", "LIST", "lcores that queue and send")                                   \
	X(HANDSHAKE, "handshake-lcores", "LIST", "lcores that do handshakes (the main one)")       \
	X(POLL, "poll", "busy|adaptive", "adaptive: sleep for some us after empty polls (busy)")   \
	X(CIPHER, "cipher", "auto|ipsec-mb|libsodium", "which library encrypts (auto)")            \
	X(QUEUE, "queue", "fq-codel|fifo",                                                         \
		"what orders packets, also before the cipher (fq-codel)")                          \
	X(ENCRYPT_AT, "encrypt-at", "enqueue|dequeue",                                             \
		"before the port's queue or behind (enqueue)")                                     \
	X(CODEL, "codel", "target=T,...", "and interval=T, ce-threshold=T (5ms, 100ms, none)")     \
	X(CRYPTO_CODEL, "crypto-codel", "target=T,...",                                            \
		"and interval=T, before the cipher (5ms, 100ms)")                                  \
	X(CRYPTO_DELAY, "crypto-delay", "CYCLES",                                                  \
		"slow the cipher, per packet, for experiments (0)")                                \
	X(FLOWS, "flows", "N", "flow queues of a port, a power of two (65536)")                    \
	X(STAGING, "staging", "N", "packets of a peer that wait for a session, up to 8192 (128)")  \
	X(SHAPE, "shape", "PORT=RATE,...", "and overhead=N, mpu=N, atm or ptm; 0=100mbit")         \
	X(MSS_CLAMP, "mss-clamp", NULL, "lower the MSS of TCP to what fits the tunnel's MTU")      \
	X(MAX_PEERS, "max-peers", "N", "room for so many peers, up to 1048576 (65536)")            \
	X(MBUFS, "mbufs", "N", "packet buffers, 4096 to 16777216 (49152)")                         \
	X(MTU, "mtu", "N", "of the ports, and room in a packet buffer, 1500 to 16000 (1500)")      \
	X(USER, "user", "NAME[:GROUP]", "who to be once all is set up")                            \
	X(HELP, "help", NULL, "print this and exit")                                               \
	X(VERSION, "version", NULL, "print the version and exit")

enum option_id {
	OPTION_NONE,
#define X(id, name, arg, help) OPTION_##id,
	OPTIONS(X)
#undef X
		OPTION_COUNT,
};

_Static_assert(OPTION_COUNT <= ' ', "optopt is one of these, or a letter");

static const struct option long_options[] = {
#define X(id, name, arg, help)                                                                     \
	{name, (arg) != NULL ? required_argument : no_argument, NULL, OPTION_##id},
	OPTIONS(X)
#undef X
		{NULL, 0, NULL, 0},
};

void
tg_options_usage(FILE *out)
{
	fprintf(out, "\nUsage: tinguard [EAL options] -- [options]\n\ntinguard options:\n");
#define X(id, name, arg, help)                                                                     \
	fprintf(out, "  --%-16s %-23s %s\n", name, (arg) != NULL ? (arg) : "", help);
	OPTIONS(X)
#undef X
	fprintf(out,
		"\nWithout lcore lists, 1 worker lcore runs all stages, 2 run RX+TX and crypto, 3 "
		"one\n"
		"stage each, and more go to crypto. The main lcore is the control thread, and does "
		"the\n"
		"handshakes unless --handshake-lcores names lcores for them alone.\n");
}

static int
bad(char *error, const char *name, const char *value, const char *what)
{
	snprintf(error, TG_ERROR_LEN, "--%s: `%s' %s", name, value, what);
	return -EINVAL;
}

static int
number(const char *name, const char *text, uint32_t min, uint32_t max, uint32_t *out, char *error)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || value < min || value > max) {
		char what[64];

		snprintf(what, sizeof(what), "is not a number from %u to %u", min, max);
		return bad(error, name, text, what);
	}
	*out = (uint32_t)value;
	return 0;
}

static int
set_tunnel(struct tg_options *o, const char *name, char *error)
{
	size_t i, len = strlen(name);

	if (!len || len > TUNNEL_NAME_MAX)
		return bad(error, "tunnel", name, "has to have 1 to 12 characters");
	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("_-.=+", name[i]))
			return bad(error, "tunnel", name, "is not an interface name");
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return bad(error, "tunnel", name, "is not an interface name");
	o->tunnel = name;
	return 0;
}

static int
take(struct tg_options *o, enum option_id id, char *value, char *error)
{
	switch (id) {
	case OPTION_CONFIG:
		o->config = value;
		return 0;
	case OPTION_TUNNEL:
		return set_tunnel(o, value, error);
	case OPTION_RX:
	case OPTION_CRYPTO:
	case OPTION_TX:
	case OPTION_HANDSHAKE:
		o->lcores[id - OPTION_RX] = value;
		return 0;
	case OPTION_POLL:
		o->adaptive = strcmp(value, "adaptive") == 0;
		if (!o->adaptive && strcmp(value, "busy") != 0)
			return bad(error, "poll", value, "is neither busy nor adaptive");
		return 0;
	case OPTION_CIPHER:
		if (aead_backend_parse(value, &o->cipher))
			return bad(error, "cipher", value, "is not auto, ipsec-mb or libsodium");
		return 0;
	case OPTION_QUEUE:
		return tg_parse_queue(&o->queue, value, error);
	case OPTION_CODEL:
		return tg_parse_codel(&o->queue, value, error);
	case OPTION_CRYPTO_CODEL:
		return tg_parse_crypto_codel(&o->queue, value, error);
	case OPTION_CRYPTO_DELAY:
		return number("crypto-delay", value, 0, 100000000, &o->crypto_delay, error);
	case OPTION_ENCRYPT_AT:
		return tg_parse_encrypt_at(&o->queue, value, error);
	case OPTION_FLOWS:
		return tg_parse_flows(&o->queue, value, error);
	case OPTION_STAGING:
		return number("staging", value, 1, TG_STAGING_MAX, &o->queue.staging, error);
	case OPTION_SHAPE:
		return tg_parse_shape(&o->queue, value, error);
	case OPTION_MSS_CLAMP:
		o->mss_clamp = true;
		return 0;
	case OPTION_MAX_PEERS:
		return number("max-peers", value, 1, WG_PEERS_MAX, &o->max_peers, error);
	case OPTION_MBUFS:
		return number("mbufs", value, 4096, 1 << 24, &o->mbufs, error);
	case OPTION_MTU:
		return number("mtu", value, RTE_ETHER_MTU, TG_MTU_MAX, &o->mtu, error);
	case OPTION_USER:
		return tg_user_parse(value, &o->user, error);
	case OPTION_HELP:
		o->help = true;
		return 0;
	case OPTION_VERSION:
		o->version = true;
		return 0;
	case OPTION_NONE:
	case OPTION_COUNT:
		break;
	}
	return -EINVAL;
}

/* Of letters, which we have none of, optind tells only where the last one in a word was. */
static int
unknown(char *const *argv, char *error)
{
	if (optopt >= ' ')
		snprintf(error, TG_ERROR_LEN, "unknown option: -%c", optopt);
	else
		snprintf(error, TG_ERROR_LEN, "unknown option: %s", argv[optind - 1]);
	return -EINVAL;
}

int
tg_options_parse(struct tg_options *o, int argc, char **argv, char error[TG_ERROR_LEN])
{
	int id;

	*o = (struct tg_options){.tunnel = "tg0",
		.cipher = AEAD_AUTO,
		.max_peers = 65536,
		.mbufs = 49152,
		.mtu = RTE_ETHER_MTU};
	tg_queue_options_default(&o->queue);
	/* GNU's: begin anew, with an order of our own. */
	optind = 0;
	while ((id = getopt_long(argc, argv, "+:", long_options, NULL)) != -1) {
		if (id == ':') {
			snprintf(error, TG_ERROR_LEN, "%s needs a value", argv[optind - 1]);
			return -EINVAL;
		}
		if (id == '?')
			return unknown(argv, error);
		if (take(o, id, optarg, error))
			return -EINVAL;
	}
	if (optind < argc) {
		snprintf(error, TG_ERROR_LEN, "unexpected argument: %s", argv[optind]);
		return -EINVAL;
	}
	return 0;
}
