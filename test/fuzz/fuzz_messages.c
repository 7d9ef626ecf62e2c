/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One handshake message or cookie reply from nowhere, to a device that waits for a response of one
 * peer and has a session with another. The first byte says what the sender knows: our public key,
 * for mac1; an index that is in use, as receiver; that we are under load. It has no private key, so
 * the message must not change who the device talks to, or where.
 */
#include "fuzz.h"
#include "wg_net.h"

#define MESSAGE_MAX 1500

enum { HAS_MAC1 = 1, HAS_HANDSHAKE = 2, HAS_SESSION = 4, UNDER_LOAD = 8 };

static struct net *net;
static unsigned int endpoint_changes;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	RTE_SET_USED(argc);
	RTE_SET_USED(argv);
	if (fuzz_init())
		return -1;
	net = net_create_pair();
	net_introduce(net, 0, 2, true);
	net_data(net, 0, 1);
	net_data(net, 0, 2);
	fuzz_require(net_session(net, 0, 1) && net_peer(net, 0, 2)->handshake.waiting);
	endpoint_changes = net->side[0].endpoint_changes;
	return 0;
}

static void
set_receiver(uint8_t *msg, size_t len, uint32_t index)
{
	size_t at = msg[0] == WG_MESSAGE_COOKIE ? offsetof(struct wg_cookie_reply, receiver)
						: offsetof(struct wg_response, receiver);
	rte_le32_t le = rte_cpu_to_le_32(index);

	if (len >= at + sizeof(le))
		memcpy(msg + at, &le, sizeof(le));
}

static void
help(uint8_t *msg, size_t len, uint8_t knows)
{
	static struct wg_cookie none;

	if (len && knows & HAS_HANDSHAKE)
		set_receiver(msg, len, net_peer(net, 0, 2)->handshake.local_index);
	else if (len && knows & HAS_SESSION)
		set_receiver(msg, len, net_session(net, 0, 1)->local_index);
	if (len > sizeof(struct wg_macs) && knows & HAS_MAC1)
		wg_cookie_add_macs(&none, net->side[0].public_key, msg, len, net->now);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	uint8_t knows = fuzz_byte(&in);
	size_t len = RTE_MIN(in.left, (size_t)MESSAGE_MAX);
	uint8_t *msg = fuzz_copy(in.p, len);
	struct wg_endpoint from = net_address(77);
	struct wg_keypair *session = net_session(net, 0, 1);

	help(msg, len, knows);
	fuzz_require(wg_device_receive(net->side[0].dev, msg, len, &from, knows & UNDER_LOAD,
			     net->now) != WG_OK);
	fuzz_require(net_session(net, 0, 1) == session);
	fuzz_require(net_peer(net, 0, 2)->handshake.waiting);
	fuzz_require(net->side[0].endpoint_changes == endpoint_changes);
	net->queued = 0;
	free(msg);
	return 0;
}
