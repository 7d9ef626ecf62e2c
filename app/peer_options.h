/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Our own keys of a peer, beyond wg(8)'s: one list for the configuration file, for setting by UAPI
 * and for showing there.
 *
 *   file          UAPI           value
 *   Weight        weight         1 to 1024: the share of a saturated port
 *   RateLimit     rate_limit     a rate such as 50mbit, each way; off
 *   Ecn           ecn            on or off: does the peer carry CE from outer to inner header?
 *   ReplayWindow  replay_window  packets that the peer accepts behind the newest
 */
#ifndef TG_PEER_OPTIONS_H
#define TG_PEER_OPTIONS_H

#include "peer.h"
#include "update.h"

struct tg_peer_option {
	const char *file_name;
	const char *uapi_name;
	/* As the functions of parse.h: NULL, or what is wrong. */
	const char *(*parse)(const char *value, struct wg_update_peer *peer);
	uint64_t (*get)(const struct wg_peer *peer); /* as UAPI shows it */
};

/* Ended by one without names. */
extern const struct tg_peer_option tg_peer_options[];

#endif
