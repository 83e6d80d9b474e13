/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Follows the systemd journal: one reader for all services, with the matches
 * pushed down (SYSLOG_IDENTIFIER / _COMM of the formats' programs).
 *
 * Only entries whose trusted fields show that they come from the service itself
 * are delivered: anybody may log as "sshd" (see journal.c).
 *
 * The cursor is sd_journal_get_cursor()'s text. After seeking it is tested: when
 * the entry was vacuumed, or journald says it suppressed messages, that is a gap.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "sensor/record.h"

#include <stdbool.h>
#include <stdint.h>

struct journal;

struct journal_stats {
	uint64_t entries;    /* delivered */
	uint64_t gaps;       /* times entries were lost, or may have been */
	uint64_t suppressed; /* messages of our services journald's rate limit dropped */
	uint64_t too_long;   /* messages over READER_LINE_MAX, skipped */
	uint64_t untrusted;  /* bore a program's name but did not come from it */
};

/* directory: NULL or "" for the system's journal. services: SERVICE_BIT()s. */
int journal_new(const char *directory, uint32_t services, bool from_start, struct journal **ret,
	struct err *err);
struct journal *journal_free(struct journal *j);
/* Before the first journal_read(). -EBADMSG: not a cursor. */
int journal_restore(struct journal *j, struct slice cursor);
/* The position after everything delivered; nothing while there is none (an empty journal, or
   before the first journal_read() of one not restored). Appends to out. */
void journal_cursor(const struct journal *j, struct buf *out);
/*
 * At most `most` entries are looked at and those of the services given to fn (record
 * borrowed). 1: more now; 0: idle; or -errno, also fn's: the cursor covers the entries for
 * which fn returned 0, and the refused one comes again.
 */
int journal_read(struct journal *j, unsigned most,
	int (*fn)(void *ctx, const struct record *record), void *ctx);
/* Readable when journal_read() has something to look at. Changes only within journal_read(). */
int journal_watch_fd(const struct journal *j);
int64_t journal_deadline(const struct journal *j); /* clock_mono() ms, INT64_MAX: none */
void journal_get_stats(const struct journal *j, struct journal_stats *ret);
