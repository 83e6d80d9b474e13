/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/util.h"
#include "cases.h"
#include "sensor/stamp.h"

#include <stdio.h>
#include <stdlib.h>

/* text, the zone of stamps without one, now, its length (0: no stamp), the instant */
static const struct {
	const char *text, *zone, *now;
	size_t length;
	const char *expected;
} stamps[] = {
	{"Nov 21 22:00:00 h", "UTC", "2026-11-21T23:00:00Z", 15, "2026-11-21T22:00:00.000Z"},
	{"Nov  3 09:23:38 h", "UTC", "2026-11-21T23:00:00Z", 15, "2026-11-03T09:23:38.000Z"},
	{"Feb 7 16:01:07 h", "UTC", "2026-11-21T23:00:00Z", 14, "2026-02-07T16:01:07.000Z"},
	{"Jul 05 18:22:44 h", "UTC", "2026-11-21T23:00:00Z", 15, "2026-07-05T18:22:44.000Z"},
	{"Nov 21 22:00:00.123456 h", "UTC", "2026-11-21T23:00:00Z", 22, "2026-11-21T22:00:00.123Z"},
	{"Nov 21 2024 22:00:00 h", "UTC", "2026-11-21T23:00:00Z", 20, "2024-11-21T22:00:00.000Z"},
	{"Dec 31 23:59:59 h", "UTC", "2026-01-01T00:00:10Z", 15, "2025-12-31T23:59:59.000Z"},
	{"Jan  1 00:00:05 h", "UTC", "2025-12-31T23:59:50Z", 15, "2026-01-01T00:00:05.000Z"},
	{"Nov 23 00:00:00 h", "UTC", "2026-11-21T23:00:00Z", 15, "2025-11-23T00:00:00.000Z"},
	{"Feb 29 12:00:00 h", "UTC", "2026-11-21T23:00:00Z", 15, "2024-02-29T12:00:00.000Z"},
	{"Jun 30 23:59:60 h", "UTC", "2026-11-21T23:00:00Z", 15, "2026-07-01T00:00:00.000Z"},
	/* zones, summer and winter */
	{"Jul 14 12:00:00 h", "Europe/Zurich", "2026-11-21T23:00:00Z", 15,
		"2026-07-14T10:00:00.000Z"},
	{"Nov 14 12:00:00 h", "Europe/Zurich", "2026-11-21T23:00:00Z", 15,
		"2026-11-14T11:00:00.000Z"},
	{"Nov 21 12:00:00 h", "Asia/Kolkata", "2026-11-21T23:00:00Z", 15,
		"2026-11-21T06:30:00.000Z"},
	{"Nov 21 12:00:00 h", "America/St_Johns", "2026-11-21T23:00:00Z", 15,
		"2026-11-21T15:30:00.000Z"},
	{"2006-07-14 12:00:00 h", "Europe/Zurich", "2026-11-21T23:00:00Z", 19,
		"2006-07-14T10:00:00.000Z"},
	/* shown twice: the later one unless it is still to come */
	{"Oct 25 02:30:00 h", "Europe/Zurich", "2026-11-21T23:00:00Z", 15,
		"2026-10-25T01:30:00.000Z"},
	{"Oct 25 02:30:00 h", "Europe/Zurich", "2026-10-25T00:31:00Z", 15,
		"2026-10-25T00:30:00.000Z"},
	/* never shown */
	{"Mar 29 02:30:00 h", "Europe/Zurich", "2026-11-21T23:00:00Z", 15,
		"2026-03-29T01:30:00.000Z"},
	/* RFC 3339 and its relatives */
	{"2026-11-21T22:00:00Z h", "Asia/Tokyo", "2026-11-21T23:00:00Z", 20,
		"2026-11-21T22:00:00.000Z"},
	{"2019-07-08T17:40:16.954167-04:00 h", "UTC", "2026-11-21T23:00:00Z", 32,
		"2019-07-08T21:40:16.954Z"},
	{"2018-12-20 10:09:05.180218+0000 l", "UTC", "2026-11-21T23:00:00Z", 31,
		"2018-12-20T10:09:05.180Z"},
	{"2026-11-21 22:00:00,5 +0200 x", "UTC", "2026-11-21T23:00:00Z", 27,
		"2026-11-21T20:00:00.500Z"},
	{"2026-11-21 22:00:00 UTC x", "Asia/Tokyo", "2026-11-21T23:00:00Z", 23,
		"2026-11-21T22:00:00.000Z"},
	{"2026-11-21T22:00:00+05 x", "UTC", "2026-11-21T23:00:00Z", 22, "2026-11-21T17:00:00.000Z"},
	{"2026-11-21T22:00:00", "UTC", "2026-11-21T23:00:00Z", 19, "2026-11-21T22:00:00.000Z"},
	{"@400000004332258300000000 t", "UTC", "2026-11-21T23:00:00Z", 25,
		"2005-09-22T03:31:05.000Z"},
	/* of daemons' own logs */
	{"Sat Nov 21 22:00:00 2026 [", "Asia/Tokyo", "2026-11-21T23:00:00Z", 24,
		"2026-11-21T13:00:00.000Z"},
	{"Mon Jun 8 12:08:44 2020 [", "UTC", "2026-11-21T23:00:00Z", 23,
		"2020-06-08T12:08:44.000Z"},
	{"Mon Jun  8 12:08:44 2020 [", "UTC", "2026-11-21T23:00:00Z", 24,
		"2020-06-08T12:08:44.000Z"},
	{"20261121-22:00:00] [", "Asia/Tokyo", "2026-11-21T23:00:00Z", 17,
		"2026-11-21T13:00:00.000Z"},
	{"261121 22:00:00 [", "UTC", "2026-11-21T23:00:00Z", 15, "2026-11-21T22:00:00.000Z"},
	{"261121  2:00:00 [", "UTC", "2026-11-21T23:00:00Z", 15, "2026-11-21T02:00:00.000Z"},
	{"2026-11-21  2:00:00 5", "UTC", "2026-11-21T23:00:00Z", 19, "2026-11-21T02:00:00.000Z"},
	/* no stamps */
	{"Mon Jun 31 12:08:44 2020 [", "UTC", "2026-11-21T23:00:00Z", 0, NULL},
	{"Mon Jun  8 12:08:44 20x0 [", "UTC", "2026-11-21T23:00:00Z", 0, NULL},
	{"20261321-22:00:00] [", "UTC", "2026-11-21T23:00:00Z", 0, NULL},
	{"20261121 22:00:00] [", "UTC", "2026-11-21T23:00:00Z", 0, NULL},
	{"261121-22:00:00 [ xxxxxx", "UTC", "2026-11-21T23:00:00Z", 0, NULL},
	{"Nov 31 22:00:00 h", "UTC", "2026-11-21T23:00:00Z", 0, NULL},
	{"Nov 21 24:00:00 h", "UTC", "2026-11-21T23:00:00Z", 0, NULL},
	{"Nov 21 22:60:00 h", "UTC", "2026-11-21T23:00:00Z", 0, NULL},
	{"Nov 21 22.00.00 h", "UTC", "2026-11-21T23:00:00Z", 0, NULL},
	{"nov 21 22:00:00 h", "UTC", "2026-11-21T23:00:00Z", 0, NULL},
	{"Nov  0 22:00:00 h", "UTC", "2026-11-21T23:00:00Z", 0, NULL},
	{"Nov 21 22:00:0", "UTC", "2026-11-21T23:00:00Z", 0, NULL},
	{"2026-02-29T22:00:00Z", "UTC", "2026-11-21T23:00:00Z", 0, NULL},
	{"2026-13-01T22:00:00Z", "UTC", "2026-11-21T23:00:00Z", 0, NULL},
	{"@4000000043322583zz000000 t", "UTC", "2026-11-21T23:00:00Z", 0, NULL},
	{"srv sshd[13709]: error", "UTC", "2026-11-21T23:00:00Z", 0, NULL},
};

static int64_t instant(const char *text)
{
	struct stamps s;
	int64_t ms = 0;
	stamps_init(&s, "UTC", 0);
	assert_int_equal(stamp_read(&s, slice_of(text), 0, &ms), strlen(text));
	return ms;
}

static void stamp_means(void **state)
{
	size_t i = (size_t)(uintptr_t)*state;
	struct stamps s;
	char text[CLOCK_TEXT_MAX];
	int64_t now = instant(stamps[i].now), ms = -1;
	stamps_init(&s, stamps[i].zone, now);
	/* the second time from memory */
	for (int times = 0; times < 2; times++) {
		assert_int_equal(
			stamp_read(&s, slice_of(stamps[i].text), now, &ms), stamps[i].length);
		if (stamps[i].expected)
			assert_string_equal(clock_format(ms, text), stamps[i].expected);
		else
			assert_int_equal(ms, -1);
	}
}

/* Every hour of 2025 and 2026 there and back, as the C library sees it. */
static void zones_agree_with_libc(void **state)
{
	static const char *const names[] = {"Europe/Zurich", "America/New_York",
		"Australia/Lord_Howe", "Africa/Casablanca", "Asia/Tehran", "UTC"};
	(void)state;
	for (size_t i = 0; i < countof(names); i++) {
		struct zone z;
		int64_t now = instant("2027-01-01T00:00:00Z");
		zone_load(&z, names[i], now);
		assert_int_equal(setenv("TZ", names[i], 1), 0);
		tzset();
		for (int64_t t = instant("2025-01-01T00:00:00Z"); t < now; t += MS_HOUR / 2) {
			time_t seconds = (time_t)(t / 1000);
			struct tm tm;
			assert_non_null(localtime_r(&seconds, &tm));
			int64_t wall = t + (int64_t)tm.tm_gmtoff * 1000;
			int64_t back = zone_to_utc(&z, wall, now);
			/* the hour shown twice comes back as its second time */
			if (back != t) {
				seconds = (time_t)(back / 1000);
				assert_non_null(localtime_r(&seconds, &tm));
				assert_int_equal(back + (int64_t)tm.tm_gmtoff * 1000, wall);
				assert_true(back > t && back - t <= MS_HOUR);
			}
		}
	}
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
}

static void zone_names_are_checked(void **state)
{
	(void)state;
	assert_true(zone_exists("Europe/Zurich"));
	assert_true(zone_exists("UTC"));
	assert_false(zone_exists("Europe/Zuerich"));
	assert_false(zone_exists(""));
	assert_false(zone_exists("../../../etc/passwd"));
	assert_false(zone_exists("/etc/localtime"));
}

static void loading_a_zone_leaves_tz_alone(void **state)
{
	(void)state;
	struct zone z;
	assert_int_equal(setenv("TZ", "Asia/Tokyo", 1), 0);
	zone_load(&z, "Europe/Zurich", 0);
	assert_string_equal(getenv("TZ"), "Asia/Tokyo");
	assert_int_equal(unsetenv("TZ"), 0);
	zone_load(&z, "Europe/Zurich", 0);
	assert_null(getenv("TZ"));
}

/* What is remembered is never believed of a stamp that merely begins the same. */
static void memory_does_not_leak(void **state)
{
	(void)state;
	struct stamps s;
	int64_t now = instant("2026-11-21T23:00:00Z"), a = 0, b = 0;
	stamps_init(&s, "UTC", now);
	assert_int_equal(stamp_read(&s, SLICE("Nov 21 22:00:00 h"), now, &a), 15);
	assert_int_equal(stamp_read(&s, SLICE("Nov 31 22:00:00 h"), now, &b), 0);
	assert_int_equal(stamp_read(&s, SLICE("Nov 21 22:00:01 h"), now, &b), 15);
	assert_int_equal(b - a, 1000);
	assert_int_equal(stamp_read(&s, SLICE("2026-11-21T22:00:00.250Z h"), now, &b), 24);
	assert_int_equal(b - a, 250);
	assert_int_equal(stamp_read(&s, SLICE("2026-11-21T22:00:00+01:00 h"), now, &b), 25);
	assert_int_equal(a - b, MS_HOUR);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const char *names[countof(stamps)];
	void *states[countof(stamps)];
	for (size_t i = 0; i < countof(stamps); i++) {
		names[i] = stamps[i].text;
		states[i] = (void *)(uintptr_t)i;
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zones_agree_with_libc),
		cmocka_unit_test(zone_names_are_checked),
		cmocka_unit_test(loading_a_zone_leaves_tz_alone),
		cmocka_unit_test(memory_does_not_leak),
	};
	int failed = cases_run("stamps", names, states, countof(stamps), stamp_means);
	return failed + cmocka_run_group_tests_name("zones", tests, NULL, NULL) != 0;
}
