/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What has happened to each pair lately, and how its two ends are: told when something does not
 * hold (soak_check_pair). Memory is mapped, so that it does not count as the library's (memory.h).
 */
#ifndef SOAK_STORY_H
#define SOAK_STORY_H

#include <stdbool.h>
#include <stdint.h>

#include "refusal.h"

struct soak;
struct soak_message;

struct soak_story;

/* Memory running out ends the program. */
struct soak_story *soak_story_create(uint32_t pairs);
void soak_story_free(struct soak_story *story, uint32_t pairs);

/* Something befell an end, or both. text is kept as a pointer, here and below. */
void soak_note(struct soak *s, uint32_t pair, const char *text);
/* A message met its end. */
void soak_note_message(struct soak *s, const struct soak_message *m, const char *text);

const char *soak_refusal_text(enum wg_refusal refusal);

/* As soak_check(), and tells the story of the pair. */
void soak_check_pair(struct soak *s, bool holds, uint32_t pair, const char *what);

#endif
