/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The timers of WireGuard (white paper, section 6), as rules over what is known about a peer.
 *
 * The data path sets no timer. It stamps the peer with the time of what it sent and received, and
 * with the first data message that waits for an answer from the other side (unanswered_since) or
 * from us (unacknowledged_since). The control thread reads the stamps when it looks at the peer,
 * and from them follows what is due, and when:
 *
 * - Retry: an initiation without response is sent again after 5 s and up to 333 ms of jitter.
 * - Give up: 90 s after a handshake began it ends, and what waits for the session is dropped.
 * - Unanswered: data sent and nothing heard for 15 s and the jitter: a new handshake. This takes
 * the stamp away, so that only data sent later begins anew.
 * - Rekey, sending: the initiator of the current session begins a handshake when it sent something
 * after 120 s. Both sides do at 2^60 messages.
 * - Rekey, receiving: the initiator begins one when it received something after 165 s. Once: the
 *   attempt lasts longer than the session.
 * - Keepalive: data received and nothing sent since for 10 s: an empty message, or a handshake when
 * the session has ended meanwhile.
 * - Persistent keepalive: nothing authenticated either way for as long as configured: the same.
 * Also at once when it is switched on: by the wheel, since that may concern 100,000 peers together.
 * - Zero keys: 540 s after the last session was made all are wiped.
 *
 * No two initiations to a peer are closer than 5 s: a handshake that comes too early waits.
 * Sessions are not ended by a timer: after 180 s, who looks at one finds that it may not be used.
 *
 * A peer is in the wheel only while a rule can apply. Deadlines are exact but for a grain of the
 * wheel. Since stamps change without notice, a peer with a session that still lives is looked at
 * once a second, which is early enough for every rule above; an idle peer costs nothing.
 *
 * Handshake messages are no data: they answer and acknowledge, but do not make the initiator rekey.
 */
#include <rte_common.h>

#include "peer.h"
#include "timers.h"

#define LOOK_INTERVAL WG_NS_PER_S
/* Between asking for a keepalive and its stamp the message is on its way to the wire. */
#define KEEPALIVE_PATIENCE WG_NS_PER_S
#define REKEY_ON_RECEIVE_AFTER (WG_REJECT_AFTER_TIME - WG_KEEPALIVE_TIMEOUT - WG_REKEY_TIMEOUT)

static uint64_t
stamp(const _Atomic uint64_t *time)
{
	return atomic_load_explicit(time, memory_order_relaxed);
}

static void
consider(struct wg_timer_due *due, enum wg_timer timer, uint64_t at)
{
	if (at < due->at)
		*due = (struct wg_timer_due){timer, at};
}

static bool
can_initiate(const struct wg_peer *peer)
{
	return peer->endpoint.family && peer->handshake.agreement != WG_AGREEMENT_IMPOSSIBLE;
}

static bool
lives(const struct wg_keypair *kp, uint64_t now)
{
	return kp && wg_keypair_usable(kp, now);
}

static void
consider_rekey(struct wg_timer_due *due, const struct wg_peer *peer, const struct wg_keypair *kp,
	uint64_t now)
{
	if (!kp || !can_initiate(peer))
		return;
	if (stamp(&kp->send_counter) >= WG_REKEY_AFTER_MESSAGES)
		consider(due, WG_TIMER_REKEY, now);
	if (!kp->initiator)
		return;
	if (stamp(&peer->last_sent) >= kp->birth + WG_REKEY_AFTER_TIME)
		consider(due, WG_TIMER_REKEY, now);
	if (stamp(&peer->last_received) >= kp->birth + REKEY_ON_RECEIVE_AFTER)
		consider(due, WG_TIMER_REKEY, now);
}

static void
consider_keepalives(struct wg_timer_due *due, const struct wg_peer *peer)
{
	uint64_t unacknowledged = stamp(&peer->unacknowledged_since);
	const struct wg_peer_timers *t = &peer->timers;
	uint64_t asked_enough = t->keepalive_asked ? t->keepalive_asked + KEEPALIVE_PATIENCE : 0;
	uint64_t last = RTE_MAX(
		RTE_MAX(stamp(&peer->last_sent), stamp(&peer->last_received)), t->last_message);

	if (unacknowledged)
		consider(due, WG_TIMER_KEEPALIVE,
			RTE_MAX(unacknowledged + WG_KEEPALIVE_TIMEOUT, asked_enough));
	if (!peer->persistent_keepalive || !can_initiate(peer))
		return;
	if (t->keepalive_begins)
		consider(due, WG_TIMER_PERSISTENT_KEEPALIVE, 0);
	else
		consider(due, WG_TIMER_PERSISTENT_KEEPALIVE,
			RTE_MAX(last + peer->persistent_keepalive * WG_NS_PER_S, asked_enough));
}

struct wg_timer_due
wg_timers_next(const struct wg_peer *peer, uint64_t now)
{
	struct wg_timer_due due = {WG_TIMER_NONE, UINT64_MAX};
	const struct wg_keypair *kp = wg_peer_session(peer, now);
	const struct wg_peer_timers *t = &peer->timers;
	uint64_t unanswered = stamp(&peer->unanswered_since);

	if (t->zero_at)
		consider(&due, WG_TIMER_ZERO_KEYS, t->zero_at);
	if (t->attempt_since) {
		consider(&due, WG_TIMER_GIVE_UP, t->attempt_since + WG_REKEY_ATTEMPT_TIME);
		consider(&due, WG_TIMER_RETRY, t->retry_at);
	} else {
		if (unanswered)
			consider(&due, WG_TIMER_UNANSWERED,
				unanswered + WG_KEEPALIVE_TIMEOUT + WG_REKEY_TIMEOUT + t->jitter);
		consider_rekey(&due, peer, kp, now);
	}
	if (kp || !t->attempt_since)
		consider_keepalives(&due, peer);
	if (kp || lives(peer->next, now) || lives(peer->previous, now))
		consider(&due, WG_TIMER_LOOK, now + LOOK_INTERVAL);
	return due;
}

void
wg_timers_handshake_sent(struct wg_peer *peer, size_t len, uint64_t now)
{
	peer->timers.last_message = now;
	atomic_store_explicit(&peer->unacknowledged_since, 0, memory_order_relaxed);
	atomic_fetch_add_explicit(&peer->handshake_tx_bytes, len, memory_order_relaxed);
}

void
wg_timers_handshake_received(struct wg_peer *peer, size_t len, uint64_t now)
{
	peer->timers.last_message = now;
	atomic_store_explicit(&peer->unanswered_since, 0, memory_order_relaxed);
	atomic_fetch_add_explicit(&peer->handshake_rx_bytes, len, memory_order_relaxed);
}
