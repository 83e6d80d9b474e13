/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The store: one SQLite database (WAL, STRICT tables) in the state directory.
 * One writer (the engine's main thread) and one read connection a worker.
 *
 * A transaction's errors stick: after the first failure later calls do nothing,
 * and store_commit() returns it and rolls back. All calls return 0, a positive
 * condition where the header says so, or -errno (-ENOSPC, -EROFS, -EEXIST, …; -EIO
 * for SQLite's own troubles and damaged rows; store_error() has the sentence).
 *
 * Every change needs store_begin(); outside of a transaction it gives -EINVAL.
 * Where a call hands rows to `fn`, a non-zero result of fn stops it and is returned;
 * fn may ask other questions, but not the same one again. Strings that are handed in
 * must be valid UTF-8 to be found again; those handed out are the struct's own.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

enum store_durability {
	STORE_REPLAYABLE, /* synchronous=NORMAL: its input can be read again */
	STORE_DURABLE,    /* synchronous=FULL: somebody is told about it */
};

#define STORE_NOT_FOUND 1
#define STORE_EXISTS    2

/* Opens (and makes or migrates) dir/cordon.db for writing. */
int store_open(const char *dir, struct store **ret, struct err *err);
/* A read-only connection to the same database; for one thread. */
int store_open_reader(const char *dir, struct store **ret, struct err *err);
struct store *store_close(struct store *s); /* NULL allowed; returns NULL */

int store_begin(struct store *s);
/*
 * Nobody waits: begins the next transaction already, as far as the database is concerned, and makes
 * room in its log. What that takes (system calls, cold caches) is not in the way of who needs it
 * then. Nobody else ever writes, so the view it takes stays the latest one.
 */
void store_ready(struct store *s);
int store_commit(struct store *s, enum store_durability durability);
void store_rollback(struct store *s);
bool store_in_transaction(const struct store *s);
/* One consistent view over several reads (reader connections). */
int store_snapshot(struct store *s);
void store_snapshot_end(struct store *s);
const char *store_error(const struct store *s);
/* Rows that were skipped because they hold what no Cordon wrote. */
uint64_t store_damaged(const struct store *s);

/* Small named values. */
int store_meta_get(struct store *s, const char *name, char *ret, size_t size); /* or NOT_FOUND */
int store_meta_put(struct store *s, const char *name, const char *value);

/* `cordon db`: integrity check (problems go to fn, one sentence each), online copy. */
int store_check(
	const char *dir, void (*fn)(void *ctx, const char *problem), void *ctx, struct err *err);
int store_backup(const char *dir, const char *to, void (*progress)(void *ctx, int percent),
	void *ctx, struct err *err);
/* Writes it anew without holes; sizes in bytes. -EBUSY while a daemon uses it. */
int store_vacuum(const char *dir, uint64_t *ret_before, uint64_t *ret_after, struct err *err);
/* Bytes of the database and its log. */
uint64_t store_size(const struct store *s);
/* Gives free pages back, a bounded piece a call (1: there are more); copies the log into the
   database when it is long. */
int store_maintain(struct store *s);
