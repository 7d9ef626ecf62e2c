/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes to the configuration of a device, with sessions up and under way. */
#include "test_prefix.h"
#include "wg_net.h"

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
	net_assert_connected(net, 0, 1);

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
	net_assert_connected(net, 0, 1);

	/* Without identity: data that wait to be acknowledged do not keep the timers busy. */
	net_data(net, 1, 0);
	peer = net_peer(net, 1, 0);
	memset(private_key, 0, sizeof(private_key));
	net_set_key(&net->side[0], private_key);
	assert_true(sodium_is_zero(wg_device_private_key(net->side[0].dev), WG_KEY_LEN));
	assert_true(sodium_is_zero(wg_device_identity(net->side[0].dev)->public_key, WG_KEY_LEN));
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
	net_assert_connected(net, 0, 1);
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
	index = net_session(net, 0, 1)->local_index;
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

static void
allow(struct wg_update_peer *up, const char *addr, uint8_t len)
{
	struct wg_update_allowed *a = wg_update_add_allowed(up);

	assert_non_null(a);
	a->prefix = test_prefix(addr, len);
}

static struct wg_peer *
route(struct net_side *side, const char *addr)
{
	struct lpm_prefix p = test_prefix(addr, 0);

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
	net_assert_connected(net, 0, 1);

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
		net_assert_connected(net, 0, 1);
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
	assert_null(peer_of_key(side->dev, key));
	assert_null(route(side, "10.1.0.1"));
	key_of(key, 2);
	assert_ptr_equal(route(side, "10.2.0.1"), peer_of_key(side->dev, key));
	key_of(key, 3);
	assert_non_null(peer_of_key(side->dev, key));
	net_destroy(net);
}

static char
letter(const struct wg_peer *peer)
{
	return (char)('a' + peer->handshake.remote_static[31]);
}

static void
test_order_of_addition(void **state)
{
	struct net *net = net_create(8);
	char order[9] = {0}, *end = order;
	struct wg_peer *peer;
	struct wg_update u;
	struct wg_walk walk;

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
	wg_walk_begin(net->side[0].dev, &walk);
	while ((peer = wg_walk_next(&walk)))
		*end++ = letter(peer);
	wg_walk_end(&walk);
	assert_string_equal(order, "edcb");
	net_destroy(net);
}

/* Of a, b, c, d: after a, the next two go and e comes; a second walk that has begun ends early. */
static void
test_walk_beside_changes(void **state)
{
	struct net *net = net_create(8);
	struct wg_walk walk, other;
	char order[9] = {0}, *end = order;
	struct wg_peer *peer;
	struct wg_update u;

	RTE_SET_USED(state);
	wg_update_init(&u);
	for (int i = 0; i < 4; i++)
		add(&u, i);
	assert_int_equal(net_apply(&net->side[0], &u), 0);
	wg_walk_begin(net->side[0].dev, &walk);
	wg_walk_begin(net->side[0].dev, &other);
	*end++ = letter(wg_walk_next(&walk));
	wg_update_init(&u);
	add(&u, 1)->remove = true;
	add(&u, 2)->remove = true;
	add(&u, 4);
	assert_int_equal(net_apply(&net->side[0], &u), 0);
	assert_int_equal(letter(wg_walk_next(&other)), 'a');
	wg_walk_end(&other);
	while ((peer = wg_walk_next(&walk)))
		*end++ = letter(peer);
	assert_string_equal(order, "ade");
	assert_null(wg_walk_next(&walk));
	wg_walk_end(&walk);
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

/* Where a message came in by counts, unless it is not known of one of the two. */
static void
test_endpoint_equal(void **state)
{
	struct wg_endpoint a = {.family = AF_INET, .port = 1, .iface = 1}, b = a;

	RTE_SET_USED(state);
	assert_true(wg_endpoint_equal(&a, &b));
	b.iface = 2;
	assert_false(wg_endpoint_equal(&a, &b));
	b.iface = 0;
	assert_true(wg_endpoint_equal(&a, &b));
	b.src[15] = 1;
	assert_false(wg_endpoint_equal(&a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endpoint_equal),
		cmocka_unit_test(test_own_key_as_peer),
		cmocka_unit_test(test_private_key_change),
		cmocka_unit_test(test_private_key_change_during_handshake),
		cmocka_unit_test(test_remove_peer_with_session),
		cmocka_unit_test(test_allowed_ips),
		cmocka_unit_test(test_update_only_and_replace_peers),
		cmocka_unit_test(test_failed_updates_change_nothing),
		cmocka_unit_test(test_entries_in_order),
		cmocka_unit_test(test_order_of_addition),
		cmocka_unit_test(test_walk_beside_changes),
		cmocka_unit_test(test_same_endpoint_again),
	};

	return cmocka_run_group_tests_name("device_update", tests, test_eal_group, NULL);
}
