/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is said of a source, and when it stops being said. */
#include "base/clock.h"
#include "base/util.h"
#include "core/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static unsigned unread(struct health *h, uint64_t lines, uint64_t unparsed)
{
	const struct reader_stats totals = {.lines = lines, .unparsed = unparsed};
	health_update(h, &totals);
	return health_share(&h->unread);
}

static void the_share_is_of_the_latest_lines(void **state)
{
	(void)state;
	struct health h = {0};
	assert_int_equal(unread(&h, 40, 40), 0); /* too few to judge by */
	assert_int_equal(unread(&h, 50, 50), 1000);
	assert_int_equal(unread(&h, 100, 50), 500);
	/* a year of good lines does not hide that the format changed */
	assert_in_range(unread(&h, 100000000, 50), 0, 1);
	assert_in_range(unread(&h, 100003000, 3050), 700, 1000);
	/* and once mended it is forgotten */
	for (uint64_t n = 0; n < 20; n++)
		(void)unread(&h, 100003000 + n * 500, 3050);
	assert_in_range(health_share(&h.unread), 0, 20);
}

/* Of the messages of daemons that are read, whatever else is in the log. */
static void unknown_messages_are_of_their_own(void **state)
{
	(void)state;
	struct health h = {0};
	struct reader_stats totals = {
		.lines = 100000, .messages = 100, .unknown = 60, .failures = 10};
	health_update(&h, &totals);
	assert_int_equal(health_share(&h.unread), 0);
	assert_int_equal(health_share(&h.unknown), 600);
	assert_int_equal(health_share(&h.failed), 100);
	totals.messages = 10000;
	totals.unknown = 9960;
	health_update(&h, &totals);
	assert_in_range(health_share(&h.unknown), 990, 1000);
	assert_in_range(health_share(&h.failed), 0, 1);
}

static void the_worst_is_said(void **state)
{
	(void)state;
	static const struct {
		struct health_facts facts;
		bool wrong;
		const char *text;
	} cases[] = {
		{{"", 0, 0, 0, 0, MS_DAY, 0, 0}, false, ""},
		{{"read: I/O error", 1000, 0, 0, 2 * MS_DAY, MS_DAY, 0, 0}, true,
			"read: I/O error"},
		{{"", 499, 0, 0, 0, MS_DAY, 0, 0}, false, ""},
		{{"", 500, 0, 0, 0, MS_DAY, 0, 0}, true, "50 % of its lines are not understood"},
		{{"", 0, 0, 0, MS_DAY - 1, MS_DAY, 0, 0}, false, ""},
		{{"", 0, 0, 0, MS_DAY, MS_DAY, MS_HOUR, 0}, false, "silent for 24 h"},
		{{"", 0, 0, 0, 100 * MS_MINUTE, MS_HOUR, 0, 0}, false, "silent for 100 min"},
		{{"", 0, 0, 0, 0, MS_DAY, MS_HOUR, 59999}, false,
			"stamps are off by 1 h: put right"},
		{{"", 0, 0, 0, 0, MS_DAY, -90 * MS_MINUTE, 0}, false,
			"stamps are off by 90 min: put right"},
		{{"", 0, 0, 0, 0, MS_DAY, MS_HOUR, 70000}, false, "stamps are 70 s late"},
		{{"", 0, 0, 0, 0, MS_DAY, 0, -70000}, false, "stamps are 70 s early"},
		{{"", 0, 499, 0, 0, MS_DAY, 0, 0}, false, ""},
		{{"", 0, 1000, 0, MS_DAY, MS_DAY, 0, 0}, true,
			"100 % of its daemons' messages are not understood, and none is a failed "
			"login"},
		{{"", 0, 500, 1, 0, MS_DAY, 0, 0}, false,
			"50 % of its daemons' messages are not understood"},
		{{"", 500, 500, 0, 0, MS_DAY, 0, 0}, true, "50 % of its lines are not understood"},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		char text[160] = "untouched";
		assert_int_equal(health_text(&cases[i].facts, text, sizeof(text)), cases[i].wrong);
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_share_is_of_the_latest_lines),
		cmocka_unit_test(unknown_messages_are_of_their_own),
		cmocka_unit_test(the_worst_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
