/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Longest-prefix match for IPv4 and IPv6: the table under AllowedIPs and under the routes.
 *
 * One writer (the control thread) changes it while readers (data-path lcores) look up without
 * locks: a reader sees the entry from before or from after a change, never another one. DPDK 22.11
 * has RCU in rte_lpm alone, and neither rte_lpm6 nor rte_fib may be changed under readers.
 *
 * Values are opaque non-NULL pointers that the caller owns; before freeing what a removed or
 * replaced value points at, it must wait for a grace period of the same RCU.
 */
#ifndef LPM_H
#define LPM_H

#include <stddef.h>
#include <stdint.h>

#include "rcu.h"

struct lpm;

/* family: AF_INET or AF_INET6. addr: network order, IPv4 in the first 4 bytes. */
struct lpm_prefix {
	uint8_t family;
	uint8_t len;
	uint8_t addr[16];
};

/*
 * Writer. NULL and errno = ENOMEM on failure. Removed nodes are freed through rcu. hosts: for about
 * so many IPv4 hosts, bursts take one step; others are found as all prefixes are.
 */
struct lpm *lpm_create(struct rcu *rcu, size_t hosts);

/* Writer. No reader may be inside. Values are not touched. NULL is allowed. */
void lpm_destroy(struct lpm *t);

/*
 * Writer. Host bits beyond len are ignored. Sets *old (may be NULL) to the value replaced, or NULL.
 * 0, -EINVAL (family, length) or -ENOMEM; on failure nothing has changed.
 */
int lpm_insert(struct lpm *t, const struct lpm_prefix *p, void *value, void **old);

/*
 * Writer. Sets memory aside, until lpm_release(), such that the next n insertions find what they
 * need even when the heap has none. Untouched, it costs address space alone. Once at a time. 0 or
 * -ENOMEM. What of it was used after all stays with the table until that is destroyed.
 */
int lpm_reserve(struct lpm *t, size_t n);
/* Writer. Nothing when there is none. */
void lpm_release(struct lpm *t);

/* Writer. Returns the value removed, NULL when that exact prefix was not there. */
void *lpm_remove(struct lpm *t, const struct lpm_prefix *p);

/* Readers. addr in network order. NULL when nothing matches. */
void *lpm_lookup4(const struct lpm *t, const uint8_t addr[4]);
void *lpm_lookup6(const struct lpm *t, const uint8_t addr[16]);

/* version: 4 or 6. addr in network order. */
struct lpm_address {
	const uint8_t *addr;
	uint8_t version;
};

/*
 * Readers. As the two above; *alike: addresses that have so many leading bits in common with this
 * one, 1 to 32 or 128, find the same.
 */
void *lpm_lookup_alike(const struct lpm *t, const struct lpm_address *a, unsigned int *alike);

#define LPM_BURST_MAX 64

/*
 * Readers. values[i] is what a look-up of addrs[i] finds; n is at most LPM_BURST_MAX. Side by side,
 * so that their misses overlap. Asks for the memory of the values, too. A few addresses in a small
 * table are found faster one by one.
 */
void lpm_lookup_burst(
	const struct lpm *t, const struct lpm_address *addrs, void **values, unsigned int n);

/* Writer. Calls fn for each prefix, IPv4 first, in ascending order; fn must not change the table.
 */
void lpm_walk(const struct lpm *t, void (*fn)(const struct lpm_prefix *p, void *value, void *ctx),
	void *ctx);

/* Any thread. Prefixes held, and bytes of memory held for them. */
size_t lpm_count(const struct lpm *t);
size_t lpm_memory(const struct lpm *t);

#endif
