/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who reads the database learns no token: only their hashes are here. */
#include "store/secret.h"
#include "store/sql.h"
#include "store/tables.h"

static const struct sql put_sql = {SQL_TOKEN_PUT,
	"INSERT OR REPLACE INTO token(hash, account, key_id, issued, expires)"
	" VALUES(?1, ?2, ?3, ?4, ?5)"};
static const struct sql get_sql = {
	SQL_TOKEN_GET, "SELECT account, key_id, issued, expires FROM token WHERE hash = ?1"};
static const struct sql expire_sql = {SQL_TOKEN_EXPIRE, "DELETE FROM token WHERE expires <= ?1"};

int store_token_put(struct store *s, const char *token, const struct token *t)
{
	struct secret_hash hash = secret_hash(token);
	struct query q;
	sql_write(&q, s, &put_sql);
	sql_put_blob(&q, hash.b, sizeof(hash.b));
	sql_put_int(&q, t->account);
	sql_put_text(&q, t->key_id);
	sql_put_int(&q, t->issued);
	sql_put_int(&q, t->expires);
	return sql_run(&q);
}

int store_token_get(struct store *s, const char *token, struct token *ret)
{
	struct secret_hash hash = secret_hash(token);
	struct token t = {0};
	struct query q;
	sql_read(&q, s, &get_sql);
	sql_put_blob(&q, hash.b, sizeof(hash.b));
	int row = sql_row(&q);
	if (row > 0) {
		t.account = sql_get_int(&q);
		sql_get_text(&q, t.key_id, sizeof(t.key_id));
		t.issued = sql_get_int(&q);
		t.expires = sql_get_int(&q);
	}
	int r = sql_end_one(&q, row);
	if (r == 0)
		*ret = t;
	return r;
}

int store_token_expire(struct store *s, int64_t now)
{
	struct query q;
	sql_write(&q, s, &expire_sql);
	sql_put_int(&q, now);
	return sql_run(&q);
}
