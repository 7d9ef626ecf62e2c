/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a packet ended inside tinguard: one list makes the enum, the counter, its key and its text.
 * Each stage counts for itself, so that "rx ip_truncated" is a frame and "crypto ip_truncated" is
 * what a peer had encrypted.
 */
#ifndef TG_DROPS_H
#define TG_DROPS_H

#include <stdint.h>

#include <rte_mbuf.h>

#include "fq.h"
#include "ip.h"

#define TG_OWN_DROPS(X)                                                                            \
	X(CHAINED, "chained", "in several buffers, and larger than one")                           \
	X(RUNT, "runt", "shorter than its Ethernet header")                                        \
	X(TWIN_DOWN, "twin_down", "the twin of the port is down")                                  \
	X(NOT_FOR_US, "not_for_us", "unicast frame to another MAC")                                \
	X(MARTIAN, "martian", "source that no router passes on")                                   \
	X(NO_ROUTE, "no_route", "no route to the destination")                                     \
	X(PROHIBITED, "prohibited", "blackhole, unreachable or prohibit route")                    \
	X(TTL, "ttl", "TTL or hop limit exceeded")                                                 \
	X(TOO_BIG, "too_big", "larger than the MTU of the way out")                                \
	X(FRAGMENTED, "fragmented", "went on in fragments")                                        \
	X(NO_BUFFER, "no_buffer", "no packet buffer for fragments")                                \
	X(NO_PEER, "no_peer", "no peer's AllowedIPs hold the destination")                         \
	X(PEER_GONE, "peer_gone", "the peer was removed meanwhile")                                \
	X(NO_ENDPOINT, "no_endpoint", "the peer has no endpoint, or no route leads there")         \
	X(NO_ROOM, "no_room", "no room in the buffer for headers or the tag")                      \
	X(WG_SHORT, "wg_short", "WireGuard message shorter than its type needs")                   \
	X(WG_UDP_LENGTH, "wg_udp_length", "UDP length that is not the packet's")                   \
	X(WG_TYPE, "wg_type", "WireGuard message of an unknown type")                              \
	X(NO_SESSION, "no_session", "no session has this receiver index")                          \
	X(EXPIRED, "expired", "the session is too old or has used up its counters")                \
	X(BAD_TAG, "bad_tag", "the message does not authenticate")                                 \
	X(REPLAY, "replay", "counter seen before, or behind the window")                           \
	X(REPLAY_WINDOW, "replay_window",                                                          \
		"waited so long that the peer would take it for a replay")                         \
	X(KEEPALIVE, "keepalive", "authenticated and empty: has done its work")                    \
	X(ECN, "ecn", "outer CE on an inner packet that is Not-ECT")                               \
	X(SOURCE, "source", "inner source is not in the peer's AllowedIPs")                        \
	X(HANDSHAKE, "handshake", "handshake message, has been answered or refused")               \
	X(CRYPTO_FULL, "crypto_full", "ring to the crypto stage full")                             \
	X(TX_FULL, "tx_full", "ring to the TX stage full")                                         \
	X(HANDSHAKE_FULL, "handshake_full", "ring to the handshake stage full")                    \
	X(CONTROL_FULL, "control_full", "ring to the control thread full")                         \
	X(HINTED, "hinted", "not sealed: the port would drop it, its flow is over its share")      \
	X(HOLD_FULL, "hold_full", "too many packets wait while a closed tin is being opened")      \
	X(UNRESOLVED, "unresolved", "the next hop does not answer")                                \
	X(KERNEL, "kernel", "given to the kernel")                                                 \
	X(KERNEL_REFUSED, "kernel_refused", "not taken by the kernel")                             \
	X(SHUTDOWN, "shutdown", "still queued at the end")

#define TG_DROPS(X) PKT_IP_REASONS(X) TG_OWN_DROPS(X) FQ_DROPS(X)

enum tg_drop {
#define X(name, key, help) TG_DROP_##name,
	TG_DROPS(X)
#undef X
		TG_DROP_COUNT,
};

/* The lists that other libraries keep lie in ours as they are. */
static inline enum tg_drop
tg_drop_ip(enum pkt_ip_reason why)
{
	return (enum tg_drop)(TG_DROP_TRUNCATED + (why - PKT_IP_TRUNCATED));
}

static inline enum tg_drop
tg_drop_fq(enum fq_drop why)
{
	return (enum tg_drop)(TG_DROP_OVERLIMIT + (why - FQ_DROP_OVERLIMIT));
}

/*
 * What one stage counts: in + icmp + fragments = out + drops when nothing waits. Written by the one
 * thread that runs the stage, read by any: 64-bit counters are not torn on the machines that we run
 * on, and may be a little old.
 */
struct tg_counters {
	uint64_t in;
	uint64_t out;
	uint64_t icmp; /* errors asked for, each a packet of its own */
	uint64_t icmp_sent; /* control only */
	uint64_t icmp_limited; /* errors not sent, since there were too many */
	uint64_t fragments; /* made */
	uint64_t wasted; /* sealed packets among those dropped */
	uint64_t drops[TG_DROP_COUNT];
} __rte_cache_aligned;

const char *tg_drop_key(enum tg_drop why);
const char *tg_drop_help(enum tg_drop why);

/* The one way for a packet to end in a stage. */
static inline void
tg_drop(struct tg_counters *c, struct rte_mbuf *m, enum tg_drop why)
{
	c->drops[why]++;
	rte_pktmbuf_free(m);
}

#endif
