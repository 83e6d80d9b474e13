/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"

#include <stdio.h>

const char *clock_format(int64_t ms, char text[static CLOCK_TEXT_MAX])
{
	int64_t seconds = ms / 1000, rest = ms % 1000;
	if (rest < 0) {
		rest += 1000;
		seconds--;
	}
	time_t t = (time_t)seconds;
	struct tm tm = {0};
	(void)gmtime_r(&t, &tm);
	char day[27]; /* years have up to nine digits and a sign */
	(void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text, CLOCK_TEXT_MAX, "%s.%03dZ", day, (int)rest);
	return text;
}

/* Howard Hinnant's days_from_civil (public domain formula): years begin in March. */
int64_t clock_days(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}
