/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole pipeline in one process, all stages on one lcore, between two rings that stand for ports:
 *
 *   172.16.0.0/12 -- 192.168.0.2 -- LAN [gateway] WAN -- 203.0.113.2 -- peers, 198.18.0.0/15
 *                                                        peer i: 10.0.0.1+i/32
 *
 * The stages, tables and queues are tinguard's, made as main.c makes them; each peer has a session
 * without a handshake. What is not in it is a NIC's driver.
 *
 * Packets come in windows: so many as a port's RX ring holds are written, then moved, a burst in a
 * round: the gateway is busy, and not overloaded. So packets are not in the first-level caches when
 * they are looked at, as they are not behind a NIC.
 */
#ifndef BENCH_WORLD_H
#define BENCH_WORLD_H

#include "clock.h"
#include "pipeline.h"

#define WORLD_WINDOW 1024u
#define WORLD_MTU 1420u
#define WORLD_WG_PORT 51820

enum { LAN, WAN, WORLD_PORTS };
enum world_direction { WORLD_ENCRYPT, WORLD_DECRYPT };

/* What a window is filled with. len: of inner packets, 0: IMIX (64, 576 and 1420 as 7:4:1). */
struct world_traffic {
	enum world_direction direction;
	uint32_t flows; /* dealt out to the peers in turn; each packet is of a random one */
	uint16_t len;
	bool in_turn; /* no, of the next one */
};

struct world {
	struct tg_pipeline p;
	struct rcu *rcu;
	uint32_t n_peers;
	struct wg_peer **peers;
	uint8_t key[WG_KEY_LEN]; /* of all sessions, both ways */
	struct aead *aead; /* not the pipeline's */
	uint64_t random;
	uint32_t next_flow;
	struct rte_ring *in[WORLD_PORTS];
	struct rte_ring *out[WORLD_PORTS];
	struct rte_mbuf *window[WORLD_WINDOW];
	struct aead_job jobs[WORLD_WINDOW]; /* the same packets for the cipher alone */
};

static inline uint16_t
world_entry(enum world_direction d)
{
	return d == WORLD_ENCRYPT ? LAN : WAN;
}

/* Ends the process on failure. */
struct world *world_create(uint32_t peers);
/* NULL is allowed. */
void world_destroy(struct world *w);

/* The ports, at a rate that is never reached: but then packets wait in the queues, and do not pass
 * them. */
void world_shape(struct world *w, bool on);

/* Writes a window of packets. Its last window must be out. */
void world_fill(struct world *w, const struct world_traffic *t);

/* Puts a burst of the window into the port, as if it had just come: i is where it begins. */
static inline void
world_feed(struct world *w, enum world_direction d, unsigned int i)
{
	if (i < WORLD_WINDOW)
		rte_ring_sp_enqueue_bulk(
			w->in[world_entry(d)], (void **)&w->window[i], TG_BURST, NULL);
}

/* One round of the worker. */
static inline void
world_round(struct world *w)
{
	struct tg_worker *worker = &w->p.workers[0];
	uint64_t now = tg_now();

	for (unsigned int i = 0; i < worker->n_stages; i++)
		worker->stages[i].poll(worker->stages[i].stage, now);
	rte_rcu_qsbr_quiescent(worker->qsbr, worker->reader);
}

/* Rounds until a window is through, at most: some packets may need a second one. */
#define WORLD_ROUNDS (4 * WORLD_WINDOW / TG_BURST)

/* Whether all of the window has left by its port. */
bool world_is_through(const struct world *w, enum world_direction d);

/* Takes the window back; all of it must be there, or the process ends. */
void world_collect(struct world *w, enum world_direction d);

#endif
