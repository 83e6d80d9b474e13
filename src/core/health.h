/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is a source worth listening to? What it says is judged by the latest thousand
 * lines or so, so that what is mended is soon forgotten. Pure: time is an
 * argument.
 */
#pragma once

#include "sensor/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many of the latest are so. */
struct share {
	uint64_t all, part;
	uint64_t seen_all, seen_part; /* the totals that are in them already */
};

struct health {
	struct share unread;  /* lines whose beginning nobody knows, of all lines */
	struct share unknown; /* messages that nobody knows, of those of daemons that are read */
	struct share failed;  /* failed logins, of the same */
};

/* The totals since the start have become these. */
void health_update(struct health *h, const struct reader_stats *totals);
/* Of a thousand so many; 0 while there are too few to judge by. */
unsigned health_share(const struct share *s);

/* What there is to say of a source. */
struct health_facts {
	const char *error;                /* "": none */
	unsigned unread, unknown, failed; /* of a thousand, see struct health */
	int64_t since_line;               /* ms since it said anything */
	int64_t silent_after;
	int64_t shift, skew; /* ms, see sensor/skew.h */
};

/* What is wrong, or (false) what is only remarkable; "" when nothing is. */
bool health_text(const struct health_facts *f, char *ret, size_t size);
