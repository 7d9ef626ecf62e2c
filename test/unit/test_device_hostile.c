/* SPDX-License-Identifier: BSD-3-Clause */
/* A device under attack: replays, floods, and messages and keys that nobody honest sends. */
#include "wg_net.h"

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
	net_assert_connected(net, 0, 1);
	net_destroy(net);
}

/* A second initiation, newer but only 19 ms after the first, is refused; after 20 ms it is not. */
static void
test_initiations_20_ms_apart(void **state)
{
	struct net *net = net_create_pair();
	uint64_t t = net->now;

	RTE_SET_USED(state);
	net->drop = net_drop_responses;
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
	net_assert_connected(net, 0, 1);
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
	net_assert_connected(net, 0, 1);
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
	peer = peer_of_key(side->dev, key);
	wg_device_session_wanted(side->dev, peer->id, net->now);
	net_run(net, 600 * S);
	assert_int_equal(side->sent[WG_MESSAGE_INITIATION], 0);
	assert_int_equal(side->purges, 1);
	assert_int_equal(wg_device_tick(side->dev, net->now), UINT64_MAX);
	net_destroy(net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replayed_messages),
		cmocka_unit_test(test_initiations_20_ms_apart),
		cmocka_unit_test(test_cookies_under_load),
		cmocka_unit_test(test_cookies_for_responses),
		cmocka_unit_test(test_rate_limit_under_load),
		cmocka_unit_test(test_malformed_messages),
		cmocka_unit_test(test_low_order_peer_gets_nothing),
	};

	return cmocka_run_group_tests_name("device_hostile", tests, test_eal_group, NULL);
}
