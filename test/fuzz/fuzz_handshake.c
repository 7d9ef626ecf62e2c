/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two devices, and between them somebody who delays, drops, repeats and changes handshake messages,
 * with the macs made good again if he likes, while time passes and keys and peers change. He cannot
 * be prevented from delaying; but when he lets go, both come through to each other.
 */
#include "fuzz.h"
#include "wg_net.h"

#define STEPS_MAX 64
#define HEAL (30 * S)

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	RTE_SET_USED(argc);
	RTE_SET_USED(argv);
	return fuzz_init();
}

static void
pass_time(struct net *net, struct fuzz_input *in)
{
	static const uint64_t units[] = {MS, 100 * MS, S, 30 * S};
	uint8_t unit = fuzz_byte(in);

	net->held = true;
	net_run(net, (1 + fuzz_byte(in)) * units[unit % RTE_DIM(units)]);
}

static void
repeat(struct net *net, unsigned int i)
{
	if (net->queued < NET_QUEUE / 2)
		net->queue[net->queued++] = net->queue[i];
}

/* Of data nothing can be changed that the receiver would not notice. */
static void
change(struct net *net, unsigned int i, struct fuzz_input *in)
{
	struct net_message *m = &net->queue[i];
	struct net_side *to = &net->side[!m->from];
	static struct wg_cookie none;
	uint8_t flags = fuzz_byte(in);

	if (net_type(m) == WG_MESSAGE_DATA)
		return;
	for (uint8_t n = flags % 4; n; n--) {
		uint8_t at = fuzz_byte(in);

		m->bytes[at % m->len] ^= fuzz_byte(in);
	}
	if (flags & 16)
		m->len = fuzz_byte(in) % (m->len + 1);
	if (flags & 32 && m->len > sizeof(struct wg_macs))
		wg_cookie_add_macs(&none, to->public_key, m->bytes, m->len, net->now);
	if (flags & 64)
		m->source = net_address(fuzz_byte(in));
	if (!m->len)
		net_take(net, i, &(struct net_message){0});
}

static void
one_message(struct net *net, struct fuzz_input *in)
{
	unsigned int i = net->queued ? fuzz_byte(in) % net->queued : 0;

	if (!net->queued)
		return;
	switch (fuzz_byte(in) % 5) {
	case 0:
	case 1:
		net_deliver_one(net, i);
		break;
	case 2:
		net_take(net, i, &(struct net_message){0});
		break;
	case 3:
		repeat(net, i);
		break;
	case 4:
		change(net, i, in);
		break;
	}
}

static void
reconfigure(struct net *net, int a, struct fuzz_input *in)
{
	struct wg_update u;
	struct wg_update_peer *up = net_update(&u, net->side[!a].public_key);
	uint8_t flags = fuzz_byte(in);

	up->remove = flags & 1;
	up->has_keepalive = flags & 2;
	up->keepalive = fuzz_byte(in);
	up->has_preshared_key = flags & 4;
	memset(up->preshared_key, flags & 8, sizeof(up->preshared_key));
	up->has_endpoint = flags & 16;
	up->endpoint = net->side[!a].address;
	fuzz_require(net_apply(&net->side[a], &u) == 0);
}

static void
step(struct net *net, struct fuzz_input *in)
{
	uint8_t what = fuzz_byte(in);
	int a = what >> 7;

	switch (what % 8) {
	case 0:
		pass_time(net, in);
		break;
	case 1:
		if (net_peer(net, a, !a))
			net_data(net, a, !a);
		break;
	case 2:
		net->side[a].under_load = !net->side[a].under_load;
		break;
	case 3:
		reconfigure(net, a, in);
		break;
	default:
		one_message(net, in);
		break;
	}
}

/* With the configuration that both began with. */
static void
heal(struct net *net)
{
	unsigned int received[2] = {net->side[0].data_received, net->side[1].data_received};

	net->queued = 0;
	net->held = false;
	for (int a = 0; a < 2; a++) {
		struct wg_update u;
		struct wg_update_peer *up = net_update(&u, net->side[!a].public_key);

		up->has_preshared_key = true;
		up->has_endpoint = true;
		up->endpoint = net->side[!a].address;
		fuzz_require(net_apply(&net->side[a], &u) == 0);
		net->side[a].under_load = false;
	}
	for (uint64_t end = net->now + HEAL; net->now < end; net_run(net, S))
		for (int a = 0; a < 2; a++)
			net_data(net, a, !a);
	for (int a = 0; a < 2; a++)
		fuzz_require(net->side[a].data_received > received[a]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct net *net = net_create_pair();

	net->held = true;
	for (int i = 0; i < STEPS_MAX && in.left; i++)
		step(net, &in);
	heal(net);
	net_destroy(net);
	return 0;
}
