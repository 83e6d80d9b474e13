/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `cordon scan` counts: attempts by source and by user name, and what the
 * rules would have done about them. Both tables are bounded; what no longer
 * fits is still in the totals.
 */
#pragma once

#include "base/slice.h"
#include "detect/detect.h"

#include <stdint.h>

struct source {
	struct prefix prefix; /* as counted: v6 by /64 */
	uint64_t attempts, successes;
	uint64_t stopped;    /* attempts while it would have been blocked */
	int64_t first, last; /* ms; EVENT_NO_TIME: no line had a stamp */
	uint32_t services;   /* SERVICE_BIT()s */
	uint32_t blocks;     /* how often it would have been blocked */
	int64_t blocked;     /* ms: first time; valid when blocks > 0 */
	int64_t until;       /* ms: end of the latest block; BLOCK_FOREVER */
	enum protect_reason protected;
};

struct user {
	char *name; /* any bytes, length long */
	uint32_t length;
	uint64_t attempts;
};

struct counts;

struct totals {
	uint64_t attempts, successes, stopped;
	uint64_t without_source;            /* attempts */
	uint64_t forgeable;                 /* attempts */
	uint32_t forgeable_services;        /* SERVICE_BIT()s of these */
	uint64_t by_service[SERVICE_COUNT]; /* attempts */
	uint64_t blocked_sources, blocks;
	uint64_t source_count, user_count;
	uint64_t left_out; /* attempts of sources or users beyond the tables' size */
	int64_t first, last;
};

/* Rules as in detector_set_rules(). NULL: out of memory, or a rule that cannot be. */
struct counts *counts_new(const struct rule *rules, unsigned n);
struct counts *counts_free(struct counts *c);
void counts_event(struct counts *c, const struct event *event);
void counts_totals(const struct counts *c, struct totals *ret);
/* Most attempts first (sources that only logged in come last); no event may follow. */
const struct source *counts_sources(struct counts *c);
const struct user *counts_users(struct counts *c);
