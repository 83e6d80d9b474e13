/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "case_files.h"

#include "base/util.h"
#include "cases.h"

#include <stdio.h>

/* ---- lines.txt ---- */

struct line_case {
	struct slice before[4]; /* earlier lines */
	unsigned before_count;
	struct slice line, expected;
	struct slice time; /* empty: not said */
	char name[40];
};

static struct line_case line_cases[CASES_MAX];

static size_t load_lines(const char *path)
{
	struct slice text = cases_read(path), line;
	struct line_case c = {0};
	size_t n = 0;
	for (int number = 1; cases_line(&text, &line); number++) {
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (line.p[0] == '+' && c.before_count < countof(c.before)) {
			c.before[c.before_count++] = slice_skip(line, 1);
		} else if (line.p[0] == '=' && n < CASES_MAX) {
			c.expected = slice_skip(line, 2);
			(void)snprintf(c.name, sizeof(c.name), "lines.txt:%d", number - 1);
			line_cases[n++] = c;
			c = (struct line_case){0};
		} else if (slice_starts(line, SLICE("@ "))) {
			c.time = slice_skip(line, 2);
		} else {
			c.line = line;
		}
	}
	return n;
}

static void describe(bool event, const struct event *e, char *text, size_t size)
{
	static const char *const outcomes[] = {"none", "failure", "success"};
	char address[ADDR_TEXT_MAX] = "-";
	if (!event) {
		(void)snprintf(text, size, "none - -");
		return;
	}
	if (e->has_src)
		addr_format(&e->src, address);
	if (e->has_user)
		(void)snprintf(text, size, "%s %s \"%.*s\"", outcomes[e->outcome], address,
			SLICE_ARG(e->user));
	else
		(void)snprintf(text, size, "%s %s -", outcomes[e->outcome], address);
}

static void line_means(void **state)
{
	const struct line_case *c = *state;
	struct reader r;
	struct event e;
	char got[512], expected[512];
	cases_reader(&r, CASES_NOW, "UTC");
	for (unsigned i = 0; i < c->before_count; i++)
		(void)reader_line(&r, c->before[i], &e);
	describe(reader_line(&r, c->line, &e), &e, got, sizeof(got));
	(void)snprintf(expected, sizeof(expected), "%.*s", SLICE_ARG(c->expected));
	assert_string_equal(got, expected);
	if (c->time.n) {
		struct stamps s;
		int64_t time = 0;
		stamps_init(&s, "UTC", CASES_NOW);
		assert_true(stamp_read(&s, c->time, CASES_NOW, &time) > 0);
		assert_int_equal(e.time, time);
	}
	cases_done(&r);
}

int case_files_lines(const char *path, size_t least)
{
	static const char *names[CASES_MAX];
	static void *states[CASES_MAX];
	size_t n = load_lines(path);
	for (size_t i = 0; i < n; i++) {
		names[i] = line_cases[i].name;
		states[i] = &line_cases[i];
	}
	return n >= least ? cases_run(path, names, states, n, line_means) : 1;
}

/* ---- sessions.log ---- */

struct session_case {
	struct slice lines;
	unsigned failed;
	char name[96];
};

static struct session_case session_cases[CASES_MAX];

static size_t load_sessions(const char *path)
{
	struct slice text = cases_read(path), line;
	size_t n = 0;
	while (cases_line(&text, &line)) {
		if (line.n < 3 || line.p[0] != '#') {
			if (n)
				session_cases[n - 1].lines.n =
					(size_t)(line.p + line.n - session_cases[n - 1].lines.p);
			continue;
		}
		if ((unsigned)(line.p[2] - '0') > 9 || n == CASES_MAX)
			continue;
		struct session_case *c = &session_cases[n++];
		c->failed = (unsigned)(line.p[2] - '0');
		c->lines = (struct slice){line.p + line.n + 1, 0};
		(void)snprintf(c->name, sizeof(c->name), "sessions.log: %.*s",
			SLICE_ARG(slice_skip(line, 2)));
	}
	return n;
}

/* As the detector counts: the largest of the kinds, a summary only when nothing else spoke. */
static unsigned attempts_of(const unsigned seen[static EVIDENCE_COUNT])
{
	unsigned most = 0;
	for (unsigned i = 0; i < EVIDENCE_COUNT; i++)
		if (i != EVIDENCE_SUMMARY)
			most = MAX_OF(most, seen[i]);
	return most ? most : seen[EVIDENCE_SUMMARY];
}

static int count_event(void *ctx, const struct event *e)
{
	unsigned(*seen)[EVIDENCE_COUNT] = ctx;
	if (e->outcome == OUTCOME_FAILURE) {
		/* a slot of its own a peer, as a session of its own would be */
		unsigned slot = e->has_src ? e->src.b[15] % 16u : 0;
		seen[slot][e->evidence] += e->repeat;
	}
	return 0;
}

static void session_counts(void **state)
{
	const struct session_case *c = *state;
	struct reader r;
	struct slice lines = c->lines, line;
	unsigned seen[16][EVIDENCE_COUNT] = {{0}}, failed = 0;
	cases_reader(&r, CASES_NOW, "UTC");
	/* a daemon's own log and syslog's are two files */
	struct reader own = r;
	while (cases_line(&lines, &line)) {
		struct event e;
		if (reader_line(line.n && *line.p == '[' ? &own : &r, line, &e))
			(void)count_event(seen, &e);
	}
	for (size_t i = 0; i < countof(seen); i++)
		failed += attempts_of(seen[i]);
	assert_int_equal(failed, c->failed);
	cases_done(&r);
}

int case_files_sessions(const char *path, size_t least)
{
	static const char *names[CASES_MAX];
	static void *states[CASES_MAX];
	size_t n = load_sessions(path);
	for (size_t i = 0; i < n; i++) {
		names[i] = session_cases[i].name;
		states[i] = &session_cases[i];
	}
	return n >= least ? cases_run(path, names, states, n, session_counts) : 1;
}
