/* SPDX-License-Identifier: BSD-3-Clause */
#include "stage_handshake.h"

#include <string.h>

#include <rte_errno.h>
#include <sodium.h>

#include "clock.h"
#include "path.h"

/* A poll ends when so much time has passed, the job at hand is finished. */
#define BUDGET (WG_NS_PER_S / 2000)
#define MESSAGES 8

/* As the kernel has it: cookies from an eighth of a full queue on, and for a second after. */
#define UNDER_LOAD_SHARE 8
#define UNDER_LOAD_TIME WG_NS_PER_S

static void
free_memory(struct rte_mempool_memhdr *chunk, void *memory)
{
	(void)chunk;
	sodium_free(memory);
}

/* Not for I/O: no address for devices, and no need for one. */
struct rte_mempool *
tg_handshake_jobs_create(unsigned int n)
{
	struct rte_mempool *pool = rte_mempool_create_empty("handshake jobs", n,
		sizeof(struct wg_job), 0, 0, SOCKET_ID_ANY, RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	size_t len;
	void *memory;
	int ret;

	if (!pool)
		return NULL;
	len = RTE_MEMPOOL_ALIGN +
		(size_t)n * (pool->header_size + pool->elt_size + pool->trailer_size);
	memory = sodium_malloc(len);
	if (memory) {
		memset(memory, 0, len);
		ret = rte_mempool_populate_iova(
			pool, memory, RTE_BAD_IOVA, len, free_memory, memory);
		if (ret == (int)n)
			return pool;
		if (ret <= 0)
			sodium_free(memory);
	}
	rte_mempool_free(pool);
	rte_errno = ENOMEM;
	return NULL;
}

void
tg_handshake_job_end(struct rte_mempool *jobs, struct wg_job *job)
{
	wg_job_wipe(job);
	rte_mempool_put(jobs, job);
}

/* What comes in takes half the ring to control at most: the rest is for handshakes that have begun.
 */
static bool
is_crowded(const struct tg_handshake *hs)
{
	return rte_ring_count(hs->to_control) > rte_ring_get_capacity(hs->to_control) / 2;
}

/* Whether an initiation has been opened, and a response or cookie reply names an index of ours. */
static bool
is_expected(const struct tg_handshake *hs, const struct wg_job *job)
{
	const struct wg_index *index = wg_device_index(hs->env->dev);

	switch (job->kind) {
	case WG_JOB_OPEN:
		return job->ok;
	case WG_JOB_RESPONSE:
		return wg_index_taken(index, rte_le_to_cpu_32(job->in.response.receiver));
	case WG_JOB_COOKIE:
		return wg_index_taken(index, rte_le_to_cpu_32(job->in.cookie.receiver));
	default:
		return true;
	}
}

static enum wg_refusal
refusal_of(const struct wg_job *job)
{
	switch (job->kind) {
	case WG_JOB_RESPONSE:
		return WG_REFUSED_RESPONSE;
	case WG_JOB_COOKIE:
		return WG_REFUSED_COOKIE;
	default:
		return WG_REFUSED_INITIATION;
	}
}

/* WG_OK: the job is control's now. */
static enum wg_refusal
hand_over(struct tg_handshake *hs, struct wg_job *job)
{
	enum wg_refusal refusal = WG_OK;

	if (!is_expected(hs, job))
		refusal = refusal_of(job);
	else if (rte_ring_sp_enqueue(hs->to_control, job))
		refusal = WG_REFUSED_RESOURCES;
	if (refusal)
		tg_handshake_job_end(hs->jobs, job);
	return refusal;
}

static enum wg_refusal
take(struct tg_handshake *hs, const struct wg_identity *identity, const void *msg, uint16_t len,
	const struct wg_endpoint *from, uint64_t now)
{
	enum wg_refusal refusal = wg_admission_check(
		hs->admission, identity, msg, len, from, now < hs->under_load_until, now);
	struct wg_job *job;
	void *memory;

	if (refusal && refusal != WG_REFUSED_UNDER_LOAD)
		return refusal;
	if (is_crowded(hs))
		return refusal ? refusal : WG_REFUSED_RESOURCES;
	if (rte_mempool_get(hs->jobs, &memory))
		return WG_REFUSED_RESOURCES;
	job = memory;
	if (refusal)
		wg_job_reply(job, hs->admission, msg, len, from, now);
	else
		wg_job_receive(job, identity, msg, len, from);
	wg_job_run(job, identity);
	return hand_over(hs, job);
}

static unsigned int
take_messages(struct tg_handshake *hs, struct rte_ring *ring, const struct wg_identity *identity)
{
	struct rte_mbuf *pkts[MESSAGES];
	uint64_t now = tg_now();
	unsigned int i, n;

	if (rte_ring_count(ring) >= rte_ring_get_size(ring) / UNDER_LOAD_SHARE)
		hs->under_load_until = now + UNDER_LOAD_TIME;
	n = rte_ring_sc_dequeue_burst(ring, (void **)pkts, MESSAGES, NULL);
	for (i = 0; i < n; i++) {
		struct wg_endpoint from;
		enum wg_refusal refusal;

		tg_endpoint_read(pkts[i], 0, &from);
		refusal = take(hs, identity, rte_pktmbuf_mtod(pkts[i], const void *),
			rte_pktmbuf_data_len(pkts[i]), &from, now);
		hs->refusals[refusal] += refusal != WG_OK;
		tg_drop(&hs->counters, pkts[i], TG_DROP_HANDSHAKE);
	}
	hs->counters.in += n;
	return n;
}

static unsigned int
run_jobs(struct tg_handshake *hs, const struct wg_identity *identity, uint64_t end)
{
	struct wg_job *job;
	unsigned int n = 0;
	void *next;

	while (tg_now() < end && rte_ring_sc_dequeue(hs->from_control, &next) == 0) {
		job = next;
		wg_job_run(job, identity);
		n++;
		if (rte_ring_sp_enqueue(hs->to_control, job) == 0)
			continue;
		hs->refusals[WG_REFUSED_RESOURCES] += job->kind != WG_JOB_INITIATE;
		tg_handshake_job_end(hs->jobs, job);
	}
	return n;
}

unsigned int
stage_handshake_poll(struct tg_handshake *hs, uint64_t now)
{
	const struct wg_identity *identity = wg_device_identity(hs->env->dev);
	uint64_t end = now + BUDGET;
	unsigned int i, k, n = run_jobs(hs, identity, end);

	do {
		for (i = k = 0; i < hs->env->n_rx; i++)
			k += take_messages(hs, hs->from_rx[i], identity);
		n += k;
	} while (k && tg_now() < end);
	return n;
}
