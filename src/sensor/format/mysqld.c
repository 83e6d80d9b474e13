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
 * characters of it. So one message may be several lines, and any but the last of them
 * may look like a message about somebody else:
 *
 *   2026-11-22  1:00:00 6 [Warning] Access denied for user 'x'@'6.6.6.6' (using password: YES)
 *   2026-11-22  1:00:00 7 [Warning] Access denied for user 'y'@'192.0.2.1' (using password: YES)
 *
 * Two attempts, or one of 192.0.2.1. The server writes a message in one piece, so what
 * was read together tells: the host of a line is believed unless another's end stands
 * so close behind it that all between may be one name. Then the attempt counts for
 * nobody, also when two clients truly failed in the same moments; the last one of a
 * read is always sure. A line that says to be seconds later, and is not from the future,
 * was written by itself. Lines without a header belong to the message before them.
 *
 * A log that is read seconds late proves less, and through syslog or the journal each
 * line comes alone: see docs/security.md.
 */
#include "base/clock.h"
#include "base/util.h"
#include "sensor/format/format.h"
#include "sensor/format/source.h"
#include "sensor/format/text.h"

#include <assert.h>
#include <stddef.h>

#define HOST_MAX        255
#define NAME_MARIADB    128 /* characters: USERNAME_CHAR_LENGTH of its mysql_com.h */
#define NAME_MYSQL      32  /* the same of MySQL 5.7 and newer; older: 16 */
#define CHARACTER_BYTES 4
#define MESSAGE_MAX     (NAME_MARIADB * CHARACTER_BYTES + HOST_MAX + 64)
/* Stamps are cut to seconds: so far apart, two have truly passed. */
#define APART (3 * MS_SECOND)

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

/* Without the blanks some put behind a message. */
static struct slice trimmed(struct slice text)
{
	while (text.n && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\r'))
		text.n--;
	return text;
}

/* Cuts all in front of the name. */
static bool cut_denied(struct slice *message)
{
	struct slice text = *message;
	if (text.n && (unsigned)(*text.p - '0') <= 9)
		text = skip_stamp(text);
	text = skip_labels(text);
	if (!cut_start(&text, denied))
		return false;
	*message = text;
	return true;
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
	return text.p[text.n - 1] != ')' && has(text, SLICE("' to database '"));
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

/*
 * Whether there are more than `most` characters in between: bytes but those that continue
 * one of UTF-8. What is none may be counted short, so that a name reaches farther than it does.
 */
static bool are_more(const char *from, const char *to, size_t most)
{
	size_t n = (size_t)(to - from);
	uint64_t bytes[4];
	static_assert(sizeof(bytes) <= NAME_MYSQL, "n > most: there are as many before `to`");
	while (n > most && from < to) {
		bool last = to - from < (ptrdiff_t)sizeof(bytes);
		memcpy(bytes, last ? to - sizeof(bytes) : from, sizeof(bytes));
		if (!((bytes[0] | bytes[1] | bytes[2] | bytes[3]) & 0x8080808080808080u))
			from += last ? to - from : (ptrdiff_t)sizeof(bytes);
		else
			n -= (*from++ & 0xc0) == 0x80;
	}
	return n > most;
}

/* Only MySQL writes a 'T' in stamps, unless a client of MariaDB does so in its name. */
static size_t name_max(const struct record_log *log)
{
	bool within = log->reach && log->raw.p < log->reach;
	return !within && log->raw.n > 10 && log->raw.p[10] == 'T' ? NAME_MYSQL : NAME_MARIADB;
}

/* A message whose name began at `name`. */
struct attempt {
	const char *name;
	struct slice host; /* p NULL: no end was found */
	bool doubtful;     /* the host may be a part of another's name */
	bool other;        /* a line came that looks like the next message */
	size_t longest;    /* characters of a name */
};

/*
 * Whether a line of `time` was written by itself: later than the record, but before now. A
 * record older than what was in front of it has a stamp that proves nothing.
 */
static bool is_later(const struct record *record, int64_t time)
{
	time += record->log->shift;
	return record->time >= record->log->latest && time - record->time >= APART &&
	       time <= record->log->now;
}

/* Whether it is an attempt's beginning if its front is a header; quicker than to see that. */
static bool may_open(struct slice line)
{
	if (line.n == 0 || (unsigned)(*line.p - '0') > 9)
		return false;
	const char *label = memchr(line.p, '[', line.n);
	return label && slice_starts(skip_labels(slice_between(label, line.p + line.n)), denied);
}

/* One more line that may belong to the name; false: it ends all doubt. */
static bool read_more(const struct record *record, struct slice line, struct attempt *a)
{
	const struct record_log *log = record->log;
	struct slice host;
	struct record next;
	const char *name_end;
	line = trimmed(line);
	bool ends = read_ending(line, &host, &name_end);
	if (ends && are_more(a->name, name_end, a->longest))
		return false;
	if (may_open(line) && mysqld_line(log->stamps, line, log->now, &next)) {
		if (is_later(record, next.time))
			return false;
		a->other = true;
	}
	if (ends && a->other)
		a->doubtful = a->doubtful || (a->host.p && !slice_eq(host, a->host));
	else if (ends)
		a->host = is_database(slice_between(a->name, line.p + line.n)) ? SLICE_NULL : host;
	return true;
}

/* Reads what stands behind the line that ends at p, as far as a name can reach. */
static void read_on(const struct record *record, const char *p, struct attempt *a)
{
	struct record_log *log = record->log;
	const char *last = log->raw.p + log->raw.n, *end = last;
	a->longest = name_max(log);
	if (last - a->name > MESSAGE_MAX)
		end = a->name + MESSAGE_MAX;
	while (p < end && *p != '\n') /* blanks */
		p++;
	while (p && p < end && ++p < end && !are_more(a->name, p, a->longest)) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		if (!newline && end != last)
			return;
		const char *line_end = newline ? newline : end;
		if (!read_more(record, slice_between(p, line_end), a))
			return;
		if (!log->reach || log->reach < line_end)
			log->reach = line_end;
		p = newline;
	}
}

static bool mysqld_parse(
	const struct record *record, struct session_table *sessions, struct event *ret)
{
	(void)sessions; /* one message, one attempt */
	struct slice text = record->message;
	if (!cut_denied(&text))
		return false;
	text = trimmed(text);
	struct attempt a = {.name = text.p};
	const char *end = text.p + text.n, *name_end = end;
	/* with the opening quote: a name that ends like a beginning leaves but that one */
	struct slice quoted = slice_between(text.p - 1, end);
	if (read_ending(quoted, &a.host, &name_end) && is_database(text))
		a.host = SLICE_NULL;
	if (record->log)
		read_on(record, end, &a);
	if (!a.host.p)
		return false;
	struct source source = {0};
	if (a.host.n <= HOST_MAX && !a.doubtful)
		source = source_of(a.host);
	return source_failed(ret, NULL, EVIDENCE_VERDICT, &source,
		slice_between(text.p, MAX_OF(name_end, text.p)));
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
};
