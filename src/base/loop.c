/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/loop.h"

#include "base/util.h"

#include <errno.h>
#include <event2/event.h>

#define SIGNALS_MAX 8

struct signal_watch {
	struct event *event;
	void (*fn)(void *ctx, int signo);
	void *ctx;
};

struct loop {
	struct event_base *base;
	struct signal_watch signals[SIGNALS_MAX];
	unsigned signal_count;
};

struct watch {
	struct loop *loop;
	struct event *event;
	int fd;
	unsigned what;
	void (*fn)(void *ctx, unsigned ready);
	void *ctx;
};

struct timer {
	struct event *event;
	void (*fn)(void *ctx);
	void *ctx;
};

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));
	struct event_config *config = event_config_new();
	if (l && config) {
		/* no clock call per callback, and timers of 1 ms stay 1 ms */
		(void)event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
		l->base = event_base_new_with_config(config);
	}
	if (config)
		event_config_free(config);
	return l && l->base ? l : loop_free(l);
}

struct loop *loop_free(struct loop *l)
{
	if (!l)
		return NULL;
	for (unsigned i = 0; i < l->signal_count; i++)
		event_free(l->signals[i].event);
	if (l->base)
		event_base_free(l->base);
	free(l);
	return NULL;
}

int loop_run(struct loop *l)
{
	return event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0 ? -EIO : 0;
}

int loop_once(struct loop *l, bool block)
{
	return event_base_loop(l->base, block ? EVLOOP_ONCE : EVLOOP_NONBLOCK) < 0 ? -EIO : 0;
}

void loop_stop(struct loop *l)
{
	(void)event_base_loopbreak(l->base);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	struct watch *w = arg;
	unsigned ready = (what & EV_READ ? WATCH_READ : 0u) | (what & EV_WRITE ? WATCH_WRITE : 0u);
	w->fn(w->ctx, ready);
}

struct watch *watch_new(
	struct loop *l, int fd, unsigned what, void (*fn)(void *ctx, unsigned ready), void *ctx)
{
	struct watch *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	*w = (struct watch){.loop = l, .fd = fd, .fn = fn, .ctx = ctx};
	w->event = event_new(l->base, fd, EV_PERSIST, on_ready, w);
	if (!w->event)
		return watch_free(w);
	watch_set(w, what);
	return w;
}

void watch_set(struct watch *w, unsigned what)
{
	if (what == w->what)
		return;
	(void)event_del(w->event);
	short events = (short)(EV_PERSIST | (what & WATCH_READ ? EV_READ : 0) |
			       (what & WATCH_WRITE ? EV_WRITE : 0));
	(void)event_assign(w->event, w->loop->base, w->fd, events, on_ready, w);
	if (what)
		(void)event_add(w->event, NULL);
	w->what = what;
}

struct watch *watch_free(struct watch *w)
{
	if (!w)
		return NULL;
	if (w->event)
		event_free(w->event);
	free(w);
	return NULL;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	struct timer *t = arg;
	t->fn(t->ctx);
}

struct timer *timer_new(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
	struct timer *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	*t = (struct timer){.fn = fn, .ctx = ctx};
	t->event = evtimer_new(l->base, on_timer, t);
	return t->event ? t : timer_free(t);
}

void timer_set(struct timer *t, int64_t ms)
{
	ms = MAX_OF(ms, 0);
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000) * 1000};
	(void)evtimer_add(t->event, &tv);
}

struct timer *timer_free(struct timer *t)
{
	if (!t)
		return NULL;
	if (t->event)
		event_free(t->event);
	free(t);
	return NULL;
}

static void on_signal(evutil_socket_t signo, short what, void *arg)
{
	(void)what;
	struct signal_watch *s = arg;
	s->fn(s->ctx, signo);
}

int loop_signal(struct loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx)
{
	if (l->signal_count == SIGNALS_MAX)
		return -ENOSPC;
	struct signal_watch *s = &l->signals[l->signal_count];
	*s = (struct signal_watch){.fn = fn, .ctx = ctx};
	s->event = evsignal_new(l->base, signo, on_signal, s);
	if (!s->event || evsignal_add(s->event, NULL) < 0)
		return -ENOMEM;
	l->signal_count++;
	return 0;
}
