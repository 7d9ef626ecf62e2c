/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <stddef.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "rcu.h"

struct rcu {
	struct rte_rcu_qsbr *qsbr;
	struct rcu_head *oldest;
	struct rcu_head **tail;
};

struct rcu *
rcu_create(uint32_t max_readers)
{
	struct rcu *r = rte_zmalloc("rcu", sizeof(*r), RTE_CACHE_LINE_SIZE);

	if (!r)
		goto no_memory;
	r->qsbr =
		rte_zmalloc("rcu qsbr", rte_rcu_qsbr_get_memsize(max_readers), RTE_CACHE_LINE_SIZE);
	if (!r->qsbr)
		goto free_rcu;
	if (rte_rcu_qsbr_init(r->qsbr, max_readers))
		goto free_qsbr;
	r->tail = &r->oldest;
	return r;

free_qsbr:
	rte_free(r->qsbr);
free_rcu:
	rte_free(r);
no_memory:
	rte_errno = ENOMEM;
	return NULL;
}

void
rcu_destroy(struct rcu *r)
{
	if (!r)
		return;
	rcu_barrier(r);
	rte_free(r->qsbr);
	rte_free(r);
}

struct rte_rcu_qsbr *
rcu_qsbr(struct rcu *r)
{
	return r->qsbr;
}

void
rcu_call(struct rcu *r, struct rcu_head *head, void (*free)(struct rcu_head *head))
{
	head->next = NULL;
	head->free = free;
	head->token = rte_rcu_qsbr_start(r->qsbr);
	*r->tail = head;
	r->tail = &head->next;
}

static unsigned int
reclaim(struct rcu *r, bool wait, unsigned int max)
{
	unsigned int n = 0;

	/* Tokens only grow along the list, so the first that is too young ends the walk. */
	while (n < max && r->oldest && rte_rcu_qsbr_check(r->qsbr, r->oldest->token, wait) == 1) {
		struct rcu_head *head = r->oldest;

		r->oldest = head->next;
		if (!r->oldest)
			r->tail = &r->oldest;
		head->free(head);
		n++;
	}
	return n;
}

unsigned int
rcu_reclaim(struct rcu *r)
{
	return reclaim(r, false, RCU_RECLAIM_MAX);
}

void
rcu_barrier(struct rcu *r)
{
	reclaim(r, true, UINT_MAX);
}
