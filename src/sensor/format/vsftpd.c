/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vsftpd 2 and 3: its log file, the same through syslog, and PAM's word about it.
 *
 *   Mon Jan  1 12:00:00 2024 [pid 3] [bob] FAIL LOGIN: Client "::ffff:192.0.2.1"
 *   … vsftpd[3]: [bob] FAIL LOGIN: Client "192.0.2.1", "User is not in the allow user list."
 *   … vsftpd[3]: pam_unix(vsftpd:auth): authentication failure; … ruser=bob rhost=192.0.2.1
 *
 * The client chooses the name in the brackets, an anonymous password and, with
 * log_ftp_protocol, the text of commands; only quotes end any of them, and it
 * may send those. vsftpd itself has `: Client "` once in a line. So a failure is
 * believed only when each `: Client "` there reads "FAIL LOGIN", and the last one
 * is vsftpd's: behind it comes at most a text of its own, which has no quotes.
 * Where a password follows, the client may have written the last, so there may
 * be no other.
 *
 * An attempt makes PAM and vsftpd write a line each, often to different logs: they
 * share their address, nothing else.
 */
#include "base/util.h"
#include "sensor/format/format.h"
#include "sensor/format/pam.h"
#include "sensor/format/source.h"
#include "sensor/format/text.h"

static const struct slice program = {"vsftpd", 6};
static const struct slice client = {": Client \"", 10};
static const struct slice password = {", anon password \"", 17};

static const char unsure[] = "what the client sent looks like vsftpd's own words: not believed";

static struct session *session_of(
	const struct record *record, struct session_table *sessions, const struct source *source)
{
	return source_session(
		sessions, SERVICE_VSFTPD, SLICE_NULL, program, source, record->time, SOURCE_ALWAYS);
}

/*
 * The next `: Client "` of text at or behind p, NULL: none. Quotes are few, so they are what is
 * looked for. *ret_password: whether an anonymous password was passed on the way.
 */
static const char *next_client(struct slice text, const char *p, bool *ret_password)
{
	const char *end = text.p + text.n;
	while (p < end && (p = memchr(p, '"', (size_t)(end - p)))) {
		struct slice before = slice_between(text.p, ++p);
		if (slice_ends(before, client))
			return p - client.n;
		if (slice_ends(before, password))
			*ret_password = true;
	}
	return NULL;
}

/* `ADDR"` and what follows it; false: no such. */
static bool read_client(struct slice text, struct source *ret, struct slice *ret_rest)
{
	const char *quote = text.n ? memchr(text.p, '"', text.n) : NULL;
	if (!quote)
		return false;
	*ret = source_of(slice_between(text.p, quote));
	*ret_rest = slice_between(quote + 1, text.p + text.n);
	return true;
}

/* `, "text of vsftpd's"` or nothing */
static bool is_own_text(struct slice text)
{
	if (text.n == 0)
		return true;
	return cut_start(&text, SLICE(", \"")) && cut_end(&text, SLICE("\"")) &&
	       (text.n == 0 || !memchr(text.p, '"', text.n));
}

/* "[bob]" in front of `end`. SLICE_NULL: vsftpd knows no name. */
static struct slice user_of(struct slice message, const char *end)
{
	struct slice user = slice_between(message.p, end);
	if (!cut_start(&user, SLICE("[")) || !cut_end(&user, SLICE("] ")))
		return SLICE_NULL;
	return user;
}

/* `[USER] FAIL LOGIN: Client "ADDR"…`; first: its first `: Client "` */
static enum said on_failed(const struct record *record, struct session_table *sessions,
	const char *first, struct event *ret)
{
	static const struct slice what = {"FAIL LOGIN", 10};
	struct slice message = record->message, rest;
	const char *last = first;
	bool has_password = false;
	for (const char *p = first; p; p = next_client(message, p + client.n, &has_password)) {
		if (!slice_ends(slice_between(message.p, p), what))
			return event_nothing(ret, unsure);
		last = p;
	}
	struct source source;
	if (!read_client(slice_between(last + client.n, message.p + message.n), &source, &rest))
		return SAID_UNKNOWN;
	if (!has_password && !is_own_text(rest))
		return event_nothing(ret, unsure);
	if (has_password && last != first)
		source.literal = false;
	return source_failed(ret, session_of(record, sessions, &source), EVIDENCE_VERDICT, &source,
		user_of(message, last - what.n));
}

/* `[USER] OK LOGIN: Client "ADDR"…`; nobody is known to be there when it has another client */
static enum said on_accepted(struct slice message, const char *at, struct event *ret)
{
	struct source source;
	struct slice rest = slice_between(at + client.n, message.p + message.n);
	bool has_password = false;
	if (next_client(message, rest.p, &has_password))
		return event_nothing(ret, unsure);
	if (!read_client(rest, &source, &rest))
		return SAID_UNKNOWN;
	return source_succeeded(ret, &source, user_of(message, at - strlen("OK LOGIN")));
}

/* `[USER] VERB: Client "ADDR"…` */
static enum said read_own(
	const struct record *record, struct session_table *sessions, struct event *ret)
{
	struct slice text = record->message;
	bool has_password = false;
	const char *at = next_client(text, text.p, &has_password);
	if (!at)
		return SAID_UNKNOWN;
	struct slice verb = slice_between(text.p, at);
	if (slice_ends(verb, SLICE("FAIL LOGIN")))
		return on_failed(record, sessions, at, ret);
	if (slice_ends(verb, SLICE("OK LOGIN")))
		return on_accepted(text, at, ret);
	return SAID_NOTHING;
}

/* "pam_MODULE(vsftpd:…): …" */
static enum said read_pam(
	const struct record *record, struct session_table *sessions, struct event *ret)
{
	struct slice user;
	struct source source;
	if (pam_read(record->message, program, &source, &user))
		return source_failed(
			ret, session_of(record, sessions, &source), EVIDENCE_PAM, &source, user);
	return slice_starts(record->message, SLICE("authentication")) ? SAID_UNKNOWN : SAID_NOTHING;
}

static enum said vsftpd_parse(
	const struct record *record, struct session_table *sessions, struct event *ret)
{
	struct slice text = record->message;
	bool pam = text.n == 0 || *text.p == 'p' || *text.p == '(' || *text.p == 'a';
	return (pam ? read_pam : read_own)(record, sessions, ret);
}

/* "Mon Jan  1 12:00:00 2024 [pid 3] text" */
static bool vsftpd_line(struct stamps *stamps, struct slice line, int64_t now, struct record *ret)
{
	int64_t time;
	uint32_t pid;
	size_t n = stamp_read(stamps, line, now, &time);
	struct slice text = slice_skip(line, n);
	if (n == 0 || !cut_start(&text, SLICE(" [pid ")) || !cut_number(&text, &pid) ||
		!cut_start(&text, SLICE("] ")))
		return false;
	*ret = (struct record){.time = time, .program = program, .pid = pid, .message = text};
	return true;
}

static bool vsftpd_owns(struct slice name)
{
	return slice_eq(name, program) || slice_eq(name, SLICE("vsftpd(pam_unix)"));
}

const struct format format_vsftpd = {
	.name = "vsftpd",
	.service = SERVICE_VSFTPD,
	.initials = "v",
	.owns = vsftpd_owns,
	.parse = vsftpd_parse,
	.line = vsftpd_line,
	.starts = LINE_WEEKDAY,
};
