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
#define CUSTOMS                                                                                    \
	"SELECT 4, account, 0, status, 0, direction, 0, count(*) FROM custom_block"                \
	" GROUP BY account, status, direction"
#define COUNTED                                                                                    \
	"SELECT kind, account, scope, state, applied_once, direction, service, n FROM block_count"
#define REAL                                                                                       \
	GROUP("0", "host")                                                                         \
	" UNION ALL " GROUP("0", "0") " UNION ALL " GROUP(                                         \
		"1", HOUR("changed")) " UNION ALL " GROUP("2",                                     \
		HOUR("latest_attempt")) " UNION ALL " GROUP("3", "source") " UNION ALL " CUSTOMS
#define SERIAL(name)                                                                               \
	"coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = '" name "'), 0)"
/* How many of a custom block's targets have a record of it in their kernels. */
#define IN_KERNELS                                                                                 \
	"(SELECT count(*) FROM custom_target t JOIN block b ON b.host = t.host"                    \
	" AND b.target = c.target AND b.len = c.len AND b.service = 0"                             \
	" AND b.direction = c.direction WHERE t.custom = c.id AND b.state = 1)"

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
	{"SELECT count(*) FROM custom_block c WHERE servers <>"
	 " (SELECT count(*) FROM custom_target t WHERE t.custom = c.id)",
		"custom blocks have another number of servers than they say"},
	{"SELECT count(*) FROM custom_block c WHERE applied <> " IN_KERNELS,
		"custom blocks are in another number of kernels than they say"},
	{"SELECT count(*) FROM custom_block WHERE status <> CASE"
	 " WHEN enabled = 0 OR expires <= changed THEN 0 WHEN applied > 0 THEN 1 ELSE 2 END"
	 " OR due IS NOT CASE WHEN status <> 0 THEN nullif(expires, 9223372036854775807) END",
		"custom blocks have a status that does not follow from the rest"},
	{"SELECT count(*) FROM custom_target t WHERE NOT EXISTS (SELECT 1 FROM custom_block c"
	 " JOIN host h ON h.account = c.account WHERE c.id = t.custom AND h.id = t.host)",
		"targets of custom blocks have no server of their account"},
	{"SELECT count(*) FROM rule_host o JOIN host h ON h.id = o.host JOIN rule r"
	 " ON r.id = o.rule WHERE r.account <> h.account OR r.source <> 1",
		"hosts have a rule that is not their account's"},
	/* an agent's own are of its server's counting */
	{"SELECT count(*) FROM block b JOIN host h ON h.id = b.host WHERE b.wish < 0"
	 " OR (h.remote = 1 AND b.wish > " SERIAL("wish.version") ")",
		"records were wished in a version that was never given"},
	{"SELECT count(*) FROM account WHERE policy < 0 OR policy > " SERIAL("wish.version"),
		"accounts have a version that was never given"},
	{"SELECT max(count(*) - 1, 0) FROM (SELECT batch FROM report_block WHERE batch <> 0"
	 " UNION SELECT batch FROM report_attempt WHERE batch <> 0)",
		"batches are frozen beside another"},
	{"SELECT (SELECT count(*) FROM report_block WHERE batch < 0) + (SELECT count(*)"
	 " FROM report_attempt WHERE batch < 0 OR n <= 0)",
		"rows to be reported make no sense"},
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

static int any_window(void *ctx, uint32_t row, uint32_t host, int service,
	const struct prefix *source, const int64_t *times, unsigned n)
{
	(void)ctx, (void)row, (void)host, (void)service, (void)source, (void)times, (void)n;
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

static int any_account(void *ctx, const struct account *a)
{
	(void)ctx, (void)a;
	return 0;
}

static int any_audit(void *ctx, const struct audit_entry *e)
{
	(void)ctx, (void)e;
	return 0;
}

/* All of them; the questions others ask are bound to an account. */
static int customs_each(struct store *s)
{
	static const struct sql all = {
		SQL_CUSTOM_EACH, "SELECT " CUSTOM_COLUMNS " FROM custom_block c"};
	struct query q;
	sql_read(&q, s, &all);
	while (sql_row(&q) > 0) {
		struct custom_block cb = {0};
		rows_custom(&q, &cb);
		(void)sql_sound(&q);
	}
	return sql_end(&q, 0);
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
	report_walk(report, store_block_each(s, 0, UINT32_MAX, any_block, NULL), "block");
	report_walk(report, store_window_each(s, any_window, NULL), "window");
	report_walk(report, store_session_each(s, any_session, NULL), "session");
	report_walk(report, store_host_each(s, 0, any_host, NULL), "host");
	report_walk(report, store_rule_each(s, 0, any_rule, NULL), "rule");
	report_walk(report, store_allow_each(s, 0, any_allow, NULL), "allow");
	report_walk(report, store_account_each(s, any_account, NULL), "account");
	report_walk(report, customs_each(s), "custom_block");
	const struct audit_query whole = {.limit = UINT32_MAX};
	report_walk(report, store_audit_query(s, &whole, any_audit, NULL), "audit");
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
