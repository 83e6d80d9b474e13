/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is a source worth listening to? What it says is judged by the latest thousand
 * lines or so, so that what is mended is soon forgotten. Pure: time is an
 * argument.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct health {
	uint64_t lines, unread;           /* of the latest lines: all, and those not understood */
	uint64_t seen_lines, seen_unread; /* the totals that are in them already */
};

/* The totals since the start have become these. */
void health_update(struct health *h, uint64_t lines, uint64_t unread);
/* Of a thousand lines so many are not understood. */
unsigned health_unread(const struct health *h);

/* What there is to say of a source. */
struct health_facts {
	const char *error;  /* "": none */
	unsigned unread;    /* of a thousand */
	int64_t since_line; /* ms since it said anything */
	int64_t silent_after;
	int64_t shift, skew; /* ms, see sensor/skew.h */
};

/* What is wrong, or (false) what is only remarkable; "" when nothing is. */
bool health_text(const struct health_facts *f, char *ret, size_t size);
