/* SPDX-License-Identifier: BSD-3-Clause */
#include "drops.h"

static const struct {
	const char *key;
	const char *help;
} drops[] = {
#define X(name, key, help) {key, help},
	TG_DROPS(X)
#undef X
};

const char *
tg_drop_key(enum tg_drop why)
{
	return drops[why].key;
}

const char *
tg_drop_help(enum tg_drop why)
{
	return drops[why].help;
}
