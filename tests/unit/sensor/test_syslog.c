/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/util.h"
#include "cases.h"
#include "sensor/syslog.h"

#include <stdio.h>

/* line; host, program, pid, message. program NULL: no header. */
static const struct {
	const char *line, *host, *program;
	uint32_t pid;
	const char *message;
} headers[] = {
	{"Nov 21 22:00:00 h sshd[12]: text", "h", "sshd", 12, "text"},
	{"Nov 21 22:00:00 h sshd[12]:  two blanks", "h", "sshd", 12, "two blanks"},
	{"Nov 21 22:00:00 h sshd: text", "h", "sshd", 0, "text"},
	{"Nov 21 22:00:00 h sshd[12] text", "h", "sshd", 12, "text"},
	{"Nov 21 22:00:00 h sshd[12]:", "h", "sshd", 12, ""},
	{"Nov 21 22:00:00 sshd[12]: text", "", "sshd", 12, "text"},
	{"Nov 21 22:00:00 [sshd]: text", "", "sshd", 0, "text"},
	{"Nov 21 22:00:00 [sshd] text", "", "sshd", 0, "text"},
	{"Nov 21 22:00:00 fe80::1 sshd[12]: text", "fe80::1", "sshd", 12, "text"},
	{"Nov 21 22:00:00 h auth.info sshd[12]: text", "h", "sshd", 12, "text"},
	{"Nov 21 22:00:00 local3.warn h sshd[12]: text", "h", "sshd", 12, "text"},
	{"Nov 21 22:00:00 auth.example.com sshd[12]: text", "auth.example.com", "sshd", 12, "text"},
	{"Nov 21 22:00:00 <10.5> h sshd[12]: text", "h", "sshd", 12, "text"},
	{"2015-05-27T04:31:28.10040 auth.info: May 27 04:31:28 sshd[12]: text", "", "sshd", 12,
		"text"},
	{"2015-05-27T04:31:28.10040 auth.info: sshd[12]: text", "", "sshd", 12, "text"},
	{"Mar 29 05:59:23 h sshd[12]: [ID 800047 auth.info] text", "h", "sshd", 12, "text"},
	{"<38>Nov 21 22:00:00 h sshd[12]: text", "h", "sshd", 12, "text"},
	{"<38>sshd[12]: text", "", "sshd", 12, "text"},
	{"<38>1 2026-11-21T22:00:00Z h sshd 12 - - text", "h", "sshd", 12, "text"},
	{"<38>1 2026-11-21T22:00:00Z - sshd - ID7 - text", "", "sshd", 0, "text"},
	{"<38>1 2026-11-21T22:00:00Z h sshd 12 - [a@1 b=\"c]\\\"\"][d] text", "h", "sshd", 12,
		"text"},
	{"<38>1 2026-11-21T22:00:00Z h sshd 12 - - \xef\xbb\xbftext", "h", "sshd", 12, "text"},
	{"<38>1 - h sshd 12 - - text", "h", "sshd", 12, "text"},
	{"<38>1 2026-11-21T22:00:00Z h sshd 12 - [a b=\"c text", NULL, NULL, 0, NULL},
	{"<38>1 2026-11-21T22:00:00Z h sshd twelve - - text", NULL, NULL, 0, NULL},
	{"2022-02-24T21:00:42.021457+00:00 h sshd 12 - - text", "h", "sshd", 12, "text"},
	{"h sshd[12]: text", "h", "sshd", 12, "text"},
	{"Nov 21 22:00:00 h last message repeated 3 times", NULL, NULL, 0, NULL},
	{"Nov 21 22:00:00 h sshd[12: text", NULL, NULL, 0, NULL},
	{"Nov 21 22:00:00", NULL, NULL, 0, NULL},
	{"Nov 21 22:00:00 ", NULL, NULL, 0, NULL},
	{"Nov 21 22:00:00x h sshd[12]: text", NULL, NULL, 0, NULL},
	{"", NULL, NULL, 0, NULL},
	{"<", NULL, NULL, 0, NULL},
	{"<38>", NULL, NULL, 0, NULL},
	{"<38>1 ", NULL, NULL, 0, NULL},
	{"[", NULL, NULL, 0, NULL},
	{"[]: x", NULL, NULL, 0, NULL},
	{":", NULL, NULL, 0, NULL},
	{"      ", NULL, NULL, 0, NULL},
};

static void assert_slice(struct slice got, const char *expected)
{
	assert_int_equal(got.n, strlen(expected));
	assert_memory_equal(got.n ? got.p : "", expected, got.n);
}

static void header_means(void **state)
{
	size_t i = (size_t)(uintptr_t)*state;
	struct stamps s;
	struct record r;
	stamps_init(&s, "UTC", CASES_NOW);
	bool parsed = syslog_parse(&s, slice_of(headers[i].line), CASES_NOW, &r);
	assert_int_equal(parsed, headers[i].program != NULL);
	if (!parsed)
		return;
	assert_slice(r.host, headers[i].host);
	assert_slice(r.program, headers[i].program);
	assert_int_equal(r.pid, headers[i].pid);
	assert_slice(r.message, headers[i].message);
}

/* The stamp that the collector wrote is the one that counts. */
static void outer_stamp_counts(void **state)
{
	(void)state;
	struct stamps s;
	struct record r;
	char text[CLOCK_TEXT_MAX];
	stamps_init(&s, "UTC", CASES_NOW);
	assert_true(syslog_parse(&s,
		SLICE("2015-05-27T04:31:28.10040Z auth.info: May 27 04:31:29 sshd[1]: x"),
		CASES_NOW, &r));
	assert_string_equal(clock_format(r.time, text), "2015-05-27T04:31:28.100Z");
	assert_true(
		syslog_parse(&s, SLICE("auth.info: May 27 04:31:29 sshd[1]: x"), CASES_NOW, &r));
	assert_string_equal(clock_format(r.time, text), "2026-05-27T04:31:29.000Z");
	assert_true(syslog_parse(&s, SLICE("h sshd[1]: x"), CASES_NOW, &r));
	assert_int_equal(r.time, EVENT_NO_TIME);
}

/* A name ends at its first bracket, colon or blank, whatever its length is and follows. */
static void names_of_any_length(void **state)
{
	(void)state;
	static const char *const ends[] = {"[7]: x", ": x", "[7] x:[", " x"};
	for (size_t n = 1; n <= 40; n++) {
		for (size_t i = 0; i < countof(ends); i++) {
			struct stamps s;
			struct record r;
			char line[96];
			int length = snprintf(line, sizeof(line), "Nov 21 22:00:00 h %.*s%s",
				(int)n, "abcdefghijklmnopqrstuvwxyz\x5a\x1a\xdb\xba<]AZ;/\\^_`0129",
				ends[i]);
			stamps_init(&s, "UTC", CASES_NOW);
			bool parsed = syslog_parse(
				&s, (struct slice){line, (size_t)length}, CASES_NOW, &r);
			assert_int_equal(parsed, *ends[i] != ' ');
			if (!parsed)
				continue;
			assert_int_equal(r.program.n, n);
			assert_int_equal(r.pid, *ends[i] == '[' ? 7 : 0);
		}
	}
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const char *names[countof(headers)];
	void *states[countof(headers)];
	for (size_t i = 0; i < countof(headers); i++) {
		names[i] = headers[i].line;
		states[i] = (void *)(uintptr_t)i;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outer_stamp_counts), cmocka_unit_test(names_of_any_length)};
	int failed = cases_run("headers", names, states, countof(headers), header_means);
	return failed + cmocka_run_group_tests_name("stamps", tests, NULL, NULL) != 0;
}
