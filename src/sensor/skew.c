/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sensor/skew.h"

#include "base/clock.h"

#include <stdlib.h>

#define STEP  (15 * MS_MINUTE) /* zones differ by multiples of this */
#define LEAST (30 * MS_MINUTE)
#define MOST  (26 * MS_HOUR)   /* from UTC-12 to UTC+14 */
#define DELAY (90 * MS_SECOND) /* what a line may take to be written and read */
#define SURE  3                /* lines in a row: one may have been held up for an hour */
#define APART MS_SECOND        /* of each other: old lines copied into a log arrive at once */

/* The nearest difference of two zones; false when none is near. */
static bool as_zones(int64_t difference, int64_t *ret)
{
	int64_t half = difference < 0 ? -STEP / 2 : STEP / 2;
	int64_t zones = (difference + half) / STEP * STEP;
	if (llabs(difference - zones) > DELAY || llabs(zones) > MOST ||
		(zones != 0 && llabs(zones) < LEAST))
		return false;
	*ret = zones;
	return true;
}

bool skew_note(struct skew *s, int64_t stamped, int64_t arrived)
{
	int64_t zones;
	if (stamped < arrived - 365 * MS_DAY || stamped > arrived + 365 * MS_DAY)
		return false; /* no clock's fault; and no overflow */
	s->latest = arrived - stamped - s->shift;
	if (!as_zones(arrived - stamped, &zones) || zones == s->shift) {
		s->seen = 0;
		return false;
	}
	if (s->seen == 0 || zones != s->candidate) {
		s->candidate = zones;
		s->seen = 0;
	} else if (arrived - s->counted < APART) {
		return false;
	}
	s->counted = arrived;
	if (++s->seen < SURE)
		return false;
	s->latest += s->shift - zones;
	s->shift = zones;
	s->seen = 0;
	return true;
}
