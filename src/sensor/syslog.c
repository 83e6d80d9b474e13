/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A header is a stamp and at most a handful of words before the tag; the first
 * word that is a tag ends it. Nobody outside can put a word in front of a tag.
 */
#include "sensor/syslog.h"

#include "base/util.h"
#include "model/event.h"

#include <endian.h>

/* Words between the stamp and the tag: host, facility.level, <10.5>, a second stamp. */
#define WORDS_MAX 4

static inline bool is_digit(char c)
{
	return (unsigned)(c - '0') <= 9;
}

static inline struct slice skip_blanks(struct slice s)
{
	while (s.n && *s.p == ' ')
		s = slice_skip(s, 1);
	return s;
}

/* The text up to the next blank; *s goes on behind it. */
static struct slice next_word(struct slice *s)
{
	const char *blank = s->n ? memchr(s->p, ' ', s->n) : NULL;
	struct slice word = blank ? slice_between(s->p, blank) : *s;
	*s = skip_blanks(slice_skip(*s, word.n));
	return word;
}

/* All of s in digits, at most 10 of them, as a pid; 0: no. */
static uint32_t read_pid(struct slice s)
{
	uint64_t value = 0;
	if (s.n == 0 || s.n > 10)
		return 0;
	for (size_t i = 0; i < s.n; i++) {
		if (!is_digit(s.p[i]))
			return 0;
		value = value * 10 + (uint64_t)(s.p[i] - '0');
	}
	return value <= UINT32_MAX ? (uint32_t)value : 0;
}

/* The bytes of words that are `c`, each as 0x80; those above the first such one are of no use. */
static inline uint64_t bytes_that_are(uint64_t words, char c)
{
	const uint64_t ones = 0x0101010101010101u;
	uint64_t x = words ^ ones * (unsigned char)c;
	return (x - ones) & ~x & ones << 7;
}

/* The first blank, '[' or ':' from p on; end: none. Eight bytes at once, as names are long. */
static inline const char *find_name_end(const char *p, const char *end)
{
	uint64_t words;
	for (; end - p >= 8; p += 8) {
		memcpy(&words, p, 8);
		words = le64toh(words);
		uint64_t found = bytes_that_are(words, ' ') | bytes_that_are(words, '[') |
				 bytes_that_are(words, ':');
		if (found)
			return p + __builtin_ctzll(found) / 8;
	}
	while (p < end && *p != '[' && *p != ':' && *p != ' ')
		p++;
	return p;
}

/*
 * "sshd[123]:", "sshd:", "sshd[123]", "[sshd]", "[sshd]:" at the beginning of
 * text: fills program, pid and message.
 */
static bool read_tag(struct slice text, struct record *ret)
{
	const char *p = text.p, *end = p + text.n;
	if (p < end && *p == '[') {
		const char *close = memchr(p, ']', text.n);
		struct slice inner = close ? slice_between(p + 1, close) : SLICE_NULL;
		if (inner.n == 0 || memchr(inner.p, ' ', inner.n))
			return false;
		ret->program = inner;
		ret->pid = 0;
		p = close + 1;
	} else {
		p = find_name_end(p, end);
		if (p == end || *p == ' ' || p == text.p)
			return false;
		ret->program = slice_between(text.p, p);
		ret->pid = 0;
		if (*p == '[') {
			uint32_t pid = 0;
			const char *q = p + 1;
			while (q < end && is_digit(*q) && q - p <= 10)
				pid = pid * 10 + (uint32_t)(*q++ - '0');
			if (q == end || *q != ']')
				return false;
			ret->pid = pid;
			p = q + 1;
		} else if (p + 1 < end && p[1] != ' ') {
			return false; /* "fe80::1", "10:22": a colon within a word */
		}
	}
	if (p < end && *p == ':')
		p++;
	if (p < end && *p != ' ')
		return false;
	ret->message = skip_blanks(slice_between(p, end));
	return true;
}

static bool is_one_of(struct slice word, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(word, slice_of(names[i])))
			return true;
	return false;
}

/* "auth.info", "authpriv.notice:", "local3.warn" */
static bool is_priority(struct slice word)
{
	static const char *const facilities[] = {"auth", "authpriv", "cron", "daemon", "kern",
		"local", "mail", "security", "syslog", "user"};
	static const char *const levels[] = {"emerg", "panic", "alert", "crit", "err", "error",
		"warn", "warning", "notice", "info", "debug"};
	const char *dot = memchr(word.p, '.', word.n);
	if (!dot)
		return false;
	struct slice facility = slice_between(word.p, dot);
	struct slice level = slice_between(dot + 1, word.p + word.n);
	if (facility.n == 6 && is_digit(facility.p[5]))
		facility.n = 5; /* local0 … local7 */
	if (level.n && level.p[level.n - 1] == ':')
		level.n--;
	return is_one_of(level, levels, countof(levels)) &&
	       is_one_of(facility, facilities, countof(facilities));
}

/* Skips "-" or the [elements] of RFC 5424's structured data. */
static bool skip_structured(struct slice *text)
{
	const char *p = text->p, *end = p + text->n;
	if (p < end && *p == '-') {
		p++;
	} else {
		if (p == end || *p != '[')
			return false;
		while (p < end && *p == '[') {
			bool quoted = false;
			for (p++; p < end && (quoted || *p != ']'); p++) {
				if (*p == '"')
					quoted = !quoted;
				else if (*p == '\\' && quoted && p + 1 < end)
					p++;
			}
			if (p == end)
				return false;
			p++;
		}
	}
	if (p < end && *p != ' ')
		return false;
	*text = skip_blanks(slice_between(p, end));
	return true;
}

/* "host app procid msgid structured-data text" */
static bool read_5424(struct slice text, struct record *ret)
{
	ret->host = next_word(&text);
	ret->program = next_word(&text);
	struct slice pid = next_word(&text), id = next_word(&text);
	if (ret->program.n == 0 || id.n == 0 || !skip_structured(&text))
		return false;
	ret->pid = read_pid(pid);
	if (ret->pid == 0 && !slice_eq(pid, SLICE("-")))
		return false;
	if (slice_eq(ret->host, SLICE("-")))
		ret->host.n = 0;
	if (slice_starts(text, SLICE("\xef\xbb\xbf")))
		text = slice_skip(text, 3);
	ret->message = text;
	return true;
}

/* Solaris: "[ID 800047 auth.info] text" */
static void strip_message_id(struct slice *message)
{
	if (!slice_starts(*message, SLICE("[ID ")))
		return;
	const char *close = memchr(message->p, ']', message->n);
	if (close && close - message->p < 40)
		*message = skip_blanks(slice_between(close + 1, message->p + message->n));
}

/* "<38>" in front: skipped. *ret_version: a "1 " follows. */
static struct slice skip_pri(struct slice line, bool *ret_version)
{
	*ret_version = false;
	if (line.n < 3 || line.p[0] != '<')
		return line;
	size_t i = 1;
	while (i < line.n && i < 5 && is_digit(line.p[i]))
		i++;
	if (i == 1 || i == line.n || line.p[i] != '>')
		return line;
	line = slice_skip(line, i + 1);
	if (slice_starts(line, SLICE("1 "))) {
		*ret_version = true;
		line = slice_skip(line, 2);
	}
	return line;
}

/* The words up to the tag. `stamped`: a stamp was already read. */
static bool read_words(
	struct stamps *stamps, struct slice text, int64_t now, bool stamped, struct record *ret)
{
	struct slice rest = text;
	for (int i = 0; i < WORDS_MAX && rest.n; i++) {
		struct slice here = rest;
		int64_t inner;
		size_t n = i ? stamp_read(stamps, here, now, &inner) : 0;
		if (n) {
			if (!stamped)
				ret->time = inner;
			rest = skip_blanks(slice_skip(here, n));
			continue;
		}
		struct slice word = next_word(&rest);
		if (is_priority(word) || word.p[0] == '<')
			continue;
		if (read_tag(here, ret))
			return true;
		if (ret->host.n) /* a second word that means nothing */
			break;
		ret->host = word;
	}
	/* syslogd -F of sysklogd writes RFC 5424 without its first two fields */
	return stamped && read_5424(text, ret);
}

/* "host sshd[123]: text", what nearly every line has behind its stamp. */
static inline bool read_usual(struct slice text, struct record *ret)
{
	const char *p = text.p, *end = p + text.n;
	/* a dot may make it auth.info, a colon or bracket the tag itself */
	while (p < end && *p != ' ' && *p != '.' && *p != ':' && *p != '[' && *p != '<')
		p++;
	if (p == end || *p != ' ' || p == text.p || p + 1 == end || p[1] == ' ')
		return false;
	ret->host = slice_between(text.p, p);
	return read_tag(slice_between(p + 1, end), ret);
}

bool syslog_parse(struct stamps *stamps, struct slice line, int64_t now, struct record *ret)
{
	bool version;
	if (line.n && *line.p == '{') /* JSON may read like a tag */
		return false;
	line = skip_pri(line, &version);
	ret->time = EVENT_NO_TIME;
	size_t n = stamp_read(stamps, line, now, &ret->time);
	if (n && n < line.n && line.p[n] != ' ')
		return false;
	if (version && n == 0 && slice_starts(line, SLICE("- ")))
		n = 1;
	struct slice text = skip_blanks(slice_skip(line, n));
	if (!version && n && read_usual(text, ret)) {
		if (ret->message.n && ret->message.p[0] == '[')
			strip_message_id(&ret->message);
		return true;
	}
	ret->host = SLICE_NULL;
	if (version ? !read_5424(text, ret) : !read_words(stamps, text, now, n > 0, ret))
		return false;
	if (ret->message.n && ret->message.p[0] == '[')
		strip_message_id(&ret->message);
	return true;
}
