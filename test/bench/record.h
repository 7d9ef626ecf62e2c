/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The numbers of a benchmark, each with its goal and whether that is met: a line of a table on
 * standard output and, when there is a file, an element of the JSON array in it.
 */
#ifndef RECORD_H
#define RECORD_H

#include <math.h>

#define NO_GOAL NAN

/* 0 or -1. */
int record_open(const char *path);

/* The name is in two parts. The goal is from low to high, each may be missing. */
void record_add(const char *name, const char *what, double value, const char *unit, double low,
	double high);

/* 0, or -1 when not all could be written. */
int record_close(void);

#endif
