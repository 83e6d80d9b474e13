/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fleet/server.h"

#include "base/clock.h"
#include "base/log.h"
#include "fleet/server_private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
#define HEAD_MEMORY    ((size_t)6 * 1024) /* a connection; our agents' heads have 300 bytes */
#define DRAIN_TIME     (2 * MS_SECOND)
#define OTHER_FILES    512 /* descriptors that others in this process need */

static void close_reader(void *reader)
{
	(void)core_reader_close(reader);
}

struct core_reader *server_reader(struct fleet_server *s)
{
	struct core_reader *reader = pthread_getspecific(s->reader);
	struct err err = {""};
	if (reader)
		return reader;
	if (core_reader_open(s->core, &reader, &err) != 0) {
		log_error("fleet: cannot read the store for an agent: %s", err.text);
		return NULL;
	}
	if (pthread_setspecific(s->reader, reader) != 0)
		reader = core_reader_close(reader);
	return reader;
}

/* Ends waits and sends strangers away; sleeps while nobody is there. */
static void *keep_time(void *ctx)
{
	struct fleet_server *s = ctx;
	struct timespec at;
	server_lock(s);
	while (!s->ended) {
		if (!s->held.first && !s->room.first && !s->visitors.strangers.first) {
			(void)pthread_cond_wait(&s->tick, &s->lock);
			continue;
		}
		server_unlock(s);
		int64_t ms = clock_mono() + HELD_TICK;
		at = (struct timespec){ms / MS_SECOND, ms % MS_SECOND * 1000000};
		(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		server_lock(s);
		held_tick(s, clock_mono());
		room_tick(s, clock_mono());
		visitors_tick(s, clock_mono());
	}
	server_unlock(s);
	return NULL;
}

/* A connection is a descriptor, and often only 1,024 are given. */
static void raise_files(void)
{
	const rlim_t wanted = SERVER_CONNECTIONS + OTHER_FILES;
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur >= wanted)
		return;
	files.rlim_cur = MIN_OF(wanted, files.rlim_max);
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur < wanted)
		log_warning("fleet: no more than %llu descriptors are given: so many agents fit",
			(unsigned long long)files.rlim_cur);
}

/* With poll(), not epoll: there libmicrohttpd (0.9.75) spins while a handshake waits for its peer,
   so that one byte from anybody would keep a worker busy. Those that are held are not polled. */
static struct MHD_Daemon *start_daemon(struct fleet_server *s, int fd, unsigned workers)
{
	const unsigned flags =
		MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME;
	const struct credential *c = s->credential;
	struct MHD_OptionItem options[] = {
		{MHD_OPTION_LISTEN_SOCKET, fd, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, SERVER_CONNECTIONS, NULL},
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEAD_MEMORY, NULL},
		{MHD_OPTION_CONNECTION_TIMEOUT, SERVER_IDLE, NULL},
		{MHD_OPTION_THREAD_POOL_SIZE, workers > 1 ? workers : 0, NULL},
		{MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)exchange_end, s},
		{MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)visitors_notify, s},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(intptr_t)TLS_PRIORITIES},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(intptr_t)c->key},
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(intptr_t)c->certificate},
		/* makes it ask for a client's certificate */
		{MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)(intptr_t)c->certificate},
		{MHD_OPTION_END, 0, NULL},
	};
	return MHD_start_daemon(flags, 0, NULL, NULL, exchange_handle, s, MHD_OPTION_ARRAY, options,
		MHD_OPTION_END);
}

/* Gives libmicrohttpd its own copy of the descriptor: what it does with one on failure varies. */
static int start_http(struct fleet_server *s, int listener, unsigned workers, struct err *err)
{
	int fd = fcntl(listener, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return err_set(err, -errno, "cannot use a listening socket: %s", strerror(errno));
	errno = 0;
	s->daemon = start_daemon(s, fd, workers);
	if (!s->daemon)
		return err_set(err, errno ? -errno : -EINVAL, "cannot serve agents");
	return 0;
}

/* All threads inherit this mask: signals are the main thread's. */
static int start_threads(struct fleet_server *s, int listener, unsigned workers, struct err *err)
{
	sigset_t all, old;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	int r = work_start(s);
	if (r == 0)
		r = -pthread_create(&s->clock, NULL, keep_time, s);
	s->has_clock = r == 0;
	if (r < 0)
		(void)err_set(err, r, "no threads for agents: %s", strerror(-r));
	else
		r = start_http(s, listener, workers, err);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

static struct fleet_server *server_make(struct core *core, const struct credential *credential)
{
	pthread_condattr_t monotonic;
	struct fleet_server *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	if (pthread_key_create(&s->reader, close_reader) != 0) {
		free(s);
		return NULL;
	}
	s->core = core;
	s->credential = credential;
	s->work.last = &s->work.first;
	s->room.last = &s->room.first;
	hash_key_draw(&s->visitors.key);
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_mutex_init(&s->work.large, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->idle, &monotonic);
	(void)pthread_cond_init(&s->tick, &monotonic);
	(void)pthread_cond_init(&s->work.some, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	return s;
}

int fleet_server_new(struct core *core, const struct credential *credential, int listener,
	unsigned workers, struct fleet_server **ret, struct err *err)
{
	struct fleet_server *s = server_make(core, credential);
	int r = s ? 0 : err_set(err, -ENOMEM, "no memory for a server of agents");
	raise_files();
	if (r == 0)
		r = start_threads(s, listener, workers, err);
	(void)close(listener);
	if (r < 0) {
		(void)fleet_server_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void fleet_server_wished(struct fleet_server *s, const uint32_t *hosts, size_t n)
{
	server_lock(s);
	if (!hosts)
		held_wake_all(s);
	for (size_t i = 0; hosts && i < n; i++)
		held_wake_host(s, hosts[i]);
	server_unlock(s);
}

/* Nobody is held any more; who is being answered gets a moment. */
static void drain(struct fleet_server *s)
{
	int64_t end = clock_mono() + DRAIN_TIME;
	const struct timespec until = {end / MS_SECOND, end % MS_SECOND * 1000000};
	int r = 0;
	server_lock(s);
	s->draining = true;
	held_wake_all(s);
	room_tick(s, clock_mono());
	while (s->exchanges > 0 && r == 0)
		r = pthread_cond_timedwait(&s->idle, &s->lock, &until);
	server_unlock(s);
}

static void stop_clock(struct fleet_server *s)
{
	server_lock(s);
	s->ended = true;
	(void)pthread_cond_broadcast(&s->tick);
	server_unlock(s);
	if (s->has_clock)
		(void)pthread_join(s->clock, NULL);
}

struct fleet_server *fleet_server_free(struct fleet_server *s)
{
	if (!s)
		return NULL;
	int listener = s->daemon ? MHD_quiesce_daemon(s->daemon) : -1;
	if (s->daemon)
		drain(s);
	/* nothing is suspended any more after this: so libmicrohttpd wants it */
	work_end(s);
	stop_clock(s);
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	closep(&listener); /* not before: its workers may still be about to look at it */
	(void)pthread_key_delete(s->reader);
	(void)pthread_cond_destroy(&s->work.some);
	(void)pthread_cond_destroy(&s->tick);
	(void)pthread_cond_destroy(&s->idle);
	(void)pthread_mutex_destroy(&s->work.large);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}
