/* SPDX-License-Identifier: BSD-3-Clause */
#include "telemetry.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_telemetry.h>
#include <sodium.h>

/* Guards control against being closed under a command; the data path knows nothing of it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct tg_control *control;
static unsigned int reader;

static struct rte_tel_data *
dict(struct rte_tel_data *parent, const char *name)
{
	struct rte_tel_data *d = rte_tel_data_alloc();

	if (!d)
		return NULL;
	rte_tel_data_start_dict(d);
	if (rte_tel_data_add_dict_container(parent, name, d, 0)) {
		rte_tel_data_free(d);
		return NULL;
	}
	return d;
}

/*
 * The parts of an answer, which may be more than telemetry has room for: those from start to end
 * are in it, n is how many there are.
 */
struct parts {
	struct rte_tel_data *d;
	unsigned int start, end, n;
};

/* NULL: not in this answer, or no memory. */
static struct rte_tel_data *
part(struct parts *p, const char *name)
{
	unsigned int i = p->n++;

	return i >= p->start && i < p->end ? dict(p->d, name) : NULL;
}

static struct rte_tel_data *
add_counters(struct parts *p, const char *stage, unsigned int i, const struct tg_counters *c)
{
	char name[RTE_TEL_MAX_STRING_LEN];
	struct rte_tel_data *s;
	unsigned int why;

	snprintf(name, sizeof(name), "%s%u", stage, i);
	s = part(p, name);
	if (!s)
		return NULL;
	rte_tel_data_add_dict_u64(s, "in", c->in);
	rte_tel_data_add_dict_u64(s, "out", c->out);
	rte_tel_data_add_dict_u64(s, "icmp", c->icmp);
	rte_tel_data_add_dict_u64(s, "icmp_sent", c->icmp_sent);
	rte_tel_data_add_dict_u64(s, "icmp_limited", c->icmp_limited);
	rte_tel_data_add_dict_u64(s, "fragments", c->fragments);
	for (why = 0; why < TG_DROP_COUNT; why++)
		if (c->drops[why])
			rte_tel_data_add_dict_u64(s, tg_drop_key(why), c->drops[why]);
	return s;
}

static void
add_rx(struct parts *p, unsigned int i, const struct tg_rx *rx)
{
	struct rte_tel_data *s = add_counters(p, "rx", i, &rx->counters);

	if (s)
		rte_tel_data_add_dict_u64(s, "linearized", rx->linearized);
}

static void
add_tx(struct parts *p, unsigned int i, const struct tg_tx *tx)
{
	struct rte_tel_data *s = add_counters(p, "tx", i, &tx->counters);

	if (s)
		rte_tel_data_add_dict_u64(s, "port_full", tx->port_full);
}

static void
add_handshakes(struct parts *p)
{
	static const char *const names[] = {"accepted",
#define X(name, help) #name,
		WG_REFUSALS(X)
#undef X
	};
	struct rte_tel_data *h = part(p, "handshakes");
	uint64_t refusals[WG_REFUSAL_COUNT];
	unsigned int i;

	tg_handshake_refusals(control, refusals);
	for (i = 0; h && i < WG_REFUSAL_COUNT; i++)
		rte_tel_data_add_dict_u64(h, names[i], refusals[i]);
}

static void
add_fq_drops(struct rte_tel_data *d, const uint64_t drops[FQ_DROP_MAX])
{
	struct rte_tel_data *n = dict(d, "drops");
	unsigned int why;

	for (why = 0; n && why < FQ_DROP_MAX; why++)
		if (drops[why])
			rte_tel_data_add_dict_u64(n, fq_drop_name(why), drops[why]);
}

/* Packets by how long they waited: "below_N_us", N a power of two (of 1.024 us). */
static void
add_histogram(struct rte_tel_data *d, const uint64_t counts[FQ_HISTOGRAM])
{
	struct rte_tel_data *h = dict(d, "sojourn_histogram");
	char name[RTE_TEL_MAX_STRING_LEN];
	unsigned int i;

	for (i = 0; h && i < FQ_HISTOGRAM; i++) {
		if (!counts[i])
			continue;
		snprintf(name, sizeof(name), "below_%u_us", UINT32_C(1) << i);
		rte_tel_data_add_dict_u64(h, name, counts[i]);
	}
}

/* The same of a tin, in steps of four; "longer" than all those. */
static void
add_tin_histogram(struct rte_tel_data *d, const uint32_t counts[FQ_TIN_HISTOGRAM])
{
	struct rte_tel_data *h = dict(d, "sojourn_histogram");
	char name[RTE_TEL_MAX_STRING_LEN];
	unsigned int i;

	for (i = 0; h && i < FQ_TIN_HISTOGRAM; i++) {
		if (!counts[i])
			continue;
		if (i < FQ_TIN_HISTOGRAM - 1)
			snprintf(name, sizeof(name), "below_%u_us",
				(unsigned int)(FQ_TIN_HISTOGRAM_NS >> 10) << 2 * i);
		else
			snprintf(name, sizeof(name), "longer");
		rte_tel_data_add_dict_u64(h, name, counts[i]);
	}
}

static void
add_queue(struct parts *p, const char *name, const struct fq *queue)
{
	struct rte_tel_data *q = part(p, name);
	struct fq_stats s;

	if (!q)
		return;
	fq_stats_get(queue, &s);
	rte_tel_data_add_dict_u64(q, "packets", s.c.packets);
	rte_tel_data_add_dict_u64(q, "bytes", s.c.bytes);
	rte_tel_data_add_dict_u64(q, "backlog_packets", s.backlog_packets);
	rte_tel_data_add_dict_u64(q, "backlog_bytes", s.backlog_bytes);
	rte_tel_data_add_dict_u64(q, "flows", s.flows);
	rte_tel_data_add_dict_u64(q, "flows_new", s.flows_new);
	rte_tel_data_add_dict_u64(q, "flows_old", s.flows_old);
	rte_tel_data_add_dict_u64(q, "flows_default", s.flows_default);
	rte_tel_data_add_dict_u64(q, "default_packets", s.default_packets);
	rte_tel_data_add_dict_u64(q, "tins", s.tins);
	rte_tel_data_add_dict_u64(q, "collisions", s.c.collisions);
	rte_tel_data_add_dict_u64(q, "marks", s.c.marks);
	rte_tel_data_add_dict_u64(q, "rate_bit_s", 8 * s.rate);
	rte_tel_data_add_dict_u64(q, "sojourn_total_ns", s.sojourn_total_ns);
	rte_tel_data_add_dict_u64(
		q, "sojourn_avg_ns", s.c.packets ? s.sojourn_total_ns / s.c.packets : 0);
	rte_tel_data_add_dict_u64(q, "sojourn_peak_ns", s.sojourn_peak_ns);
	add_histogram(q, s.histogram);
	add_fq_drops(q, s.c.drops);
}

/* What the cipher did, and how much of it for nothing. */
static void
add_cipher(struct parts *parts)
{
	const struct tg_pipeline *p = control->pipeline;
	struct rte_tel_data *c = part(parts, "cipher");
	uint64_t sealed = 0, opened = 0, ring_peak = 0;
	uint64_t wasted = control->counters.wasted;
	unsigned int i;

	if (!c)
		return;
	for (i = 0; i < p->env.n_crypto; i++) {
		sealed += p->crypto[i]->sealed;
		opened += p->crypto[i]->opened;
		wasted += p->crypto[i]->counters.wasted;
		ring_peak = RTE_MAX(ring_peak, p->crypto[i]->ring_peak);
	}
	for (i = 0; i < p->env.n_tx; i++)
		wasted += p->tx[i]->counters.wasted;
	rte_tel_data_add_dict_u64(c, "sealed", sealed);
	rte_tel_data_add_dict_u64(c, "opened", opened);
	rte_tel_data_add_dict_u64(c, "wasted", wasted);
	rte_tel_data_add_dict_u64(c, "ring_peak", ring_peak);
}

static void
add_tables(struct parts *parts)
{
	const struct tg_fib *fib = control->pipeline->env.fib;
	const struct wg_allowedips *allowedips = wg_device_allowedips(control->dev);
	struct rte_tel_data *t = part(parts, "tables");

	if (!t)
		return;
	rte_tel_data_add_dict_u64(t, "peers", wg_device_peer_count(control->dev));
	rte_tel_data_add_dict_u64(t, "allowedips", wg_allowedips_count(allowedips));
	rte_tel_data_add_dict_u64(t, "allowedips_bytes", wg_allowedips_memory(allowedips));
	rte_tel_data_add_dict_u64(t, "routes", tg_fib_count(fib));
	rte_tel_data_add_dict_u64(t, "routes_bytes", tg_fib_memory(fib));
}

/* Of a TX stage: its ports' queues, the FIFOs behind those, and what waits for sessions. */
static void
add_tx_queues(struct parts *parts, unsigned int stage)
{
	const struct tg_pipeline *p = control->pipeline;
	const struct tg_tx *tx = p->tx[stage];
	char name[RTE_TEL_MAX_STRING_LEN];
	unsigned int i;

	for (i = 0; i < p->env.n_ports; i++) {
		snprintf(name, sizeof(name), "tx%u_port%u", stage, i);
		add_queue(parts, name, tx->wires[i].queue);
		snprintf(name, sizeof(name), "tx%u_port%u_fifo", stage, i);
		if (tx->wires[i].fifo)
			add_queue(parts, name, tx->wires[i].fifo);
	}
	snprintf(name, sizeof(name), "tx%u_staging", stage);
	add_queue(parts, name, tx->staging);
}

static void
add_queues(struct parts *parts)
{
	const struct tg_pipeline *p = control->pipeline;
	char name[RTE_TEL_MAX_STRING_LEN];
	unsigned int i;

	for (i = 0; i < p->env.n_crypto; i++) {
		snprintf(name, sizeof(name), "crypto%u_queue", i);
		add_queue(parts, name, p->crypto[i]->queue);
	}
	for (i = 0; i < p->env.n_tx; i++)
		add_tx_queues(parts, i);
}

static void
add_stats(struct parts *parts)
{
	const struct tg_pipeline *p = control->pipeline;
	unsigned int i;

	for (i = 0; i < p->env.n_rx; i++)
		add_rx(parts, i, p->rx[i]);
	for (i = 0; i < p->env.n_crypto; i++)
		add_counters(parts, "crypto", i, &p->crypto[i]->counters);
	for (i = 0; i < p->env.n_tx; i++)
		add_tx(parts, i, p->tx[i]);
	for (i = 0; i < p->env.n_handshake; i++)
		add_counters(parts, "handshake", i, &p->handshake[i]->counters);
	add_counters(parts, "control", 0, &control->counters);
	add_handshakes(parts);
	add_cipher(parts);
	add_tables(parts);
	add_queues(parts);
}

/* How many parts there are comes first: telemetry leaves out what it has no room for. */
static void
add_parts(struct rte_tel_data *d, void (*add)(struct parts *), unsigned int start, unsigned int n)
{
	struct parts all = {.end = 0}, parts = {.d = d, .start = start, .end = start + n};

	add(&all);
	rte_tel_data_add_dict_u64(d, "parts", all.n);
	add(&parts);
}

/* Whose tin it is: the peer's public key, or what else sends. */
static void
tin_name(uint32_t key, char *name, size_t len)
{
	const struct wg_peer *peer;

	switch (key) {
	case TG_TIN_FORWARD:
		snprintf(name, len, "forward");
		return;
	case TG_TIN_TWIN:
		snprintf(name, len, "twin");
		return;
	case TG_TIN_HANDSHAKE:
		snprintf(name, len, "handshake");
		return;
	}
	peer = wg_device_peer(control->dev, key);
	if (peer)
		sodium_bin2base64(name, len, peer->handshake.remote_static, WG_KEY_LEN,
			sodium_base64_VARIANT_ORIGINAL);
	else
		snprintf(name, len, "removed");
}

static const char *
tin_state(const struct fq_tin_stats *s)
{
	return s->closed ? "closed" : s->waiting ? "waiting" : "open";
}

static void
add_tin(struct rte_tel_data *d, unsigned int index, const char *queue, const struct fq_tin_stats *s)
{
	char name[RTE_TEL_MAX_STRING_LEN];
	struct rte_tel_data *t;

	snprintf(name, sizeof(name), "%u", index);
	t = dict(d, name);
	if (!t)
		return;
	tin_name(s->key, name, sizeof(name));
	rte_tel_data_add_dict_string(t, "peer", name);
	rte_tel_data_add_dict_string(t, "queue", queue);
	rte_tel_data_add_dict_string(t, "state", tin_state(s));
	rte_tel_data_add_dict_u64(t, "weight", s->weight);
	rte_tel_data_add_dict_u64(t, "rate_bit_s", 8 * s->rate);
	rte_tel_data_add_dict_u64(t, "packets", s->c.packets);
	rte_tel_data_add_dict_u64(t, "bytes", s->c.bytes);
	rte_tel_data_add_dict_u64(t, "backlog_packets", s->backlog_packets);
	rte_tel_data_add_dict_u64(t, "backlog_bytes", s->backlog_bytes);
	rte_tel_data_add_dict_u64(t, "flows_new", s->flows_new);
	rte_tel_data_add_dict_u64(t, "flows_old", s->flows_old);
	rte_tel_data_add_dict_u64(t, "default_packets", s->default_packets);
	rte_tel_data_add_dict_u64(t, "collisions", s->c.collisions);
	rte_tel_data_add_dict_u64(t, "sojourn_avg_ns", s->sojourn_avg_ns);
	rte_tel_data_add_dict_u64(t, "sojourn_peak_ns", s->sojourn_peak_ns);
	add_tin_histogram(t, s->histogram);
	rte_tel_data_add_dict_u64(t, "marks", s->c.marks);
	add_fq_drops(t, s->c.drops);
}

/* n: how many were counted before; how many are now. */
static unsigned int
add_tins(struct rte_tel_data *d, unsigned int start, unsigned int n, const char *name,
	const struct fq *queue)
{
	struct fq_tin_stats s;
	unsigned int i;

	for (i = 0; i < fq_tins(queue); i++) {
		if (!fq_tin_stats_at(queue, i, &s))
			continue;
		if (n >= start && n < start + TG_TELEMETRY_TINS)
			add_tin(d, n, name, &s);
		n++;
	}
	return n;
}

/* Counts through the tins of all TX queues; the keys of the answer are those numbers. */
static void
tins(struct rte_tel_data *d, unsigned int start)
{
	const struct tg_pipeline *p = control->pipeline;
	char name[RTE_TEL_MAX_STRING_LEN];
	unsigned int tx, port, n = 0;

	for (tx = 0; tx < p->env.n_tx; tx++) {
		for (port = 0; port < p->env.n_ports; port++) {
			snprintf(name, sizeof(name), "tx%u_port%u", tx, port);
			n = add_tins(d, start, n, name, p->tx[tx]->wires[port].queue);
		}
		snprintf(name, sizeof(name), "tx%u_staging", tx);
		n = add_tins(d, start, n, name, p->tx[tx]->staging);
	}
	rte_tel_data_add_dict_u64(d, "tins", n);
}

static void
add_worker(struct parts *p, const struct tg_worker *w)
{
	const struct tg_gaps *g = &w->gaps;
	char name[RTE_TEL_MAX_STRING_LEN];
	struct rte_tel_data *l, *counts;
	unsigned int i;

	snprintf(name, sizeof(name), "lcore%u", w->lcore);
	l = part(p, name);
	if (!l)
		return;
	rte_tel_data_add_dict_u64(l, "polls", w->polls);
	rte_tel_data_add_dict_u64(l, "empty_polls", w->empty);
	rte_tel_data_add_dict_u64(l, "longest_gap_ns", g->longest);
	counts = dict(l, "gaps");
	for (i = 0; counts && i < TG_GAPS; i++) {
		if (!g->counts[i])
			continue;
		snprintf(name, sizeof(name), "from_%u_us", 1U << (TG_GAP_SHIFT - 10 + i));
		rte_tel_data_add_dict_u64(counts, name, g->counts[i]);
	}
}

static void
add_workers(struct parts *parts)
{
	unsigned int i;

	for (i = 0; i < control->pipeline->n_workers; i++)
		add_worker(parts, &control->pipeline->workers[i]);
}

static void
reset_gaps(void)
{
	unsigned int i, j;

	for (i = 0; i < control->pipeline->n_workers; i++) {
		struct tg_gaps *g = &control->pipeline->workers[i].gaps;

		for (j = 0; j < TG_GAPS; j++)
			g->counts[j] = 0;
		g->longest = 0;
	}
}

/* A number to begin with. False: it is none, or there is something behind it. */
static bool
parse_start(const char *params, unsigned int *start)
{
	char *end;
	unsigned long n = strtoul(params, &end, 10);

	*start = (unsigned int)n;
	return isdigit((unsigned char)*params) && !*end && n <= INT_MAX;
}

/* No number: all that there is room for. */
static bool
parse_page(const char *params, unsigned int *start, unsigned int *n)
{
	*start = 0;
	*n = UINT_MAX;
	if (!params || !*params)
		return true;
	*n = TG_TELEMETRY_PARTS;
	return parse_start(params, start);
}

static int
on_stats(const char *cmd, const char *params, struct rte_tel_data *d)
{
	unsigned int start, n;

	(void)cmd;
	if (!parse_page(params, &start, &n))
		return -EINVAL;
	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&lock);
	if (control)
		add_parts(d, add_stats, start, n);
	pthread_mutex_unlock(&lock);
	return 0;
}

static int
on_lcores(const char *cmd, const char *params, struct rte_tel_data *d)
{
	bool reset = params && strcmp(params, "reset") == 0;
	unsigned int start, n;

	(void)cmd;
	if (!parse_page(reset ? NULL : params, &start, &n))
		return -EINVAL;
	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&lock);
	if (control)
		add_parts(d, add_workers, start, n);
	if (control && reset)
		reset_gaps();
	pthread_mutex_unlock(&lock);
	return 0;
}

static int
on_tins(const char *cmd, const char *params, struct rte_tel_data *d)
{
	unsigned int start = 0;

	(void)cmd;
	if (params && *params && !parse_start(params, &start))
		return -EINVAL;
	rte_tel_data_start_dict(d);
	pthread_mutex_lock(&lock);
	if (control) {
		struct rte_rcu_qsbr *qsbr = rcu_qsbr(control->rcu);

		rte_rcu_qsbr_thread_online(qsbr, reader);
		tins(d, start);
		rte_rcu_qsbr_thread_offline(qsbr, reader);
	}
	pthread_mutex_unlock(&lock);
	return 0;
}

int
tg_telemetry_init(struct tg_control *c, unsigned int reader_id)
{
	int ret = rte_rcu_qsbr_thread_register(rcu_qsbr(c->rcu), reader_id);

	if (ret)
		return -rte_errno;
	ret = rte_telemetry_register_cmd("/tinguard/stats", on_stats,
		"Counters of every stage and queue. Parameter: number of the first of a page.");
	if (!ret)
		ret = rte_telemetry_register_cmd("/tinguard/tins", on_tins,
			"Tins of the TX queues. Parameter: number of the first (default 0).");
	if (!ret)
		ret = rte_telemetry_register_cmd("/tinguard/lcores", on_lcores,
			"Polls of every lcore, and gaps between them. Parameter: number of the "
			"first "
			"of a page; or reset, after the answer.");
	if (ret)
		return ret;
	pthread_mutex_lock(&lock);
	reader = reader_id;
	control = c;
	pthread_mutex_unlock(&lock);
	return 0;
}

void
tg_telemetry_stop(void)
{
	pthread_mutex_lock(&lock);
	control = NULL;
	pthread_mutex_unlock(&lock);
}
