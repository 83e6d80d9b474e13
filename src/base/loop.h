/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The event loop of one thread: descriptors, timers, signals. A thin dress
 * over libevent, which stays inside loop.c.
 *
 * Watches and timers may be freed from within any callback, their own too.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct watch;
struct timer;

enum { WATCH_READ = 1, WATCH_WRITE = 2 };

struct loop *loop_new(void);
struct loop *loop_free(struct loop *l); /* NULL allowed; returns NULL */
/* Runs until loop_stop(). 0 or -errno. */
int loop_run(struct loop *l);
/* Handles what is ready now (block: waits for one thing first). 0 or -errno. */
int loop_once(struct loop *l, bool block);
void loop_stop(struct loop *l);

/* fn is called while fd is ready for what; what 0 pauses. NULL: no memory. */
struct watch *watch_new(
	struct loop *l, int fd, unsigned what, void (*fn)(void *ctx, unsigned ready), void *ctx);
void watch_set(struct watch *w, unsigned what);
struct watch *watch_free(struct watch *w); /* NULL allowed; does not close fd; returns NULL */

/* Fires once, ms from now, each time it is set; 0 fires on the next turn of the loop. */
struct timer *timer_new(struct loop *l, void (*fn)(void *ctx), void *ctx);
void timer_set(struct timer *t, int64_t ms);
struct timer *timer_free(struct timer *t);

/* A signal as an event; lasts as long as the loop. 0 or -errno. */
int loop_signal(struct loop *l, int signo, void (*fn)(void *ctx, int signo), void *ctx);
