/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stamp is read in two halves: date and time to the second, which is
 * remembered (and then compared, not read), and the rest: fraction and zone.
 */
#include "sensor/stamp.h"

#include "base/clock.h"
#include "base/util.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* How far ahead of us the clock that wrote a stamp may be. */
#define AHEAD MS_DAY

static int64_t offset_at(int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	struct tm tm = {0};
	return localtime_r(&t, &tm) ? (int64_t)tm.tm_gmtoff * 1000 : 0;
}

/* The instant in (low, high] at which the offset stops being that of low; to the second. */
static int64_t find_change(int64_t low, int64_t high)
{
	int64_t offset = offset_at(low);
	while (high - low > 1000) {
		int64_t middle = low + (high - low) / 2000 * 1000;
		if (offset_at(middle) == offset)
			low = middle;
		else
			high = middle;
	}
	return high;
}

static void zone_probe(struct zone *z, int64_t now)
{
	int64_t at = now - now % MS_DAY - 30 * 365 * MS_DAY, end = at + 45 * 365 * MS_DAY;
	z->span[0].from = INT64_MIN;
	z->span[0].offset = offset_at(at);
	z->n = 1;
	z->latest = 0;
	for (; at < end && z->n < ZONE_SPANS_MAX; at += MS_DAY) {
		int64_t offset = offset_at(at + MS_DAY);
		if (offset == z->span[z->n - 1].offset)
			continue;
		z->span[z->n].from = find_change(at, at + MS_DAY);
		z->span[z->n++].offset = offset;
	}
}

void zone_load(struct zone *z, const char *name, int64_t now)
{
	if (!name || !*name) {
		tzset();
		zone_probe(z, now);
		return;
	}
	const char *before = getenv("TZ");
	_cleanup_(freep) char *saved = before ? strdup(before) : NULL;
	(void)setenv("TZ", name, 1);
	tzset();
	zone_probe(z, now);
	if (saved)
		(void)setenv("TZ", saved, 1);
	else
		(void)unsetenv("TZ");
	tzset();
}

bool zone_exists(const char *name)
{
	char path[PATH_MAX];
	if (!*name || *name == '/' || strstr(name, ".."))
		return false;
	int n = snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", name);
	return n > 0 && (size_t)n < sizeof(path) && access(path, R_OK) == 0;
}

/* More than any zone ever moved at once. */
#define JUMP (2 * MS_DAY)

static bool is_inside(const struct zone *z, unsigned i, int64_t utc, int64_t margin)
{
	bool after = i == 0 || utc >= z->span[i].from + margin;
	return after && (i + 1 == z->n || utc < z->span[i + 1].from - margin);
}

static int64_t search(struct zone *z, int64_t local, int64_t now)
{
	int64_t first = INT64_MIN;
	for (unsigned i = z->n; i-- > 0;) {
		int64_t utc = local - z->span[i].offset;
		if (is_inside(z, i, utc, 0)) {
			z->latest = i;
			if (utc <= now + 5 * MS_MINUTE)
				return utc;
			first = utc;
		}
		if (i > 0 && local - z->span[i].from > JUMP)
			break;
	}
	if (first != INT64_MIN)
		return first;
	/* the hour that summer time leaves out */
	for (unsigned i = z->n; i-- > 1;)
		if (local - z->span[i].offset < z->span[i].from &&
			local - z->span[i - 1].offset >= z->span[i].from)
			return local - z->span[i - 1].offset;
	return local - z->span[0].offset;
}

int64_t zone_to_utc(struct zone *z, int64_t local, int64_t now)
{
	int64_t utc = local - z->span[z->latest].offset;
	return is_inside(z, z->latest, utc, JUMP) ? utc : search(z, local, now);
}

void stamps_init(struct stamps *s, const char *zone, int64_t now)
{
	*s = (struct stamps){0};
	zone_load(&s->zone, zone, now);
}

static inline bool is_digit(char c)
{
	return (unsigned)(c - '0') <= 9;
}

/* n digits at p, at most `most`; -1: something else. */
static inline int number(const char *p, unsigned n, int most)
{
	int value = 0;
	for (unsigned i = 0; i < n; i++) {
		if (!is_digit(p[i]))
			return -1;
		value = value * 10 + (p[i] - '0');
	}
	return value <= most ? value : -1;
}

/* "hh:mm:ss" at p (8 bytes) as ms of the day; -1: no. A leap second is the next one. */
static int64_t read_clock(const char *p)
{
	int hour = *p == ' ' ? number(p + 1, 1, 9) : number(p, 2, 23); /* MariaDB: " 9:23:38" */
	int minute = number(p + 3, 2, 59), second = number(p + 6, 2, 60);
	if (hour < 0 || minute < 0 || second < 0 || p[2] != ':' || p[5] != ':')
		return -1;
	return hour * MS_HOUR + minute * MS_MINUTE + second * MS_SECOND;
}

static int read_month(const char *p)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	for (int month = 0; month < 12; month++)
		if (memcmp(p, names + (ptrdiff_t)3 * month, 3) == 0)
			return month + 1;
	return 0;
}

static int days_of_month(int year, int month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month == 2 && leap ? 29 : days[month - 1];
}

/* A day and a time of some year: the latest year that does not put it into the future. */
static bool guess_year(struct stamps *s, int month, int day, int64_t clock, int64_t now)
{
	int year = (int)(1971 + (now + AHEAD) / 31556952000);
	/* 29 February may be eight years back (1904, 2104) */
	for (int tries = 0; tries < 10; tries++, year--) {
		if (day > days_of_month(year, month))
			continue;
		s->wall = clock_days(year, month, day) * MS_DAY + clock;
		s->time = zone_to_utc(&s->zone, s->wall, now);
		if (s->time <= now + AHEAD)
			return true;
	}
	return false;
}

/* "Nov  3 09:23:38", "Feb 7 16:01:07", "Nov 03 2026 09:23:38": the length or 0. */
static size_t read_bsd(struct stamps *s, struct slice text, int64_t now)
{
	if (text.n < 14 || text.p[3] != ' ')
		return 0;
	int month = read_month(text.p);
	if (!month)
		return 0;
	const char *p = text.p + (text.p[4] == ' ' ? 5 : 4), *end = text.p + text.n;
	unsigned digits = is_digit(p[1]) ? 2 : 1;
	int day = number(p, digits, 31), year = -1;
	p += digits;
	if (day < 1 || end - p < 9 || *p++ != ' ')
		return 0;
	if (end - p >= 13 && p[4] == ' ' && (year = number(p, 4, 9999)) >= 0)
		p += 5;
	int64_t clock = read_clock(p);
	if (clock < 0)
		return 0;
	p += 8;
	if (year >= 0) {
		if (day > days_of_month(year, month))
			return 0;
		s->wall = clock_days(year, month, day) * MS_DAY + clock;
		s->time = zone_to_utc(&s->zone, s->wall, now);
	} else if (!guess_year(s, month, day, clock, now)) {
		return 0;
	}
	return (size_t)(p - text.p);
}

/* "Sat Nov 21 09:23:38 2026", "Sun Nov  1 09:23:38 2026", "Sun Nov 1 …": the length or 0 (ctime(3))
 */
static size_t read_ctime(struct stamps *s, struct slice text, int64_t now)
{
	int month =
		text.n >= 23 && text.p[3] == ' ' && text.p[7] == ' ' ? read_month(text.p + 4) : 0;
	if (!month)
		return 0;
	const char *p = text.p + (text.p[8] == ' ' ? 9 : 8), *end = text.p + text.n;
	unsigned digits = is_digit(p[1]) ? 2 : 1;
	int day = number(p, digits, 31);
	p += digits;
	if (day < 1 || end - p < 14 || p[0] != ' ' || p[9] != ' ')
		return 0;
	int64_t clock = read_clock(p + 1);
	int year = number(p + 10, 4, 9999);
	if (clock < 0 || year < 0 || day > days_of_month(year, month))
		return 0;
	s->wall = clock_days(year, month, day) * MS_DAY + clock;
	s->time = zone_to_utc(&s->zone, s->wall, now);
	return (size_t)(p + 14 - text.p);
}

/* "20261121-09:23:38", "261121 09:23:38": the length or 0. */
static size_t read_compact(struct stamps *s, struct slice text, int64_t now)
{
	unsigned digits = 0;
	while (digits < 9 && is_digit(text.p[digits]))
		digits++;
	char between = text.p[digits];
	size_t n = digits + 9;
	if (text.n < n || !((digits == 6 && between == ' ') || (digits == 8 && between == '-')))
		return 0;
	const char *p = text.p + digits - 4;
	int year = number(text.p, digits - 4, 9999), month = number(p, 2, 12);
	int day = number(p + 2, 2, 31);
	int64_t clock = read_clock(p + 5);
	if (digits == 6)
		year += 2000;
	if (month < 1 || day < 1 || clock < 0 || day > days_of_month(year, month))
		return 0;
	s->wall = clock_days(year, month, day) * MS_DAY + clock;
	s->time = zone_to_utc(&s->zone, s->wall, now);
	return n;
}

/* "2026-11-21T09:23:38" or with a blank or '_' between: the length or 0. */
static size_t read_iso(struct stamps *s, struct slice text, int64_t now)
{
	const char *p = text.p;
	if (text.n < 19 || p[4] != '-' || p[7] != '-' ||
		(p[10] != 'T' && p[10] != 't' && p[10] != ' ' && p[10] != '_'))
		return 0;
	int year = number(p, 4, 9999), month = number(p + 5, 2, 12), day = number(p + 8, 2, 31);
	int64_t clock = read_clock(p + 11);
	if (year < 0 || month < 1 || day < 1 || clock < 0 || day > days_of_month(year, month))
		return 0;
	s->wall = clock_days(year, month, day) * MS_DAY + clock;
	s->time = zone_to_utc(&s->zone, s->wall, now);
	return 19;
}

/* "@" and 24 hex digits: seconds of TAI since 1970 plus 2^62, and nanoseconds (djb's tai64n). */
static size_t read_tai(struct slice text, int64_t *ret_ms)
{
	uint64_t value[2] = {0, 0};
	if (text.n < 25)
		return 0;
	for (size_t i = 0; i < 24; i++) {
		char c = text.p[1 + i];
		unsigned digit = is_digit(c)            ? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
							: 16;
		if (digit > 15)
			return 0;
		value[i / 16] = value[i / 16] << 4 | digit;
	}
	/* TAI64's label of 1970 is 2^62 + 10; leap seconds since are not the logger's business */
	uint64_t base = ((uint64_t)1 << 62) + 10;
	if (value[0] < base || value[0] - base > UINT32_MAX || value[1] > 999999999)
		return 0;
	*ret_ms = (int64_t)(value[0] - base) * 1000 + (int64_t)(value[1] / 1000000);
	return 25;
}

/* ".954167" or ",345" at p: its length, and the whole milliseconds. */
static size_t read_fraction(const char *p, const char *end, int64_t *ret_ms)
{
	if (end - p < 2 || (*p != '.' && *p != ',') || !is_digit(p[1]))
		return 0;
	const char *q = p + 1;
	int64_t ms = 0;
	for (int weight = 100; q < end && is_digit(*q); q++, weight /= 10)
		ms += weight * (*q - '0');
	*ret_ms = ms;
	return (size_t)(q - p);
}

/* "Z", "+02:00", "-0400", " +0200", " UTC" at p: its length, and the offset. */
static size_t read_zone(const char *p, const char *end, int64_t *ret_offset)
{
	const char *q = p;
	if (q < end && (*q == 'Z' || *q == 'z')) {
		*ret_offset = 0;
		return 1;
	}
	if (end - q >= 4 && *q == ' ' && (memcmp(q + 1, "UTC", 3) == 0)) {
		*ret_offset = 0;
		return 4;
	}
	if (end - q >= 6 && *q == ' ' && (q[1] == '+' || q[1] == '-'))
		q++;
	if (end - q < 3 || (*q != '+' && *q != '-'))
		return 0;
	int hours = number(q + 1, 2, 23), minutes = 0;
	bool minus = *q == '-';
	q += 3;
	const char *m = q < end && *q == ':' ? q + 1 : q;
	if (end - m >= 2 && number(m, 2, 59) >= 0) {
		minutes = number(m, 2, 59);
		q = m + 2;
	}
	if (hours < 0)
		return 0;
	*ret_offset = (hours * MS_HOUR + minutes * MS_MINUTE) * (minus ? -1 : 1);
	return (size_t)(q - p);
}

/* n bytes, 15 or more of them, without a call. */
static inline bool same_bytes(const char *a, const char *b, size_t n)
{
	uint64_t x[2], y[2];
	memcpy(x, a, 8);
	memcpy(y, b, 8);
	memcpy(x + 1, a + n - 8, 8);
	memcpy(y + 1, b + n - 8, 8);
	if (x[0] != y[0] || x[1] != y[1])
		return false;
	return n <= 16 || memcmp(a + 8, b + 8, n - 16) == 0;
}

/* Another second of the day that is remembered: only the clock is read. */
static bool read_same_day(struct stamps *s, struct slice text, int64_t now)
{
	const char *clock = text.p + s->len - 8;
	if (memcmp(text.p, s->text, s->len - 8u) != 0)
		return false;
	int64_t time = read_clock(clock), before = read_clock(s->text + s->len - 8);
	/* a day begins before now and may end after it: such a stamp is guessed afresh */
	if (time < 0 || (time > before && s->time + time - before > now))
		return false;
	s->wall += time - before;
	s->time = zone_to_utc(&s->zone, s->wall, now);
	memcpy(s->text + s->len - 8, clock, 8);
	return true;
}

/* Date and time to the second, from memory when the text is the same again. */
static inline size_t read_seconds(struct stamps *s, struct slice text, int64_t now)
{
	if (s->len && text.n > s->len &&
		(same_bytes(text.p, s->text, s->len) || read_same_day(s, text, now)))
		return s->len;
	if (!is_digit(text.p[0]) && (unsigned)(text.p[0] - 'A') > 25)
		return 0;
	/* what fails half-way may have overwritten what is remembered */
	s->len = 0;
	size_t n = is_digit(text.p[0]) ? read_iso(s, text, now) : read_bsd(s, text, now);
	if (n == 0)
		n = is_digit(text.p[0]) ? read_compact(s, text, now) : read_ctime(s, text, now);
	if (n >= 15 && n <= sizeof(s->text)) {
		memcpy(s->text, text.p, n);
		s->len = (uint8_t)n;
	}
	return n;
}

size_t stamp_read(struct stamps *s, struct slice text, int64_t now, int64_t *ret_ms)
{
	if (text.n < 14)
		return 0;
	if (text.p[0] == '@')
		return read_tai(text, ret_ms);
	size_t n = read_seconds(s, text, now);
	if (n == 0)
		return 0;
	const char *p = text.p + n, *end = text.p + text.n;
	if (p == end || (*p == ' ' && !is_digit(text.p[0]))) {
		*ret_ms = s->time;
		return n;
	}
	int64_t ms = 0, offset;
	p += read_fraction(p, end, &ms);
	size_t zone = is_digit(text.p[0]) ? read_zone(p, end, &offset) : 0;
	*ret_ms = (zone ? s->wall - offset : s->time) + ms;
	return (size_t)(p + zone - text.p);
}
