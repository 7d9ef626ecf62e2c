/* SPDX-License-Identifier: BSD-3-Clause */
#include "pipeline.h"

#include <errno.h>
#include <stdarg.h>

#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <sodium.h>

#include "crypto_queue.h"
#include "fq.h"
#include "memory.h"

/*
 * Short rings between stages: what has to wait shall wait in a queue that CoDel sees. They hold
 * what the stage before gives in one poll, TG_RX_POLL_MAX, and that again for a late one behind.
 */
#define RING_PACKETS 1024
#define RING_CIPHER 128
#define RING_HANDSHAKES 4096 /* in all; for each RX and handshake stage its share, at least */
#define RING_HANDSHAKES_MIN 128
#define RING_EVENTS 1024
#define RING_COMMANDS 4096

#define QUEUE_PACKETS_MAX 10240
#define CRYPTO_PACKETS_MAX 8192
#define STAGING_FLOWS 16384

static struct rte_ring *ring(unsigned int size, size_t element, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Zeroed. NULL and rte_errno on failure, of which rte_zmalloc() says nothing. */
static void *
zalloc(const char *name, size_t size)
{
	void *memory = rte_zmalloc(name, size, RTE_CACHE_LINE_SIZE);

	if (!memory)
		rte_errno = ENOMEM;
	return memory;
}

/* element 0: pointers. NULL and rte_errno on failure. */
static struct rte_ring *
ring(unsigned int size, size_t element, const char *format, ...)
{
	char name[RTE_RING_NAMESIZE];
	unsigned int flags = RING_F_SP_ENQ | RING_F_SC_DEQ;
	va_list ap;

	va_start(ap, format);
	vsnprintf(name, sizeof(name), format, ap);
	va_end(ap);
	if (!element)
		return rte_ring_create(name, size, SOCKET_ID_ANY, flags);
	return rte_ring_create_elem(name, (unsigned int)element, size, SOCKET_ID_ANY, flags);
}

static bool
outbox(struct tg_outbox *o, struct rte_ring *to, enum tg_drop full)
{
	o->ring = to;
	o->full = full;
	return to != NULL;
}

/* The rings from one stage to the control thread. */
static bool
local(struct tg_pipeline *p, struct tg_outbox *o, const char *stage, unsigned int i)
{
	return outbox(o, p->local[p->n_local++] = ring(RING_PACKETS, 0, "%s%u_local", stage, i),
		TG_DROP_CONTROL_FULL);
}

static struct rte_ring *
events(struct tg_pipeline *p, const char *stage, unsigned int i)
{
	return p->events[p->n_events++] =
		       ring(RING_EVENTS, sizeof(struct tg_event), "%s%u_events", stage, i);
}

static bool
rings_of_rx(struct tg_pipeline *p, unsigned int i)
{
	struct tg_rx *rx = p->rx[i];
	unsigned int j;

	for (j = 0; j < p->env.n_crypto; j++) {
		p->crypto[j]->from_rx[i] = ring(RING_PACKETS, 0, "rx%u_crypto%u", i, j);
		if (!outbox(&rx->crypto[j], p->crypto[j]->from_rx[i], TG_DROP_CRYPTO_FULL))
			return false;
	}
	return local(p, &rx->local, "rx", i);
}

static bool
rings_of_handshake(struct tg_pipeline *p, unsigned int i)
{
	unsigned int j, share = RING_HANDSHAKES / (p->env.n_rx * p->env.n_handshake);
	unsigned int size = RTE_MAX(rte_align32prevpow2(share), RING_HANDSHAKES_MIN);
	struct tg_handshake *hs = p->handshake[i];

	for (j = 0; j < p->env.n_rx; j++) {
		hs->from_rx[j] = ring(size, 0, "rx%u_handshake%u", j, i);
		if (!outbox(&p->rx[j]->handshake[i], hs->from_rx[j], TG_DROP_HANDSHAKE_FULL))
			return false;
	}
	hs->from_control = ring(TG_HANDSHAKE_RING, 0, "control_jobs%u", i);
	hs->to_control = ring(TG_HANDSHAKE_RING, 0, "jobs%u_control", i);
	return hs->from_control && hs->to_control;
}

static bool
rings_of_crypto(struct tg_pipeline *p, unsigned int i)
{
	struct tg_crypto *crypto = p->crypto[i];
	unsigned int j;

	for (j = 0; j < p->env.n_tx; j++) {
		p->tx[j]->from_crypto[i] = ring(RING_PACKETS, 0, "crypto%u_tx%u", i, j);
		crypto->from_tx[j] = ring(RING_PACKETS, 0, "tx%u_crypto%u", j, i);
		p->tx[j]->to_crypto[i] = crypto->from_tx[j];
		if (p->env.encrypt_at_dequeue) {
			crypto->from_queue[j] = ring(RING_CIPHER, 0, "tx%u_cipher%u", j, i);
			if (!crypto->from_queue[j])
				return false;
			p->tx[j]->to_cipher[i] = crypto->from_queue[j];
		}
		if (!outbox(&crypto->tx[j], p->tx[j]->from_crypto[i], TG_DROP_TX_FULL) ||
			!crypto->from_tx[j])
			return false;
	}
	crypto->from_control = p->to_crypto[i] = ring(RING_PACKETS, 0, "control_crypto%u", i);
	crypto->events = events(p, "crypto", i);
	return crypto->from_control && crypto->events && local(p, &crypto->local, "crypto", i);
}

static bool
rings_of_tx(struct tg_pipeline *p, unsigned int i)
{
	struct tg_tx *tx = p->tx[i];

	tx->from_control = p->to_tx[i] = ring(RING_PACKETS, 0, "control_tx%u", i);
	tx->commands = p->commands[i] =
		ring(RING_COMMANDS, sizeof(struct tg_command), "control_tx%u_commands", i);
	tx->events = events(p, "tx", i);
	return tx->from_control && tx->commands && tx->events && local(p, &tx->local, "tx", i);
}

static bool
rings(struct tg_pipeline *p)
{
	unsigned int i;

	for (i = 0; i < p->env.n_rx; i++)
		if (!rings_of_rx(p, i))
			return false;
	for (i = 0; i < p->env.n_handshake; i++)
		if (!rings_of_handshake(p, i))
			return false;
	for (i = 0; i < p->env.n_crypto; i++)
		if (!rings_of_crypto(p, i))
			return false;
	for (i = 0; i < p->env.n_tx; i++)
		if (!rings_of_tx(p, i))
			return false;
	return true;
}

static void
port_params(const struct tg_pipeline *p, struct tg_tx *tx, uint16_t port,
	const struct tg_pipeline_params *params, struct fq_params *fq)
{
	uint32_t share = params->mbufs / 2 / (uint32_t)(p->env.n_ports * p->env.n_tx);

	fq_params_default(fq);
	tg_queue_params(params->queue, port, fq);
	fq->limit_packets = RTE_MIN(share, (uint32_t)QUEUE_PACKETS_MAX);
	fq->seed = (uint32_t)p->env.salt;
	/* Each busy tin holds a packet: with so many no packet finds the pool empty. */
	fq->tins = RTE_MIN(params->max_peers + 8, fq->limit_packets + 1);
	fq->pkt_offset = tg_meta_offset + (int)offsetof(struct tg_meta, fq);
	fq->drop = tg_transmit_dropped;
	fq->mark = tg_transmit_mark;
	fq->ctx = tx;
}

static bool
port_queues(struct tg_pipeline *p, struct tg_tx *tx, uint16_t port,
	const struct tg_pipeline_params *params)
{
	struct tg_wire *wire = &tx->wires[port];
	struct fq_params fq;

	port_params(p, tx, port, params, &fq);
	wire->queue = wire->last = fq_create(&fq);
	if (!wire->queue)
		return false;
	fq_share_join(p->shares[port], tx->index, wire->queue);
	if (!p->env.encrypt_at_dequeue) {
		tg_hint_add_port(&tx->hinter, wire->queue);
		return true;
	}
	fq.fifo = FQ_FIFO_PACKETS;
	wire->fifo = wire->last = fq_create(&fq);
	return wire->fifo != NULL;
}

static void
staging_params(const struct tg_pipeline *p, struct tg_tx *tx,
	const struct tg_pipeline_params *params, struct fq_params *fq)
{
	uint32_t share = params->mbufs / 8 / p->env.n_tx;

	fq_params_default(fq);
	fq->flows = STAGING_FLOWS;
	fq->limit_packets = RTE_MIN(share, (uint32_t)TG_STAGING_MAX);
	fq->tin_limit_packets = params->queue->staging;
	fq->tins = RTE_MIN(params->max_peers, fq->limit_packets + 1);
	fq->codel = false;
	fq->start_closed = true;
	fq->pkt_offset = tg_meta_offset + (int)offsetof(struct tg_meta, fq);
	fq->drop = tg_staging_dropped;
	fq->ctx = tx;
}

/* A TX stage's queues. */
static uint64_t
memory_of_tx(const struct tg_pipeline *p, const struct tg_pipeline_params *params)
{
	struct fq_params port, staging;

	port_params(p, NULL, 0, params, &port);
	staging_params(p, NULL, params, &staging);
	return p->env.n_ports * tg_memory_queue(&port) + tg_memory_queue(&staging);
}

static bool
make_tx(struct tg_pipeline *p, unsigned int i, const struct tg_pipeline_params *params)
{
	struct tg_tx *tx = zalloc("tx stage", sizeof(*tx));
	struct fq_params staging;
	unsigned int j;

	p->tx[i] = tx;
	if (!tx)
		return false;
	tx->env = &p->env;
	tx->index = (uint16_t)i;
	tx->hinter.delay_ns = params->queue->target_ns * 3 / 4;
	tx->kept = zalloc("staged", params->queue->staging * sizeof(tx->kept[0]));
	staging_params(p, tx, params, &staging);
	tx->staging = tx->kept ? fq_create(&staging) : NULL;
	if (!tx->staging)
		return false;
	for (j = 0; j < p->env.n_ports; j++)
		if (!port_queues(p, tx, (uint16_t)j, params))
			return false;
	return true;
}

static struct fq *
crypto_queue(
	struct tg_pipeline *p, struct tg_crypto *crypto, const struct tg_pipeline_params *params)
{
	uint32_t share = params->mbufs / 4 / p->env.n_crypto;
	struct tg_crypto_queue_params queue = {
		.max_peers = params->max_peers,
		.limit = RTE_MIN(share, (uint32_t)CRYPTO_PACKETS_MAX),
		.target_ns = params->queue->crypto_target_ns,
		.interval_ns = params->queue->crypto_interval_ns,
		.fifo = params->queue->fifo ? FQ_FIFO_PACKETS : 0,
	};

	return tg_crypto_queue_create(crypto, &queue);
}

static bool
make_crypto(struct tg_pipeline *p, unsigned int i, const struct tg_pipeline_params *params)
{
	struct tg_crypto *crypto = zalloc("crypto stage", sizeof(*crypto));
	unsigned int j;

	p->crypto[i] = crypto;
	if (!crypto)
		return false;
	crypto->env = &p->env;
	crypto->index = (uint8_t)i;
	crypto->aead = aead_create(params->cipher);
	if (!crypto->aead) {
		rte_errno = errno;
		return false;
	}
	crypto->lane = zalloc("lane",
		sizeof(*crypto->lane) +
			wg_peer_slots(params->max_peers) * sizeof(crypto->lane->peers[0]));
	if (!crypto->lane)
		return false;
	crypto->queue = crypto_queue(p, crypto, params);
	if (!crypto->queue)
		return false;
	crypto->delay = params->crypto_delay;
	crypto->burst = TG_BURST;
	crypto->burst_cycles = rte_get_tsc_hz() / (WG_NS_PER_S / TG_CRYPTO_BURST_NS);
	crypto->cost = crypto->burst_cycles / TG_BURST;
	crypto->random = (uint32_t)p->env.salt | 1;
	for (j = 0; j < p->env.n_tx; j++) {
		p->tx[j]->lanes[i] = crypto->lane;
		p->tx[j]->bursts[i] = &crypto->burst;
		crypto->hints[j] = &p->tx[j]->hinter.hints;
	}
	return true;
}

static bool
make_rx(struct tg_pipeline *p, unsigned int i)
{
	p->rx[i] = zalloc("rx stage", sizeof(*p->rx[i]));
	if (p->rx[i])
		p->rx[i]->env = &p->env;
	return p->rx[i] != NULL;
}

static void
random_bytes(void *unused, void *buf, size_t len)
{
	(void)unused;
	randombytes_buf(buf, len);
}

static bool
make_handshake(struct tg_pipeline *p, unsigned int i)
{
	static const struct wg_random random = {.fill = random_bytes};
	struct tg_handshake *hs = zalloc("handshake stage", sizeof(*hs));

	p->handshake[i] = hs;
	if (!hs)
		return false;
	hs->env = &p->env;
	hs->jobs = p->jobs;
	hs->admission = wg_admission_create(&random);
	if (!hs->admission)
		rte_errno = errno;
	return hs->admission != NULL;
}

static bool
make_handshakes(struct tg_pipeline *p)
{
	unsigned int i;

	p->jobs = tg_handshake_jobs_create(TG_HANDSHAKE_JOBS);
	if (!p->jobs)
		return false;
	for (i = 0; i < p->env.n_handshake; i++)
		if (!make_handshake(p, i))
			return false;
	return true;
}

/* Deals the ports' RX queues out over the RX stages. */
static bool
deal_queues(struct tg_pipeline *p)
{
	unsigned int port, q;

	for (port = 0; port < p->env.n_ports; port++) {
		for (q = 0; q < p->env.ports[port].n_rxq; q++) {
			struct tg_rx *rx = p->rx[(port + q) % p->env.n_rx];

			if (rx->n_queues == TG_RX_QUEUES_MAX) {
				rte_errno = ENOSPC;
				return false;
			}
			rx->queues[rx->n_queues++] =
				(struct tg_rx_queue){.port = (uint16_t)port, .queue = (uint16_t)q};
		}
	}
	return true;
}

static int
check_queues(const struct tg_pipeline *p, const struct tg_lcores *map, char *error)
{
	unsigned int i;

	for (i = 0; i < p->env.n_rx; i++) {
		if (p->rx[i]->n_queues)
			continue;
		snprintf(error, TG_ERROR_LEN,
			"--rx-lcores: lcore %u would have nothing to do: the ports have fewer RX "
			"queues",
			map->lcore[TG_STAGE_RX][i]);
		return -EINVAL;
	}
	return 0;
}

static bool
stages(struct tg_pipeline *p, const struct tg_pipeline_params *params)
{
	unsigned int i;

	for (i = 0; i < p->env.n_ports; i++) {
		p->shares[i] =
			fq_share_create(p->env.n_tx, params->queue->shapes[i].rate, SOCKET_ID_ANY);
		if (!p->shares[i]) {
			rte_errno = ENOMEM;
			return false;
		}
	}
	for (i = 0; i < p->env.n_tx; i++)
		if (!make_tx(p, i, params))
			return false;
	for (i = 0; i < p->env.n_crypto; i++)
		if (!make_crypto(p, i, params))
			return false;
	for (i = 0; i < p->env.n_rx; i++)
		if (!make_rx(p, i))
			return false;
	return make_handshakes(p) && deal_queues(p);
}

static int
check_shapes(const struct tg_pipeline *p, const struct tg_queue_options *o, char *error)
{
	unsigned int port;

	for (port = p->env.n_ports; port < TG_PORTS_MAX; port++) {
		if (!o->shapes[port].set)
			continue;
		snprintf(error, TG_ERROR_LEN, "--shape: there is no port %u", port);
		return -EINVAL;
	}
	return 0;
}

static unsigned int
rx_poll(void *stage, uint64_t now)
{
	return stage_rx_poll(stage, now);
}

static unsigned int
crypto_poll(void *stage, uint64_t now)
{
	return stage_crypto_poll(stage, now);
}

static unsigned int
tx_poll(void *stage, uint64_t now)
{
	return stage_tx_poll(stage, now);
}

static unsigned int
handshake_poll(void *stage, uint64_t now)
{
	return stage_handshake_poll(stage, now);
}

static struct tg_worker *
worker_of(struct tg_pipeline *p, uint16_t lcore)
{
	struct tg_worker *w;

	for (w = p->workers; w < &p->workers[p->n_workers]; w++)
		if (w->lcore == lcore)
			return w;
	w->lcore = lcore;
	w->reader = p->n_workers++;
	return w;
}

/* On an lcore of several stages a packet passes all of them in one round. */
static int
workers(struct tg_pipeline *p, const struct tg_pipeline_params *params)
{
	static const tg_stage_fn polls[] = {rx_poll, crypto_poll, tx_poll, handshake_poll};
	unsigned int kind, i;

	for (kind = 0; kind < TG_STAGE_KINDS; kind++) {
		for (i = 0; i < params->map->n[kind]; i++) {
			void *const stage[] = {p->rx[i], p->crypto[i], p->tx[i], p->handshake[i]};
			struct tg_worker *w;

			if (params->map->lcore[kind][i] == rte_get_main_lcore()) {
				p->own_handshake = p->handshake[i];
				continue;
			}
			w = worker_of(p, params->map->lcore[kind][i]);
			w->stages[w->n_stages].poll = polls[kind];
			w->stages[w->n_stages++].stage = stage[kind];
		}
	}
	for (i = 0; i < p->n_workers; i++) {
		p->workers[i].qsbr = rcu_qsbr(params->rcu);
		p->workers[i].stop = &p->stop;
		p->workers[i].adaptive = params->adaptive;
		if (rte_rcu_qsbr_thread_register(p->workers[i].qsbr, i))
			return -rte_errno;
	}
	return 0;
}

static int
lacks(const struct tg_pipeline *p, const struct tg_pipeline_params *params, int ret, char *error)
{
	struct tg_memory m = {
		.what = "stages, queues and rings",
		.bytes = p->env.n_tx * memory_of_tx(p, params),
		.less = "--flows, --max-peers, lcores",
	};

	return tg_memory_lacks(&m, ret, error);
}

int
tg_pipeline_create(
	struct tg_pipeline *p, const struct tg_pipeline_params *params, char error[TG_ERROR_LEN])
{
	int ret = 0;

	p->env.n_rx = params->map->n[TG_STAGE_RX];
	p->env.n_crypto = params->map->n[TG_STAGE_CRYPTO];
	p->env.n_tx = params->map->n[TG_STAGE_TX];
	p->env.n_handshake = params->map->n[TG_STAGE_HANDSHAKE];
	p->env.encrypt_at_dequeue = params->queue->encrypt_at_dequeue;
	if (!stages(p, params) || !rings(p))
		ret = -rte_errno;
	else
		ret = workers(p, params);
	if (ret) {
		/* Before: what it has got is not in use then. */
		tg_pipeline_destroy(p);
		return lacks(p, params, ret, error);
	}
	ret = check_queues(p, params->map, error);
	if (!ret)
		ret = check_shapes(p, params->queue, error);
	if (ret)
		tg_pipeline_destroy(p);
	return ret;
}

void
tg_pipeline_set_rate(struct tg_pipeline *p, uint16_t port, uint64_t rate)
{
	fq_share_rate_set(p->shares[port], rate);
}

int
tg_pipeline_start(struct tg_pipeline *p)
{
	unsigned int i;

	for (i = 0; i < p->n_workers; i++) {
		int ret = rte_eal_remote_launch(tg_worker_run, &p->workers[i], p->workers[i].lcore);

		if (ret) {
			tg_pipeline_stop(p);
			return ret;
		}
	}
	return 0;
}

void
tg_pipeline_stop(struct tg_pipeline *p)
{
	atomic_store_explicit(&p->stop, true, memory_order_relaxed);
	rte_eal_mp_wait_lcore();
}
