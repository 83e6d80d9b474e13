/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ear.h"

#include "base/buf.h"

#include <arpa/inet.h>
#include <assert.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <setjmp.h>

#include <cmocka.h>

void ear_setup(struct ear *e)
{
	struct err err;
	*e = (struct ear){.dir = "/tmp/cordon-ear-XXXXXX"};
	assert_non_null(mkdtemp(e->dir));
	assert_int_equal(credential_of_server(e->dir, &e->credential, &err), 0);
	assert_int_equal(credential_pin(e->credential.certificate, e->pin, &err), 0);
	assert_int_equal(pthread_mutex_init(&e->lock, NULL), 0);
}

void ear_teardown(struct ear *e)
{
	char command[128];
	ear_close(e);
	credential_done(&e->credential);
	for (unsigned i = 0; i < e->n; i++)
		free(e->asked[i].body);
	(void)pthread_mutex_destroy(&e->lock);
	(void)snprintf(command, sizeof(command), "rm -rf %s", e->dir);
	assert_int_equal(system(command), 0);
}

static struct ear_asked keep(struct ear *e, struct MHD_Connection *connection, const char *method,
	const char *path, char *body)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	const char *after = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "after");
	struct ear_asked asked = {.body = body};
	(void)snprintf(asked.method, sizeof(asked.method), "%s", method);
	(void)snprintf(asked.path, sizeof(asked.path), "%s%s%s", path, after ? "?after=" : "",
		after ? after : "");
	struct credential_shown shown = {0};
	if (credential_peer(info->tls_session, &shown) == 0)
		memcpy(asked.who, shown.fingerprint, sizeof(asked.who));
	(void)pthread_mutex_lock(&e->lock);
	assert(e->n < EAR_ASKED_MAX);
	e->asked[e->n++] = asked;
	(void)pthread_mutex_unlock(&e->lock);
	return asked;
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *data, size_t *size, void **state)
{
	struct ear *e = ctx;
	struct buf *body = *state;
	(void)version;
	if (!body) {
		*state = calloc(1, sizeof(struct buf));
		return MHD_YES;
	}
	if (*size > 0) {
		buf_add(body, data, *size);
		*size = 0;
		return MHD_YES;
	}
	struct ear_asked asked = keep(e, connection, method, path, body->p);
	free(take(*state));
	struct ear_answer answer = e->answer(e->ctx, &asked);
	struct MHD_Response *r =
		MHD_create_response_from_buffer(answer.body ? strlen(answer.body) : 0,
			(void *)(uintptr_t)(answer.body ? answer.body : ""), MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result = MHD_queue_response(connection, answer.status, r);
	MHD_destroy_response(r);
	return result;
}

void ear_open(struct ear *e)
{
	struct sockaddr_in me = {.sin_family = AF_INET,
		.sin_port = htons(e->port),
		.sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	e->mhd = MHD_start_daemon(MHD_USE_TLS | MHD_USE_THREAD_PER_CONNECTION |
					  MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL,
		0, NULL, NULL, on_request, e, MHD_OPTION_SOCK_ADDR, &me,
		MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_HTTPS_MEM_KEY, e->credential.key,
		MHD_OPTION_HTTPS_MEM_CERT, e->credential.certificate, MHD_OPTION_HTTPS_MEM_TRUST,
		e->credential.certificate, MHD_OPTION_END);
	assert_non_null(e->mhd);
	const union MHD_DaemonInfo *bound = MHD_get_daemon_info(e->mhd, MHD_DAEMON_INFO_BIND_PORT);
	e->port = bound->port;
	(void)snprintf(e->url, sizeof(e->url), "https://127.0.0.1:%u", e->port);
}

void ear_close(struct ear *e)
{
	if (e->mhd)
		MHD_stop_daemon(take(e->mhd));
}

static bool begins(const struct ear_asked *a, const char *what)
{
	char text[sizeof(a->method) + sizeof(a->path) + 1];
	(void)snprintf(text, sizeof(text), "%s %s", a->method, a->path);
	return strncmp(text, what, strlen(what)) == 0;
}

unsigned ear_count(struct ear *e, const char *what)
{
	unsigned n = 0;
	(void)pthread_mutex_lock(&e->lock);
	for (unsigned i = 0; i < e->n; i++)
		n += begins(&e->asked[i], what);
	(void)pthread_mutex_unlock(&e->lock);
	return n;
}

const char *ear_latest(struct ear *e, const char *what)
{
	const char *body = NULL;
	(void)pthread_mutex_lock(&e->lock);
	for (unsigned i = 0; i < e->n; i++)
		if (begins(&e->asked[i], what))
			body = e->asked[i].body ? e->asked[i].body : "";
	(void)pthread_mutex_unlock(&e->lock);
	return body;
}

bool ear_only(struct ear *e, const char *fingerprint)
{
	bool only = true;
	(void)pthread_mutex_lock(&e->lock);
	for (unsigned i = 0; i < e->n; i++)
		only = only && strcmp(e->asked[i].who, fingerprint) == 0;
	(void)pthread_mutex_unlock(&e->lock);
	return only;
}
