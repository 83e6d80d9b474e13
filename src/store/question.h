/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside block_query.c: a question with its hosts resolved, and the SQL that
 * finds the (id, changed) of what it means. Texts depend only on the question's
 * shape, so each shape is prepared once.
 */
#pragma once

#include "store/blocks.h"
#include "store/sql.h"

enum question_hosts { HOSTS_ANY, HOSTS_ONE, HOSTS_SOME };

/* How the records are found. */
enum question_plan {
	PLAN_ORDERED = 1, /* in the order of the list, from the index of each state */
	PLAN_ADDRESS,     /* those of one prefix, unordered */
	PLAN_HOST,        /* those of one host, unordered */
	PLAN_RANGE,       /* those of a range of time, sorted */
	PLAN_RANGE_COUNT, /* how many of them */
	PLAN_LIKELY,      /* those of a range among the `budget` first of the list */
	PLAN_SORTED,      /* all accounts: everything, sorted */
	PLAN_SORTED_COUNT,
};

struct question {
	const struct block_query *asked;
	int64_t account; /* 0: any of several */
	uint32_t states; /* never 0 */
	enum question_hosts hosts;
	uint32_t host;        /* HOSTS_ONE */
	struct prefix target; /* PLAN_ADDRESS */
	int64_t since, until; /* bounds of latest_attempt; INT64_MIN, INT64_MAX: open */
	int64_t before;       /* PLAN_ORDERED: only what changed before; INT64_MAX: all */
	int64_t offset, limit, budget;
};

/* Binds everything; the answer's columns are id, changed (or a count alone). */
void question_ask(
	struct query *q, struct store *s, const struct question *question, enum question_plan plan);
