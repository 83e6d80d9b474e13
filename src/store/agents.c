/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tables agent and agent_health: what a server keeps of an agent besides its host. */
#include "store/fleet.h"
#include "store/sql.h"

#include <errno.h>

static const struct sql put_sql = {SQL_AGENT_PUT,
	"INSERT INTO agent(host, fingerprint, batch, batch_id, enrolled) VALUES(?1, ?2, ?3, ?4, ?5)"
	" ON CONFLICT(host) DO UPDATE SET fingerprint = excluded.fingerprint,"
	" batch = excluded.batch, batch_id = excluded.batch_id, enrolled = excluded.enrolled"};
static const struct sql health_sql = {SQL_AGENT_HEALTH,
	"INSERT INTO agent_health(host, health) VALUES(?1, ?2)"
	" ON CONFLICT DO UPDATE SET health = excluded.health WHERE health <> excluded.health"};
#define COLUMNS                                                                                    \
	"SELECT a.host, a.fingerprint, a.batch, a.batch_id, a.enrolled, coalesce(h.health, '')"    \
	" FROM agent a"                                                                            \
	" LEFT JOIN agent_health h ON h.host = a.host "
static const struct sql get_sql = {SQL_AGENT_GET, COLUMNS "WHERE a.host = ?1"};
static const struct sql fingerprint_sql = {
	SQL_AGENT_FINGERPRINT, COLUMNS "WHERE a.fingerprint = ?1"};
static const struct sql batch_sql = {
	SQL_AGENT_BATCH, "UPDATE agent SET batch = ?2, batch_id = ?3 WHERE host = ?1"};

int store_agent_put(struct store *s, const struct agent *a)
{
	struct query q;
	sql_write(&q, s, &put_sql);
	sql_put_int(&q, a->host);
	sql_put_text(&q, a->fingerprint);
	sql_put_int(&q, a->batch);
	sql_put_int(&q, a->batch_id);
	sql_put_int(&q, a->enrolled);
	int r = sql_run(&q);
	if (r < 0)
		return r;
	sql_write(&q, s, &health_sql);
	sql_put_int(&q, a->host);
	sql_put_text(&q, a->health);
	return sql_run(&q);
}

static int read_one(struct query *q, struct agent *ret)
{
	struct agent a = {0};
	int row = sql_row(q);
	if (row > 0) {
		a.host = (uint32_t)sql_get_uint(q, UINT32_MAX);
		sql_get_text(q, a.fingerprint, sizeof(a.fingerprint));
		a.batch = sql_get_int(q);
		a.batch_id = sql_get_int(q);
		a.enrolled = sql_get_int(q);
		sql_get_text(q, a.health, sizeof(a.health));
	}
	int r = sql_end_one(q, row);
	if (r == 0)
		*ret = a;
	return r;
}

int store_agent_get(struct store *s, uint32_t host, struct agent *ret)
{
	struct query q;
	sql_read(&q, s, &get_sql);
	sql_put_int(&q, host);
	return read_one(&q, ret);
}

int store_agent_by_fingerprint(struct store *s, const char *fingerprint, struct agent *ret)
{
	struct query q;
	sql_read(&q, s, &fingerprint_sql);
	sql_put_text(&q, fingerprint);
	return read_one(&q, ret);
}

int store_agent_batch(struct store *s, uint32_t host, int64_t number, int64_t id)
{
	struct query q;
	sql_write(&q, s, &batch_sql);
	sql_put_int(&q, host);
	sql_put_int(&q, number);
	sql_put_int(&q, id);
	return sql_run_one(&q);
}
