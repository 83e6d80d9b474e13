/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"

#include "base/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static void times_have_one_text(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{1767323045678, "2026-01-02T03:04:05.678Z"},
		{951782400000, "2000-02-29T00:00:00.000Z"},
		{253402300799999, "9999-12-31T23:59:59.999Z"},
		{INT64_MAX, "292278994-08-17T07:12:55.807Z"},
		{INT64_MIN, "-292275055-05-16T16:47:04.192Z"},
	};
	char text[CLOCK_TEXT_MAX];
	for (size_t i = 0; i < countof(cases); i++)
		assert_string_equal(clock_format(cases[i].ms, text), cases[i].text);
}

static void days_equal_the_c_library(void **state)
{
	(void)state;
	for (int64_t day = -200000; day < 200000; day += 13) {
		time_t t = (time_t)(day * 86400);
		struct tm tm;
		assert_non_null(gmtime_r(&t, &tm));
		assert_true(clock_days(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday) == day);
	}
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_have_one_text),
		cmocka_unit_test(days_equal_the_c_library),
	};
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
