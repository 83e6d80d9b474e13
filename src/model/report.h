/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an agent tells its server: failures counted and records as they are now, in
 * numbered batches. A batch is the same whenever it is sent again, as far as it counts:
 * the server applies each number once.
 */
#pragma once

#include "model/block.h"

#include <stddef.h>

#define REPORT_ATTEMPTS_MAX 4096 /* rows a batch */
#define REPORT_BLOCKS_MAX   2048

struct report_attempt {
	int64_t minute; /* ms, beginning of the minute */
	struct prefix source;
	enum service service;
	int64_t n;
};

struct report {
	int64_t number; /* 1, 2, 3 … an enrolment */
	int64_t seen;   /* version of the wishes the agent had applied when it read the blocks */
	struct report_attempt *attempts;
	size_t attempt_count;
	struct block *blocks; /* id, account, host, rule: the agent's own, of no meaning elsewhere;
				 the rule goes by its name */
	size_t block_count;
};

/* Frees what it holds. */
void report_done(struct report *r);
