/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Custom blocks on their way from the command line: collected from one request or
 * from many on one connection, then made in one transaction.
 */
#pragma once

#include "core/core.h"

#include <jansson.h>

#define STAGE_TARGETS_MAX (1u << 20)
#define STAGE_WORDS_MAX   (32u << 20) /* bytes of reasons */

struct stage;

struct stage *stage_new(void);             /* NULL: no memory */
struct stage *stage_free(struct stage *s); /* NULL allowed; returns NULL */

/* What all have in common. */
struct stage_terms {
	bool in, out;
	int64_t expires; /* ms, or BLOCK_FOREVER */
	char why[CUSTOM_WHY_MAX];
	char (*uuids)[40]; /* taken over; NULL: every server */
	unsigned n;
	bool skip_refused;
};
void stage_set_terms(struct stage *s, struct stage_terms *terms);
const struct stage_terms *stage_terms(const struct stage *s);

/*
 * One more item: "192.0.2.1", or an object of target, expires (ms), direction ("in",
 * "out", "both") and why. Items count from 0, good or not. CORE_INVALID with err.
 */
int stage_add(struct stage *s, const json_t *item, struct err *err);
size_t stage_items(const struct stage *s);

/* Does it; refused is told item and reason, each item once. Results as core_custom_import(). */
int stage_commit(struct stage *s, struct core *core, const struct core_caller *who,
	void (*refused)(void *ctx, size_t item, const char *why), void *ctx, size_t *ret_done,
	struct err *err);
/* "in", "out", "both". */
bool stage_direction(const char *text, bool *ret_in, bool *ret_out);
