/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Follows one log file through rotation by rename, by copytruncate, by removal
 * and creation, and through symlinks; each byte of each line is delivered once.
 *
 * The cursor is a list, oldest first: a rotated file until it was quiet for 5 s
 * (its writer may not have reopened yet), and the current one, which is read at
 * once as well. Each entry: device, inode, time of birth, fingerprint (hash of the
 * first <= 1 KiB, with that length: inodes are reused), offset, time of last change.
 * The owner stores it in the transaction of what came of the lines.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "sensor/input.h"

#include <stdbool.h>
#include <stdint.h>

struct tail;

struct tail_stats {
	uint64_t bytes, lines, too_long; /* too_long: lines over READER_LINE_MAX, skipped */
	uint64_t rotations;
	/*
	 * Times bytes were lost, or may have been: a file of the cursor was not found again
	 * after a restart (but for a rotated one that had been read to its end); it was emptied
	 * while a part of it was known to be unread; a last line never got its newline (never
	 * delivered: cut text can be a wrong address).
	 */
	uint64_t gaps;
	int64_t size_behind; /* bytes not yet read */
};

/* input: the number given to ops. from_start: where to begin without a cursor. */
int tail_new(const struct input_ops *ops, unsigned input, bool from_start, struct tail **ret);
struct tail *tail_free(struct tail *t);
/*
 * Continues from a stored cursor (before the first tail_read()); the tail is unchanged on
 * failure. -EBADMSG: not a cursor. -ENOMEM.
 */
int tail_restore(struct tail *t, struct slice cursor);
/*
 * The position after everything tail_read() has delivered. Appends text to out (one line,
 * about 130 bytes a file); nothing at all before the first tail_read() of a tail that was
 * not restored: then there is no position yet.
 */
void tail_cursor(const struct tail *t, struct buf *out);

enum { TAIL_IDLE = 0, TAIL_MORE = 1 };
/*
 * Delivers whole lines, at most about `budget` bytes of them, to fn (each call:
 * one or more lines, each ended by '\n', borrowed). A partial last line waits.
 * TAIL_MORE: there is more now; TAIL_IDLE: wait for the descriptor or deadline;
 * or -errno of fn or of reading. mono: clock_mono().
 *
 * fn takes a slice whole (0) or not at all (-errno): the cursor always covers exactly the
 * slices for which fn returned 0, also after an error, and what was refused comes again
 * (perhaps cut differently). After an error of opening or reading, the lines that could be
 * read were delivered all the same, and it is tried again at the deadline.
 */
int tail_read(struct tail *t, int64_t mono, size_t budget, int (*fn)(void *ctx, struct slice lines),
	void *ctx);
/* Readable when tail_read() has something to look at; -1: none (use the deadline). May
   change with each tail_read(), then always to another number. */
int tail_watch_fd(const struct tail *t);
/* clock_mono() at which tail_read() must be called without any event; INT64_MAX: none. */
int64_t tail_deadline(const struct tail *t);
void tail_get_stats(const struct tail *t, struct tail_stats *ret);
