/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logs in which a client's line breaks stand as they came: whom their failures name, when
 * they were, and that none of them is believed alone (tests/cases/NAME/logs.txt).
 */
#include "base/util.h"
#include "cases.h"

#include <stdio.h>

struct log {
	struct slice lines, expected;
	int64_t now;
	char name[96];
};

static struct log logs[64];

static size_t load(const char *path)
{
	struct slice text = cases_read(path), line, title = SLICE_NULL;
	size_t n = 0;
	while (cases_line(&text, &line)) {
		struct log *l = &logs[n];
		if (slice_starts(line, SLICE("# "))) {
			title = slice_skip(line, 2);
		} else if (slice_starts(line, SLICE("@ "))) {
			struct stamps stamps;
			stamps_init(&stamps, "UTC", 0);
			assert_int_equal(stamp_read(&stamps, slice_skip(line, 2), 0, &l->now), 20);
			l->lines = (struct slice){line.p + line.n + 1, 0};
		} else if (slice_starts(line, SLICE("= "))) {
			assert_true(l->lines.p && n + 1 < countof(logs));
			l->lines.n = (size_t)(line.p - l->lines.p);
			l->expected = slice_skip(line, 2);
			(void)snprintf(l->name, sizeof(l->name), "%.*s", SLICE_ARG(title));
			n++;
		}
	}
	return n;
}

struct answer {
	char text[512];
	size_t n;
	bool timed;
};

static int note(void *ctx, const struct event *e)
{
	struct answer *a = ctx;
	char address[ADDR_TEXT_MAX], time[CLOCK_TEXT_MAX];
	assert_int_equal(e->outcome, OUTCOME_FAILURE);
	assert_int_equal(e->repeat, 1);
	a->n += (size_t)snprintf(a->text + a->n, sizeof(a->text) - a->n, "%s%s%s", a->n ? " " : "",
		e->has_src ? addr_format(&e->src, address) : "-", e->forgeable ? "" : "!");
	if (a->timed)
		a->n += (size_t)snprintf(a->text + a->n, sizeof(a->text) - a->n, "/%.8s",
			clock_format(e->time, time) + 11);
	return 0;
}

static void counted_for(void **state)
{
	const struct log *l = *state;
	struct reader r;
	struct answer a = {.timed = l->expected.n && memchr(l->expected.p, '/', l->expected.n)};
	char expected[512];
	cases_reader(&r, l->now, "UTC");
	assert_int_equal(reader_lines(&r, l->lines, note, &a), 0);
	(void)snprintf(expected, sizeof(expected), "%.*s", SLICE_ARG(l->expected));
	assert_string_equal(a.text, expected);
	cases_done(&r);
}

static int run(const char *path, size_t least)
{
	static const char *names[countof(logs)];
	static void *states[countof(logs)];
	size_t n = load(path);
	for (size_t i = 0; i < n; i++) {
		names[i] = logs[i].name;
		states[i] = &logs[i];
	}
	return n < least || cases_run(path, names, states, n, counted_for) != 0;
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	int failed = run("tests/cases/mysqld/logs.txt", 15);
	failed += run("tests/cases/xrdp/logs.txt", 5);
	return failed != 0;
}
