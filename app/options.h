/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line behind EAL's `--'. Control thread, at start. */
#ifndef TG_OPTIONS_H
#define TG_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "aead.h"
#include "lcores.h"
#include "privileges.h"
#include "queue_options.h"

struct tg_options {
	const char *config; /* NULL: start without peers, `wg' sets them */
	const char *tunnel;
	const char *lcores[TG_STAGE_KINDS];
	bool adaptive; /* sleep after empty polls */
	enum aead_backend cipher;
	uint32_t max_peers;
	uint32_t mbufs;
	uint32_t mtu;
	uint32_t crypto_delay; /* cycles per packet */
	struct tg_queue_options queue;
	struct tg_user user;
	bool mss_clamp;
	bool help;
	bool version;
};

/* Strings stay argv's. 0, or -EINVAL and what is wrong in error. */
int tg_options_parse(struct tg_options *o, int argc, char **argv, char error[TG_ERROR_LEN]);

void tg_options_usage(FILE *out);

#endif
