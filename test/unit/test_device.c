/* SPDX-License-Identifier: BSD-3-Clause */
/* A device from outside: handshakes with others over a bad network, and configuration. */
#include "wg_net.h"

static struct wg_keypair *
current(struct net *net, int of, int who)
{
	return wg_peer_session(net_peer(net, of, who), net->now);
}

/* Both send under a session that the other has, and what they send arrives. */
static void
assert_connected(struct net *net, int a, int b)
{
	unsigned int at_a = net->side[a].data_received, at_b = net->side[b].data_received;

	assert_non_null(current(net, a, b));
	assert_non_null(current(net, b, a));
	net_data(net, a, b);
	net_data(net, b, a);
	net_data(net, a, b);
	assert_int_equal(net->side[a].data_received, at_a + 1);
	assert_int_equal(net->side[b].data_received, at_b + 2);
	assert_int_equal(net->side[a].data_refused, 0);
	assert_int_equal(net->side[b].data_refused, 0);
}

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
	assert_connected(net, 0, 1);
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
	assert_null(current(net, 1, 0));
	next = net_peer(net, 1, 0)->next;
	assert_non_null(next);
	assert_false(next->initiator);
	assert_int_equal(net->side[1].sessions, 0);

	net_deliver_one(net, 0);
	assert_ptr_equal(current(net, 1, 0), NULL);
	net->held = false;
	net_deliver(net);
	assert_ptr_equal(current(net, 1, 0), next);
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
	assert_connected(net, 0, 1);
	net_destroy(net);
}

static bool
drop_responses(const struct net_message *m)
{
	return net_type(m) == WG_MESSAGE_RESPONSE;
}

static void
test_lost_response(void **state)
{
	struct net *net = net_create_pair();

	RTE_SET_USED(state);
	net->drop = drop_responses;
	net_data(net, 0, 1);
	net_run(net, 4 * S);
	net->drop = NULL;
	net_run(net, 2 * S);
	assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 2);
	assert_int_equal(net->side[1].data_received, 1);
	assert_connected(net, 0, 1);
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
		assert_connected(net, 0, 1);
		net_run(net, 30 * S);
		assert_int_equal(net->side[0].sent[WG_MESSAGE_INITIATION], 1);
		assert_connected(net, 0, 1);
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
	assert_connected(net, 0, 1);
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
	net->drop = drop_responses;
	net_run_until(net, t + 245 * S);
	net_data(net, 0, 1);
	net_run_until(net, t + 247 * S);
	assert_non_null(peer->next);
	assert_ptr_equal(peer->current, second);
	assert_null(peer->previous);
	assert_null(wg_index_keypair(wg_device_index(net->side[1].dev), first));
	assert_connected(net, 0, 1);
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
	assert_connected(net, 0, 1);
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
	assert_connected(net, 0, 1);
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
	assert_connected(net, 0, 1);
	assert_int_equal(net->side[1].endpoint_changes, 1);
	net_destroy(net);
}

static void
replay(struct net *net, const struct net_message *m)
{
	net->queue[net->queued++] = *m;
	net_deliver(net);
}

static void
test_replayed_messages(void **state)
{
	struct net *net = net_create_pair();
	struct net_message initiation, response, data;

	RTE_SET_USED(state);
	net->held = true;
	net_data(net, 0, 1);
	initiation = net->queue[0];
	net_deliver_one(net, 0);
	response = net->queue[0];
	net_deliver_one(net, 0);
	data = net->queue[0];
	net->held = false;
	net_deliver(net);

	replay(net, &initiation);
	net_run(net, S);
	replay(net, &initiation);
	assert_int_equal(net->side[1].refusals[WG_REFUSED_INITIATION], 2);
	replay(net, &response);
	assert_int_equal(net->side[0].refusals[WG_REFUSED_RESPONSE], 1);
	replay(net, &data);
	assert_int_equal(net->side[1].data_refused, 1);
	/* From elsewhere they do not move the endpoint either. */
	initiation.source = response.source = data.source = net_address(66);
	replay(net, &initiation);
	replay(net, &response);
	replay(net, &data);
	assert_int_equal(net_peer(net, 0, 1)->endpoint.addr[3], 2);
	assert_int_equal(net_peer(net, 1, 0)->endpoint.addr[3], 1);
	net->side[1].data_refused = 0;
	assert_connected(net, 0, 1);
	net_destroy(net);
}

/* A second initiation, newer but only 19 ms after the first, is refused; after 20 ms it is not. */
static void
test_initiations_20_ms_apart(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t = net->now;

	RTE_SET_USED(state);
	net->drop = drop_responses;
	net->held = true;
	net_data(net, 0, 1);
	net_run_until(net, t + 6 * S);
	assert_int_equal(net->queued, 2);
	net_deliver_one(net, 0);
	net_run(net, 19 * MS);
	replay(net, &net->queue[0]);
	net_deliver_one(net, 1);
	assert_int_equal(net->side[1].refusals[WG_REFUSED_INITIATION], 1);
	net_run(net, 1 * MS);
	net_deliver_one(net, 0);
	assert_int_equal(net->side[1].refusals[WG_OK], 2);
	net_destroy(net);
}

/* The first initiation is answered with a cookie, the retry with that cookie is let in. */
static void
test_cookies_under_load(void **state)
{
	struct net *net = net_create_pair();

	RTE_SET_USED(state);
	net->side[1].under_load = true;
	net_data(net, 0, 1);
	assert_int_equal(net->side[1].refusals[WG_REFUSED_UNDER_LOAD], 1);
	assert_int_equal(net->side[1].sent[WG_MESSAGE_COOKIE], 1);
	assert_int_equal(net->side[0].refusals[WG_OK], 1);
	net_run(net, 6 * S);
	assert_int_equal(net->side[1].refusals[WG_REFUSED_UNDER_LOAD], 1);
	assert_int_equal(net->side[1].data_received, 1);
	assert_connected(net, 0, 1);
	net_destroy(net);
}

/* A cookie for the response: the initiator, under load, asks for it; its next initiation gets
 * through. */
static void
test_cookies_for_responses(void **state)
{
	struct net *net = net_create_pair();

	RTE_SET_USED(state);
	net->side[0].under_load = true;
	net_data(net, 0, 1);
	assert_int_equal(net->side[0].sent[WG_MESSAGE_COOKIE], 1);
	assert_int_equal(net->side[1].refusals[WG_OK], 2);
	net_run(net, 6 * S);
	assert_connected(net, 0, 1);
	net_destroy(net);
}

/* With a valid cookie, five at once pass and the sixth does not. */
static void
test_rate_limit_under_load(void **state)
{
	struct net *net = net_create_pair();
	struct net_side *side = &net->side[1];
	struct net_message initiation;

	RTE_SET_USED(state);
	side->under_load = true;
	net_data(net, 0, 1);
	net->held = true;
	net_run(net, 6 * S);
	initiation = net->queue[0];
	for (int i = 0; i < 6; i++)
		net_receive(net, &initiation);
	assert_int_equal(side->refusals[WG_OK], 1);
	assert_int_equal(side->refusals[WG_REFUSED_INITIATION], 4);
	assert_int_equal(side->refusals[WG_REFUSED_RATE_LIMIT], 1);
	net_destroy(net);
}

static void
test_malformed_messages(void **state)
{
	static const struct {
		uint32_t type;
		size_t len;
		enum wg_refusal refusal;
	} cases[] = {
		{1, 147, WG_REFUSED_LENGTH},
		{1, 149, WG_REFUSED_LENGTH},
		{1, 148, WG_REFUSED_MAC1},
		{2, 91, WG_REFUSED_LENGTH},
		{2, 92, WG_REFUSED_MAC1},
		{3, 63, WG_REFUSED_LENGTH},
		{3, 64, WG_REFUSED_COOKIE},
		{1, 0, WG_REFUSED_LENGTH},
		{1, 3, WG_REFUSED_LENGTH},
		{0, 148, WG_REFUSED_TYPE},
		{4, 148, WG_REFUSED_TYPE},
		{5, 148, WG_REFUSED_TYPE},
		{0x101, 148, WG_REFUSED_TYPE},
		{0x80000001, 148, WG_REFUSED_TYPE},
	};
	struct wg_endpoint from = net_address(66);
	struct net *net = net_create_pair();
	uint8_t bytes[160] = {0};

	RTE_SET_USED(state);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		rte_le32_t type = rte_cpu_to_le_32(cases[i].type);
		enum wg_refusal rc;

		memcpy(bytes, &type, sizeof(type));
		rc = wg_device_receive(
			net->side[0].dev, bytes, cases[i].len, &from, true, net->now);
		if (rc != cases[i].refusal)
			fail_msg("type %u, %zu bytes: %d", cases[i].type, cases[i].len, rc);
	}
	net_destroy(net);
}

static void
test_low_order_peer_gets_nothing(void **state)
{
	uint8_t key[WG_KEY_LEN] = {1};
	struct net *net = net_create(16);
	struct net_side *side = &net->side[0];
	struct wg_update_peer *up;
	struct wg_peer *peer;
	struct wg_update u;

	RTE_SET_USED(state);
	up = net_update(&u, key);
	up->has_endpoint = up->has_keepalive = true;
	up->endpoint = net->side[1].address;
	up->keepalive = 1;
	assert_int_equal(net_apply(side, &u), 0);
	peer = wg_device_find(side->dev, key);
	wg_device_session_wanted(side->dev, peer->id, net->now);
	net_run(net, 600 * S);
	assert_int_equal(side->sent[WG_MESSAGE_INITIATION], 0);
	assert_int_equal(side->purges, 2);
	assert_int_equal(wg_device_tick(side->dev, net->now), UINT64_MAX);
	net_destroy(net);
}

static void
test_own_key_as_peer(void **state)
{
	struct net *net = net_create_pair();

	RTE_SET_USED(state);
	net_introduce(net, 0, 0, true);
	assert_int_equal(wg_device_peer_count(net->side[0].dev), 1);
	assert_null(net_peer(net, 0, 0));

	/* Side 0 takes over the identity of its peer: that peer goes. */
	net_data(net, 0, 1);
	net_set_key(&net->side[0], net->side[1].private_key);
	assert_int_equal(wg_device_peer_count(net->side[0].dev), 0);
	assert_int_equal(net->side[0].removed, 1);
	net_destroy(net);
}

/* A new key drops sessions; the peer must learn it before they talk again. The same key changes
 * nothing. */
static void
test_private_key_change(void **state)
{
	uint8_t private_key[WG_KEY_LEN];
	struct net *net = net_create_pair();
	struct wg_peer *peer = net_peer(net, 0, 1);

	RTE_SET_USED(state);
	net_data(net, 0, 1);
	memcpy(private_key, net->side[0].private_key, sizeof(private_key));
	net_set_key(&net->side[0], private_key);
	assert_connected(net, 0, 1);

	memset(private_key, 0x99, sizeof(private_key));
	net_set_key(&net->side[0], private_key);
	assert_null(peer->current);
	net_run(net, 6 * S);
	net_data(net, 0, 1);
	net_run(net, 6 * S);
	assert_int_equal(net->side[1].refusals[WG_REFUSED_INITIATION], 2);
	net_introduce(net, 1, 0, false);
	net_run(net, 6 * S);
	/* The keepalive of the peer as it was known before, for the data it had received. */
	assert_int_equal(net->side[0].data_refused, 1);
	net->side[0].data_refused = 0;
	assert_connected(net, 0, 1);

	/* Without identity: data that wait to be acknowledged do not keep the timers busy. */
	net_data(net, 1, 0);
	peer = net_peer(net, 1, 0);
	memset(private_key, 0, sizeof(private_key));
	net_set_key(&net->side[0], private_key);
	assert_true(sodium_is_zero(wg_device_private_key(net->side[0].dev), WG_KEY_LEN));
	assert_true(sodium_is_zero(wg_device_public_key(net->side[0].dev), WG_KEY_LEN));
	net_run(net, 200 * S);
	assert_int_equal(wg_device_tick(net->side[0].dev, net->now), UINT64_MAX);
	wg_device_session_wanted(net->side[1].dev, peer->id, net->now);
	net_deliver(net);
	assert_true(net->side[0].refusals[WG_REFUSED_NO_IDENTITY] > 0);
	net_destroy(net);
}

/* The key changes while an initiation is under way: its response is refused, the retry succeeds. */
static void
test_private_key_change_during_handshake(void **state)
{
	struct net *net = net_create_pair();
	uint8_t private_key[WG_KEY_LEN];
	const struct wg_index *index = wg_device_index(net->side[0].dev);
	uint32_t initiation;

	RTE_SET_USED(state);
	net->held = true;
	net_data(net, 0, 1);
	initiation = net_peer(net, 0, 1)->handshake.local_index;
	assert_ptr_equal(wg_index_handshake(index, initiation), net_peer(net, 0, 1));
	net_deliver_one(net, 0);
	memset(private_key, 0x99, sizeof(private_key));
	net_set_key(&net->side[0], private_key);
	assert_null(wg_index_handshake(index, initiation));
	net_introduce(net, 1, 0, true);
	net->held = false;
	net_deliver(net);
	assert_null(net_peer(net, 0, 1)->current);
	assert_int_equal(net->side[0].waiting, 1);
	net_run(net, 6 * S);
	assert_int_equal(net->side[0].waiting, 0);
	assert_connected(net, 0, 1);
	net_destroy(net);
}

static int
remove_peer(struct net *net, int from, int who)
{
	struct wg_update u;

	net_update(&u, net->side[who].public_key)->remove = true;
	return net_apply(&net->side[from], &u);
}

static void
test_remove_peer_with_session(void **state)
{
	struct net *net = net_create_pair();
	struct net_side *side = &net->side[0];
	uint32_t id = net_peer(net, 0, 1)->id, index;

	RTE_SET_USED(state);
	net_data(net, 0, 1);
	index = current(net, 0, 1)->local_index;
	assert_int_equal(remove_peer(net, 0, 1), 0);
	assert_null(wg_device_peer(side->dev, id));
	assert_null(net_peer(net, 0, 1));
	assert_null(wg_index_keypair(wg_device_index(side->dev), index));
	assert_int_equal(side->removed, 1);
	assert_int_equal(side->purges, 1);
	wg_device_heard(side->dev, index, net->now);
	wg_device_session_wanted(side->dev, id, net->now);
	wg_device_roamed(side->dev, id, &net->side[1].address);
	net_run(net, 30 * S);
	assert_int_equal(side->sent[WG_MESSAGE_INITIATION], 1);
	assert_int_equal(remove_peer(net, 0, 1), 0);
	net_destroy(net);
}

/* Two slots, four peers one after the other: slots alternate, generations grow, no id comes twice.
 */
static void
test_ids(void **state)
{
	struct net *net = net_create(2);
	struct net_side *side = &net->side[0];
	uint32_t expected[] = {0x000000, 0x000001, 0x100000, 0x100001, 0x200000};

	RTE_SET_USED(state);
	for (size_t i = 0; i < RTE_DIM(expected); i++) {
		net_introduce(net, 0, 1, false);
		assert_int_equal(net_peer(net, 0, 1)->id, expected[i]);
		assert_ptr_equal(wg_device_peer(side->dev, expected[i]), net_peer(net, 0, 1));
		for (size_t j = 0; j < i; j++)
			assert_null(wg_device_peer(side->dev, expected[j]));
		remove_peer(net, 0, 1);
	}
	assert_null(wg_device_peer(side->dev, WG_PEER_SLOT_MASK));
	assert_null(wg_device_peer(side->dev, UINT32_MAX));
	/* 5 owners so far, and 2 * 4095 - 5 more: then the first id comes back. */
	for (int i = 5; i < 2 * 4095; i++) {
		net_introduce(net, 0, 1, false);
		assert_true(net_peer(net, 0, 1)->id < WG_PEER_ID_RESERVED);
		remove_peer(net, 0, 1);
	}
	net_introduce(net, 0, 1, false);
	assert_int_equal(net_peer(net, 0, 1)->id, 0);
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
		assert_int_equal(current(net, 0, 2)->local_index % 3, 0);
		assert_int_equal(current(net, 0, 1)->local_index % 3, 1);
	}
	net_destroy(net);
}

/* The table has 64 slots here: an index that differs above those bits is not the session's. */
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
	assert_ptr_equal(wg_index_keypair(index, id), current(net, 0, 1));
	assert_null(wg_index_handshake(index, id));
	assert_null(wg_index_keypair(index, id ^ 64));
	assert_null(wg_index_keypair(index, id ^ 0x80000000));
	net_destroy(net);
}

static struct lpm_prefix
prefix(const char *addr, uint8_t len)
{
	struct lpm_prefix p = {.family = strchr(addr, ':') ? AF_INET6 : AF_INET, .len = len};

	assert_int_equal(inet_pton(p.family, addr, p.addr), 1);
	return p;
}

static void
allow(struct wg_update_peer *up, const char *addr, uint8_t len)
{
	struct wg_update_allowed *a = wg_update_add_allowed(up);

	assert_non_null(a);
	a->prefix = prefix(addr, len);
}

static struct wg_peer *
route(struct net_side *side, const char *addr)
{
	struct lpm_prefix p = prefix(addr, 0);

	return wg_allowedips_lookup4(wg_device_allowedips(side->dev), p.addr);
}

static void
test_allowed_ips(void **state)
{
	struct net *net = net_create_pair();
	struct net_side *side = &net->side[0];
	struct wg_peer *peer = net_peer(net, 0, 1);
	struct wg_update_peer *up;
	struct wg_update u;

	RTE_SET_USED(state);
	up = net_update(&u, net->side[1].public_key);
	allow(up, "10.1.0.0", 16);
	allow(up, "10.2.0.0", 16);
	allow(up, "10.3.0.0", 16);
	assert_int_equal(net_apply(side, &u), 0);
	assert_ptr_equal(route(side, "10.3.4.5"), peer);

	/* Replaced, with one kept, one new, and one given twice. */
	up = net_update(&u, net->side[1].public_key);
	up->replace_allowed_ips = true;
	allow(up, "10.2.0.0", 16);
	allow(up, "10.4.0.0", 16);
	allow(up, "10.2.0.0", 16);
	assert_int_equal(net_apply(side, &u), 0);
	assert_null(route(side, "10.1.0.1"));
	assert_ptr_equal(route(side, "10.2.0.1"), peer);
	assert_null(route(side, "10.3.0.1"));
	assert_ptr_equal(route(side, "10.4.0.1"), peer);
	assert_int_equal(peer->allowed.count, 2);

	/* Another peer takes one, and gives it up again. */
	net_introduce(net, 0, 2, false);
	up = net_update(&u, net->side[2].public_key);
	allow(up, "10.4.0.0", 16);
	assert_int_equal(net_apply(side, &u), 0);
	assert_ptr_equal(route(side, "10.4.0.1"), net_peer(net, 0, 2));
	assert_int_equal(peer->allowed.count, 1);
	up = net_update(&u, net->side[2].public_key);
	allow(up, "10.4.0.0", 16);
	up->allowed[0].remove = true;
	assert_int_equal(net_apply(side, &u), 0);
	assert_null(route(side, "10.4.0.1"));

	/* Replaced by nothing. */
	up = net_update(&u, net->side[1].public_key);
	up->replace_allowed_ips = true;
	assert_int_equal(net_apply(side, &u), 0);
	assert_null(route(side, "10.2.0.1"));
	net_destroy(net);
}

static void
test_update_only_and_replace_peers(void **state)
{
	struct net *net = net_create_pair();
	struct net_side *side = &net->side[0];
	struct wg_update_peer *up;
	struct wg_update u;
	uint32_t id;

	RTE_SET_USED(state);
	up = net_update(&u, net->side[2].public_key);
	up->update_only = true;
	assert_int_equal(net_apply(side, &u), 0);
	assert_int_equal(wg_device_peer_count(side->dev), 1);

	net_data(net, 0, 1);
	up = net_update(&u, net->side[1].public_key);
	up->update_only = true;
	up->has_weight = true;
	up->weight = 7;
	assert_int_equal(net_apply(side, &u), 0);
	assert_int_equal(net_peer(net, 0, 1)->weight, 7);
	assert_connected(net, 0, 1);

	/* The same peer after replace_peers is a new one: no session, default weight. */
	id = net_peer(net, 0, 1)->id;
	net_update(&u, net->side[1].public_key);
	u.replace_peers = true;
	assert_int_equal(net_apply(side, &u), 0);
	assert_true(net_peer(net, 0, 1)->id != id);
	assert_null(net_peer(net, 0, 1)->current);
	assert_int_equal(net_peer(net, 0, 1)->weight, WG_WEIGHT_DEFAULT);
	assert_int_equal(wg_device_peer_count(side->dev), 1);
	net_destroy(net);
}

static void
key_of(uint8_t key[WG_KEY_LEN], uint8_t n)
{
	memset(key, 0, WG_KEY_LEN);
	key[0] = 0xc0;
	key[31] = n;
}

static struct wg_update_peer *
add(struct wg_update *u, uint8_t n)
{
	struct wg_update_peer *up = wg_update_add_peer(u);

	assert_non_null(up);
	key_of(up->public_key, n);
	return up;
}

/* What each of these does not do: nothing of it, not the part before the mistake either. */
static void
test_failed_updates_change_nothing(void **state)
{
	struct net *net = net_create(3);
	struct net_side *side = &net->side[0];
	struct wg_update_peer *up;
	struct wg_peer *peer;
	struct wg_update u;

	RTE_SET_USED(state);
	net_introduce(net, 0, 1, true);
	net_introduce(net, 1, 0, true);
	net_data(net, 0, 1);
	peer = net_peer(net, 0, 1);
	for (int mistake = 0; mistake < 5; mistake++) {
		wg_update_init(&u);
		u.has_private_key = u.has_listen_port = u.has_fwmark = u.replace_peers = true;
		memset(u.private_key, 0x55, WG_KEY_LEN);
		u.listen_port = 7;
		u.fwmark = 7;
		allow(add(&u, 1), "10.0.0.0", 8);
		add(&u, 2);
		up = add(&u, 3);
		if (mistake == 0)
			allow(up, "10.0.0.0", 33);
		else if (mistake == 1)
			allow(up, "2001:db8::", 129);
		else if (mistake == 2)
			up->has_endpoint = true;
		else if (mistake == 3)
			up->has_weight = true;
		else
			add(&u, 4);
		assert_int_equal(net_apply(side, &u), mistake < 4 ? -EINVAL : -ENOSPC);
		assert_int_equal(wg_device_peer_count(side->dev), 1);
		assert_ptr_equal(net_peer(net, 0, 1), peer);
		assert_int_equal(wg_device_listen_port(side->dev), 0);
		assert_int_equal(wg_device_fwmark(side->dev), 0);
		assert_memory_equal(
			wg_device_private_key(side->dev), side->private_key, WG_KEY_LEN);
		assert_null(route(side, "10.0.0.1"));
		assert_connected(net, 0, 1);
	}
	net_destroy(net);
}

/* Room for two. Later entries see what earlier ones did: remove one to add another, add and remove
 * again. */
static void
test_entries_in_order(void **state)
{
	struct net *net = net_create(2);
	struct net_side *side = &net->side[0];
	uint8_t key[WG_KEY_LEN];
	struct wg_update u;

	RTE_SET_USED(state);
	wg_update_init(&u);
	allow(add(&u, 1), "10.1.0.0", 16);
	add(&u, 2);
	add(&u, 1)->remove = true;
	add(&u, 3);
	add(&u, 2)->remove = true;
	allow(add(&u, 2), "10.2.0.0", 16);
	add(&u, 3)->has_keepalive = true;
	assert_int_equal(net_apply(side, &u), 0);
	assert_int_equal(wg_device_peer_count(side->dev), 2);
	key_of(key, 1);
	assert_null(wg_device_find(side->dev, key));
	assert_null(route(side, "10.1.0.1"));
	key_of(key, 2);
	assert_ptr_equal(route(side, "10.2.0.1"), wg_device_find(side->dev, key));
	key_of(key, 3);
	assert_non_null(wg_device_find(side->dev, key));
	net_destroy(net);
}

static void
collect(struct wg_peer *peer, void *ctx)
{
	char **to = ctx;

	*(*to)++ = 'a' + peer->handshake.remote_static[31];
}

static void
test_order_of_addition(void **state)
{
	struct net *net = net_create(8);
	char order[9] = {0}, *end = order;
	struct wg_update u;

	RTE_SET_USED(state);
	wg_update_init(&u);
	add(&u, 4);
	add(&u, 1);
	add(&u, 3);
	add(&u, 2);
	add(&u, 1)->remove = true;
	add(&u, 4);
	add(&u, 1);
	assert_int_equal(net_apply(&net->side[0], &u), 0);
	wg_device_walk(net->side[0].dev, collect, &end);
	assert_string_equal(order, "edcb");
	net_destroy(net);
}

/* The endpoint of a configuration that is read again keeps the address that the peer reaches us at.
 */
static void
test_same_endpoint_again(void **state)
{
	struct net *net = net_create_pair();
	struct wg_peer *peer = net_peer(net, 0, 1);
	struct wg_endpoint sticky = peer->endpoint;

	RTE_SET_USED(state);
	sticky.src[0] = 10;
	wg_device_roamed(net->side[0].dev, peer->id, &sticky);
	net_introduce(net, 0, 1, true);
	assert_int_equal(peer->endpoint.src[0], 10);
	assert_int_equal(net->side[0].endpoint_changes, 2);
	net_destroy(net);
}

/* Per peer, without a session: the peer, its slot, generation, free slot, bucket, and 4 index
 * slots. */
static void
test_memory_of_an_idle_peer(void **state)
{
	size_t slots = 8 + 2 + 4 + 8, indices = 4 * (8 + 4), malloc_header = 16;
	size_t bytes = sizeof(struct wg_peer) + slots + indices + malloc_header;

	RTE_SET_USED(state);
	print_message("bytes per idle peer: %zu, of them struct wg_peer: %zu\n", bytes,
		sizeof(struct wg_peer));
	print_message("bytes per session: %zu\n", sizeof(struct wg_keypair));
	assert_true(bytes < 1024);
	assert_int_equal(sizeof(struct wg_peer) % RTE_CACHE_LINE_SIZE, 0);
}

static int
set_up(void **state)
{
	RTE_SET_USED(state);
	return test_eal_init();
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
		cmocka_unit_test(test_replayed_messages),
		cmocka_unit_test(test_initiations_20_ms_apart),
		cmocka_unit_test(test_cookies_under_load),
		cmocka_unit_test(test_cookies_for_responses),
		cmocka_unit_test(test_rate_limit_under_load),
		cmocka_unit_test(test_malformed_messages),
		cmocka_unit_test(test_low_order_peer_gets_nothing),
		cmocka_unit_test(test_own_key_as_peer),
		cmocka_unit_test(test_private_key_change),
		cmocka_unit_test(test_private_key_change_during_handshake),
		cmocka_unit_test(test_remove_peer_with_session),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_indices_keep_to_the_lane),
		cmocka_unit_test(test_index_is_compared_whole),
		cmocka_unit_test(test_allowed_ips),
		cmocka_unit_test(test_update_only_and_replace_peers),
		cmocka_unit_test(test_failed_updates_change_nothing),
		cmocka_unit_test(test_entries_in_order),
		cmocka_unit_test(test_order_of_addition),
		cmocka_unit_test(test_same_endpoint_again),
		cmocka_unit_test(test_memory_of_an_idle_peer),
	};

	return cmocka_run_group_tests_name("device", tests, set_up, NULL);
}
