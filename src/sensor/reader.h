/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines and journal entries in, events out: takes a line's header apart
 * (RFC 3164, RFC 5424, ISO-stamped, journal-export style prefixes), finds the
 * format that owns the program, and lets it read the message. The one entrance
 * for files, the journal, `cordon scan` and `cordon explain`.
 */
#pragma once

#include "model/event.h"
#include "model/session.h"
#include "sensor/record.h"

#include <stdint.h>

#define READER_LINE_MAX 8192 /* bytes; longer lines are counted and skipped */

struct reader_stats {
	uint64_t lines, matched, failures, unparsed, too_long;
};

struct reader {
	struct session_table *sessions; /* borrowed */
	uint32_t services;              /* SERVICE_BIT()s wanted; others are not parsed */
	int64_t now;          /* guesses the year of stamps that have none: latest plausible */
	const char *timezone; /* of stamps that have none; NULL: the machine's */
	struct reader_stats stats;
	struct { /* the latest stamp parsed: most lines repeat it */
		char text[32];
		uint8_t len;
		int64_t time;
	} stamp;
	int64_t utc_offset, utc_offset_until; /* ms: local time of the zone, cached */
};

/* services: SERVICE_BIT()s. now: ms. */
void reader_init(struct reader *r, struct session_table *sessions, uint32_t services, int64_t now,
	const char *timezone);
/* One line without its newline. True: *ret is an event (failure or success). */
bool reader_line(struct reader *r, struct slice line, struct event *ret);
/* A record whose header somebody else took apart (the journal). */
bool reader_record(struct reader *r, const struct record *record, struct event *ret);
/*
 * Whole lines, each ended by '\n'. Calls fn for every event, in order; a
 * non-zero return of fn stops and is returned.
 */
int reader_lines(struct reader *r, struct slice lines,
	int (*fn)(void *ctx, const struct event *event), void *ctx);
