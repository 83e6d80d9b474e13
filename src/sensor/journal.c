/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Moves through the journal's entries and keeps the place.
 *
 * The cursor of the last entry taken is all that is kept. To go to it means to
 * seek it, take one step, and see whether that entry is it (then it was taken
 * before) or a later one (then it is the next to take). Whether the cursor's
 * entry still exists is asked without the matches, as they may have changed
 * with the configuration; if it does not, entries may have gone with it: a gap.
 *
 * Files come and go by rotation and vacuuming; sd_journal_process() says so, and
 * the place is sought anew. A start at the end takes the last entry of all
 * programs for its cursor, so that nothing is missed after a restart either.
 */
#include "sensor/journal.h"

#include "base/clock.h"
#include "sensor/journal_entry.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <systemd/sd-journal.h>

#define CURSOR_MAX   512  /* bytes; the library's are about 150 */
#define REOPEN_EVERY 5000 /* ms, while the system has no journal */

struct journal {
	sd_journal *sd;
	char *directory; /* NULL: the system's */
	uint32_t services;
	bool from_start;

	char *cursor;    /* of the last entry taken; NULL: none */
	uint64_t taken;  /* that entry's time, us */
	bool positioned; /* sd is where the cursor says */
	bool seeking;    /* the next step may lead to the cursor's own entry */
	bool again;      /* sd stands on an entry that fn refused */
	bool idle;       /* everything there was had been taken */
	int64_t reopen_at;
	struct journal_stats stats;
	struct entry entry;
};

static int open_journal(const char *directory, sd_journal **ret)
{
	_cleanup_(sd_journal_closep) sd_journal *sd = NULL;
	int r = directory ? sd_journal_open_directory(&sd, directory, 0)
			  : sd_journal_open(&sd, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
	if (r < 0)
		return r;
	r = sd_journal_set_data_threshold(sd, READER_LINE_MAX + 64);
	if (r < 0)
		return r;
	r = sd_journal_get_fd(sd); /* from here on it notices changes */
	if (r < 0)
		return r;
	*ret = take(sd);
	return 0;
}

int journal_new(const char *directory, uint32_t services, bool from_start, struct journal **ret,
	struct err *err)
{
	bool system = !directory || !*directory;
	struct journal *j = calloc(1, sizeof(*j));
	int r = -ENOMEM;
	if (j && !system)
		j->directory = strdup(directory);
	if (j && (system || j->directory))
		r = open_journal(j->directory, &j->sd);
	if (r < 0) {
		(void)journal_free(j);
		return err_set(err, r, "journal %s: %s", system ? "of the system" : directory,
			strerror(-r));
	}
	j->services = services;
	j->from_start = from_start;
	j->reopen_at = clock_mono() + REOPEN_EVERY;
	*ret = j;
	return 0;
}

struct journal *journal_free(struct journal *j)
{
	if (!j)
		return NULL;
	sd_journal_close(j->sd);
	free(j->directory);
	free(j->cursor);
	free(j);
	return NULL;
}

int journal_restore(struct journal *j, struct slice cursor)
{
	if (cursor.n == 0 || cursor.n > CURSOR_MAX || memchr(cursor.p, 0, cursor.n))
		return -EBADMSG;
	_cleanup_(freep) char *text = strndup(cursor.p, cursor.n);
	if (!text)
		return -ENOMEM;
	int r = sd_journal_seek_cursor(j->sd, text);
	if (r == -EINVAL || r == -ENXIO)
		return -EBADMSG;
	if (r < 0)
		return r;
	free(j->cursor);
	j->cursor = take(text);
	j->positioned = false;
	return 0;
}

void journal_cursor(const struct journal *j, struct buf *out)
{
	if (j->cursor)
		buf_puts(out, j->cursor);
}

/* Remembers the entry sd stands on as taken. */
static int keep_cursor(struct journal *j)
{
	char *cursor;
	int r = sd_journal_get_cursor(j->sd, &cursor);
	if (r < 0)
		return r;
	free(j->cursor);
	j->cursor = cursor;
	(void)sd_journal_get_realtime_usec(j->sd, &j->taken);
	return 0;
}

/* Without matches: the cursor of the last entry there is, if any. */
static int find_end(struct journal *j)
{
	int r = sd_journal_seek_tail(j->sd);
	r = r < 0 ? r : sd_journal_previous(j->sd);
	return r <= 0 ? r : keep_cursor(j);
}

/* Without matches: 1 when the cursor's entry is there. */
static int cursor_exists(struct journal *j)
{
	int r = sd_journal_seek_cursor(j->sd, j->cursor);
	r = r < 0 ? r : sd_journal_next(j->sd);
	return r <= 0 ? r : sd_journal_test_cursor(j->sd, j->cursor);
}

static int seek(struct journal *j)
{
	j->again = false;
	j->seeking = j->cursor;
	return j->cursor ? sd_journal_seek_cursor(j->sd, j->cursor) : sd_journal_seek_head(j->sd);
}

static int position(struct journal *j)
{
	int r = 0;
	sd_journal_flush_matches(j->sd);
	if (j->cursor) {
		r = cursor_exists(j);
		j->stats.gaps += r == 0;
	} else if (!j->from_start) {
		r = find_end(j);
	}
	r = r < 0 ? r : entry_add_matches(j->sd, j->services);
	r = r < 0 ? r : seek(j);
	j->positioned = r >= 0;
	return r;
}

/* On a system that had no journal when it was opened, the library would never see one. */
static int reopen(struct journal *j)
{
	if (j->directory || sd_journal_has_runtime_files(j->sd) > 0 ||
		sd_journal_has_persistent_files(j->sd) > 0) {
		j->reopen_at = INT64_MAX;
		return 0;
	}
	if (clock_mono() < j->reopen_at)
		return 0;
	j->reopen_at = clock_mono() + REOPEN_EVERY;
	sd_journal *sd;
	int r = open_journal(j->directory, &sd);
	if (r < 0)
		return r;
	sd_journal_close(j->sd); /* after: the new descriptor has another number */
	j->sd = sd;
	j->from_start = j->from_start || j->positioned; /* whatever comes now is new */
	j->positioned = false;
	return 0;
}

/* Files came or went. What was not read yet may have gone with the oldest. */
static int files_changed(struct journal *j)
{
	uint64_t oldest;
	if (!j->idle && j->cursor &&
		sd_journal_get_cutoff_realtime_usec(j->sd, &oldest, NULL) > 0 && oldest > j->taken)
		j->stats.gaps++;
	return seek(j);
}

/* To the next entry not taken yet: 1, 0 when there is none, or -errno. */
static int step(struct journal *j)
{
	if (j->again) {
		j->again = false;
		return 1;
	}
	int r = sd_journal_next(j->sd);
	if (r <= 0 || !j->seeking)
		return r;
	j->seeking = false;
	int same = sd_journal_test_cursor(j->sd, j->cursor);
	if (same < 0)
		return same;
	return same ? sd_journal_next(j->sd) : 1;
}

static int deliver(struct journal *j, int (*fn)(void *ctx, const struct record *record), void *ctx)
{
	struct record record;
	uint64_t count;
	int r = entry_load(&j->entry, j->sd);
	if (r < 0)
		return r;
	switch (entry_read(&j->entry, j->services, &record, &count)) {
	case ENTRY_RECORD:
		if (j->entry.too_long)
			j->stats.too_long++;
		else
			r = fn(ctx, &record);
		j->stats.entries += !j->entry.too_long && r == 0;
		break;
	case ENTRY_SUPPRESSED:
		j->stats.gaps++;
		j->stats.suppressed += count;
		break;
	case ENTRY_UNTRUSTED:
		j->stats.untrusted++;
		break;
	case ENTRY_OTHER:
		break;
	}
	return r;
}

static int prepare(struct journal *j)
{
	int r = j->reopen_at < INT64_MAX ? reopen(j) : 0;
	r = r < 0 ? r : sd_journal_process(j->sd);
	if (r == SD_JOURNAL_INVALIDATE && j->positioned)
		r = files_changed(j);
	if (r >= 0 && !j->positioned)
		r = position(j);
	return r;
}

int journal_read(struct journal *j, unsigned most,
	int (*fn)(void *ctx, const struct record *record), void *ctx)
{
	int r = prepare(j);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < most; i++) {
		r = step(j);
		j->idle = r == 0;
		if (r <= 0)
			return r;
		r = deliver(j, fn, ctx);
		r = r != 0 ? r : keep_cursor(j);
		if (r != 0) {
			j->again = true;
			return r;
		}
	}
	return 1;
}

int journal_watch_fd(const struct journal *j)
{
	int fd = sd_journal_get_fd(j->sd);
	return fd < 0 ? -1 : fd;
}

int64_t journal_deadline(const struct journal *j)
{
	uint64_t us = UINT64_MAX;
	int64_t deadline = j->reopen_at;
	if (sd_journal_get_timeout(j->sd, &us) > 0 && us / 1000 < (uint64_t)deadline)
		deadline = (int64_t)(us / 1000) + 1;
	return deadline;
}

void journal_get_stats(const struct journal *j, struct journal_stats *ret)
{
	*ret = j->stats;
}
