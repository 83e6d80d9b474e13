/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Table block, and the counters that make every TotalCount exact and cheap. */
#pragma once

#include "model/block.h"
#include "model/host.h"
#include "store/store.h"

/* Inserts (id == 0: sets it; -EEXIST when there is such a record) or updates; keeps the
   counters. account, host, target, service and direction of a record never change: -EINVAL. */
int store_block_put(struct store *s, struct block *b);
/* The same for the state alone, and what goes with it; or NOT_FOUND. */
int store_block_state(
	struct store *s, int64_t id, enum block_state state, const char *error, int64_t changed);
int store_block_get(struct store *s, int64_t id, struct block *ret); /* or NOT_FOUND */
/* The one record of (host, prefix, service, direction). */
int store_block_find(struct store *s, uint32_t host, const struct prefix *target,
	enum service service, enum block_direction direction, struct block *ret); /* or NOT_FOUND */
/* Adds refused connections or failures to a record: attempts += n, latest_attempt = max;
   or NOT_FOUND. */
int store_block_count(struct store *s, int64_t id, int64_t n, int64_t latest);

/* Records of a host (0: of all) whose state is in the mask (1u << state), by expiry; fn non-zero
   stops. */
int store_block_each(struct store *s, uint32_t host, uint32_t states,
	int (*fn)(void *ctx, const struct block *b), void *ctx);
/* Those of one host in any order, as fast as can be; fn must not change any. Only what a kernel
   has to do with is read: id, host, target, direction, service, port, state, error, expires. */
int store_block_load(struct store *s, uint32_t host, uint32_t states,
	int (*fn)(void *ctx, const struct block *b), void *ctx);
/* WANTED, APPLIED and FAILED records that end at or before `now`, at most `most`; *ret_next: the
   next end after those (INT64_MAX: none). fn may change them. */
int store_block_due(struct store *s, int64_t now, unsigned most,
	int (*fn)(void *ctx, const struct block *b), void *ctx, int64_t *ret_next);
/* Active records (WANTED or APPLIED) of the account (0: of any), of whatever host, whose prefix
   contains or lies within `target`. */
int store_block_covering(struct store *s, int64_t account, const struct prefix *target,
	int (*fn)(void *ctx, const struct block *b), void *ctx);

/* A question as the dialects and the CLI ask it. Zero values mean: any. */
struct block_query {
	int64_t account;
	uint32_t host;
	const char *host_name;           /* exact */
	const char *host_like;           /* substring of name or of either address */
	const char *instance_id;         /* exact */
	const char *enterprise_project;  /* exact */
	const char *enterprise_projects; /* one of these, one a line; NULL or "": any */
	uint32_t states;                 /* mask of 1u << state */
	bool applied_once;               /* only what the kernel had at least once */
	bool has_address;
	struct addr address; /* records whose prefix contains it */
	enum service service;
	bool logins;           /* only those of a login service: none made by hand */
	int has_direction;     /* 0: any, else direction + 1 */
	int64_t since, until;  /* latest_attempt in [since, until]; 0: open */
	int64_t offset, limit; /* limit 0: only the count */
};

struct block_row {
	struct block block;
	struct host host;
};

/* Latest change first, then id descending. fn gets the page; *ret_total is exact. */
int store_block_query(struct store *s, const struct block_query *q,
	int (*fn)(void *ctx, const struct block_row *row), void *ctx, int64_t *ret_total);
/* Records in each state, for status and metrics. */
int store_block_counts(struct store *s, int64_t account, int64_t ret_counts[static BLOCK_STATES]);
/* Inbound records of a login service in a state of the mask (0: any), by whose rule made them. */
int store_block_sources(
	struct store *s, int64_t account, uint32_t states, int64_t ret_counts[static RULE_SOURCES]);
/* Retention: removes records whose latest change is before and that have ended (expired,
   canceled, or failed and their time is over); at most `most`. Count or -errno. */
int store_block_expunge(struct store *s, int64_t before, unsigned most);
