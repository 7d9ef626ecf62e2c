/* SPDX-License-Identifier: BSD-3-Clause */
#include "vault.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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

struct chunk {
	struct chunk *next;
	size_t bytes; /* behind this */
} __rte_cache_aligned;

struct wg_vault {
	rte_spinlock_t lock;
	size_t size;
	struct chunk *chunks;
	size_t total;
	void **free; /* a ring of total places */
	size_t n_free;
	size_t first;
};

void
wg_vault_destroy(struct wg_vault *v)
{
	struct chunk *next;

	if (!v)
		return;
	for (struct chunk *c = v->chunks; c; c = next) {
		next = c->next;
		ASAN_UNPOISON_MEMORY_REGION(c + 1, c->bytes);
		sodium_free(c);
	}
	free(v->free);
	free(v);
}

static void
put(struct wg_vault *v, void *thing)
{
	v->free[(v->first + v->n_free++) % v->total] = thing;
}

/* Nothing is free: the ring is empty, and begins anew. */
static bool
grow(struct wg_vault *v)
{
	size_t n = RTE_MAX(RTE_MIN(v->total, (size_t)CHUNK_MAX), (size_t)CHUNK_MIN);
	void **ring = calloc(v->total + n, sizeof(void *));
	struct chunk *c = ring ? sodium_malloc(sizeof(*c) + n * v->size) : NULL;

	if (!c) {
		free(ring);
		return false;
	}
	*c = (struct chunk){.next = v->chunks, .bytes = n * v->size};
	v->chunks = c;
	free(v->free);
	v->free = ring;
	v->first = 0;
	v->total += n;
	ASAN_POISON_MEMORY_REGION(c + 1, c->bytes);
	for (size_t i = 0; i < n; i++)
		put(v, RTE_PTR_ADD(c + 1, i * v->size));
	return true;
}

struct wg_vault *
wg_vault_create(size_t size)
{
	/* It may be the first of libsodium that is used. */
	struct wg_vault *v = sodium_init() < 0 ? NULL : calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	rte_spinlock_init(&v->lock);
	v->size = size;
	/* Where there is no guarded memory to be had, that shall not be found out later. */
	if (grow(v))
		return v;
	free(v);
	return NULL;
}

void *
wg_vault_take(struct wg_vault *v)
{
	void *thing = NULL;

	rte_spinlock_lock(&v->lock);
	if (v->n_free || grow(v)) {
		thing = v->free[v->first];
		v->first = (v->first + 1) % v->total;
		v->n_free--;
	}
	rte_spinlock_unlock(&v->lock);
	if (!thing)
		return NULL;
	ASAN_UNPOISON_MEMORY_REGION(thing, v->size);
	memset(thing, 0, v->size);
	return thing;
}

void
wg_vault_give(struct wg_vault *v, void *thing)
{
	if (!thing)
		return;
	sodium_memzero(thing, v->size);
	ASAN_POISON_MEMORY_REGION(thing, v->size);
	rte_spinlock_lock(&v->lock);
	put(v, thing);
	rte_spinlock_unlock(&v->lock);
}
