/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cordon scan: who attacked, read from log files; no daemon, no root, nothing
 * is changed. The same reader and detector as in the daemon, so what it says
 * would have been blocked is what the daemon blocks.
 */
#include "base/clock.h"
#include "base/util.h"
#include "cli/lines.h"
#include "cli/options.h"
#include "cli/scan_report.h"
#include "cli/verb.h"
#include "core/settings.h"
#include "sensor/reader.h"

#include <errno.h>
#include <limits.h>

#define SESSIONS     65536
#define SESSION_IDLE (10 * MS_MINUTE)
#define TOP          20

static const char help[] =
	"Usage: cordon scan [OPTION...] FILE...\n"
	"Says who attacked: failed logins by source, and who would have been blocked when.\n"
	"FILEs are logs, also .gz; rotated ones may come in any order. '-' is standard input.\n"
	"\n"
	"  --top N         at most N sources (default 20; 0: all; with --json: all)\n"
	"  --users         also the names that were tried; some may be passwords\n"
	"  --since TIME    only failures from then on: 2026-01-31, 2026-01-31T12:00:00Z, or\n"
	"  --until TIME    seconds since 1970; and before then\n"
	"  --rule RULE     FAILS/SPAN/FORBIDDEN (default 10/5m/6h), such as 5/10m/permanent\n"
	"  --tz ZONE       time zone of stamps that name none (default: this machine's)\n"
	"  --now TIME      stamps without a year are before it (default: the file's own time)\n"
	"  --json          one JSON object\n"
	"  --help          this text\n"
	"\n"
	"The JSON object: lines, attempts, without_source, unconfirmed (in lines that a client "
	"can\n"
	"write: a log cannot tell), successes, first, last, rule\n"
	"{fails, span_ms, forbidden_ms}, blocked_sources, blocks, stopped, services {name: "
	"attempts},\n"
	"source_count, sources [{source, services, attempts, successes, first, last, blocks,\n"
	"blocked_at, blocked_until (null: never ends), stopped, never_blocked (null, or why)}] "
	"and,\n"
	"with --users, users [{user, attempts}]. Times are RFC 3339 UTC.\n"
	"\n"
	"Exit status: 0, 1 when a FILE could not be read, 2 when called wrongly.\n";

struct scan {
	struct options options;
	struct rule rule;
	int64_t since, until; /* ms */
	unsigned top;
	bool has_top, users;
	struct reader reader;
	struct counts *counts;
	struct { /* on a terminal, for big inputs */
		bool wanted;
		int64_t due; /* clock_mono() */
	} progress;
};

/* ---- the command line ---- */

static bool read_number(struct slice text, unsigned most, unsigned *ret)
{
	uint64_t value = 0;
	if (text.n == 0 || text.n > 9)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned)(text.p[i] - '0') > 9)
			return false;
		value = value * 10 + (unsigned)(text.p[i] - '0');
	}
	if (value > most)
		return false;
	*ret = (unsigned)value;
	return true;
}

/* "5/10m/1h" */
static bool read_rule(const char *text, struct rule *rule)
{
	const char *span = strchr(text, '/'), *forbidden = span ? strchr(span + 1, '/') : NULL;
	unsigned fails;
	int64_t span_ms, forbidden_ms;
	if (!forbidden || !read_number(slice_between(text, span), WINDOW_MOST, &fails) ||
		fails == 0 || !settings_duration(slice_between(span + 1, forbidden), &span_ms) ||
		!settings_duration(slice_of(forbidden + 1), &forbidden_ms))
		return false;
	if (span_ms < 1 || span_ms > WINDOW_SPAN_MOST || forbidden_ms < 1)
		return false;
	rule->fail_count = fails;
	rule->span = span_ms;
	rule->forbidden = forbidden_ms;
	return true;
}

enum { OPTION_TOP = OPTION_OWN, OPTION_USERS, OPTION_SINCE, OPTION_UNTIL, OPTION_RULE };

static bool take_own(struct scan *s, int option, const char *value)
{
	const char *what = NULL, *zone = s->options.timezone;
	s->has_top |= option == OPTION_TOP;
	s->users |= option == OPTION_USERS;
	if (option == OPTION_TOP && !read_number(slice_of(value), UINT_MAX, &s->top))
		what = "is no number";
	else if ((option == OPTION_SINCE && !options_time(value, zone, &s->since)) ||
		 (option == OPTION_UNTIL && !options_time(value, zone, &s->until)))
		what = "is no time (2026-01-31T12:00:00Z, or seconds since 1970)";
	else if (option == OPTION_RULE && !read_rule(value, &s->rule))
		what = "is no rule: FAILS/SPAN/FORBIDDEN, 1 to 1000 failures, such as 10/5m/6h";
	if (what)
		(void)fprintf(stderr, "cordon scan: '%s' %s\n", value, what);
	return what == NULL;
}

static const struct option option_table[] = {
	OPTIONS_COMMON,
	{"top", required_argument, NULL, OPTION_TOP},
	{"users", no_argument, NULL, OPTION_USERS},
	{"since", required_argument, NULL, OPTION_SINCE},
	{"until", required_argument, NULL, OPTION_UNTIL},
	{"rule", required_argument, NULL, OPTION_RULE},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* -1: go on; else the exit code. */
static int read_options(struct scan *s, int argc, char **argv)
{
	int option;
	while ((option = getopt_long(argc, argv, "h", option_table, NULL)) >= 0) {
		if (option == 'h') {
			(void)fputs(help, stdout);
			return EXIT_OK;
		}
		bool good = option >= OPTION_OWN
				    ? take_own(s, option, optarg)
				    : options_take(&s->options, argv[0], option, optarg);
		if (!good)
			return EXIT_USAGE;
	}
	if (optind < argc)
		return -1;
	(void)fputs("cordon scan: which FILE? Try 'cordon scan --help'.\n", stderr);
	return EXIT_USAGE;
}

/* ---- reading ---- */

static int on_event(void *ctx, const struct event *event)
{
	struct scan *s = ctx;
	bool limited = s->since != INT64_MIN || s->until != INT64_MAX;
	if (limited &&
		(event->time == EVENT_NO_TIME || event->time < s->since || event->time >= s->until))
		return 0;
	counts_event(s->counts, event);
	return 0;
}

static void show_progress(struct scan *s, const char *path, const struct lines *file)
{
	int64_t now = clock_mono(), size = lines_size(file);
	if (!s->progress.wanted || now < s->progress.due)
		return;
	s->progress.due = now + 200;
	if (size > 0)
		(void)fprintf(stderr, "\r\033[K%s: %lld %%, %.1f million lines", path,
			(long long)(lines_done(file) * 100 / size),
			(double)s->reader.stats.lines / 1e6);
	else
		(void)fprintf(stderr, "\r\033[K%s: %.1f million lines", path,
			(double)s->reader.stats.lines / 1e6);
}

/* A file's stamps without a year lie before its last change. */
static void set_now(struct scan *s, const struct lines *file)
{
	if (!s->options.has_now)
		s->reader.now = MIN_OF(s->options.now, lines_modified(file));
	reader_file(&s->reader);
}

static void lines_closep(struct lines **l)
{
	*l = lines_close(*l);
}

static int scan_file(struct scan *s, const char *path, struct err *err)
{
	_cleanup_(lines_closep) struct lines *file = NULL;
	struct slice lines;
	int r = lines_open(path, &file, err);
	if (r < 0)
		return r;
	set_now(s, file);
	while ((r = lines_next(file, &lines, err)) > 0) {
		(void)reader_lines(&s->reader, lines, on_event, s);
		show_progress(s, path, file);
	}
	return r;
}

/* ---- rotated sets ---- */

struct input {
	const char *path;
	int position; /* on the command line */
	int64_t first;
};

/* The first stamp of a file; INT64_MAX: none to be seen. */
static int64_t first_stamp(struct scan *s, const char *path)
{
	_cleanup_(lines_closep) struct lines *file = NULL;
	struct slice lines;
	if (strcmp(path, "-") == 0 || lines_open(path, &file, NULL) < 0 || lines_size(file) < 0 ||
		lines_next(file, &lines, NULL) <= 0)
		return INT64_MAX;
	set_now(s, file);
	for (int tries = 0; tries < 100 && lines.n; tries++) {
		const char *newline = memchr(lines.p, '\n', lines.n);
		struct slice line = newline ? slice_between(lines.p, newline) : lines;
		int64_t time;
		if (stamp_read(&s->reader.stamps, line, s->reader.now, &time))
			return time;
		lines = slice_skip(lines, line.n + (newline != NULL));
	}
	return INT64_MAX;
}

static int compare_inputs(const void *a, const void *b)
{
	const struct input *x = a, *y = b;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return x->position - y->position;
}

/* Oldest first: auth.log auth.log.1 auth.log.2.gz are one log, told backwards. */
static void sort_inputs(struct scan *s, struct input *inputs, int n)
{
	for (int i = 0; n > 1 && i < n; i++)
		inputs[i].first = first_stamp(s, inputs[i].path);
	qsort(inputs, (size_t)n, sizeof(*inputs), compare_inputs);
}

static int scan_files(struct scan *s, struct input *inputs, int n)
{
	int code = EXIT_OK;
	sort_inputs(s, inputs, n);
	for (int i = 0; i < n; i++) {
		struct err err = {"out of memory"};
		int r = scan_file(s, inputs[i].path, &err);
		if (s->progress.wanted)
			(void)fputs("\r\033[K", stderr);
		if (r < 0) {
			(void)fprintf(stderr, "cordon scan: %s\n", err.text);
			code = EXIT_INPUT;
		}
	}
	if (s->reader.stats.lines && s->reader.stats.unparsed == s->reader.stats.lines)
		(void)fputs("cordon scan: no line looks like a log's\n", stderr);
	return code;
}

static int report(const struct scan *s, int code)
{
	struct report r = {.counts = s->counts,
		.reader = &s->reader.stats,
		.rule = &s->rule,
		.top = s->has_top || s->options.json ? s->top : TOP,
		.users = s->users};
	int error = 0;
	if (s->options.json)
		error = report_json(&r);
	else
		report_tables(&r);
	if (fflush(stdout) != 0 || ferror(stdout))
		error = -EIO;
	if (error < 0) {
		(void)fprintf(stderr, "cordon scan: standard output: %s\n", strerror(-error));
		return EXIT_INPUT;
	}
	return code;
}

static int scan(struct scan *s, int n, char **paths)
{
	_cleanup_(freep) struct input *inputs = calloc((size_t)n, sizeof(*inputs));
	struct session_table *sessions = session_table_new(SESSIONS, SESSION_IDLE);
	int code = EXIT_INPUT;
	s->counts = counts_new(&s->rule, 1);
	if (inputs && sessions && s->counts) {
		for (int i = 0; i < n; i++)
			inputs[i] = (struct input){.path = paths[i], .position = i};
		reader_init(&s->reader, sessions, SERVICE_ALL, s->options.now, s->options.timezone);
		s->progress.wanted = isatty(STDERR_FILENO);
		s->progress.due = clock_mono() + MS_SECOND;
		code = scan_files(s, inputs, n);
		/* with nothing read there is nothing to say */
		if (code == EXIT_OK || s->reader.stats.lines)
			code = report(s, code);
	} else {
		(void)fputs("cordon scan: out of memory\n", stderr);
	}
	s->counts = counts_free(s->counts);
	(void)session_table_free(sessions);
	return code;
}

/* The built-in rule is the one of the settings' table. */
static bool default_rule(struct rule *ret)
{
	_cleanup_(freep) struct settings *settings = calloc(1, sizeof(*settings));
	if (!settings)
		return false;
	settings_default(settings);
	*ret = settings->system_rule;
	ret->services = SERVICE_ALL;
	ret->enabled = true;
	return true;
}

int verb_scan(int argc, char **argv)
{
	struct scan s = {.since = INT64_MIN, .until = INT64_MAX};
	options_init(&s.options);
	if (!default_rule(&s.rule)) {
		(void)fputs("cordon scan: out of memory\n", stderr);
		return EXIT_INPUT;
	}
	int code = read_options(&s, argc, argv);
	return code >= 0 ? code : scan(&s, argc - optind, argv + optind);
}
