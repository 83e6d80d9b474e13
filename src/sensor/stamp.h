/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Time stamps at the beginning of log lines, as milliseconds UTC.
 *
 * Understood: "Nov  3 09:23:38" (RFC 3164; one or two digits for the day, with
 * a fraction or a year or without), RFC 3339 and its looser relatives
 * ("2026-11-21 09:23:38,123 +0200"), TAI64N ("@4000…"), and of daemons' own logs
 * "Sat Nov 21 09:23:38 2026" (vsftpd), "20261121-09:23:38" (xrdp), "261121  9:23:38"
 * and "2026-11-21  9:23:38" (MySQL, MariaDB).
 *
 * A stamp without a year is the latest such instant that is not in the future
 * of `now` by more than a day. A stamp without a zone is in the reader's zone.
 */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define ZONE_SPANS_MAX 256

/*
 * A time zone as a list of spans of equal offset, oldest first. Made once, so
 * that nothing opens a file or touches the process's TZ while lines are read.
 */
struct zone {
	unsigned n;
	unsigned latest; /* span of the latest answer: mostly of the next one too */
	struct {
		int64_t from;   /* ms UTC */
		int64_t offset; /* ms: local - UTC */
	} span[ZONE_SPANS_MAX];
};

/*
 * name: of the tz database; NULL or "": the machine's. Knows 30 years before `now` (ms) and 15
 * after. Changes TZ for a moment: call it before there are threads. An unknown
 * name is UTC (see zone_exists()).
 */
void zone_load(struct zone *z, const char *name, int64_t now);
/* True when the tz database of this machine has the name. */
bool zone_exists(const char *name);
/*
 * local: ms as if the clock on the wall showed UTC. Where the wall shows it twice (the
 * hour after summer time) the later instant that is not after `now`; where
 * never, as if the clock had not been set.
 */
int64_t zone_to_utc(struct zone *z, int64_t local, int64_t now);

struct stamps {
	struct zone zone;
	/* The latest date and time read, to the second: most lines repeat it. */
	char text[24];
	uint8_t len;
	int64_t wall, time; /* ms: as written, and as UTC if it was of our zone */
};

void stamps_init(struct stamps *s, const char *zone, int64_t now);
/* The length of the stamp that text begins with; 0: none, and *ret_ms is untouched. */
size_t stamp_read(struct stamps *s, struct slice text, int64_t now, int64_t *ret_ms);
