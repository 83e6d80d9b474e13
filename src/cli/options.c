/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/options.h"

#include "base/clock.h"
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

/* "2026-12-01" and "2026-12-01T12:00": what is missing is nought. False: it is neither. */
static bool complete(struct slice text, char *ret, size_t size)
{
	bool minute = text.n >= 16 && text.p[13] == ':' && (text.n == 16 || text.p[16] != ':');
	if (text.n != 10 && !minute)
		return false;
	size_t begin = minute ? 16 : 10;
	(void)snprintf(ret, size, "%.*s%s%.*s", (int)begin, text.p, minute ? ":00" : "T00:00:00",
		(int)(text.n - begin), text.p + begin);
	return true;
}

bool options_date(struct stamps *stamps, struct slice text, int64_t now, int64_t *ret_ms)
{
	char whole[64];
	int64_t ms;
	if (text.n < 10 || text.n > 40)
		return false;
	if (complete(text, whole, sizeof(whole)))
		text = slice_of(whole);
	if (text.n < 19 || text.p[4] != '-' || stamp_read(stamps, text, now, &ms) != text.n)
		return false;
	*ret_ms = ms;
	return true;
}

bool options_time(const char *text, const char *zone, int64_t *ret_ms)
{
	struct stamps stamps;
	if (!strchr(text, '-'))
		return read_epoch(text, ret_ms);
	stamps_init(&stamps, zone, clock_now());
	return options_date(&stamps, slice_of(text), clock_now(), ret_ms);
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
	case OPTION_ACCOUNT:
		o->account = argument;
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
