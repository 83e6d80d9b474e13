/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events -> store, one transaction a batch.
 *
 * A batch is what one read of one source yielded. Its transaction holds
 * everything that came of it: attempts, blocks, the detectors' windows, the
 * sessions, and the source's cursor. So after a kill at any instant the stored
 * cursor and the stored facts agree, and no attempt is lost or counted twice.
 *
 * Windows and sessions are kept in memory, and only what the batch changed is
 * written; what is too old to matter to any rule is left out.
 */
#include "base/clock.h"
#include "base/log.h"
#include "core/private.h"

#include <errno.h>

static int load_window(void *ctx, uint32_t row, uint32_t host, int service,
	const struct prefix *source, const int64_t *times, unsigned n)
{
	struct core *c = ctx;
	struct window_key key = {.host = host, .service = (enum service)service, .source = *source};
	window_restore(c->windows, row, &key, times, n);
	c->windows_cut |= row > window_rows(c->windows);
	return 0;
}

static int load_session(void *ctx, const struct session *session)
{
	struct core *c = ctx;
	session_table_restore(c->sessions, session);
	return 0;
}

static void decide(struct core *c, const struct decision *d)
{
	if (exempt_session(c->exempt, &d->trigger, d->first_attempt)) {
		exempt_refused(c, &d->target, d->service, PROTECT_SESSION);
		return;
	}
	blocks_decide(c, d);
}

static int judged(void *ctx, const struct failure *f, const struct decision *decision)
{
	struct core *c = ctx;
	const struct prefix *source = &f->key.source;
	enum service service = f->key.service;
	int r = tally_add(&c->tally, f->past, service, source, f->attempts);
	if (f->refused != PROTECT_NONE)
		exempt_refused(c, source, service, f->refused);
	else
		(void)blocks_count_failure(c, source, service, f->past, f->attempts);
	if (decision)
		decide(c, decision);
	return r;
}

int pipeline_load(struct core *c)
{
	const struct settings *s = c->settings;
	c->ahead = ahead_free(c->ahead);
	c->detector = detector_free(c->detector);
	c->windows = window_table_free(c->windows);
	c->sessions = session_table_free(c->sessions);
	c->windows = window_table_new(s->tracked_sources, s->tracked_bytes);
	c->sessions = session_table_new(s->tracked_sessions, s->session_idle);
	if (!c->windows || !c->sessions)
		return -ENOMEM;
	c->detector = detector_new(c->windows, c->protect);
	c->ahead = c->detector ? ahead_new(c->detector, AHEAD_MOST, judged, c) : NULL;
	if (!c->ahead)
		return -ENOMEM;
	tally_clear(&c->tally);
	int r = rules_load(c);
	if (r == 0)
		r = store_window_each(c->store, load_window, c);
	if (r == 0)
		r = store_session_each(c->store, load_session, c);
	return r;
}

int pipeline_begin(struct core *c)
{
	return store_begin(c->store);
}

int pipeline_event(struct core *c, const struct event *event)
{
	int64_t now = clock_now();
	c->touched = true;
	if (event->time != EVENT_NO_TIME && event->time <= now)
		c->latest_event = MAX_OF(c->latest_event, event->time);
	int r = event->forgeable ? confirm_event(c, event, now) : 1;
	if (r <= 0)
		return r;
	if (event->outcome != OUTCOME_SUCCESS || !event->has_src)
		return ahead_event(c->ahead, c->host.id, event, now);
	/* who is logged in from where matters to what came before */
	r = ahead_flush(c->ahead);
	(void)ahead_event(c->ahead, c->host.id, event, now);
	exempt_login(c->exempt, event);
	return r;
}

static int store_tally(void *ctx, const struct tally_entry *e)
{
	struct core *c = ctx;
	return store_attempt_add(
		c->store, e->minute * MS_MINUTE, c->host.id, (int)e->service, &e->source, e->n);
}

static int store_window(
	void *ctx, uint32_t row, const struct window_key *key, const int64_t *times, unsigned n)
{
	struct core *c = ctx;
	if (n == 0)
		return store_window_remove(c->store, row);
	return store_window_put(
		c->store, row, key->host, (int)key->service, &key->source, times, n);
}

static int store_session(void *ctx, const struct session *session)
{
	struct core *c = ctx;
	if (c->settings->store_unknown_users)
		return store_session_put(c->store, session);
	/* people type passwords where the user name belongs: its hash is enough to go on with */
	struct session nameless = *session;
	memset(nameless.user, 0, sizeof(nameless.user));
	nameless.user_len = 0;
	return store_session_put(c->store, &nameless);
}

/* Only by a time that all sources have reached: before it nobody's silence means anything. */
static void sweep_sessions(struct core *c)
{
	int64_t latest = MIN_OF(c->latest_event, clock_now());
	if (latest > 0 && sources_horizon(c, latest) == latest)
		session_table_sweep(c->sessions, latest);
}

int64_t pipeline_horizon(const struct core *c)
{
	/* a clock that was ahead once must not make everything since look old */
	int64_t latest = MIN_OF(c->latest_event, clock_now());
	return sources_horizon(c, latest) - detector_span(c->detector);
}

int pipeline_abandon(struct core *c, int error)
{
	(void)ahead_flush(c->ahead); /* what blocks leaves */
	store_rollback(c->store);
	blocks_commit(c, error);
	return error;
}

int pipeline_commit(struct core *c, const char *cursor_name, struct slice cursor)
{
	int64_t before = pipeline_horizon(c);
	int r = ahead_flush(c->ahead);
	if (r < 0)
		return pipeline_abandon(c, r);
	blocks_flush_counts(c);
	sweep_sessions(c);
	(void)tally_drain(&c->tally, store_tally, c);
	if (c->windows_cut)
		(void)store_window_cut(c->store, window_rows(c->windows));
	(void)window_dirty(c->windows, before, store_window, c);
	(void)session_table_dirty(c->sessions, store_session, c);
	(void)store_cursor_put(c->store, cursor_name, cursor);
	r = store_commit(c->store, STORE_REPLAYABLE);
	c->counters.batches++;
	blocks_commit(c, r);
	if (r < 0)
		return r;
	c->windows_cut = false;
	window_sweep(c->windows, before); /* a piece, now that the orders are out */
	return 0;
}
