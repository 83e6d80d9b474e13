/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * /healthz and /metrics: for this machine without a key; for others with a key
 * and its secret as HTTP Basic (RFC 7617), what monitoring systems can send.
 */
#include "api/auth.h"

#include <nettle/base64.h>
#include <sodium/utils.h>
#include <strings.h>

#define BASIC_MAX 192

static void refuse(struct call *c, unsigned status, const char *why)
{
	struct json j;
	call_json(c, status, &j);
	json_field(&j, "error", why);
	json_end_object(&j);
	if (status == 401)
		http_add(c->response, "WWW-Authenticate", "Basic realm=\"cordon\"");
}

/* "Basic base64(id:secret)" -> its two parts, in text. */
static bool read_basic(struct slice header, char text[static BASIC_MAX], struct slice *ret_login,
	struct slice *ret_password)
{
	const struct slice scheme = SLICE("Basic ");
	struct base64_decode_ctx ctx;
	size_t n = 0;
	if (header.n < scheme.n || strncasecmp(header.p, scheme.p, scheme.n) != 0)
		return false;
	header = slice_skip(header, scheme.n);
	if (BASE64_DECODE_LENGTH(header.n) > BASIC_MAX)
		return false;
	base64_decode_init(&ctx);
	if (!base64_decode_update(&ctx, &n, (uint8_t *)text, header.n, header.p) ||
		!base64_decode_final(&ctx))
		return false;
	const char *colon = memchr(text, ':', n);
	if (!colon)
		return false;
	*ret_login = slice_between(text, colon);
	*ret_password = slice_between(colon + 1, text + n);
	return true;
}

static enum auth authenticate(struct call *c)
{
	char text[BASIC_MAX];
	struct slice login, password;
	if (!read_basic(http_header(c->request, "authorization"), text, &login, &password))
		return AUTH_UNKNOWN;
	enum auth v = auth_password(c, login, password);
	sodium_memzero(text, sizeof(text));
	return v;
}

static bool may_read(struct call *c, const char *permission)
{
	if (!slice_eq(c->request->method, SLICE("GET")) &&
		!slice_eq(c->request->method, SLICE("HEAD"))) {
		refuse(c, 405, "use GET or HEAD");
		http_add(c->response, "Allow", "GET, HEAD");
		return false;
	}
	if (http_is_local(c->request))
		return true;
	enum auth v = authenticate(c);
	if (v == AUTH_FAULT)
		refuse(c, 500, "internal error");
	else if (v == AUTH_LIMITED)
		refuse(c, 429, "too many requests");
	else if (v != AUTH_OK)
		refuse(c, 401, "an access key and its secret are needed from here");
	else if (!auth_allows(&c->key, permission))
		refuse(c, 403, "the access key does not allow this");
	else
		return true;
	return false;
}

void health_handle(struct call *c)
{
	struct err err = {0};
	struct json j;
	if (!may_read(c, "cordon:health"))
		return;
	bool ok = core_health(c->core, &err) == 0;
	call_json(c, ok ? 200 : 503, &j);
	json_field(&j, "status", ok ? "ok" : "failing");
	if (!ok)
		json_field(&j, "reason", err.text);
	json_end_object(&j);
}

void metrics_handle(struct call *c)
{
	if (!may_read(c, "cordon:metrics"))
		return;
	int r = core_metrics(c->core, &c->response->body);
	if (r < 0 || c->response->body.error) {
		call_fault(c, "writing metrics", r < 0 ? r : c->response->body.error);
		refuse(c, 500, "internal error");
		return;
	}
	c->response->status = 200;
	c->response->content_type = "text/plain; version=0.0.4; charset=utf-8";
}
