/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of longest-prefix match share: prefixes, values, and an RCU of their own. */
#ifndef TEST_LPM_H
#define TEST_LPM_H

#include "test_eal.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include <rte_byteorder.h>

#include "lpm.h"
#include "test_random.h"

#define HOSTS 4096 /* that a table shall have room for, about */

static struct rcu *rcu;

static inline struct lpm_prefix
prefix4(uint32_t addr, uint8_t len)
{
	struct lpm_prefix p = {.family = AF_INET, .len = len};

	addr = rte_cpu_to_be_32(addr);
	memcpy(p.addr, &addr, sizeof(addr));
	return p;
}

static inline struct lpm_prefix
prefix6(uint64_t high, uint64_t low, uint8_t len)
{
	struct lpm_prefix p = {.family = AF_INET6, .len = len};

	high = rte_cpu_to_be_64(high);
	low = rte_cpu_to_be_64(low);
	memcpy(p.addr, &high, sizeof(high));
	memcpy(p.addr + 8, &low, sizeof(low));
	return p;
}

static inline void *
lookup(const struct lpm *t, const struct lpm_prefix *p)
{
	return p->family == AF_INET ? lpm_lookup4(t, p->addr) : lpm_lookup6(t, p->addr);
}

static inline bool
covers(const struct lpm_prefix *p, const uint8_t *addr)
{
	unsigned int bytes = p->len / 8, bits = p->len % 8;

	if (memcmp(p->addr, addr, bytes))
		return false;
	return !bits || !((p->addr[bytes] ^ addr[bytes]) >> (8 - bits));
}

static inline void *
value_of(uint64_t n)
{
	return (void *)(uintptr_t)(n + 1);
}

static inline int
set_up(void **unused)
{
	(void)unused;
	if (test_eal_init())
		return -1;
	rcu = rcu_create(2);
	return rcu ? 0 : -1;
}

static inline int
tear_down(void **unused)
{
	(void)unused;
	rcu_destroy(rcu);
	return 0;
}

#endif
