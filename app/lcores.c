/* SPDX-License-Identifier: BSD-3-Clause */
#include "lcores.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <rte_lcore.h>

const char *
tg_stage_name(enum tg_stage_kind kind)
{
	static const char *const names[] = {"rx", "crypto", "tx", "handshake"};

	return names[kind];
}

static bool
runs(const struct tg_lcores *map, enum tg_stage_kind kind, unsigned long lcore)
{
	unsigned int i;

	for (i = 0; i < map->n[kind]; i++)
		if (map->lcore[kind][i] == lcore)
			return true;
	return false;
}

static int
add(struct tg_lcores *map, enum tg_stage_kind kind, unsigned long lcore, char *error)
{
	const char *what = NULL;

	if (lcore >= RTE_MAX_LCORE || !rte_lcore_is_enabled((unsigned int)lcore))
		what = "is not among EAL's lcores (-l, --lcores)";
	else if (lcore == rte_get_main_lcore() && kind != TG_STAGE_HANDSHAKE)
		what = "is the main lcore, which runs the control thread";
	else if (map->n[kind] == TG_STAGES_MAX)
		what = "is one too many";
	else if (runs(map, kind, lcore))
		what = "is named twice";
	else if (kind != TG_STAGE_HANDSHAKE && runs(map, TG_STAGE_HANDSHAKE, lcore))
		what = "is one of --handshake-lcores, and would wait for them";
	if (what) {
		snprintf(error, TG_ERROR_LEN, "--%s-lcores: lcore %lu %s", tg_stage_name(kind),
			lcore, what);
		return -EINVAL;
	}
	map->lcore[kind][map->n[kind]++] = (uint16_t)lcore;
	return 0;
}

/* One element of a list, "N" or "N-M"; leaves *p behind it. */
static bool
range(const char **p, unsigned long *from, unsigned long *to)
{
	char *end;

	if (!isdigit((unsigned char)**p))
		return false;
	*from = *to = strtoul(*p, &end, 10);
	if (*end == '-') {
		*p = end + 1;
		if (!isdigit((unsigned char)**p))
			return false;
		*to = strtoul(*p, &end, 10);
	}
	*p = end;
	return *from <= *to;
}

static int
parse(struct tg_lcores *map, enum tg_stage_kind kind, const char *list, char *error)
{
	const char *p = list;
	unsigned long from, to;

	for (;; p++) {
		if (!range(&p, &from, &to) || (*p && *p != ',')) {
			snprintf(error, TG_ERROR_LEN, "--%s-lcores: `%s' is not a list of lcores",
				tg_stage_name(kind), list);
			return -EINVAL;
		}
		for (; from <= to; from++)
			if (add(map, kind, from, error))
				return -EINVAL;
		if (!*p)
			return 0;
	}
}

/* list: of the lcores that are taken, for the error. */
static int
by_default(struct tg_lcores *map, const char *list, char *error)
{
	uint16_t workers[RTE_MAX_LCORE] = {0};
	unsigned int lcore, i, n = 0;

	RTE_LCORE_FOREACH_WORKER (lcore)
		if (!runs(map, TG_STAGE_HANDSHAKE, lcore))
			workers[n++] = (uint16_t)lcore;
	if (!n) {
		snprintf(error, TG_ERROR_LEN,
			"--handshake-lcores: `%s' leaves no worker lcore for packets", list);
		return -EINVAL;
	}
	map->n[TG_STAGE_RX] = map->n[TG_STAGE_CRYPTO] = map->n[TG_STAGE_TX] = 1;
	map->lcore[TG_STAGE_RX][0] = workers[0];
	map->lcore[TG_STAGE_CRYPTO][0] = workers[n > 1];
	map->lcore[TG_STAGE_TX][0] = workers[n > 2 ? n - 1 : 0];
	for (i = 2; i + 1 < n && map->n[TG_STAGE_CRYPTO] < TG_STAGES_MAX; i++)
		map->lcore[TG_STAGE_CRYPTO][map->n[TG_STAGE_CRYPTO]++] = workers[i];
	return 0;
}

static int
handshake_lcores(struct tg_lcores *map, const char *list, char *error)
{
	if (list)
		return parse(map, TG_STAGE_HANDSHAKE, list, error);
	return add(map, TG_STAGE_HANDSHAKE, rte_get_main_lcore(), error);
}

int
tg_lcores_map(
	struct tg_lcores *map, const char *const lists[TG_STAGE_KINDS], char error[TG_ERROR_LEN])
{
	unsigned int kind, given = 0;

	*map = (struct tg_lcores){0};
	if (rte_lcore_count() < 2) {
		snprintf(error, TG_ERROR_LEN,
			"no worker lcore: give EAL one more than the main one, such as -l 0-1 or "
			"--lcores '0@0,1@0'");
		return -EINVAL;
	}
	if (handshake_lcores(map, lists[TG_STAGE_HANDSHAKE], error))
		return -EINVAL;
	for (kind = 0; kind < TG_STAGE_HANDSHAKE; kind++)
		given += lists[kind] != NULL;
	if (!given)
		return by_default(map, lists[TG_STAGE_HANDSHAKE], error);
	for (kind = 0; kind < TG_STAGE_HANDSHAKE; kind++) {
		if (!lists[kind]) {
			snprintf(error, TG_ERROR_LEN,
				"--%s-lcores is missing: give all three lists or none",
				tg_stage_name(kind));
			return -EINVAL;
		}
		if (parse(map, kind, lists[kind], error))
			return -EINVAL;
	}
	return 0;
}

void
tg_lcores_print(const struct tg_lcores *map, FILE *out)
{
	unsigned int lcore, kind, i;

	RTE_LCORE_FOREACH (lcore) {
		bool busy = lcore == rte_get_main_lcore();

		fprintf(out, "tinguard: lcore %u:%s", lcore, busy ? " control" : "");
		for (kind = 0; kind < TG_STAGE_KINDS; kind++)
			for (i = 0; i < map->n[kind]; i++)
				if (map->lcore[kind][i] == lcore) {
					fprintf(out, " %s%u", tg_stage_name(kind), i);
					busy = true;
				}
		fprintf(out, "%s\n", busy ? "" : " unused");
	}
}
