/* SPDX-License-Identifier: BSD-3-Clause */
/* Each timer rule with its numbers (see timers.c), between two devices. */
#include "wg_net.h"
#include "wheel.h"

/* Side 0 initiates at time t, which is returned; side 1 responds. */
static uint64_t
establish(struct net *net)
{
	uint64_t t = net->now;

	net_data(net, 0, 1);
	assert_int_equal(net->side[0].sessions, 1);
	assert_int_equal(net->side[1].sessions, 1);
	assert_int_equal(net->side[1].data_received, 1);
	return t;
}

/* Data both ways every second: at 120 s the next one sent makes the initiator, not the responder,
 * rekey. */
static void
test_initiator_rekeys_when_it_sends_after_120_s(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t = establish(net);

	RTE_SET_USED(state);
	for (int i = 1; i <= 122; i++) {
		net_run_until(net, t + i * S);
		net_data(net, 0, 1);
		net_data(net, 1, 0);
		if (i < 120)
			assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 1);
	}
	assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 2);
	net_assert_between(net->side[0].last_initiation, t + 120 * S, t + 121 * S + NET_GRAIN);
	assert_int_equal(net->side[1].sent[WG_MESSAGE_INITIATION], 0);
	net_destroy(net);
}

/* Nothing is said after the first message but its keepalive: no rekey; all is wiped at 540 s. */
static void
test_silence_ends_after_540_s(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t = establish(net);
	struct wg_peer *peer = net_peer(net, 0, 1);
	uint32_t index = peer->current->local_index;

	RTE_SET_USED(state);
	net_run_until(net, t + 180 * S - 1);
	assert_non_null(wg_peer_session(peer, net->now));
	net_run_until(net, t + 180 * S);
	assert_null(wg_peer_session(peer, net->now));
	net_run_until(net, t + 540 * S - 1);
	assert_non_null(peer->current);
	assert_non_null(wg_index_keypair(wg_device_index(net->side[0].dev), index));
	net_run_until(net, t + 540 * S + NET_GRAIN);
	assert_null(peer->current);
	assert_null(net_peer(net, 1, 0)->current);
	assert_null(wg_index_keypair(wg_device_index(net->side[0].dev), index));
	assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 1);
	assert_int_equal(wg_device_tick(net->side[0].dev, net->now), UINT64_MAX);
	assert_int_equal(wg_device_tick(net->side[1].dev, net->now), UINT64_MAX);
	net_destroy(net);
}

/* The initiator hears data at 164 s: nothing. At 166 s: it rekeys, once, although nobody answers.
 */
static void
test_initiator_rekeys_when_it_receives_after_165_s(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t = establish(net);

	RTE_SET_USED(state);
	net_run_until(net, t + 164 * S);
	net_data(net, 1, 0);
	net_run_until(net, t + 166 * S);
	assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 1);
	net_data(net, 1, 0);
	net_run_until(net, t + 167 * S + NET_GRAIN);
	assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 2);
	assert_int_equal(net->side[1].sent[WG_MESSAGE_INITIATION], 0);
	assert_int_equal(net->side[0].sessions, 2);

	/* Nobody answers the second time: the one handshake goes on beyond the end of the session.
	 */
	t = net->side[0].last_initiation;
	net_run_until(net, t + 164 * S);
	assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 2);
	net_run_until(net, t + 166 * S);
	net_data(net, 1, 0);
	net->drop = net_drop_all;
	net_run_until(net, t + 255 * S);
	assert_int_equal(net->side[0].purges, 0);
	net_run_until(net, t + 258 * S);
	assert_int_equal(net->side[0].purges, 1);
	net_run_until(net, t + 500 * S);
	assert_int_equal(net->side[0].purges, 1);
	net_destroy(net);
}

static void
test_responder_does_not_rekey_when_it_receives(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t = establish(net);

	RTE_SET_USED(state);
	net_run_until(net, t + 170 * S);
	net->drop = net_drop_initiations;
	net_data(net, 0, 1);
	net_run_until(net, t + 175 * S);
	assert_int_equal(net->side[1].sent[WG_MESSAGE_INITIATION], 0);
	net_destroy(net);
}

/* Sent at 0 s and then every 5 to 5.333 s; given up at 90 s, and what waited is dropped. */
static void
test_retry_and_give_up_after_90_s(void **state)
{
	struct net *net = net_create_pair();
	struct net_side *side = &net->side[0];
	uint64_t t = net->now, last = t;

	RTE_SET_USED(state);
	net->drop = net_drop_all;
	net_data(net, 0, 1);
	assert_int_equal(side->sent[WG_MESSAGE_INITIATION], 1);
	for (unsigned int sent = 2; sent <= 17; sent++) {
		net_run_until(net, last + 5 * S - 1);
		assert_int_equal(side->sent[WG_MESSAGE_INITIATION], sent - 1);
		net_run_until(net, last + 5 * S + 333 * MS + NET_GRAIN);
		assert_int_equal(side->sent[WG_MESSAGE_INITIATION], sent);
		last = side->last_initiation;
	}
	net_run_until(net, t + 90 * S - 1);
	assert_int_equal(side->purges, 0);
	net_run_until(net, t + 90 * S + NET_GRAIN);
	assert_int_equal(side->purges, 1);
	last = side->last_initiation;
	net_run_until(net, t + 1000 * S);
	assert_int_equal(side->last_initiation, last);
	assert_int_equal(wg_device_tick(side->dev, net->now), UINT64_MAX);

	net->drop = NULL;
	net_data(net, 0, 1);
	assert_int_equal(side->sessions, 1);
	net_destroy(net);
}

/* Data every second that wait for the session: it is given up at 90 s all the same. */
static void
test_more_data_does_not_put_off_giving_up(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t = net->now;

	RTE_SET_USED(state);
	net->drop = net_drop_all;
	for (int i = 0; i < 90; i++) {
		net_run_until(net, t + i * S);
		net_data(net, 0, 1);
	}
	assert_int_equal(net->side[0].purges, 0);
	assert_int_equal(net->side[0].waiting, 90);
	net_run_until(net, t + 90 * S + NET_GRAIN);
	assert_int_equal(net->side[0].purges, 1);
	assert_int_equal(net->side[0].waiting, 0);
	net_destroy(net);
}

/* Given up at 90 s; asked again at once, while the last initiation is less than 5 s old. */
static void
test_initiations_are_5_s_apart(void **state)
{
	struct net *net = net_create_pair();
	struct net_side *side = &net->side[0];
	uint64_t last;

	RTE_SET_USED(state);
	net->drop = net_drop_all;
	net_data(net, 0, 1);
	net_run(net, 90 * S + NET_GRAIN);
	assert_int_equal(side->purges, 1);
	last = side->last_initiation;
	assert_true(net->now < last + 5 * S);
	net_data(net, 0, 1);
	assert_int_equal(side->last_initiation, last);
	net_run_until(net, last + 5 * S + NET_GRAIN);
	net_assert_between(side->last_initiation, last + 5 * S, last + 5 * S + NET_GRAIN);
	net_destroy(net);
}

/* Side 1 sends data at 20 s; side 0 has nothing to say and answers with one keepalive at 30 s. */
static void
test_keepalive_10_s_after_data(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t = establish(net);
	unsigned int before;

	RTE_SET_USED(state);
	net_run_until(net, t + 20 * S);
	before = net->side[0].keepalives;
	net_data(net, 1, 0);
	net_run_until(net, t + 25 * S);
	net_data(net, 1, 0);
	net_run_until(net, t + 30 * S - 1);
	assert_int_equal(net->side[0].keepalives, before);
	net_run_until(net, t + 60 * S);
	assert_int_equal(net->side[0].keepalives, before + 1);
	net_assert_between(net->side[0].last_keepalive, t + 30 * S, t + 30 * S + NET_GRAIN);
	net_destroy(net);
}

static void
test_no_keepalive_when_data_went_back(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t = establish(net);
	unsigned int before;

	RTE_SET_USED(state);
	net_run_until(net, t + 20 * S);
	before = net->side[0].keepalives;
	net_data(net, 1, 0);
	net_run_until(net, t + 29 * S);
	net_data(net, 0, 1);
	net_run_until(net, t + 60 * S);
	assert_int_equal(net->side[0].keepalives, before);
	net_destroy(net);
}

/*
 * The responder receives data at 175 s, and at 185 s has no session for the keepalive: it tries for
 * a new one until 275 s, and not again.
 */
static void
test_keepalive_after_the_end_of_the_session(void **state)
{
	struct net *net = net_create_pair();
	struct net_side *side = &net->side[1];
	uint64_t t = establish(net), last;

	RTE_SET_USED(state);
	net->drop = net_drop_initiations;
	net_run_until(net, t + 175 * S);
	net_data(net, 0, 1);
	net_run_until(net, t + 185 * S - 1);
	assert_int_equal(side->sent[WG_MESSAGE_INITIATION], 0);
	net_run_until(net, t + 185 * S + NET_GRAIN);
	assert_int_equal(side->sent[WG_MESSAGE_INITIATION], 1);
	/* The only keepalive was that for the first data, at 10 s. */
	assert_int_equal(side->keepalives, 1);
	net_run_until(net, t + 276 * S);
	assert_int_equal(side->purges, 1);
	last = side->last_initiation;
	net_run_until(net, t + 1000 * S);
	assert_int_equal(side->last_initiation, last);
	net_destroy(net);
}

/* Side 1 is gone from 20 s on. Data at 20 s and 30 s: a handshake at 35 s and up to 333 ms. */
static void
test_unanswered_data_begins_a_handshake(void **state)
{
	struct net *net = net_create_pair();
	struct net_side *side = &net->side[0];
	uint64_t t = establish(net), last;

	RTE_SET_USED(state);
	net_run_until(net, t + 20 * S);
	net->drop = net_drop_from_1;
	net_data(net, 0, 1);
	net_run_until(net, t + 30 * S);
	net_data(net, 0, 1);
	net_run_until(net, t + 35 * S - 1);
	assert_int_equal(side->sent[WG_MESSAGE_INITIATION], 1);
	net_run_until(net, t + 35 * S + 333 * MS + NET_GRAIN);
	assert_int_equal(side->sent[WG_MESSAGE_INITIATION], 2);

	/* It is given up at 125 s and does not begin again by itself. */
	net_run_until(net, t + 126 * S);
	assert_int_equal(side->purges, 1);
	last = side->last_initiation;
	net_run_until(net, t + 600 * S);
	assert_int_equal(side->last_initiation, last);
	net_destroy(net);
}

/* A keepalive from the other side is an answer, and a keepalive needs none. */
static void
test_answered_data_begins_no_handshake(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t = establish(net);

	RTE_SET_USED(state);
	net_run_until(net, t + 20 * S);
	net_data(net, 0, 1);
	net_run_until(net, t + 100 * S);
	assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 1);
	net_destroy(net);
}

/*
 * Side 1 has lost the session, and says so at no time. Data of side 0 at 20 s would be silence
 * enough at 35 s. But at 30 s a message of side 1 arrives that was sent before: it is only from
 * the data at 31 s on that side 0 counts, until 46 s.
 */
static void
test_late_message_breaks_the_silence(void **state)
{
	struct net *net = net_create_pair();
	struct net_side *side = &net->side[0];
	uint64_t t = establish(net);
	struct net_message late;

	RTE_SET_USED(state);
	net_run_until(net, t + 19 * S);
	net->held = true;
	net_data(net, 1, 0);
	late = net->queue[0];
	net->queued = 0;
	net->held = false;
	net->drop = net_drop_from_1;
	net_run_until(net, t + 20 * S);
	net_data(net, 0, 1);
	net_run_until(net, t + 30 * S);
	net_receive(net, &late);
	net_run_until(net, t + 31 * S);
	net_data(net, 0, 1);
	net_run_until(net, t + 46 * S - 1);
	assert_int_equal(side->sent[WG_MESSAGE_INITIATION], 1);
	net_run_until(net, t + 46 * S + 333 * MS + NET_GRAIN);
	assert_int_equal(side->sent[WG_MESSAGE_INITIATION], 2);
	net_destroy(net);
}

static void
set_keepalive(struct net *net, int of, int who, uint16_t seconds)
{
	struct wg_update u;
	struct wg_update_peer *up = net_update(&u, net->side[who].public_key);

	up->has_keepalive = true;
	up->keepalive = seconds;
	assert_int_equal(net_apply(&net->side[of], &u), 0);
	net_run(net, NET_GRAIN);
}

/* Every 25 s of silence: at 25, 50, 75 and 100 s. */
static void
test_persistent_keepalive(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t;

	RTE_SET_USED(state);
	set_keepalive(net, 0, 1, 25);
	t = net->side[0].last_keepalive;
	/* The first of them made the session, and its keepalive confirmed it. */
	assert_int_equal(net->side[1].sessions, 1);
	assert_int_equal(net->side[0].keepalives, 1);
	for (int i = 1; i <= 4; i++) {
		net_run_until(net, t + i * 25 * S - 1);
		assert_int_equal(net->side[0].keepalives, i);
		net_run_until(net, t + i * 25 * S + i * NET_GRAIN);
		assert_int_equal(net->side[0].keepalives, i + 1);
	}
	set_keepalive(net, 0, 1, 0);
	net_run(net, 60 * S);
	assert_int_equal(net->side[0].keepalives, 5);
	/* One at once, and since the session is 160 s old, the one that confirms its successor. */
	set_keepalive(net, 0, 1, 25);
	assert_int_equal(net->side[0].keepalives, 7);
	/* At once even when something was sent just now. */
	set_keepalive(net, 0, 1, 0);
	net_data(net, 0, 1);
	set_keepalive(net, 0, 1, 25);
	assert_int_equal(net->side[0].keepalives, 8);
	net_destroy(net);
}

/* Data received at 10 s puts the next keepalive off to 35 s. */
static void
test_persistent_keepalive_after_traffic(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t;

	RTE_SET_USED(state);
	set_keepalive(net, 0, 1, 25);
	t = net->side[0].last_keepalive;
	net_run_until(net, t + 10 * S);
	assert_true(net_send(&net->side[1], net_peer(net, 1, 0), false));
	net_deliver(net);
	net_run_until(net, t + 35 * S - 1);
	assert_int_equal(net->side[0].keepalives, 1);
	net_run_until(net, t + 35 * S + NET_GRAIN);
	assert_int_equal(net->side[0].keepalives, 2);
	net_destroy(net);
}

/* The other side is away: 90 s of attempts, 25 s after the last of them the next, and then it is
 * back. */
static void
test_persistent_keepalive_never_gives_up(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t = net->now;

	RTE_SET_USED(state);
	net->drop = net_drop_all;
	set_keepalive(net, 0, 1, 25);
	net_run_until(net, t + 600 * S);
	assert_true(net->side[0].purges >= 4);
	net->drop = NULL;
	net_run(net, 30 * S);
	assert_int_equal(net->side[0].sessions, 1);
	net_destroy(net);
}

/* For an hour, with keepalives alone, one side always has a session. */
static void
test_persistent_keepalive_keeps_the_session(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t;

	RTE_SET_USED(state);
	set_keepalive(net, 0, 1, 25);
	t = net->now;
	for (int i = 1; i <= 3600; i++) {
		net_run_until(net, t + i * S);
		assert_non_null(wg_peer_session(net_peer(net, 0, 1), net->now));
	}
	assert_int_equal(net->side[0].data_refused, 0);
	assert_int_equal(net->side[1].data_refused, 0);
	/* Keepalives at 125 s make it rekey, so does every fifth keepalive from then on. */
	net_assert_between(net->side[0].sessions, 28, 30);
	net_destroy(net);
}

/* Both sides rekey at 2^60 messages, also the responder. */
static void
test_rekey_after_2_60_messages(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t = establish(net);

	RTE_SET_USED(state);
	net_peer(net, 1, 0)->current->send_counter = WG_REKEY_AFTER_MESSAGES - 1;
	net_run_until(net, t + 10 * S);
	assert_int_equal(net->side[1].sent[WG_MESSAGE_INITIATION], 0);
	net_data(net, 1, 0);
	net_run_until(net, t + 11 * S + NET_GRAIN);
	assert_int_equal(net->side[1].sent[WG_MESSAGE_INITIATION], 1);
	assert_int_equal(net->side[1].sessions, 2);
	net_destroy(net);
}

/* One more message may be sent, then none: the next packet waits for a new session. */
static void
test_reject_after_2_64_2_13_1_messages(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t = establish(net);
	struct wg_peer *peer = net_peer(net, 0, 1);
	struct wg_keypair *old = peer->current;

	RTE_SET_USED(state);
	net_run_until(net, t + 10 * S);
	assert_true(WG_REJECT_AFTER_MESSAGES == UINT64_MAX - 8192);
	old->send_counter = WG_REJECT_AFTER_MESSAGES - 1;
	assert_ptr_equal(wg_peer_session(peer, net->now), old);
	assert_true(net_send(&net->side[0], peer, true));
	assert_null(wg_peer_session(peer, net->now));
	net->held = true;
	net_data(net, 0, 1);
	assert_int_equal(net->side[0].waiting, 1);
	assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 2);
	net->held = false;
	net_deliver(net);
	assert_ptr_not_equal(peer->current, old);
	assert_int_equal(net->side[0].waiting, 0);
	net_destroy(net);
}

/* A second session at 300 s: all keys, also the first's, are wiped at 840 s and not before. */
static void
test_keys_are_zeroed_540_s_after_the_last_session(void **state)
{
	struct net *net = net_create_pair();
	struct wg_peer *peer = net_peer(net, 0, 1);
	uint64_t t = establish(net);
	uint32_t first = peer->current->local_index;
	const struct wg_index *index = wg_device_index(net->side[0].dev);

	RTE_SET_USED(state);
	net_run_until(net, t + 300 * S);
	net_data(net, 0, 1);
	net->drop = net_drop_all;
	assert_int_equal(net->side[0].sessions, 2);
	assert_int_equal(peer->previous->local_index, first);
	net_run_until(net, t + 840 * S - 1);
	assert_non_null(peer->current);
	assert_non_null(wg_index_keypair(index, first));
	net_run_until(net, t + 840 * S + NET_GRAIN);
	assert_null(peer->current);
	assert_null(peer->previous);
	assert_null(wg_index_keypair(index, first));
	net_destroy(net);
}

/* So is a session that was never confirmed. */
static void
test_unconfirmed_keys_are_zeroed(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t = net->now;

	RTE_SET_USED(state);
	net->drop = net_drop_responses;
	net_data(net, 0, 1);
	net->drop = net_drop_all;
	assert_non_null(net_peer(net, 1, 0)->next);
	net_run_until(net, t + 540 * S - 1);
	assert_non_null(net_peer(net, 1, 0)->next);
	net_run_until(net, t + 540 * S + NET_GRAIN);
	assert_null(net_peer(net, 1, 0)->next);
	net_destroy(net);
}

/* With a handshake under way, a keepalive configured and data waiting: gone is gone. */
static void
test_removed_peer_has_no_timers(void **state)
{
	struct net *net = net_create_pair();
	struct wg_update u;

	RTE_SET_USED(state);
	net->drop = net_drop_all;
	set_keepalive(net, 0, 1, 25);
	net_data(net, 0, 1);
	net_update(&u, net->side[1].public_key)->remove = true;
	assert_int_equal(net_apply(&net->side[0], &u), 0);
	net_run(net, 600 * S);
	assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 1);
	assert_int_equal(wg_device_tick(net->side[0].dev, net->now), UINT64_MAX);
	net_destroy(net);
}

/* A response leaves from the address that the initiation came to. */
static void
test_source_address_is_sticky(void **state)
{
	struct net *net = net_create_pair();

	RTE_SET_USED(state);
	net->held = true;
	net_data(net, 0, 1);
	memcpy(net->queue[0].source.src, (uint8_t[]){203, 0, 113, 7}, 4);
	net_deliver_one(net, 0);
	assert_int_equal(net_type(&net->queue[0]), WG_MESSAGE_RESPONSE);
	assert_memory_equal(net->queue[0].to.src, ((uint8_t[]){203, 0, 113, 7}), 4);
	net_destroy(net);
}

/* Routing may choose another source address when nobody answers. */
static void
test_retry_forgets_the_source_address(void **state)
{
	struct net *net = net_create_pair();
	struct wg_peer *peer = net_peer(net, 0, 1);
	struct wg_endpoint sticky = peer->endpoint;

	RTE_SET_USED(state);
	sticky.src[0] = 10;
	wg_device_roamed(net->side[0].dev, peer->id, &sticky);
	net->drop = net_drop_all;
	net_data(net, 0, 1);
	assert_int_equal(peer->endpoint.src[0], 10);
	net_run(net, 6 * S);
	assert_int_equal(peer->endpoint.src[0], 0);
	assert_int_equal(net->side[0].endpoint_changes, 3);
	net_destroy(net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_initiator_rekeys_when_it_sends_after_120_s),
		cmocka_unit_test(test_silence_ends_after_540_s),
		cmocka_unit_test(test_initiator_rekeys_when_it_receives_after_165_s),
		cmocka_unit_test(test_responder_does_not_rekey_when_it_receives),
		cmocka_unit_test(test_retry_and_give_up_after_90_s),
		cmocka_unit_test(test_more_data_does_not_put_off_giving_up),
		cmocka_unit_test(test_initiations_are_5_s_apart),
		cmocka_unit_test(test_keepalive_10_s_after_data),
		cmocka_unit_test(test_no_keepalive_when_data_went_back),
		cmocka_unit_test(test_keepalive_after_the_end_of_the_session),
		cmocka_unit_test(test_unanswered_data_begins_a_handshake),
		cmocka_unit_test(test_answered_data_begins_no_handshake),
		cmocka_unit_test(test_late_message_breaks_the_silence),
		cmocka_unit_test(test_persistent_keepalive),
		cmocka_unit_test(test_persistent_keepalive_after_traffic),
		cmocka_unit_test(test_persistent_keepalive_never_gives_up),
		cmocka_unit_test(test_persistent_keepalive_keeps_the_session),
		cmocka_unit_test(test_rekey_after_2_60_messages),
		cmocka_unit_test(test_reject_after_2_64_2_13_1_messages),
		cmocka_unit_test(test_keys_are_zeroed_540_s_after_the_last_session),
		cmocka_unit_test(test_unconfirmed_keys_are_zeroed),
		cmocka_unit_test(test_removed_peer_has_no_timers),
		cmocka_unit_test(test_source_address_is_sticky),
		cmocka_unit_test(test_retry_forgets_the_source_address),
	};

	return cmocka_run_group_tests_name("timers", tests, test_eal_group, NULL);
}
