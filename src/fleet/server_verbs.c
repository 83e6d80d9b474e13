/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/clock.h"
#include "base/log.h"
#include "fleet/server_private.h"

#include <errno.h>

#define LARGE_BODY     ((size_t)128 << 10)
#define ACCOUNT_CLOSED "the account of this machine is closed"

/* Reads a body; a large one alone, see struct work. */
#define READ_BODY(x, read, ret, err)                                                               \
	__extension__({                                                                            \
		bool large_ = (x)->body.n > LARGE_BODY;                                            \
		if (large_)                                                                        \
			(void)pthread_mutex_lock(&(x)->server->work.large);                        \
		int result_ = read(buf_as_slice(&(x)->body), ret, err);                            \
		if (large_)                                                                        \
			(void)pthread_mutex_unlock(&(x)->server->work.large);                      \
		result_;                                                                           \
	})

static void refuse_body(struct exchange *x, int r, const struct err *err)
{
	if (r == -ENOMEM)
		exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, err->text);
	else
		exchange_refuse(x, MHD_HTTP_BAD_REQUEST, err->text);
}

void exchange_failed(struct exchange *x, int r, const char *doing)
{
	if (r == CORE_DENIED) {
		exchange_refuse(x, MHD_HTTP_GONE, "this machine was dismissed");
		return;
	}
	if (r == CORE_NOT_FOUND) {
		exchange_refuse(x, MHD_HTTP_UNAUTHORIZED, "this certificate does not count now");
		return;
	}
	if (r == CORE_CLOSED) {
		exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, ACCOUNT_CLOSED);
		return;
	}
	if (r == -EBADMSG) {
		exchange_refuse(x, MHD_HTTP_BAD_REQUEST, "what was sent makes no sense");
		return;
	}
	if (r != -ESHUTDOWN)
		log_error("fleet: %s of host %u failed: %s", doing, x->host,
			strerror(r < 0 ? -r : EPROTO));
	exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, "the server cannot do this now");
}

/* --- POST /enrol ----------------------------------------------------------------------- */

static bool ask_enrol(struct exchange *x)
{
	if (visitors_try(x->server, &x->from, clock_mono())) {
		bool refused = work_submit(x);
		if (refused)
			visitors_tried(x->server, &x->from, false, clock_mono());
		return refused;
	}
	exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE,
		"too many tries from this address; again in a second");
	return true;
}

static void tell_certificate(struct exchange *x, const char *certificate, const struct host *host)
{
	struct enrol_answer *a = calloc(1, sizeof(*a));
	if (!a) {
		exchange_failed(x, -ENOMEM, "the enrolment");
		return;
	}
	(void)snprintf(a->certificate, sizeof(a->certificate), "%s", certificate);
	(void)snprintf(a->uuid, sizeof(a->uuid), "%s", host->uuid);
	(void)snprintf(a->name, sizeof(a->name), "%s", host->name);
	x->status = MHD_HTTP_OK;
	protocol_put_enrol_answer(&x->answer, a);
	free(a);
}

/* The request is signed before the token is spent: what is no request costs no invitation. */
static void enrol(struct exchange *x, const struct enrol_request *q)
{
	_cleanup_(freep) char *certificate = NULL;
	char from[ADDR_TEXT_MAX];
	struct host host = {0};
	struct err err = {""};
	int r = credential_sign(
		x->server->credential, q->request, &certificate, x->fingerprint, &err);
	if (r == -EBADMSG) {
		exchange_refuse(x, MHD_HTTP_BAD_REQUEST, err.text);
		return;
	}
	if (r == 0)
		r = core_host_enrol(x->server->core, q->token, addr_format(&x->from, from),
			x->fingerprint, &q->info, &host, &err);
	if (r == CORE_DENIED)
		exchange_refuse(x, MHD_HTTP_UNAUTHORIZED, err.text);
	else if (r == CORE_EXISTS)
		exchange_refuse(x, MHD_HTTP_CONFLICT, err.text);
	else if (r != 0)
		exchange_failed(x, r, "the enrolment");
	else
		tell_certificate(x, certificate, &host);
}

static void do_enrol(struct exchange *x)
{
	struct enrol_request *q = calloc(1, sizeof(*q));
	struct err err = {"no memory"};
	int r = q ? READ_BODY(x, protocol_get_enrol_request, q, &err) : -ENOMEM;
	if (r == 0)
		enrol(x, q);
	else
		refuse_body(x, r, &err);
	visitors_tried(x->server, &x->from,
		x->status != MHD_HTTP_OK && x->status != MHD_HTTP_SERVICE_UNAVAILABLE,
		clock_mono());
	if (q)
		explicit_bzero(q, sizeof(*q));
	free(q);
}

/* --- GET /wishes ----------------------------------------------------------------------- */

static bool read_after(struct exchange *x)
{
	const char *text =
		MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, "after");
	int64_t n = 0;
	if (!text || !text[0])
		return false;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(n, 10, &n) ||
			__builtin_add_overflow(n, *text - '0', &n))
			return false;
	x->after = n;
	return true;
}

static void tell_wishes(struct exchange *x, const struct wishes *w)
{
	struct buf *answer = &x->answer;
	answer->limit = FLEET_ANSWER_MAX;
	protocol_put_wishes(answer, w);
	char *exact = answer->error ? NULL : realloc(answer->p, answer->n + 1);
	if (exact)
		answer->p = exact;
	x->status = MHD_HTTP_OK;
}

/* Sets the status if there is something to say. While it was held it may have been dismissed. */
static void look(struct exchange *x)
{
	struct core_reader *reader = server_reader(x->server);
	struct wishes w = {0};
	struct host host;
	if (!reader) {
		exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, "the store cannot be read");
		return;
	}
	if (!room_for_answer(x))
		return;
	int r = core_agent_find(reader, x->fingerprint, &host);
	if (r == 0)
		r = core_wishes(reader, x->host, x->after, &w);
	if (r != 0)
		exchange_failed(x, r, "the question for wishes");
	else if (w.snapshot || w.has_policy || w.more || w.block_count > 0)
		tell_wishes(x, &w);
	wishes_done(&w);
}

static bool ask_wishes(struct exchange *x)
{
	if (x->until == 0 && !read_after(x)) {
		exchange_refuse(x, MHD_HTTP_BAD_REQUEST, "after is not a version");
		return true;
	}
	while (held_begin(x)) {
		look(x);
		if (x->status) {
			held_end(x);
			return true;
		}
		if (held_wait(x))
			return false;
	}
	x->status = MHD_HTTP_NO_CONTENT;
	return true;
}

/* --- what an agent tells --------------------------------------------------------------- */

static void do_report(struct exchange *x)
{
	struct report report = {0};
	struct err err = {""};
	int64_t next = 0;
	int r = READ_BODY(x, protocol_get_report, &report, &err);
	if (r < 0) {
		refuse_body(x, r, &err);
		return;
	}
	buf_done(&x->body);
	r = core_report_apply(x->server->core, x->host, &report, &next);
	if (r == 0)
		protocol_put_number(&x->answer, "applied", report.number);
	else if (r == CORE_INVALID)
		protocol_put_number(&x->answer, "next", next);
	else if (r == CORE_EXISTS)
		protocol_put_clone(&x->answer, next);
	else
		exchange_failed(x, r, "the report");
	if (x->status == 0)
		x->status = r == 0 ? MHD_HTTP_OK : MHD_HTTP_CONFLICT;
	report_done(&report);
}

static void do_info(struct exchange *x)
{
	struct agent_info info;
	struct err err = {""};
	int r = READ_BODY(x, protocol_get_info, &info, &err);
	if (r < 0) {
		refuse_body(x, r, &err);
		return;
	}
	r = core_agent_info(x->server->core, x->host, &info);
	if (r == 0)
		x->status = MHD_HTTP_NO_CONTENT;
	else
		exchange_failed(x, r, "the description");
}

static bool ask_goodbye(struct exchange *x)
{
	struct fleet_server *s = x->server;
	core_agent_left(s->core, x->host);
	server_lock(s);
	held_wake_host(s, x->host);
	server_unlock(s);
	x->status = MHD_HTTP_NO_CONTENT;
	return true;
}

/* --- which there are ------------------------------------------------------------------- */

static const struct verb verbs[] = {
	{"GET", "/fleet/v1/wishes", 0, false, ask_wishes, NULL},
	{"POST", "/fleet/v1/reports", FLEET_BODY_MAX, false, work_submit, do_report},
	{"PUT", "/fleet/v1/info", FLEET_ENROL_MAX, false, work_submit, do_info},
	{"DELETE", "/fleet/v1/session", 0, false, ask_goodbye, NULL},
	{"POST", "/fleet/v1/enrol", FLEET_ENROL_MAX, true, ask_enrol, do_enrol},
};

const struct verb *verb_find(const char *method, const char *path, const char **ret_other)
{
	*ret_other = NULL;
	for (size_t i = 0; i < countof(verbs); i++) {
		if (strcmp(path, verbs[i].path) != 0)
			continue;
		if (strcmp(method, verbs[i].method) == 0)
			return &verbs[i];
		*ret_other = verbs[i].method;
	}
	return NULL;
}

static void refuse_stranger(struct exchange *x, int r)
{
	if (r == CORE_NOT_FOUND)
		exchange_refuse(x, MHD_HTTP_UNAUTHORIZED, "this certificate is not known here");
	else
		exchange_failed(x, r, "looking up the agent");
}

bool verb_recognise(struct exchange *x)
{
	struct core_reader *reader = server_reader(x->server);
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	struct host host;
	if (!reader) {
		exchange_refuse(x, MHD_HTTP_SERVICE_UNAVAILABLE, "the store cannot be read");
		return false;
	}
	int r = CORE_NOT_FOUND;
	struct credential_shown *shown = &x->visitor->shown;
	if (info && credential_peer(info->tls_session, shown) == 0) {
		memcpy(x->fingerprint, shown->fingerprint, sizeof(x->fingerprint));
		r = core_agent_find(reader, x->fingerprint, &host);
	}
	if (r != 0) {
		refuse_stranger(x, r);
		return false;
	}
	x->host = host.id;
	visitor_known(x->visitor, host.id);
	core_agent_heard(x->server->core, host.id);
	return true;
}
