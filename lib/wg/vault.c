/* SPDX-License-Identifier: BSD-3-Clause */
#include "vault.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_spinlock.h>
#include <sodium.h>

/* Who uses what was given back is to be found out, as it is with malloc(). */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#endif

#define CHUNK_MIN 64 /* things */
#define CHUNK_MAX 4096

struct wg_vault {
	rte_spinlock_t lock;
	size_t size;
	size_t head;
	size_t page;
	uint8_t *base;
	size_t reserved; /* bytes from base on, whole pages */
	size_t usable; /* so many of them */
	uint32_t max;
	uint32_t total; /* places in what is usable */
	uint32_t *free; /* a ring of total */
	uint32_t n_free;
	uint32_t first;
};

/* Only to be read so far: not accounted for as memory, and none is needed. */
static bool
reserve(struct wg_vault *v)
{
	size_t len = RTE_ALIGN_CEIL(v->max * v->size, v->page);
	uint8_t *range =
		mmap(NULL, len + 2 * v->page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (range == MAP_FAILED)
		return false;
	v->base = range + v->page;
	v->reserved = len;
	return mprotect(v->base, len, PROT_READ) == 0;
}

void
wg_vault_destroy(struct wg_vault *v)
{
	if (!v)
		return;
	if (v->base) {
		ASAN_UNPOISON_MEMORY_REGION(v->base, v->usable);
		sodium_munlock(v->base, v->usable);
		munmap(v->base - v->page, v->reserved + 2 * v->page);
	}
	free(v->free);
	free(v);
}

static void
put(struct wg_vault *v, uint32_t place)
{
	v->free[(v->first + v->n_free++) % v->total] = place;
}

/* Nothing is free: the ring is empty, and begins anew. */
static bool
grow(struct wg_vault *v)
{
	size_t n = RTE_MAX(RTE_MIN(v->total, (uint32_t)CHUNK_MAX), (uint32_t)CHUNK_MIN);
	size_t end = RTE_MIN(RTE_ALIGN_CEIL((v->total + n) * v->size, v->page), v->reserved);
	uint32_t place = v->total, total = (uint32_t)RTE_MIN(end / v->size, (size_t)v->max);
	uint32_t *ring;

	if (place == v->max) {
		errno = EAGAIN;
		return false;
	}
	ring = reallocarray(v->free, total, sizeof(*ring));
	if (!ring)
		return false;
	v->free = ring;
	if (mprotect(v->base + v->usable, end - v->usable, PROT_READ | PROT_WRITE))
		return false;
	/* What the limit does not let it lock is left out of core dumps all the same. */
	sodium_mlock(v->base + v->usable, end - v->usable);
	v->usable = end;
	v->total = total;
	for (v->first = 0; place < v->total; place++) {
		ASAN_POISON_MEMORY_REGION(v->base + place * v->size + v->head, v->size - v->head);
		put(v, place);
	}
	return true;
}

struct wg_vault *
wg_vault_create(size_t size, uint32_t max, size_t head)
{
	/* It may be the first of libsodium that is used. */
	struct wg_vault *v = sodium_init() < 0 ? NULL : calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	rte_spinlock_init(&v->lock);
	v->size = size;
	v->head = head;
	v->max = max;
	v->page = (size_t)sysconf(_SC_PAGESIZE);
	/* Where there is no guarded memory to be had, that shall not be found out later. */
	if (reserve(v) && grow(v))
		return v;
	wg_vault_destroy(v);
	return NULL;
}

void *
wg_vault_take(struct wg_vault *v)
{
	uint8_t *thing = NULL;

	rte_spinlock_lock(&v->lock);
	if (v->n_free || grow(v)) {
		thing = v->base + v->free[v->first] * v->size;
		v->first = (v->first + 1) % v->total;
		v->n_free--;
	}
	rte_spinlock_unlock(&v->lock);
	if (!thing)
		return NULL;
	ASAN_UNPOISON_MEMORY_REGION(thing, v->size);
	memset(thing + v->head, 0, v->size - v->head);
	return thing;
}

void
wg_vault_give(struct wg_vault *v, void *thing)
{
	uint8_t *secret = thing;

	if (!thing)
		return;
	secret += v->head;
	sodium_memzero(secret, v->size - v->head);
	ASAN_POISON_MEMORY_REGION(secret, v->size - v->head);
	rte_spinlock_lock(&v->lock);
	put(v, (uint32_t)((size_t)((uint8_t *)thing - v->base) / v->size));
	rte_spinlock_unlock(&v->lock);
}

void *
wg_vault_base(const struct wg_vault *v)
{
	return v->base;
}
