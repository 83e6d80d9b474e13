/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is said of a source, and when it stops being said. */
#include "base/clock.h"
#include "base/util.h"
#include "core/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void the_share_is_of_the_latest_lines(void **state)
{
	(void)state;
	struct health h = {0};
	health_update(&h, 40, 40);
	assert_int_equal(health_unread(&h), 0); /* too few to judge by */
	health_update(&h, 50, 50);
	assert_int_equal(health_unread(&h), 1000);
	health_update(&h, 100, 50);
	assert_int_equal(health_unread(&h), 500);
	/* a year of good lines does not hide that the format changed */
	health_update(&h, 100000000, 50);
	assert_in_range(health_unread(&h), 0, 1);
	health_update(&h, 100003000, 3050);
	assert_in_range(health_unread(&h), 700, 1000);
	/* and once mended it is forgotten */
	for (uint64_t n = 0; n < 20; n++)
		health_update(&h, 100003000 + n * 500, 3050);
	assert_in_range(health_unread(&h), 0, 20);
}

static void the_worst_is_said(void **state)
{
	(void)state;
	static const struct {
		struct health_facts facts;
		bool wrong;
		const char *text;
	} cases[] = {
		{{"", 0, 0, MS_DAY, 0, 0}, false, ""},
		{{"read: I/O error", 1000, 2 * MS_DAY, MS_DAY, 0, 0}, true, "read: I/O error"},
		{{"", 499, 0, MS_DAY, 0, 0}, false, ""},
		{{"", 500, 0, MS_DAY, 0, 0}, true, "50 % of its lines are not understood"},
		{{"", 0, MS_DAY - 1, MS_DAY, 0, 0}, false, ""},
		{{"", 0, MS_DAY, MS_DAY, MS_HOUR, 0}, false, "silent for 24 h"},
		{{"", 0, 100 * MS_MINUTE, MS_HOUR, 0, 0}, false, "silent for 100 min"},
		{{"", 0, 0, MS_DAY, MS_HOUR, 59999}, false, "stamps are off by 1 h: put right"},
		{{"", 0, 0, MS_DAY, -90 * MS_MINUTE, 0}, false,
			"stamps are off by 90 min: put right"},
		{{"", 0, 0, MS_DAY, MS_HOUR, 70000}, false, "stamps are 70 s late"},
		{{"", 0, 0, MS_DAY, 0, -70000}, false, "stamps are 70 s early"},
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
		cmocka_unit_test(the_worst_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
