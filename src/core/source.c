/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configured inputs, each a reader in front of a tail or a journal. One
 * read is one batch is one transaction; while more waits, the loop gets a turn
 * between batches.
 */
#include "base/clock.h"
#include "base/log.h"
#include "core/health.h"
#include "core/private.h"
#include "sensor/skew.h"

#include <errno.h>

/* Catching up: large enough that the transaction's cost vanishes, small enough to stay
   responsive (about 10 ms of work). */
#define BATCH_BYTES   ((size_t)1 << 20)
#define BATCH_ENTRIES 4096
#define CONFIRM_WAIT  20 /* ms */
#define RETRY_FIRST   MS_SECOND
#define RETRY_MAX     (30 * MS_SECOND)

struct source {
	struct core *core;
	const struct sensor_settings *settings;
	unsigned input;
	char *name; /* of its cursor */
	struct tail *tail;
	struct journal *journal;
	struct reader reader;
	struct watch *watch;
	int watched_fd;
	struct timer *timer;
	int64_t last_event, last_read, backoff;
	bool delivered;    /* the current batch has read something */
	int failed;        /* -errno: an event of the current batch could not be taken */
	bool behind;       /* there was more to read */
	bool store_failed; /* what it read last could not be stored */
	bool at_end;       /* the latest read found no more: what comes now is new */
	bool live;         /* what is read now was written just now */
	bool said_silent;
	struct skew skew;
	struct health health;
	struct buf stored; /* the cursor as the store has it */
	char error[128];
};

static void source_ready(void *ctx, unsigned ready);
static int source_open(struct source *s, struct err *err);

/* Log files only: the journal's stamps are the kernel's or journald's own. */
static void note_stamp(struct source *s, int64_t time)
{
	char text[CLOCK_TEXT_MAX];
	int64_t stamped = time - s->reader.shift;
	if (!s->live || !s->tail || time == EVENT_NO_TIME ||
		!skew_note(&s->skew, stamped, s->reader.now))
		return;
	s->reader.shift = s->skew.shift;
	log_warning("%s: it is %s, and its stamps are off by %lld min: %s (is its timezone right?)",
		s->name, clock_format(s->reader.now, text), (long long)(s->skew.shift / MS_MINUTE),
		s->skew.shift ? "they are put right from now on" : "believed again");
}

static int on_event(void *ctx, const struct event *event)
{
	struct source *s = ctx;
	struct event now = *event;
	note_stamp(s, event->time);
	/* a stamp that a client may have written: it was now; who only observes harms nobody */
	if (event->forgeable && s->live && !enforce_observes(s->core->enforce))
		now.time = s->reader.now;
	if (now.time != EVENT_NO_TIME)
		s->last_event = MAX_OF(s->last_event, now.time);
	/* a slice of lines is taken whole: the batch goes, not a part of it */
	if (s->failed == 0)
		s->failed = pipeline_event(s->core, &now);
	return 0;
}

static int on_lines(void *ctx, struct slice lines)
{
	struct source *s = ctx;
	s->delivered = true;
	int r = reader_lines(&s->reader, lines, on_event, s);
	if (s->reader.latest.time != EVENT_NO_TIME) /* also of lines that are no event */
		note_stamp(s, s->reader.latest.time);
	return r;
}

static int on_record(void *ctx, const struct record *record)
{
	struct source *s = ctx;
	struct event event;
	s->delivered = true;
	return reader_record(&s->reader, record, &event) ? on_event(s, &event) : 0;
}

static int read_some(struct source *s)
{
	if (s->tail)
		return tail_read(s->tail, clock_mono(), BATCH_BYTES, on_lines, s);
	return journal_read(s->journal, BATCH_ENTRIES, on_record, s);
}

static void put_cursor(const struct source *s, struct buf *out)
{
	if (s->tail)
		tail_cursor(s->tail, out);
	else
		journal_cursor(s->journal, out);
}

/* What a wait needs: the descriptor may be another one after each read. */
static void wait_for_more(struct source *s, int64_t delay)
{
	int fd = s->tail ? tail_watch_fd(s->tail) : journal_watch_fd(s->journal);
	if (fd != s->watched_fd || !s->watch) {
		s->watch = watch_free(s->watch);
		s->watched_fd = fd;
		if (fd >= 0)
			s->watch = watch_new(s->core->loop, fd, WATCH_READ, source_ready, s);
	}
	int64_t deadline = s->tail ? tail_deadline(s->tail) : journal_deadline(s->journal);
	if (deadline != INT64_MAX)
		delay = MIN_OF(delay, MAX_OF(deadline - clock_mono(), 0));
	if (delay != INT64_MAX)
		timer_set(s->timer, delay);
}

static void fault(struct source *s, int error, const char *what)
{
	s->behind = false; /* nobody knows how long: the others go on */
	s->at_end = false;
	s->backoff = MIN_OF(MAX_OF(s->backoff * 2, RETRY_FIRST), RETRY_MAX);
	(void)snprintf(s->error, sizeof(s->error), "%s: %s", what, strerror(-error));
	log_error(
		"%s: %s; again in %lld s", s->name, s->error, (long long)(s->backoff / MS_SECOND));
	if (s->watch)
		watch_set(s->watch, 0);
	timer_set(s->timer, s->backoff);
}

/* Ends the batch. Nothing read, nothing moved: an idle look costs no transaction. */
static int commit_batch(struct source *s)
{
	_cleanup_(buf_done) struct buf cursor = BUF_NULL;
	put_cursor(s, &cursor);
	if (s->failed == 0)
		s->failed = cursor.error;
	if (s->failed < 0)
		return pipeline_abandon(s->core, s->failed);
	if (!s->delivered && slice_eq(buf_as_slice(&cursor), buf_as_slice(&s->stored))) {
		store_rollback(s->core->store);
		store_ready(s->core->store);
		return 0;
	}
	int r = pipeline_commit(s->core, s->name, buf_as_slice(&cursor));
	if (r == 0) {
		buf_reset(&s->stored);
		buf_slice(&s->stored, buf_as_slice(&cursor));
	}
	return r;
}

static int read_batch(struct source *s, int *ret_more)
{
	s->reader.now = clock_now();
	s->delivered = false;
	s->failed = 0;
	int r = pipeline_begin(s->core);
	if (r < 0)
		return r;
	s->live = s->at_end;
	*ret_more = read_some(s);
	s->behind = *ret_more > 0;
	s->at_end = *ret_more == 0;
	health_update(&s->health, &s->reader.stats);
	r = commit_batch(s);
	if (s->delivered) {
		s->last_read = s->reader.now;
		s->said_silent = false;
	}
	return r;
}

static void source_ready(void *ctx, unsigned ready)
{
	struct source *s = ctx;
	struct err err;
	(void)ready;
	int more = 0, r = 0;
	if (confirm_waits(s->core, s->settings->services)) {
		if (s->watch)
			watch_set(s->watch, 0);
		timer_set(s->timer, CONFIRM_WAIT);
		return;
	}
	if (!s->tail && !s->journal) { /* after a rewind that failed */
		r = source_open(s, &err);
		if (r < 0) {
			fault(s, r, "open");
			return;
		}
	}
	r = read_batch(s, &more);
	s->store_failed = r < 0;
	if (r < 0 || more < 0) {
		fault(s, r < 0 ? r : more, r < 0 ? "store" : "read");
		return;
	}
	s->backoff = 0;
	s->error[0] = '\0';
	if (s->watch)
		watch_set(s->watch, WATCH_READ);
	wait_for_more(s, more > 0 ? 0 : INT64_MAX);
}

static void on_timer(void *ctx)
{
	source_ready(ctx, 0);
}

static int open_input(struct source *s, struct err *err)
{
	const struct sensor_settings *set = s->settings;
	if (set->kind == SENSOR_FILE)
		return tail_new(&s->core->ops->inputs, s->input, set->from_start, &s->tail);
	return journal_new(set->path, set->services, set->from_start, &s->journal, err);
}

static int restore(struct source *s)
{
	_cleanup_(buf_done) struct buf cursor = BUF_NULL;
	int r = store_cursor_get(s->core->store, s->name, &cursor);
	if (r != 0)
		return r == STORE_NOT_FOUND ? 0 : r;
	struct slice at = buf_as_slice(&cursor);
	r = s->tail ? tail_restore(s->tail, at) : journal_restore(s->journal, at);
	if (r < 0)
		log_error("%s: its stored position cannot be used (%s): starting at the end",
			s->name, strerror(-r));
	return 0;
}

static void close_input(struct source *s)
{
	s->watch = watch_free(s->watch);
	s->watched_fd = -1;
	s->tail = tail_free(s->tail);
	s->journal = journal_free(s->journal);
	buf_reset(&s->stored);
	s->at_end = false;
}

static int source_open(struct source *s, struct err *err)
{
	err_set(err, 0, "cannot be opened");
	int r = open_input(s, err);
	if (r < 0)
		return r;
	s->reader.sessions = s->core->sessions;
	r = restore(s);
	if (r < 0) /* without its position it must not read */
		close_input(s);
	return r;
}

static int source_init(struct source *s, struct core *c, unsigned input, struct err *err)
{
	const struct sensor_settings *set = &c->settings->sensors[input];
	*s = (struct source){.core = c,
		.settings = set,
		.input = input,
		.watched_fd = -1,
		.behind = true,
		.last_event = INT64_MIN};
	s->stored.limit = 1 << 20;
	if (asprintf(&s->name, "%s:%s", set->kind == SENSOR_FILE ? "file" : "journal", set->path) <
		0) {
		s->name = NULL;
		return -ENOMEM;
	}
	s->timer = timer_new(c->loop, on_timer, s);
	if (!s->timer)
		return -ENOMEM;
	/* changes TZ for a moment: only here, while there are no other threads */
	reader_init(&s->reader, c->sessions, set->services, clock_now(),
		set->timezone[0] ? set->timezone : NULL);
	int r = source_open(s, err);
	if (r < 0)
		return err_prefix(err, r, "%s", s->name);
	timer_set(s->timer, 0);
	return 0;
}

int sources_start(struct core *c, struct err *err)
{
	c->sources = calloc(MAX_OF(c->settings->sensor_count, 1u), sizeof(*c->sources));
	if (!c->sources)
		return err_set(err, -ENOMEM, "no memory");
	for (unsigned i = 0; i < c->settings->sensor_count; i++) {
		c->source_count = i + 1;
		int r = source_init(&c->sources[i], c, i, err);
		if (r < 0)
			return r;
	}
	return 0;
}

void sources_stop(struct core *c)
{
	for (unsigned i = 0; i < c->source_count; i++) {
		struct source *s = &c->sources[i];
		close_input(s);
		s->timer = timer_free(s->timer);
		buf_done(&s->stored);
		free(s->name);
	}
	free(c->sources);
	c->sources = NULL;
	c->source_count = 0;
}

void sources_rewind(struct core *c)
{
	for (unsigned i = 0; i < c->source_count; i++) {
		struct source *s = &c->sources[i];
		struct err err;
		close_input(s);
		int r = source_open(s, &err);
		if (r < 0)
			log_error("%s: %s", s->name, err.text);
		if (s->backoff == 0) /* else its timer is set */
			timer_set(s->timer, 0);
	}
}

bool sources_wait(const struct core *c)
{
	for (unsigned i = 0; i < c->source_count; i++)
		if (c->sources[i].store_failed)
			return true;
	return false;
}

int64_t sources_horizon(const struct core *c, int64_t now)
{
	int64_t horizon = now;
	for (unsigned i = 0; i < c->source_count; i++) {
		const struct source *s = &c->sources[i];
		if (s->behind)
			horizon = MIN_OF(horizon, MAX_OF(s->last_event, 0));
	}
	return horizon;
}

static int64_t since_line(const struct source *s, int64_t now)
{
	return MAX_OF(now - MAX_OF(s->last_read, s->core->started), 0);
}

void sources_check(struct core *c)
{
	int64_t now = clock_now();
	for (unsigned i = 0; i < c->source_count; i++) {
		struct source *s = &c->sources[i];
		if (s->said_silent || s->error[0] || since_line(s, now) < c->settings->silent_after)
			continue;
		s->said_silent = true;
		log_warning("%s: not a line for %lld min (silent_after)", s->name,
			(long long)(since_line(s, now) / MS_MINUTE));
	}
}

static void judge(const struct source *s, struct source_status *ret, char *text, size_t size)
{
	const struct health_facts facts = {.error = s->error,
		.unread = health_share(&s->health.unread),
		.unknown = health_share(&s->health.unknown),
		.failed = health_share(&s->health.failed),
		.since_line = ret->since_line,
		.silent_after = s->core->settings->silent_after,
		.shift = s->skew.shift,
		.skew = s->skew.latest};
	bool wrong = health_text(&facts, text, size);
	ret->unread = facts.unread;
	ret->unknown = facts.unknown;
	ret->silent = facts.since_line >= facts.silent_after;
	ret->shift = facts.shift;
	ret->skew = facts.skew;
	ret->problem = wrong ? text : "";
	ret->note = wrong ? "" : text;
}

void sources_each(
	const struct core *c, void (*fn)(void *ctx, const struct source_status *s), void *ctx)
{
	for (unsigned i = 0; i < c->source_count; i++) {
		const struct source *s = &c->sources[i];
		char text[160];
		struct source_status status = {.name = s->name,
			.reader = &s->reader.stats,
			.last_event = s->last_event,
			.last_read = s->last_read,
			.since_line = since_line(s, clock_now()),
			.error = s->error};
		if (s->tail)
			tail_get_stats(s->tail, &status.tail);
		if (s->journal)
			journal_get_stats(s->journal, &status.journal);
		judge(s, &status, text, sizeof(text));
		fn(ctx, &status);
	}
}
