/* SPDX-License-Identifier: BSD-3-Clause */
#include "event.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

void *
sim_realloc(void *p, size_t n, size_t size)
{
	void *grown = reallocarray(p, n ? n : 1, size);

	if (!grown) {
		perror("tinguard-sim");
		exit(2);
	}
	return grown;
}

static bool
earlier(const struct sim_event *x, const struct sim_event *y)
{
	return x->at != y->at ? x->at < y->at : x->order < y->order;
}

void
sim_after(struct sim_events *ev, uint64_t delay, sim_event_fn fn, void *ctx, uint64_t a, uint64_t b)
{
	struct sim_event e = {ev->now + delay, ev->order++, fn, ctx, a, b};
	uint32_t i;

	if (ev->n == ev->room) {
		ev->room = ev->room ? 2 * ev->room : 1024;
		ev->heap = sim_realloc(ev->heap, ev->room, sizeof(*ev->heap));
	}
	for (i = ev->n++; i && earlier(&e, &ev->heap[(i - 1) / 2]); i = (i - 1) / 2)
		ev->heap[i] = ev->heap[(i - 1) / 2];
	ev->heap[i] = e;
}

static struct sim_event
take_first(struct sim_events *ev)
{
	struct sim_event first = ev->heap[0];
	struct sim_event last = ev->heap[--ev->n];
	uint32_t i = 0;

	for (uint32_t child = 1; child < ev->n; child = 2 * i + 1) {
		if (child + 1 < ev->n && earlier(&ev->heap[child + 1], &ev->heap[child]))
			child++;
		if (!earlier(&ev->heap[child], &last))
			break;
		ev->heap[i] = ev->heap[child];
		i = child;
	}
	ev->heap[i] = last;
	return first;
}

void
sim_events_run(struct sim_events *ev, uint64_t until)
{
	while (ev->n && ev->heap[0].at <= until) {
		struct sim_event e = take_first(ev);

		ev->now = e.at;
		e.fn(e.ctx, e.a, e.b);
	}
	ev->now = until;
}

void
sim_events_free(struct sim_events *ev)
{
	free(ev->heap);
	*ev = (struct sim_events){0};
}
