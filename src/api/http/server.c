/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One MHD daemon a listener, each with its threads. An exchange is one request
 * and its answer; it begins when the request line is read and ends when MHD
 * says so. Path and query are taken from that line as sent: signatures are
 * made over them, and MHD decodes its own copy.
 */
#include "api/http/server.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

/* Request line and headers of one connection; X-Auth-Token alone may have 32 KiB. */
#define HEAD_MEMORY    ((size_t)64 * 1024)
#define DRAIN_TIME     (5 * MS_SECOND)
#define PEER_SHARE     4  /* off this machine: one peer may have so small a part of them */
#define SLOWEST        10 /* a request may take so many timeouts */
#define DROPPED_MOST   16 /* a body is read up to so many times its limit */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct server {
	struct server_options options;
	struct MHD_Daemon *daemons[HTTP_LISTENERS_MAX];
	unsigned n;
	atomic_bool draining;
	pthread_mutex_t lock;
	pthread_cond_t idle;
	unsigned under_way; /* exchanges, under lock */
};

struct exchange {
	char *uri;
	struct buf body;
	int64_t began; /* ms, monotonic */
	uint64_t received;
	bool started, too_large;
};

static void *exchange_begin(void *ctx, const char *uri, struct MHD_Connection *connection)
{
	struct server *s = ctx;
	(void)connection;
	struct exchange *x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->uri = strdup(uri);
	x->began = clock_mono();
	x->body.limit = s->options.body_max;
	(void)pthread_mutex_lock(&s->lock);
	s->under_way++;
	(void)pthread_mutex_unlock(&s->lock);
	return x;
}

static void exchange_end(void *ctx, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode why)
{
	struct server *s = ctx;
	struct exchange *x = take(*state);
	(void)connection;
	(void)why;
	if (!x)
		return;
	free(x->uri);
	buf_done(&x->body);
	free(x);
	(void)pthread_mutex_lock(&s->lock);
	if (--s->under_way == 0)
		(void)pthread_cond_broadcast(&s->idle);
	(void)pthread_mutex_unlock(&s->lock);
}

static enum MHD_Result add_header(void *ctx, enum MHD_ValueKind kind, const char *name,
	size_t name_size, const char *value, size_t value_size)
{
	struct http_request *rq = ctx;
	(void)kind;
	if (rq->header_count == HTTP_HEADERS_MAX) {
		rq->header_count++; /* too many, as the caller sees */
		return MHD_NO;
	}
	rq->headers[rq->header_count++] = (struct http_header){
		{name, name_size}, {value ? value : "", value ? value_size : 0}};
	return MHD_YES;
}

/* False when there are more headers than we take. */
static bool fill_request(struct http_request *rq, const struct exchange *x,
	struct MHD_Connection *connection, const char *method)
{
	const union MHD_ConnectionInfo *peer =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const char *query = strchr(x->uri, '?');
	uint16_t port;
	rq->method = slice_of(method);
	rq->path = query ? slice_between(x->uri, query) : slice_of(x->uri);
	rq->query = query ? slice_of(query + 1) : SLICE("");
	rq->body = x->too_large ? SLICE("") : buf_as_slice(&x->body);
	rq->too_large = x->too_large;
	rq->time = clock_now();
	rq->tls = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_PROTOCOL) != NULL;
	if (!peer || !addr_from_sockaddr(peer->client_addr, &rq->peer, &port))
		return false;
	(void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, add_header, rq);
	return rq->header_count <= HTTP_HEADERS_MAX;
}

static enum MHD_Result send_response(
	struct server *s, struct MHD_Connection *connection, struct http_response *rs)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(rs->body.n, rs->body.p,
		rs->body.p ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
	if (!r) {
		buf_done(&rs->body);
		return MHD_NO;
	}
	if (rs->content_type)
		(void)MHD_add_response_header(r, "Content-Type", rs->content_type);
	for (unsigned i = 0; i < rs->extra_count; i++)
		(void)MHD_add_response_header(r, rs->extra[i].name, rs->extra[i].value);
	if (atomic_load(&s->draining))
		(void)MHD_add_response_header(r, "Connection", "close");
	enum MHD_Result result = MHD_queue_response(connection, rs->status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result answer(struct server *s, struct MHD_Connection *connection,
	const struct exchange *x, const char *method)
{
	struct http_request rq;
	struct http_response rs = {.status = MHD_HTTP_INTERNAL_SERVER_ERROR};
	memset(&rq, 0, offsetof(struct http_request, headers));
	rq.header_count = 0;
	if (!fill_request(&rq, x, connection, method))
		rs.status = MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
	else
		s->options.handle(s->options.ctx, &rq, &rs);
	if (rs.body.error) {
		buf_done(&rs.body);
		rs = (struct http_response){.status = MHD_HTTP_INTERNAL_SERVER_ERROR};
	}
	return send_response(s, connection, &rs);
}

/* The declared length; SIZE_MAX for one that no body may have, 0 when none is declared. */
static size_t declared_length(struct MHD_Connection *connection)
{
	const char *text =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
	if (!text)
		return 0;
	errno = 0;
	unsigned long long n = strtoull(text, NULL, 10);
	return errno ? SIZE_MAX : (size_t)n;
}

/*
 * One piece of a body. A chunked one shows its size only as it comes: what is
 * over the limit is dropped and the rest read, so that the client gets our
 * answer; but not for ever.
 */
static enum MHD_Result take_body(
	const struct server *s, struct exchange *x, const char *data, size_t *size)
{
	x->received += *size;
	if (x->received / DROPPED_MOST > s->options.body_max ||
		clock_mono() - x->began > SLOWEST * s->options.timeout)
		return MHD_NO;
	if (!x->too_large)
		buf_add(&x->body, data, *size);
	*size = 0;
	x->too_large = x->body.error == -EMSGSIZE;
	return x->body.error == -ENOMEM ? MHD_NO : MHD_YES;
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *data_size, void **state)
{
	struct server *s = ctx;
	struct exchange *x = *state;
	(void)url;
	(void)version;
	if (!x || !x->uri)
		return MHD_NO;
	if (!x->started) {
		x->started = true;
		x->too_large = declared_length(connection) > s->options.body_max;
		return x->too_large ? answer(s, connection, x, method) : MHD_YES;
	}
	if (*data_size > 0)
		return take_body(s, x, data, data_size);
	return answer(s, connection, x, method);
}

/* TLS with poll(): with epoll libmicrohttpd (0.9.75) spins while a handshake waits for its peer, so
   that one byte from anybody would keep a worker busy. */
static struct MHD_Daemon *start_daemon(
	struct server *s, const struct server_listener *l, int fd, const struct server_options *o)
{
	const unsigned flags = MHD_USE_ITC | (l->key ? MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_TLS
						     : MHD_USE_EPOLL_INTERNAL_THREAD);
	struct MHD_OptionItem options[] = {
		{MHD_OPTION_LISTEN_SOCKET, fd, NULL},
		{MHD_OPTION_CONNECTION_LIMIT, (intptr_t)MAX_OF(o->connections, o->workers), NULL},
		{MHD_OPTION_CONNECTION_MEMORY_LIMIT, (intptr_t)HEAD_MEMORY, NULL},
		{MHD_OPTION_CONNECTION_TIMEOUT,
			(intptr_t)((o->timeout + MS_SECOND - 1) / MS_SECOND), NULL},
		{MHD_OPTION_THREAD_POOL_SIZE, (intptr_t)(o->workers > 1 ? o->workers : 0), NULL},
		{MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
		{MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)exchange_begin, s},
		{MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)exchange_end, s},
		{l->key ? MHD_OPTION_HTTPS_PRIORITIES : MHD_OPTION_END, 0, (void *)TLS_PRIORITIES},
		{MHD_OPTION_PER_IP_CONNECTION_LIMIT,
			(intptr_t)MAX_OF(o->connections / PEER_SHARE, 8u), NULL},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(intptr_t)l->key},
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(intptr_t)l->certificate},
		{MHD_OPTION_END, 0, NULL},
	};
	return MHD_start_daemon(
		flags, 0, NULL, NULL, handle, s, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

/* Gives MHD its own copy of the descriptor: what it does with one on failure varies. */
static int start_listener(struct server *s, const struct server_listener *l, struct err *err)
{
	int fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return err_set(err, -errno, "cannot use a listening socket: %s", strerror(errno));
	errno = 0;
	struct MHD_Daemon *d = start_daemon(s, l, fd, &s->options);
	if (!d)
		return err_set(err, errno ? -errno : -EINVAL,
			l->key ? "cannot serve HTTPS; are certificate and key PEM, and a pair?"
			       : "cannot serve HTTP");
	s->daemons[s->n++] = d;
	return 0;
}

/* The threads MHD starts inherit this mask: signals are the main thread's. */
static void block_signals(sigset_t *ret_old)
{
	sigset_t all;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, ret_old);
}

static void close_all(const struct server_listener *listeners, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)close(listeners[i].fd);
}

static struct server *server_new(const struct server_options *options)
{
	struct server *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->options = *options;
	(void)pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_t monotonic;
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->idle, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	return s;
}

int http_server_start(const struct server_options *options, const struct server_listener *listeners,
	unsigned n, struct server **ret, struct err *err)
{
	struct server *s = server_new(options);
	sigset_t old;
	int r = s ? 0 : err_set(err, -ENOMEM, "no memory for the HTTP server");
	block_signals(&old);
	if (r == 0 && n > HTTP_LISTENERS_MAX)
		r = err_set(err, -E2BIG, "more than %d listeners", HTTP_LISTENERS_MAX);
	for (unsigned i = 0; r == 0 && i < n; i++)
		r = start_listener(s, &listeners[i], err);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	close_all(listeners, n);
	if (r < 0) {
		(void)http_server_stop(s);
		return r;
	}
	*ret = s;
	return 0;
}

static void drain(struct server *s)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += DRAIN_TIME / MS_SECOND;
	(void)pthread_mutex_lock(&s->lock);
	while (s->under_way > 0)
		if (pthread_cond_timedwait(&s->idle, &s->lock, &until) == ETIMEDOUT)
			break;
	(void)pthread_mutex_unlock(&s->lock);
}

struct server *http_server_stop(struct server *s)
{
	if (!s)
		return NULL;
	atomic_store(&s->draining, true);
	const unsigned n = s->n;
	int fds[HTTP_LISTENERS_MAX];
	for (unsigned i = 0; i < n; i++)
		fds[i] = MHD_quiesce_daemon(s->daemons[i]);
	drain(s);
	for (unsigned i = 0; i < n; i++) {
		MHD_stop_daemon(s->daemons[i]);
		closep(&fds[i]);
	}
	(void)pthread_cond_destroy(&s->idle);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}
