/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages of several lines in MariaDB's log: whom their failures are counted for
 * (tests/cases/mysqld/logs.txt).
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

static size_t load(void)
{
	struct slice text = cases_read("tests/cases/mysqld/logs.txt"), line, title = SLICE_NULL;
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
	char text[256];
	size_t n;
};

static int note(void *ctx, const struct event *e)
{
	struct answer *a = ctx;
	char address[ADDR_TEXT_MAX];
	assert_int_equal(e->outcome, OUTCOME_FAILURE);
	assert_int_equal(e->service, SERVICE_MYSQL);
	a->n += (size_t)snprintf(a->text + a->n, sizeof(a->text) - a->n, "%s%s", a->n ? " " : "",
		e->has_src ? addr_format(&e->src, address) : "-");
	return 0;
}

static void counted_for(void **state)
{
	const struct log *l = *state;
	struct reader r;
	struct answer a = {0};
	char expected[256];
	cases_reader(&r, l->now, "UTC");
	assert_int_equal(reader_lines(&r, l->lines, note, &a), 0);
	(void)snprintf(expected, sizeof(expected), "%.*s", SLICE_ARG(l->expected));
	assert_string_equal(a.text, expected);
	cases_done(&r);
}

int main(void)
{
	static const char *names[countof(logs)];
	static void *states[countof(logs)];
	cmocka_set_message_output(CM_OUTPUT_TAP);
	size_t n = load();
	for (size_t i = 0; i < n; i++) {
		names[i] = logs[i].name;
		states[i] = &logs[i];
	}
	return n < 14 || cases_run("mysqld", names, states, n, counted_for) != 0;
}
