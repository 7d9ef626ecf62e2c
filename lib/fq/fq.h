/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FQ-CoDel in tins: one flow queue per (peer, flow), shared fairly between peers by weight.
 *
 * A tin is what belongs to one peer, named by a 32-bit key that the caller chooses. Tins share the
 * rate by weighted deficit round robin, in bytes as on the wire. Inside a tin flows share by
 * deficit round robin, new (sparse) flows before old ones, and CoDel watches each flow (RFC 8289,
 * RFC 8290). A tin with a new flow may send it ahead of its turn, out of the credit of that turn
 * and up to one quantum of debt: a sparse packet does not wait for a round of greedy peers, yet
 * nobody gains more than his share. Flows that keep the queue over its limit lose packets at random
 * (BLUE, as COBALT combines it with CoDel).
 *
 * Shaper: an instance may have a rate, and a tin a rate of its own. Nothing is saved up while there
 * is nothing to send: a packet leaves when the one before it would have left the wire. What is lost
 * by polling late is made good, up to one MTU or FQ_LATE_NS, whichever takes longer. So a burst is
 * at most two MTU when polled every MTU time, else what the rate gives between two polls and one
 * MTU.
 *
 * Threads: an instance belongs to one thread (a TX or crypto lcore), that creates nothing, blocks
 * on nothing and makes no system call here. Only fq_stats_get and fq_tin_stats_at may be called by
 * another thread meanwhile: counters are never torn, but not of one instant.
 *
 * Memory: all of it is taken by fq_create. 66 bytes per flow, 256 at most per tin with its default
 * flow and its places in key table and lists (254 for a power of two of them), 16 per packet of
 * limit_packets, and 4 KiB. A peer that has no tin costs nothing.
 *
 * Packets: fq_enqueue takes ownership, always; fq_dequeue gives it back; the drop callback takes
 * it. The library reads pkt_len and struct fq_pkt when a packet comes and nothing of it later: what
 * the caller reads of a packet that has waited is the caller's to prefetch. Order within a flow,
 * (tin key, 31 low bits of hash), is kept always.
 *
 * Time: nanoseconds of a clock that does not run backwards, given by the caller. Inside it is 32
 * bits of 1024 ns: a packet may wait up to 36 minutes before its age is misread.
 */
#ifndef FQ_H
#define FQ_H

#include <stdbool.h>
#include <stdint.h>

struct fq;
struct rte_mbuf;

#define FQ_WEIGHT_MAX 1024u
#define FQ_TINS_MAX 65535u
#define FQ_PACKETS_MAX (1u << 24)
#define FQ_RATE_MIN 125u /* bytes per s; rates below count as this */
#define FQ_LATE_NS UINT64_C(100000)
#define FQ_FIFO_PACKETS 1000u /* the usual size of one; see fifo in struct fq_params */
#define FQ_HISTOGRAM 32u
#define FQ_TIN_HISTOGRAM 8u
#define FQ_TIN_HISTOGRAM_NS UINT64_C(16384) /* upper end of the first bucket */

/* Why a packet was dropped: symbol, telemetry key, help. */
#define FQ_DROPS(X)                                                                                \
	X(OVERLIMIT, "overlimit", "queue over its limit: head of the flow most over its share")    \
	X(TIN_LIMIT, "tin_limit",                                                                  \
		"tin over its packet limit: its fattest flow; closed, its oldest")                 \
	X(CODEL, "codel", "waited above target for too long (RFC 8289)")                           \
	X(BLUE, "blue", "flow that kept the queue over its limit (BLUE)")                          \
	X(PURGE, "purge", "tin emptied: peer removed, handshake given up, or queue destroyed")     \
	X(FIFO, "fifo", "FIFO mode: queue full")                                                   \
	X(NO_TIN, "no_tin", "every tin of the pool is in use by another key")

#define FQ_DROP_ENUM(sym, name, help) FQ_DROP_##sym,
enum fq_drop { FQ_DROPS(FQ_DROP_ENUM) FQ_DROP_MAX };
#undef FQ_DROP_ENUM

/* The mbuf dynamic field, or its beginning. */
struct fq_pkt {
	uint32_t hash; /* salted flow hash; all fragments of a packet alike; set before enqueue */
};

/* Takes the packet. May not call back into the instance. */
typedef void (*fq_drop_fn)(void *ctx, struct rte_mbuf *m, enum fq_drop why);

enum fq_mark {
	FQ_MARK_CODEL, /* CoDel's signal: any packet that is ECT */
	FQ_MARK_CE_THRESHOLD, /* waited above ce_threshold: only one that is ECT(1) (RFC 9331) */
};

/*
 * Asked to set CE; false if this packet cannot carry it. For CoDel it then is dropped, for the
 * threshold it leaves unmarked.
 */
typedef bool (*fq_mark_fn)(void *ctx, struct rte_mbuf *m, enum fq_mark why);

/* What link layers below add to pkt_len + overhead, at least mpu. */
enum fq_framing {
	FQ_FRAMING_NONE,
	FQ_FRAMING_ATM, /* cells of 48 in 53 bytes */
	FQ_FRAMING_PTM, /* 65 bytes for 64 (IEEE 802.3 clause 61, VDSL2) */
};

struct fq_params {
	uint32_t flows; /* power of two, 16 to 2^24 */
	uint32_t tins; /* pool size, 1 to FQ_TINS_MAX */
	uint32_t limit_packets; /* over all tins, 1 to FQ_PACKETS_MAX */
	uint32_t limit_bytes; /* over all tins, as on the wire; to 2^31 */
	uint32_t tin_limit_packets; /* per tin, 0: none */
	uint32_t quantum; /* bytes per flow and round; of a tin: times weight / least weight */
	uint32_t mtu; /* of pkt_len: a flow with no more than one such packet is left alone */
	int32_t overhead; /* wire length = framing of max(pkt_len + overhead, mpu) */
	uint32_t mpu; /* to 65535 */
	enum fq_framing framing;
	/* Bytes per s as on the wire, 0: not shaped. CoDel's target is raised to 1.5 MTU times at
	 * this rate (and at a tin's), its interval by as much. */
	uint64_t rate;
	uint64_t target_ns; /* CoDel's acceptable standing delay */
	uint64_t interval_ns; /* CoDel's sliding window, about a round trip; from target to 2^36 */
	uint64_t ce_threshold_ns; /* mark ECT(1) packets that waited longer; 0: none */
	bool codel; /* false: flows are not policed, only shared and limited */
	bool blue; /* with codel: also BLUE */
	uint32_t fifo; /* not 0: one queue of so many packets, tail drop; see below */
	uint32_t seed; /* of BLUE's random numbers */
	bool start_closed; /* a tin that has nothing queued is closed */
	int pkt_offset; /* of struct fq_pkt in struct rte_mbuf, bytes */
	int socket; /* NUMA node for memory */
	fq_drop_fn drop;
	fq_mark_fn mark; /* NULL: always drop */
	void *ctx; /* of both */
};

/* RFC 8290's values; the caller still sets pkt_offset and drop. */
void fq_params_default(struct fq_params *p);

/* NULL with rte_errno EINVAL or ENOMEM. */
struct fq *fq_create(const struct fq_params *p);

/* Drops all that is queued (FQ_DROP_PURGE). NULL is fine. */
void fq_destroy(struct fq *q);

/*
 * FIFO mode, to compare against: packets leave as they came, shaped by the instance's rate and
 * nothing else. There is one tin, UINT32_MAX; functions and statistics of tins know no other.
 * Weights, rates and limits of tins, CoDel, BLUE and start_closed do nothing.
 */

/*
 * What the caller wants of a tin. It comes with every packet and what differs from before counts at
 * once. Another thread may write it meanwhile, each member by one store.
 */
struct fq_tin_conf {
	uint64_t rate; /* bytes per s as on the wire; 0: none */
	uint32_t limit_packets; /* 0: the instance's tin_limit_packets */
	uint16_t weight; /* clamped to 1..FQ_WEIGHT_MAX */
};

/* Weight 1 and nothing else. */
extern const struct fq_tin_conf fq_tin_plain;

/* Takes m. conf, not NULL, is not kept. */
void fq_enqueue(struct fq *q, struct rte_mbuf *m, uint32_t tin_key, const struct fq_tin_conf *conf,
	uint64_t now);

struct fq_item {
	struct rte_mbuf *m;
	const struct fq_tin_conf *conf;
	uint32_t tin_key;
};

/* The same for n packets, in order, with the memory accesses of the burst overlapped. */
void fq_enqueue_burst(struct fq *q, const struct fq_item *items, unsigned int n, uint64_t now);

/*
 * Past the queue: how many of n packets may leave now without having been in it. With nothing
 * queued all may, of a shaped queue the first when it is time. None may be of a tin with a rate. 0
 * where tins start closed, and for one of several members of a share with a rate when it is time to
 * take its part anew, which fq_dequeue* does.
 */
unsigned int fq_pass_begin(struct fq *q, unsigned int n, uint64_t now);

/*
 * Those of them that do leave, with the lengths that they have then, before the next call. They
 * stay the caller's, to be sent before anything that fq_dequeue* returns, and count as dequeued,
 * but not in their tins.
 */
void fq_pass_end(struct fq *q, struct rte_mbuf *const *pkts, unsigned int n);

/* NULL when no open tin has a packet that may leave by now. */
struct rte_mbuf *fq_dequeue(struct fq *q, uint64_t now);

/* Up to n packets in sending order; less than n when nothing more may leave by now. */
unsigned int fq_dequeue_burst(struct fq *q, uint64_t now, struct rte_mbuf **pkts, unsigned int n);

/* What it is now: of struct fq_params, or the instance's part of a share. */
uint64_t fq_rate(const struct fq *q);

/* The owner. Another MTU in place of that of struct fq_params, at once effective. */
void fq_mtu_set(struct fq *q, uint32_t mtu);

/*
 * One rate for several instances, say the TX lcores of a port. Every FQ_SHARE_NS each takes its
 * part anew: what members use that want less than their part is left to them, the rest is divided
 * by the weights of the tins with packets. When load moves between members the sum may be above the
 * rate for up to twice FQ_SHARE_NS. A member that has not called fq_dequeue* for 5 times that is
 * taken for idle.
 *
 * fq_share_join is part of setting up; then the instance's rate is the share's (fq_rate tells its
 * part). fq_share_rate_set may be called by any thread. Destroy the share after its members.
 */
#define FQ_SHARE_NS UINT64_C(200000)
struct fq_share;
struct fq_share *fq_share_create(unsigned int members, uint64_t rate, int socket);
void fq_share_destroy(struct fq_share *s);
void fq_share_join(struct fq_share *s, unsigned int member, struct fq *q);
void fq_share_rate_set(struct fq_share *s, uint64_t rate);

/*
 * With start_closed: a closed tin keeps its packets and is not scheduled. Opening lets out what
 * waits; once the tin has drained and its turn has come it is closed again.
 */
void fq_tin_open(struct fq *q, uint32_t tin_key);

/* Drops all that the tin holds; the number of packets dropped. */
unsigned int fq_tin_purge(struct fq *q, uint32_t tin_key);

uint32_t fq_backlog_packets(const struct fq *q);
uint32_t fq_backlog_bytes(const struct fq *q);

/* 0 also for a flow that is in its tin's default flow, and in FIFO mode. */
uint32_t fq_flow_backlog_packets(const struct fq *q, uint32_t tin_key, uint32_t hash);

/* The flow that would be dropped from if the queue were over its limit. */
struct fq_fattest {
	uint32_t tin_key;
	uint32_t hash; /* its 31 low bits */
	uint32_t bytes; /* as on the wire */
};

/* Only for the owner. False: nothing is queued, it is a default flow, or in FIFO mode. */
bool fq_fattest_flow(struct fq *q, struct fq_fattest *out);

/* enqueued = packets + all drops + backlog_packets, read by the owner. */
struct fq_counters {
	uint64_t enqueued;
	uint64_t packets; /* dequeued */
	uint64_t bytes; /* dequeued, as on the wire */
	uint64_t marks;
	uint64_t collisions; /* enqueued to a tin's default flow */
	uint64_t drops[FQ_DROP_MAX];
};

struct fq_stats {
	struct fq_counters c;
	uint32_t backlog_packets;
	uint32_t backlog_bytes;
	uint32_t flows; /* in use, default flows not counted */
	/* Summed over the tins, which are looked through for this up to the last one in use. */
	uint32_t flows_new;
	uint32_t flows_old;
	uint32_t flows_default; /* of the new and old ones */
	uint32_t default_packets; /* of the backlog, in those */
	uint32_t tins; /* scheduled or closed with something queued */
	uint64_t rate; /* of the shaper now, bytes per s; 0: none */
	uint64_t sojourn_total_ns; /* of dequeued packets: over c.packets, or as differences */
	uint64_t sojourn_peak_ns; /* maximum, fading by 1/256 per packet */
	/* Dequeued packets that waited less than 2^i * 1024 ns, and not less than half of it. */
	uint64_t histogram[FQ_HISTOGRAM];
};

struct fq_tin_stats {
	uint32_t key;
	uint16_t weight;
	bool closed;
	bool waiting; /* for its rate */
	uint64_t rate; /* of its configuration */
	/* Since the key got this tin. No_tin and fifo are not counted here; marks, collisions,
	 * drops and the histogram are of 32 bits and wrap. */
	struct fq_counters c;
	uint32_t backlog_packets;
	uint32_t backlog_bytes;
	uint32_t flows_new;
	uint32_t flows_old;
	uint32_t default_packets; /* of the backlog, in the default flow */
	uint64_t sojourn_avg_ns; /* of dequeued packets, exponential average over about 32 */
	uint64_t sojourn_peak_ns; /* maximum, fading by 1/256 per packet */
	/* Dequeued packets that waited less than FQ_TIN_HISTOGRAM_NS * 4^i; the last: longer. */
	uint32_t histogram[FQ_TIN_HISTOGRAM];
};

void fq_stats_get(const struct fq *q, struct fq_stats *out);

/*
 * The tin at index 0 to fq_tins - 1 of the pool; false when that place is unused. Another key gets
 * it when none is unused: of the idle ones the least recently active.
 */
bool fq_tin_stats_at(const struct fq *q, uint32_t index, struct fq_tin_stats *out);
uint32_t fq_tins(const struct fq *q);

const char *fq_drop_name(enum fq_drop why);

#endif
