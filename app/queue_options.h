/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How the queues of ports and crypto stages, and those of closed tins, are set up: --queue,
 * --codel,
 * --crypto-codel, --flows, --shape, --encrypt-at and --staging. Control thread, at start.
 */
#ifndef TG_QUEUE_OPTIONS_H
#define TG_QUEUE_OPTIONS_H

#include "env.h"
#include "error.h"
#include "fq.h"

/* Packets that a TX stage holds for peers without a session, of all of them together. */
#define TG_STAGING_MAX 8192

struct tg_shape {
	bool set; /* else just under the port's link rate, where the driver knows it */
	uint64_t rate; /* bytes per s as on the wire, 0: not shaped */
	int32_t overhead; /* bytes on the wire beside the Ethernet frame, with mpu and framing */
	uint32_t mpu;
	enum fq_framing framing;
};

struct tg_queue_options {
	bool fifo; /* all queues, also those before the cipher */
	bool encrypt_at_dequeue; /* port queues hold what is not sealed yet */
	uint32_t flows;
	uint32_t staging; /* packets of a peer that wait for a session, 1 to TG_STAGING_MAX */
	uint64_t target_ns;
	uint64_t interval_ns;
	uint64_t ce_threshold_ns;
	uint64_t crypto_target_ns;
	uint64_t crypto_interval_ns;
	struct tg_shape shapes[TG_PORTS_MAX];
};

void tg_queue_options_default(struct tg_queue_options *o);

/* The values of the options of that name. 0, or -EINVAL and what is wrong in error. */
int tg_parse_queue(struct tg_queue_options *o, const char *value, char error[TG_ERROR_LEN]);
int tg_parse_codel(struct tg_queue_options *o, const char *value, char error[TG_ERROR_LEN]);
int tg_parse_crypto_codel(struct tg_queue_options *o, const char *value, char error[TG_ERROR_LEN]);
int tg_parse_encrypt_at(struct tg_queue_options *o, const char *value, char error[TG_ERROR_LEN]);
int tg_parse_flows(struct tg_queue_options *o, const char *value, char error[TG_ERROR_LEN]);
int tg_parse_shape(struct tg_queue_options *o, const char *value, char error[TG_ERROR_LEN]);

/* Fills what concerns the queue of a port; the caller sets the rest. */
void tg_queue_params(const struct tg_queue_options *o, uint16_t port, struct fq_params *fq);

#endif
