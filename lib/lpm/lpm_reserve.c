/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of leaves and nodes, and what is set aside for them. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lpm_private.h"

/* An insertion copies one node at most, the largest, and makes one leaf. */
#define NODE_SLOTS_MAX (64 + 63)
#define PER_INSERTION                                                                              \
	(LPM_NODE_SIZE(NODE_SLOTS_MAX) + RTE_CACHE_LINE_ROUNDUP(sizeof(struct lpm_leaf)))

static size_t
pages(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (len + page - 1) / page * page;
}

int
lpm_reserve(struct lpm *t, size_t n)
{
	size_t len = pages(sizeof(struct lpm_region) + n * PER_INSERTION);
	struct lpm_region *r;

	if (n > (SIZE_MAX - sizeof(*r)) / PER_INSERTION / 2)
		return -ENOMEM;
	r = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r == MAP_FAILED)
		return -ENOMEM;
	r->len = len;
	r->used = sizeof(*r);
	t->reserve = r;
	return 0;
}

void
lpm_release(struct lpm *t)
{
	struct lpm_region *r = t->reserve;
	size_t kept;

	if (!r)
		return;
	t->reserve = NULL;
	kept = r->used > sizeof(*r) ? pages(r->used) : 0;
	if (kept) {
		r->next = t->used;
		t->used = r;
		t->memory += kept;
	}
	if (kept < r->len) {
		size_t rest = r->len - kept;

		if (kept)
			r->len = kept;
		munmap((uint8_t *)r + kept, rest);
	}
}

void
lpm_reserve_destroy(struct lpm *t)
{
	struct lpm_region *r;

	lpm_release(t);
	/* What has left the table may still wait to be freed, and lie here. */
	if (t->used)
		rcu_barrier(t->rcu);
	while ((r = t->used)) {
		t->used = r->next;
		munmap(r, r->len);
	}
}

static void *
draw(struct lpm *t, size_t align, size_t size)
{
	struct lpm_region *r = t->inserting ? t->reserve : NULL;
	size_t at;

	if (!r)
		return NULL;
	at = RTE_ALIGN_CEIL(r->used, align);
	if (size > r->len - at)
		return NULL;
	r->used = at + size;
	return (uint8_t *)r + at;
}

void *
lpm_object_new(struct lpm *t, size_t align, size_t size, bool *reserved)
{
	void *object;

	size = RTE_ALIGN_CEIL(size, align);
	object = aligned_alloc(align, size);
	*reserved = !object;
	if (!object)
		return draw(t, align, size);
	memset(object, 0, size);
	t->memory += footprint(object);
	return object;
}

void
lpm_object_leaves(struct lpm *t, void *object, bool reserved)
{
	if (object && !reserved)
		t->memory -= footprint(object);
}

void
lpm_object_free(void *object, bool reserved)
{
	if (!reserved)
		free(object);
}
