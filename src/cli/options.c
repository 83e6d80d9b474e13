/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/options.h"

#include "base/clock.h"
#include "base/slice.h"
#include "base/util.h"
#include "sensor/stamp.h"

#include <errno.h>

void options_init(struct options *o)
{
	*o = (struct options){.now = clock_now()};
}

static bool read_epoch(const char *text, int64_t *ret_ms)
{
	char *end;
	errno = 0;
	double seconds = strtod(text, &end);
	if (errno || end == text || *end || !(seconds >= 0 && seconds < 253402300800.0))
		return false;
	*ret_ms = (int64_t)(seconds * 1000 + 0.5);
	return true;
}

bool options_time(const char *text, const char *zone, int64_t *ret_ms)
{
	struct slice slice = slice_of(text);
	if (!memchr(slice.p, '-', slice.n))
		return read_epoch(text, ret_ms);
	char midnight[32];
	if (slice.n == 10) { /* a date alone */
		(void)snprintf(midnight, sizeof(midnight), "%sT00:00:00", text);
		slice = slice_of(midnight);
	}
	struct stamps stamps;
	stamps_init(&stamps, zone, clock_now());
	int64_t ms;
	if (slice.n < 19 || stamp_read(&stamps, slice, clock_now(), &ms) != slice.n)
		return false;
	*ret_ms = ms;
	return true;
}

bool options_take(struct options *o, const char *verb, int option, const char *argument)
{
	switch (option) {
	case OPTION_JSON:
		o->json = true;
		return true;
	case OPTION_STATE_DIR:
		o->state_dir = argument;
		return true;
	case OPTION_TZ:
		o->timezone = argument;
		if (zone_exists(argument))
			return true;
		(void)fprintf(
			stderr, "cordon %s: no time zone '%s' on this machine\n", verb, argument);
		return false;
	case OPTION_NOW:
		o->has_now = true;
		if (options_time(argument, o->timezone, &o->now))
			return true;
		(void)fprintf(stderr,
			"cordon %s: '%s' is no time (2026-01-31T12:00:00Z, or seconds since "
			"1970)\n",
			verb, argument);
		return false;
	default: /* getopt has said it */
		(void)fprintf(stderr, "Try 'cordon %s --help'.\n", verb);
		return false;
	}
}
