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

/* format: NULL when nobody owns the program */
static bool read_record(
	struct reader *r, const struct format *format, struct record *record, struct event *ret)
{
	if (record->time != EVENT_NO_TIME)
		record->time += r->shift;
	r->latest.time = record->time;
	r->latest.service = SERVICE_NONE;
	if (!format || !(r->services & SERVICE_BIT(format->service)))
		return false;
	r->latest.service = format->service;
	unsigned times = record->message.n > 20 && record->message.p[0] == 'm'
				 ? strip_repeated(&record->message)
				 : 1;
	*ret = (struct event){.time = record->time, .service = format->service, .repeat = 1};
	if (!format->parse(record, r->sessions, ret))
		return false;
	if (times > 1)
		ret->repeat = (uint16_t)MIN_OF(ret->repeat * times, (unsigned)UINT16_MAX);
	r->stats.matched++;
	r->stats.failures += ret->outcome == OUTCOME_FAILURE;
	return true;
}

/* False: the line has no header that anybody knows. *ret_format: NULL when nobody reads it. */
static bool find_format(struct reader *r, struct slice line, struct record *record,
	const struct format **ret_format)
{
	/* a daemon's own log is rarely mixed with anything */
	if (r->own && r->own->line(&r->stamps, line, r->now, record)) {
		*ret_format = r->own;
		return true;
	}
	/* what a client made a daemon write is not another daemon's word */
	if (r->log.reach && line.p < r->log.reach)
		return false;
	r->own = NULL;
	bool fits = syslog_parse(&r->stamps, line, r->now, record);
	const struct format *format = fits ? format_find(record->program) : NULL;
	if (!format)
		r->own = format =
			format_of_line(r->services, &r->stamps, line, fits, r->now, record);
	*ret_format = format;
	return fits || format;
}

static void note_log(struct reader *r, struct slice raw, struct record *record)
{
	int64_t time = record->time == EVENT_NO_TIME ? EVENT_NO_TIME : record->time + r->shift;
	r->log.raw = raw;
	r->log.stamps = &r->stamps;
	r->log.shift = r->shift;
	r->log.now = r->now;
	r->log.latest = r->own_time;
	if (time <= r->now)
		r->own_time = MAX_OF(r->own_time, time);
	record->log = &r->log;
}

/* raw: the line and what is known to follow it */
static bool read_line(struct reader *r, struct slice line, struct slice raw, struct event *ret)
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
	const struct format *format = NULL;
	if (!find_format(r, line, &record, &format)) {
		r->stats.unparsed++;
		return false;
	}
	record.log = NULL;
	if (format && format == r->own)
		note_log(r, raw, &record);
	return read_record(r, format, &record, ret);
}

bool reader_line(struct reader *r, struct slice line, struct event *ret)
{
	r->log.reach = NULL;
	return read_line(r, line, line, ret);
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
	r->log.reach = NULL;
	while (lines.n) {
		struct slice raw = lines;
		const char *newline = memchr(lines.p, '\n', lines.n);
		struct slice line = newline ? slice_between(lines.p, newline) : lines;
		lines = slice_skip(lines, line.n + (newline != NULL));
		struct event event;
		if (!read_line(r, line, raw, &event))
			continue;
		int result = fn(ctx, &event);
		if (result != 0)
			return result;
	}
	return 0;
}
