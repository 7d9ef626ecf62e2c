/* SPDX-License-Identifier: BSD-3-Clause */
#include "scenario.h"

#include <rte_common.h>

/* 100 bytes every 10 ms. */
#define PROBE(where, how)                                                                          \
	{                                                                                          \
		.kind = SIM_UDP, .peer = (where), .peers = 1, .flows = 1, .weight = 1,             \
		.mbit = 0.08, .bytes = 100, .probe = (how)                                         \
	}

/* clang-format off */
const struct sim_scenario sim_scenarios[] = {
	/* RFC 7928 sections 5 to 9. */
	{
		.name = "aggressive",
		.title = "a peer opens 32 CUBIC flows beside four with one Reno flow each",
		.mbit = 50, .seconds = 40, .from_s = 10,
		.groups = {
			{.kind = SIM_RENO, .peer = 1, .peers = 4, .flows = 1, .weight = 1,
				.rtt_ms = 20, .greedy = true},
			{.kind = SIM_CUBIC, .peer = 5, .peers = 1, .flows = 32, .weight = 1,
				.rtt_ms = 20, .greedy = true},
			PROBE(6, SIM_PROBE_ALONE),
			PROBE(5, SIM_PROBE_BUSY),
		},
	},
	{
		.name = "unresponsive",
		.title = "UDP at the whole link rate beside four peers with TCP",
		.mbit = 50, .seconds = 40, .from_s = 10,
		.groups = {
			{.kind = SIM_CUBIC, .peer = 1, .peers = 4, .flows = 2, .weight = 1,
				.rtt_ms = 20, .greedy = true},
			{.kind = SIM_UDP, .peer = 5, .peers = 1, .flows = 1, .weight = 1,
				.mbit = 50, .bytes = SIM_MTU, .greedy = true},
			PROBE(6, SIM_PROBE_ALONE),
			PROBE(1, SIM_PROBE_BUSY),
		},
	},
	{
		.name = "rtt",
		.title = "eight peers with round trip times from 5 to 500 ms",
		.mbit = 50, .seconds = 120, .from_s = 30,
		.groups = {
			{.kind = SIM_CUBIC, .peer = 1, .peers = 8, .flows = 1, .weight = 1,
				.rtt_ms = 5, .rtt_max_ms = 500, .greedy = true},
			PROBE(9, SIM_PROBE_ALONE),
			PROBE(1, SIM_PROBE_BUSY),
		},
	},
	{
		.name = "burst",
		.title = "bursts of 100 ms at ten times the rate, and web transfers, over bulk TCP",
		.mbit = 20, .seconds = 40, .from_s = 10,
		.groups = {
			{.kind = SIM_CUBIC, .peer = 1, .peers = 2, .flows = 2, .weight = 1,
				.rtt_ms = 40, .greedy = true},
			{.kind = SIM_UDP, .peer = 3, .peers = 1, .flows = 1, .weight = 1,
				.mbit = 200, .bytes = SIM_MTU, .on_ms = 100, .off_ms = 1900},
			{.kind = SIM_CUBIC, .peer = 4, .peers = 1, .flows = 4, .weight = 1,
				.rtt_ms = 40, .transfer = 40, .think_ms = 500},
			PROBE(5, SIM_PROBE_ALONE),
			PROBE(1, SIM_PROBE_BUSY),
		},
	},
	{
		.name = "load",
		.title = "4, then 36, then 4 TCP flows",
		.mbit = 50, .seconds = 60, .from_s = 10,
		.groups = {
			{.kind = SIM_CUBIC, .peer = 1, .peers = 4, .flows = 1, .weight = 1,
				.rtt_ms = 20, .greedy = true},
			{.kind = SIM_CUBIC, .peer = 5, .peers = 8, .flows = 4, .weight = 1,
				.rtt_ms = 20, .start_s = 20, .stop_s = 40},
			PROBE(13, SIM_PROBE_ALONE),
			PROBE(1, SIM_PROBE_BUSY),
		},
	},
	{
		.name = "capacity",
		.title = "the link falls from 100 to 10 Mbit/s at 20 s and comes back at 40 s",
		.mbit = 100, .seconds = 60, .from_s = 10,
		.changes = {{20, 10}, {40, 100}},
		.groups = {
			{.kind = SIM_CUBIC, .peer = 1, .peers = 4, .flows = 2, .weight = 1,
				.rtt_ms = 20, .greedy = true},
			PROBE(5, SIM_PROBE_ALONE),
			PROBE(1, SIM_PROBE_BUSY),
		},
	},
	{
		.name = "mixed",
		.title = "bulk TCP, web transfers, 5 Mbit/s video, telephony",
		.mbit = 50, .seconds = 40, .from_s = 10,
		.groups = {
			{.kind = SIM_CUBIC, .peer = 1, .peers = 4, .flows = 2, .weight = 1,
				.rtt_ms = 30, .greedy = true},
			{.kind = SIM_RENO, .peer = 1, .peers = 4, .flows = 1, .weight = 1,
				.rtt_ms = 60, .greedy = true},
			{.kind = SIM_CUBIC, .peer = 1, .peers = 8, .flows = 3, .weight = 1,
				.rtt_ms = 30, .transfer = 30, .think_ms = 1000},
			{.kind = SIM_UDP, .peer = 5, .peers = 2, .flows = 1, .weight = 1,
				.mbit = 5, .bytes = 1200},
			{.kind = SIM_UDP, .peer = 1, .peers = 8, .flows = 1, .weight = 1,
				.mbit = 0.08, .bytes = 200},
			PROBE(9, SIM_PROBE_ALONE),
			PROBE(1, SIM_PROBE_BUSY),
		},
	},
	{
		.name = "ecn",
		.title = "eight CUBIC flows in four peers, all of them ECN-capable",
		.mbit = 50, .seconds = 40, .from_s = 10,
		.groups = {
			{.kind = SIM_CUBIC, .peer = 1, .peers = 4, .flows = 2, .weight = 1,
				.rtt_ms = 20, .greedy = true, .ecn = true},
			PROBE(5, SIM_PROBE_ALONE),
			PROBE(1, SIM_PROBE_BUSY),
		},
	},

	/* Many peers, many flows. */
	{
		.name = "idle",
		.title = "the probe alone",
		.mbit = 100, .seconds = 40, .from_s = 10, .goals = true,
		.groups = {PROBE(33, SIM_PROBE_ALONE)},
	},
	{
		.name = "peers",
		.title = "8 greedy flows in each of 32 peers, and one sparse flow",
		.mbit = 100, .seconds = 40, .from_s = 10, .goals = true,
		.groups = {
			{.kind = SIM_CUBIC, .peer = 1, .peers = 32, .flows = 8, .weight = 1,
				.rtt_ms = 20, .greedy = true},
			PROBE(33, SIM_PROBE_ALONE),
			PROBE(1, SIM_PROBE_BUSY),
		},
	},
	{
		.name = "many",
		.title = "10 flows in each of 200 peers, round trip times from 10 to 100 ms",
		.mbit = 1000, .seconds = 10, .from_s = 4,
		.groups = {
			{.kind = SIM_CUBIC, .peer = 1, .peers = 200, .flows = 10, .weight = 1,
				.rtt_ms = 10, .rtt_max_ms = 100, .greedy = true},
			PROBE(201, SIM_PROBE_ALONE),
			PROBE(1, SIM_PROBE_BUSY),
		},
	},
	{
		.name = "weights",
		.title = "8 greedy flows in each of 10 peers of weights 1 to 10",
		.mbit = 100, .seconds = 40, .from_s = 10, .goals = true,
		.groups = {
			{.kind = SIM_CUBIC, .peer = 1, .peers = 10, .flows = 8, .weight = 1,
				.weight_step = 1, .rtt_ms = 20, .greedy = true},
			PROBE(11, SIM_PROBE_ALONE),
			PROBE(1, SIM_PROBE_BUSY),
		},
	},
	{
		.name = "calm",
		.title = "8 greedy flows in each of 10 peers",
		.mbit = 100, .seconds = 40, .from_s = 10, .goals = true,
		.groups = {
			{.kind = SIM_CUBIC, .peer = 1, .peers = 9, .flows = 8, .weight = 1,
				.rtt_ms = 20, .greedy = true},
			PROBE(11, SIM_PROBE_ALONE),
			PROBE(1, SIM_PROBE_BUSY),
			{.kind = SIM_CUBIC, .peer = 10, .peers = 1, .flows = 8, .weight = 1,
				.rtt_ms = 20},
		},
	},
	{
		.name = "flood",
		.title = "the same, but the tenth peer sends UDP at ten times the link rate",
		.mbit = 100, .seconds = 40, .from_s = 10, .goals = true,
		.groups = {
			{.kind = SIM_CUBIC, .peer = 1, .peers = 9, .flows = 8, .weight = 1,
				.rtt_ms = 20, .greedy = true},
			PROBE(11, SIM_PROBE_ALONE),
			PROBE(1, SIM_PROBE_BUSY),
			{.kind = SIM_UDP, .peer = 10, .peers = 1, .flows = 1, .weight = 1,
				.mbit = 1000, .bytes = SIM_MTU},
		},
	},
};
/* clang-format on */

const size_t sim_n_scenarios = RTE_DIM(sim_scenarios);
