/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Slices: a pointer and a length into bytes somebody else owns.
 *
 * Everything that comes from outside (log lines, headers, bodies) is handled
 * as slices: never NUL-terminated, always borrowed, valid as long as the bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
	const char *p;
	size_t n;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_NULL     ((struct slice){NULL, 0})
/* for printf's "%.*s" */
#define SLICE_ARG(s) (int)(s).n, (s).p

static inline struct slice slice_of(const char *text)
{
	return (struct slice){text, text ? strlen(text) : 0};
}

static inline struct slice slice_between(const char *begin, const char *end)
{
	return (struct slice){begin, (size_t)(end - begin)};
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool slice_starts(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}

static inline bool slice_ends(struct slice s, struct slice suffix)
{
	return s.n >= suffix.n && memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0;
}

static inline struct slice slice_skip(struct slice s, size_t n)
{
	return (struct slice){s.p + n, s.n - n};
}
