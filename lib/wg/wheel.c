/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_common.h>

#include "wheel.h"

static void
link_in(struct wg_wheel_entry **head, struct wg_wheel_entry *e)
{
	e->next = *head;
	e->link = head;
	if (e->next)
		e->next->link = &e->next;
	*head = e;
}

static void
link_out(struct wg_wheel_entry *e)
{
	*e->link = e->next;
	if (e->next)
		e->next->link = e->link;
	e->link = NULL;
}

void
wg_wheel_remove(struct wg_wheel *w, struct wg_wheel_entry *e)
{
	if (!e->link)
		return;
	link_out(e);
	w->filed--;
}

void
wg_wheel_file(struct wg_wheel *w, struct wg_wheel_entry *e, uint64_t due)
{
	uint64_t tick = RTE_MAX(due >> WG_WHEEL_SHIFT, w->tick);
	uint64_t fires = (tick + 1) << WG_WHEEL_SHIFT;

	wg_wheel_remove(w, e);
	e->due = due;
	link_in(&w->slots[tick % WG_WHEEL_SLOTS], e);
	if (!w->filed++ || fires < w->next)
		w->next = fires;
}

/*
 * What the tick before left: fires its entries and leaves those that are due in a later turn. False
 * when the budget ends before they do.
 */
static bool
look_at_passed(struct wg_wheel *w, uint64_t end, unsigned int *budget,
	void (*fire)(struct wg_wheel_entry *e, void *ctx), void *ctx)
{
	struct wg_wheel_entry *e;

	while ((e = w->passed)) {
		if (!*budget)
			return false;
		--*budget;
		link_out(e);
		if (e->due >> WG_WHEEL_SHIFT >= end) {
			link_in(&w->slots[(e->due >> WG_WHEEL_SHIFT) % WG_WHEEL_SLOTS], e);
			continue;
		}
		w->filed--;
		fire(e, ctx);
	}
	return true;
}

/* One tick is over: its entries are to be looked at. */
static void
pass(struct wg_wheel *w)
{
	struct wg_wheel_entry **slot = &w->slots[w->tick++ % WG_WHEEL_SLOTS];

	w->passed = *slot;
	*slot = NULL;
	if (w->passed)
		w->passed->link = &w->passed;
}

static uint64_t
next_filled(const struct wg_wheel *w)
{
	for (uint64_t tick = w->tick; tick < w->tick + WG_WHEEL_SLOTS; tick++)
		if (w->slots[tick % WG_WHEEL_SLOTS])
			return (tick + 1) << WG_WHEEL_SHIFT;
	return UINT64_MAX;
}

uint64_t
wg_wheel_advance(struct wg_wheel *w, uint64_t now, unsigned int *budget,
	void (*fire)(struct wg_wheel_entry *e, void *ctx), void *ctx)
{
	uint64_t end = now >> WG_WHEEL_SHIFT;

	if (w->filed && !w->passed && now < w->next)
		return w->next;
	/* After a long pause one turn passes every slot, and all that is due before end with it. */
	if (end > w->tick + WG_WHEEL_SLOTS)
		w->tick = end - WG_WHEEL_SLOTS;
	for (;;) {
		if (!look_at_passed(w, end, budget, fire, ctx))
			return now;
		if (w->tick >= end)
			break;
		pass(w);
	}
	w->next = next_filled(w);
	return w->filed ? w->next : UINT64_MAX;
}
