/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/scan_report.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/util.h"
#include "cli/table.h"
#include "core/settings.h"
#include "model/block.h"

#include <errno.h>
#include <inttypes.h>

/* ---- for people ---- */

/* 1234567 -> "1,234,567" */
static const char *grouped(uint64_t n, char text[static 32])
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, n);
	char *p = text;
	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			*p++ = ',';
		*p++ = digits[i];
	}
	*p = '\0';
	return text;
}

/* "2026-11-21 22:00:00", UTC */
static const char *moment(int64_t ms, char text[static CLOCK_TEXT_MAX])
{
	if (ms == EVENT_NO_TIME || ms == INT64_MAX)
		return "-";
	(void)clock_format(ms, text);
	text[10] = ' ';
	text[19] = '\0';
	return text;
}

static const char *services_text(uint32_t services, char *text, size_t size)
{
	size_t n = 0;
	text[0] = '\0';
	for (unsigned s = SERVICE_NONE + 1; s < SERVICE_COUNT; s++)
		if (services & SERVICE_BIT(s) && n < size)
			n += (size_t)snprintf(text + n, size - n, "%s%s", n ? " " : "",
				service_name((enum service)s));
	return text;
}

static void block_text(const struct source *s, char *text, size_t size)
{
	char at[CLOCK_TEXT_MAX];
	if (s->protected != PROTECT_NONE)
		(void)snprintf(text, size, "never (%s)", protect_reason_text(s->protected));
	else if (!s->blocks)
		(void)snprintf(text, size, "-");
	else if (s->blocks == 1)
		(void)snprintf(text, size, "%s", moment(s->blocked, at));
	else
		(void)snprintf(text, size, "%s and %u more", moment(s->blocked, at), s->blocks - 1);
}

static void print_summary(const struct report *r, const struct totals *t)
{
	char a[32], b[32], first[CLOCK_TEXT_MAX], last[CLOCK_TEXT_MAX], span[32], forbidden[32];
	bool bold = table_colour();
	(void)printf("%s%s failed logins%s from %s sources in %s lines", bold ? "\033[1m" : "",
		grouped(t->attempts, a), bold ? "\033[0m" : "", grouped(t->source_count, b),
		grouped(r->reader->lines, first));
	if (t->last != EVENT_NO_TIME)
		(void)printf(", %s to %s UTC", moment(t->first, first), moment(t->last, last));
	(void)putchar('\n');
	for (unsigned s = SERVICE_NONE + 1; s < SERVICE_COUNT; s++)
		if (t->by_service[s])
			(void)printf("  %-8s %s\n", service_name((enum service)s),
				grouped(t->by_service[s], a));
	if (t->without_source)
		(void)printf("  %s of them name no address: nobody could be blocked for these\n",
			grouped(t->without_source, a));
	if (t->forgeable)
		(void)printf("  %s of them (%s) in lines that a client can write: cordond counts "
			     "those of whom the kernel saw connect\n",
			grouped(t->forgeable, a),
			services_text(t->forgeable_services, first, sizeof(first)));
	(void)printf("%s successful logins\n", grouped(t->successes, a));
	(void)printf("Rule %u in %s -> %s: would have blocked %s sources, and stopped %s attempts",
		r->rule->fail_count, settings_duration_text(r->rule->span, span),
		settings_duration_text(r->rule->forbidden, forbidden),
		grouped(t->blocked_sources, a), grouped(t->stopped, b));
	if (t->attempts)
		(void)printf(" (%" PRIu64 " %%)", t->stopped * 100 / t->attempts);
	(void)putchar('\n');
}

static void print_sources(const struct report *r, const struct totals *t)
{
	static const char *const heads[] = {"SOURCE", "SERVICE", ">ATTEMPTS", ">LOGINS",
		"FIRST (UTC)", "LAST (UTC)", "BLOCKED (UTC)", ">STOPPED"};
	const struct source *sources = counts_sources(r->counts);
	uint64_t shown = MIN_OF(t->source_count, r->top ? r->top : UINT64_MAX), rest = 0;
	struct table *table = table_new(heads, countof(heads));
	for (uint64_t i = 0; i < t->source_count; i++) {
		const struct source *s = &sources[i];
		char source[PREFIX_TEXT_MAX], services[64], attempts[32], logins[32], stopped[32];
		char first[CLOCK_TEXT_MAX], last[CLOCK_TEXT_MAX], block[80];
		if (i >= shown) {
			rest += s->attempts;
			continue;
		}
		block_text(s, block, sizeof(block));
		table_row(
			table, (const char *const[]){prefix_format(&s->prefix, source),
				       services_text(s->services, services, sizeof(services)),
				       grouped(s->attempts, attempts),
				       grouped(s->successes, logins), moment(s->first, first),
				       moment(s->last, last), block, grouped(s->stopped, stopped)});
	}
	(void)putchar('\n');
	table_print(table);
	if (rest) {
		char a[32], b[32];
		(void)printf("and %s more sources with %s attempts (--top 0 shows all)\n",
			grouped(t->source_count - shown, a), grouped(rest, b));
	}
}

static void print_users(const struct report *r, const struct totals *t)
{
	static const char *const heads[] = {"USER", ">ATTEMPTS"};
	const struct user *users = counts_users(r->counts);
	uint64_t shown = MIN_OF(t->user_count, r->top ? r->top : UINT64_MAX);
	struct table *table = table_new(heads, countof(heads));
	for (uint64_t i = 0; i < shown; i++) {
		char name[64], attempts[32];
		(void)snprintf(name, sizeof(name), "%.*s", (int)users[i].length, users[i].name);
		table_row(table, (const char *const[]){*name ? name : "(empty)",
					 grouped(users[i].attempts, attempts)});
	}
	(void)putchar('\n');
	table_print(table);
}

void report_tables(const struct report *r)
{
	struct totals t;
	counts_totals(r->counts, &t);
	print_summary(r, &t);
	if (t.source_count)
		print_sources(r, &t);
	if (r->users && t.user_count)
		print_users(r, &t);
}

/* ---- for programs ---- */

static void field_time(struct json *j, const char *name, int64_t ms)
{
	char text[CLOCK_TEXT_MAX];
	bool none = ms == EVENT_NO_TIME || ms == INT64_MAX;
	json_field(j, name, none ? NULL : clock_format(ms, text));
}

static void write_source(struct json *j, const struct source *s)
{
	char text[PREFIX_TEXT_MAX];
	json_begin_object(j);
	json_field(j, "source", prefix_format(&s->prefix, text));
	json_key(j, "services");
	json_begin_array(j);
	for (unsigned i = SERVICE_NONE + 1; i < SERVICE_COUNT; i++)
		if (s->services & SERVICE_BIT(i))
			json_text(j, service_name((enum service)i));
	json_end_array(j);
	json_field_int(j, "attempts", (int64_t)s->attempts);
	json_field_int(j, "successes", (int64_t)s->successes);
	field_time(j, "first", s->first);
	field_time(j, "last", s->last);
	json_field_int(j, "blocks", s->blocks);
	field_time(j, "blocked_at", s->blocks ? s->blocked : EVENT_NO_TIME);
	field_time(j, "blocked_until", s->blocks ? s->until : EVENT_NO_TIME);
	json_field_int(j, "stopped", (int64_t)s->stopped);
	json_field(j, "never_blocked",
		s->protected != PROTECT_NONE ? protect_reason_text(s->protected) : NULL);
	json_end_object(j);
}

static void write_totals(struct json *j, const struct report *r, const struct totals *t)
{
	json_field_int(j, "lines", (int64_t)r->reader->lines);
	json_field_int(j, "attempts", (int64_t)t->attempts);
	json_field_int(j, "without_source", (int64_t)t->without_source);
	json_field_int(j, "unconfirmed", (int64_t)t->forgeable);
	json_field_int(j, "successes", (int64_t)t->successes);
	field_time(j, "first", t->first);
	field_time(j, "last", t->last);
	json_key(j, "rule");
	json_begin_object(j);
	json_field_int(j, "fails", r->rule->fail_count);
	json_field_int(j, "span_ms", r->rule->span);
	json_field_int(j, "forbidden_ms", r->rule->forbidden);
	json_end_object(j);
	json_field_int(j, "blocked_sources", (int64_t)t->blocked_sources);
	json_field_int(j, "blocks", (int64_t)t->blocks);
	json_field_int(j, "stopped", (int64_t)t->stopped);
	json_key(j, "services");
	json_begin_object(j);
	for (unsigned i = SERVICE_NONE + 1; i < SERVICE_COUNT; i++)
		json_field_int(j, service_name((enum service)i), (int64_t)t->by_service[i]);
	json_end_object(j);
	json_field_int(j, "source_count", (int64_t)t->source_count);
}

static void write_users(struct json *j, const struct report *r, uint64_t n)
{
	const struct user *users = counts_users(r->counts);
	json_key(j, "users");
	json_begin_array(j);
	for (uint64_t i = 0; i < n; i++) {
		json_begin_object(j);
		json_field_slice(j, "user", (struct slice){users[i].name, users[i].length});
		json_field_int(j, "attempts", (int64_t)users[i].attempts);
		json_end_object(j);
	}
	json_end_array(j);
}

int report_json(const struct report *r)
{
	struct buf out = BUF_NULL;
	struct json j;
	struct totals t;
	uint64_t most = r->top ? r->top : UINT64_MAX;
	counts_totals(r->counts, &t);
	const struct source *sources = counts_sources(r->counts);
	json_start(&j, &out);
	json_begin_object(&j);
	write_totals(&j, r, &t);
	json_key(&j, "sources");
	json_begin_array(&j);
	for (uint64_t i = 0; i < MIN_OF(t.source_count, most); i++)
		write_source(&j, &sources[i]);
	json_end_array(&j);
	if (r->users)
		write_users(&j, r, MIN_OF(t.user_count, most));
	json_end_object(&j);
	buf_addc(&out, '\n');
	int error = out.error;
	if (!error && fwrite(out.p, 1, out.n, stdout) != out.n)
		error = -errno;
	buf_done(&out);
	return error;
}
