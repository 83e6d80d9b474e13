/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The kernel's side of core: what leaves for the enforcer and what comes back.
 *
 * Start-up, reload, drift and recovery are one call: enforce_sync() with all
 * that is wanted. Answers are queued while the enforcer's socket is read, and stored by answers.c.
 */
#include "base/clock.h"
#include "base/log.h"
#include "core/private.h"

#include <errno.h>

#define SYNC_RETRY_MAX (60 * MS_SECOND)
#define REMOVE_RETRY   (5 * MS_SECOND)
#define DRIFT_DELAY    20  /* ms: changes by others come in bursts */
#define AT_ONCE        512 /* orders: more than that are a list, see backlog.c */

void kernel_poll(struct core *c)
{
	if (c->enforce_watch)
		watch_set(c->enforce_watch,
			WATCH_READ | (enforce_wants_write(c->enforce) ? WATCH_WRITE : 0u));
}

int kernel_order(struct core *c, const struct enforce_order *orders, size_t n)
{
	c->counters.ordered += n;
	int r = enforce_submit(c->enforce, orders, n);
	if (r == 0 && !enforce_observes(c->enforce))
		c->under_way += n;
	return r;
}

void kernel_submit(struct core *c, const struct enforce_order *orders, size_t n)
{
	if (kernel_order(c, orders, n) < 0)
		kernel_sync_soon(c, MS_SECOND);
	if (c->enforce_watch)
		kernel_poll(c);
	else
		answers_store(c); /* observe mode has answered already */
}

void kernel_submit_stored(struct core *c, const struct enforce_order *orders, size_t n)
{
	if (n <= AT_ONCE || enforce_observes(c->enforce)) {
		kernel_submit(c, orders, n);
		return;
	}
	if (backlog_add(c, orders, n) < 0 || backlog_send(c) < 0)
		kernel_sync_soon(c, MS_SECOND);
	kernel_poll(c);
}

static void remember_answer(struct core *c, const struct answer *answer)
{
	if (answers_add(c, answer) < 0)
		kernel_sync_soon(c, MS_SECOND);
}

/* Remembers what changes a record. */
static void on_answer(void *ctx, const struct enforce_order *order, int error)
{
	struct core *c = ctx;
	bool observes = enforce_observes(c->enforce);
	c->counters.answered++;
	c->under_way -= c->under_way > 0; /* a comparison answers, too, what it was refused */
	if (error < 0 && !observes && !(order->remove && error == -ENOENT)) {
		c->counters.answer_errors++;
		if (order->remove) /* what was lifted must not stay: the comparison takes it out */
			kernel_sync_soon(c, MAX_OF(c->sync_backoff, REMOVE_RETRY));
	}
	if (order->element.list == ENFORCE_ALLOW)
		return;
	struct element *el =
		elements_find(&c->elements, order->element.list, &order->element.target);
	bool changes = el && answers_wait(c); /* those may change it before */
	for (struct member *m = el ? &el->first : NULL; m; m = m->next) {
		m->in_sync = false; /* this answer is its word, not the comparison's */
		changes |= answers_state(c, m, order->remove, error) != m->state;
	}
	if (changes)
		remember_answer(c, &(struct answer){.target = el->target,
					   .list = el->list,
					   .removed = order->remove,
					   .error = error});
}

static void on_drift(void *ctx)
{
	struct core *c = ctx;
	c->counters.drifts++;
	c->counters.last_drift = clock_now();
	log_warning("table %s was changed by someone else: comparing and repairing",
		c->settings->nft_table);
	kernel_sync_soon(c, DRIFT_DELAY);
}

struct wanted {
	struct enforce *enforce;
	int64_t now;
};

static int wanted_element(void *ctx, struct element *el)
{
	const struct wanted *w = ctx;
	struct enforce_element e;
	for (struct member *m = &el->first; m; m = m->next)
		m->in_sync = true;
	if (element_wanted(el, &e) && e.expires > w->now)
		enforce_sync_add(w->enforce, &e);
	return 0;
}

static void wanted_allowed(struct wanted *w, const struct prefix *target)
{
	const struct enforce_element e = {
		.target = *target, .list = ENFORCE_ALLOW, .expires = ENFORCE_FOREVER};
	enforce_sync_add(w->enforce, &e);
}

static int wanted_stored(void *ctx, const struct allow_entry *entry)
{
	wanted_allowed(ctx, &entry->prefix);
	return 0;
}

static int wanted_allow(struct core *c, struct wanted *w)
{
	for (unsigned i = 0; i < c->settings->allow_count; i++)
		wanted_allowed(w, &c->settings->allow[i]);
	for (unsigned i = 0; i < c->server_count; i++)
		wanted_allowed(w, &c->server[i]);
	return store_allow_each(c->store, c->account.id, wanted_stored, w);
}

static void sync_now(void *ctx)
{
	struct core *c = ctx;
	if (c->syncing) {
		c->sync_again = true;
		return;
	}
	if (answers_wait(c)) { /* they are older than what it will say */
		kernel_sync_soon(c, DRIFT_DELAY);
		return;
	}
	struct wanted w = {c->enforce, clock_now()};
	enforce_sync_begin(c->enforce);
	int r = wanted_allow(c, &w);
	if (r == 0) {
		c->syncing = true;
		(void)elements_each(&c->elements, wanted_element, &w);
		r = enforce_sync_end(c->enforce);
	}
	if (r < 0) {
		c->syncing = false;
		kernel_sync_soon(c, MS_SECOND);
		return;
	}
	if (c->enforce_watch)
		kernel_poll(c);
	else
		answers_store(c);
}

void kernel_sync_soon(struct core *c, int64_t delay_ms)
{
	if (c->sync_timer)
		timer_set(c->sync_timer, delay_ms);
}

void kernel_catch_up(struct core *c)
{
	/* not before what blocks without being stored has been read again: it would be taken out */
	if (!c->out_of_step || sources_wait(c))
		return;
	c->out_of_step = false;
	kernel_sync_soon(c, c->store_retry);
}

/*
 * After a sync the kernel holds what was wanted, but for what was answered otherwise, and
 * nothing else. In observe mode all was answered; only what was lifted has still to be.
 */
static int note_synced(void *ctx, struct element *el)
{
	struct core *c = ctx;
	bool observes = enforce_observes(c->enforce);
	struct enforce_element e;
	bool removed = !element_wanted(el, &e);
	bool changes = false;
	for (struct member *m = &el->first; m; m = m->next) {
		enum block_state after = answers_state(c, m, removed, 0);
		if (after == BLOCK_APPLIED && (observes || m->expires <= clock_now()))
			m->in_sync = false;
		changes |= m->in_sync && after != m->state;
	}
	if (changes)
		remember_answer(c, &(struct answer){.target = el->target,
					   .list = el->list,
					   .removed = removed,
					   .compared = true});
	return 0;
}

static void on_synced(void *ctx, const struct enforce_sync_result *result)
{
	struct core *c = ctx;
	c->syncing = false;
	c->counters.syncs++;
	if (c->sync_again) {
		c->sync_again = false;
		kernel_sync_soon(c, DRIFT_DELAY);
	}
	bool observes = enforce_observes(c->enforce);
	if (result->error < 0 && !observes) {
		c->sync_backoff = MIN_OF(MAX_OF(c->sync_backoff * 2, MS_SECOND), SYNC_RETRY_MAX);
		log_error("the kernel's table could not be brought in line: %s; again in %lld s",
			strerror(-result->error), (long long)(c->sync_backoff / MS_SECOND));
		kernel_sync_soon(c, c->sync_backoff);
		return;
	}
	c->sync_backoff = 0;
	c->counters.last_sync = clock_now();
	(void)elements_each(&c->elements, note_synced, c);
	if (!observes && (result->added || result->removed || result->changed || !c->synced_once))
		log_info("kernel in line: %u added, %u removed, %u changed, %u as they were",
			result->added, result->removed, result->changed, result->kept);
	if (!c->synced_once) {
		c->synced_once = true;
		timer_set(c->ready_timer, 0);
	}
}

static void on_hits(void *ctx, const struct enforce_hit *hits, size_t n)
{
	struct core *c = ctx;
	hits_take(c, hits, n);
}

static void on_gone(void *ctx)
{
	struct core *c = ctx;
	if (!c->stopping && c->ops->failed)
		c->ops->failed(c->ops->ctx, "the enforcer is gone");
}

static void on_ready(void *ctx, unsigned ready)
{
	struct core *c = ctx;
	(void)ready;
	int r = enforce_dispatch(c->enforce);
	if (r == 0 && backlog_send(c) < 0)
		kernel_sync_soon(c, MS_SECOND);
	if (!backlog_waits(c)) /* the kernel comes before the record of what it said */
		answers_store(c);
	if (r < 0)
		on_gone(c);
	else
		kernel_poll(c);
}

static void on_kept(void *ctx)
{
	on_ready(ctx, 0);
}

int kernel_answered(struct core *c, enum enforce_served service, const struct prefix *who)
{
	int r = enforce_answered(c->enforce, service, who);
	if (enforce_has_kept(c->enforce))
		timer_set(c->kept_timer, 0);
	kernel_poll(c);
	return r;
}

int kernel_start(struct core *c, int socket)
{
	const struct enforce_events events = {.answer = on_answer,
		.drift = on_drift,
		.synced = on_synced,
		.hits = on_hits,
		.gone = on_gone,
		.ctx = c};
	int r = enforce_new(socket, &events, &c->enforce);
	if (r < 0)
		return r;
	c->sync_timer = timer_new(c->loop, sync_now, c);
	c->kept_timer = timer_new(c->loop, on_kept, c);
	if (!c->sync_timer || !c->kept_timer)
		return -ENOMEM;
	int fd = enforce_fd(c->enforce);
	if (fd >= 0) {
		c->enforce_watch = watch_new(c->loop, fd, WATCH_READ, on_ready, c);
		if (!c->enforce_watch)
			return -ENOMEM;
	}
	return 0;
}

void kernel_stop(struct core *c)
{
	c->enforce_watch = watch_free(c->enforce_watch);
	c->sync_timer = timer_free(c->sync_timer);
	c->kept_timer = timer_free(c->kept_timer);
	c->enforce = enforce_free(c->enforce);
}
