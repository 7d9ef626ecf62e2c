/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Deferred reclamation over rte_rcu_qsbr.
 *
 * Data-path lcores are the readers: they report a quiescent state once per poll and hold no pointer
 * to an RCU-protected object across it. One control thread is the writer: it unpublishes an object,
 * hands it to rcu_call(), and rcu_reclaim() frees it once every reader has passed a quiescent
 * state.
 *
 * The head is part of the object, so that deferring cannot fail.
 */
#ifndef RCU_H
#define RCU_H

#include <stdint.h>

#include <rte_rcu_qsbr.h>

struct rcu;

struct rcu_head {
	struct rcu_head *next;
	uint64_t token;
	void (*free)(struct rcu_head *head);
};

/* Up to max_readers reader threads. NULL and rte_errno on failure. */
struct rcu *rcu_create(uint32_t max_readers);

/* All readers must be offline; runs what is still deferred. NULL is allowed. */
void rcu_destroy(struct rcu *r);

/* Readers use the variable directly: rte_rcu_qsbr_thread_online(), rte_rcu_qsbr_quiescent(). */
struct rte_rcu_qsbr *rcu_qsbr(struct rcu *r);

/* Writer only. After a grace period, rcu_reclaim() calls free(head). */
void rcu_call(struct rcu *r, struct rcu_head *head, void (*free)(struct rcu_head *head));

/* So many objects at a time, so that 100,000 peers that go together do not keep the writer. */
#define RCU_RECLAIM_MAX 1024

/*
 * Writer only, never blocks. Frees what no reader can hold any longer, the oldest first and at most
 * RCU_RECLAIM_MAX; returns how many.
 */
unsigned int rcu_reclaim(struct rcu *r);

/* Writer only. Waits until everything deferred so far has been freed. */
void rcu_barrier(struct rcu *r);

#endif
