/* SPDX-License-Identifier: BSD-3-Clause */
#include "memory.h"

#include "vault.h"

#include <malloc.h>

#include <rte_common.h>
#include <stdlib.h>
#include <sys/mman.h>

static struct soak_memory held;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
void *__real_realloc(void *p, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void __real_free(void *p);
void *__real_mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t offset);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void __wrap_free(void *p);
void *__wrap_sodium_malloc(size_t size);
void __wrap_sodium_free(void *p);
int __wrap_sodium_mlock(void *p, size_t len);
int __wrap_sodium_munlock(void *p, size_t len);
void *__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t offset);
int __wrap_mprotect(void *addr, size_t len, int prot);
void *__real_wg_vault_take(struct wg_vault *v);
void __real_wg_vault_give(struct wg_vault *v, void *thing);
void *__wrap_wg_vault_take(struct wg_vault *v);
void __wrap_wg_vault_give(struct wg_vault *v, void *thing);

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

/* Without guards, and nothing locked, which makes it used: with all that 10,000 devices have a
 * process has more mappings than Linux lets it, and more memory than a machine. */
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

void *
__wrap_wg_vault_take(struct wg_vault *v)
{
	void *thing = __real_wg_vault_take(v);

	held.kept += thing != NULL;
	return thing;
}

void
__wrap_wg_vault_give(struct wg_vault *v, void *thing)
{
	held.kept -= thing != NULL;
	__real_wg_vault_give(v, thing);
}

int
__wrap_sodium_mlock(void *p, size_t len)
{
	RTE_SET_USED(p);
	RTE_SET_USED(len);
	return 0;
}

int
__wrap_sodium_munlock(void *p, size_t len)
{
	return __wrap_sodium_mlock(p, len);
}

void *
__wrap_mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	return __real_mmap64(
		addr, len, prot | PROT_READ | PROT_WRITE, flags | MAP_NORESERVE, fd, offset);
}

int
__wrap_mprotect(void *addr, size_t len, int prot)
{
	RTE_SET_USED(addr);
	RTE_SET_USED(len);
	RTE_SET_USED(prot);
	return 0;
}
