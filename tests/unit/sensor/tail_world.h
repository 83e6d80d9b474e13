/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A directory of its own with a log file, its writer and its reader. Times of
 * change are set to a counter, so that nothing depends on how fast the test runs.
 */
#pragma once

#include "base/buf.h"
#include "base/util.h"
#include "sensor/tail.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h wants the four above it */
#include <cmocka.h>
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct world {
	char dir[64], log[96];
	const char *paths[1];
	struct input_ops ops;
	struct tail *tail;
	bool from_start;
	int64_t mono, tick;
	struct buf got; /* everything delivered */
	size_t calls;
	int refuse; /* error fn answers with; 0: takes all */
};

static inline const char *world_path(struct world *w, const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned turn;
	char *p = path[turn++ % 4];
	(void)snprintf(p, PATH_MAX, "%s/%s", w->dir, name);
	return p;
}

static inline void world_tail(struct world *w)
{
	assert_int_equal(tail_new(&w->ops, 0, w->from_start, &w->tail), 0);
}

static inline void world_init_in(struct world *w, const char *parent, bool from_start)
{
	*w = (struct world){.mono = 1000, .tick = 1000000000, .from_start = from_start};
	(void)snprintf(w->dir, sizeof(w->dir), "%s/cordon-tail-XXXXXX", parent);
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->log, sizeof(w->log), "%s/log", w->dir);
	w->paths[0] = w->log;
	w->ops = input_direct(w->paths);
	world_tail(w);
}

static inline void world_init(struct world *w, bool from_start)
{
	world_init_in(w, "/tmp", from_start);
}

static inline void world_empty(const char *dir)
{
	DIR *d = opendir(dir);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (unlinkat(dirfd(d), e->d_name, 0) < 0) {
			char *sub = NULL;
			assert_true(asprintf(&sub, "%s/%s", dir, e->d_name) > 0);
			world_empty(sub);
			assert_int_equal(rmdir(sub), 0);
			free(sub);
		}
	}
	(void)closedir(d);
}

static inline void world_done(struct world *w)
{
	w->tail = tail_free(w->tail);
	buf_done(&w->got);
	world_empty(w->dir);
	assert_int_equal(rmdir(w->dir), 0);
}

static inline void world_stamp(struct world *w, int fd)
{
	struct timespec at[2] = {{.tv_sec = w->tick}, {.tv_sec = w->tick}};
	w->tick++;
	assert_int_equal(futimens(fd, at), 0);
}

static inline void world_write_fd(struct world *w, int fd, const void *p, size_t n)
{
	assert_int_equal(write(fd, p, n), n);
	world_stamp(w, fd);
}

static inline int world_open(struct world *w, const char *name)
{
	const char *path = world_path(w, name);
	bool new = access(path, F_OK) < 0;
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	if (new)
		world_stamp(w, fd);
	return fd;
}

static inline void world_write(struct world *w, const char *name, const char *text)
{
	int fd = world_open(w, name);
	world_write_fd(w, fd, text, strlen(text));
	(void)close(fd);
}

static inline void world_rename(struct world *w, const char *from, const char *to)
{
	assert_int_equal(rename(world_path(w, from), world_path(w, to)), 0);
}

static inline void world_copy(struct world *w, const char *from, const char *to)
{
	char piece[65536];
	int in = open(world_path(w, from), O_RDONLY | O_CLOEXEC);
	int out = world_open(w, to);
	assert_true(in >= 0);
	for (ssize_t n; (n = read(in, piece, sizeof(piece))) > 0;)
		assert_int_equal(write(out, piece, (size_t)n), n);
	world_stamp(w, out);
	(void)close(in);
	(void)close(out);
}

static inline void world_truncate(struct world *w, const char *name)
{
	int fd = world_open(w, name);
	assert_int_equal(ftruncate(fd, 0), 0);
	world_stamp(w, fd);
	(void)close(fd);
}

static inline int world_take(void *ctx, struct slice lines)
{
	struct world *w = ctx;
	assert_true(lines.n > 0 && lines.p[lines.n - 1] == '\n');
	w->calls++;
	if (w->refuse)
		return w->refuse;
	buf_slice(&w->got, lines);
	return 0;
}

static inline int world_read_some(struct world *w, size_t budget)
{
	return tail_read(w->tail, w->mono, budget, world_take, w);
}

/* Reads until nothing is left now. */
static inline void world_read(struct world *w)
{
	int r = TAIL_MORE;
	for (unsigned i = 0; r == TAIL_MORE; i++) {
		assert_true(i < 10000);
		r = world_read_some(w, 1 << 20);
	}
	assert_int_equal(r, TAIL_IDLE);
}

/* Reads, and what came since the last time must be the text. */
#define world_expect(w, text)                                                                      \
	do {                                                                                       \
		world_read(w);                                                                     \
		assert_string_equal((w)->got.p ? (w)->got.p : "", text);                           \
		buf_reset(&(w)->got);                                                              \
	} while (0)

/* The process ends; the cursor is all that is left of the reader. */
static inline void world_stop(struct world *w, struct buf *cursor)
{
	buf_reset(cursor);
	tail_cursor(w->tail, cursor);
	w->tail = tail_free(w->tail);
}

static inline void world_start(struct world *w, const struct buf *cursor)
{
	world_tail(w);
	if (cursor->n > 0)
		assert_int_equal(tail_restore(w->tail, buf_as_slice(cursor)), 0);
}

static inline struct tail_stats world_stats(struct world *w)
{
	struct tail_stats stats;
	tail_get_stats(w->tail, &stats);
	return stats;
}
