/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/sql.h"
#include "store/tables.h"

static const struct sql put_sql = {SQL_ALLOW_PUT,
	"INSERT OR REPLACE INTO allow(prefix, len, why, created) VALUES(?1, ?2, ?3, ?4)"};
static const struct sql remove_sql = {
	SQL_ALLOW_REMOVE, "DELETE FROM allow WHERE prefix = ?1 AND len = ?2"};
static const struct sql each_sql = {
	SQL_ALLOW_EACH, "SELECT prefix, len, why, created FROM allow ORDER BY prefix, len"};

int store_allow_put(struct store *s, const struct allow_entry *e)
{
	struct query q;
	sql_write(&q, s, &put_sql);
	sql_put_prefix(&q, &e->prefix);
	sql_put_text(&q, e->why);
	sql_put_int(&q, e->created);
	return sql_run(&q);
}

int store_allow_remove(struct store *s, const struct prefix *p)
{
	struct query q;
	sql_write(&q, s, &remove_sql);
	sql_put_prefix(&q, p);
	return sql_run_one(&q);
}

int store_allow_each(struct store *s, int (*fn)(void *ctx, const struct allow_entry *e), void *ctx)
{
	struct query q;
	sql_read(&q, s, &each_sql);
	int r = 0;
	while (r == 0 && sql_row(&q) > 0) {
		struct allow_entry e = {0};
		sql_get_prefix(&q, &e.prefix);
		sql_get_text(&q, e.why, sizeof(e.why));
		e.created = sql_get_int(&q);
		if (sql_sound(&q))
			r = fn(ctx, &e);
	}
	return sql_end(&q, r);
}
