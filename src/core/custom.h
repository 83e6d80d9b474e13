/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Custom blocks inside core. Each keeps its servers' records (service NONE) as it
 * wants them; what a record is like is said by the kernels alone.
 */
#pragma once

#include "base/addr.h"
#include "model/custom.h"

struct core;
struct core_caller;
struct targets;

struct custom_ids {
	int64_t *ids;
	unsigned n, size;
};

void custom_ids_done(struct custom_ids *ids);
int custom_ids_add(struct custom_ids *ids, int64_t id); /* 0 or -ENOMEM */
/* Ascending, each once. */
void custom_ids_sort(struct custom_ids *ids);

#define CUSTOM_TEXT_MAX 256
/* "in on 3 servers until 2026-01-02T03:04:05.678Z: spam"; returns text. */
const char *custom_text(
	const struct custom_block *cb, uint32_t servers, char text[static CUSTOM_TEXT_MAX]);

/* What follows is for within a transaction. */

/* Has the server's record wanted until the block's end. One that is so already is left alone,
   unless anew. */
int custom_want(struct core *c, const struct custom_block *cb, uint32_t host, bool anew);
/* Lifts the server's record. */
int custom_drop(struct core *c, const struct custom_block *cb, uint32_t host);
int custom_servers(struct core *c, int64_t id, struct targets *ret);

/* Adds the enabled ones of the account that hold any part of target and may have no record in
   force. */
int custom_overlapping(
	struct core *c, int64_t account, const struct prefix *target, struct custom_ids *ret);
/* Its records were lifted, or some: once none holds any more it is disabled, and counted. */
int custom_lifted(struct core *c, const struct core_caller *who, int64_t id, unsigned *disabled);
