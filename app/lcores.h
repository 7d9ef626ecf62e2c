/* SPDX-License-Identifier: BSD-3-Clause */
/* Which lcore runs which stages. Control thread, at start. */
#ifndef TG_LCORES_H
#define TG_LCORES_H

#include <stdint.h>
#include <stdio.h>

#include "error.h"

#define TG_STAGES_MAX 64

enum tg_stage_kind {
	TG_STAGE_RX,
	TG_STAGE_CRYPTO,
	TG_STAGE_TX,
	TG_STAGE_HANDSHAKE, /* the main lcore, too */
	TG_STAGE_KINDS
};

/* The lcores of each kind of stage, in the order of the stages' indices. */
struct tg_lcores {
	uint16_t n[TG_STAGE_KINDS];
	uint16_t lcore[TG_STAGE_KINDS][TG_STAGES_MAX];
};

/* "rx", "crypto", "tx", "handshake" */
const char *tg_stage_name(enum tg_stage_kind kind);

/*
 * From the lists of the command line ("1,3-5", NULL where not given), or by default from the number
 * of worker lcores: 1 runs all stages, 2 run RX+TX and crypto, 3 one each, more go to crypto. The
 * handshake stage has its lcores for itself, by default the main one. 0, or -EINVAL and what is
 * wrong in error.
 */
int tg_lcores_map(
	struct tg_lcores *map, const char *const lists[TG_STAGE_KINDS], char error[TG_ERROR_LEN]);

/* One line for each lcore. */
void tg_lcores_print(const struct tg_lcores *map, FILE *out);

#endif
