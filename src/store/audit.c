/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/sql.h"
#include "store/tables.h"

static const struct sql add_sql = {SQL_AUDIT_ADD,
	"INSERT INTO audit(time, account, who, what, object, detail)"
	" VALUES(?1, ?2, ?3, ?4, ?5, ?6)"};
#define COLUMNS "SELECT time, account, who, what, object, detail FROM audit "
#define ORDER   "ORDER BY time DESC, id DESC LIMIT ?1"
static const struct sql each_sql = {SQL_AUDIT_EACH, COLUMNS ORDER};
static const struct sql object_sql = {SQL_AUDIT_OBJECT, COLUMNS "WHERE object = ?2 " ORDER};
static const struct sql expunge_sql = {SQL_AUDIT_EXPUNGE,
	"DELETE FROM audit WHERE id IN"
	" (SELECT id FROM audit WHERE time < ?1 ORDER BY time LIMIT ?2)"};

int store_audit_add(struct store *s, const struct audit_entry *e)
{
	struct query q;
	sql_write(&q, s, &add_sql);
	sql_put_int(&q, e->time);
	sql_put_int(&q, e->account);
	sql_put_text(&q, e->who);
	sql_put_text(&q, e->what);
	sql_put_text(&q, e->object);
	sql_put_text(&q, e->detail);
	return sql_run(&q);
}

static void read_row(struct query *q, struct audit_entry *e)
{
	e->time = sql_get_int(q);
	e->account = sql_get_int(q);
	sql_get_text(q, e->who, sizeof(e->who));
	sql_get_text(q, e->what, sizeof(e->what));
	sql_get_text(q, e->object, sizeof(e->object));
	sql_get_text(q, e->detail, sizeof(e->detail));
}

int store_audit_each(struct store *s, const char *object, unsigned most,
	int (*fn)(void *ctx, const struct audit_entry *e), void *ctx)
{
	struct query q;
	sql_read(&q, s, object ? &object_sql : &each_sql);
	sql_put_int(&q, most);
	if (object)
		sql_put_text(&q, object);
	int r = 0;
	while (r == 0 && sql_row(&q) > 0) {
		struct audit_entry e = {0};
		read_row(&q, &e);
		if (sql_sound(&q))
			r = fn(ctx, &e);
	}
	return sql_end(&q, r);
}

int store_audit_expunge(struct store *s, int64_t before, unsigned most)
{
	struct query q;
	sql_write(&q, s, &expunge_sql);
	sql_put_int(&q, before);
	sql_put_int(&q, most);
	int r = sql_run(&q);
	return r < 0 ? r : sqlite3_changes(s->db);
}
