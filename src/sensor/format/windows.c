/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logons of Windows that may be Remote Desktop's: type 10 (RemoteInteractive), and
 * type 3 (Network), which is what RDP with network level authentication (NLA) makes,
 * the usual case today.
 *
 * With NLA the failure (4625) often has no address. Two events of the Remote Desktop
 * service may tell: 140 says that the client of an address gave a wrong name or
 * password, which is a failure by itself; 131 that an address has connected. If
 * all that connected within two minutes before is one address, a failure without
 * an address is its; of two nobody knows.
 *
 * An attempt may make 4625 and 140. They share the address, and come within
 * moments: an address that was silent for longer begins anew.
 */
#include "sensor/format/windows.h"

#include "base/clock.h"
#include "base/util.h"
#include "sensor/format/format.h"
#include "sensor/format/text.h"

#define EXPLAINS (2 * MS_MINUTE) /* how long a connection may explain a failure */
#define TOGETHER (10 * MS_SECOND)

static const struct slice program = {"windows", 7};

struct logon {
	const struct windows_event *windows;
	struct session_table *sessions;
	struct event *event;
};

/* What the host's latest client was (current), or the one before that was another. */
static uint64_t client_key(const struct logon *l, bool current)
{
	return session_key(l->windows->host, current ? SLICE("rdpclient") : SLICE("rdpother"), 0);
}

static struct session *remember(
	const struct logon *l, bool current, const struct addr *addr, int64_t time)
{
	struct session *s = session_get(l->sessions, client_key(l, current), time);
	s->src = *addr;
	s->has_src = true;
	s->service = SERVICE_RDP;
	return s;
}

static const char connects[] =
	"a connection: may tell whose a failure without an address is, and is none";
static const char elsewhere[] = "a logon of another type than 3 (network) and 10 (remote desktop): "
				"nobody came from outside";

static enum said on_connected(const struct logon *l)
{
	const struct source *source = &l->windows->source;
	if (!source->literal)
		return event_nothing(l->event, connects);
	const struct session *latest = session_find(l->sessions, client_key(l, true));
	if (latest && latest->has_src && !addr_eq(&latest->src, &source->addr)) {
		struct addr other = latest->src;
		(void)remember(l, false, &other, latest->last);
	}
	(void)remember(l, true, &source->addr, l->event->time);
	return event_nothing(l->event, connects);
}

/* Logs of two channels may be shipped out of order: what came later explains nothing. */
static bool has_connected(const struct session *s, int64_t time)
{
	return s && s->has_src && s->last <= time + MS_SECOND && time - s->last <= EXPLAINS;
}

/* Whose a failure without an address is; no literal: nobody knows. */
static struct source explain(const struct logon *l)
{
	int64_t time = l->event->time;
	const struct session *latest = session_find(l->sessions, client_key(l, true));
	const struct session *other = session_find(l->sessions, client_key(l, false));
	if (time == EVENT_NO_TIME || !has_connected(latest, time) ||
		(other && time - other->last <= EXPLAINS))
		return (struct source){0};
	return (struct source){.literal = true, .addr = latest->src};
}

static struct session *session_of(const struct logon *l, const struct source *source)
{
	return source_session(l->sessions, SERVICE_RDP, l->windows->host, program, source,
		l->event->time, TOGETHER);
}

static bool is_remote(const struct logon *l)
{
	return l->windows->logon_type == 3 || l->windows->logon_type == 10;
}

static enum said on_failed(const struct logon *l)
{
	struct source source = l->windows->source;
	if (!is_remote(l))
		return event_nothing(l->event, elsewhere);
	if (!source.literal) {
		source = explain(l);
		if (source.literal)
			l->event->why = "the address is that of the only client of two minutes";
	}
	return source_failed(
		l->event, session_of(l, &source), EVIDENCE_VERDICT, &source, l->windows->user);
}

static enum said on_refused(const struct logon *l)
{
	const struct source *source = &l->windows->source;
	return source_failed(l->event, session_of(l, source), EVIDENCE_REFUSED, source, SLICE_NULL);
}

static enum said on_logged_on(const struct logon *l)
{
	if (!is_remote(l))
		return event_nothing(l->event, elsewhere);
	return source_succeeded(l->event, &l->windows->source, l->windows->user);
}

static enum said mean(const struct logon *l)
{
	switch (l->windows->id) {
	case WINDOWS_CONNECTED:
		return on_connected(l);
	case WINDOWS_REFUSED:
		return on_refused(l);
	case WINDOWS_LOGGED_ON:
		return on_logged_on(l);
	case WINDOWS_FAILED:
		return on_failed(l);
	}
	return SAID_UNKNOWN;
}

static enum said windows_parse(
	const struct record *record, struct session_table *sessions, struct event *ret)
{
	struct windows_event e;
	bool json = record->message.n && *record->message.p == '{';
	enum said said = json ? windows_read_json(record->message, &e)
			      : windows_read_text(record->message, &e);
	if (said == SAID_NOTHING)
		return event_nothing(ret, "another event than 4625, 4624, 140 and 131");
	if (said == SAID_UNKNOWN)
		return said;
	if (e.host.n == 0)
		e.host = record->host;
	return mean(&(struct logon){.windows = &e, .sessions = sessions, .event = ret});
}

/*
 * The time of an event in JSON: `"key":"STAMP"`. Inside a JSON text a quote has a backslash in
 * front, so no other text can hold the key with its quotes.
 */
static bool read_json_time(
	struct stamps *stamps, struct slice line, struct slice key, int64_t now, int64_t *ret)
{
	const char *p = find_by(line, key, 1);
	if (!p)
		return false;
	struct slice rest = skip_blanks(slice_between(p + key.n, line.p + line.n));
	if (!cut_start(&rest, SLICE(":")))
		return false;
	rest = skip_blanks(rest);
	return cut_start(&rest, SLICE("\"")) && stamp_read(stamps, rest, now, ret) > 0;
}

/* A JSON object, or Snare's "STAMP HOST MSWinEventLog<tab>…" */
static bool windows_line(struct stamps *stamps, struct slice line, int64_t now, struct record *ret)
{
	static const struct slice snare = {"MSWinEventLog\t", 14};
	int64_t time = EVENT_NO_TIME;
	if (line.n < 32)
		return false;
	if (*line.p == '{') {
		if (!read_json_time(stamps, line, SLICE("\"@timestamp\""), now, &time))
			(void)read_json_time(stamps, line, SLICE("\"EventTime\""), now, &time);
		*ret = (struct record){.time = time, .program = program, .message = line};
		return true;
	}
	struct slice head = {line.p, MIN_OF(line.n, (size_t)160)};
	const char *tab = memchr(head.p, '\t', head.n);
	if (!tab || !slice_ends(slice_between(head.p, tab + 1), snare))
		return false;
	if (*head.p == '<') { /* syslog's priority */
		const char *close = memchr(head.p, '>', MIN_OF(head.n, (size_t)6));
		head = close ? slice_between(close + 1, head.p + head.n) : head;
	}
	size_t n = stamp_read(stamps, head, now, &time);
	struct slice host = skip_blanks(slice_between(head.p + n, tab + 1 - snare.n));
	while (cut_end(&host, SLICE(" ")))
		;
	*ret = (struct record){.time = time,
		.program = program,
		.host = host,
		.message = slice_between(tab + 1, line.p + line.n)};
	return true;
}

static bool windows_owns(struct slice name)
{
	static const struct slice names[] = {{"Microsoft-Windows-Security-Auditing", 35},
		{"Microsoft-Windows-RemoteDesktopServices-RdpCoreTS", 49},
		{"Security-Auditing", 17}, {"Microsoft_Windows_security_auditing.", 36}};
	for (size_t i = 0; i < countof(names); i++)
		if (slice_eq(name, names[i]))
			return true;
	return false;
}

const struct format format_windows = {
	.name = "windows",
	.service = SERVICE_RDP,
	.initials = "MS",
	.owns = windows_owns,
	.parse = windows_parse,
	.line = windows_line,
	.starts = LINE_BRACE | LINE_DIGIT | LINE_OTHER,
};
