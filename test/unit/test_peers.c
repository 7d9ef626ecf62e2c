/* SPDX-License-Identifier: BSD-3-Clause */
/* Ids and slots of peers, and what a device does when it has none free. */
#include <sys/mman.h>

#include "device_private.h"
#include "wg_net.h"

/* 64 slots are the fewest; an id is 11 bits of generation and 21 of slot. */
#define SLOTS 64
#define GENERATION (UINT32_C(1) << 21)
#define GENERATIONS 2046
#define PAGE 4096

struct table {
	struct wg_vault *vault;
	struct wg_peers peers;
};

static struct table
table_create(uint32_t max)
{
	struct table t = {
		.vault = wg_vault_create(sizeof(struct wg_peer), wg_peer_slots(max), WG_PEER_HEAD)};
	struct wg_random random = {.fill = net_op_random, .ctx = &(struct net_side){.seed = 1}};

	assert_non_null(t.vault);
	assert_int_equal(wg_peers_init(&t.peers, max, t.vault, &random), 0);
	return t;
}

static void
table_destroy(struct table *t)
{
	wg_peers_fini(&t->peers);
	wg_vault_destroy(t->vault);
}

static struct wg_peer *
table_add(struct table *t, uint32_t key)
{
	uint8_t public_key[WG_KEY_LEN] = {[31] = 1};
	struct wg_peer *peer;

	memcpy(public_key, &key, sizeof(key));
	peer = wg_peer_create(t->vault, public_key);
	assert_non_null(peer);
	wg_peers_add(&t->peers, peer);
	return peer;
}

/* Both ways of asking. */
static struct wg_peer *
get(const struct table *t, uint32_t id)
{
	struct wg_peer *peer = wg_peers_get(&t->peers, id), *same[2];

	wg_peers_get_burst(&t->peers, (uint32_t[]){id, id}, same, 2);
	assert_ptr_equal(same[0], peer);
	assert_ptr_equal(same[1], peer);
	return peer;
}

/* One peer after the other: slots in turn, then the next generation. No owner is found by the id of
 * another, before it, after it, or while it only waits for the end of a grace period. */
static void
test_ids_lead_to_their_owners_alone(void **state)
{
	uint32_t expected[3 * SLOTS];
	struct table t = table_create(1);
	struct wg_peer *peer;

	RTE_SET_USED(state);
	for (unsigned int i = 0; i < RTE_DIM(expected); i++) {
		expected[i] = (i / SLOTS + 1) * GENERATION + i % SLOTS;
		assert_null(get(&t, expected[i]));
		peer = table_add(&t, i);
		assert_int_equal(peer->id, expected[i]);
		assert_ptr_equal(get(&t, expected[i]), peer);
		for (unsigned int j = 0; j < i; j++)
			assert_null(get(&t, expected[j]));
		wg_peers_remove(&t.peers, peer);
		assert_null(get(&t, expected[i]));
		assert_int_equal(peer->id, expected[i]);
		wg_peer_free(peer);
		assert_null(get(&t, expected[i]));
	}
	table_destroy(&t);
}

/* Neither nobody's nor those of other tins, before the first peer and when it is there. */
static void
test_ids_that_are_nobodys(void **state)
{
	const uint32_t ids[] = {0, 1, SLOTS, GENERATION + SLOTS, WG_PEER_SLOT_MASK, GENERATION - 1,
		WG_PEER_ID_RESERVED, WG_PEER_ID_RESERVED + 1, UINT32_MAX};
	struct table t = table_create(1);
	struct wg_peer *peer;

	RTE_SET_USED(state);
	for (unsigned int i = 0; i < RTE_DIM(ids); i++)
		assert_null(get(&t, ids[i]));
	peer = table_add(&t, 1);
	assert_int_equal(peer->id & WG_PEER_SLOT_MASK, 0);
	for (unsigned int i = 0; i < RTE_DIM(ids); i++)
		assert_null(get(&t, ids[i]));
	wg_peers_remove(&t.peers, peer);
	for (unsigned int i = 0; i < RTE_DIM(ids); i++)
		assert_null(get(&t, ids[i]));
	table_destroy(&t);
}

/* 64 slots of 2046 generations: the first id comes back after 130,944 owners. */
static void
test_ids_come_back_late(void **state)
{
	struct table t = table_create(1);
	struct wg_peer *peer;

	RTE_SET_USED(state);
	for (uint32_t i = 0; i <= SLOTS * GENERATIONS; i++) {
		peer = table_add(&t, i);
		assert_in_range(peer->id, GENERATION, WG_PEER_ID_RESERVED - 1);
		assert_true(i % (SLOTS * GENERATIONS) == 0 || peer->id != GENERATION);
		wg_peers_remove(&t.peers, peer);
		wg_peer_free(peer);
	}
	assert_int_equal(peer->id, GENERATION);
	table_destroy(&t);
}

/* The 1048576 peers that there may be have slots for two each, all of which fit an id. */
static void
test_most_slots(void **state)
{
	RTE_SET_USED(state);
	assert_int_equal(WG_PEERS_MAX, 1048576);
	assert_int_equal(wg_peer_slots(WG_PEERS_MAX), WG_PEER_SLOT_MASK + 1);
}

/* Where the slot's bits are all ones, what other users of ids take for none leads to a slot: a
 * FIFO's tin has the key UINT32_MAX, and telemetry asks whose that is. */
static void
test_the_last_slot_of_all(void **state)
{
	struct table t = table_create(WG_PEERS_MAX);
	struct wg_peer *last = &t.peers.slots[WG_PEER_SLOT_MASK];
	uint8_t *page = RTE_PTR_ALIGN_FLOOR((uint8_t *)last, PAGE);
	uint32_t id;

	RTE_SET_USED(state);
	assert_null(get(&t, UINT32_MAX));
	/* As if all before it were taken. */
	assert_int_equal(
		mprotect(page, (size_t)((uint8_t *)(last + 1) - page), PROT_READ | PROT_WRITE), 0);
	for (unsigned int i = 0; i < 3; i++) {
		wg_peers_add(&t.peers, last);
		id = last->id;
		assert_int_equal(id & WG_PEER_SLOT_MASK, WG_PEER_SLOT_MASK);
		assert_ptr_equal(get(&t, id), last);
		assert_null(get(&t, UINT32_MAX));
		wg_peers_remove(&t.peers, last);
		assert_null(get(&t, id));
		assert_null(get(&t, UINT32_MAX));
	}
	table_destroy(&t);
}

#define ROOM 100

static struct wg_update_peer *
add(struct wg_update *u, uint8_t set, uint8_t n)
{
	struct wg_update_peer *up = wg_update_add_peer(u);

	assert_non_null(up);
	memset(up->public_key, 0, WG_KEY_LEN);
	up->public_key[0] = n;
	up->public_key[1] = set;
	up->public_key[2] = 1;
	return up;
}

/* All peers are others from now on. */
static int
replace_all(struct net_side *side, uint8_t set)
{
	struct wg_update u;

	wg_update_init(&u);
	u.replace_peers = true;
	for (uint8_t i = 0; i < ROOM; i++)
		add(&u, set, i);
	return net_apply(side, &u);
}

static void
assert_ids_of(struct net_side *side, uint8_t set, uint32_t ids[ROOM])
{
	struct wg_walk walk;
	struct wg_peer *peer;
	unsigned int n = 0;

	wg_walk_begin(side->dev, &walk);
	while ((peer = wg_walk_next(&walk))) {
		assert_int_equal(peer->handshake.remote_static[1], set);
		assert_ptr_equal(wg_device_peer(side->dev, peer->id), peer);
		ids[n++] = peer->id;
	}
	wg_walk_end(&walk);
	assert_int_equal(n, ROOM);
}

static void
assert_gone(struct net_side *side, const uint32_t ids[ROOM])
{
	for (unsigned int i = 0; i < ROOM; i++)
		assert_null(wg_device_peer(side->dev, ids[i]));
}

/* A device that is full takes as many others at once. When it is to do that again before a grace
 * period has passed there are no slots, and nothing changes; then there are. */
static void
test_all_peers_replaced_at_once(void **state)
{
	struct net *net = net_create(ROOM);
	struct net_side *side = &net->side[0];
	uint32_t first[ROOM], second[ROOM], third[ROOM];

	RTE_SET_USED(state);
	assert_int_equal(replace_all(side, 1), 0);
	assert_ids_of(side, 1, first);
	assert_int_equal(replace_all(side, 2), 0);
	assert_ids_of(side, 2, second);
	assert_gone(side, first);
	assert_int_equal(replace_all(side, 3), -EAGAIN);
	assert_ids_of(side, 2, third);
	assert_memory_equal(third, second, sizeof(third));
	rcu_barrier(side->rcu);
	assert_int_equal(replace_all(side, 3), 0);
	assert_ids_of(side, 3, third);
	assert_gone(side, first);
	assert_gone(side, second);
	net_destroy(net);
}

/* An update that fails at its 100th peer has slots for 99, and gives them back. */
static void
test_failed_updates_keep_no_slots(void **state)
{
	struct net *net = net_create(ROOM);
	struct net_side *side = &net->side[0];
	uint32_t ids[ROOM];
	struct wg_update u;

	RTE_SET_USED(state);
	for (unsigned int round = 0; round < 10; round++) {
		wg_update_init(&u);
		for (uint8_t i = 0; i < ROOM; i++)
			add(&u, 1, i)->has_weight = i == ROOM - 1;
		assert_int_equal(net_apply(side, &u), -EINVAL);
	}
	assert_int_equal(replace_all(side, 2), 0);
	assert_int_equal(replace_all(side, 3), 0);
	assert_ids_of(side, 3, ids);
	net_destroy(net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids_lead_to_their_owners_alone),
		cmocka_unit_test(test_ids_that_are_nobodys),
		cmocka_unit_test(test_ids_come_back_late),
		cmocka_unit_test(test_most_slots),
		cmocka_unit_test(test_the_last_slot_of_all),
		cmocka_unit_test(test_all_peers_replaced_at_once),
		cmocka_unit_test(test_failed_updates_keep_no_slots),
	};

	return cmocka_run_group_tests_name("peers", tests, test_eal_group, NULL);
}
