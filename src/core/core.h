/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What Cordon can do, in its own words: the questions and operations that the
 * dialects and the command line share. No dialect touches the store.
 *
 * Two doors:
 *  - A `struct core_reader` answers questions on the calling thread, from its own
 *    read connection.
 *  - Operations (core_*) may be called from any thread but the loop's; they run on
 *    the loop's thread, in one durable transaction, and return when it is committed.
 *
 * Results: 0, a positive CORE_* condition, or -errno (a fault of ours; log it).
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "model/account.h"
#include "model/block.h"
#include "model/host.h"
#include "model/rule.h"
#include "store/blocks.h"

struct core;
struct settings;
struct core_reader;

enum core_condition {
	CORE_NOT_FOUND = 1,
	CORE_EXISTS,
	CORE_DENIED,    /* wrong secret, closed account, expired */
	CORE_PROTECTED, /* never blocked; err says why */
	CORE_INVALID,   /* err says what */
};

/* Who asks: written to the audit. */
struct core_caller {
	int64_t account;
	const char *who; /* access key id, "cli" */
};

int core_reader_open(struct core *c, struct core_reader **ret, struct err *err);
struct core_reader *core_reader_close(struct core_reader *r);

/*
 * Blocks, joined with their host. Samples refused connections first when the last
 * sample is older than the configured interval. fn gets the page in order.
 */
int core_blocks(struct core_reader *r, const struct block_query *q,
	int (*fn)(void *ctx, const struct block_row *row), void *ctx, int64_t *ret_total);
/* How many of the blocks a dialect lists there are, by enum rule_source, and rules in force. */
struct core_summary {
	int64_t records[RULE_SOURCES];
	int64_t effective[RULE_SOURCES]; /* of those: the kernel has them */
	int64_t rules;
};
/* Exact, and of one moment. */
int core_summary(struct core_reader *r, int64_t account, struct core_summary *ret);
int core_account(struct core_reader *r, int64_t id, struct account *ret);
int core_account_by_project(struct core_reader *r, const char *project_id, struct account *ret);
int core_host_by_uuid(struct core_reader *r, int64_t account, const char *uuid, struct host *ret);

/* Authentication material. The secret in *ret must be wiped by the caller (sodium_memzero). */
int core_key(struct core_reader *r, const char *id, struct access_key *ret);
/* By id or, failing that, by name. */
int core_key_by_login(struct core_reader *r, const char *login, struct access_key *ret);
int core_token(struct core_reader *r, const char *token, struct token *ret);
/* Makes a token for the key; text of at least 64 hex digits, size bytes with the NUL. */
int core_token_issue(struct core *c, const struct access_key *key, char *ret, size_t size,
	struct token *ret_token);

/* One block a dialect names. */
struct core_block_name {
	const char *host_uuid;
	struct addr address;  /* any address inside the block's prefix */
	enum service service; /* SERVICE_NONE: whichever records there are */
	int64_t id;           /* 0: not said */
};

/*
 * Lifts blocks: all or nothing. CORE_NOT_FOUND when one of them does not exist; *ret_bad (NULL
 * allowed) is its index. Lifting a block that is not active is no error.
 */
int core_blocks_cancel(struct core *c, const struct core_caller *who,
	const struct core_block_name *names, unsigned n, unsigned *ret_bad, struct err *err);
/* Blocks again, for its rule's time from now. CORE_NOT_FOUND when there is no such record. */
int core_block_renew(struct core *c, const struct core_caller *who,
	const struct core_block_name *name, struct err *err);

/* A Prometheus page (text format 0.0.4) into out; no address is ever a label. */
int core_metrics(struct core *c, struct buf *out);
/* 0 while the daemon works: sensors read, store writes, enforcer answers; err says what does not.
 */
int core_health(struct core *c, struct err *err);
/* What settings the dialects need; constant while running. */
const struct settings *core_settings(const struct core *c);
