/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations from other threads, run on the loop's thread: the caller waits
 * until its function has returned. On the loop's thread itself it is a call.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>

struct core;
struct loop;
struct watch;
struct call;

struct call_queue {
	pthread_mutex_t lock;
	struct call *first, **last;
	pthread_t thread;
	struct watch *wake;
	int wake_fd;
	bool closed;
};

int call_queue_init(struct core *c, struct loop *loop);
/* Runs what waits; later calls are answered -ESHUTDOWN. */
void call_queue_close(struct core *c);
/* When no other thread can call any more. */
void call_queue_done(struct core *c);
/* fn's result, or -ESHUTDOWN. */
int core_call(struct core *c, int (*fn)(struct core *c, void *arg), void *arg);
