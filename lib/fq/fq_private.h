/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queue's insides, shared by the files of lib/fq and by its tests.
 *
 * Invariants (test/unit/fq_check.h walks them):
 *  - a flow with packets is on exactly one list (new or old) of the tin that owns it;
 *  - a flow on no list holds no packet and its bits in busy and in its tag are clear;
 *  - a tin is on the ring (has or lately had flows; a closed one leaves at its turn), in the wheel
 *    (over its own rate), parked (closed, has or had packets), or idle without any flow;
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
#define FQ_FIFO_KEY UINT32_MAX
#define FQ_TIN_NIL UINT16_MAX
#define FQ_TIN_DROPS (FQ_DROP_PURGE + 1)
#define FQ_BLUE_ONE 4096u
#define FQ_LARGE (256u << 10)
#define FQ_WHEEL_BITS 6
#define FQ_WHEEL_LEVELS 4

/*
 * Written by the owning thread, read by any. An aligned word is never torn; FQ_ADD leaves the
 * compiler the choice of one instruction where a relaxed atomic store takes three.
 */
#define FQ_SET(var, val) __atomic_store_n(&(var), (val), __ATOMIC_RELAXED)
#ifdef __SANITIZE_THREAD__
#define FQ_ADD(var, n) FQ_SET(var, (var) + (n))
#else
#define FQ_ADD(var, n) ((var) += (n))
#endif
#define FQ_GET(var) __atomic_load_n(&(var), __ATOMIC_RELAXED)

enum fq_list_id { FQ_LIST_NONE, FQ_LIST_NEW, FQ_LIST_OLD };

/*
 * A packet, and in the 16 high bits, which no address of a user process has, the wire length of the
 * one behind it. So a flow knows how long its next packet is before that is in the cache.
 */
typedef uint64_t fq_link;

/* What is queued somewhere. Both are added to at once, as load; bytes stay below 2^32. */
#define FQ_LOAD                                                                                    \
	union {                                                                                    \
		uint64_t load;                                                                     \
		struct {                                                                           \
			uint32_t bytes, packets;                                                   \
		};                                                                                 \
	}

/* A queued packet. Mbufs are not touched while they wait: half a megabyte for 8,000. */
struct fq_node {
	fq_link link;
	uint32_t time; /* when it came, ns >> 10 */
	uint32_t next; /* in its flow, or unused */
};

struct fq_flow {
	uint64_t tag; /* busy, 31 bits of hash, tin key; of an idle flow it stays without busy */
	FQ_LOAD;
	uint32_t head, tail; /* nodes, while it has packets */
	int32_t deficit;
	uint32_t next; /* on its list */
	uint32_t until; /* off its lists: the tin's turn at which deficit is forgotten */
	struct fq_codel codel;
	uint16_t len; /* of the first packet, as on the wire */
	uint16_t tin;
	uint16_t blue; /* BLUE's drop probability over FQ_BLUE_ONE */
	uint8_t blue_at; /* when blue last changed, fq_blue_tick */
	uint8_t list;
	bool watched; /* by CoDel or BLUE, however young its packets are */
} __rte_cache_aligned;

/*
 * Flows in order of service, linked by index, the last one to the first: so the end of a turn moves
 * head and tail by one and writes to no flow.
 */
struct fq_fifo {
	uint32_t head, tail, n;
};

/* Of tins. */
struct fq_tin_link {
	uint16_t next, prev;
};

enum fq_tin_state {
	FQ_TIN_UNUSED, /* idle, and has no key yet */
	FQ_TIN_IDLE,
	FQ_TIN_RING,
	FQ_TIN_WAITING,
	FQ_TIN_PARKED,
};

/* Delay of dequeued packets in units of 1024 ns, the average times 32. */
struct fq_sojourn {
	uint32_t avg, peak;
};

/* All that a packet's way needs in two lines. */
struct fq_tin {
	uint32_t key;
	uint8_t state;
	bool closed;
	uint16_t weight;
	uint64_t rate; /* bytes per s, 0: none */
	uint32_t limit; /* packets, 0: the queue's */
	int32_t deficit;
	FQ_LOAD;
	struct fq_fifo old;
	uint32_t turns; /* flows that left the head of the old list, ever */
	uint32_t excess_at; /* bytes that would be too many for the excess class */
	uint32_t fat_bytes; /* at least what the fat flow has */
	uint32_t fat; /* the flow that had most bytes when a packet came, see overload.c */

	struct fq_fifo fresh; /* new flows */
	struct fq_sojourn sojourn;
	uint64_t sent_packets;
	uint64_t sent_bytes;
	uint32_t histogram[FQ_TIN_HISTOGRAM];
} __rte_cache_aligned;

/* The rest of a tin. */
struct fq_tin_rest {
	uint64_t ready; /* when the rate allows the next packet, fine time */
	struct fq_tin_link link; /* idle list, or slot of the wheel */
	struct fq_tin_link excess;
	uint16_t boost; /* next on the boost list, itself the last; FQ_TIN_NIL: not on it */
	uint8_t class; /* excess class, FQ_CLASS_NONE when in none */
	uint8_t slot; /* of the wheel, when waiting */
	uint16_t left; /* ring_passed when it went to wait */
	uint16_t spill; /* hashes that the default flow may hold, a Bloom filter of 16 bits */
	uint32_t drops[FQ_TIN_DROPS];
	uint32_t marks;
	uint32_t collisions;
} __rte_packed __rte_aligned(4);

/* Tins in order of service. An array, so that the scheduler can look ahead. */
struct fq_ring {
	uint16_t *tins;
	uint32_t head, tail; /* free running */
	uint32_t mask;
	uint32_t reclaim; /* where to look next for tins that have sent all, see tin.c */
};

/* Tins that may send a new flow ahead of their turn, linked by their index. */
struct fq_boost {
	uint16_t head, tail;
	uint32_t n;
};

/*
 * Fine time is ns * 256, modulo 2^64: differences of up to a year are right, and rounding takes
 * less than 1/1000 of the rate at 100 Gbit/s.
 */
struct fq_shaper {
	uint64_t rate; /* bytes per s, 0: none */
	uint64_t per_byte; /* 2^-24 ns */
	uint64_t ready; /* when the next packet may leave */
	uint64_t late; /* most that may be made good */
	uint64_t ahead; /* most that ready can be ahead of the clock, else that was set back */
};

/* Tins over their rate, by the time at which that ends, see wheel.c. */
struct fq_wheel {
	uint32_t n;
	uint32_t now;
	uint32_t next; /* the earliest slot begins here */
	uint64_t mask[FQ_WHEEL_LEVELS]; /* slots in use */
	uint16_t head[FQ_WHEEL_LEVELS << FQ_WHEEL_BITS];
};

/* What an instance knows as a member of a share, see share.c. */
struct fq_member {
	struct fq_share *share;
	unsigned int index;
	uint64_t last; /* ns */
	uint64_t bytes; /* sent by then */
	uint64_t used; /* bytes per s, exponential average */
	bool held; /* the shaper had to hold packets back since then */
	bool idled; /* there was nothing to send for a while since then */
};

struct fq {
	/* Constant. */
	struct fq_flow *flows; /* n_flows, then one default flow per tin */
	uint16_t *marks; /* per flow: 16 bits of a hash of its tag */
	uint8_t *busy; /* per set, a bit for each way: small enough to stay in the cache */
	struct fq_node *nodes; /* one for each packet that the limit allows, and one */
	struct fq_tin *tins; /* n_tins, then the head of the idle list */
	struct fq_tin_rest *rest; /* of the tins */
	uint32_t *slots; /* by key: 16 bits of its hash, index of the tin + 1; 0: empty */
	uint32_t n_flows, n_tins, n_slots;
	uint32_t home_shift;
	int32_t overhead;
	uint32_t mpu;
	uint32_t unframed; /* so many lengths from mpu on stay as they are */
	uint32_t quantum;
	uint32_t limit_packets, limit_bytes, tin_limit;
	enum fq_framing framing;
	uint32_t fifo; /* packets, 0: not in FIFO mode */
	struct fq_codel_params codel_base;
	uint32_t ce_threshold; /* units of 1024 ns */
	int pkt_offset;
	bool police, blue, start_closed;
	fq_drop_fn drop;
	fq_mark_fn mark;
	void *ctx;

	/* Changing. */
	uint64_t clock __rte_cache_aligned; /* of the present call, fine time */
	FQ_LOAD;
	uint32_t free; /* nodes, latest first: those are in the cache */
	struct fq_codel_params codel; /* for the present rate */
	uint32_t police_at; /* younger packets need no policing, in units of 1024 ns */
	uint32_t dropped; /* by policing, in a row */
	uint32_t busy_flows;
	uint32_t active_tins;
	struct fq_ring ring;
	uint32_t ring_passed; /* greatest ring.head when last looked at */
	struct fq_boost boost;
	uint32_t weight_mask; /* classes (log2) of the weights on the ring */
	uint32_t weight_shift; /* the least of them */
	uint32_t weight_n[FQ_WEIGHT_CLASSES];
	uint32_t weight_sum; /* of the ring */
	uint32_t random;
	struct fq_counters c;
	uint64_t sojourn_total; /* units of 1024 ns */
	uint32_t sojourn_peak;
	uint64_t histogram[FQ_HISTOGRAM];
	struct fq_shaper shaper;
	struct fq_wheel wheel;
	struct fq_member member;
	uint64_t class_mask[FQ_CLASSES / 64];
	uint16_t class_head[FQ_CLASSES];
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
fq_framed(enum fq_framing framing, uint32_t len)
{
	return framing == FQ_FRAMING_ATM ? (len + 47) / 48 * 53 : len + (len + 63) / 64;
}

/* Of lengths below mpu, or with framing. */
static inline uint32_t
fq_padded(const struct fq *q, int32_t frame)
{
	uint32_t len = (uint32_t)RTE_MAX(frame, (int32_t)q->mpu);

	if (q->framing != FQ_FRAMING_NONE)
		len = fq_framed(q->framing, len);
	return RTE_MIN(len, (uint32_t)UINT16_MAX);
}

static inline uint32_t
fq_on_wire(const struct fq *q, uint32_t pkt_len)
{
	uint32_t len = pkt_len + (uint32_t)q->overhead;

	return likely(len - q->mpu < q->unframed) ? len : fq_padded(q, (int32_t)len);
}

static inline uint32_t
fq_wire_len(const struct fq *q, const struct rte_mbuf *m)
{
	return fq_on_wire(q, m->pkt_len);
}

static inline struct rte_mbuf *
fq_link_pkt(fq_link l)
{
	return (struct rte_mbuf *)(uintptr_t)(l & (UINT64_MAX >> 16));
}

static inline uint16_t
fq_link_next_len(fq_link l)
{
	return (uint16_t)(l >> 48);
}

/* Of one packet. */
static inline uint64_t
fq_load(uint32_t len)
{
	return UINT64_C(1) << 32 | len;
}

/*
 * What is in use is likely not in the cache of a core, but for what was used last. Below that
 * asking for it ahead costs more than it saves.
 */
static inline bool
fq_is_large(const struct fq *q)
{
	return q->packets * sizeof(struct fq_node) + q->busy_flows * sizeof(struct fq_flow) +
		q->active_tins * sizeof(struct fq_tin) >
		FQ_LARGE;
}

/* a where the mask is all ones, b where it is zero. */
static inline uint32_t
fq_pick(uint32_t mask, uint32_t a, uint32_t b)
{
	return b ^ ((a ^ b) & mask);
}

/* overload.c */
void fq_excess_update(struct fq *q, uint32_t ti);
void fq_overload(struct fq *q);
void fq_tin_trim(struct fq *q, uint32_t ti);
void fq_drop_head(struct fq *q, uint32_t fi, enum fq_drop why);

/* flow.c: the flow that has this tag, in use or idle, else an idle one, else FQ_NIL. */
uint32_t fq_flow_find(const struct fq *q, uint64_t tag);
/*
 * flow.c: a packet comes for a flow that is idle, or has no place (FQ_NIL): to the tin's new list.
 * The flow that it now is, maybe the default one.
 */
uint32_t fq_flow_begin(struct fq *q, uint32_t ti, uint32_t fi, uint64_t tag);
/* The flow is empty and off its list. */
void fq_flow_release(struct fq *q, uint32_t fi);

/*
 * police.c: whether CoDel and BLUE let a packet leave that is off its flow; if not it is gone. age:
 * its delay.
 */
bool fq_police(struct fq *q, struct fq_flow *f, struct rte_mbuf *m, uint32_t age);

static inline bool
fq_share_due(const struct fq *q, uint64_t now)
{
	const struct fq_member *own = &q->member;

	return unlikely(own->share) && (!own->last || now - own->last >= FQ_SHARE_NS);
}

/* share.c: takes the instance's part of the rate anew when it is time. */
void fq_share_sync(struct fq *q, uint64_t now);
/* There is a rate, and others that want some of it. */
bool fq_share_is_divided(const struct fq *q);

#endif
