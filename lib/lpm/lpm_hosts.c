/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sys/mman.h>

#include "lpm_private.h"

/* Hosts to a line, of five, on average: then one in a hundred finds five others on its line. */
#define LOAD 2
#define BITS_MAX 24

static size_t
size_of(unsigned int bits)
{
	return sizeof(struct lpm_host_line) << bits;
}

int
lpm_hosts_init(struct lpm_hosts *h, size_t n)
{
	unsigned int bits = 1;
	void *lines;

	h->lines = NULL;
	if (!n)
		return 0;
	while (bits < BITS_MAX && (size_t)LOAD << bits < n)
		bits++;
	lines = mmap(
		NULL, size_of(bits), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (lines == MAP_FAILED)
		return -ENOMEM;
	h->lines = lines;
	h->bits = bits;
	return 0;
}

void
lpm_hosts_fini(struct lpm_hosts *h)
{
	if (h->lines)
		munmap(h->lines, size_of(h->bits));
}

/* A place of nobody's is written such that its address is never seen with a value of another's. */
void
lpm_hosts_set(struct lpm_hosts *h, uint32_t addr, uintptr_t value)
{
	struct lpm_host_line *line = lpm_host_line(h, addr);
	unsigned int i, room = LPM_HOST_PLACES;

	for (i = 0; i < LPM_HOST_PLACES; i++) {
		if (!line->value[i])
			room = i;
		else if (line->addr[i] == addr)
			break;
	}
	if (i == LPM_HOST_PLACES)
		i = value ? room : i;
	if (i == LPM_HOST_PLACES)
		return;
	__atomic_store_n(&line->addr[i], addr, __ATOMIC_RELEASE);
	__atomic_store_n(&line->value[i], value, __ATOMIC_RELEASE);
}
