/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/call.h"

#include "base/loop.h"
#include "core/private.h"

#include <errno.h>
#include <sys/eventfd.h>

struct call {
	int (*fn)(struct core *c, void *arg);
	void *arg;
	int result;
	bool done;
	pthread_cond_t is_done; /* each its own: many wait, and who waits on is not to be woken */
	struct call *next;
};

static struct call *pop(struct call_queue *q)
{
	struct call *first = q->first;
	if (first) {
		q->first = first->next;
		if (!q->first)
			q->last = &q->first;
	}
	return first;
}

static void run_waiting(struct core *c)
{
	struct call_queue *q = &c->calls;
	pthread_mutex_lock(&q->lock);
	for (struct call *call; (call = pop(q));) {
		pthread_mutex_unlock(&q->lock);
		int result = call->fn(c, call->arg);
		pthread_mutex_lock(&q->lock);
		call->result = result;
		call->done = true;
		pthread_cond_signal(&call->is_done);
	}
	pthread_mutex_unlock(&q->lock);
}

static void on_wake(void *ctx, unsigned ready)
{
	(void)ready;
	struct core *c = ctx;
	uint64_t n;
	(void)!read(c->calls.wake_fd, &n, sizeof(n));
	run_waiting(c);
}

int call_queue_init(struct core *c, struct loop *loop)
{
	struct call_queue *q = &c->calls;
	pthread_mutex_init(&q->lock, NULL);
	q->last = &q->first;
	q->thread = pthread_self();
	q->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->wake_fd < 0)
		return -errno;
	q->wake = watch_new(loop, q->wake_fd, WATCH_READ, on_wake, c);
	return q->wake ? 0 : -ENOMEM;
}

void call_queue_close(struct core *c)
{
	struct call_queue *q = &c->calls;
	if (!q->wake)
		return;
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_mutex_unlock(&q->lock);
	run_waiting(c);
}

void call_queue_done(struct core *c)
{
	struct call_queue *q = &c->calls;
	if (!q->last)
		return;
	q->wake = watch_free(q->wake);
	closep(&q->wake_fd);
	pthread_mutex_destroy(&q->lock);
	q->last = NULL;
}

int core_call(struct core *c, int (*fn)(struct core *c, void *arg), void *arg)
{
	struct call_queue *q = &c->calls;
	if (pthread_equal(pthread_self(), q->thread))
		return fn(c, arg);

	struct call call = {.fn = fn, .arg = arg, .is_done = PTHREAD_COND_INITIALIZER};
	pthread_mutex_lock(&q->lock);
	if (q->closed) {
		pthread_mutex_unlock(&q->lock);
		return -ESHUTDOWN;
	}
	*q->last = &call;
	q->last = &call.next;
	uint64_t one = 1;
	(void)!write(q->wake_fd, &one, sizeof(one));
	while (!call.done)
		pthread_cond_wait(&call.is_done, &q->lock);
	pthread_mutex_unlock(&q->lock);
	pthread_cond_destroy(&call.is_done);
	return call.result;
}
