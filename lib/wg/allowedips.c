/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <rte_common.h>
#include <rte_prefetch.h>

#include "allowedips.h"

/* What follows one address after the other then costs more than looking up a burst. */
#define LARGE 512

struct wg_allowedips {
	struct lpm *lpm;
	struct rcu *rcu;
	struct wg_allowedips_nodes spare; /* set aside */
};

struct wg_allowedips *
wg_allowedips_create(struct rcu *rcu)
{
	struct wg_allowedips *table = malloc(sizeof(*table));

	if (!table)
		return NULL;
	table->rcu = rcu;
	TAILQ_INIT(&table->spare);
	table->lpm = lpm_create(rcu);
	if (!table->lpm) {
		free(table);
		return NULL;
	}
	return table;
}

static void
list_append(struct wg_allowedips_list *list, struct wg_allowedips_node *node)
{
	TAILQ_INSERT_TAIL(&list->nodes, node, link);
	list->count++;
	node->list = list;
}

static void
list_unlink(struct wg_allowedips_node *node)
{
	TAILQ_REMOVE(&node->list->nodes, node, link);
	node->list->count--;
}

static void
node_free(struct rcu_head *head)
{
	free(container_of(head, struct wg_allowedips_node, rcu));
}

/* A reader may still be about to read node->peer. */
static void
node_retire(struct wg_allowedips *table, struct wg_allowedips_node *node)
{
	list_unlink(node);
	rcu_call(table->rcu, &node->rcu, node_free);
}

static void
destroy_one(const struct lpm_prefix *prefix, void *value, void *ctx)
{
	struct wg_allowedips_node *node = value;

	RTE_SET_USED(prefix);
	RTE_SET_USED(ctx);
	list_unlink(node);
	free(node);
}

void
wg_allowedips_destroy(struct wg_allowedips *table)
{
	if (!table)
		return;
	wg_allowedips_release(table);
	lpm_walk(table->lpm, destroy_one, NULL);
	lpm_destroy(table->lpm);
	free(table);
}

int
wg_allowedips_reserve(struct wg_allowedips *table, size_t n)
{
	int rc = lpm_reserve(table->lpm, n);

	for (size_t i = 0; i < n && !rc; i++) {
		struct wg_allowedips_node *node = malloc(sizeof(*node));

		if (node)
			TAILQ_INSERT_TAIL(&table->spare, node, link);
		else
			rc = -ENOMEM;
	}
	if (rc)
		wg_allowedips_release(table);
	return rc;
}

void
wg_allowedips_release(struct wg_allowedips *table)
{
	struct wg_allowedips_node *node;

	while ((node = TAILQ_FIRST(&table->spare))) {
		TAILQ_REMOVE(&table->spare, node, link);
		free(node);
	}
	lpm_release(table->lpm);
}

/* Set aside, else from the heap. NULL without memory. */
static struct wg_allowedips_node *
node_new(struct wg_allowedips *table)
{
	struct wg_allowedips_node *node = TAILQ_FIRST(&table->spare);

	if (!node)
		return malloc(sizeof(*node));
	TAILQ_REMOVE(&table->spare, node, link);
	return node;
}

void
wg_allowedips_list_init(struct wg_allowedips_list *list)
{
	TAILQ_INIT(&list->nodes);
	list->count = 0;
}

static void
clear_host_bits(struct lpm_prefix *p)
{
	unsigned int from = p->len / 8;

	if (p->len % 8)
		p->addr[from++] &= 0xff00 >> (p->len % 8);
	while (from < sizeof(p->addr))
		p->addr[from++] = 0;
}

/*
 * A node is never given to another peer: what readers see changes in the table alone, and whoever
 * still holds the old node finds the old peer in it.
 */
static int
insert_node(struct wg_allowedips *table, const struct lpm_prefix *prefix,
	struct wg_allowedips_list *list, struct wg_peer *peer)
{
	struct wg_allowedips_node *node = node_new(table);
	void *old;
	int rc;

	if (!node)
		return -ENOMEM;
	node->peer = peer;
	node->prefix = *prefix;
	rc = lpm_insert(table->lpm, prefix, node, &old);
	if (rc) {
		free(node);
		return rc;
	}
	clear_host_bits(&node->prefix);
	list_append(list, node);
	if (old)
		node_retire(table, old);
	return 0;
}

int
wg_allowedips_insert(struct wg_allowedips *table, const struct lpm_prefix *prefix,
	struct wg_allowedips_list *list, struct wg_peer *peer)
{
	struct wg_allowedips_node *node = lpm_get(table->lpm, prefix);

	if (!node || node->peer != peer)
		return insert_node(table, prefix, list, peer);
	list_unlink(node);
	list_append(list, node);
	return 0;
}

int
wg_allowedips_remove(
	struct wg_allowedips *table, const struct lpm_prefix *prefix, const struct wg_peer *peer)
{
	struct wg_allowedips_node *node = lpm_get(table->lpm, prefix);

	if (!node || node->peer != peer)
		return -ENOENT;
	lpm_remove(table->lpm, prefix);
	node_retire(table, node);
	return 0;
}

void
wg_allowedips_remove_by_peer(struct wg_allowedips *table, struct wg_allowedips_list *list)
{
	struct wg_allowedips_node *node;

	while ((node = TAILQ_FIRST(&list->nodes))) {
		lpm_remove(table->lpm, &node->prefix);
		node_retire(table, node);
	}
}

size_t
wg_allowedips_count(const struct wg_allowedips *table)
{
	return lpm_count(table->lpm);
}

static struct wg_peer *
peer_of(const struct wg_allowedips_node *node)
{
	return node ? node->peer : NULL;
}

struct wg_peer *
wg_allowedips_lookup4(const struct wg_allowedips *table, const uint8_t addr[4])
{
	return peer_of(lpm_lookup4(table->lpm, addr));
}

struct wg_peer *
wg_allowedips_lookup6(const struct wg_allowedips *table, const uint8_t addr[16])
{
	return peer_of(lpm_lookup6(table->lpm, addr));
}

bool
wg_allowedips_is_large(const struct wg_allowedips *table)
{
	return lpm_count(table->lpm) > LARGE;
}

void
wg_allowedips_lookup_burst(const struct wg_allowedips *table, const struct lpm_address *addrs,
	struct wg_peer **peers, unsigned int n)
{
	void *nodes[LPM_BURST_MAX];

	lpm_lookup_burst(table->lpm, addrs, nodes, n);
	for (unsigned int i = 0; i < n; i++) {
		peers[i] = peer_of(nodes[i]);
		rte_prefetch0(peers[i]);
	}
}
