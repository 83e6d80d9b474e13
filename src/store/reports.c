/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What an agent has still to tell its server. Batch 0 gathers: which records changed, and how
 * many failures there were. Frozen, rows get the number of their batch, of which there
 * is one at a time, and go when the server has it; what changes meanwhile is noted anew.
 */
#include "store/reports.h"

#include "store/fleet.h"
#include "store/rows.h"

#include <errno.h>

static const struct sql block_sql = {
	SQL_REPORT_BLOCK, "INSERT OR IGNORE INTO report_block(batch, block) VALUES(0, ?1)"};
static const struct sql range_sql = {SQL_REPORT_RANGE,
	"INSERT OR IGNORE INTO report_block(batch, block)"
	" SELECT 0, id FROM block WHERE id BETWEEN ?1 AND ?2"};
static const struct sql attempt_sql = {SQL_REPORT_ATTEMPT,
	"INSERT INTO report_attempt(batch, minute, source, len, service, n)"
	" VALUES(0, ?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET n = n + excluded.n"};
static const struct sql all_sql = {
	SQL_REPORT_ALL, "INSERT OR IGNORE INTO report_block(batch, block) SELECT 0, id FROM block"};
static const struct sql expunge_sql = {SQL_REPORT_EXPUNGE,
	"DELETE FROM report_attempt WHERE (batch, minute, source, len, service) IN"
	" (SELECT batch, minute, source, len, service FROM report_attempt WHERE batch = 0"
	" AND minute < ?1 LIMIT ?2)"};
static const struct sql forget_blocks_sql = {SQL_REPORT_FORGET_BLOCKS, "DELETE FROM report_block"};
static const struct sql forget_attempts_sql = {
	SQL_REPORT_FORGET_ATTEMPTS, "DELETE FROM report_attempt"};
static const struct sql freeze_blocks_sql = {SQL_REPORT_FREEZE_BLOCKS,
	"UPDATE report_block SET batch = ?1 WHERE batch = 0 AND block IN"
	" (SELECT block FROM report_block WHERE batch = 0 AND block > ?2 AND block <= ?3"
	" ORDER BY block LIMIT ?4)"};
static const struct sql freeze_attempts_sql = {SQL_REPORT_FREEZE_ATTEMPTS,
	"UPDATE report_attempt SET batch = ?1 WHERE (batch, minute, source, len, service) IN"
	" (SELECT batch, minute, source, len, service FROM report_attempt WHERE batch = 0"
	" ORDER BY minute LIMIT ?2)"};
static const struct sql last_block_sql = {SQL_REPORT_LAST_BLOCK,
	"SELECT coalesce(max(block), 0) FROM report_block WHERE batch = ?1 AND block <= ?2"};
static const struct sql frozen_sql = {SQL_REPORT_FROZEN,
	"SELECT batch FROM report_block WHERE batch > 0"
	" UNION ALL SELECT batch FROM report_attempt WHERE batch > 0 LIMIT 1"};
static const struct sql blocks_sql = {SQL_REPORT_BLOCKS,
	"SELECT " BLOCK_COLUMNS " FROM report_block r JOIN block b ON b.id = r.block"
	" WHERE r.batch = ?1 ORDER BY r.block"};
static const struct sql attempts_sql = {SQL_REPORT_ATTEMPTS,
	"SELECT minute, source, len, service, n FROM report_attempt WHERE batch = ?1"
	" ORDER BY minute, source, len, service"};
static const struct sql remove_blocks_sql = {
	SQL_REPORT_REMOVE_BLOCKS, "DELETE FROM report_block WHERE batch = ?1"};
static const struct sql remove_attempts_sql = {
	SQL_REPORT_REMOVE_ATTEMPTS, "DELETE FROM report_attempt WHERE batch = ?1"};
static const struct sql renumber_blocks_sql = {
	SQL_REPORT_RENUMBER_BLOCKS, "UPDATE report_block SET batch = ?2 WHERE batch = ?1"};
static const struct sql renumber_attempts_sql = {
	SQL_REPORT_RENUMBER_ATTEMPTS, "UPDATE report_attempt SET batch = ?2 WHERE batch = ?1"};
static const struct sql waiting_sql = {SQL_REPORT_WAITING,
	"SELECT (SELECT count(*) FROM report_block) + (SELECT count(*) FROM report_attempt)"};

void store_report_on(struct store *s)
{
	s->reports = true;
}

void store_report_off(struct store *s)
{
	s->reports = false;
}

int reports_block(struct store *s, int64_t block)
{
	if (!s->reports)
		return 0;
	struct query q;
	sql_write(&q, s, &block_sql);
	sql_put_int(&q, block);
	return sql_run(&q);
}

int reports_blocks(struct store *s, int64_t first, int64_t last)
{
	if (!s->reports)
		return 0;
	struct query q;
	sql_write(&q, s, &range_sql);
	sql_put_int(&q, first);
	sql_put_int(&q, last);
	return sql_run(&q);
}

int reports_attempt(
	struct store *s, int64_t minute, int service, const struct prefix *source, int64_t n)
{
	if (!s->reports)
		return 0;
	struct query q;
	sql_write(&q, s, &attempt_sql);
	sql_put_int(&q, minute);
	sql_put_prefix(&q, source);
	sql_put_int(&q, service);
	sql_put_int(&q, n);
	return sql_run(&q);
}

int reports_expunge(struct store *s, int64_t minute, unsigned most)
{
	if (!s->reports)
		return 0;
	struct query q;
	sql_write(&q, s, &expunge_sql);
	sql_put_int(&q, minute);
	sql_put_int(&q, most);
	return sql_run(&q);
}

static int run(struct store *s, const struct sql *sql)
{
	struct query q;
	sql_write(&q, s, sql);
	return sql_run(&q);
}

static int run_for(struct store *s, const struct sql *sql, int64_t batch)
{
	struct query q;
	sql_write(&q, s, sql);
	sql_put_int(&q, batch);
	return sql_run(&q);
}

int store_report_all(struct store *s)
{
	return run(s, &all_sql);
}

int store_report_forget(struct store *s)
{
	s->report_last = 0;
	int r = run(s, &forget_blocks_sql);
	return r < 0 ? r : run(s, &forget_attempts_sql);
}

/* Records with ids in (above, most]; how many, or -errno. */
static int freeze_range(struct store *s, int64_t number, int64_t above, int64_t last, unsigned most)
{
	struct query q;
	sql_write(&q, s, &freeze_blocks_sql);
	sql_put_int(&q, number);
	sql_put_int(&q, above);
	sql_put_int(&q, last);
	sql_put_int(&q, most);
	int r = sql_run(&q);
	return r < 0 ? r : sqlite3_changes(s->db);
}

static int last_block(struct store *s, int64_t number, int64_t below, int64_t *ret)
{
	struct query q;
	sql_read(&q, s, &last_block_sql);
	sql_put_int(&q, number);
	sql_put_int(&q, below);
	int64_t last = sql_row(&q) > 0 ? sql_get_int(&q) : 0;
	int r = sql_end(&q, 0);
	if (r == 0)
		*ret = last;
	return r;
}

/* In turn: records that change all the time must not keep the others waiting for ever. */
static int freeze_blocks(struct store *s, int64_t number, unsigned most)
{
	int64_t from = s->report_last;
	int n = freeze_range(s, number, from, INT64_MAX, most);
	int again = n < 0 || (unsigned)n == most
			    ? 0
			    : freeze_range(s, number, 0, from, most - (unsigned)n);
	if (n < 0 || again < 0)
		return MIN_OF(n, again);
	int r = last_block(s, number, again > 0 ? from : INT64_MAX, &s->report_last);
	return r < 0 ? r : n + again;
}

static int freeze_attempts(struct store *s, int64_t number, unsigned most)
{
	struct query q;
	sql_write(&q, s, &freeze_attempts_sql);
	sql_put_int(&q, number);
	sql_put_int(&q, most);
	int r = sql_run(&q);
	return r < 0 ? r : sqlite3_changes(s->db);
}

int store_report_freeze(struct store *s, int64_t number, unsigned most_attempts,
	unsigned most_blocks, size_t *ret_n)
{
	int64_t frozen = 0;
	int r = number > 0 ? store_report_frozen(s, &frozen) : 0;
	if (r < 0)
		return r;
	if (r != STORE_NOT_FOUND)
		return sql_error(s, -EINVAL, "batch %lld cannot be made now", (long long)number);
	int attempts = freeze_attempts(s, number, most_attempts);
	int blocks = attempts < 0 ? attempts : freeze_blocks(s, number, most_blocks);
	if (blocks < 0)
		return blocks;
	*ret_n = (size_t)attempts + (size_t)blocks;
	return 0;
}

int store_report_frozen(struct store *s, int64_t *ret_number)
{
	struct query q;
	sql_read(&q, s, &frozen_sql);
	int row = sql_row(&q);
	int64_t number = row > 0 ? sql_get_int(&q) : 0;
	int r = sql_end_one(&q, row);
	if (r == 0)
		*ret_number = number;
	return r;
}

static void *grown(struct store *s, void *p, size_t n, size_t size)
{
	/* doubled at every power of two */
	if (n & (n - 1) || (n > 0 && n < 64))
		return p;
	void *new = reallocarray(p, n ? 2 * n : 64, size);
	if (!new)
		(void)sql_error(s, -ENOMEM, "out of memory");
	return new;
}

static int read_blocks(struct store *s, int64_t number, struct report *report)
{
	struct query q;
	sql_read(&q, s, &blocks_sql);
	sql_put_int(&q, number);
	int r = 0;
	while (r == 0 && sql_row(&q) > 0) {
		struct block b = {0};
		rows_block(&q, &b);
		if (!sql_sound(&q))
			continue;
		struct block *blocks =
			grown(s, report->blocks, report->block_count, sizeof(*blocks));
		if (!blocks) {
			r = -ENOMEM;
			break;
		}
		report->blocks = blocks;
		report->blocks[report->block_count++] = b;
	}
	return sql_end(&q, r);
}

static int read_attempts(struct store *s, int64_t number, struct report *report)
{
	struct query q;
	sql_read(&q, s, &attempts_sql);
	sql_put_int(&q, number);
	int r = 0;
	while (r == 0 && sql_row(&q) > 0) {
		struct report_attempt a = {.minute = sql_get_int(&q)};
		sql_get_prefix(&q, &a.source);
		a.service = (enum service)sql_get_uint(&q, SERVICE_COUNT - 1);
		a.n = sql_get_int(&q);
		if (!sql_sound(&q))
			continue;
		struct report_attempt *attempts =
			grown(s, report->attempts, report->attempt_count, sizeof(*attempts));
		if (!attempts) {
			r = -ENOMEM;
			break;
		}
		report->attempts = attempts;
		report->attempts[report->attempt_count++] = a;
	}
	return sql_end(&q, r);
}

int store_report_read(struct store *s, int64_t number, struct report *ret)
{
	struct report report = {.number = ret->number, .id = ret->id, .seen = ret->seen};
	int r = read_attempts(s, number, &report);
	if (r == 0)
		r = read_blocks(s, number, &report);
	if (r < 0) {
		report_done(&report);
		return r;
	}
	*ret = report;
	return 0;
}

int store_report_remove(struct store *s, int64_t number)
{
	int r = run_for(s, &remove_blocks_sql, number);
	return r < 0 ? r : run_for(s, &remove_attempts_sql, number);
}

static int renumber(struct store *s, const struct sql *sql, int64_t number, int64_t as)
{
	struct query q;
	sql_write(&q, s, sql);
	sql_put_int(&q, number);
	sql_put_int(&q, as);
	return sql_run(&q);
}

int store_report_renumber(struct store *s, int64_t number, int64_t as)
{
	if (number <= 0 || as <= 0)
		return sql_error(s, -EINVAL, "%lld is the number of no batch", (long long)as);
	int r = renumber(s, &renumber_blocks_sql, number, as);
	return r < 0 ? r : renumber(s, &renumber_attempts_sql, number, as);
}

int store_report_waiting(struct store *s, int64_t *ret)
{
	struct query q;
	sql_read(&q, s, &waiting_sql);
	int64_t n = sql_row(&q) > 0 ? sql_get_int(&q) : 0;
	int r = sql_end(&q, 0);
	if (r == 0)
		*ret = n;
	return r;
}
