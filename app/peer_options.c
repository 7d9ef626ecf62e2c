/* SPDX-License-Identifier: BSD-3-Clause */
#include "peer_options.h"

#include "parse.h"

static const char *
parse_weight(const char *value, struct wg_update_peer *peer)
{
	peer->has_weight = true;
	return tg_parse_weight(value, &peer->weight);
}

static uint64_t
get_weight(const struct wg_peer *peer)
{
	return atomic_load_explicit(&peer->weight, memory_order_relaxed);
}

static const char *
parse_rate(const char *value, struct wg_update_peer *peer)
{
	peer->has_rate = true;
	return tg_parse_rate(value, &peer->rate);
}

static uint64_t
get_rate(const struct wg_peer *peer)
{
	return 8 * atomic_load_explicit(&peer->rate, memory_order_relaxed);
}

static const char *
parse_ecn(const char *value, struct wg_update_peer *peer)
{
	peer->has_ecn = true;
	return tg_parse_switch(value, &peer->ecn);
}

static uint64_t
get_ecn(const struct wg_peer *peer)
{
	return atomic_load_explicit(&peer->ecn, memory_order_relaxed);
}

static const char *
parse_replay_window(const char *value, struct wg_update_peer *peer)
{
	peer->has_replay_window = true;
	return tg_parse_replay_window(value, &peer->replay_window);
}

static uint64_t
get_replay_window(const struct wg_peer *peer)
{
	return atomic_load_explicit(&peer->replay_window, memory_order_relaxed);
}

const struct tg_peer_option tg_peer_options[] = {
	{"Weight", "weight", parse_weight, get_weight},
	{"RateLimit", "rate_limit", parse_rate, get_rate},
	{"Ecn", "ecn", parse_ecn, get_ecn},
	{"ReplayWindow", "replay_window", parse_replay_window, get_replay_window},
	{NULL, NULL, NULL, NULL},
};
