/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/sql.h"
#include "store/tables.h"

#include <errno.h>

static const struct sql put_sql = {
	SQL_CURSOR_PUT, "INSERT OR REPLACE INTO cursor(name, value) VALUES(?1, ?2)"};
static const struct sql get_sql = {SQL_CURSOR_GET, "SELECT value FROM cursor WHERE name = ?1"};

int store_cursor_put(struct store *s, const char *name, struct slice cursor)
{
	struct query q;
	sql_write(&q, s, &put_sql);
	sql_put_text(&q, name);
	sql_put_blob(&q, cursor.p, cursor.n);
	return sql_run(&q);
}

int store_cursor_get(struct store *s, const char *name, struct buf *ret)
{
	struct query q;
	sql_read(&q, s, &get_sql);
	sql_put_text(&q, name);
	int row = sql_row(&q);
	if (row > 0) {
		buf_reset(ret);
		buf_slice(ret, sql_get_blob(&q));
		if (ret->error)
			q.error = sql_error(s, ret->error, "the cursor %s is too long", name);
	}
	return sql_end_one(&q, row);
}
