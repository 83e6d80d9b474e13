/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/sql.h"
#include "store/tables.h"

static const struct sql put_sql = {SQL_ALLOW_PUT,
	"INSERT OR REPLACE INTO allow(prefix, len, account, why, created)"
	" VALUES(?1, ?2, ?3, ?4, ?5)"};
static const struct sql remove_sql = {
	SQL_ALLOW_REMOVE, "DELETE FROM allow WHERE prefix = ?1 AND len = ?2 AND account = ?3"};
static const struct sql each_sql = {SQL_ALLOW_EACH,
	"SELECT prefix, len, account, why, created FROM allow WHERE ?1 IN (0, account)"
	" ORDER BY account, prefix, len"};

int store_allow_put(struct store *s, const struct allow_entry *e)
{
	struct query q;
	sql_write(&q, s, &put_sql);
	sql_put_prefix(&q, &e->prefix);
	sql_put_int(&q, e->account);
	sql_put_text(&q, e->why);
	sql_put_int(&q, e->created);
	return sql_run(&q);
}

int store_allow_remove(struct store *s, int64_t account, const struct prefix *p)
{
	struct query q;
	sql_write(&q, s, &remove_sql);
	sql_put_prefix(&q, p);
	sql_put_int(&q, account);
	return sql_run_one(&q);
}

int store_allow_each(struct store *s, int64_t account,
	int (*fn)(void *ctx, const struct allow_entry *e), void *ctx)
{
	struct query q;
	sql_read(&q, s, &each_sql);
	sql_put_int(&q, account);
	int r = 0;
	while (r == 0 && sql_row(&q) > 0) {
		struct allow_entry e = {0};
		sql_get_prefix(&q, &e.prefix);
		e.account = sql_get_int(&q);
		sql_get_text(&q, e.why, sizeof(e.why));
		e.created = sql_get_int(&q);
		if (sql_sound(&q))
			r = fn(ctx, &e);
	}
	return sql_end(&q, r);
}
