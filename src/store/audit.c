/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/sql.h"
#include "store/tables.h"

#include <string.h>

static const struct sql add_sql = {SQL_AUDIT_ADD,
	"INSERT INTO audit(time, account, who, what, object, detail, \"from\", \"before\","
	" \"after\") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"};
#define COLUMNS                                                                                    \
	"SELECT id, time, account, who, what, object, detail, \"from\", \"before\", \"after\""     \
	" FROM audit "
#define ORDER "ORDER BY time DESC, id DESC LIMIT ?1"
/* One text, walked in the order of whichever index has the least to step over. */
#define QUERY(index, condition)                                                                    \
	COLUMNS "INDEXED BY " index " WHERE " condition                                            \
		" AND time BETWEEN ?3 AND ?4 AND (?5 = 0 OR (time, id) <"                          \
		" (coalesce((SELECT time FROM audit WHERE id = ?5), ?4), ?5))"                     \
		" AND ?6 IN (0, account) AND (?7 IS NULL OR who = ?7)"                             \
		" AND (?8 IS NULL OR what = ?8 OR (substr(?8, -1) = '.'"                           \
		" AND substr(what, 1, length(?8)) = ?8)) AND (?9 = 0 OR who <> 'rule') " ORDER
static const struct sql query_sql = {
	SQL_AUDIT_QUERY, QUERY("audit_time", "(?2 IS NULL OR object = ?2)")};
static const struct sql query_changes_sql = {SQL_AUDIT_QUERY_CHANGES,
	QUERY("audit_change", "who <> 'rule' AND (?2 IS NULL OR object = ?2)")};
static const struct sql query_object_sql = {
	SQL_AUDIT_QUERY_OBJECT, QUERY("audit_object", "object = ?2")};
static const struct sql any_sql = {
	SQL_AUDIT_ANY, "SELECT EXISTS (SELECT 1 FROM audit WHERE time < ?1)"};
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
	sql_put_text(&q, e->from);
	sql_put_text(&q, e->before);
	sql_put_text(&q, e->after);
	return sql_run(&q);
}

static void read_row(struct query *q, struct audit_entry *e)
{
	e->id = sql_get_int(q);
	e->time = sql_get_int(q);
	e->account = sql_get_int(q);
	sql_get_text(q, e->who, sizeof(e->who));
	sql_get_text(q, e->what, sizeof(e->what));
	sql_get_text(q, e->object, sizeof(e->object));
	sql_get_text(q, e->detail, sizeof(e->detail));
	sql_get_text(q, e->from, sizeof(e->from));
	sql_get_text(q, e->before, sizeof(e->before));
	sql_get_text(q, e->after, sizeof(e->after));
}

static int hand_out(struct query *q, int (*fn)(void *ctx, const struct audit_entry *e), void *ctx)
{
	int r = 0;
	while (r == 0 && sql_row(q) > 0) {
		struct audit_entry e = {0};
		read_row(q, &e);
		if (sql_sound(q))
			r = fn(ctx, &e);
	}
	return sql_end(q, r);
}

/* Who asks for a person's changes need not step over the lives of millions of blocks. */
static const struct sql *walk_of(const struct audit_query *asked)
{
	if (asked->object)
		return &query_object_sql;
	bool person = asked->who && strcmp(asked->who, "rule") != 0;
	return asked->changes_only || person ? &query_changes_sql : &query_sql;
}

int store_audit_query(struct store *s, const struct audit_query *q,
	int (*fn)(void *ctx, const struct audit_entry *e), void *ctx)
{
	struct query query;
	sql_read(&query, s, walk_of(q));
	sql_put_int(&query, q->limit);
	sql_put_text(&query, q->object);
	sql_put_int(&query, q->since ? q->since : INT64_MIN);
	sql_put_int(&query, q->until ? q->until : INT64_MAX);
	sql_put_int(&query, q->before_id);
	sql_put_int(&query, q->account);
	sql_put_text(&query, q->who);
	sql_put_text(&query, q->what);
	sql_put_int(&query, q->changes_only);
	return hand_out(&query, fn, ctx);
}

static int any_before(struct store *s, int64_t before, bool *ret_any)
{
	struct query q;
	sql_read(&q, s, &any_sql);
	sql_put_int(&q, before);
	bool any = sql_row(&q) > 0 && sql_get_bool(&q);
	int r = sql_end(&q, 0);
	if (r == 0)
		*ret_any = any;
	return r;
}

/* The triggers let nothing go that is not older than this. */
static int keep_from(struct store *s, int64_t time)
{
	char text[24];
	(void)snprintf(text, sizeof(text), "%lld", (long long)time);
	return store_meta_put(s, "audit.kept_from", text);
}

int store_audit_expunge(struct store *s, int64_t before, unsigned most)
{
	bool any = false;
	int r = any_before(s, before, &any);
	if (r < 0 || !any)
		return r;
	r = keep_from(s, before);
	if (r < 0)
		return r;
	struct query q;
	sql_write(&q, s, &expunge_sql);
	sql_put_int(&q, before);
	sql_put_int(&q, most);
	r = sql_run(&q);
	return r < 0 ? r : sqlite3_changes(s->db);
}
