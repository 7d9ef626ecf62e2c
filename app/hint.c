/* SPDX-License-Identifier: BSD-3-Clause */
#include "hint.h"

#define RATE_TIME UINT64_C(50000000) /* between two looks at a flow's rate */
#define SCAN_TIME UINT64_C(5000000) /* between two looks for fat flows */
#define FULL_MIN 2 /* packets: CoDel leaves the last one of a flow alone */

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
watch(struct tg_hinter *h, const struct fq *queue, uint32_t peer, uint32_t hash, uint64_t now)
{
	uint32_t key = tg_hint_key(peer, hash);
	uint8_t *at = &h->watched[tg_hint_place(key)];

	if (h->n == TG_HINT_FLOWS || *at)
		return;
	h->flows[h->n] = (struct tg_hint_flow){.queue = queue,
		.peer = peer,
		.hash = hash & INT32_MAX,
		.key = key,
		.full = FULL_MIN,
		.since = now,
		.needed = now};
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
	watch(h, queue, peer, hash, now);
}

void
tg_hint_add_port(struct tg_hinter *h, struct fq *queue)
{
	h->ports[h->n_ports++] = queue;
}

static void
scan_port(struct tg_hinter *h, struct fq *queue, uint64_t now)
{
	uint64_t most = fq_rate(queue) * (TG_HINT_STANDING / 1000000) / 1000;
	struct fq_fattest fat;

	if (!most || fq_backlog_bytes(queue) <= most || !fq_fattest_flow(queue, &fat))
		return;
	if (fat.bytes > most && fat.tin_key < WG_PEER_ID_RESERVED)
		watch(h, queue, fat.tin_key, fat.hash, now);
}

static void
scan(struct tg_hinter *h, uint64_t now)
{
	unsigned int i;

	if (now - h->scanned < SCAN_TIME)
		return;
	h->scanned = now;
	for (i = 0; i < h->n_ports; i++)
		scan_port(h, h->ports[i], now);
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
	unsigned int i;

	scan(h, now);
	for (i = h->n; i--;) {
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
