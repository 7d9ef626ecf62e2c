/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A timer wheel: one level of slots, each WG_WHEEL_GRAIN ns wide. What is due beyond one turn stays
 * in its slot and is passed over until its turn comes. Nothing fires early; it fires up to one
 * grain late, or as late as the caller's budget makes it. Filing and removing cost O(1); entries
 * belong to the caller. One thread.
 */
#ifndef WG_WHEEL_H
#define WG_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WG_WHEEL_SHIFT 24
#define WG_WHEEL_GRAIN (UINT64_C(1) << WG_WHEEL_SHIFT)
#define WG_WHEEL_SLOTS 1024

/* All zero: not filed. */
struct wg_wheel_entry {
	struct wg_wheel_entry *next;
	struct wg_wheel_entry **link; /* what points here; NULL when not filed */
	uint64_t due;
};

/* All zero: empty. */
struct wg_wheel {
	uint64_t tick; /* the first not passed yet */
	uint64_t next; /* no entry fires before; valid while filed > 0 */
	size_t filed;
	struct wg_wheel_entry *passed; /* of the tick before, not looked at yet */
	struct wg_wheel_entry *slots[WG_WHEEL_SLOTS];
};

/* Files e, or moves it. */
void wg_wheel_file(struct wg_wheel *w, struct wg_wheel_entry *e, uint64_t due);
void wg_wheel_remove(struct wg_wheel *w, struct wg_wheel_entry *e);

/*
 * Takes what is due at now out and calls fire for each; fire may file and remove entries, and what
 * it files does not fire within the same call. Returns when something may next be due, UINT64_MAX
 * for never.
 *
 * Each entry looked at takes 1 from *budget, which fire may lower further. The first to find it at
 * 0 ends the call, and the answer is then now: the next call goes on from there.
 */
uint64_t wg_wheel_advance(struct wg_wheel *w, uint64_t now, unsigned int *budget,
	void (*fire)(struct wg_wheel_entry *e, void *ctx), void *ctx);

#endif
