/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Notices that somebody set the clock, or that the machine slept. Blocks end by
 * the wall clock, the kernel's elements by a clock that never steps: after a
 * step what is due ends, and the kernel is told the other ends anew.
 *
 * The kernel says so by ending the wait of a timer made for it:
 * timerfd_create(2), TFD_TIMER_CANCEL_ON_SET.
 */
#include "base/clock.h"
#include "base/log.h"
#include "core/private.h"

#include <errno.h>
#include <sys/timerfd.h>

struct clockstep {
	struct core *core;
	struct watch *watch;
	int fd;
};

/* A time that never comes: only its cancellation is of interest. */
static int arm(const struct clockstep *s)
{
	const struct itimerspec never = {.it_value = {.tv_sec = 1 + (time_t)(INT32_MAX)*64}};
	return timerfd_settime(s->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0
		       ? -errno
		       : 0;
}

static void on_ready(void *ctx, unsigned ready)
{
	struct clockstep *s = ctx;
	uint64_t ignored;
	(void)ready;
	if (read(s->fd, &ignored, sizeof(ignored)) >= 0 || errno != ECANCELED)
		return;
	log_info("the clock was set: looking at what has ended");
	(void)arm(s);
	blocks_expire(s->core);
	kernel_sync_soon(s->core, 0);
}

int clockstep_new(struct core *c, struct clockstep **ret)
{
	struct clockstep *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->core = c;
	s->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	int r = s->fd < 0 ? -errno : arm(s);
	if (r == 0) {
		s->watch = watch_new(c->loop, s->fd, WATCH_READ, on_ready, s);
		r = s->watch ? 0 : -ENOMEM;
	}
	if (r < 0) {
		(void)clockstep_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

struct clockstep *clockstep_free(struct clockstep *s)
{
	if (!s)
		return NULL;
	s->watch = watch_free(s->watch);
	closep(&s->fd);
	free(s);
	return NULL;
}
