/* SPDX-License-Identifier: BSD-3-Clause */
/* What became of a handshake message. */
#ifndef WG_REFUSAL_H
#define WG_REFUSAL_H

/* One line per way to refuse a message: name, help. The caller keeps the counters. */
#define WG_REFUSALS(X)                                                                             \
	X(LENGTH, "handshake message of a wrong length")                                           \
	X(TYPE, "unknown message type")                                                            \
	X(NO_IDENTITY, "no private key is set")                                                    \
	X(DOWN, "the tunnel is down")                                                              \
	X(MAC1, "mac1 does not match our public key")                                              \
	X(UNDER_LOAD, "cookie reply sent instead of an answer")                                    \
	X(RATE_LIMIT, "too many handshakes from this source")                                      \
	X(INITIATION, "initiation does not authenticate, is unknown, old or too early")            \
	X(RESPONSE, "response does not authenticate or nobody waits for it")                       \
	X(COOKIE, "cookie reply does not authenticate or nobody waits for it")                     \
	X(RESOURCES, "no index or memory for a session, or too many handshakes at a time")

enum wg_refusal {
	WG_OK,
#define X(name, help) WG_REFUSED_##name,
	WG_REFUSALS(X)
#undef X
		WG_REFUSAL_COUNT,
};

#endif
