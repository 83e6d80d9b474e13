/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/accounts.h"

#include "store/sql.h"
#include "store/tables.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>

static const struct sql add_sql = {SQL_ACCOUNT_ADD,
	"INSERT INTO account(uid, project_id, name, closed) VALUES(?1, ?2, ?3, ?4)"};
static const struct sql update_sql = {
	SQL_ACCOUNT_UPDATE, "UPDATE account SET name = ?1, closed = ?2 WHERE id = ?3"};

#define COLUMNS "SELECT id, uid, project_id, name, closed FROM account "
static const struct sql first_sql = {SQL_ACCOUNT_FIRST, COLUMNS "ORDER BY id LIMIT 1"};
static const struct sql get_sql = {SQL_ACCOUNT_GET, COLUMNS "WHERE id = ?1"};
static const struct sql each_sql = {SQL_ACCOUNT_EACH, COLUMNS "ORDER BY id"};
/* a name that looks like another's number is still the name */
static const struct sql find_sql = {SQL_ACCOUNT_FIND,
	COLUMNS "WHERE ?1 IN (name, uid, project_id) ORDER BY name = ?1 DESC, id LIMIT 1"};

static void draw_numbers(struct account *a)
{
	/* 16 digits, the first not 0; each half within randombytes_uniform()'s 32 bits */
	(void)snprintf(a->uid, sizeof(a->uid), "%08" PRIu32 "%08" PRIu32,
		10000000 + randombytes_uniform(90000000), randombytes_uniform(100000000));
	unsigned char bytes[16];
	randombytes_buf(bytes, sizeof(bytes));
	(void)sodium_bin2hex(a->project_id, sizeof(a->project_id), bytes, sizeof(bytes));
}

int store_account_add(struct store *s, struct account *a)
{
	struct account drawn = *a;
	draw_numbers(&drawn);
	struct query q;
	sql_write(&q, s, &add_sql);
	sql_put_text(&q, drawn.uid);
	sql_put_text(&q, drawn.project_id);
	sql_put_text(&q, drawn.name);
	sql_put_int(&q, drawn.closed);
	int r = sql_run(&q);
	if (r < 0)
		return r;
	drawn.id = sqlite3_last_insert_rowid(s->db);
	*a = drawn;
	return 0;
}

int store_account_put(struct store *s, const struct account *a)
{
	struct query q;
	sql_write(&q, s, &update_sql);
	sql_put_text(&q, a->name);
	sql_put_int(&q, a->closed);
	sql_put_int(&q, a->id);
	int r = sql_run_one(&q);
	if (r == STORE_NOT_FOUND)
		return sql_error(s, -EINVAL, "there is no account %lld", (long long)a->id);
	return r;
}

int accounts_found(struct store *s)
{
	struct account first = {.name = "default"};
	int r = store_account_add(s, &first);
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

int store_account_find(struct store *s, const char *text, struct account *ret)
{
	struct query q;
	sql_read(&q, s, &find_sql);
	sql_put_text(&q, text);
	return read_one(&q, ret);
}

int store_account_each(struct store *s, int (*fn)(void *ctx, const struct account *a), void *ctx)
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
