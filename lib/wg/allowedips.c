/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_jhash.h>

#include "allowedips.h"

/* What follows one address after the other then costs more than looking up a burst. */
#define LARGE 512

#define BUCKETS_MIN 64

/*
 * The trie leads the data path to peers, without a look at nodes; nodes are found by prefix.
 * Buckets are added one by one, each by splitting one, so that no insertion has to move all nodes
 * (linear hashing: Litwin, 1980).
 */
struct wg_allowedips {
	struct lpm *lpm;
	struct wg_allowedips_node **buckets;
	uint32_t n; /* of them */
	uint32_t room; /* for so many: a power of two, n is above its half or BUCKETS_MIN */
	struct wg_allowedips_nodes spare; /* set aside */
};

struct wg_allowedips *
wg_allowedips_create(struct rcu *rcu, size_t hosts)
{
	struct wg_allowedips *table = malloc(sizeof(*table));

	if (!table)
		return NULL;
	table->n = table->room = BUCKETS_MIN;
	table->buckets = calloc(BUCKETS_MIN, sizeof(struct wg_allowedips_node *));
	TAILQ_INIT(&table->spare);
	table->lpm = table->buckets ? lpm_create(rcu, hosts) : NULL;
	if (!table->lpm) {
		free(table->buckets);
		free(table);
		return NULL;
	}
	return table;
}

/* Of what is no prefix: the same as it is. No node has that. */
static struct lpm_prefix
without_host_bits(const struct lpm_prefix *p)
{
	struct lpm_prefix clean = *p;
	unsigned int from = p->len / 8;

	if (from >= sizeof(clean.addr))
		return clean;
	clean.addr[from] &= 0xff00 >> (p->len % 8);
	memset(&clean.addr[from + 1], 0, sizeof(clean.addr) - from - 1);
	return clean;
}

static struct wg_allowedips_node **
bucket_of(const struct wg_allowedips *table, const struct lpm_prefix *clean)
{
	/* By whole words: rte_jhash() reads the last one whole, beyond what it is given. */
	uint32_t words[(sizeof(*clean) + 3) / 4] = {0}, at;

	memcpy(words, clean, sizeof(*clean));
	at = rte_jhash_32b(words, RTE_DIM(words), 0) & (table->room - 1);
	return &table->buckets[at < table->n ? at : at - table->room / 2];
}

static struct wg_allowedips_node *
find(const struct wg_allowedips *table, const struct lpm_prefix *prefix)
{
	struct lpm_prefix clean = without_host_bits(prefix);
	struct wg_allowedips_node *node = *bucket_of(table, &clean);

	while (node && memcmp(&node->prefix, &clean, sizeof(clean)) != 0)
		node = node->same_bucket;
	return node;
}

static void
bucket_add(struct wg_allowedips *table, struct wg_allowedips_node *node)
{
	struct wg_allowedips_node **bucket = bucket_of(table, &node->prefix);

	node->same_bucket = *bucket;
	*bucket = node;
}

static void
bucket_remove(struct wg_allowedips *table, struct wg_allowedips_node *node)
{
	struct wg_allowedips_node **at = bucket_of(table, &node->prefix);

	while (*at != node)
		at = &(*at)->same_bucket;
	*at = node->same_bucket;
}

/* Without memory for more buckets there are more nodes in each. */
static bool
make_room(struct wg_allowedips *table)
{
	size_t room = 2 * (size_t)table->room;
	void *buckets = realloc(table->buckets, room * sizeof(struct wg_allowedips_node *));

	if (!buckets)
		return false;
	table->buckets = buckets;
	table->room = (uint32_t)room;
	return true;
}

/* One bucket more, for half of the nodes of another. */
static void
split(struct wg_allowedips *table)
{
	struct wg_allowedips_node *node, *next, **from;

	if (table->n == table->room && !make_room(table))
		return;
	from = &table->buckets[table->n - table->room / 2];
	node = *from;
	*from = table->buckets[table->n++] = NULL;
	for (; node; node = next) {
		next = node->same_bucket;
		bucket_add(table, node);
	}
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

void
wg_allowedips_destroy(struct wg_allowedips *table)
{
	struct wg_allowedips_node *node;

	if (!table)
		return;
	wg_allowedips_release(table);
	for (uint32_t i = 0; i < table->n; i++) {
		while ((node = table->buckets[i])) {
			table->buckets[i] = node->same_bucket;
			list_unlink(node);
			free(node);
		}
	}
	lpm_destroy(table->lpm);
	free(table->buckets);
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

static int
insert_new(struct wg_allowedips *table, const struct lpm_prefix *prefix,
	struct wg_allowedips_list *list, struct wg_peer *peer)
{
	struct wg_allowedips_node *node = node_new(table);
	int rc;

	if (!node)
		return -ENOMEM;
	rc = lpm_insert(table->lpm, prefix, peer, NULL);
	if (rc) {
		free(node);
		return rc;
	}
	node->prefix = without_host_bits(prefix);
	/* Two, so that what want of memory has put off is made up for. */
	for (int i = 0; i < 2 && wg_allowedips_count(table) > table->n; i++)
		split(table);
	bucket_add(table, node);
	list_append(list, node);
	return 0;
}

int
wg_allowedips_insert(struct wg_allowedips *table, const struct lpm_prefix *prefix,
	struct wg_allowedips_list *list, struct wg_peer *peer)
{
	struct wg_allowedips_node *node = find(table, prefix);

	if (!node)
		return insert_new(table, prefix, list, peer);
	/* What is there is replaced, which takes no memory. */
	if (node->list != list)
		lpm_insert(table->lpm, prefix, peer, NULL);
	list_unlink(node);
	list_append(list, node);
	return 0;
}

static void
remove_node(struct wg_allowedips *table, struct wg_allowedips_node *node)
{
	lpm_remove(table->lpm, &node->prefix);
	bucket_remove(table, node);
	list_unlink(node);
	free(node);
}

int
wg_allowedips_remove(struct wg_allowedips *table, const struct lpm_prefix *prefix,
	const struct wg_allowedips_list *list)
{
	struct wg_allowedips_node *node = find(table, prefix);

	if (!node || node->list != list)
		return -ENOENT;
	remove_node(table, node);
	return 0;
}

void
wg_allowedips_remove_by_peer(struct wg_allowedips *table, struct wg_allowedips_list *list)
{
	struct wg_allowedips_node *node;

	while ((node = TAILQ_FIRST(&list->nodes)))
		remove_node(table, node);
}

size_t
wg_allowedips_count(const struct wg_allowedips *table)
{
	return lpm_count(table->lpm);
}

size_t
wg_allowedips_memory(const struct wg_allowedips *table)
{
	return lpm_memory(table->lpm);
}

struct wg_peer *
wg_allowedips_lookup4(const struct wg_allowedips *table, const uint8_t addr[4])
{
	return lpm_lookup4(table->lpm, addr);
}

struct wg_peer *
wg_allowedips_lookup6(const struct wg_allowedips *table, const uint8_t addr[16])
{
	return lpm_lookup6(table->lpm, addr);
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
	lpm_lookup_burst(table->lpm, addrs, (void **)peers, n);
}
