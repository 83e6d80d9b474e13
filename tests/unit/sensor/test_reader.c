/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/util.h"
#include "cases.h"

#include <errno.h>
#include <stdio.h>

#define FAILED "Failed password for root from 192.0.2.1 port 50000 ssh2"

static struct reader reader;

static int set_up(void **state)
{
	(void)state;
	cases_reader(&reader, CASES_NOW, "UTC");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	cases_done(&reader);
	return 0;
}

struct seen {
	unsigned events;
	unsigned stop_at;
	struct event last;
};

static int note(void *ctx, const struct event *e)
{
	struct seen *s = ctx;
	s->last = *e;
	return ++s->events == s->stop_at ? -ECANCELED : 0;
}

static void lines_come_in_order(void **state)
{
	(void)state;
	struct seen s = {0};
	struct slice text = SLICE("Nov 21 22:00:00 h sshd[1]: " FAILED "\n"
				  "nothing\n\n"
				  "Nov 21 22:00:01 h cron[2]: " FAILED "\n"
				  "Nov 21 22:00:02 h sshd[1]: " FAILED "\r\n"
				  "Nov 21 22:00:03 h sshd[1]: " FAILED);
	assert_int_equal(reader_lines(&reader, text, note, &s), 0);
	assert_int_equal(s.events, 3);
	assert_int_equal(s.last.time % 60000, 3000);
	assert_int_equal(s.last.service, SERVICE_SSH);
	assert_non_null(s.last.session);
	assert_int_equal(reader.stats.lines, 6);
	assert_int_equal(reader.stats.matched, 3);
	assert_int_equal(reader.stats.failures, 3);
	assert_int_equal(reader.stats.unparsed, 2);
}

static void callback_stops(void **state)
{
	(void)state;
	struct seen s = {.stop_at = 2};
	struct slice text = SLICE("Nov 21 22:00:00 h sshd[1]: " FAILED "\n"
				  "Nov 21 22:00:01 h sshd[1]: " FAILED "\n"
				  "Nov 21 22:00:02 h sshd[1]: " FAILED "\n");
	assert_int_equal(reader_lines(&reader, text, note, &s), -ECANCELED);
	assert_int_equal(s.events, 2);
}

static void long_lines_are_skipped(void **state)
{
	(void)state;
	static char line[READER_LINE_MAX + 2];
	static const char head[] = "Nov 21 22:00:00 h sshd[1]: Invalid user ";
	static const char tail[] = " from 192.0.2.1 port 5";
	struct event e;
	memset(line, 'x', sizeof(line));
	memcpy(line, head, sizeof(head) - 1);
	memcpy(line + READER_LINE_MAX - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
	assert_true(reader_line(&reader, (struct slice){line, READER_LINE_MAX}, &e));
	memcpy(line + READER_LINE_MAX + 1 - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
	assert_false(reader_line(&reader, (struct slice){line, READER_LINE_MAX + 1}, &e));
	assert_int_equal(reader.stats.too_long, 1);
}

static void repeats_count(void **state)
{
	static const struct {
		const char *message;
		unsigned repeat; /* 0: no event */
	} cases[] = {
		{"message repeated 2 times: [ " FAILED "]", 2},
		{"message repeated 99999999 times: [ " FAILED "]", UINT16_MAX},
		{"message repeated 0 times: [ " FAILED "]", 0},
		{"message repeated 2 times: [ " FAILED, 0},
		{"message repeated -2 times: [ " FAILED "]", 0},
		{"message repeated 2 times: [", 0},
		{"message repeated 2 times: []", 0},
		{FAILED, 1},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		char line[256];
		int n = snprintf(
			line, sizeof(line), "Nov 21 22:00:00 h sshd[1]: %s", cases[i].message);
		struct event e = {.repeat = 0};
		bool event = reader_line(&reader, (struct slice){line, (size_t)n}, &e);
		assert_int_equal(event, cases[i].repeat != 0);
		if (event)
			assert_int_equal(e.repeat, cases[i].repeat);
	}
}

static void unwanted_services_are_not_read(void **state)
{
	(void)state;
	struct event e;
	reader.services = SERVICE_BIT(SERVICE_MYSQL);
	assert_false(reader_line(&reader, SLICE("Nov 21 22:00:00 h sshd[1]: " FAILED), &e));
	assert_int_equal(reader.latest.service, SERVICE_NONE);
	reader.services = SERVICE_ALL;
	assert_true(reader_line(&reader, SLICE("Nov 21 22:00:00 h sshd[1]: " FAILED), &e));
}

static void latest_says_what_a_line_was(void **state)
{
	(void)state;
	struct event e;
	assert_false(
		reader_line(&reader, SLICE("Nov 21 22:00:00 h sshd[1]: Server listening"), &e));
	assert_int_equal(reader.latest.service, SERVICE_SSH);
	assert_true(reader.latest.time != EVENT_NO_TIME);
	assert_false(reader_line(&reader, SLICE("Nov 21 22:00:00 h cron[1]: x"), &e));
	assert_int_equal(reader.latest.service, SERVICE_NONE);
	assert_true(reader.latest.time != EVENT_NO_TIME);
	assert_false(reader_line(&reader, SLICE("gibberish"), &e));
	assert_true(reader.latest.time == EVENT_NO_TIME);
}

/* The journal's fields and a file's line mean the same, and share their sessions. */
static void records_are_lines(void **state)
{
	(void)state;
	struct record r = {.time = CASES_NOW,
		.host = SLICE("h"),
		.program = SLICE("sshd"),
		.pid = 7,
		.message = SLICE("Connection from 192.0.2.1 port 50000 on 192.0.2.9 port 22")};
	struct event e;
	assert_false(reader_record(&reader, &r, &e));
	r.program = SLICE("sshd-session");
	r.message = SLICE("Disconnecting: Too many authentication failures [preauth]");
	assert_true(reader_record(&reader, &r, &e));
	assert_true(e.has_src);
	assert_int_equal(e.src_port, 50000);
	assert_int_equal(e.time, CASES_NOW);
	assert_false(reader_line(&reader,
		SLICE("Nov 21 23:30:00 h sshd[7]: Disconnecting: Too many authentication failures"),
		&e));
}

/* Bytes of any kind: nothing but true or false comes of them. */
static void any_bytes(void **state)
{
	(void)state;
	static const char line[] =
		"<38>1 2026-11-21T22:00:00.5+01:00 h sshd 12 - [a b=\"c\"] Failed "
		"password for invalid user x from 192.0.2.1 port 5 ssh2: a [preauth]";
	uint32_t random = 2463534242;
	struct event e;
	for (int i = 0; i < 50000; i++) {
		char copy[sizeof(line)];
		memcpy(copy, line, sizeof(line));
		for (int changes = 0; changes < 4; changes++) {
			random ^= random << 13;
			random ^= random >> 17;
			random ^= random << 5;
			copy[random % (sizeof(line) - 1)] = (char)(random >> 16);
		}
		size_t from = random % 8 == 0 ? random / 8 % (sizeof(line) - 1) : 0;
		struct slice part = {copy + from, (sizeof(line) - 1 - from) - random / 64 % 3};
		if (from + 4 < sizeof(line) - 1 && reader_line(&reader, part, &e))
			assert_true(e.outcome != OUTCOME_NONE && e.repeat >= 1);
	}
	assert_true(reader.stats.matched > 1000);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(lines_come_in_order),
		CASE(callback_stops),
		CASE(long_lines_are_skipped),
		CASE(repeats_count),
		CASE(unwanted_services_are_not_read),
		CASE(latest_says_what_a_line_was),
		CASE(records_are_lines),
		CASE(any_bytes),
	};
	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
