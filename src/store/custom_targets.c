/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Table custom_target: the servers of each custom block. What came of it on one is the
 * record of (host, target, SERVICE_NONE, direction); how many of them are APPLIED is kept with
 * the custom block.
 */
#include "store/custom.h"
#include "store/custom_count.h"
#include "store/found.h"
#include "store/sql.h"

#include <errno.h>

/* Nothing when the host is another account's. */
static const struct sql put_sql = {SQL_TARGET_PUT,
	"INSERT OR IGNORE INTO custom_target(custom, host)"
	" SELECT ?1, id FROM host WHERE id = ?2 AND account = ?3"};
static const struct sql has_sql = {
	SQL_TARGET_HAS, "SELECT 1 FROM custom_target WHERE custom = ?1 AND host = ?2"};
static const struct sql remove_sql = {
	SQL_TARGET_REMOVE, "DELETE FROM custom_target WHERE custom = ?1 AND host = ?2"};
static const struct sql remove_all_sql = {
	SQL_TARGET_REMOVE_ALL, "DELETE FROM custom_target WHERE custom = ?1"};
static const struct sql each_sql = {
	SQL_TARGET_EACH, "SELECT host, 0 FROM custom_target WHERE custom = ?1 ORDER BY host"};
static const struct sql of_host_sql = {SQL_TARGET_OF_HOST,
	"SELECT custom, 0 FROM custom_target INDEXED BY custom_target_host WHERE host = ?1"
	" ORDER BY custom"};
static const struct sql applied_sql = {SQL_TARGET_APPLIED,
	"SELECT 1 FROM block INDEXED BY block_target WHERE target = ?1 AND len = ?2"
	" AND host = ?3 AND service = 0 AND direction = ?4 AND state = 1"};
static const struct sql instances_sql = {SQL_CUSTOM_INSTANCES,
	"SELECT t.host, coalesce(b.state, 0), coalesce(b.error, '') FROM custom_target t"
	" LEFT JOIN block b INDEXED BY block_target ON b.target = ?1 AND b.len = ?2"
	" AND b.host = t.host AND b.service = 0 AND b.direction = ?4"
	" WHERE t.custom = ?3 ORDER BY t.host"};

/* 0, or NOT_FOUND. */
static int end_exists(struct query *q)
{
	int row = sql_row(q);
	return sql_end(q, row > 0 ? 0 : STORE_NOT_FOUND);
}

int custom_target_has(struct store *s, int64_t custom, uint32_t host)
{
	struct query q;
	sql_read(&q, s, &has_sql);
	sql_put_int(&q, custom);
	sql_put_int(&q, host);
	return end_exists(&q);
}

int custom_targets_remove(struct store *s, int64_t custom)
{
	struct query q;
	sql_write(&q, s, &remove_all_sql);
	sql_put_int(&q, custom);
	return sql_run(&q);
}

int custom_target_applied(struct store *s, uint32_t host)
{
	const struct custom_block *now = &s->custom.now;
	struct query q;
	sql_read(&q, s, &applied_sql);
	sql_put_prefix(&q, &now->target);
	sql_put_int(&q, host);
	sql_put_int(&q, now->direction);
	int r = end_exists(&q);
	return r < 0 ? r : r == 0;
}

/* Adds a server to the one that is open, or (by -1) takes it out. */
static int add_server(struct store *s, uint32_t host, int by)
{
	int r = custom_target_applied(s, host);
	if (r >= 0)
		custom_add(s, by, r > 0 ? by : 0);
	return MIN_OF(r, 0);
}

/* Why nothing was put. */
static int was_not_put(struct store *s, int64_t custom, uint32_t host)
{
	int r = custom_target_has(s, custom, host);
	if (r != STORE_NOT_FOUND)
		return r;
	return sql_error(s, -EINVAL, "the account of custom block %lld has no host %u",
		(long long)custom, host);
}

int store_custom_target_put(struct store *s, int64_t custom, uint32_t host)
{
	int r = custom_open(s, custom);
	if (r == STORE_NOT_FOUND)
		return sql_error(s, -EINVAL, "there is no custom block %lld", (long long)custom);
	if (r < 0)
		return r;
	struct query q;
	sql_write(&q, s, &put_sql);
	sql_put_int(&q, custom);
	sql_put_int(&q, host);
	sql_put_int(&q, s->custom.now.account);
	r = sql_run_one(&q);
	if (r == STORE_NOT_FOUND)
		return was_not_put(s, custom, host);
	return r < 0 ? r : add_server(s, host, 1);
}

int store_custom_target_remove(struct store *s, int64_t custom, uint32_t host)
{
	int r = custom_open(s, custom);
	if (r != 0)
		return r;
	struct query q;
	sql_write(&q, s, &remove_sql);
	sql_put_int(&q, custom);
	sql_put_int(&q, host);
	r = sql_run_one(&q);
	return r != 0 ? r : add_server(s, host, -1);
}

/* Gathered first, so that fn may change them. */
static int gather(struct store *s, const struct sql *sql, int64_t of, struct found *found)
{
	struct query q;
	sql_read(&q, s, sql);
	sql_put_int(&q, of);
	return found_rows(found, &q);
}

int store_custom_target_each(
	struct store *s, int64_t custom, int (*fn)(void *ctx, uint32_t host), void *ctx)
{
	_cleanup_(found_done) struct found found = {0};
	int r = gather(s, &each_sql, custom, &found);
	for (size_t i = 0; r == 0 && i < found.n; i++)
		r = fn(ctx, (uint32_t)found.items[i].id);
	return r;
}

int store_custom_forget_host(struct store *s, uint32_t host)
{
	_cleanup_(found_done) struct found found = {0};
	int r = gather(s, &of_host_sql, host, &found);
	for (size_t i = 0; r == 0 && i < found.n; i++)
		r = store_custom_target_remove(s, found.items[i].id, host);
	return r;
}

int custom_follow(struct store *s, const struct block *old, const struct block *b)
{
	bool was = old && old->state == BLOCK_APPLIED, is = b->state == BLOCK_APPLIED;
	if (b->service != SERVICE_NONE || was == is)
		return 0;
	int r = custom_open_target(s, b);
	if (r == 0)
		custom_add(s, 0, is ? 1 : -1);
	return MIN_OF(r, 0);
}

int store_custom_instances(struct store *s, const struct custom_block *cb,
	int (*fn)(void *ctx, const struct custom_instance *i), void *ctx)
{
	struct query q;
	sql_read(&q, s, &instances_sql);
	sql_put_prefix(&q, &cb->target);
	sql_put_int(&q, cb->id);
	sql_put_int(&q, cb->direction);
	int r = 0;
	while (r == 0 && sql_row(&q) > 0) {
		struct custom_instance i = {.host = (uint32_t)sql_get_uint(&q, UINT32_MAX)};
		i.state = (enum block_state)sql_get_uint(&q, BLOCK_STATES - 1);
		sql_get_text(&q, i.error, sizeof(i.error));
		if (sql_sound(&q))
			r = fn(ctx, &i);
	}
	return sql_end(&q, r);
}
