/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who reads the database can invite nobody: only the tokens' hashes are here. */
#include "store/fleet.h"
#include "store/secret.h"
#include "store/sql.h"

static const struct sql put_sql = {SQL_INVITE_PUT,
	"INSERT OR REPLACE INTO invite(hash, account, name, enterprise_project, created, expires)"
	" VALUES(?1, ?2, ?3, ?4, ?5, ?6)"};
static const struct sql get_sql = {SQL_INVITE_GET,
	"SELECT account, name, enterprise_project, created, expires FROM invite"
	" WHERE hash = ?1 AND expires > ?2"};
static const struct sql remove_sql = {SQL_INVITE_REMOVE, "DELETE FROM invite WHERE hash = ?1"};
static const struct sql expire_sql = {SQL_INVITE_EXPIRE, "DELETE FROM invite WHERE expires <= ?1"};

int store_invite_put(struct store *s, const char *token, const struct invite *i)
{
	struct secret_hash hash = secret_hash(token);
	struct query q;
	sql_write(&q, s, &put_sql);
	sql_put_blob(&q, hash.b, sizeof(hash.b));
	sql_put_int(&q, i->account);
	sql_put_text(&q, i->name);
	sql_put_text(&q, i->enterprise_project);
	sql_put_int(&q, i->created);
	sql_put_int(&q, i->expires);
	return sql_run(&q);
}

int store_invite_take(struct store *s, const char *token, int64_t now, struct invite *ret)
{
	struct secret_hash hash = secret_hash(token);
	struct invite i = {0};
	struct query q;
	sql_write(&q, s, &get_sql);
	sql_put_blob(&q, hash.b, sizeof(hash.b));
	sql_put_int(&q, now);
	int row = sql_row(&q);
	if (row > 0) {
		i.account = sql_get_int(&q);
		sql_get_text(&q, i.name, sizeof(i.name));
		sql_get_text(&q, i.enterprise_project, sizeof(i.enterprise_project));
		i.created = sql_get_int(&q);
		i.expires = sql_get_int(&q);
	}
	int r = sql_end_one(&q, row);
	if (r != 0)
		return r;
	sql_write(&q, s, &remove_sql);
	sql_put_blob(&q, hash.b, sizeof(hash.b));
	r = sql_run(&q);
	if (r == 0)
		*ret = i;
	return r;
}

int store_invite_expire(struct store *s, int64_t now)
{
	struct query q;
	sql_write(&q, s, &expire_sql);
	sql_put_int(&q, now);
	return sql_run(&q);
}
