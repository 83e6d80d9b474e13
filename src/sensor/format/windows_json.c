/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows' events as JSON, an object a line:
 *
 *   Winlogbeat 7 and 8   {"@timestamp":…,"winlog":{"event_id":"4625","provider_name":…,
 *                        "computer_name":…,"event_data":{"IpAddress":…,"LogonType":…}}}
 *   Winlogbeat 5 and 6   the same without "winlog" around it
 *   NXLog (to_json)      {"EventID":4625,"SourceName":…,"Hostname":…,"IpAddress":…}
 *
 * The names below are those of the events' own definition (Microsoft, "4625(F): An
 * account failed to log on"), which both keep.
 *
 * The other side chooses texts, never a key nor what is an object, and in a text each
 * quote has a backslash in front. So one pass from quote to quote finds the members of
 * these three objects, borrowed from the line with their escapes; a line that does not
 * end as an object, or has one of them twice, is not believed. No address, number or name
 * of a provider has an escape.
 */
#include "base/util.h"
#include "sensor/format/text.h"
#include "sensor/format/windows.h"

#define KEY_LONGEST 14
#define DEPTH_MOST  2 /* of the objects read: "winlog", "event_data" */

enum field {
	FIELD_ID,
	FIELD_PROVIDER,
	FIELD_SOURCE_NAME,
	FIELD_HOST,
	FIELD_USER,
	FIELD_TYPE,
	FIELD_ADDRESS,
	FIELD_PORT,
	FIELD_CLIENT,
	FIELD_STRING,
	FIELDS
};

/* The keys, by their length. */
static const struct key {
	const char *name; /* NULL: no more */
	enum field field;
} keys[KEY_LONGEST + 1][5] = {
	[6] = {{"IpPort", FIELD_PORT}},
	[7] = {{"EventID", FIELD_ID}},
	[8] = {{"event_id", FIELD_ID}, {"Hostname", FIELD_HOST}, {"ClientIP", FIELD_CLIENT},
		{"IPString", FIELD_STRING}},
	[9] = {{"IpAddress", FIELD_ADDRESS}, {"LogonType", FIELD_TYPE}},
	[10] = {{"SourceName", FIELD_SOURCE_NAME}},
	[11] = {{"source_name", FIELD_SOURCE_NAME}},
	[13] = {{"provider_name", FIELD_PROVIDER}, {"computer_name", FIELD_HOST}},
	[14] = {{"TargetUserName", FIELD_USER}},
};

/* A line being read, and what was found. */
struct json_line {
	const char *p, *end;
	struct slice fields[FIELDS]; /* p NULL: not there, or neither text nor number */
	bool has[FIELDS];
};

static inline void skip_space(struct json_line *l)
{
	while (l->p < l->end && (*l->p == ' ' || *l->p == '\t' || *l->p == '\r' || *l->p == '\n'))
		l->p++;
}

static inline bool cut_char(struct json_line *l, char c)
{
	skip_space(l);
	if (l->p == l->end || *l->p != c)
		return false;
	l->p++;
	return true;
}

/* The text from behind its opening quote; ends behind the closing one. */
static bool read_text(struct json_line *l, struct slice *ret)
{
	const char *begin = l->p, *quote = begin;
	while (quote < l->end && (quote = memchr(quote, '"', (size_t)(l->end - quote)))) {
		const char *p = quote;
		while (p > begin && p[-1] == '\\')
			p--;
		l->p = ++quote;
		if ((quote - 1 - p) % 2 == 0) {
			*ret = slice_between(begin, quote - 1);
			return true;
		}
	}
	return false;
}

/* All of an object or array, from behind its bracket. */
static bool skip_inner(struct json_line *l)
{
	struct slice text;
	for (unsigned open = 1; open > 0;) {
		if (l->p == l->end)
			return false;
		char c = *l->p++;
		if (c == '"' && !read_text(l, &text))
			return false;
		open += c == '{' || c == '[';
		open -= c == '}' || c == ']';
	}
	return true;
}

/* A number, true, false or null. */
static bool read_word(struct json_line *l, struct slice *ret)
{
	const char *begin = l->p;
	while (l->p < l->end &&
		((unsigned)((*l->p | 0x20) - 'a') <= 25 || (unsigned)(*l->p - '0') <= 9 ||
			*l->p == '-' || *l->p == '+' || *l->p == '.'))
		l->p++;
	bool number = l->p > begin && (unsigned)(*begin - '0') <= 9;
	*ret = number ? slice_between(begin, l->p) : SLICE_NULL;
	return l->p > begin;
}

/* *ret: p NULL for what is neither text nor number. */
static bool read_value(struct json_line *l, struct slice *ret)
{
	*ret = SLICE_NULL;
	if (cut_char(l, '"'))
		return read_text(l, ret);
	if (cut_char(l, '{') || cut_char(l, '['))
		return skip_inner(l);
	return read_word(l, ret);
}

/* False: it has been there before. */
static bool keep(struct json_line *l, struct slice name, struct slice value)
{
	const struct key *key = name.n <= KEY_LONGEST ? keys[name.n] : NULL;
	for (; key && key->name; key++) {
		if (*key->name != *name.p || memcmp(key->name, name.p, name.n) != 0)
			continue;
		bool first = !l->has[key->field];
		l->has[key->field] = true;
		l->fields[key->field] = value;
		return first;
	}
	return true;
}

/* The members of an object, from behind its bracket to behind the other. */
static bool read_members(struct json_line *l, unsigned depth)
{
	struct slice name, value;
	if (cut_char(l, '}'))
		return true;
	do {
		if (!cut_char(l, '"') || !read_text(l, &name) || !cut_char(l, ':'))
			return false;
		bool inner = (name.n == 6 && memcmp(name.p, "winlog", 6) == 0) ||
			     (name.n == 10 && memcmp(name.p, "event_data", 10) == 0);
		if (inner && depth < DEPTH_MOST && cut_char(l, '{')) {
			if (!read_members(l, depth + 1))
				return false;
		} else if (!read_value(l, &value) || !keep(l, name, value)) {
			return false;
		}
	} while (cut_char(l, ','));
	return cut_char(l, '}');
}

static uint32_t number_of(struct slice text)
{
	uint32_t number = 0;
	return cut_number(&text, &number) && text.n == 0 ? number : 0;
}

static bool is_from(const struct json_line *l, struct slice provider)
{
	bool named = l->has[FIELD_PROVIDER];
	return slice_eq(l->fields[named ? FIELD_PROVIDER : FIELD_SOURCE_NAME], provider);
}

/* Of the channel Security. */
static bool read_logon(const struct json_line *l, struct windows_event *e)
{
	struct slice user = l->fields[FIELD_USER];
	if (!is_from(l, SLICE("Microsoft-Windows-Security-Auditing")))
		return false;
	e->logon_type = number_of(l->fields[FIELD_TYPE]);
	e->source = source_of(l->fields[FIELD_ADDRESS]);
	uint32_t port = number_of(l->fields[FIELD_PORT]);
	e->source.port = port <= UINT16_MAX ? (uint16_t)port : 0;
	e->user = slice_eq(user, SLICE("-")) ? SLICE_NULL : user;
	return true;
}

/* Of RdpCoreTS: 131 says ClientIP "ADDR:PORT", 140 IPString "ADDR". */
static bool read_client(const struct json_line *l, struct windows_event *e)
{
	if (!is_from(l, SLICE("Microsoft-Windows-RemoteDesktopServices-RdpCoreTS")))
		return false;
	e->source = e->id == WINDOWS_CONNECTED ? source_with_port(l->fields[FIELD_CLIENT])
					       : source_of(l->fields[FIELD_STRING]);
	return true;
}

static enum said read_event(const struct json_line *l, struct windows_event *e)
{
	uint32_t id = number_of(l->fields[FIELD_ID]);
	bool logon = id == WINDOWS_FAILED || id == WINDOWS_LOGGED_ON;
	if (id == 0)
		return SAID_UNKNOWN;
	if (!logon && id != WINDOWS_CONNECTED && id != WINDOWS_REFUSED)
		return SAID_NOTHING;
	*e = (struct windows_event){.id = (enum windows_id)id, .host = l->fields[FIELD_HOST]};
	return (logon ? read_logon(l, e) : read_client(l, e)) ? SAID_LOGIN : SAID_NOTHING;
}

/* Most of a log is other events: they are not worth being taken apart. */
static bool may_be_logon(struct slice line)
{
	static const struct slice number = {"462", 3}, service = {"RdpCoreTS", 9};
	for (struct slice rest = line;;) {
		const char *p = find_by(rest, number, 1);
		if (!p || p + 3 == line.p + line.n)
			return find_by(line, service, 0);
		if (p[3] == '4' || p[3] == '5')
			return true;
		rest = slice_between(p + 1, line.p + line.n);
	}
}

enum said windows_read_json(struct slice line, struct windows_event *ret)
{
	struct json_line l = {.p = line.p, .end = line.p + line.n};
	if (!may_be_logon(line))
		return SAID_NOTHING;
	if (!cut_char(&l, '{') || !read_members(&l, 0))
		return SAID_UNKNOWN;
	skip_space(&l);
	return l.p == l.end ? read_event(&l, ret) : SAID_UNKNOWN;
}
