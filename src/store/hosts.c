/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/rows.h"
#include "store/tables.h"

#include <errno.h>

static const struct sql insert_sql = {SQL_HOST_INSERT,
	"INSERT INTO host(account, uuid, instance_id, name, internet_ip, intranet_ip, region,"
	" enterprise_project, agent_online, remote, retired, version, last_seen)"
	" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)"};
static const struct sql update_sql = {SQL_HOST_UPDATE,
	"UPDATE host SET uuid = ?2, instance_id = ?3, name = ?4, internet_ip = ?5,"
	" intranet_ip = ?6, region = ?7, enterprise_project = ?8, agent_online = ?9,"
	" remote = ?10, retired = ?11, version = ?12, last_seen = ?13"
	" WHERE id = ?14 AND account = ?1"};
static const struct sql get_sql = {
	SQL_HOST_GET, "SELECT " HOST_COLUMNS " FROM host h WHERE h.id = ?1"};
static const struct sql uuid_sql = {
	SQL_HOST_UUID, "SELECT " HOST_COLUMNS " FROM host h WHERE h.account = ?1 AND h.uuid = ?2"};
static const struct sql local_sql = {SQL_HOST_LOCAL,
	"SELECT " HOST_COLUMNS " FROM host h WHERE h.remote = 0 ORDER BY h.id LIMIT 1"};
static const struct sql each_sql = {SQL_HOST_EACH,
	"SELECT " HOST_COLUMNS " FROM host h WHERE ?1 IN (0, h.account) ORDER BY h.id"};

static void put_content(struct query *q, const struct host *h)
{
	sql_put_int(q, h->account);
	sql_put_text(q, h->uuid);
	sql_put_text(q, h->instance_id);
	sql_put_text(q, h->name);
	sql_put_text(q, h->internet_ip);
	sql_put_text(q, h->intranet_ip);
	sql_put_text(q, h->region);
	sql_put_text(q, h->enterprise_project);
	sql_put_int(q, h->agent_online);
	sql_put_int(q, h->remote);
	sql_put_int(q, h->retired);
	sql_put_text(q, h->version);
	sql_put_int(q, h->last_seen);
}

static int insert(struct store *s, struct host *h)
{
	struct query q;
	sql_write(&q, s, &insert_sql);
	put_content(&q, h);
	int r = sql_run(&q);
	if (r == 0)
		h->id = (uint32_t)sqlite3_last_insert_rowid(s->db);
	return r;
}

int store_host_put(struct store *s, struct host *h)
{
	if (h->id == 0)
		return insert(s, h);
	struct query q;
	sql_write(&q, s, &update_sql);
	put_content(&q, h);
	sql_put_int(&q, h->id);
	int r = sql_run_one(&q);
	if (r == STORE_NOT_FOUND)
		return sql_error(s, -EINVAL, "the account has no host %u", h->id);
	return r;
}

static int read_one(struct query *q, struct host *ret)
{
	struct host h = {0};
	int row = sql_row(q);
	if (row > 0)
		rows_host(q, &h);
	int r = sql_end_one(q, row);
	if (r == 0)
		*ret = h;
	return r;
}

int store_host_get(struct store *s, uint32_t id, struct host *ret)
{
	struct query q;
	sql_read(&q, s, &get_sql);
	sql_put_int(&q, id);
	return read_one(&q, ret);
}

int store_host_by_uuid(struct store *s, int64_t account, const char *uuid, struct host *ret)
{
	struct query q;
	sql_read(&q, s, &uuid_sql);
	sql_put_int(&q, account);
	sql_put_text(&q, uuid);
	return read_one(&q, ret);
}

int store_host_local(struct store *s, struct host *ret)
{
	struct query q;
	sql_read(&q, s, &local_sql);
	return read_one(&q, ret);
}

int store_host_each(
	struct store *s, int64_t account, int (*fn)(void *ctx, const struct host *h), void *ctx)
{
	struct query q;
	sql_read(&q, s, &each_sql);
	sql_put_int(&q, account);
	int r = 0;
	while (r == 0 && sql_row(&q) > 0) {
		struct host h = {0};
		rows_host(&q, &h);
		if (sql_sound(&q))
			r = fn(ctx, &h);
	}
	return sql_end(&q, r);
}
