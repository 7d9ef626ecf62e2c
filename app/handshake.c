/* SPDX-License-Identifier: BSD-3-Clause */
#include "control.h"

#include "clock.h"
#include "path.h"

static struct rte_mbuf *
message(struct tg_control *c, const void *msg, size_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(c->pipeline->env.pool);

	if (!m)
		return NULL;
	c->counters.in++;
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), msg, len);
	return m;
}

static void
send_over(struct tg_control *c, const struct tg_path *path, struct rte_mbuf *m)
{
	static uint16_t ipv4_id;
	struct tg_meta *meta = tg_meta(m);

	meta->op = TG_OP_FRAME;
	tg_meta_join(meta, TG_TIN_HANDSHAKE, false);
	meta->port = (uint8_t)path->port;
	/* Each message is a flow of its own: none waits behind another peer's. */
	meta->fq.hash = (uint32_t)rte_rdtsc();
	if (tg_path_write_unaddressed(path, m, WG_HANDSHAKE_TOS, ipv4_id++))
		tg_drop(&c->counters, m, TG_DROP_NO_ROOM);
	else
		tg_resolve_frame(c, m, path->hop);
}

void
tg_handshake_send(void *control, struct wg_peer *peer, const struct wg_endpoint *to,
	const void *msg, size_t len)
{
	struct tg_control *c = control;
	struct tg_path *path = peer ? tg_path_of(peer) : NULL;
	struct tg_path *own = NULL;
	struct rte_mbuf *m;

	if (!path || !wg_endpoint_equal(&path->endpoint, to))
		path = own = tg_path_create(&c->pipeline->env, to);
	m = path ? message(c, msg, len) : NULL;
	if (m)
		send_over(c, path, m);
	tg_path_destroy(own);
}

void
tg_handshake_keepalive(void *control, struct wg_peer *peer)
{
	struct tg_control *c = control;
	struct rte_mbuf *m = rte_pktmbuf_alloc(c->pipeline->env.pool);

	if (!m)
		return;
	c->counters.in++;
	m->hash.rss = peer->id * UINT32_C(0x9e3779b1);
	tg_meta(m)->op = TG_OP_SEAL;
	tg_meta(m)->peer = peer->id;
	tg_control_to_crypto(c, m);
}

void
tg_handshake_receive(struct tg_control *c, struct rte_mbuf *m)
{
	struct wg_endpoint from;
	enum wg_refusal refusal;

	tg_endpoint_read(m, 0, &from);
	refusal = wg_device_receive(c->dev, rte_pktmbuf_mtod(m, const void *),
		rte_pktmbuf_data_len(m), &from, c->now < c->under_load_until, c->now);
	c->refusals[refusal]++;
	tg_drop(&c->counters, m, TG_DROP_HANDSHAKE);
}

/* To the stage of its peer. False: no room. */
static bool
post(struct tg_control *c, struct wg_job *job)
{
	uint16_t i = tg_handshake_of_peer(&c->pipeline->env, job->peer);

	return rte_ring_sp_enqueue(c->pipeline->handshake[i]->from_control, job) == 0;
}

bool
tg_handshake_begin(void *control, const struct wg_job *job)
{
	struct tg_control *c = control;
	void *copy;

	if (rte_mempool_get(c->pipeline->jobs, &copy))
		return false;
	memcpy(copy, job, sizeof(*job));
	if (post(c, copy))
		return true;
	tg_handshake_job_end(c->pipeline->jobs, copy);
	return false;
}

static void
proceed(struct tg_control *c, struct wg_job *job)
{
	bool received = job->kind != WG_JOB_INITIATE;
	enum wg_refusal refusal;

	if (wg_device_proceed(c->dev, job, c->now, &refusal)) {
		if (post(c, job))
			return;
		refusal = WG_REFUSED_RESOURCES;
	}
	c->refusals[refusal] += received;
	tg_handshake_job_end(c->pipeline->jobs, job);
}

unsigned int
tg_handshake_poll(struct tg_control *c)
{
	struct tg_handshake *own = c->pipeline->own_handshake;
	void *jobs[TG_BURST];
	unsigned int i, j, k, n = 0;

	for (i = 0; i < c->pipeline->env.n_handshake; i++) {
		k = rte_ring_sc_dequeue_burst(
			c->pipeline->handshake[i]->to_control, jobs, TG_BURST, NULL);
		for (j = 0; j < k; j++)
			proceed(c, jobs[j]);
		n += k;
	}
	return n + (own ? stage_handshake_poll(own, tg_now()) : 0);
}

void
tg_handshake_refusals(const struct tg_control *c, uint64_t refusals[WG_REFUSAL_COUNT])
{
	unsigned int i, j;

	memcpy(refusals, c->refusals, sizeof(c->refusals));
	for (i = 0; i < c->pipeline->env.n_handshake; i++)
		for (j = 0; j < WG_REFUSAL_COUNT; j++)
			refusals[j] += c->pipeline->handshake[i]->refusals[j];
}
