/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `cordon db check`: SQLite's own check, then what only Cordon knows. All of it
 * sees one instant, also while the daemon writes.
 */
#include "store/blocks.h"
#include "store/connection.h"
#include "store/rows.h"
#include "store/tables.h"

#include <inttypes.h>
#include <stdarg.h>

struct report {
	void (*fn)(void *ctx, const char *problem);
	void *ctx;
	struct store *s;
};

/* As counters_hour() does it. */
#define HOUR(column) "((" column " - (" column " % 3600000 + 3600000) % 3600000) / 3600000)"
#define GROUP(kind, scope)                                                                         \
	"SELECT " kind ", account, " scope ", state, applied_once, direction, service, count(*)"   \
	" FROM block GROUP BY 1, 2, 3, 4, 5, 6, 7"
#define COUNTED                                                                                    \
	"SELECT kind, account, scope, state, applied_once, direction, service, n FROM block_count"
#define REAL                                                                                       \
	GROUP("0", "host")                                                                         \
	" UNION ALL " GROUP("0", "0") " UNION ALL " GROUP(                                         \
		"1", HOUR("changed")) " UNION ALL " GROUP("2",                                     \
		HOUR("latest_attempt")) " UNION ALL " GROUP("3", "source")

/* Each counts what should not be. */
static const struct {
	const char *sql, *what;
} invariants[] = {
	{"SELECT count(*) FROM (SELECT * FROM (" REAL ") EXCEPT " COUNTED ")",
		"counters do not have the number of records there are"},
	{"SELECT count(*) FROM (" COUNTED " EXCEPT SELECT * FROM (" REAL "))",
		"counters count records that are not there"},
	{"SELECT count(*) FROM block WHERE NOT EXISTS"
	 " (SELECT 1 FROM host h WHERE h.id = block.host AND h.account = block.account)",
		"blocks have no host of their account"},
	/* of the oldest minute a part may be removed already */
	{"SELECT count(*) FROM (SELECT minute, n FROM attempt_minute EXCEPT"
	 " SELECT minute, sum(n) FROM attempt GROUP BY minute)"
	 " WHERE minute > (SELECT coalesce(min(minute), minute - 1) FROM attempt)",
		"minutes have another sum than their failures"},
	{"SELECT count(*) FROM attempt WHERE n <= 0 OR length(source) <> 16 OR len > 128",
		"counts of failures make no sense"},
	{"SELECT count(*) FROM account WHERE length(uid) <> 16 OR length(project_id) <> 32",
		"accounts have no proper numbers"},
};

static void problem(struct report *report, const char *format, ...) _printf_(2, 3);
static void problem(struct report *report, const char *format, ...)
{
	struct err text;
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text.text, sizeof(text.text), format, args);
	va_end(args);
	report->fn(report->ctx, text.text);
}

/* Steps the text's rows through `row`; trouble on the way is a problem too. */
static void ask(struct report *report, const char *text,
	void (*row)(struct report *report, sqlite3_stmt *statement, const char *what),
	const char *what)
{
	sqlite3_stmt *statement = NULL;
	int r = sqlite3_prepare_v2(report->s->db, text, -1, &statement, NULL);
	while (r == SQLITE_OK || r == SQLITE_ROW) {
		r = sqlite3_step(statement);
		if (r == SQLITE_ROW)
			row(report, statement, what);
	}
	if (r != SQLITE_DONE)
		problem(report, "%s", sqlite3_errmsg(report->s->db));
	(void)sqlite3_finalize(statement);
}

static void integrity_row(struct report *report, sqlite3_stmt *statement, const char *what)
{
	(void)what;
	const char *text = (const char *)sqlite3_column_text(statement, 0);
	if (text && strcmp(text, "ok") != 0)
		problem(report, "%s", text);
}

static void foreign_row(struct report *report, sqlite3_stmt *statement, const char *what)
{
	(void)what;
	problem(report, "row %" PRId64 " of %s names one of %s that is not there",
		(int64_t)sqlite3_column_int64(statement, 1),
		(const char *)sqlite3_column_text(statement, 0),
		(const char *)sqlite3_column_text(statement, 2));
}

static void count_row(struct report *report, sqlite3_stmt *statement, const char *what)
{
	int64_t n = sqlite3_column_int64(statement, 0);
	if (n > 0)
		problem(report, "%" PRId64 " %s", n, what);
}

static int any_block(void *ctx, const struct block *b)
{
	(void)ctx, (void)b;
	return 0;
}

static int any_window(void *ctx, uint32_t host, int service, const struct prefix *source,
	const int64_t *times, unsigned n)
{
	(void)ctx, (void)host, (void)service, (void)source, (void)times, (void)n;
	return 0;
}

static int any_session(void *ctx, const struct session *session)
{
	(void)ctx, (void)session;
	return 0;
}

static int any_host(void *ctx, const struct host *h)
{
	(void)ctx, (void)h;
	return 0;
}

static int any_rule(void *ctx, const struct rule *r)
{
	(void)ctx, (void)r;
	return 0;
}

static int any_allow(void *ctx, const struct allow_entry *e)
{
	(void)ctx, (void)e;
	return 0;
}

static void report_walk(struct report *report, int r, const char *what)
{
	if (r < 0)
		problem(report, "%s: %s", what, store_error(report->s));
	if (report->s->damaged)
		problem(report, "%" PRIu64 " rows of %s hold what no Cordon wrote",
			report->s->damaged, what);
	report->s->damaged = 0;
}

/* Reading is checking: every row goes through what its users read it with. */
static void check_rows(struct report *report)
{
	struct store *s = report->s;
	/* the state must not decide which rows are looked at */
	ask(report, "SELECT count(*) FROM block WHERE state NOT BETWEEN 0 AND 5", count_row,
		"blocks have a state that is none");
	report_walk(report, store_block_each(s, UINT32_MAX, any_block, NULL), "block");
	report_walk(report, store_window_each(s, any_window, NULL), "window");
	report_walk(report, store_session_each(s, any_session, NULL), "session");
	report_walk(report, store_host_each(s, 0, any_host, NULL), "host");
	report_walk(report, store_rule_each(s, 0, any_rule, NULL), "rule");
	report_walk(report, store_allow_each(s, any_allow, NULL), "allow");
}

int store_check(
	const char *dir, void (*fn)(void *ctx, const char *problem), void *ctx, struct err *err)
{
	struct store *s;
	int r = connection_open(dir, CONNECTION_TOOL, &s, err);
	if (r < 0)
		return r;
	r = store_snapshot(s);
	if (r < 0) {
		(void)err_set(err, r, "%s", store_error(s));
		(void)store_close(s);
		return r;
	}
	struct report report = {.fn = fn, .ctx = ctx, .s = s};
	ask(&report, "PRAGMA integrity_check", integrity_row, NULL);
	ask(&report, "PRAGMA foreign_key_check", foreign_row, NULL);
	for (size_t i = 0; i < countof(invariants); i++)
		ask(&report, invariants[i].sql, count_row, invariants[i].what);
	check_rows(&report);
	(void)store_close(s);
	return 0;
}
