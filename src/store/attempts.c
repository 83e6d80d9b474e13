/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Failures, counted: a row a (minute, source, host, service). Keys begin with
 * the minute, so the table grows at its end. attempt_minute has the sum of each
 * minute; of the minute being written it is kept back until the commit.
 *
 * By source they are found through an index of parts: rows go into the latest one, until there are
 * enough. A flood of scattered sources changes the pages of one part again and again, and not
 * one page each of the whole index; who asks for a source looks into every part.
 */
#include "store/attempts.h"

#include "base/clock.h"
#include "model/service.h"
#include "store/reports.h"
#include "store/sql.h"
#include "store/tables.h"

#include <errno.h>

#define PART_ROWS 32768

static const struct sql add_sql = {SQL_ATTEMPT_ADD,
	"INSERT INTO attempt(minute, source, len, host, service, n, part)"
	" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET n = n + excluded.n"};
static const struct sql part_sql = {SQL_ATTEMPT_PART,
	"SELECT part, count(*) FROM attempt INDEXED BY attempt_source"
	" WHERE part = (SELECT max(part) FROM attempt) GROUP BY part"};
static const struct sql minute_sql = {SQL_ATTEMPT_MINUTE,
	"INSERT INTO attempt_minute(minute, n) VALUES(?1, ?2)"
	" ON CONFLICT DO UPDATE SET n = n + excluded.n"};
/* The parts there are, one after another, and in each the source. */
static const struct sql sum_sql = {SQL_ATTEMPT_SUM,
	"WITH RECURSIVE parts(part) AS (SELECT min(part) FROM attempt UNION ALL"
	" SELECT (SELECT min(a.part) FROM attempt a WHERE a.part > parts.part) FROM parts"
	" WHERE part IS NOT NULL)"
	"SELECT coalesce(sum(n), 0), coalesce(min(minute), 0), coalesce(max(minute), 0)"
	" FROM parts CROSS JOIN attempt a INDEXED BY attempt_source ON a.part = parts.part"
	" WHERE source = ?1 AND len = ?2 AND +host IN (SELECT id FROM host WHERE account = ?3)"};
static const struct sql total_sql = {
	SQL_ATTEMPT_TOTAL, "SELECT coalesce(sum(n), 0) FROM attempt_minute WHERE minute >= ?1"};
/* At most so many rows are added up, and a few more stepped over: a flood of sources must not
   hold up who asks, be it on the account's servers or on those of others. */
static const struct sql top_sql = {SQL_ATTEMPT_TOP,
	"SELECT source, len, service, sum(n) AS failures, max(minute) FROM"
	" (SELECT source, len, service, n, minute FROM"
	" (SELECT source, len, service, n, minute, host FROM attempt WHERE minute >= ?1"
	" ORDER BY minute DESC LIMIT 100000)"
	" WHERE host IN (SELECT id FROM host WHERE account = ?3) LIMIT 20000)"
	" GROUP BY source, len, service ORDER BY failures DESC, source LIMIT ?2"};
static const struct sql delete_sql = {SQL_ATTEMPT_DELETE,
	"DELETE FROM attempt WHERE (minute, source, len, host, service) IN"
	" (SELECT minute, source, len, host, service FROM attempt WHERE minute < ?1 LIMIT ?2)"};
static const struct sql clean_sql = {SQL_ATTEMPT_CLEAN,
	"DELETE FROM attempt_minute WHERE minute < ?1"
	" AND minute < coalesce((SELECT min(minute) FROM attempt), ?1)"};

static int64_t minute_of(int64_t time)
{
	int64_t rest = time % MS_MINUTE;
	return time - rest - (rest < 0 ? MS_MINUTE : 0);
}

int attempts_flush(struct store *s)
{
	struct store_minute minute = s->minute;
	s->minute.n = 0;
	if (minute.n == 0)
		return 0;
	struct query q;
	sql_write(&q, s, &minute_sql);
	sql_put_int(&q, minute.minute);
	sql_put_int(&q, minute.n);
	return sql_run(&q);
}

void attempts_forget(struct store *s)
{
	s->minute.n = 0;
}

static int add_to_minute(struct store *s, int64_t minute, int64_t n)
{
	if (s->minute.minute != minute) {
		int r = attempts_flush(s);
		if (r < 0)
			return r;
		s->minute.minute = minute;
	}
	s->minute.n += n;
	return 0;
}

/* Goes on with the latest part there is, or begins another. */
static int find_part(struct store *s)
{
	struct store_part latest = {.part = s->part.part + 1, .left = PART_ROWS};
	struct query q;
	if (s->part.part == 0) {
		sql_read(&q, s, &part_sql);
		if (sql_row(&q) > 0) {
			int64_t part = sql_get_int(&q), rows = sql_get_int(&q);
			latest.part = rows < PART_ROWS && part > 0 ? part : part + 1;
			latest.left -= latest.part == part ? rows : 0;
		}
		int r = sql_end(&q, 0);
		if (r < 0)
			return r;
	}
	s->part = latest;
	return 0;
}

int store_attempt_add(struct store *s, int64_t time, uint32_t host, int service,
	const struct prefix *source, int64_t n)
{
	int64_t minute = minute_of(time);
	int r = s->part.left == 0 ? find_part(s) : 0;
	if (r < 0)
		return r;
	struct query q;
	sql_write(&q, s, &add_sql);
	sql_put_int(&q, minute);
	sql_put_prefix(&q, source);
	sql_put_int(&q, host);
	sql_put_int(&q, service);
	sql_put_int(&q, n);
	sql_put_int(&q, s->part.part);
	s->part.left--; /* also if the row is there already */
	r = sql_run(&q);
	if (r == 0)
		r = reports_attempt(s, minute, service, source, n);
	return r < 0 ? r : add_to_minute(s, minute, n);
}

int store_attempt_sum(
	struct store *s, int64_t account, const struct prefix *source, struct attempt_sum *ret)
{
	struct attempt_sum sum = {0};
	struct query q;
	sql_read(&q, s, &sum_sql);
	sql_put_prefix(&q, source);
	sql_put_int(&q, account);
	if (sql_row(&q) > 0) {
		sum.failures = sql_get_int(&q);
		sum.first = sql_get_int(&q);
		sum.latest = sql_get_int(&q);
	}
	int r = sql_end(&q, 0);
	if (r == 0)
		*ret = sum;
	return r;
}

int store_attempt_top(struct store *s, int64_t account, int64_t since, unsigned most,
	int (*fn)(void *ctx, const struct attempt_source *source), void *ctx)
{
	struct query q;
	int r = 0;
	sql_read(&q, s, &top_sql);
	sql_put_int(&q, minute_of(since));
	sql_put_int(&q, most);
	sql_put_int(&q, account);
	while (r == 0 && sql_row(&q) > 0) {
		struct attempt_source a = {0};
		sql_get_prefix(&q, &a.source);
		a.service = (int)sql_get_uint(&q, SERVICE_COUNT - 1);
		a.failures = sql_get_int(&q);
		a.latest = sql_get_int(&q);
		if (sql_sound(&q))
			r = fn(ctx, &a);
	}
	return sql_end(&q, r);
}

int64_t store_attempt_total(struct store *s, int64_t since)
{
	int r = attempts_flush(s);
	if (r < 0)
		return r;
	struct query q;
	sql_read(&q, s, &total_sql);
	sql_put_int(&q, minute_of(since));
	int64_t total = sql_row(&q) > 0 ? sql_get_int(&q) : 0;
	r = sql_end(&q, 0);
	return r < 0 ? r : total;
}

int store_attempt_expunge(struct store *s, int64_t before, unsigned most)
{
	int64_t minute = minute_of(before);
	struct query q;
	sql_write(&q, s, &delete_sql);
	sql_put_int(&q, minute);
	sql_put_int(&q, most);
	int r = sql_run(&q);
	if (r < 0)
		return r;
	int removed = sqlite3_changes(s->db);
	sql_write(&q, s, &clean_sql);
	sql_put_int(&q, minute);
	r = sql_run(&q);
	if (r == 0)
		r = reports_expunge(s, minute, most);
	return r < 0 ? r : removed;
}
