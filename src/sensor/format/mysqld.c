/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * MySQL 5.5 to 9 and MariaDB: their error log, or the same through syslog.
 *
 *   130324  0:04:00 [Warning] Access denied for user 'root'@'192.0.2.1' (using password: NO)
 *   2024-01-01 12:00:00 5 [Warning] Access denied …                   MariaDB, MySQL 5.6
 *   2024-01-01  2:00:00 139845235329792 [Warning] Access denied …     MariaDB
 *   2024-01-01T12:00:00.237955Z 6 [Note] Access denied …              MySQL 5.7
 *   2024-01-01T12:00:00.237955Z 6 [Note] [MY-010926] [Server] Access denied …    8.0
 *
 * The user's name is the client's and may be anything, so the message is read
 * from its end, which is the server's: a closed set of endings, and before them
 * the host, which holds no quote. (A host looked up in the DNS is a name; the
 * servers refuse names that look like addresses.)
 *
 * MariaDB (10.11 at least) writes a name as it came, line breaks too, up to 128
 * characters of it, into its own log and to syslog alike. So what one client says may be
 * whole lines about somebody else, and nothing in them tells:
 *
 *   2026-11-22  1:00:00 6 [Warning] Access denied for user 'x'@'6.6.6.6' (using password: YES)
 *   2026-11-22  1:00:00 7 [Warning] Access denied for user 'y'@'192.0.2.1' (using password: YES)
 *
 * Two attempts, or one of 192.0.2.1: so every failure is forgeable (model/event.h). The
 * last line of such a message has the server's ending, whatever is in front of it, and
 * counts: a line break in his name hides nobody.
 */
#include "base/util.h"
#include "sensor/format/format.h"
#include "sensor/format/source.h"
#include "sensor/format/text.h"

#define HOST_MAX 255

static const struct slice denied = {"Access denied for user '", 24};

/* "[Note] [MY-010926] [Server] " */
static struct slice skip_labels(struct slice text)
{
	while (text.n && *text.p == '[') {
		const char *close = memchr(text.p, ']', text.n);
		if (!close)
			break;
		text = skip_blanks(slice_between(close + 1, text.p + text.n));
	}
	return text;
}

/* What a message through syslog may have in front of its labels: the log's own stamp and a number.
 */
static struct slice skip_stamp(struct slice text)
{
	size_t n = 0;
	while (n < text.n && n < 64 && text.p[n] != '[') {
		char c = text.p[n];
		if ((unsigned)(c - '0') > 10 && c != ' ' && c != '-' && c != '.' && c != 'T' &&
			c != 'Z' && c != '+')
			return text;
		n++;
	}
	return n < text.n && text.p[n] == '[' ? slice_skip(text, n) : text;
}

/* Without all that may be in front of what the server says. */
static struct slice skip_front(struct slice text)
{
	if (text.n && (unsigned)(*text.p - '0') <= 9)
		text = skip_stamp(text);
	return skip_labels(text);
}

/* Cuts what the servers write behind the host. */
static bool cut_ending(struct slice *text)
{
	return cut_end(text, SLICE("' (using password: YES)")) ||
	       cut_end(text, SLICE("' (using password: NO)")) || cut_end(text, SLICE("'")) ||
	       cut_end(text, SLICE("'. Account is locked."));
}

/* The end of a message: "…'@'HOST' (using password: …)". ret_name: where a name would end. */
static bool read_ending(struct slice text, struct slice *ret_host, const char **ret_name)
{
	if (!cut_ending(&text))
		return false;
	const char *quote = text.n ? memrchr(text.p, '\'', text.n) : NULL;
	if (!quote || quote - text.p < 2 || quote[-1] != '@' || quote[-2] != '\'')
		return false;
	*ret_host = slice_between(quote + 1, text.p + text.n);
	*ret_name = quote - 2;
	return true;
}

/* What a database is called is the client's word as well: text ends with it, not with a host. */
static bool is_database(struct slice text)
{
	return text.n && text.p[text.n - 1] != ')' && has(text, SLICE("' to database '"));
}

/* "STAMP [5 ][Warning] text" */
static bool mysqld_line(struct stamps *stamps, struct slice line, int64_t now, struct record *ret)
{
	int64_t time;
	size_t n = stamp_read(stamps, line, now, &time);
	if (n == 0 || n == line.n || line.p[n] != ' ')
		return false;
	struct slice text = skip_blanks(slice_skip(line, n));
	while (text.n && (unsigned)(*text.p - '0') <= 9) /* the connection or thread */
		text = slice_skip(text, 1);
	text = skip_blanks(text);
	if (!slice_starts(text, SLICE("[Note]")) && !slice_starts(text, SLICE("[Warning]")) &&
		!slice_starts(text, SLICE("[ERROR]")) && !slice_starts(text, SLICE("[System]")))
		return false;
	*ret = (struct record){.time = time, .program = SLICE("mysqld"), .message = text};
	return true;
}

/* Of a host that may be no literal address. */
static enum said failed(struct event *ret, struct slice host, struct slice user)
{
	struct source source = {0};
	if (host.n <= HOST_MAX)
		source = source_of(host);
	return source_failed(ret, NULL, EVIDENCE_VERDICT, &source, user);
}

/* "…'@'HOST' (using password: YES)": none but the servers' "Access denied" ends so */
static bool mysqld_rest(
	const struct record *record, struct session_table *sessions, struct event *ret)
{
	(void)sessions;
	const char *name_end;
	struct slice host, text = trimmed(record->message);
	if (text.n == 0 || text.p[text.n - 1] != ')' || !read_ending(text, &host, &name_end))
		return false;
	return failed(ret, host, SLICE_NULL) == SAID_LOGIN;
}

/* What the servers say besides has no end, so only what should be a failure is not understood. */
static enum said on_other(struct slice text, struct event *ret)
{
	if (slice_starts(text, SLICE("Access denied")))
		return SAID_UNKNOWN;
	bool aborted = slice_starts(text, SLICE("Aborted connection "));
	return event_nothing(ret, aborted ? "a connection was lost, no password refused" : NULL);
}

static enum said mysqld_parse(
	const struct record *record, struct session_table *sessions, struct event *ret)
{
	struct slice text = skip_front(record->message), host;
	if (!cut_start(&text, denied))
		return mysqld_rest(record, sessions, ret) ? SAID_LOGIN : on_other(text, ret);
	text = trimmed(text);
	const char *name_end;
	/* with the opening quote: a name that ends like a beginning leaves but that one */
	struct slice quoted = slice_between(text.p - 1, text.p + text.n);
	if (is_database(text))
		return event_nothing(ret, "the password was right, the database is another's");
	if (!read_ending(quoted, &host, &name_end))
		return SAID_UNKNOWN;
	return failed(ret, host, slice_between(text.p, MAX_OF(name_end, text.p)));
}

static bool mysqld_owns(struct slice program)
{
	static const struct slice names[] = {
		{"mysqld", 6}, {"mariadbd", 8}, {"mysql", 5}, {"mariadb", 7}};
	for (size_t i = 0; i < countof(names); i++)
		if (slice_eq(program, names[i]))
			return true;
	return false;
}

const struct format format_mysqld = {
	.name = "mysqld",
	.service = SERVICE_MYSQL,
	.initials = "m",
	.owns = mysqld_owns,
	.parse = mysqld_parse,
	.line = mysqld_line,
	.starts = LINE_DIGIT,
	.split = SPLIT_OWN | SPLIT_SYSLOG,
	.rest = mysqld_rest,
};
