/* SPDX-License-Identifier: BSD-3-Clause */
#include "job.h"

#include <string.h>

#include <sodium.h>

void
wg_job_receive(struct wg_job *job, const struct wg_identity *identity, const void *msg, size_t len,
	const struct wg_endpoint *from)
{
	static const enum wg_job_kind kinds[] = {
		[WG_MESSAGE_INITIATION] = WG_JOB_OPEN,
		[WG_MESSAGE_RESPONSE] = WG_JOB_RESPONSE,
		[WG_MESSAGE_COOKIE] = WG_JOB_COOKIE,
	};

	memset(job, 0, sizeof(*job));
	memcpy(&job->in, msg, len);
	job->kind = kinds[rte_le_to_cpu_32(job->in.type)];
	job->identity = identity->number;
	job->from = *from;
}

void
wg_job_reply(struct wg_job *job, struct wg_admission *a, const void *msg, size_t len,
	const struct wg_endpoint *from, uint64_t now)
{
	memset(job, 0, sizeof(*job));
	job->kind = WG_JOB_REPLY;
	job->from = *from;
	wg_admission_reply(a, &job->out.cookie, msg, len, from, now);
}

static bool
answer(struct wg_job *job, const struct wg_identity *identity)
{
	return wg_noise_accept_initiation(
		       &job->responder, &job->in.initiation, &job->handshake, identity, job->now) &&
		wg_noise_create_response(&job->out.response, &job->responder, &job->handshake, 0,
			job->ephemeral, &job->keys);
}

static bool
run(struct wg_job *job, const struct wg_identity *identity)
{
	switch (job->kind) {
	case WG_JOB_OPEN:
		return wg_noise_open_initiation(&job->responder, &job->in.initiation, identity);
	case WG_JOB_ANSWER:
		return answer(job, identity);
	case WG_JOB_CONCLUDE:
		return wg_noise_consume_response(
			&job->handshake, &job->in.response, identity, &job->keys);
	case WG_JOB_INITIATE:
		return wg_noise_create_initiation(&job->out.initiation, &job->handshake, identity,
			0, job->ephemeral, job->wall_clock);
	case WG_JOB_RESPONSE:
	case WG_JOB_COOKIE:
	case WG_JOB_REPLY:
		break;
	}
	return true;
}

void
wg_job_run(struct wg_job *job, const struct wg_identity *identity)
{
	job->ok = run(job, identity);
	wg_noise_leave();
}

void
wg_job_wipe(struct wg_job *job)
{
	sodium_memzero(job, sizeof(*job));
}
