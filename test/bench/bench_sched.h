/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's own scheduler as the queue's rival, twice, at rates so high that they never bind. A pipe
 * has four best-effort queues that share by weight, and flows are spread over them. "rte_sched" has
 * as many pipes as there are tins, so flows share queues; "rte_sched_flows" has so many that there
 * are as many queues as flows.
 *
 * Both sides begin with what tells the packet's place: here tin and hash, there pipe and queue. To
 * find it from that is part of what is measured: rte_sched_port_pkt_write is called for each
 * packet.
 */
#ifndef BENCH_SCHED_H
#define BENCH_SCHED_H

#include <rte_lcore.h>
#include <rte_sched.h>

#define SCHED_RATE UINT64_C(12500000000)
#define SCHED_BE RTE_SCHED_TRAFFIC_CLASS_BE

static inline void
sched_rates(uint64_t *rates)
{
	for (unsigned int i = 0; i < RTE_SCHED_TRAFFIC_CLASSES_PER_PIPE; i++)
		rates[i] = SCHED_RATE;
}

static inline int
sched_subport(struct rte_sched_port *port, uint32_t pipes)
{
	struct rte_sched_pipe_params pipe = {
		.tb_rate = SCHED_RATE, .tb_size = 1000000, .tc_period = 10, .tc_ov_weight = 1};
	struct rte_sched_subport_params subport = {.n_pipes_per_subport_enabled = pipes,
		.pipe_profiles = &pipe,
		.n_pipe_profiles = 1,
		.n_max_pipe_profiles = 1};

	subport.qsize[SCHED_BE] = 64;
	pipe.tc_rate[SCHED_BE] = SCHED_RATE;
	for (unsigned int i = 0; i < RTE_SCHED_BE_QUEUES_PER_PIPE; i++)
		pipe.wrr_weights[i] = 1;
	if (rte_sched_subport_config(port, 0, &subport, 0))
		return -1;
	for (uint32_t i = 0; i < pipes; i++) {
		if (rte_sched_pipe_config(port, 0, i, 0))
			return -1;
	}
	return 0;
}

/* NULL when it cannot be had. */
static inline struct rte_sched_port *
sched_create(uint32_t pipes)
{
	struct rte_sched_subport_profile_params profile = {
		.tb_rate = SCHED_RATE, .tb_size = 1000000, .tc_period = 10};
	struct rte_sched_port_params params = {.name = "bench",
		.socket = 0,
		.rate = SCHED_RATE,
		.mtu = 1522,
		.frame_overhead = RTE_SCHED_FRAME_OVERHEAD_DEFAULT,
		.n_subports_per_port = 1,
		.subport_profiles = &profile,
		.n_subport_profiles = 1,
		.n_max_subport_profiles = 1};
	struct rte_sched_port *port;

	pipes = rte_align32pow2(pipes);
	params.n_pipes_per_subport = pipes;
	sched_rates(profile.tc_rate);
	port = rte_sched_port_config(&params);
	if (port && sched_subport(port, pipes)) {
		rte_sched_port_free(port);
		return NULL;
	}
	return port;
}

#endif
