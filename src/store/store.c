/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Transactions. In WAL mode with synchronous=NORMAL a COMMIT writes its frames
 * to the log but leaves them in the page cache: a crash of the program loses
 * nothing, a power loss may. `PRAGMA synchronous` cannot change within a
 * transaction, and how much a transaction matters is known only at its end, so
 * a STORE_DURABLE commit is a NORMAL one followed by fdatasync() of the log:
 * what FULL does too, in the same order. The log's file is SQLite's own
 * (SQLITE_FCNTL_JOURNAL_POINTER), so its first sync also covers the directory.
 */
#include "store/store.h"

#include "store/attempts.h"
#include "store/connection.h"
#include "store/custom_count.h"
#include "store/serials.h"
#include "store/sql.h"
#include "store/walfile.h"

#include <errno.h>
#include <sys/stat.h>

static const struct sql begin_sql = {SQL_BEGIN, "BEGIN IMMEDIATE"};
static const struct sql commit_sql = {SQL_COMMIT, "COMMIT"};
static const struct sql rollback_sql = {SQL_ROLLBACK, "ROLLBACK"};
static const struct sql snapshot_sql = {SQL_SNAPSHOT, "BEGIN"};
/* BEGIN alone takes no snapshot: the first read does. */
static const struct sql touch_sql = {SQL_TOUCH, "SELECT 1 FROM meta LIMIT 1"};
static const struct sql meta_get_sql = {SQL_META_GET, "SELECT value FROM meta WHERE name = ?1"};
static const struct sql meta_put_sql = {
	SQL_META_PUT, "INSERT OR REPLACE INTO meta(name, value) VALUES(?1, ?2)"};

int store_open(const char *dir, struct store **ret, struct err *err)
{
	return connection_open(dir, CONNECTION_WRITER, ret, err);
}

int store_open_reader(const char *dir, struct store **ret, struct err *err)
{
	return connection_open(dir, CONNECTION_READER, ret, err);
}

struct store *store_close(struct store *s)
{
	if (!s)
		return NULL;
	store_rollback(s);
	store_snapshot_end(s);
	store_unready(s);
	for (unsigned i = 0; i < countof(s->statements); i++)
		(void)sqlite3_finalize(s->statements[i]);
	for (unsigned i = 0; i < countof(s->shapes); i++)
		(void)sqlite3_finalize(s->shapes[i].statement);
	(void)sqlite3_close(s->db);
	if (s->lock >= 0)
		(void)close(s->lock);
	seal_done(&s->seal);
	free(s);
	return NULL;
}

static int run(struct store *s, const struct sql *sql)
{
	struct query q;
	sql_read(&q, s, sql);
	return sql_run(&q);
}

int store_begin(struct store *s)
{
	if (!s->writer || s->in_transaction || s->in_snapshot)
		return sql_error(s, -EINVAL, "no transaction can begin here");
	int r = s->ready ? 0 : run(s, &begin_sql);
	if (r < 0)
		return r;
	s->ready = false;
	s->in_transaction = true;
	s->changes = sqlite3_total_changes(s->db);
	return 0;
}

static sqlite3_file *log_of(struct store *s)
{
	sqlite3_file *log = NULL;
	int r = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	return r == SQLITE_OK && log && log->pMethods ? log : NULL;
}

void store_ready(struct store *s)
{
	if (!s->writer || s->in_transaction || s->in_snapshot || s->ready)
		return;
	s->ready = run(s, &begin_sql) == 0; /* else store_begin() will say why */
	sqlite3_file *log = log_of(s);
	if (log)
		walfile_make_room(log);
}

void store_unready(struct store *s)
{
	if (s->ready)
		(void)run(s, &rollback_sql);
	s->ready = false;
}

static int sync_log(struct store *s)
{
	sqlite3_file *log = log_of(s);
	int r = log ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY)
		    : SQLITE_OK;
	if (r == SQLITE_OK) {
		s->unsynced = false;
		return 0;
	}
	return sql_error(
		s, -EIO, "cannot bring %s-wal to the disk: %s", s->path, sqlite3_errstr(r));
}

int store_commit(struct store *s, enum store_durability durability)
{
	if (!s->in_transaction)
		return sql_error(s, -EINVAL, "there is no transaction to commit");
	int r = s->error;
	if (r == 0)
		r = custom_flush(s);
	if (r == 0)
		r = counters_flush(s);
	if (r == 0)
		r = attempts_flush(s);
	if (r == 0)
		r = serials_flush(s);
	if (r == 0)
		r = run(s, &commit_sql);
	if (r < 0) {
		store_rollback(s);
		return r;
	}
	s->in_transaction = false;
	custom_forget(s);
	if (sqlite3_total_changes(s->db) != s->changes)
		s->unsynced = true;
	return durability == STORE_DURABLE && s->unsynced ? sync_log(s) : 0;
}

void store_rollback(struct store *s)
{
	if (!s->in_transaction)
		return;
	struct err why = s->why;
	s->error = 0;
	s->in_transaction = false;
	s->block_last = 0;
	counters_forget(s);
	attempts_forget(s);
	custom_forget(s);
	serials_forget(s);
	/* some errors have already rolled back (sqlite.org/lang_transaction.html) */
	if (!sqlite3_get_autocommit(s->db))
		(void)run(s, &rollback_sql);
	s->why = why;
}

bool store_in_transaction(const struct store *s)
{
	return s->in_transaction;
}

int store_snapshot(struct store *s)
{
	if (s->in_transaction || s->in_snapshot)
		return sql_error(s, -EINVAL, "there is a view already");
	int r = s->ready ? 0 : run(s, &snapshot_sql);
	if (r < 0)
		return r;
	s->in_snapshot = true;
	r = s->ready ? 0 : run(s, &touch_sql);
	if (r < 0)
		store_snapshot_end(s);
	return r;
}

void store_snapshot_end(struct store *s)
{
	if (!s->in_snapshot)
		return;
	s->in_snapshot = false;
	if (!s->ready && !sqlite3_get_autocommit(s->db))
		(void)run(s, &rollback_sql);
}

const char *store_error(const struct store *s)
{
	return s->why.text;
}

uint64_t store_damaged(const struct store *s)
{
	return s->damaged;
}

int store_meta_get(struct store *s, const char *name, char *ret, size_t size)
{
	struct query q;
	sql_read(&q, s, &meta_get_sql);
	sql_put_text(&q, name);
	int row = sql_row(&q);
	_cleanup_(freep) char *value = row > 0 ? malloc(size) : NULL;
	if (row > 0 && !value)
		q.error = sql_error(s, -ENOMEM, "out of memory");
	if (value)
		sql_get_text(&q, value, size);
	int r = sql_end_one(&q, row);
	if (r == 0 && value)
		memcpy(ret, value, strlen(value) + 1);
	return r;
}

int store_meta_put(struct store *s, const char *name, const char *value)
{
	struct query q;
	sql_write(&q, s, &meta_put_sql);
	sql_put_text(&q, name);
	sql_put_text(&q, value);
	return sql_run(&q);
}

static uint64_t file_size(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

uint64_t store_size(const struct store *s)
{
	char log[PATH_MAX + 8];
	(void)snprintf(log, sizeof(log), "%s-wal", s->path);
	return file_size(s->path) + file_size(log);
}
