/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines and journal entries in, events out: takes a line's header apart
 * (RFC 3164, RFC 5424, ISO-stamped, journal-export style prefixes; else a
 * daemon's own log), finds the format that owns the program, and lets it read
 * the message. The one entrance for files, the journal, `cordon scan` and
 * `cordon explain`.
 */
#pragma once

#include "model/event.h"
#include "model/session.h"
#include "sensor/record.h"
#include "sensor/stamp.h"

#include <stdint.h>

#define READER_LINE_MAX 8192 /* bytes; longer lines are counted and skipped */

struct format;

struct reader_stats {
	uint64_t lines;    /* lines and records */
	uint64_t matched;  /* of them events */
	uint64_t failures; /* of those failures */
	uint64_t unparsed; /* lines whose header is none we know */
	uint64_t messages; /* of daemons that are read */
	uint64_t unknown;  /* of those messages: SAID_UNKNOWN */
	uint64_t too_long;
};

struct reader {
	struct session_table *sessions; /* borrowed */
	uint32_t services;              /* SERVICE_BIT()s wanted; others are not parsed */
	int64_t shift;                  /* ms, added to every stamp (see skew.h) */
	int64_t now; /* guesses the year of stamps that have none: latest plausible */
	struct reader_stats stats;
	struct stamps stamps;
	const struct format *own;     /* whose own log the latest line was from; NULL: nobody's */
	const struct format *split;   /* a client's line breaks stand in this log, which is its */
	int64_t own_time;             /* the latest stamp of such a log, none from the future */
	struct {                      /* what the latest line was, event or not */
		int64_t time;         /* EVENT_NO_TIME: it says none */
		enum service service; /* SERVICE_NONE: nobody reads it, and the rest says nothing */
		enum said said;
		const char *why; /* see struct event */
	} latest;
};

/*
 * services: SERVICE_BIT()s. now: ms. zone: of stamps that have none; NULL or
 * "": the machine's. Before there are threads (see zone_load()).
 */
void reader_init(struct reader *r, struct session_table *sessions, uint32_t services, int64_t now,
	const char *zone);
/* Another file begins: forgets what the one before was. */
void reader_file(struct reader *r);
/* One line without its newline. True: *ret is an event (failure or success); else undefined. */
bool reader_line(struct reader *r, struct slice line, struct event *ret);
/* A record whose header somebody else took apart (the journal). */
bool reader_record(struct reader *r, const struct record *record, struct event *ret);
/*
 * Whole lines, each ended by '\n'. Calls fn for every event, in order; a
 * non-zero return of fn stops and is returned.
 */
int reader_lines(struct reader *r, struct slice lines,
	int (*fn)(void *ctx, const struct event *event), void *ctx);
