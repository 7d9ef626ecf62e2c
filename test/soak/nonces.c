/* SPDX-License-Identifier: BSD-3-Clause */
#include "nonces.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "test_random.h"

#define ROOM_MIN (1u << 16)

static struct soak_nonce_block *
map(size_t room)
{
	void *p = mmap(NULL, room * sizeof(struct soak_nonce_block), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("soak: nonces");
		exit(2);
	}
	return p;
}

static uint64_t
tag_of(const uint8_t key[32], uint64_t counter)
{
	uint64_t state;

	memcpy(&state, key, sizeof(state));
	state ^= test_random(&(uint64_t){counter / 64});
	return test_random(&state) | 1;
}

/* Where the tag is, or is to be. */
static struct soak_nonce_block *
find(const struct soak_nonces *set, uint64_t tag)
{
	size_t i = (tag >> 1) % set->room;

	while (set->blocks[i].tag && set->blocks[i].tag != tag)
		i = (i + 1) % set->room;
	return &set->blocks[i];
}

static void
grow(struct soak_nonces *set)
{
	struct soak_nonces bigger = {.room = set->room ? 2 * set->room : ROOM_MIN,
		.used = set->used,
		.count = set->count};

	bigger.blocks = map(bigger.room);
	for (size_t i = 0; i < set->room; i++)
		if (set->blocks[i].tag)
			*find(&bigger, set->blocks[i].tag) = set->blocks[i];
	soak_nonces_free(set);
	*set = bigger;
}

bool
soak_nonces_add(struct soak_nonces *set, const uint8_t key[32], uint64_t counter)
{
	uint64_t tag = tag_of(key, counter), bit = UINT64_C(1) << counter % 64;
	struct soak_nonce_block *block;

	if (4 * set->used >= 3 * set->room)
		grow(set);
	block = find(set, tag);
	set->used += !block->tag;
	block->tag = tag;
	if (block->counters & bit)
		return false;
	block->counters |= bit;
	set->count++;
	return true;
}

bool
soak_nonces_has(const struct soak_nonces *set, const uint8_t key[32], uint64_t counter)
{
	return set->room && find(set, tag_of(key, counter))->counters & UINT64_C(1) << counter % 64;
}

void
soak_nonces_free(struct soak_nonces *set)
{
	if (set->blocks)
		munmap(set->blocks, set->room * sizeof(*set->blocks));
	*set = (struct soak_nonces){0};
}
