/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A step of a handshake, as a value: all that it needs is copied in, all that it yields is in it
 * afterwards. So what costs, four X25519 for each handshake that we answer, can be done by any
 * thread, without a lock, while the device (device.h) belongs to the control thread alone.
 *
 *                       any thread                        control: wg_device_proceed()
 *  initiation received  OPEN: who is it?            ->    finds the peer, copies its state
 *                       ANSWER: the response        ->    is it still valid? session, response sent
 *  response received    RESPONSE: nothing           ->    finds the peer, copies its state
 *                       CONCLUDE: keys              ->    is it still valid? session
 *  our initiation       INITIATE: the initiation    ->    is it still wanted? sent
 *  cookie reply         COOKIE, REPLY: nothing      ->    taken; sent
 *
 * What changed between copy and result is found out by comparing: peer id, identity, preshared key,
 * timestamps, index. A job may be lost at any point, as a message may.
 *
 * Jobs are secret; their owner ends them by wg_job_wipe().
 */
#ifndef WG_JOB_H
#define WG_JOB_H

#include "admission.h"

enum wg_job_kind {
	WG_JOB_OPEN,
	WG_JOB_ANSWER,
	WG_JOB_RESPONSE,
	WG_JOB_CONCLUDE,
	WG_JOB_INITIATE,
	WG_JOB_COOKIE,
	WG_JOB_REPLY,
};

union wg_job_message {
	rte_le32_t type;
	struct wg_initiation initiation;
	struct wg_response response;
	struct wg_cookie_reply cookie;
};

struct wg_job {
	enum wg_job_kind kind;
	bool ok; /* the computation succeeded */
	uint32_t identity; /* number of the one that it began under */
	uint32_t peer; /* id, once it is known */
	uint64_t now; /* ns as in device.h, when control last had it */
	uint64_t wall_clock; /* of our initiation */
	struct wg_endpoint from; /* where the message came from; of a REPLY where it goes */
	uint8_t ephemeral[WG_KEY_LEN]; /* random bytes */
	struct wg_handshake
		handshake; /* the peer's, when control last had it; changed by the job */
	struct wg_noise_responder responder;
	struct wg_session_keys keys;
	union wg_job_message in, out; /* out lacks index and macs */
};

/* A message that has passed admission: of type 1 to 3 and of the right length. */
void wg_job_receive(struct wg_job *job, const struct wg_identity *identity, const void *msg,
	size_t len, const struct wg_endpoint *from);

/* A cookie reply to msg, as wg_admission_reply(). */
void wg_job_reply(struct wg_job *job, struct wg_admission *a, const void *msg, size_t len,
	const struct wg_endpoint *from, uint64_t now);

/* Any thread. Under another identity than it began with it yields nothing that control takes. */
void wg_job_run(struct wg_job *job, const struct wg_identity *identity);

void wg_job_wipe(struct wg_job *job);

#endif
