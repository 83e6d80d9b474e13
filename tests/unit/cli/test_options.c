/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Times as people write them on a command line. */
#include "base/clock.h"
#include "base/util.h"
#include "cli/options.h"
#include "sensor/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NEVER INT64_MIN

static const struct {
	const char *text;
	int64_t ms; /* with the zone UTC */
} times[] = {
	{"2026-12-01T12:00:00Z", INT64_C(1796126400000)},
	{"2026-12-01T12:00:00", INT64_C(1796126400000)},
	{"2026-12-01 12:00:00.250", INT64_C(1796126400250)},
	{"2026-12-01T12:00:00+02:00", INT64_C(1796119200000)},
	{"2026-12-01T12:00", INT64_C(1796126400000)},
	{"2026-12-01 12:00", INT64_C(1796126400000)},
	{"2026-12-01T12:00Z", INT64_C(1796126400000)},
	{"2026-12-01T12:00+02:00", INT64_C(1796119200000)},
	{"2026-12-01", INT64_C(1796083200000)},
	{"1796126400", INT64_C(1796126400000)},
	{"1796126400.5", INT64_C(1796126400500)},
	{"2026-12-01T12", NEVER},
	{"2026-12-01T12:", NEVER},
	{"2026-12-01T12:0", NEVER},
	{"2026-12-01T25:00", NEVER},
	{"2026-13-01", NEVER},
	{"2026-12-01T12:00 and more", NEVER},
	{"26-12-01", NEVER},
	{"tomorrow", NEVER},
	{"-1", NEVER},
	{"", NEVER},
};

static void reads_times(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(times); i++) {
		int64_t ms = NEVER;
		bool good = options_time(times[i].text, "UTC", &ms);
		if (good != (times[i].ms != NEVER) || ms != times[i].ms)
			fail_msg("%s: %lld", times[i].text, (long long)ms);
	}
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {cmocka_unit_test(reads_times)};
	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
