/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's counters begin again with every boot and every new table, so a
 * reading says of which it is; only against the same one is there a difference.
 */
#include "store/sql.h"
#include "store/tables.h"

static const struct sql put_sql = {SQL_HIT_PUT,
	"INSERT INTO hit(source, len, port, boot_id, nft_table, n, latest, time)"
	" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET"
	" boot_id = excluded.boot_id, nft_table = excluded.nft_table, n = excluded.n,"
	" latest = excluded.latest, time = excluded.time"};
static const struct sql get_sql = {SQL_HIT_GET,
	"SELECT n, latest FROM hit WHERE source = ?1 AND len = ?2 AND port = ?3 AND boot_id = ?4"
	" AND nft_table = ?5"};
static const struct sql expunge_sql = {SQL_HIT_EXPUNGE,
	"DELETE FROM hit WHERE (source, len, port) IN"
	" (SELECT source, len, port FROM hit WHERE time < ?1 ORDER BY time LIMIT ?2)"};

static void put_key(struct query *q, const struct prefix *source, uint16_t port,
	const char *boot_id, uint64_t table)
{
	sql_put_prefix(q, source);
	sql_put_int(q, port);
	sql_put_text(q, boot_id);
	sql_put_int(q, (int64_t)table);
}

int store_hit_get(struct store *s, const struct prefix *source, uint16_t port, const char *boot_id,
	uint64_t table, struct hit_reading *ret)
{
	struct query q;
	sql_read(&q, s, &get_sql);
	put_key(&q, source, port, boot_id, table);
	struct hit_reading reading = {0};
	if (sql_row(&q) > 0) {
		reading.count = (uint64_t)sql_get_int(&q);
		reading.latest = sql_get_int(&q);
	}
	int r = sql_end(&q, 0);
	if (r == 0)
		*ret = reading;
	return r;
}

int store_hit_put(struct store *s, const struct prefix *source, uint16_t port, const char *boot_id,
	uint64_t table, const struct hit_reading *reading, int64_t now)
{
	struct query q;
	sql_write(&q, s, &put_sql);
	put_key(&q, source, port, boot_id, table);
	sql_put_int(&q, (int64_t)reading->count);
	sql_put_int(&q, reading->latest);
	sql_put_int(&q, now);
	return sql_run(&q);
}

int store_hit_expunge(struct store *s, int64_t before, unsigned most)
{
	struct query q;
	sql_write(&q, s, &expunge_sql);
	sql_put_int(&q, before);
	sql_put_int(&q, most);
	int r = sql_run(&q);
	return r < 0 ? r : sqlite3_changes(s->db);
}
