/* SPDX-License-Identifier: BSD-3-Clause */
#include "record.h"

#include <stdbool.h>
#include <stdio.h>

static FILE *json;
static bool any;

int
record_open(const char *path)
{
	json = fopen(path, "w");
	if (!json)
		return -1;
	fputc('[', json);
	return 0;
}

static void
goal_text(char *text, size_t len, double low, double high)
{
	if (!isnan(low) && !isnan(high))
		snprintf(text, len, "%g..%g", low, high);
	else if (!isnan(high))
		snprintf(text, len, "<= %g", high);
	else if (!isnan(low))
		snprintf(text, len, ">= %g", low);
	else
		text[0] = '\0';
}

void
record_add(
	const char *name, const char *what, double value, const char *unit, double low, double high)
{
	bool met = !(value < low) && !(value > high);
	char full[80], goal[40];

	snprintf(full, sizeof(full), "%s%s", name, what);
	goal_text(goal, sizeof(goal), low, high);
	printf("%-40s %12.3f  %-18s %-10s %s\n", full, value, unit, goal,
		!goal[0]      ? ""
			: met ? "met"
			      : "missed");
	if (!json)
		return;
	fprintf(json, "%s\n  {\"name\": \"%s\", \"value\": %.3f, \"unit\": \"%s\", ",
		any ? "," : "", full, value, unit);
	if (goal[0])
		fprintf(json, "\"goal\": \"%s\", \"met\": %s}", goal, met ? "true" : "false");
	else
		fprintf(json, "\"goal\": null, \"met\": null}");
	any = true;
}

int
record_close(void)
{
	FILE *f = json;

	if (!f)
		return 0;
	json = NULL;
	fputs("\n]\n", f);
	return fclose(f) ? -1 : 0;
}
