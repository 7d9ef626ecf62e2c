/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A scenario is data: a link, whose rate may change, and groups of sources that send into the queue
 * in front of it. Peers are numbers; groups may share a peer. All of a group's sources are alike,
 * but for the round trip times and weights that the group spreads over its peers.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_GROUPS_MAX 8
#define SIM_CHANGES_MAX 4
#define SIM_MTU 1514u /* bytes as on the wire, of every full packet */

enum sim_kind { SIM_NONE, SIM_RENO, SIM_CUBIC, SIM_UDP };

/* Sources whose delay is shown: the only one of its peer, or in a peer that others keep busy. */
enum sim_probe { SIM_NO_PROBE, SIM_PROBE_ALONE, SIM_PROBE_BUSY };

struct sim_group {
	enum sim_kind kind;
	uint32_t peer; /* the first */
	uint32_t peers; /* that many, each with */
	uint32_t flows; /* sources */
	uint16_t weight; /* of the first peer, */
	uint16_t weight_step; /* and so much more for each further one */
	double rtt_ms; /* TCP: without queueing, of the first peer */
	double rtt_max_ms; /* of the last peer, 0: all alike; a geometric series between */
	double start_s; /* TCP: each at random within the first second from here */
	double stop_s; /* 0: never */
	double mbit; /* UDP: while sending; packets are spaced evenly, to +-10 % */
	uint32_t bytes; /* UDP: per packet, as on the wire */
	double on_ms, off_ms; /* UDP: sending and silent in turn, to +-10 %; 0: always on */
	uint32_t transfer; /* TCP: packets per transfer, 0: one without end */
	double think_ms; /* TCP: between two transfers, 0 to twice that */
	bool ecn; /* packets are ECT(0), and the sender heeds CE */
	bool greedy; /* its peers are compared in Jain's index */
	enum sim_probe probe;
};

struct sim_scenario {
	const char *name;
	const char *title;
	double mbit;
	double seconds;
	double from_s; /* when counting begins: the sources have found their rates */
	bool goals; /* some goal is computed from it */
	struct sim_group groups[SIM_GROUPS_MAX];
	struct {
		double at_s, mbit;
	} changes[SIM_CHANGES_MAX];
};

extern const struct sim_scenario sim_scenarios[];
extern const size_t sim_n_scenarios;

#endif
