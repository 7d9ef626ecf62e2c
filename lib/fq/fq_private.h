/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queue's insides, shared by the files of lib/fq and by its tests.
 *
 * Invariants (test/unit/fq_check.c walks them):
 *  - a flow with packets is on exactly one list (new or old) of the tin that owns it;
 *  - a flow on no list holds no packet and the busy bit of its tag is clear;
 *  - a tin is on the ring (has or lately had flows; a closed one leaves at its turn), parked
 *    (closed, has packets or was closed by name), or idle without any flow;
 *  - a tin with bytes queued is in an excess class not below its own (see overload.c);
 *  - packet and byte counts of flows, tins and queue agree.
 */
#ifndef FQ_PRIVATE_H
#define FQ_PRIVATE_H

#include "codel.h"
#include "fq.h"

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_mbuf_core.h>
#include <rte_prefetch.h>

#define FQ_NIL UINT32_MAX
#define FQ_WAYS 8u
#define FQ_TAG_BUSY (UINT64_C(1) << 63)
#define FQ_CLASSES 128u
#define FQ_CLASS_NONE 0xffu
#define FQ_WEIGHT_CLASSES 11u
#define FQ_BATCH 32u
#define FQ_TIME_SHIFT 10

/* Written by the owning thread, read by any: never torn. */
#define FQ_SET(var, val) __atomic_store_n(&(var), (val), __ATOMIC_RELAXED)
#define FQ_ADD(var, n) FQ_SET(var, (var) + (n))
#define FQ_GET(var) __atomic_load_n(&(var), __ATOMIC_RELAXED)

enum fq_list_id { FQ_LIST_NONE, FQ_LIST_NEW, FQ_LIST_OLD };

struct fq_flow {
	struct rte_mbuf *head;
	struct rte_mbuf *tail; /* valid while head is set */
	uint32_t bytes;
	uint32_t packets;
	int32_t deficit;
	uint32_t next; /* on its list */
	uint32_t tin;
	uint32_t until; /* off its lists: the tin's turn at which deficit is forgotten */
	struct fq_codel codel;
	uint8_t list;
} __rte_cache_aligned;

/* Flows in order of service, linked by index. */
struct fq_fifo {
	uint32_t head, tail, n;
};

struct fq_link {
	uint32_t next, prev;
};

enum fq_tin_state { FQ_TIN_IDLE, FQ_TIN_RING, FQ_TIN_PARKED };

/* Delay of dequeued packets in units of 1024 ns, the average times 32. */
struct fq_sojourn {
	uint32_t avg, peak;
};

struct fq_tin {
	/* Scheduling. */
	uint32_t key;
	uint16_t weight;
	uint8_t state;
	bool boosted; /* on the boost list */
	int32_t deficit;
	uint32_t packets;
	uint32_t bytes;
	struct fq_fifo fresh; /* new flows */
	struct fq_fifo old;
	struct fq_link idle;
	uint32_t turns; /* flows that left the head of the old list, ever */
	bool used; /* key is in the table */
	bool closed;
	uint8_t class; /* excess class, FQ_CLASS_NONE when in none */

	/* Overload and delay. */
	uint32_t excess_at; /* bytes that would be too many for the excess class */
	uint32_t recip; /* 65536 / weight */
	struct fq_link excess;
	uint32_t fat; /* the flow that had most bytes when a packet last came */
	uint32_t fat_bytes;
	struct fq_sojourn sojourn;
	uint64_t spill; /* hashes that the default flow may hold, a Bloom filter of 64 bits */

	struct fq_counters c;
} __rte_cache_aligned;

/* Of tin indices, each at most once. An array, so that the scheduler can look ahead. */
struct fq_queue {
	uint16_t *tins;
	uint32_t head, tail; /* free running */
};

struct fq_slot {
	uint32_t key;
	uint32_t tin; /* index + 1, 0: empty */
};

struct fq {
	/* Constant. */
	struct fq_flow *flows; /* n_flows, then one default flow per tin */
	uint64_t *tags; /* per flow: busy, 31 bits of hash, tin key */
	struct fq_tin *tins; /* n_tins, then the head of the idle list */
	struct fq_slot *slots;
	uint32_t n_flows, n_tins;
	uint32_t slot_mask, slot_shift, set_shift, queue_mask;
	int32_t overhead;
	int32_t mpu;
	uint32_t quantum;
	uint32_t limit_packets, limit_bytes, tin_limit;
	struct fq_codel_params codel;
	int pkt_offset;
	bool police, start_closed;
	fq_drop_fn drop;
	fq_mark_fn mark;
	void *ctx;

	/* Changing. */
	uint32_t packets __rte_cache_aligned;
	uint32_t bytes;
	uint32_t busy_flows;
	uint32_t active_tins;
	struct fq_queue ring;
	struct fq_queue boost;
	uint32_t weight_mask; /* classes (log2) of the weights on the ring */
	uint32_t weight_n[FQ_WEIGHT_CLASSES];
	struct fq_counters c;
	uint64_t sojourn_total; /* units of 1024 ns */
	uint64_t class_mask[FQ_CLASSES / 64];
	uint32_t class_head[FQ_CLASSES];
};

static inline struct fq_pkt *
fq_pkt(const struct fq *q, struct rte_mbuf *m)
{
	return (struct fq_pkt *)((char *)m + q->pkt_offset);
}

static inline uint32_t
fq_now32(uint64_t ns)
{
	return (uint32_t)(ns >> FQ_TIME_SHIFT);
}

static inline uint32_t
fq_wire_len(const struct fq *q, const struct rte_mbuf *m)
{
	return (uint32_t)RTE_MAX((int32_t)m->pkt_len + q->overhead, q->mpu);
}

static inline struct rte_mbuf *
fq_next(const struct rte_mbuf *m)
{
	return (struct rte_mbuf *)(uintptr_t)m->tx_offload;
}

static inline void
fq_set_next(struct rte_mbuf *m, struct rte_mbuf *next)
{
	m->tx_offload = (uintptr_t)next;
}

/* overload.c */
void fq_excess_update(struct fq *q, uint32_t ti);
void fq_overload(struct fq *q);
void fq_tin_trim(struct fq *q, uint32_t ti);
void fq_drop_head(struct fq *q, uint32_t fi, enum fq_drop why);

#endif
