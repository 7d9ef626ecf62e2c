/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_prefetch.h>

#include "index.h"
#include "keypair.h"

#define SLOTS_MIN 64
#define ATTEMPTS 256
/* In a slot's low bit: the pointer is a peer whose handshake has the index, not a keypair. */
#define IS_HANDSHAKE 1

struct wg_index {
	_Atomic uintptr_t *slots; /* 0: free */
	uint32_t *ids; /* control's alone: the index that the slot's entry has */
	uint32_t n;
	uint32_t lanes;
	struct wg_random random;
};

struct wg_index *
wg_index_create(uint32_t max_peers, uint32_t lanes, const struct wg_random *rnd)
{
	uint32_t n = RTE_MAX(4 * max_peers, (uint32_t)SLOTS_MIN);
	struct wg_index *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->slots = calloc(n, sizeof(*t->slots));
	t->ids = calloc(n, sizeof(*t->ids));
	if (!t->slots || !t->ids) {
		wg_index_destroy(t);
		errno = ENOMEM;
		return NULL;
	}
	t->n = n;
	t->lanes = lanes;
	t->random = *rnd;
	return t;
}

void
wg_index_destroy(struct wg_index *t)
{
	if (!t)
		return;
	free(t->slots);
	free(t->ids);
	free(t);
}

static uint32_t
slot_of(const struct wg_index *t, uint32_t index)
{
	return (uint32_t)((uint64_t)index * t->n >> 32);
}

static uintptr_t
entry_of(const struct wg_index *t, uint32_t index)
{
	return atomic_load_explicit(&t->slots[slot_of(t, index)], memory_order_acquire);
}

static void
publish(struct wg_index *t, uint32_t index, uintptr_t entry)
{
	atomic_store_explicit(&t->slots[slot_of(t, index)], entry, memory_order_release);
}

/* A random index whose remainder is the lane; the topmost few, where that overflows, are left out.
 */
static bool
draw(struct wg_index *t, uint32_t lane, uint32_t *index)
{
	uint32_t value = wg_random_u32(&t->random);

	value -= value % t->lanes;
	if (value > UINT32_MAX - lane)
		return false;
	*index = value + lane;
	return !entry_of(t, *index);
}

int
wg_index_add_handshake(struct wg_index *t, struct wg_peer *peer, uint32_t lane, uint32_t *index)
{
	for (unsigned int i = 0; i < ATTEMPTS; i++) {
		if (!draw(t, lane, index))
			continue;
		t->ids[slot_of(t, *index)] = *index;
		publish(t, *index, (uintptr_t)peer | IS_HANDSHAKE);
		return 0;
	}
	return -ENOSPC;
}

void
wg_index_set_keypair(struct wg_index *t, uint32_t index, struct wg_keypair *kp)
{
	publish(t, index, (uintptr_t)kp);
}

void
wg_index_remove(struct wg_index *t, uint32_t index)
{
	if (t->ids[slot_of(t, index)] == index)
		publish(t, index, 0);
}

struct wg_peer *
wg_index_handshake(const struct wg_index *t, uint32_t index)
{
	uintptr_t entry = entry_of(t, index);

	if (!(entry & IS_HANDSHAKE) || t->ids[slot_of(t, index)] != index)
		return NULL;
	return (struct wg_peer *)(entry - IS_HANDSHAKE);
}

bool
wg_index_taken(const struct wg_index *t, uint32_t index)
{
	return entry_of(t, index) != 0;
}

struct wg_keypair *
wg_index_keypair(const struct wg_index *t, uint32_t index)
{
	uintptr_t entry = entry_of(t, index);
	struct wg_keypair *kp;

	if (!entry || entry & IS_HANDSHAKE)
		return NULL;
	kp = (struct wg_keypair *)entry;
	return kp->local_index == index ? kp : NULL;
}

void
wg_index_fetch_slot(const struct wg_index *t, uint32_t index)
{
	rte_prefetch0(&t->slots[slot_of(t, index)]);
}

const struct wg_keypair *
wg_index_fetch(const struct wg_index *t, uint32_t index)
{
	uintptr_t entry = entry_of(t, index);
	const struct wg_keypair *kp = (const void *)entry;

	if (!entry || entry & IS_HANDSHAKE)
		return NULL;
	rte_prefetch0(kp->recv_key);
	return kp;
}
