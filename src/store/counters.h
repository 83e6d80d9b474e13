/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Table block_count: how many records there are of each kind, so that a total
 * is a sum over a few rows and not a walk over millions.
 *
 * A record is counted five times: for its host, for all hosts, for the hour of
 * its latest change (where a deep page begins), for the hour of its latest
 * attempt (how many a range of time holds) and for whose rule made it. A custom block is counted
 * once, its status where a record has its state. Differences are gathered here, in a small
 * direct-mapped table, and written at the latest before the commit of the transaction that made
 * them; what shares a slot is written earlier.
 */
#pragma once

#include "model/block.h"
#include "model/custom.h"

#include <stdbool.h>
#include <stdint.h>

struct store;

#define COUNTER_SLOTS 1024
#define COUNTER_HOUR  ((int64_t)3600000)

enum counter_kind {
	COUNTER_HOST,
	COUNTER_CHANGED,
	COUNTER_ATTEMPT,
	COUNTER_SOURCE,
	COUNTER_CUSTOM
};

struct counter {
	enum counter_kind kind;
	int64_t account;
	int64_t scope; /* host (0: all), hours since 1970, or enum rule_source */
	uint8_t state, applied, direction, service;
	bool listed;
	int64_t n;
};

struct counters {
	struct counter slots[COUNTER_SLOTS];
	uint16_t list[COUNTER_SLOTS]; /* slots used since the last flush */
	unsigned listed;
};

/* Which records to count; zero values mean any, as in struct block_query. */
struct counter_filter {
	int64_t account;
	uint32_t states;
	bool applied_once;
	int has_direction;
	enum service service; /* SERVICE_NONE: any */
	bool logins;          /* of those, only what belongs to a login service */
};

/* The hour a time falls in, also before 1970. */
int64_t counters_hour(int64_t ms);
/* n is 1 or -1. */
int counters_add(struct store *s, const struct block *b, int64_t n);
/* Only its latest attempt moved. */
int counters_moved(struct store *s, const struct block *b, int64_t latest);
int counters_custom(
	struct store *s, const struct custom_block *cb, enum custom_status status, int64_t n);
int counters_flush(struct store *s);
void counters_forget(struct store *s);

/* Records of one host (0: of all). */
int counters_sum(
	struct store *s, const struct counter_filter *f, uint32_t host, int64_t *ret_total);
int counters_states(struct store *s, int64_t account, int64_t ret_counts[static BLOCK_STATES]);
/* Records of each enum rule_source. */
int counters_sources(
	struct store *s, const struct counter_filter *f, int64_t ret_totals[static RULE_SOURCES]);
/* Records whose latest attempt is in the hours [from, to). */
int counters_hours(struct store *s, const struct counter_filter *f, int64_t from, int64_t to,
	int64_t *ret_total);
/* Custom blocks of the account. */
int counters_customs(struct store *s, int64_t account,
	int64_t ret_counts[static BLOCK_OUT + 1][CUSTOM_STATUSES]);
/*
 * Where the record at `offset` in the order of latest change is: it changed before
 * *ret_before (ms) and is number *ret_offset among those. Records enough must exist.
 */
int counters_skip(struct store *s, const struct counter_filter *f, int64_t offset,
	int64_t *ret_before, int64_t *ret_offset);
