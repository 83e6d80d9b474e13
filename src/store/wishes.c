/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What agents follow: one counter gives everything its version. */
#include "store/fleet.h"
#include "store/rows.h"
#include "store/serials.h"

#include <errno.h>

static const struct sql each_sql = {SQL_WISH_EACH,
	"SELECT " BLOCK_COLUMNS " FROM block b INDEXED BY block_wish"
	" WHERE b.host = ?1 AND b.wish > 0 AND b.wish > ?2 ORDER BY b.wish LIMIT ?3"};
static const struct sql policy_put_sql = {
	SQL_POLICY_PUT, "UPDATE account SET policy = ?1 WHERE id = ?2"};
static const struct sql policy_get_sql = {
	SQL_POLICY_GET, "SELECT policy FROM account WHERE id = ?1"};

int store_version_next(struct store *s, int64_t *ret)
{
	return serial_next(s, SERIAL_VERSION, ret);
}

int store_version_skip(struct store *s, int64_t last)
{
	return serial_skip(s, SERIAL_VERSION, last);
}

int store_version_latest(struct store *s, int64_t *ret)
{
	return serial_latest(s, SERIAL_VERSION, ret);
}

int store_wish_each(struct store *s, uint32_t host, int64_t after, unsigned most,
	int (*fn)(void *ctx, const struct block *b), void *ctx)
{
	struct query q;
	sql_read(&q, s, &each_sql);
	sql_put_int(&q, host);
	sql_put_int(&q, after);
	sql_put_int(&q, most);
	int r = 0;
	while (r == 0 && sql_row(&q) > 0) {
		struct block b = {0};
		rows_block(&q, &b);
		if (sql_sound(&q))
			r = fn(ctx, &b);
	}
	return sql_end(&q, r);
}

int store_policy_touch(struct store *s, int64_t account)
{
	int64_t version = 0;
	int r = store_version_next(s, &version);
	if (r < 0)
		return r;
	struct query q;
	sql_write(&q, s, &policy_put_sql);
	sql_put_int(&q, version);
	sql_put_int(&q, account);
	r = sql_run_one(&q);
	if (r == STORE_NOT_FOUND)
		return sql_error(s, -EINVAL, "there is no account %lld", (long long)account);
	return r;
}

int store_policy_version(struct store *s, int64_t account, int64_t *ret)
{
	struct query q;
	sql_read(&q, s, &policy_get_sql);
	sql_put_int(&q, account);
	int row = sql_row(&q);
	int64_t version = row > 0 ? sql_get_int(&q) : 0;
	int r = sql_end_one(&q, row);
	if (r == 0)
		*ret = version;
	return r;
}
