/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Housekeeping between transactions, a bounded piece a call: the log is copied
 * into the database before it is long, and pages that retention freed go back
 * to the file system.
 */
#include "store/sql.h"

#include <errno.h>

#define LOG_PAGES     1000 /* from here on a call copies the log */
#define LOG_PAGES_MAX 8192 /* and from here on it also begins the log anew */
#define FREE_PAGES    256  /* fewer are not worth a transaction */

static const struct sql free_sql = {SQL_FREE_PAGES, "PRAGMA freelist_count"};

static int checkpoint(struct store *s)
{
	if (s->log_pages < LOG_PAGES)
		return 0;
	/* a reader that needs the old log keeps it; nobody waits for it */
	int mode = s->log_pages < LOG_PAGES_MAX ? SQLITE_CHECKPOINT_PASSIVE
						: SQLITE_CHECKPOINT_TRUNCATE;
	int log = 0, copied = 0;
	(void)sqlite3_busy_timeout(s->db, 0);
	int r = sqlite3_wal_checkpoint_v2(s->db, "main", mode, &log, &copied);
	(void)sqlite3_busy_timeout(s->db, STORE_BUSY_MS);
	if (r != SQLITE_OK && (r & 0xff) != SQLITE_BUSY)
		return sql_failed(s, r);
	if (log == copied)
		s->log_pages = 0;
	return 0;
}

static int free_pages(struct store *s, int64_t *ret_pages)
{
	struct query q;
	sql_read(&q, s, &free_sql);
	int64_t pages = sql_row(&q) > 0 ? sql_get_int(&q) : 0;
	*ret_pages = pages;
	return sql_end(&q, 0);
}

/* 1: there are more. */
static int vacuum(struct store *s)
{
	int64_t pages = 0;
	int r = free_pages(s, &pages);
	if (r < 0 || pages < FREE_PAGES)
		return r;
	/* not kept prepared: the pages to free are part of the compiled text */
	r = sqlite3_exec(s->db, "PRAGMA incremental_vacuum(256)", NULL, NULL, NULL);
	s->unsynced = true;
	return r == SQLITE_OK ? pages >= 2 * FREE_PAGES : sql_failed(s, r);
}

int store_maintain(struct store *s)
{
	if (!s->writer || s->in_transaction || s->in_snapshot)
		return sql_error(s, -EINVAL, "the store is not at rest");
	store_unready(s);
	int more = vacuum(s);
	int r = more < 0 ? more : checkpoint(s);
	return r < 0 ? r : more;
}
