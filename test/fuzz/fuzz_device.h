/* SPDX-License-Identifier: BSD-3-Clause */
/* A device that configuration is tried on: it sends nothing. */
#ifndef FUZZ_DEVICE_H
#define FUZZ_DEVICE_H

#include <errno.h>

#include "device.h"
#include "fuzz.h"
#include "test_random.h"

#define FUZZ_PEERS_MAX 64

static inline void
fuzz_op_send(
	void *ctx, struct wg_peer *peer, const struct wg_endpoint *to, const void *msg, size_t len)
{
	RTE_SET_USED(ctx);
	RTE_SET_USED(peer);
	RTE_SET_USED(to);
	RTE_SET_USED(msg);
	RTE_SET_USED(len);
}

static inline void
fuzz_op_peer(void *ctx, struct wg_peer *peer)
{
	RTE_SET_USED(ctx);
	RTE_SET_USED(peer);
}

static inline uint64_t
fuzz_op_wall_clock(void *ctx)
{
	RTE_SET_USED(ctx);
	return WG_NS_PER_S;
}

static inline void
fuzz_op_random(void *ctx, void *buf, size_t len)
{
	static uint64_t seed;

	RTE_SET_USED(ctx);
	for (uint8_t *p = buf; len--; p++)
		*p = (uint8_t)test_random(&seed);
}

static inline struct wg_device *
fuzz_device_create(struct rcu *rcu)
{
	static const struct wg_ops ops = {
		.send = fuzz_op_send,
		.send_keepalive = fuzz_op_peer,
		.session_up = fuzz_op_peer,
		.purge = fuzz_op_peer,
		.endpoint_changed = fuzz_op_peer,
		.peer_removed = fuzz_op_peer,
		.wall_clock = fuzz_op_wall_clock,
		.random = fuzz_op_random,
	};
	struct wg_device_params params = {
		.max_peers = FUZZ_PEERS_MAX, .lanes = 1, .rcu = rcu, .ops = &ops};
	struct wg_device *dev = wg_device_create(&params);

	fuzz_require(dev != NULL);
	return dev;
}

#endif
