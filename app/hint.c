/* SPDX-License-Identifier: BSD-3-Clause */
#include "hint.h"

#include <rte_common.h>

/* How often a flow's rate is taken, and the least backlog that is too much: CoDel leaves the last
 * packet of a flow alone.
 */
#define RATE_TIME UINT64_C(50000000)
#define FULL_MIN 2

static void
publish(struct tg_hinter *h, const struct tg_hint_flow *f, uint32_t share)
{
	atomic_store_explicit(&h->hints.at[tg_hint_place(f->key)],
		(f->key & UINT16_MAX) << 16 | share, memory_order_relaxed);
}

static void
set_count(struct tg_hinter *h, unsigned int n)
{
	h->n = n;
	atomic_store_explicit(&h->hints.n, n, memory_order_relaxed);
}

static void
watch(struct tg_hinter *h, const struct tg_hint_flow *f)
{
	uint8_t *at = &h->watched[tg_hint_place(f->key)];

	if (h->n == TG_HINT_FLOWS || *at)
		return;
	h->flows[h->n] = *f;
	*at = (uint8_t)(h->n + 1);
	set_count(h, h->n + 1);
}

static void
forget(struct tg_hinter *h, unsigned int i)
{
	struct tg_hint_flow *f = &h->flows[i], *last = &h->flows[h->n - 1];

	publish(h, f, 0);
	h->watched[tg_hint_place(f->key)] = 0;
	if (f != last) {
		*f = *last;
		h->watched[tg_hint_place(f->key)] = (uint8_t)(i + 1);
	}
	set_count(h, h->n - 1);
}

void
tg_hint_lost(
	struct tg_hinter *h, const struct fq *queue, uint32_t peer, uint32_t hash, uint64_t now)
{
	uint32_t key = tg_hint_key(peer, hash);
	struct tg_hint_suspect *s = &h->suspects[key % TG_HINT_SUSPECTS];

	if (s->key != key || now - s->since > TG_HINT_WINDOW)
		*s = (struct tg_hint_suspect){.key = key, .since = now};
	if (++s->losses < TG_HINT_LOSSES)
		return;
	s->losses = 0;
	watch(h,
		&(struct tg_hint_flow){.queue = queue,
			.peer = peer,
			.hash = hash,
			.key = key,
			.full = FULL_MIN,
			.since = now,
			.needed = now});
}

static uint32_t
share_of(const struct tg_hint_flow *f, uint32_t backlog)
{
	uint32_t low = f->full / 4;

	if (backlog <= low)
		return 0;
	return (uint32_t)RTE_MIN(
		((uint64_t)(backlog - low) << 16) / (f->full - low), (uint64_t)UINT16_MAX);
}

void
tg_hint_poll(struct tg_hinter *h, uint64_t now)
{
	unsigned int i = h->n;

	while (i--) {
		struct tg_hint_flow *f = &h->flows[i];
		uint32_t share = share_of(f, fq_flow_backlog_packets(f->queue, f->peer, f->hash));

		publish(h, f, share);
		if (share)
			f->needed = now;
		else if (now - f->needed > TG_HINT_CALM) {
			forget(h, i);
			continue;
		}
		if (now - f->since < RATE_TIME)
			continue;
		f->full = (uint32_t)RTE_MAX(
			f->sent * h->delay_ns / (now - f->since), (uint64_t)FULL_MIN);
		f->sent = 0;
		f->since = now;
	}
}
