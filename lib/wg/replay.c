/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_branch_prediction.h>

#include "messages.h"
#include "replay.h"

static unsigned int
word_of(uint64_t counter)
{
	return counter / 64 % WG_REPLAY_WORDS;
}

static uint64_t
bit_of(uint64_t counter)
{
	return UINT64_C(1) << (counter % 64);
}

bool
wg_replay_check(const struct wg_replay *r, uint64_t counter)
{
	if (counter >= WG_REJECT_AFTER_MESSAGES)
		return false;
	if (likely(counter > r->highest))
		return true;
	return r->highest - counter <= WG_REPLAY_WINDOW &&
		!(r->bits[word_of(counter)] & bit_of(counter));
}

/* The words after the highest counter's, up to the new one's, held counters one ring ago. */
static void
advance(struct wg_replay *r, uint64_t counter)
{
	uint64_t from = r->highest / 64, to = counter / 64;

	r->highest = counter;
	if (unlikely(to - from >= WG_REPLAY_WORDS)) {
		memset(r->bits, 0, sizeof(r->bits));
		return;
	}
	while (from < to)
		r->bits[++from % WG_REPLAY_WORDS] = 0;
}

bool
wg_replay_update(struct wg_replay *r, uint64_t counter)
{
	if (!wg_replay_check(r, counter))
		return false;
	if (likely(counter > r->highest))
		advance(r, counter);
	r->bits[word_of(counter)] |= bit_of(counter);
	return true;
}
