/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtual time: a heap of things to do, done in order of time and, at one time, in the order in
 * which they were asked for. Nanoseconds from 0. Memory running out ends the program.
 */
#ifndef SIM_EVENT_H
#define SIM_EVENT_H

#include <stddef.h>
#include <stdint.h>

#define SIM_US UINT64_C(1000)
#define SIM_MS UINT64_C(1000000)
#define SIM_S UINT64_C(1000000000)

typedef void (*sim_event_fn)(void *ctx, uint64_t a, uint64_t b);

struct sim_event {
	uint64_t at, order;
	sim_event_fn fn;
	void *ctx;
	uint64_t a, b;
};

/* All zero is empty, at time 0. */
struct sim_events {
	uint64_t now;
	uint64_t order;
	struct sim_event *heap;
	uint32_t n, room;
};

/* Calls fn(ctx, a, b) delay nanoseconds from now. */
void sim_after(
	struct sim_events *ev, uint64_t delay, sim_event_fn fn, void *ctx, uint64_t a, uint64_t b);

/* Lets time pass until a moment, whose own events are done too. */
void sim_events_run(struct sim_events *ev, uint64_t until);

/* Forgets what was still to be done. */
void sim_events_free(struct sim_events *ev);

/* realloc that does not fail, of n elements. */
void *sim_realloc(void *p, size_t n, size_t size);

#endif
