/* SPDX-License-Identifier: BSD-3-Clause */
#include "trunk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

_Static_assert(TG_TRUNKS <= UINT16_MAX, "a trunk's number fits a way");

struct tg_trunk *
tg_trunks_create(void)
{
	size_t size = TG_TRUNKS * sizeof(struct tg_trunk);
	struct tg_trunk *trunks = aligned_alloc(RTE_CACHE_LINE_SIZE, size);

	return trunks ? memset(trunks, 0, size) : NULL;
}

void
tg_trunks_destroy(struct tg_trunk *trunks)
{
	free(trunks);
}

/* One that no way names is going: readers may see it, but nobody new. */
static struct tg_trunk *
find(struct tg_trunk *trunks, const struct tg_hop *hop, const struct pkt_outer *open)
{
	struct tg_trunk *t;

	for (t = trunks; t < &trunks[TG_TRUNKS]; t++)
		if (t->path.hop == hop && t->ways &&
			memcmp(t->path.outer.hdr, open->hdr, PKT_OUTER_IP4_LEN) == 0)
			return t;
	return NULL;
}

static struct tg_trunk *
make(struct tg_trunk *trunks, const struct tg_path *path, const struct pkt_outer *open)
{
	struct tg_trunk *t = trunks;

	while (t < &trunks[TG_TRUNKS] && t->path.hop)
		t++;
	if (t == &trunks[TG_TRUNKS])
		return NULL;
	t->path = (struct tg_path){
		.hop = path->hop, .port = path->port, .csum = path->csum, .outer = *open};
	return t;
}

uint64_t
tg_way_take(struct tg_trunk *trunks, const struct tg_path *path)
{
	const struct wg_endpoint *to = &path->endpoint;
	struct pkt_outer open;
	struct tg_trunk *t;
	uint32_t addr;

	if (to->family != AF_INET)
		return 0;
	pkt_outer_open(&open, &path->outer);
	t = find(trunks, path->hop, &open);
	if (!t)
		t = make(trunks, path, &open);
	if (!t)
		return 0;
	t->ways++;
	memcpy(&addr, to->addr, sizeof(addr));
	return pkt_outer_to(addr, to->port) | (uint64_t)(t - trunks + 1) << TG_WAY_TRUNK_SHIFT;
}

static void
free_trunk(struct rcu_head *head)
{
	struct tg_path *path = RTE_PTR_SUB(head, offsetof(struct tg_path, rcu));

	path->hop = NULL;
}

void
tg_way_give(struct tg_trunk *trunks, struct rcu *rcu, uint64_t way)
{
	struct tg_trunk *t;

	if (!way)
		return;
	t = &trunks[tg_way_trunk(way)];
	if (!--t->ways)
		rcu_call(rcu, &t->path.rcu, free_trunk);
}
