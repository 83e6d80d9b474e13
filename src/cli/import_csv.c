/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CSV (RFC 4180; commas, semicolons or tabs). The first line names the columns, in any
 * order and among others:
 *   ip,until,why
 *   192.0.2.1,2026-12-01T12:00,"asked for ""admin"""
 */
#include "cli/import_parts.h"

#include "base/util.h"
#include "cli/options.h"
#include "sensor/stamp.h"

#include <ctype.h>
#include <errno.h>
#include <strings.h>

#define COLUMNS_MAX 64 /* what is further to the right is not looked at */

enum column { TARGET, UNTIL, WHY, DIRECTION, COLUMNS, NO_COLUMN = COLUMNS };

struct csv {
	struct import *import;
	char delimiter;
	enum column columns[COLUMNS_MAX];
	struct stamps *stamps; /* made for the first time that is a date */
};

/* Without what people put between the words of a name: "IP Address", "ip_address". */
static void simplify(struct slice cell, char *ret, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < cell.n && n < size - 1; i++)
		if (isalnum((unsigned char)cell.p[i]))
			ret[n++] = (char)tolower((unsigned char)cell.p[i]);
	ret[n] = '\0';
}

static enum column column_of(struct slice cell)
{
	static const struct {
		const char *name;
		enum column column;
	} names[] = {{"ip", TARGET}, {"address", TARGET}, {"target", TARGET}, {"cidr", TARGET},
		{"ipaddress", TARGET}, {"prefix", TARGET}, {"network", TARGET}, {"range", TARGET},
		{"until", UNTIL}, {"expires", UNTIL}, {"expiry", UNTIL}, {"expiration", UNTIL},
		{"expiretime", UNTIL}, {"expiresat", UNTIL}, {"end", UNTIL}, {"why", WHY},
		{"reason", WHY}, {"comment", WHY}, {"note", WHY}, {"description", WHY},
		{"direction", DIRECTION}};
	char text[32];
	simplify(cell, text, sizeof(text));
	for (size_t i = 0; i < countof(names); i++)
		if (strcmp(text, names[i].name) == 0)
			return names[i].column;
	return NO_COLUMN;
}

/* Reads the head; false: no column has addresses. */
static bool read_head(struct slice line, char delimiter, enum column *columns)
{
	bool seen[COLUMNS + 1] = {false};
	size_t n = 0;
	for (bool more = true; more;) {
		const char *end = memchr(line.p, delimiter, line.n);
		struct slice cell = end ? slice_between(line.p, end) : line;
		enum column c = column_of(cell);
		if (n < COLUMNS_MAX)
			columns[n++] = seen[c] ? NO_COLUMN : c;
		seen[c] = c != NO_COLUMN;
		more = end != NULL;
		line = slice_skip(line, cell.n + more);
	}
	while (n < COLUMNS_MAX)
		columns[n++] = NO_COLUMN;
	return seen[TARGET];
}

static char delimiter_of(struct slice head)
{
	enum column columns[COLUMNS_MAX];
	for (const char *d = ",;\t"; *d; d++)
		if (read_head(head, *d, columns))
			return *d;
	return '\0';
}

bool import_is_csv(struct slice line)
{
	return delimiter_of(line) != '\0';
}

/* Up to the quote that is not doubled; false: there is none. */
static bool read_quoted(struct import *m, struct slice *ret)
{
	for (size_t i = 1; i < m->text.n; i++) {
		m->line += m->text.p[i] == '\n';
		if (m->text.p[i] != '"')
			continue;
		if (i + 1 < m->text.n && m->text.p[i + 1] == '"') {
			i++;
			continue;
		}
		*ret = (struct slice){m->text.p + 1, i - 1};
		m->text = slice_skip(m->text, i + 1);
		return true;
	}
	return false;
}

/* One cell with what ends it; *ret_last: it was the row's last. */
static bool read_cell(struct csv *c, struct slice *ret, bool *ret_last)
{
	struct import *m = c->import;
	bool quoted = m->text.n > 0 && m->text.p[0] == '"';
	if (quoted && !read_quoted(m, ret)) {
		import_refuse(m, (struct slice){m->text.p, MIN_OF(m->text.n, 40)}, m->line,
			"a quote that does not end");
		m->text.n = 0;
		return false;
	}
	size_t n = 0;
	while (n < m->text.n && m->text.p[n] != c->delimiter && m->text.p[n] != '\n')
		n++;
	if (!quoted)
		*ret = import_trim((struct slice){m->text.p, n});
	*ret_last = n == m->text.n || m->text.p[n] == '\n';
	m->text = slice_skip(m->text, n + (n < m->text.n));
	return true;
}

/* The cells that count; false: the row cannot be read. */
static bool read_row(struct csv *c, struct slice ret[static COLUMNS + 1])
{
	bool last = false;
	memset(ret, 0, (COLUMNS + 1) * sizeof(*ret));
	for (size_t i = 0; !last; i++) {
		struct slice cell = SLICE_NULL;
		if (!read_cell(c, &cell, &last))
			return false;
		ret[i < COLUMNS_MAX ? c->columns[i] : NO_COLUMN] = cell;
	}
	return true;
}

static bool read_date(struct csv *c, struct slice text, int64_t *ret)
{
	const struct import_how *how = c->import->how;
	if (!c->stamps) {
		c->stamps = malloc(sizeof(*c->stamps));
		if (!c->stamps) {
			c->import->error = -ENOMEM;
			return false;
		}
		stamps_init(c->stamps, how->zone, how->now);
	}
	return options_date(c->stamps, text, how->now, ret);
}

static bool all_digits(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!isdigit((unsigned char)text.p[i]))
			return false;
	return text.n > 0 && text.n < 16;
}

/* Seconds since 1970, or milliseconds: no list is of before 1973. */
static int64_t read_epoch(struct slice text)
{
	int64_t n = 0;
	for (size_t i = 0; i < text.n; i++)
		n = n * 10 + (text.p[i] - '0');
	return n < 100000000000 ? n * 1000 : n;
}

/* NULL: read; else why not. */
static const char *read_until(struct csv *c, struct slice text, int64_t *ret)
{
	static const char *const never[] = {"permanent", "never", "forever"};
	int64_t now = c->import->how->now, ms;
	if (text.n == 0 || import_is(text, "-"))
		return NULL;
	for (size_t i = 0; i < countof(never); i++)
		if (text.n == strlen(never[i]) && strncasecmp(text.p, never[i], text.n) == 0) {
			*ret = BLOCK_FOREVER;
			return NULL;
		}
	if (all_digits(text))
		ms = read_epoch(text);
	else if (import_duration(text, &ms))
		ms += now;
	else if (!read_date(c, text, &ms))
		return "not a time";
	*ret = ms;
	return ms > now ? NULL : "its time is over";
}

static const char *read_direction(struct slice text, struct import_more *ret)
{
	static const struct {
		const char *name;
		bool in, out;
	} names[] = {{"", false, false}, {"in", true, false}, {"inbound", true, false},
		{"ingress", true, false}, {"out", false, true}, {"outbound", false, true},
		{"egress", false, true}, {"both", true, true}};
	for (size_t i = 0; i < countof(names); i++)
		if (text.n == strlen(names[i].name) &&
			strncasecmp(text.p ? text.p : "", names[i].name, text.n) == 0) {
			ret->in = names[i].in;
			ret->out = names[i].out;
			return NULL;
		}
	return "not a direction: in, out or both";
}

static void take_row(struct csv *c, const struct slice *cells, unsigned line)
{
	struct import *m = c->import;
	struct import_more more = {.why = cells[WHY]};
	const char *why = read_until(c, cells[UNTIL], &more.expires);
	if (why) {
		import_refuse(m, cells[UNTIL], line, why);
		return;
	}
	why = read_direction(cells[DIRECTION], &more);
	if (why)
		import_refuse(m, cells[DIRECTION], line, why);
	else
		import_take(m, import_trim(cells[TARGET]), line, &more);
}

/* Lines without a row: empty ones, and comments. */
static bool skip_line(struct import *m)
{
	struct import look = *m;
	struct slice line;
	if (!import_line(&look, &line) || (line.n > 0 && line.p[0] != '#'))
		return false;
	return import_line(m, &line);
}

void import_csv(struct import *m)
{
	struct csv c = {.import = m};
	struct slice head, cells[COLUMNS + 1];
	while (skip_line(m))
		;
	if (!import_line(m, &head))
		return;
	c.delimiter = delimiter_of(head);
	(void)read_head(head, c.delimiter, c.columns);
	while (!m->error && m->text.n > 0) {
		if (skip_line(m))
			continue;
		unsigned line = ++m->line;
		if (read_row(&c, cells))
			take_row(&c, cells, line);
	}
	free(c.stamps);
}
