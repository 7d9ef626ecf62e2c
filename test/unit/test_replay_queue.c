/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counters are taken before the queue, the queue reorders, and the receiver has a replay window:
 * one peer with 64 flows over a shaped link in virtual time. The receiver must never refuse a
 * packet, since the sender drops first what would be refused; and that must be rare.
 */
#include "peer.h"
#include "replay.h"
#include "test_fq.h"
#include "test_random.h"
#include "vault.h"

#define S UINT64_C(1000000000)
#define FLOWS 64
#define GREEDY 16 /* the first so many; the others are sparse */
#define LARGE 1514
#define SMALL 114
#define PKTS 65536
#define PEER 1
#define SESSION 7

struct flow {
	double window; /* greedy: packets that it keeps under way */
	uint32_t under_way;
	uint64_t next; /* sparse: time of its next packet */
	uint64_t gap; /* its mean distance */
};

struct world {
	struct test_fq t; /* first: the queue's ctx */
	struct wg_vault *vault;
	struct wg_peer *peer;
	struct flow flows[FLOWS];
	struct fq_tin_conf conf;
	uint64_t seed;
	uint32_t counter; /* next to be taken */
	bool check; /* the sender's */
	bool flood; /* flow 0 sends twice what the link carries, whatever is lost */

	struct wg_replay replay;
	uint32_t window;
	uint32_t delivered, refused, late, dropped;
	uint32_t sparse_lost; /* of dropped and late: of flows that do not deserve it */
};

static struct flow *
flow_of(struct world *w, const struct test_pkt *p)
{
	return &w->flows[p->hash - 1];
}

/* Half the window, as TCP; at most once for a window, which is near enough. */
static void
lost(struct world *w, const struct test_pkt *p)
{
	struct flow *f = flow_of(w, p);

	w->sparse_lost += p->hash > GREEDY;
	f->under_way--;
	f->window = RTE_MAX(f->window / 2, 2.0);
}

static void
on_drop(void *ctx, struct rte_mbuf *m, enum fq_drop why)
{
	struct world *w = ctx;

	test_fq_on_drop(ctx, m, why);
	if (why == FQ_DROP_PURGE)
		return;
	w->dropped++;
	lost(w, (struct test_pkt *)m);
}

static void
put(struct world *w, uint32_t flow, uint32_t len)
{
	struct test_pkt *p = test_fq_pkt(&w->t, PEER, flow + 1, len);

	w->flows[flow].under_way++;
	p->m.hash.usr = w->counter++;
	fq_enqueue(w->t.q, &p->m, PEER, &w->conf, w->t.now);
}

static void
send_greedy(struct world *w)
{
	for (uint32_t i = w->flood; i < GREEDY; i++)
		for (uint32_t n = (uint32_t)w->flows[i].window;
			n && w->flows[i].under_way < (uint32_t)w->flows[i].window; n--)
			put(w, i, LARGE);
	for (uint32_t i = 0; w->flood && i < 2; i++)
		put(w, 0, LARGE);
}

/* Gaps are random, from 0.5 to 1.5 of the mean. */
static void
send_sparse(struct world *w)
{
	for (uint32_t i = GREEDY; i < FLOWS; i++) {
		struct flow *f = &w->flows[i];

		for (; f->next <= w->t.now; put(w, i, SMALL))
			f->next += f->gap / 2 + test_random(&w->seed) % f->gap;
	}
}

static bool
receiver_takes(struct world *w, uint32_t counter)
{
	if (w->replay.highest > counter && w->replay.highest - counter > w->window)
		return false;
	return wg_replay_update(&w->replay, counter);
}

static void
deliver(struct world *w, struct test_pkt *p)
{
	struct flow *f = flow_of(w, p);
	uint32_t counter = p->m.hash.usr;

	if (w->check && !wg_peer_in_window(w->peer, SESSION, counter)) {
		w->late++;
		lost(w, p);
	} else if (!receiver_takes(w, counter)) {
		w->refused++;
		lost(w, p);
	} else {
		w->delivered++;
		f->under_way--;
		f->window += 1 / f->window;
	}
}

/* Sparse flows use a fifth of the link, some 30 times as much of it as others. */
static void
set_up(struct world *w, uint64_t rate, uint32_t window)
{
	struct fq_params p = test_fq_params();
	uint64_t packets_s = rate / 5 / SMALL, mean = S * (FLOWS - GREEDY) / packets_s;

	fq_params_default(&p);
	p.flows = 1024;
	p.tins = 4;
	p.rate = rate;
	p.pkt_offset = offsetof(struct rte_mbuf, dynfield1);
	p.drop = on_drop;
	test_fq_start(&w->t, p, PKTS);
	w->vault = wg_vault_create(sizeof(*w->peer), 1, WG_PEER_HEAD);
	w->peer = wg_peer_create(w->vault, (const uint8_t[WG_KEY_LEN]){9});
	assert_non_null(w->peer);
	atomic_store(&w->peer->replay_window, (uint16_t)window);
	w->window = window;
	w->conf = (struct fq_tin_conf){.weight = 1, .limit_packets = window};
	w->t.now = S;
	for (uint32_t i = 0; i < FLOWS; i++) {
		w->flows[i].window = 2;
		w->flows[i].gap = mean * (1 + i % 30) / 10;
		w->flows[i].next = S + test_random(&w->seed) % w->flows[i].gap;
	}
}

/* As long as 300,000 large packets take. */
static void
run(struct world *w, uint64_t rate, uint32_t window)
{
	uint64_t step = RTE_MAX(LARGE * S / rate, UINT64_C(1000));
	uint64_t until = S + 300000 * LARGE * S / rate;
	struct test_pkt *p;

	w->seed = rate + window;
	set_up(w, rate, window);
	for (; w->t.now < until; w->t.now += step) {
		send_sparse(w);
		send_greedy(w);
		while ((p = test_fq_get(&w->t)))
			deliver(w, p);
	}
	print_message("%5.0f Mbit/s, window %4u%s%s: %u delivered, %u dropped by the "
		      "queue, %u behind the window (%u of all those of sparse flows), %u refused\n",
		(double)rate * 8 / 1e6, window, w->flood ? ", a flood" : "",
		w->check ? "" : ", no check", w->delivered, w->dropped, w->late, w->sparse_lost,
		w->refused);
	fq_tin_purge(w->t.q, PEER);
	test_fq_end(&w->t);
	wg_peer_free(w->peer);
	wg_vault_destroy(w->vault);
}

static const struct link {
	uint64_t rate; /* bytes per s */
	uint32_t window;
	bool flood;
	uint32_t late; /* permille of the packets that leave, at most; 0: none at all */
} links[] = {
	{1250000, 1023, false, 0},
	{1250000, 8128, false, 0},
	{12500000, 1023, false, 0},
	{12500000, 8128, false, 0},
	{125000000, 1023, false, 30},
	{125000000, 8128, false, 0},
	{1250000000, 1023, false, 30},
	{1250000000, 8128, false, 1},
	{125000000, 1023, true, 45},
	{125000000, 8128, true, 15},
};

static void
test_receiver_refuses_nothing(void **state)
{
	RTE_SET_USED(state);
	for (size_t i = 0; i < RTE_DIM(links); i++) {
		struct world w = {.check = true, .flood = links[i].flood};

		run(&w, links[i].rate, links[i].window);
		assert_true(w.delivered > 1000000);
		assert_int_equal(w.refused, 0);
		assert_int_equal(w.sparse_lost, 0);
		assert_true(w.late <= (uint64_t)w.delivered * links[i].late / 1000);
	}
}

/* So the traffic above can be refused: it is where the sender has packets to drop. */
static void
test_without_the_check_it_refuses(void **state)
{
	RTE_SET_USED(state);
	for (size_t i = 0; i < RTE_DIM(links); i++) {
		struct world w = {.check = false, .flood = links[i].flood};

		if (!links[i].late)
			continue;
		run(&w, links[i].rate, links[i].window);
		assert_true(w.refused > 0);
		assert_int_equal(w.late, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_receiver_refuses_nothing),
		cmocka_unit_test(test_without_the_check_it_refuses),
	};

	return cmocka_run_group_tests(tests, test_fq_setup, NULL);
}
