/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables rule and rule_host: which rule a host has of its own. */
#include "store/sql.h"
#include "store/tables.h"

#include <errno.h>

static const struct sql insert_sql = {SQL_RULE_INSERT,
	"INSERT INTO rule(account, source, name, span, fail_count, forbidden, services,"
	" is_default, enabled, created) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"};
static const struct sql update_sql = {SQL_RULE_UPDATE,
	"UPDATE rule SET source = ?2, name = ?3, span = ?4, fail_count = ?5, forbidden = ?6,"
	" services = ?7, is_default = ?8, enabled = ?9, created = ?10"
	" WHERE id = ?11 AND account = ?1"};
#define COLUMNS                                                                                    \
	"SELECT id, account, source, name, span, fail_count, forbidden, services, is_default,"     \
	" enabled, created FROM rule "
static const struct sql get_sql = {SQL_RULE_GET, COLUMNS "WHERE id = ?1"};
static const struct sql remove_sql = {SQL_RULE_REMOVE, "DELETE FROM rule WHERE id = ?1"};
static const struct sql each_sql = {SQL_RULE_EACH, COLUMNS "WHERE ?1 IN (0, account) ORDER BY id"};
static const struct sql host_put_sql = {
	SQL_RULE_HOST_PUT, "INSERT OR REPLACE INTO rule_host(host, rule) VALUES(?1, ?2)"};
static const struct sql host_remove_sql = {
	SQL_RULE_HOST_REMOVE, "DELETE FROM rule_host WHERE host = ?1"};
static const struct sql host_get_sql = {
	SQL_RULE_HOST_GET, "SELECT rule FROM rule_host WHERE host = ?1"};
static const struct sql host_each_sql = {SQL_RULE_HOST_EACH,
	"SELECT o.host, o.rule FROM rule_host o JOIN host h ON h.id = o.host"
	" WHERE ?1 IN (0, h.account) AND ?2 IN (0, o.rule) ORDER BY o.host"};

static void put_content(struct query *q, const struct rule *r)
{
	sql_put_int(q, r->account);
	sql_put_int(q, r->source);
	sql_put_text(q, r->name);
	sql_put_int(q, r->span);
	sql_put_int(q, r->fail_count);
	sql_put_int(q, r->forbidden);
	sql_put_int(q, r->services);
	sql_put_int(q, r->is_default);
	sql_put_int(q, r->enabled);
	sql_put_int(q, r->created);
}

static void read_row(struct query *q, struct rule *r)
{
	r->id = sql_get_int(q);
	r->account = sql_get_int(q);
	r->source = (enum rule_source)sql_get_uint(q, RULE_USER);
	sql_get_text(q, r->name, sizeof(r->name));
	r->span = sql_get_int(q);
	r->fail_count = (uint32_t)sql_get_uint(q, UINT32_MAX);
	r->forbidden = sql_get_int(q);
	r->services = (uint32_t)sql_get_uint(q, UINT32_MAX);
	r->is_default = sql_get_bool(q);
	r->enabled = sql_get_bool(q);
	r->created = sql_get_int(q);
}

static int insert(struct store *s, struct rule *rule)
{
	struct query q;
	sql_write(&q, s, &insert_sql);
	put_content(&q, rule);
	int r = sql_run(&q);
	if (r == 0)
		rule->id = sqlite3_last_insert_rowid(s->db);
	return r;
}

int store_rule_put(struct store *s, struct rule *rule)
{
	if (rule->id == 0)
		return insert(s, rule);
	struct query q;
	sql_write(&q, s, &update_sql);
	put_content(&q, rule);
	sql_put_int(&q, rule->id);
	int r = sql_run_one(&q);
	if (r == STORE_NOT_FOUND)
		return sql_error(s, -EINVAL, "the account has no rule %lld", (long long)rule->id);
	return r;
}

int store_rule_get(struct store *s, int64_t id, struct rule *ret)
{
	struct rule rule = {0};
	struct query q;
	sql_read(&q, s, &get_sql);
	sql_put_int(&q, id);
	int row = sql_row(&q);
	if (row > 0)
		read_row(&q, &rule);
	int r = sql_end_one(&q, row);
	if (r == 0)
		*ret = rule;
	return r;
}

int store_rule_remove(struct store *s, int64_t id)
{
	struct query q;
	sql_write(&q, s, &remove_sql);
	sql_put_int(&q, id);
	return sql_run_one(&q);
}

int store_rule_each(
	struct store *s, int64_t account, int (*fn)(void *ctx, const struct rule *r), void *ctx)
{
	struct query q;
	sql_read(&q, s, &each_sql);
	sql_put_int(&q, account);
	int r = 0;
	while (r == 0 && sql_row(&q) > 0) {
		struct rule rule = {0};
		read_row(&q, &rule);
		if (sql_sound(&q))
			r = fn(ctx, &rule);
	}
	return sql_end(&q, r);
}

int store_rule_host_put(struct store *s, uint32_t host, int64_t rule)
{
	struct query q;
	sql_write(&q, s, rule ? &host_put_sql : &host_remove_sql);
	sql_put_int(&q, host);
	if (rule)
		sql_put_int(&q, rule);
	return sql_run(&q);
}

int store_rule_host_get(struct store *s, uint32_t host, int64_t *ret_rule)
{
	struct query q;
	sql_read(&q, s, &host_get_sql);
	sql_put_int(&q, host);
	int row = sql_row(&q);
	int64_t rule = row > 0 ? sql_get_int(&q) : 0;
	int r = sql_end_one(&q, row);
	if (r == 0)
		*ret_rule = rule;
	return r;
}

int store_rule_host_each(struct store *s, int64_t account, int64_t rule,
	int (*fn)(void *ctx, uint32_t host, int64_t rule), void *ctx)
{
	struct query q;
	sql_read(&q, s, &host_each_sql);
	sql_put_int(&q, account);
	sql_put_int(&q, rule);
	int r = 0;
	while (r == 0 && sql_row(&q) > 0) {
		uint32_t host = (uint32_t)sql_get_uint(&q, UINT32_MAX);
		int64_t found = sql_get_int(&q);
		if (sql_sound(&q))
			r = fn(ctx, host, found);
	}
	return sql_end(&q, r);
}
