/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FQ-CoDel in tins: one flow queue per (peer, flow), shared fairly between peers by weight.
 *
 * A tin is what belongs to one peer, named by a 32-bit key that the caller chooses. Tins share the
 * rate by weighted deficit round robin, in bytes as on the wire. Inside a tin flows share by
 * deficit round robin, new (sparse) flows before old ones, and CoDel watches each flow (RFC 8289,
 * RFC 8290). A tin with a new flow may send it ahead of its turn, out of the credit of that turn
 * and up to one quantum of debt: a sparse packet does not wait for a round of greedy peers, yet
 * nobody gains more than his share.
 *
 * Threads: an instance belongs to one thread (a TX or crypto lcore), that creates nothing, blocks
 * on nothing and makes no system call here. Only fq_stats_get, fq_tin_stats_get and fq_tin_stats_at
 * may be called by another thread meanwhile: counters are never torn, but not of one instant.
 *
 * Memory: all of it is taken by fq_create. 72 bytes per flow, 192 per tin and 84 more for its
 * default flow and its places in key table and lists (tins a power of two; else up to 104). A peer
 * that has no tin costs nothing.
 *
 * Packets: fq_enqueue takes ownership, always; fq_dequeue gives it back; the drop callback takes
 * it. While a packet is queued the library owns mbuf->tx_offload (the FIFO link; zero again after)
 * and nobody may change pkt_len. Order within a flow, (tin key, 31 low bits of hash), is kept
 * always.
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

/* Why a packet was dropped: symbol, telemetry key, help. */
#define FQ_DROPS(X)                                                                                \
	X(OVERLIMIT, "overlimit", "queue over its limit: head of the flow most over its share")    \
	X(TIN_LIMIT, "tin_limit", "tin over its packet limit: head of its oldest flow")            \
	X(CODEL, "codel", "waited above target for too long (RFC 8289)")                           \
	X(PURGE, "purge", "tin emptied: peer removed, handshake given up, or queue destroyed")     \
	X(NO_TIN, "no_tin", "every tin of the pool is in use by another key")

#define FQ_DROP_ENUM(sym, name, help) FQ_DROP_##sym,
enum fq_drop { FQ_DROPS(FQ_DROP_ENUM) FQ_DROP_MAX };
#undef FQ_DROP_ENUM

/* The mbuf dynamic field (or its first 8 bytes). */
struct fq_pkt {
	uint32_t hash; /* salted flow hash; all fragments of a packet alike; set before enqueue */
	uint32_t time; /* enqueue stamp, ns >> 10; the library's */
};

/* Takes the packet. May not call back into the instance. */
typedef void (*fq_drop_fn)(void *ctx, struct rte_mbuf *m, enum fq_drop why);
/* Asked to set CE; false if this packet cannot carry it, which then is dropped. */
typedef bool (*fq_mark_fn)(void *ctx, struct rte_mbuf *m);

struct fq_params {
	uint32_t flows; /* power of two, 16 to 2^24 */
	uint32_t tins; /* pool size, 1 to 65536 */
	uint32_t limit_packets; /* over all tins */
	uint32_t limit_bytes; /* over all tins, as on the wire; to 2^31 */
	uint32_t tin_limit_packets; /* per tin, 0: none */
	uint32_t quantum; /* bytes per flow and round; of a tin: times weight / least weight */
	uint32_t mtu; /* as on the wire: a flow with no more than this is left alone */
	int32_t overhead; /* wire length = max(pkt_len + overhead, mpu) */
	uint32_t mpu; /* to 65535 */
	uint64_t target_ns; /* CoDel's acceptable standing delay */
	uint64_t interval_ns; /* CoDel's sliding window, about a round trip; from target to 2^36 */
	bool codel; /* false: flows are not policed, only shared and limited */
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

/* weight is clamped to 1..1024 and becomes the tin's at once. */
void fq_enqueue(struct fq *q, struct rte_mbuf *m, uint32_t tin_key, uint16_t weight, uint64_t now);

struct fq_item {
	struct rte_mbuf *m;
	uint32_t tin_key;
	uint16_t weight;
};

/* The same for n packets, in order, with the memory accesses of the burst overlapped. */
void fq_enqueue_burst(struct fq *q, const struct fq_item *items, unsigned int n, uint64_t now);

/* NULL when no open tin has a packet. */
struct rte_mbuf *fq_dequeue(struct fq *q, uint64_t now);

/* Up to n packets in sending order; less than n when the open tins are empty. */
unsigned int fq_dequeue_burst(struct fq *q, uint64_t now, struct rte_mbuf **pkts, unsigned int n);

/*
 * A closed tin keeps its packets and is not scheduled. An explicit close holds, and holds a tin of
 * the pool, until fq_tin_open or fq_tin_purge; -ENOSPC when there is none. With start_closed,
 * opening lets out what waits; once the tin has drained and its turn has come it is closed again.
 */
void fq_tin_open(struct fq *q, uint32_t tin_key);
int fq_tin_close(struct fq *q, uint32_t tin_key);

/* Drops all that the tin holds, forgets an explicit close; the number of packets dropped. */
unsigned int fq_tin_purge(struct fq *q, uint32_t tin_key);

uint32_t fq_backlog_packets(const struct fq *q);
uint32_t fq_backlog_bytes(const struct fq *q);
uint32_t fq_tin_backlog_packets(const struct fq *q, uint32_t tin_key);

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
	uint32_t tins; /* scheduled or closed with something queued */
	uint64_t sojourn_total_ns; /* of dequeued packets: over c.packets, or as differences */
};

struct fq_tin_stats {
	uint32_t key;
	uint16_t weight;
	bool closed;
	struct fq_counters c; /* since the key got this tin; no_tin is not counted here */
	uint32_t backlog_packets;
	uint32_t backlog_bytes;
	uint32_t flows_new;
	uint32_t flows_old;
	uint32_t default_packets; /* of the backlog, in the default flow */
	uint64_t sojourn_avg_ns; /* of dequeued packets, exponential average over about 32 */
	uint64_t sojourn_peak_ns; /* maximum, fading by 1/256 per packet */
};

void fq_stats_get(const struct fq *q, struct fq_stats *out);

/* False when no tin has this key now: never used, or recycled, least recently active first. */
bool fq_tin_stats_get(const struct fq *q, uint32_t tin_key, struct fq_tin_stats *out);

/* The tin at index 0 to fq_tins - 1 of the pool; false when that place is unused. */
bool fq_tin_stats_at(const struct fq *q, uint32_t index, struct fq_tin_stats *out);
uint32_t fq_tins(const struct fq *q);

const char *fq_drop_name(enum fq_drop why);
const char *fq_drop_help(enum fq_drop why);

#endif
