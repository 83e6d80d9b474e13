/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inside the store only: one connection, its prepared statements, and a short
 * way to bind, step and read in the order the SQL names things.
 *
 *   struct query q;
 *   sql_write(&q, s, &put);          // or sql_read()
 *   sql_put_text(&q, name);          // ?1, ?2, … in turn
 *   return sql_run(&q);              // steps to the end, resets
 *
 * Errors stick in q.error, and in the store while it is in a transaction, so
 * one check at the end is enough.
 */
#pragma once

#include "base/addr.h"
#include "base/err.h"
#include "base/slice.h"
#include "model/custom.h"
#include "store/counters.h"
#include "store/seal.h"
#include "store/serials.h"
#include "store/store.h"

#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* One a statement: each is prepared on first use and kept by its connection. */
enum sql_slot {
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL_SNAPSHOT,
	SQL_TOUCH,
	SQL_META_GET,
	SQL_META_PUT,
	SQL_COUNT_ADD,
	SQL_COUNT_CLEAN,
	SQL_COUNT_SUM,
	SQL_COUNT_BY_STATE,
	SQL_COUNT_BY_SOURCE,
	SQL_COUNT_CUSTOM,
	SQL_COUNT_RANGE,
	SQL_COUNT_WALK,
	SQL_BLOCK_INSERT,
	SQL_BLOCK_LAST,
	SQL_BLOCK_OLD,
	SQL_BLOCK_UPDATE,
	SQL_BLOCK_UPDATE_WISH,
	SQL_BLOCK_STATE,
	SQL_BLOCK_GET,
	SQL_BLOCK_FIND,
	SQL_BLOCK_HITS,
	SQL_BLOCK_EACH,
	SQL_BLOCK_ACTIVE,
	SQL_BLOCK_OF_HOST,
	SQL_BLOCK_SCAN,
	SQL_BLOCK_DUE,
	SQL_BLOCK_COVERING,
	SQL_BLOCK_WITHIN,
	SQL_BLOCK_ENDED,
	SQL_BLOCK_DELETE,
	SQL_BLOCK_NEXT_LEN,
	SQL_BLOCK_ROW,
	SQL_ACCOUNT_ADD,
	SQL_ACCOUNT_UPDATE,
	SQL_ACCOUNT_FIRST,
	SQL_ACCOUNT_GET,
	SQL_ACCOUNT_FIND,
	SQL_ACCOUNT_EACH,
	SQL_KEY_PUT,
	SQL_KEY_GET,
	SQL_KEY_NAME,
	SQL_KEY_REMOVE,
	SQL_KEY_EACH,
	SQL_TOKEN_PUT,
	SQL_TOKEN_GET,
	SQL_TOKEN_EXPIRE,
	SQL_HOST_INSERT,
	SQL_HOST_UPDATE,
	SQL_HOST_GET,
	SQL_HOST_UUID,
	SQL_HOST_LOCAL,
	SQL_HOST_EACH,
	SQL_RULE_INSERT,
	SQL_RULE_UPDATE,
	SQL_RULE_GET,
	SQL_RULE_REMOVE,
	SQL_RULE_EACH,
	SQL_RULE_HOST_PUT,
	SQL_RULE_HOST_REMOVE,
	SQL_RULE_HOST_GET,
	SQL_RULE_HOST_EACH,
	SQL_CURSOR_PUT,
	SQL_CURSOR_GET,
	SQL_WINDOW_PUT,
	SQL_WINDOW_REMOVE,
	SQL_WINDOW_CUT,
	SQL_WINDOW_EACH,
	SQL_SESSION_PUT,
	SQL_SESSION_REMOVE,
	SQL_SESSION_EACH,
	SQL_ATTEMPT_ADD,
	SQL_ATTEMPT_PART,
	SQL_ATTEMPT_MINUTE,
	SQL_ATTEMPT_SUM,
	SQL_ATTEMPT_TOTAL,
	SQL_ATTEMPT_TOP,
	SQL_ATTEMPT_DELETE,
	SQL_ATTEMPT_CLEAN,
	SQL_ALLOW_PUT,
	SQL_ALLOW_REMOVE,
	SQL_ALLOW_EACH,
	SQL_HIT_PUT,
	SQL_HIT_GET,
	SQL_HIT_EXPUNGE,
	SQL_AUDIT_ADD,
	SQL_AUDIT_QUERY,
	SQL_AUDIT_QUERY_CHANGES,
	SQL_AUDIT_QUERY_OBJECT,
	SQL_AUDIT_ANY,
	SQL_AUDIT_EXPUNGE,
	SQL_CUSTOM_INSERT,
	SQL_CUSTOM_ADD,
	SQL_COVER_TARGETS,
	SQL_COVER_BLOCKS,
	SQL_COVER_OLDER,
	SQL_CUSTOM_UPDATE,
	SQL_CUSTOM_NUMBERS,
	SQL_CUSTOM_STATUS,
	SQL_CUSTOM_GET,
	SQL_CUSTOM_FIND,
	SQL_CUSTOM_OF_BLOCK,
	SQL_CUSTOM_REMOVE,
	SQL_CUSTOM_EACH,
	SQL_CUSTOM_EVERYWHERE,
	SQL_CUSTOM_OF_HOST,
	SQL_CUSTOM_DUE,
	SQL_CUSTOM_INSTANCES,
	SQL_CUSTOM_TARGETED,
	SQL_CUSTOM_WITHIN,
	SQL_TARGET_PUT,
	SQL_TARGET_HAS,
	SQL_TARGET_REMOVE,
	SQL_TARGET_REMOVE_ALL,
	SQL_TARGET_EACH,
	SQL_TARGET_OF_HOST,
	SQL_TARGET_APPLIED,
	SQL_INVITE_PUT,
	SQL_INVITE_GET,
	SQL_INVITE_REMOVE,
	SQL_INVITE_EXPIRE,
	SQL_AGENT_PUT,
	SQL_AGENT_HEALTH,
	SQL_AGENT_GET,
	SQL_AGENT_FINGERPRINT,
	SQL_AGENT_BATCH,
	SQL_WISH_EACH,
	SQL_POLICY_PUT,
	SQL_POLICY_GET,
	SQL_REPORT_BLOCK,
	SQL_REPORT_RANGE,
	SQL_REPORT_ATTEMPT,
	SQL_REPORT_ALL,
	SQL_REPORT_FORGET_BLOCKS,
	SQL_REPORT_FORGET_ATTEMPTS,
	SQL_REPORT_FREEZE_BLOCKS,
	SQL_REPORT_FREEZE_ATTEMPTS,
	SQL_REPORT_LAST_BLOCK,
	SQL_REPORT_FROZEN,
	SQL_REPORT_BLOCKS,
	SQL_REPORT_ATTEMPTS,
	SQL_REPORT_REMOVE_BLOCKS,
	SQL_REPORT_REMOVE_ATTEMPTS,
	SQL_REPORT_RENUMBER_BLOCKS,
	SQL_REPORT_RENUMBER_ATTEMPTS,
	SQL_REPORT_WAITING,
	SQL_REPORT_EXPUNGE,
	SQL_FREE_PAGES,
	SQL_SLOTS
};

struct sql {
	enum sql_slot slot;
	const char *text;
};

/* How long a statement waits for another connection's lock. */
#define STORE_BUSY_MS 5000

/* Statements composed for the question asked: question.c's, and custom_query.c's (bit 31). */
#define STORE_SHAPES 16

struct store_shape {
	uint32_t shape; /* 0: free */
	sqlite3_stmt *statement;
};

/* The part of attempt_source that new rows go to; how many more may. */
struct store_part {
	int64_t part, left;
};

/* Failures of the current minute not yet added to attempt_minute. */
struct store_minute {
	int64_t minute, n;
};

/* A custom block's numbers. */
struct store_numbers {
	enum custom_status status;
	uint32_t servers, applied;
};

/* The custom block whose numbers the open transaction changes; they are written when it is
   another's turn, and before the commit. */
struct store_custom {
	struct custom_block now;      /* id 0: none */
	struct store_numbers written; /* what its row says */
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[SQL_SLOTS];
	struct store_shape shapes[STORE_SHAPES];
	unsigned shape_next;

	bool writer;
	bool in_transaction, in_snapshot;
	bool ready;    /* SQLite is in a transaction, which nobody has begun yet */
	bool unsynced; /* commits the disk may not have yet */
	int log_pages; /* of the log, at the latest commit */
	int error;     /* the transaction's first */
	int changes;   /* sqlite3_total_changes() when it began */
	int lock;      /* descriptor that holds dir/lock, or -1 */
	uint64_t damaged;
	struct err why;

	struct seal seal;
	struct counters counters;
	struct store_minute minute;
	struct store_part part;
	struct store_custom custom;
	int64_t block_last; /* latest id given to a block; 0: not looked up yet */
	struct serial_state serials[SERIALS];
	bool reports;                 /* what changes is noted in report_block and report_attempt */
	int64_t report_last;          /* latest record that was frozen */
	const uint32_t *wanted_hosts; /* sorted; of the query that runs */
	size_t wanted_host_count;
	char path[PATH_MAX];
};

struct query {
	struct store *s;
	sqlite3_stmt *statement; /* NULL after an error */
	int parameter, column;   /* the last one used */
	int error;
	bool damaged; /* the row holds what no Cordon wrote */
};

/* Takes store_ready() back: SQLite is in no transaction any more. */
void store_unready(struct store *s);

/* Records why and returns code; in a transaction it sticks. */
int sql_error(struct store *s, int code, const char *format, ...) _printf_(3, 4);
/* The same for a result of SQLite: its -errno and its words. */
int sql_failed(struct store *s, int result);

/* A change: refused outside a transaction. */
void sql_write(struct query *q, struct store *s, const struct sql *sql);
void sql_read(struct query *q, struct store *s, const struct sql *sql);
/* Around a statement the caller prepared. */
void sql_around(struct query *q, struct store *s, sqlite3_stmt *statement);

/* The kept statement of a shape (never 0), or NULL. */
sqlite3_stmt *sql_shape_find(struct store *s, uint32_t shape);
/* Prepares and keeps it, in the place of an older one; NULL after an error. */
struct buf;
sqlite3_stmt *sql_shape_add(struct store *s, uint32_t shape, const struct buf *text);

void sql_put_int(struct query *q, int64_t value);
void sql_put_text(struct query *q, const char *value); /* must outlive the query */
void sql_put_blob(struct query *q, const void *p, size_t n);
void sql_put_addr(struct query *q, const struct addr *a);
void sql_put_prefix(struct query *q, const struct prefix *p); /* address, then length */

/* 1: a row, 0: no more, or -errno. Columns are then read in turn. */
int sql_row(struct query *q);
int64_t sql_get_int(struct query *q);
/* 0 and damaged when it is not within 0..most. */
uint64_t sql_get_uint(struct query *q, uint64_t most);
bool sql_get_bool(struct query *q);
void sql_get_text(struct query *q, char *ret, size_t size); /* damaged when it does not fit */
struct slice sql_get_blob(struct query *q);                 /* until the next row */
void sql_get_addr(struct query *q, struct addr *ret);
void sql_get_prefix(struct query *q, struct prefix *ret);

/* Ends the query; its error, or `result`. */
int sql_end(struct query *q, int result);
/* Steps a statement without rows to its end. */
int sql_run(struct query *q);
/* The same; STORE_NOT_FOUND when it changed nothing. */
int sql_run_one(struct query *q);
/* After one sql_row() of a query that has at most one: 0, STORE_NOT_FOUND or -errno. */
int sql_end_one(struct query *q, int row);
/* True when the row just read is sound; else counts it. */
bool sql_sound(struct query *q);
