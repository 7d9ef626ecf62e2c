/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sender together with its receiver. The receiver is behind the link: a TCP source hears of a
 * packet one round trip time after the link has sent it. tcp.c and udp.c are the two kinds.
 */
#ifndef SIM_SOURCE_H
#define SIM_SOURCE_H

#include "scenario.h"

struct sim_net;

/* One flow's congestion control, windows in packets. */
struct sim_tcp {
	double cwnd, ssthresh;
	uint64_t next, una; /* next to send; all before una are acknowledged or known as lost */
	uint64_t recover; /* acknowledgements below this belong to a congestion already heeded */
	uint64_t in_flight;
	uint64_t acked; /* of the present transfer */
	double srtt, rttvar; /* ns, RFC 6298 */
	uint64_t deadline; /* of the retransmission timer */
	unsigned int backoff;
	bool timer, thinking;
	double w_max, k, w_est; /* CUBIC, RFC 9438: k in seconds */
	uint64_t epoch; /* when this curve began, 0: not yet */
};

struct sim_udp {
	uint64_t seq;
	uint64_t turn_end; /* ns: of the present on-time */
};

struct sim_samples {
	uint64_t *v;
	size_t n, room;
};

struct sim_source {
	const struct sim_group *group;
	struct sim_net *net;
	uint32_t peer;
	uint16_t weight;
	uint32_t hash;
	uint64_t rtt; /* ns */
	uint64_t random;
	union {
		struct sim_tcp tcp;
		struct sim_udp udp;
	};

	/* What came of it, in the time that counts. */
	uint64_t bytes;
	struct sim_samples waits; /* probes: ns in the queue */
	uint64_t drops, marks; /* over the whole time */
};

void sim_tcp_start(struct sim_source *s);
void sim_tcp_delivered(struct sim_source *s, uint64_t seq, uint64_t sent, bool ce);
void sim_udp_start(struct sim_source *s);

/* Uniform in [0, 1). */
double sim_random(struct sim_source *s);

/* True from the group's stop_s on. */
bool sim_stopped(const struct sim_source *s);

#endif
