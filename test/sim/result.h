/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a run gave, and the numbers that are made of it. Goodput is counted on the wire, a delay is
 * the time between arrival in the queue and the beginning of transmission.
 */
#ifndef SIM_RESULT_H
#define SIM_RESULT_H

#include "queue.h"
#include "source.h"

#define SIM_BIN (100 * SIM_MS)

/* What the link began to send within one SIM_BIN. */
struct sim_bin {
	uint64_t bytes, packets;
	uint64_t wait; /* ns, of all packets together */
	uint64_t probe_wait; /* ns, the longest */
};

struct sim_result {
	const struct sim_scenario *scenario;
	enum sim_mode mode;
	struct sim_source *sources; /* of the first group, of the second, ... */
	uint32_t n_sources;
	struct sim_bin *bins; /* from time 0 */
	uint32_t n_bins;
	uint64_t drops, marks;
};

void sim_result_init(struct sim_result *r, const struct sim_scenario *s, enum sim_mode mode);
void sim_result_free(struct sim_result *r);

/* A packet of the source is sent from begun on, after it has waited. */
void sim_result_add(
	struct sim_result *r, struct sim_source *s, uint64_t begun, uint64_t wait, uint32_t bytes);

/* No more packets come: sorts the waits. */
void sim_result_finish(struct sim_result *r);

/* Mbit/s of all sources. */
double sim_goodput(const struct sim_result *r);

/* The wait in ns that the fraction p of the probe's packets did not exceed; NAN without one. */
double sim_wait(const struct sim_result *r, enum sim_probe probe, double p);

/* What a peer that has greedy sources got, with its other sources. */
struct sim_share {
	uint32_t peer;
	uint16_t weight;
	uint64_t bytes;
};

/* The number of such peers, ascending; the caller frees *shares. */
uint32_t sim_shares(const struct sim_result *r, struct sim_share **shares);

/*
 * Jain's index of goodput over weight, of the peers that have greedy sources, and of the greedy
 * sources; 1 when all have the same, NAN when nobody is greedy.
 */
double sim_jain_peers(const struct sim_result *r);
double sim_jain_flows(const struct sim_result *r);

#endif
