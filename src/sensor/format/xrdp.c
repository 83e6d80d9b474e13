/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * xrdp 0.9 and 0.10: xrdp-sesman (and xrdp-sesexec), its log file or syslog.
 *
 *   [20240101-12:00:00] [INFO ] AUTHFAIL: user=bob ip=::ffff:192.0.2.1 time=1704110400
 *   [2024-01-01T12:00:00.065+0100] [INFO ] AUTHFAIL: …                     0.10
 *   … xrdp-sesman[41441]: [INFO ] AUTHFAIL: …                               syslog
 *
 * Everything between "user=" and the last " ip=" is the name the client gave,
 * and that may look like the rest of the message: it is read from its end. In the
 * file a line break in it is one, so a client can write whole lines there; the last of
 * them has sesman's ending, and counts. Syslog and the journal keep the message whole.
 *
 * As shipped, xrdp writes to its file and to syslog. Where both are read, the
 * line from syslog says once more what the file said.
 */
#include "base/util.h"
#include "sensor/format/format.h"
#include "sensor/format/pam.h"
#include "sensor/format/source.h"
#include "sensor/format/text.h"

static const struct slice program = {"xrdp-sesman", 11};

/* The lines of file and syslog have no host in common, so there is one session for all. */
static struct session *session_of(
	const struct record *record, struct session_table *sessions, const struct source *source)
{
	return source_session(
		sessions, SERVICE_RDP, SLICE_NULL, program, source, record->time, SOURCE_ALWAYS);
}

/* "ADDR", "ADDR:PORT - socket: 12" (older ones), "unknown" */
static struct source read_source(struct slice text)
{
	const char *socket = find_by(text, SLICE(" - socket: "), 0);
	return socket ? source_with_port(slice_between(text.p, socket)) : source_of(text);
}

/* Cuts " time=1704110400" off the end. */
static bool cut_time(struct slice *text)
{
	size_t n = text->n;
	while (n && (unsigned)(text->p[n - 1] - '0') <= 9)
		n--;
	bool digits = n < text->n;
	text->n = n;
	return digits && cut_end(text, SLICE(" time="));
}

/* "USER ip=ADDR time=N" */
static enum said on_failed(const struct record *record, struct session_table *sessions,
	struct slice text, struct event *ret)
{
	static const struct slice mark = {" ip=", 4};
	if (!cut_time(&text))
		return SAID_UNKNOWN;
	const char *ip = find_last(text, mark);
	if (!ip)
		return SAID_UNKNOWN;
	struct source source = read_source(slice_between(ip + mark.n, text.p + text.n));
	return source_failed(ret, session_of(record, sessions, &source),
		record->own ? EVIDENCE_VERDICT : EVIDENCE_SUMMARY, &source,
		slice_between(text.p, ip));
}

/* The name's end may be of any length: none, and what stood in front of it looks like a label. */
static bool xrdp_rest(
	const struct record *record, struct session_table *sessions, struct event *ret)
{
	static const struct slice mark = {"ip=", 3};
	struct slice text = trimmed(record->message);
	if (!cut_time(&text))
		return false;
	const char *ip = find_last(text, mark);
	if (!ip || (ip > text.p && ip[-1] != ' '))
		return false;
	struct source source = read_source(slice_between(ip + mark.n, text.p + text.n));
	return source_failed(ret, session_of(record, sessions, &source), EVIDENCE_VERDICT, &source,
		       SLICE_NULL) == SAID_LOGIN;
}

/* "…: username USER, ip ADDR": USER has proved to be one */
static enum said on_session(struct slice text, struct event *ret)
{
	static const struct slice name = {"username ", 9}, mark = {", ip ", 5};
	const char *user = memmem(text.p, text.n, name.p, name.n);
	const char *ip = find_last(text, mark);
	if (!user)
		return SAID_UNKNOWN;
	if (!ip || user + name.n > ip)
		return event_nothing(ret, "a login from no literal address spares nobody");
	struct source source = read_source(slice_between(ip + mark.n, text.p + text.n));
	struct slice who = slice_between(user + name.n, ip);
	const char *comma = who.n ? memchr(who.p, ',', who.n) : NULL; /* ", display :10.0, …" */
	return source_succeeded(ret, &source, comma ? slice_between(who.p, comma) : who);
}

/* The module names an address only where sesman told it one. */
static enum said on_pam(const struct record *record, struct session_table *sessions,
	struct slice text, struct event *ret)
{
	struct source source;
	struct slice user;
	if (!pam_read(text, program, &source, &user))
		return SAID_NOTHING;
	if (!source.literal)
		return event_nothing(ret, "it names no address: AUTHFAIL follows, and counts");
	return source_failed(
		ret, session_of(record, sessions, &source), EVIDENCE_PAM, &source, user);
}

/* What else they say: sesman 0.9 and 0.10, sesexec 0.10, from INFO on. */
static const char *const known[128] = {
	['+'] = "++ terminated session\0",
	['A'] = "A connection \0Access permitted for user\0",
	['C'] = ("Calling auth_\0Can't \0Cannot \0Closed socket \0Closing all \0Config\0Connection "
		 "\0Creating \0"),
	['E'] = "Error \0",
	['F'] = "Failed to \0Found \0",
	['G'] = "Global configuration\0",
	['L'] = "Line \0",
	['N'] = "No \0",
	['P'] = "Parameter \0Process \0",
	['R'] = "Received \0Removing \0",
	['S'] = "SCP \0Security configuration\0Sesman \0Session \0Socket \0Starting \0",
	['T'] = "TLS \0Terminal Server \0TerminalServer\0Testing if \0",
	['U'] = ("Unexpected \0Username okay but group problem\0Username or password error for "
		 "user: \0"),
	['W'] = "Waiting for \0Window manager \0",
	['X'] = "X server \0X11\0XRDP_\0Xorg\0",
	['['] = "[MNG] \0[development build]\0",
	['a'] = "address \0auth_\0",
	['c'] = "calling \0can't \0cannot \0connection \0",
	['e'] = "error \0",
	['f'] = "fatal error \0",
	['l'] = "libscp \0listening \0log_\0login denied \0login failed for user \0login was \0",
	['p'] = "pam_\0",
	['r'] = "ready to \0received \0",
	['s'] = "scp_\0sesman.c\0sesman_\0session_\0shutting down\0sig_\0starting \0status of \0",
	['t'] = "terminated session\0terminating \0trans_\0",
	['w'] = "waiting for \0",
	['x'] = "xrdp\0",
};

static enum said xrdp_parse(
	const struct record *record, struct session_table *sessions, struct event *ret)
{
	struct slice text = trimmed(record->message);
	while (text.n && *text.p == '[') { /* "[INFO ] [pid:7 tid:9] " */
		const char *close = memchr(text.p, ']', text.n);
		text = close ? skip_blanks(slice_between(close + 1, text.p + text.n)) : SLICE_NULL;
	}
	if (cut_start(&text, SLICE("AUTHFAIL: user=")))
		return on_failed(record, sessions, text, ret);
	if (record->own && xrdp_rest(record, sessions, ret))
		return SAID_LOGIN;
	if (cut_start(&text, SLICE("++ created session")) ||
		cut_start(&text, SLICE("++ reconnected session")))
		return on_session(text, ret);
	if (slice_starts(text, SLICE("pam_")))
		return on_pam(record, sessions, text, ret);
	return starts_like_any(text, known) ? SAID_NOTHING : SAID_UNKNOWN;
}

/* "[STAMP] [INFO ] text" */
static bool xrdp_line(struct stamps *stamps, struct slice line, int64_t now, struct record *ret)
{
	static const struct slice between = {"] [", 3};
	int64_t time;
	struct slice text = line;
	if (!cut_start(&text, SLICE("[")))
		return false;
	size_t n = stamp_read(stamps, text, now, &time);
	text = slice_skip(text, n);
	if (n == 0 || !slice_starts(text, between))
		return false;
	*ret = (struct record){.time = time, .program = program, .message = slice_skip(text, 2)};
	return true;
}

static bool xrdp_owns(struct slice name)
{
	return slice_eq(name, program) || slice_eq(name, SLICE("xrdp-sesexec"));
}

const struct format format_xrdp = {
	.name = "xrdp",
	.service = SERVICE_RDP,
	.initials = "x",
	.owns = xrdp_owns,
	.parse = xrdp_parse,
	.line = xrdp_line,
	.starts = LINE_BRACKET,
	.split = SPLIT_OWN,
	.rest = xrdp_rest,
};
