/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What tail.c, tail_rotate.c and tail_cursor.c share.
 */
#pragma once

#include "sensor/tail.h"
#include "sensor/tail_file.h"

#define TAIL_FILES_MAX (INPUT_SIBLINGS_MAX + 16)
#define TAIL_DONE_MAX  4 /* files remembered after their end */

struct tail {
	struct input_ops ops;
	unsigned input;
	bool from_start;
	bool begun; /* there is a position: the list says all that is to be read */

	struct tail_file *files; /* oldest first; the last one is the current file */
	size_t n;

	int watch;        /* inotify; -1: none */
	bool watch_ended; /* its directory is gone: another is wanted */
	bool look;        /* names may have changed since the last look */
	int64_t look_at, deadline;
	char *chunk;
	struct tail_stats stats;
};

static inline struct tail_file *tail_last(const struct tail *t)
{
	return t->n > 0 ? &t->files[t->n - 1] : NULL;
}

/* Puts the file in at index (its fd is the list's then); NULL when out of memory. */
struct tail_file *tail_insert(struct tail *t, size_t index, const struct tail_file *file);
void tail_remove(struct tail *t, size_t index);

/* Looks at the names: has the file been rotated? 0 or -errno. */
int tail_look(struct tail *t, int64_t mono);
/*
 * files[index] does not hold what was read of it any more (hole: it does, but zero bytes
 * follow). Its copy takes its place where there is one. 0 or -errno.
 */
int tail_replaced(struct tail *t, size_t index, int64_t mono, bool hole);
