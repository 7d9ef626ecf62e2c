/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AllowedIPs, WireGuard's cryptokey routing: which peer a packet goes to by its inner destination,
 * and which peer it must have come from by its inner source. A prefix belongs to one peer at a
 * time.
 *
 * The control thread changes the table while data-path lcores look up under RCU; for every address
 * they see the peer from before or from after a change. Peers are opaque here and not owned: a peer
 * is given to rcu_call() only after wg_allowedips_remove_by_peer(). Each peer embeds the list of
 * its own prefixes, so that what concerns one peer costs its prefixes only.
 */
#ifndef WG_ALLOWEDIPS_H
#define WG_ALLOWEDIPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "lpm.h"
#include "rcu.h"

struct wg_peer;
struct wg_allowedips;
struct wg_allowedips_list;

/* Control thread. Outside this part only prefix may be read; its host bits are zero. */
struct wg_allowedips_node {
	struct wg_allowedips_list *list;
	TAILQ_ENTRY(wg_allowedips_node) link;
	struct wg_allowedips_node *same_bucket;
	struct lpm_prefix prefix;
};

TAILQ_HEAD(wg_allowedips_nodes, wg_allowedips_node);

/* Control thread only. In the order of insertion, as wg shows them. */
struct wg_allowedips_list {
	struct wg_allowedips_nodes nodes;
	size_t count;
};

#define WG_ALLOWEDIPS_FOREACH(node, list) TAILQ_FOREACH(node, &(list)->nodes, link)

/*
 * Control thread. NULL and errno = ENOMEM on failure. hosts: about so many prefixes will be one
 * IPv4 address; more may.
 */
struct wg_allowedips *wg_allowedips_create(struct rcu *rcu, size_t hosts);

/* Control thread. No reader may be inside; the lists of all peers become empty. NULL is allowed. */
void wg_allowedips_destroy(struct wg_allowedips *table);

/* Control thread. Before the first use of a peer's list. */
void wg_allowedips_list_init(struct wg_allowedips_list *list);

/*
 * Control thread. Sets memory aside such that the next n insertions cannot fail for want of it,
 * until wg_allowedips_release(). 0 or -ENOMEM, with nothing set aside.
 */
int wg_allowedips_reserve(struct wg_allowedips *table, size_t n);
/* Control thread. What was not needed. */
void wg_allowedips_release(struct wg_allowedips *table);

/*
 * Control thread. Gives the prefix to the peer, whose list this is, and takes it from the peer that
 * had it. What the peer itself already had moves to the end of its list. Host bits are ignored. 0,
 * -EINVAL (family, length) or -ENOMEM; on failure nothing has changed.
 */
int wg_allowedips_insert(struct wg_allowedips *table, const struct lpm_prefix *prefix,
	struct wg_allowedips_list *list, struct wg_peer *peer);

/* Control thread. 0, or -ENOENT when exactly this prefix is not on this list. */
int wg_allowedips_remove(struct wg_allowedips *table, const struct lpm_prefix *prefix,
	const struct wg_allowedips_list *list);

/* Control thread. Each prefix goes at once; readers may see some gone and others not yet. */
void wg_allowedips_remove_by_peer(struct wg_allowedips *table, struct wg_allowedips_list *list);

/* Any thread. Prefixes of all peers, and bytes of memory that readers look them up in. */
size_t wg_allowedips_count(const struct wg_allowedips *table);
size_t wg_allowedips_memory(const struct wg_allowedips *table);

/* Data path and control thread. addr in network order. NULL: no peer. */
struct wg_peer *wg_allowedips_lookup4(const struct wg_allowedips *table, const uint8_t addr[4]);
struct wg_peer *wg_allowedips_lookup6(const struct wg_allowedips *table, const uint8_t addr[16]);

/* Data path. So many prefixes that they will hardly stay in the caches? */
bool wg_allowedips_is_large(const struct wg_allowedips *table);

/*
 * Data path. The peers of n addresses, LPM_BURST_MAX at most, side by side: for large tables. Asks
 * for their memory, too.
 */
void wg_allowedips_lookup_burst(const struct wg_allowedips *table, const struct lpm_address *addrs,
	struct wg_peer **peers, unsigned int n);

#endif
