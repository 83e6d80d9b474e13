/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Cutting a message to pieces.
 */
#pragma once

#include "base/slice.h"

#include <stdint.h>

static inline bool cut_start(struct slice *text, struct slice start)
{
	if (!slice_starts(*text, start))
		return false;
	*text = slice_skip(*text, start.n);
	return true;
}

static inline bool cut_end(struct slice *text, struct slice end)
{
	if (!slice_ends(*text, end))
		return false;
	text->n -= end.n;
	return true;
}

static inline bool has(struct slice text, struct slice what)
{
	return text.p && text.n >= what.n && memmem(text.p, text.n, what.p, what.n);
}

/*
 * Where `what` begins in text; NULL: nowhere. The one of its bytes that is rarest in such texts,
 * what.p[rare], is looked for: for the short texts of a line that is quicker than memmem().
 */
static inline const char *find_by(struct slice text, struct slice what, size_t rare)
{
	if (text.n < what.n)
		return NULL;
	const char *p = text.p + rare, *end = text.p + text.n - (what.n - 1 - rare);
	for (; p < end && (p = memchr(p, what.p[rare], (size_t)(end - p))); p++)
		if (memcmp(p - rare, what.p, what.n) == 0)
			return p - rare;
	return NULL;
}

static inline struct slice skip_blanks(struct slice text)
{
	while (text.n && *text.p == ' ')
		text = slice_skip(text, 1);
	return text;
}

/* Without the blanks some put behind a message. */
static inline struct slice trimmed(struct slice text)
{
	while (text.n && (text.p[text.n - 1] == ' ' || text.p[text.n - 1] == '\r'))
		text.n--;
	return text;
}

/*
 * known: by their first character, the beginnings of messages, each ended by a NUL, the last of
 * a character by two.
 */
static inline bool starts_like_any(struct slice text, const char *const known[static 128])
{
	unsigned char first = text.n ? (unsigned char)*text.p : 0;
	for (const char *p = first < 128 ? known[first] : NULL; p && *p;) {
		struct slice beginning = slice_of(p);
		if (slice_starts(text, beginning))
			return true;
		p += beginning.n + 1;
	}
	return false;
}

/* Where `what` begins in text for the last time; NULL: nowhere. */
static inline const char *find_last(struct slice text, struct slice what)
{
	for (size_t n = text.p ? text.n : 0; n >= what.n && n > 0; n--) {
		const char *p = memrchr(text.p, what.p[0], n - what.n + 1);
		if (!p || memcmp(p, what.p, what.n) == 0)
			return p;
		n = (size_t)(p - text.p) + what.n;
	}
	return NULL;
}

/* Cuts digits off the front, as a number of at most 32 bits; false: there are none, or too many. */
static inline bool cut_number(struct slice *text, uint32_t *ret)
{
	uint64_t value = 0;
	size_t n = 0;
	while (n < text->n && n < 10 && (unsigned)(text->p[n] - '0') <= 9)
		value = value * 10 + (uint64_t)(text->p[n++] - '0');
	if (n == 0 || value > UINT32_MAX)
		return false;
	*text = slice_skip(*text, n);
	*ret = (uint32_t)value;
	return true;
}
