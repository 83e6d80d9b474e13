/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/accounts.h"

#include "store/sql.h"
#include "store/tables.h"

#include <inttypes.h>
#include <sodium.h>

static const struct sql add_sql = {SQL_ACCOUNT_ADD,
	"INSERT INTO account(uid, project_id, name, closed) VALUES(?1, ?2, 'default', 0)"};

#define COLUMNS "SELECT id, uid, project_id, name, closed FROM account "
static const struct sql first_sql = {SQL_ACCOUNT_FIRST, COLUMNS "ORDER BY id LIMIT 1"};
static const struct sql get_sql = {SQL_ACCOUNT_GET, COLUMNS "WHERE id = ?1"};
static const struct sql each_sql = {SQL_ACCOUNT_EACH, COLUMNS "ORDER BY id"};
static const struct sql project_sql = {SQL_ACCOUNT_PROJECT, COLUMNS "WHERE project_id = ?1"};

int accounts_found(struct store *s)
{
	/* 16 digits, the first not 0; each half within randombytes_uniform()'s 32 bits */
	char uid[20], project_id[33];
	(void)snprintf(uid, sizeof(uid), "%08" PRIu32 "%08" PRIu32,
		10000000 + randombytes_uniform(90000000), randombytes_uniform(100000000));
	unsigned char bytes[16];
	randombytes_buf(bytes, sizeof(bytes));
	(void)sodium_bin2hex(project_id, sizeof(project_id), bytes, sizeof(bytes));

	struct query q;
	sql_write(&q, s, &add_sql);
	sql_put_text(&q, uid);
	sql_put_text(&q, project_id);
	int r = sql_run(&q);
	return r < 0 ? r : seal_found(s);
}

static void read_row(struct query *q, struct account *a)
{
	a->id = sql_get_int(q);
	sql_get_text(q, a->uid, sizeof(a->uid));
	sql_get_text(q, a->project_id, sizeof(a->project_id));
	sql_get_text(q, a->name, sizeof(a->name));
	a->closed = sql_get_bool(q);
}

static int read_one(struct query *q, struct account *ret)
{
	struct account a = {0};
	int row = sql_row(q);
	if (row > 0)
		read_row(q, &a);
	int r = sql_end_one(q, row);
	if (r == 0)
		*ret = a;
	return r;
}

int store_account_first(struct store *s, struct account *ret)
{
	struct query q;
	sql_read(&q, s, &first_sql);
	return read_one(&q, ret);
}

int store_account_get(struct store *s, int64_t id, struct account *ret)
{
	struct query q;
	sql_read(&q, s, &get_sql);
	sql_put_int(&q, id);
	return read_one(&q, ret);
}

int store_account_by_project(struct store *s, const char *project_id, struct account *ret)
{
	struct query q;
	sql_read(&q, s, &project_sql);
	sql_put_text(&q, project_id);
	return read_one(&q, ret);
}

int accounts_each(struct store *s, int (*fn)(void *ctx, const struct account *a), void *ctx)
{
	struct query q;
	sql_read(&q, s, &each_sql);
	int r = 0;
	while (r == 0 && sql_row(&q) > 0) {
		struct account a = {0};
		read_row(&q, &a);
		if (sql_sound(&q))
			r = fn(ctx, &a);
	}
	return sql_end(&q, r);
}
