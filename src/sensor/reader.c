/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sensor/reader.h"

#include "base/util.h"
#include "sensor/format/format.h"
#include "sensor/syslog.h"

void reader_init(struct reader *r, struct session_table *sessions, uint32_t services, int64_t now,
	const char *zone)
{
	*r = (struct reader){.sessions = sessions, .services = services, .now = now};
	r->latest.time = r->own_time = EVENT_NO_TIME;
	stamps_init(&r->stamps, zone, now);
}

void reader_file(struct reader *r)
{
	r->own = r->split = NULL;
	r->own_time = EVENT_NO_TIME;
	r->stamps.len = 0;
}

/*
 * "message repeated 3 times: [ text]" (rsyslog): becomes text. Only syslogd
 * writes this in front of a message.
 */
static unsigned strip_repeated(struct slice *message)
{
	static const struct slice before = {"message repeated ", 17}, between = {" times: [", 9};
	if (!slice_starts(*message, before) || message->p[message->n - 1] != ']')
		return 1;
	struct slice rest = slice_skip(*message, before.n);
	unsigned times = 0;
	while (rest.n && (unsigned)(*rest.p - '0') <= 9) {
		times = MIN_OF(times * 10 + (unsigned)(*rest.p - '0'), (unsigned)UINT16_MAX);
		rest = slice_skip(rest, 1);
	}
	if (times == 0 || !slice_starts(rest, between))
		return 1;
	rest = slice_skip(rest, between.n);
	while (rest.n && *rest.p == ' ')
		rest = slice_skip(rest, 1);
	rest.n--;
	*message = rest;
	return times;
}

/* What every message of a daemon that is read has in common. True: it is an event. */
static bool note_message(struct reader *r, enum said said, unsigned times, struct event *ret)
{
	r->stats.messages++;
	r->stats.unknown += said == SAID_UNKNOWN;
	if (said == SAID_LOGIN) {
		if (times > 1) {
			ret->repeat = (uint16_t)MIN_OF(ret->repeat * times, (unsigned)UINT16_MAX);
			ret->why = "syslogd wrote it once for all of them";
		}
		r->stats.matched++;
		r->stats.failures += ret->outcome == OUTCOME_FAILURE;
	}
	r->latest.said = said;
	r->latest.why = ret->why;
	return said == SAID_LOGIN;
}

/* format: NULL when nobody owns the program */
static bool read_record(
	struct reader *r, const struct format *format, struct record *record, struct event *ret)
{
	r->latest.time = record->time;
	r->latest.service = SERVICE_NONE;
	if (!format || !(r->services & SERVICE_BIT(format->service)))
		return false;
	r->latest.service = format->service;
	bool split = format->split & (record->own ? SPLIT_OWN : SPLIT_SYSLOG);
	/* where a client begins lines, the number would be its word */
	unsigned times = record->message.n > 20 && record->message.p[0] == 'm' && !split
				 ? strip_repeated(&record->message)
				 : 1;
	*ret = (struct event){.time = record->time,
		.service = format->service,
		.repeat = 1,
		.forgeable = split || r->split};
	return note_message(r, format->parse(record, r->sessions, ret), times, ret);
}

/* The end of a message that a client broke may look like anything. */
static bool read_rest(struct reader *r, struct slice line, struct event *ret)
{
	const struct record record = {.time = r->own_time, .message = line, .own = true};
	*ret = (struct event){
		.time = r->own_time, .service = r->split->service, .repeat = 1, .forgeable = true};
	if (!r->split->rest(&record, r->sessions, ret))
		return false;
	r->latest.time = r->own_time;
	r->latest.service = r->split->service;
	return note_message(r, SAID_LOGIN, 1, ret);
}

/*
 * A line of a log that a client can write into: what it says is older than the lines in front
 * of it is not.
 */
static void note_own(struct reader *r, struct record *record)
{
	if (!r->split)
		r->split = r->own;
	if (record->time <= r->now)
		r->own_time = MAX_OF(r->own_time, record->time);
	record->time = MAX_OF(r->own_time, record->time);
}

/* False: the line has no header that anybody knows. *ret_format: NULL when nobody reads it. */
static bool find_format(struct reader *r, struct slice line, struct record *record,
	const struct format **ret_format)
{
	r->own = NULL;
	bool fits = syslog_parse(&r->stamps, line, r->now, record);
	const struct format *format = fits ? format_find(record->program) : NULL;
	if (!format)
		r->own = format =
			format_of_line(r->services, &r->stamps, line, fits, r->now, record);
	*ret_format = format;
	return fits || format;
}

bool reader_line(struct reader *r, struct slice line, struct event *ret)
{
	struct record record;
	r->stats.lines++;
	r->latest.time = EVENT_NO_TIME;
	r->latest.service = SERVICE_NONE;
	if (line.n > READER_LINE_MAX) {
		r->stats.too_long++;
		return false;
	}
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	/* a daemon's own log is rarely mixed with anything */
	const struct format *format = r->split ? r->split : r->own;
	bool fits = format && format->line(&r->stamps, line, r->now, &record);
	if (fits)
		r->own = format;
	else if (r->split && read_rest(r, line, ret))
		return true;
	else
		fits = find_format(r, line, &record, &format);
	if (!fits) {
		r->stats.unparsed++;
		return false;
	}
	if (record.time != EVENT_NO_TIME)
		record.time += r->shift;
	record.own = format && format == r->own;
	if (record.own && format->split & SPLIT_OWN)
		note_own(r, &record);
	return read_record(r, format, &record, ret);
}

bool reader_record(struct reader *r, const struct record *record, struct event *ret)
{
	struct record copy = *record;
	r->stats.lines++;
	return read_record(r, format_find(copy.program), &copy, ret);
}

int reader_lines(struct reader *r, struct slice lines,
	int (*fn)(void *ctx, const struct event *event), void *ctx)
{
	while (lines.n) {
		const char *newline = memchr(lines.p, '\n', lines.n);
		struct slice line = newline ? slice_between(lines.p, newline) : lines;
		lines = slice_skip(lines, line.n + (newline != NULL));
		struct event event;
		if (!reader_line(r, line, &event))
			continue;
		int result = fn(ctx, &event);
		if (result != 0)
			return result;
	}
	return 0;
}
