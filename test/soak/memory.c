/* SPDX-License-Identifier: BSD-3-Clause */
#include "memory.h"

#include <malloc.h>

#include <rte_common.h>
#include <stdlib.h>

static struct soak_memory held;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void __real_free(void *p);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void __wrap_free(void *p);
void *__wrap_sodium_malloc(size_t size);
void __wrap_sodium_free(void *p);

struct soak_memory
soak_memory(void)
{
	return held;
}

static void *
gained(void *p)
{
	held.objects += p != NULL;
	held.bytes += malloc_usable_size(p);
	return p;
}

static void
lost(void *p)
{
	held.objects -= p != NULL;
	held.bytes -= malloc_usable_size(p);
}

void *
__wrap_malloc(size_t size)
{
	return gained(__real_malloc(size));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return gained(__real_calloc(n, size));
}

void *
__wrap_aligned_alloc(size_t align, size_t size)
{
	return gained(__real_aligned_alloc(align, size));
}

void *
__wrap_realloc(void *p, size_t size)
{
	lost(p);
	return gained(__real_realloc(p, size));
}

void *
__wrap_reallocarray(void *p, size_t n, size_t size)
{
	lost(p);
	return gained(__real_reallocarray(p, n, size));
}

void
__wrap_free(void *p)
{
	lost(p);
	__real_free(p);
}

/* Without guards: with those of 10,000 devices a process has more mappings than Linux lets it. */
void *
__wrap_sodium_malloc(size_t size)
{
	void *p = __real_aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_CACHE_LINE_ROUNDUP(size));

	held.guarded += p != NULL;
	return p;
}

void
__wrap_sodium_free(void *p)
{
	held.guarded -= p != NULL;
	__real_free(p);
}
