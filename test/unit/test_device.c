/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions of a device, seen from outside: handshakes with others over a bad network. */
#include "wg_net.h"

/* Three packets wait; one initiation and one response, then all of them go. */
static void
test_waiting_data_goes_when_the_session_is_up(void **state)
{
	struct net *net = net_create_pair();

	RTE_SET_USED(state);
	net->held = true;
	for (int i = 0; i < 3; i++)
		net_data(net, 0, 1);
	assert_int_equal(net->side[0].waiting, 3);
	net->held = false;
	net_deliver(net);
	assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 1);
	assert_int_equal(net->side[1].sent[WG_MESSAGE_RESPONSE], 1);
	assert_int_equal(net->side[1].data_received, 3);
	assert_int_equal(net_peer(net, 0, 1)->timers.last_handshake, 1700001000 * S);
	assert_int_equal(net_peer(net, 1, 0)->timers.last_handshake, 1700001000 * S);
	assert_int_equal(net_peer(net, 0, 1)->rx_bytes, 92);
	assert_int_equal(net_peer(net, 1, 0)->rx_bytes, 148);
	net_assert_connected(net, 0, 1);
	net_destroy(net);
}

/* Its response may be lost: the responder sends nothing under the new session before it heard. */
static void
test_responder_waits_until_it_heard(void **state)
{
	struct net *net = net_create_pair();
	struct wg_keypair *next;

	RTE_SET_USED(state);
	net->held = true;
	net_data(net, 0, 1);
	net_deliver_one(net, 0);
	assert_null(net_session(net, 1, 0));
	next = net_peer(net, 1, 0)->next;
	assert_non_null(next);
	assert_false(next->initiator);
	assert_int_equal(net->side[1].sessions, 0);

	net_deliver_one(net, 0);
	assert_ptr_equal(net_session(net, 1, 0), NULL);
	net->held = false;
	net_deliver(net);
	assert_ptr_equal(net_session(net, 1, 0), next);
	assert_null(net_peer(net, 1, 0)->next);
	assert_int_equal(net->side[1].sessions, 1);
	net_destroy(net);
}

/* Without data to send the initiator confirms the session with a keepalive. */
static void
test_initiator_confirms_with_a_keepalive(void **state)
{
	struct net *net = net_create_pair();

	RTE_SET_USED(state);
	wg_device_session_wanted(net->side[0].dev, net_peer(net, 0, 1)->id, net->now);
	net_deliver(net);
	assert_int_equal(net->side[0].keepalives, 1);
	assert_int_equal(net->side[1].sessions, 1);
	net_assert_connected(net, 0, 1);
	net_destroy(net);
}

static void
test_lost_response(void **state)
{
	struct net *net = net_create_pair();

	RTE_SET_USED(state);
	net->drop = net_drop_responses;
	net_data(net, 0, 1);
	net_run(net, 4 * S);
	net->drop = NULL;
	net_run(net, 2 * S);
	assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 2);
	assert_int_equal(net->side[1].data_received, 1);
	net_assert_connected(net, 0, 1);
	net_destroy(net);
}

/* Both initiations are under way before either arrives; then what is under way goes in any order.
 */
static void
test_both_initiate_at_once(void **state)
{
	RTE_SET_USED(state);
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct net *net = net_create_pair();

		net->held = true;
		net_data(net, 0, 1);
		net_data(net, 1, 0);
		assert_int_equal(net->queued, 2);
		rte_srand(seed);
		while (net->queued)
			net_deliver_one(net, rte_rand_max(net->queued));
		net->held = false;
		/* At once, and not by a retry. */
		assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 1);
		assert_int_equal(net->side[1].sent[WG_MESSAGE_INITIATION], 1);
		assert_int_equal(net->side[0].data_received, 1);
		assert_int_equal(net->side[1].data_received, 1);
		net_assert_connected(net, 0, 1);
		net_run(net, 30 * S);
		assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 1);
		net_assert_connected(net, 0, 1);
		net_destroy(net);
	}
}

/* Ten packets a second both ways for 21 minutes: ten rekeys and no packet lost. */
static void
test_ten_rekeys_under_traffic(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t = net->now;

	RTE_SET_USED(state);
	for (unsigned int i = 0; i < 12600; i++) {
		net_run_until(net, t + i * 100 * MS);
		net_data(net, 0, 1);
		net_data(net, 1, 0);
	}
	assert_int_equal(net->side[0].sessions, 11);
	assert_int_equal(net->side[1].sessions, 11);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(net->side[i].data_received, 12600);
		assert_int_equal(net->side[i].data_refused, 0);
	}
	net_destroy(net);
}

/* Data sent before a rekey arrive after it, under what are then the previous sessions. */
static void
test_previous_session_still_receives(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t = net->now;

	RTE_SET_USED(state);
	net_data(net, 0, 1);
	net_run_until(net, t + 121 * S);
	net->held = true;
	net_data(net, 0, 1);
	net_data(net, 1, 0);
	net_run_until(net, t + 123 * S);
	assert_int_equal(net->queued, 3);
	while (net->queued > 2)
		net_deliver_one(net, 2);
	assert_int_equal(net->side[0].sessions, 2);
	assert_int_equal(net->side[1].sessions, 2);
	assert_int_equal(net->side[0].data_received, 0);
	net->held = false;
	net_deliver(net);
	assert_int_equal(net->side[0].data_received, 1);
	assert_int_equal(net->side[1].data_received, 2);
	net_assert_connected(net, 0, 1);
	net_destroy(net);
}

/* When the third session is made, the responder still sends under the second; the first goes. */
static void
test_three_sessions(void **state)
{
	struct net *net = net_create_pair();
	struct wg_peer *peer = net_peer(net, 1, 0);
	uint64_t t = net->now;
	struct wg_keypair *second;
	uint32_t first;

	RTE_SET_USED(state);
	net_data(net, 0, 1);
	first = peer->current->local_index;
	net_run_until(net, t + 121 * S);
	net_data(net, 0, 1);
	net_run_until(net, t + 123 * S);
	second = peer->current;
	assert_int_equal(peer->previous->local_index, first);
	net->drop = net_drop_responses;
	net_run_until(net, t + 245 * S);
	net_data(net, 0, 1);
	net_run_until(net, t + 247 * S);
	assert_non_null(peer->next);
	assert_ptr_equal(peer->current, second);
	assert_null(peer->previous);
	assert_null(wg_index_keypair(wg_device_index(net->side[1].dev), first));
	net_assert_connected(net, 0, 1);
	net_destroy(net);
}

static void
set_psk(struct net *net, int of, int who, uint8_t byte)
{
	struct wg_update u;
	struct wg_update_peer *up = net_update(&u, net->side[who].public_key);

	up->has_preshared_key = true;
	memset(up->preshared_key, byte, WG_KEY_LEN);
	assert_int_equal(net_apply(&net->side[of], &u), 0);
}

static void
test_preshared_key(void **state)
{
	struct net *net = net_create_pair();

	RTE_SET_USED(state);
	set_psk(net, 0, 1, 0x77);
	net_data(net, 0, 1);
	net_run(net, 80 * S);
	assert_int_equal(net->side[0].sessions + net->side[1].sessions, 0);
	assert_true(net->side[0].refusals[WG_REFUSED_RESPONSE] >= 10);
	set_psk(net, 1, 0, 0x77);
	net_run(net, 6 * S);
	net_assert_connected(net, 0, 1);
	net_destroy(net);
}

/* Side 0 moves to .9: the next packet it sends tells side 1, whose data follow it. */
static void
test_roaming(void **state)
{
	struct net *net = net_create_pair();

	RTE_SET_USED(state);
	net_data(net, 0, 1);
	net->side[0].address = net_address(9);
	net_data(net, 1, 0);
	assert_int_equal(net->side[0].data_received, 0);
	net_data(net, 0, 1);
	assert_int_equal(net_peer(net, 1, 0)->endpoint.addr[3], 9);
	net_data(net, 1, 0);
	assert_int_equal(net->side[0].data_received, 1);

	/* So does a handshake message. */
	net->side[0].address = net_address(10);
	net_run(net, 200 * S);
	net_data(net, 0, 1);
	assert_int_equal(net_peer(net, 1, 0)->endpoint.addr[3], 10);
	net_assert_connected(net, 0, 1);
	net_destroy(net);
}

/* Side 1 has no endpoint for side 0: what it wants to send is dropped until it has heard. */
static void
test_endpoint_is_learned(void **state)
{
	struct net *net = net_create(16);

	RTE_SET_USED(state);
	net_introduce(net, 0, 1, true);
	net_introduce(net, 1, 0, false);
	net_data(net, 1, 0);
	assert_int_equal(net->side[1].sent[WG_MESSAGE_INITIATION], 0);
	assert_int_equal(net->side[1].purges, 1);
	net_data(net, 0, 1);
	net_assert_connected(net, 0, 1);
	assert_int_equal(net->side[1].endpoint_changes, 1);
	net_destroy(net);
}

/* All sessions of a peer are on its lane, whoever initiated. */
static void
test_indices_keep_to_the_lane(void **state)
{
	struct net *net = net_create(16);
	uint64_t t = net->now;

	RTE_SET_USED(state);
	net_introduce(net, 0, 2, true);
	net_introduce(net, 0, 1, true);
	net_introduce(net, 1, 0, true);
	net_introduce(net, 2, 0, true);
	for (int i = 0; i < 20; i++) {
		net_run_until(net, t + i * 200 * S);
		net_data(net, i % 2 ? 1 : 0, i % 2 ? 0 : 1);
		net_data(net, i % 2 ? 2 : 0, i % 2 ? 0 : 2);
		assert_int_equal(net_session(net, 0, 2)->local_index % 3, 0);
		assert_int_equal(net_session(net, 0, 1)->local_index % 3, 1);
	}
	net_destroy(net);
}

/* The table has 64 slots here: an index that differs below its high six bits is not the session's.
 */
static void
test_index_is_compared_whole(void **state)
{
	struct net *net = net_create_pair();
	const struct wg_index *index = wg_device_index(net->side[0].dev);
	uint32_t id;

	RTE_SET_USED(state);
	net->held = true;
	net_data(net, 0, 1);
	id = net_peer(net, 0, 1)->handshake.local_index;
	assert_non_null(wg_index_handshake(index, id));
	assert_null(wg_index_keypair(index, id));
	assert_null(wg_index_handshake(index, id ^ 64));
	net->held = false;
	net_deliver(net);
	assert_ptr_equal(wg_index_keypair(index, id), net_session(net, 0, 1));
	assert_null(wg_index_handshake(index, id));
	assert_null(wg_index_keypair(index, id ^ 64));
	assert_null(wg_index_keypair(index, id ^ 1));
	net_destroy(net);
}

/* 10 s of persistent keepalive, down for 60 s: silence, then a handshake at once. */
static void
test_down_and_up(void **state)
{
	struct net *net = net_create_pair();
	struct net_side *side = &net->side[0];
	struct wg_peer *peer = net_peer(net, 0, 1);
	unsigned int sent, keepalives;

	RTE_SET_USED(state);
	net_data(net, 0, 1);
	peer->persistent_keepalive = 10;
	wg_device_set_up(side->dev, false, net->now);
	assert_null(peer->current);
	sent = side->sent[WG_MESSAGE_INITIATION];
	keepalives = side->keepalives;
	side->purges = 0;
	wg_device_session_wanted(side->dev, peer->id, net->now);
	assert_int_equal(side->purges, 1);
	net_data(net, 1, 0);
	net_run(net, 60 * S);
	assert_int_equal(side->sent[WG_MESSAGE_INITIATION], sent);
	assert_int_equal(side->keepalives, keepalives);
	assert_int_equal(side->sent[WG_MESSAGE_RESPONSE], 0);
	assert_true(side->refusals[WG_REFUSED_DOWN] > 0);

	side->waiting = 0;
	side->data_refused = 0;
	wg_device_set_up(side->dev, true, net->now);
	net_run(net, 2 * NET_GRAIN);
	assert_int_equal(side->sent[WG_MESSAGE_INITIATION], sent + 1);
	net_deliver(net);
	net_assert_connected(net, 0, 1);
	net_destroy(net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiting_data_goes_when_the_session_is_up),
		cmocka_unit_test(test_responder_waits_until_it_heard),
		cmocka_unit_test(test_initiator_confirms_with_a_keepalive),
		cmocka_unit_test(test_lost_response),
		cmocka_unit_test(test_both_initiate_at_once),
		cmocka_unit_test(test_ten_rekeys_under_traffic),
		cmocka_unit_test(test_previous_session_still_receives),
		cmocka_unit_test(test_three_sessions),
		cmocka_unit_test(test_preshared_key),
		cmocka_unit_test(test_roaming),
		cmocka_unit_test(test_endpoint_is_learned),
		cmocka_unit_test(test_indices_keep_to_the_lane),
		cmocka_unit_test(test_index_is_compared_whole),
		cmocka_unit_test(test_down_and_up),
	};

	return cmocka_run_group_tests_name("device", tests, test_eal_group, NULL);
}
