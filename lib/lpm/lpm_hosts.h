/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 hosts (/32) once more, by a hash of the address. Of a gateway's peers nearly all have one,
 * no prefix is longer, and one cache line tells whose it is, where the trie takes several steps.
 * What finds no room on its line is not in here, so a miss says nothing: the trie knows all.
 *
 * Beside a change a reader finds the host's value of before or after, or misses it: a place goes
 * from one host to another by way of no value, and its address is read before the value and after
 * it. Several changes show in the trie's counter.
 */
#ifndef LPM_HOSTS_H
#define LPM_HOSTS_H

#include <stddef.h>
#include <stdint.h>

#include <rte_common.h>

#define LPM_HOST_LEN 32
#define LPM_HOST_PLACES 5

struct lpm_host_line {
	uint32_t addr[LPM_HOST_PLACES]; /* host order */
	uintptr_t value[LPM_HOST_PLACES]; /* 0: none */
} __rte_cache_aligned;

_Static_assert(sizeof(struct lpm_host_line) == RTE_CACHE_LINE_SIZE, "one line is looked at");

struct lpm_hosts {
	struct lpm_host_line *lines; /* 2^bits; NULL: none */
	unsigned int bits;
};

/* Multiplicative hashing: Knuth, The Art of Computer Programming, volume 3, 6.4. */
static inline struct lpm_host_line *
lpm_host_line(const struct lpm_hosts *h, uint32_t addr)
{
	return &h->lines[(addr * UINT32_C(2654435769)) >> (32 - h->bits)];
}

static inline unsigned int
lpm_host_bit(const struct lpm_host_line *line, uint32_t addr, unsigned int place)
{
	return (unsigned int)(__atomic_load_n(&line->addr[place], __ATOMIC_ACQUIRE) == addr)
		<< place;
}

/* The places that an address has, a bit for each. No loop: compilers would leave it one. */
static inline unsigned int
lpm_host_places(const struct lpm_host_line *line, uint32_t addr)
{
	_Static_assert(LPM_HOST_PLACES == 5, "each is looked at");
	return lpm_host_bit(line, addr, 0) | lpm_host_bit(line, addr, 1) |
		lpm_host_bit(line, addr, 2) | lpm_host_bit(line, addr, 3) |
		lpm_host_bit(line, addr, 4);
}

/* Readers. 0: not here. Which place it is nobody can guess, so there is no branch for each. */
static inline uintptr_t
lpm_host_value(const struct lpm_host_line *line, uint32_t addr)
{
	unsigned int i, hits = lpm_host_places(line, addr);
	uintptr_t value;

	for (; hits; hits &= hits - 1) {
		i = (unsigned int)__builtin_ctz(hits);
		value = __atomic_load_n(&line->value[i], __ATOMIC_ACQUIRE);
		if (value && __atomic_load_n(&line->addr[i], __ATOMIC_RELAXED) == addr)
			return value;
	}
	return 0;
}

/* Writer. Room for about n; 0: for none. Untouched, it costs address space alone. 0 or -ENOMEM. */
int lpm_hosts_init(struct lpm_hosts *h, size_t n);
/* Writer. No reader may be inside. */
void lpm_hosts_fini(struct lpm_hosts *h);

/* Writer, within the change of the trie. There must be lines. value: 0 when the host is gone. */
void lpm_hosts_set(struct lpm_hosts *h, uint32_t addr, uintptr_t value);

#endif
