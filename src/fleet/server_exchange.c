/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An exchange begins when the head of a request is read. Whoever it is from and how large it will
 * be is looked at before any of its body is.
 */
#include "base/clock.h"
#include "fleet/server_private.h"

#include <errno.h>

static struct exchange *exchange_new(struct fleet_server *s, struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *visitor =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const union MHD_ConnectionInfo *peer =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct exchange *x = calloc(1, sizeof(*x));
	uint16_t port;
	if (!x || !visitor || !visitor->socket_context || !peer ||
		!addr_from_sockaddr(peer->client_addr, &x->from, &port)) {
		free(x);
		return NULL;
	}
	x->server = s;
	x->connection = connection;
	x->visitor = visitor->socket_context;
	x->began = clock_mono();
	server_lock(s);
	s->exchanges++;
	server_unlock(s);
	return x;
}

void exchange_end(void *ctx, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode why)
{
	struct fleet_server *s = ctx;
	struct exchange *x = take(*state);
	(void)connection;
	(void)why;
	if (!x)
		return;
	room_leave(x);
	server_lock(s);
	if (--s->exchanges == 0)
		(void)pthread_cond_broadcast(&s->idle);
	server_unlock(s);
	buf_done(&x->body);
	buf_done(&x->answer);
	free(x);
}

void exchange_refuse(struct exchange *x, unsigned status, const char *why)
{
	x->status = status;
	buf_reset(&x->answer);
	protocol_put_error(&x->answer, why);
}

void exchange_resume(struct exchange *x)
{
	if (!x->suspended)
		return;
	x->suspended = false;
	MHD_resume_connection(x->connection);
}

/* --- answers --------------------------------------------------------------------------- */

static void add_headers(const struct exchange *x, struct MHD_Response *r, const char *allow)
{
	if (x->answer.n > 0)
		(void)MHD_add_response_header(r, "Content-Type", "application/json");
	if (x->status == MHD_HTTP_SERVICE_UNAVAILABLE)
		(void)MHD_add_response_header(r, "Retry-After", "1");
	if (allow)
		(void)MHD_add_response_header(r, "Allow", allow);
	/* A stranger has nothing more to ask. */
	if (x->host == 0 || x->server->draining)
		(void)MHD_add_response_header(r, "Connection", "close");
}

static enum MHD_Result answer(struct exchange *x, const char *allow)
{
	if (x->answer.error) {
		buf_done(&x->answer);
		exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, "no memory for the answer");
	}
	buf_done(&x->body);
	room_answer(x);
	struct MHD_Response *r = MHD_create_response_from_buffer(x->answer.n,
		x->answer.p ? x->answer.p : (void *)(intptr_t) "", MHD_RESPMEM_PERSISTENT);
	if (!r)
		return MHD_NO;
	server_lock(x->server);
	add_headers(x, r, allow);
	server_unlock(x->server);
	enum MHD_Result result = MHD_queue_response(x->connection, x->status, r);
	MHD_destroy_response(r);
	return result;
}

/* --- requests -------------------------------------------------------------------------- */

static const char *const refusals[] = {
	[MHD_HTTP_UNAUTHORIZED - 400] = "this certificate is not known here",
	[MHD_HTTP_GONE - 400] = "this machine was dismissed",
};

/* The status of a refusal, or 0. */
static unsigned look_at_length(struct exchange *x)
{
	const char *text = MHD_lookup_connection_value(
		x->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	const char *coding = MHD_lookup_connection_value(
		x->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING);
	if (coding || (!text && x->verb->body_max > 0))
		return MHD_HTTP_LENGTH_REQUIRED;
	errno = 0;
	unsigned long long n = text ? strtoull(text, NULL, 10) : 0;
	if (errno || n > x->verb->body_max)
		return MHD_HTTP_CONTENT_TOO_LARGE;
	x->length = (size_t)n;
	return 0;
}

/* Refuses what can be refused without its body. */
static void begin(struct exchange *x, const char *method, const char *path, const char **ret_allow)
{
	x->verb = verb_find(method, path, ret_allow);
	if (!x->verb) {
		exchange_refuse(x, *ret_allow ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND,
			"there is no such thing here");
		return;
	}
	unsigned status = x->verb->open ? 0 : verb_recognise(x);
	if (status) {
		const char *why = status - 400 < countof(refusals) ? refusals[status - 400] : NULL;
		exchange_refuse(x, status, why ? why : "the store cannot be read");
		return;
	}
	status = look_at_length(x);
	if (status)
		exchange_refuse(x, status, "the body has no length, or is too large");
	else if (!room_enter(x))
		exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, "too much is coming in");
}

/* One piece of the body, which has its time, too. */
static enum MHD_Result take_body(struct exchange *x, const char *data, size_t *size)
{
	if (clock_mono() - x->began > SERVER_BODY_TIME)
		return MHD_NO;
	if (!x->body.p)
		(void)buf_reserve(&x->body, x->length);
	buf_add(&x->body, data, *size);
	*size = 0;
	return x->body.error ? MHD_NO : MHD_YES;
}

enum MHD_Result exchange_handle(void *ctx, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *data, size_t *data_size, void **state)
{
	struct exchange *x = *state;
	const char *allow = NULL;
	(void)version;
	if (!x) {
		*state = x = exchange_new(ctx, connection);
		if (!x)
			return MHD_NO;
		begin(x, method, url, &allow);
		return !x->entering && x->status ? answer(x, allow) : MHD_YES;
	}
	if (x->entering) {
		x->entering = false;
		x->began = clock_mono();
		return x->status ? answer(x, NULL) : MHD_YES;
	}
	if (*data_size > 0)
		return take_body(x, data, data_size);
	/* with a status it was suspended for its work, and that is done */
	return x->status || x->verb->ask(x) ? answer(x, NULL) : MHD_YES;
}
