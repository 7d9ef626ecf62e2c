/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who owned which prefix when. Time is a version, which every change raises by one. The history of
 * a prefix is a ring: a question about a time before it is answered with yes.
 */
#ifndef STRESS_OWNERS_H
#define STRESS_OWNERS_H

#include <stdbool.h>
#include <stdint.h>

#define OWNER_NONE UINT32_MAX
#define OWNERS_KEPT 8192

struct owner {
	uint64_t since;
	uint32_t peer;
};

struct owners {
	uint64_t version;
	uint32_t n; /* prefixes, and peers */
	struct owners_history *histories;
};

void owners_create(struct owners *o, uint32_t n);
void owners_destroy(struct owners *o);
/* OWNER_NONE for nobody. */
void owners_set(struct owners *o, uint32_t prefix, uint32_t peer);
void owners_lose_all(struct owners *o, uint32_t peer);
uint32_t owners_now(const struct owners *o, uint32_t prefix);
/* A prefix of the peer's, or otherwise. */
uint32_t owners_one_of(const struct owners *o, uint32_t peer, uint32_t otherwise);
/* Has the peer owned it at any time from that version on? */
bool owners_had(const struct owners *o, uint32_t prefix, uint32_t peer, uint64_t version);

#endif
