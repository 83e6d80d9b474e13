/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reading loop over the list of files, oldest first, and when to come back.
 *
 * Names are looked at (tail_rotate.c) when the watched directory says that one
 * changed; modifications alone only cause reading. Events can fail to come (a
 * network file system, a directory that is not there, one that was moved with
 * its parent), so names are looked at after LOOK_EVERY anyway, and after
 * POLL_EVERY where no events can be expected.
 */
#include "sensor/tail.h"

#include "sensor/tail_private.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>

#define QUIET_AFTER_ROTATION 5000 /* ms */
#define OLD_FILE_EVERY       1000 /* ms; it may have been moved to where nobody watches */
#define TURNS_MAX            16   /* replacements handled in one call */
#define READS_MAX            16   /* of full buffers of events in one call */
#define EVENT_MAX            (sizeof(struct inotify_event) + NAME_MAX + 1)

int tail_new(const struct input_ops *ops, unsigned input, bool from_start, struct tail **ret)
{
	struct tail *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	*t = (struct tail){
		.ops = *ops, .input = input, .from_start = from_start, .watch = -1, .look = true};
	*ret = t;
	return 0;
}

struct tail *tail_free(struct tail *t)
{
	if (!t)
		return NULL;
	for (size_t i = 0; i < t->n; i++)
		tail_file_close(&t->files[i]);
	closep(&t->watch);
	free(t->files);
	free(t->chunk);
	free(t);
	return NULL;
}

void tail_remove(struct tail *t, size_t index)
{
	tail_file_close(&t->files[index]);
	t->n--;
	memmove(&t->files[index], &t->files[index + 1], (t->n - index) * sizeof(*t->files));
}

struct tail_file *tail_insert(struct tail *t, size_t index, const struct tail_file *file)
{
	struct tail_file *more = reallocarray(t->files, t->n + 1, sizeof(*more));
	if (!more)
		return NULL;
	t->files = more;
	memmove(&more[index + 1], &more[index], (t->n - index) * sizeof(*more));
	more[index] = *file;
	t->n++;
	return &more[index];
}

#define NAMES_CHANGED                                                                              \
	(IN_CREATE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_Q_OVERFLOW | IN_DELETE_SELF |    \
		IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)
#define WATCH_ENDED (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)

/*
 * Takes the events there are and returns their masks together. One read does unless it was
 * full: what comes meanwhile wakes us again, and a busy neighbour in the directory must not
 * keep us from our own file.
 */
static uint32_t drain(int watch)
{
	_Alignas(struct inotify_event) char events[16384];
	uint32_t seen = 0;
	ssize_t n = sizeof(events);
	for (unsigned i = 0; i < READS_MAX && n > (ssize_t)(sizeof(events) - EVENT_MAX); i++) {
		n = read(watch, events, sizeof(events));
		if (n <= 0)
			return n < 0 && (errno == EAGAIN || errno == EINTR) ? seen
									    : seen | IN_IGNORED;
		for (const char *p = events; p < events + n;) {
			struct inotify_event e;
			memcpy(&e, p, sizeof(e));
			seen |= e.mask;
			p += sizeof(e) + e.len;
		}
	}
	return seen;
}

static void take_events(struct tail *t)
{
	if (t->watch < 0)
		return;
	uint32_t seen = drain(t->watch);
	if (seen & NAMES_CHANGED)
		t->look = true;
	if (seen & WATCH_ENDED)
		t->watch_ended = true;
}

/* The file is read to its end for good: remembers it without holding it open. */
static void finish(struct tail *t, size_t index)
{
	struct tail_file *f = &t->files[index];
	if (f->size > f->offset && !f->skipping)
		t->stats.gaps++;
	tail_file_close(f);
	f->done = true;
	size_t done = 0;
	for (size_t i = 0; i < t->n; i++)
		done += t->files[i].done;
	if (f->head_n == 0)
		tail_remove(t, index);
	else if (done > TAIL_DONE_MAX)
		for (size_t i = 0; i < t->n; i++)
			if (t->files[i].done) {
				tail_remove(t, i);
				break;
			}
}

/* A file could not be read; returns whether the next one may be. */
static bool give_up(struct tail *t, size_t index, int error)
{
	struct tail_file *f = &t->files[index];
	if (f != tail_last(t)) {
		t->stats.gaps++;
		tail_remove(t, index);
		return true;
	}
	if (error == -ESTALE) { /* gone from the server: look for it by name */
		tail_file_close(f);
		t->look = true;
	}
	return false;
}

/* Reads one file; its index stays right for the next turn when *index is not changed. */
static int read_file(struct tail *t, size_t *index, int64_t mono, struct tail_sink *sink)
{
	struct tail_file *f = &t->files[*index];
	int64_t before = f->offset;
	int r = tail_file_read(f, sink);
	if (f->offset != before)
		f->quiet = mono;
	if (r < 0) {
		if (!sink->refused && give_up(t, *index, r))
			(*index)--;
		return r;
	}
	if (r != FILE_END)
		return r;
	bool old = f != tail_last(t);
	if (old && (f->copy || mono - f->quiet >= QUIET_AFTER_ROTATION)) {
		size_t n = t->n;
		finish(t, *index);
		*index -= n - t->n;
	}
	return r;
}

static int read_files(struct tail *t, int64_t mono, struct tail_sink *sink)
{
	int error = 0;
	unsigned turns = 0;
	for (size_t i = 0; i < t->n; i++) { /* an index of -1 comes back as 0 */
		if (t->files[i].fd < 0)
			continue;
		int r = read_file(t, &i, mono, sink);
		if (r == FILE_MORE)
			return TAIL_MORE;
		if (r == FILE_CHANGED || r == FILE_HOLE) {
			if (++turns > TURNS_MAX)
				return TAIL_MORE;
			r = tail_replaced(t, i, mono, r == FILE_HOLE);
			i = (size_t)-1;
		}
		if (r < 0 && sink->refused)
			return r;
		if (r < 0)
			error = r;
	}
	return error < 0 ? error : TAIL_IDLE;
}

static void count_behind(struct tail *t)
{
	t->stats.size_behind = 0;
	for (size_t i = 0; i < t->n; i++)
		if (t->files[i].fd >= 0)
			t->stats.size_behind += MAX_OF(t->files[i].size - t->files[i].offset, 0);
}

static int64_t next_deadline(const struct tail *t, int64_t mono)
{
	int64_t deadline = t->look ? mono + OLD_FILE_EVERY : t->look_at;
	for (size_t i = 0; i + 1 < t->n; i++)
		if (t->files[i].fd >= 0)
			deadline = MIN_OF(deadline, mono + OLD_FILE_EVERY);
	return deadline;
}

int tail_read(struct tail *t, int64_t mono, size_t budget, int (*fn)(void *ctx, struct slice lines),
	void *ctx)
{
	if (!t->chunk)
		t->chunk = malloc(TAIL_CHUNK_SIZE);
	if (!t->chunk)
		return -ENOMEM;
	int error = 0;
	take_events(t);
	if (t->look || mono >= t->look_at)
		error = tail_look(t, mono);
	struct tail_sink sink = {.chunk = t->chunk,
		.budget = budget,
		.fn = fn,
		.ctx = ctx,
		.bytes = &t->stats.bytes,
		.lines = &t->stats.lines,
		.too_long = &t->stats.too_long};
	int r = read_files(t, mono, &sink);
	count_behind(t);
	t->deadline = next_deadline(t, mono);
	return r == TAIL_IDLE && error < 0 ? error : r;
}

int tail_watch_fd(const struct tail *t)
{
	return t->watch;
}

int64_t tail_deadline(const struct tail *t)
{
	return t->deadline;
}

void tail_get_stats(const struct tail *t, struct tail_stats *ret)
{
	*ret = t->stats;
}
