/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Server, guard and router put together. Each thread that answers keeps one
 * core_reader for as long as it lives.
 */
#include "api/api.h"

#include "api/call.h"
#include "api/guard.h"
#include "api/http/server.h"
#include "api/router.h"
#include "base/log.h"
#include "model/settings.h"

#include <errno.h>
#include <pthread.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>

struct api {
	struct core *core;
	struct guard *guard;
	struct server *server;
	pthread_key_t reader; /* struct core_reader * of the thread */
};

static void close_reader(void *reader)
{
	(void)core_reader_close(reader);
}

int api_new(struct core *core, struct api **ret, struct err *err)
{
	const struct settings *s = core_settings(core);
	struct guard_limits limits = {
		.nonces_per_key = s->nonces_per_key,
		.rate = s->rate_limit,
		.lockout_failures = s->lockout_failures,
		.lockout_time = s->lockout_time,
	};
	_cleanup_(freep) struct api *a = calloc(1, sizeof(*a));
	if (!a)
		return err_set(err, -ENOMEM, "no memory for the API");
	a->core = core;
	int r = -pthread_key_create(&a->reader, close_reader);
	if (r < 0)
		return err_set(err, r, "no thread-local storage for the API");
	r = guard_new(&limits, &a->guard);
	if (r < 0) {
		(void)pthread_key_delete(a->reader);
		return err_set(err, r, "no memory for the API");
	}
	*ret = take(a);
	return 0;
}

static void handle(void *ctx, const struct http_request *request, struct http_response *response)
{
	api_handle(ctx, request, response);
}

int api_start(struct api *a, const struct api_listener *listeners, unsigned n, struct err *err)
{
	const struct settings *s = core_settings(a->core);
	struct server_listener list[HTTP_LISTENERS_MAX];
	struct server_options options = {
		.workers = s->http_workers,
		.connections = s->http_connections,
		.body_max = s->http_body_max,
		.timeout = s->http_timeout,
		.handle = handle,
		.ctx = a,
	};
	if (n > countof(list))
		return err_set(err, -E2BIG, "more than %zu listeners", countof(list));
	for (unsigned i = 0; i < n; i++)
		list[i] = (struct server_listener){
			listeners[i].fd, listeners[i].certificate, listeners[i].key};
	return http_server_start(&options, list, n, &a->server, err);
}

struct api *api_free(struct api *a)
{
	if (!a)
		return NULL;
	a->server = http_server_stop(a->server);
	api_thread_end(a);
	(void)pthread_key_delete(a->reader);
	a->guard = guard_free(a->guard);
	free(a);
	return NULL;
}

void api_thread_end(struct api *a)
{
	struct core_reader *reader = pthread_getspecific(a->reader);
	(void)pthread_setspecific(a->reader, NULL);
	if (reader)
		close_reader(reader);
}

/* NULL, logged, when none can be had; the next call tries again. */
static struct core_reader *thread_reader(struct api *a)
{
	struct core_reader *reader = pthread_getspecific(a->reader);
	struct err err = {0};
	if (reader)
		return reader;
	if (core_reader_open(a->core, &reader, &err) != 0) {
		log_error("cannot read the store for an API call: %s", err.text);
		return NULL;
	}
	if (pthread_setspecific(a->reader, reader) != 0)
		reader = core_reader_close(reader);
	return reader;
}

/* An upper-case random UUID (RFC 9562, version 4). */
static void draw_id(char ret[static CALL_ID_MAX])
{
	uint8_t b[16];
	randombytes_buf(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	(void)snprintf(ret, CALL_ID_MAX,
		"%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X", b[0], b[1],
		b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		b[15]);
}

void api_handle(struct api *a, const struct http_request *request, struct http_response *response)
{
	struct call c = {
		.core = a->core,
		.reader = thread_reader(a),
		.guard = a->guard,
		.settings = core_settings(a->core),
		.request = request,
		.response = response,
	};
	draw_id(c.id);
	router_handle(&c);
	form_done(&c.form);
}

void call_json(struct call *c, unsigned status, struct json *ret)
{
	c->response->status = status;
	c->response->content_type = "application/json;charset=utf-8";
	buf_reset(&c->response->body);
	json_start(ret, &c->response->body);
	json_begin_object(ret);
}

bool call_int(struct slice text, int64_t *ret)
{
	bool negative = text.n && text.p[0] == '-';
	int64_t value = 0;
	if (negative)
		text = slice_skip(text, 1);
	if (text.n == 0)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		int digit = text.p[i] - '0';
		if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, digit, &value))
			return false;
	}
	*ret = negative ? -value : value;
	return true;
}

void call_fault(const struct call *c, const char *doing, int error)
{
	log_error("API call %s failed %s: %s", c->id, doing, strerror(error < 0 ? -error : error));
}
