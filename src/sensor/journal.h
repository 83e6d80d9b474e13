/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Follows the systemd journal: one reader for all services, with the matches
 * pushed down (SYSLOG_IDENTIFIER / _COMM of the formats' programs).
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
	uint64_t entries, gaps, suppressed, too_long;
};

/* directory: NULL or "" for the system's journal. services: SERVICE_BIT()s. */
int journal_new(const char *directory, uint32_t services, bool from_start, struct journal **ret,
	struct err *err);
struct journal *journal_free(struct journal *j);
int journal_restore(struct journal *j, struct slice cursor);
void journal_cursor(const struct journal *j, struct buf *out);
/* At most `most` entries to fn (record borrowed). 1: more now; 0: idle; -errno. */
int journal_read(struct journal *j, unsigned most,
	int (*fn)(void *ctx, const struct record *record), void *ctx);
int journal_watch_fd(const struct journal *j);
int64_t journal_deadline(const struct journal *j); /* clock_mono() ms, INT64_MAX: none */
void journal_get_stats(const struct journal *j, struct journal_stats *ret);
