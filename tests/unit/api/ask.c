/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Signs with its own few lines, not with the code under test's canonical forms. */
#include "ask.h"

#include "api/http/encode.h"
#include "api/sign.h"
#include "base/clock.h"

#include <assert.h>

const struct ask_signer ask_signer_default = {.id = ASK_KEY, .secret = ASK_SECRET, .time = ASK_NOW};

static struct slice keep(struct ask *a, const char *text)
{
	size_t n = strlen(text);
	assert(a->used + n + 1 <= sizeof(a->text));
	char *p = memcpy(a->text + a->used, text, n + 1);
	a->used += n + 1;
	return (struct slice){p, n};
}

void ask_init(struct ask *a, const char *method, const char *target)
{
	static const struct addr loopback = {.b = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
	memset(a, 0, sizeof(*a));
	struct slice t = keep(a, target);
	const char *query = memchr(t.p, '?', t.n);
	a->request.method = keep(a, method);
	a->request.path = query ? slice_between(t.p, query) : t;
	a->request.query = query ? slice_of(query + 1) : SLICE("");
	a->request.body = SLICE("");
	a->request.peer = loopback;
	a->request.time = ASK_NOW;
}

void ask_done(struct ask *a)
{
	json_decref(a->json);
	a->json = NULL;
	buf_done(&a->response.body);
}

void ask_header(struct ask *a, const char *name, const char *value)
{
	assert(a->request.header_count < HTTP_HEADERS_MAX);
	a->request.headers[a->request.header_count++] =
		(struct http_header){keep(a, name), keep(a, value)};
}

void ask_body(struct ask *a, const char *content_type, const char *body)
{
	ask_header(a, "Content-Type", content_type);
	a->request.body = keep(a, body);
}

void ask_send(struct ask *a, struct api *api)
{
	api_handle(api, &a->request, &a->response);
	if (a->response.body.n)
		a->json = json_loadb(a->response.body.p, a->response.body.n, 0, NULL);
}

/* Where the signer says to be. */
static void place(struct ask *a, const struct ask_signer *s)
{
	if (s->peer)
		assert(addr_parse(slice_of(s->peer), &a->request.peer));
	if (!s->forwarded)
		return;
	ask_header(a, "X-Forwarded-For", s->forwarded);
	ask_header(a, "X-Real-IP", s->forwarded);
}

static const char *draw_nonce(char text[static 32])
{
	static unsigned counter;
	(void)snprintf(text, 32, "nonce-%u", ++counter);
	return text;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorts "B=2&A=1" by name; enough for tests whose names do not repeat. */
static void sort_params(const char *params, struct buf *out)
{
	char *copy = strdup(params), *list[64], *rest = NULL;
	size_t n = 0;
	for (char *p = strtok_r(copy, "&", &rest); p; p = strtok_r(NULL, "&", &rest))
		list[n++] = p;
	qsort(list, n, sizeof(list[0]), compare_text);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%s", i ? "&" : "", list[i]);
	free(copy);
}

void ask_v1_signed(struct ask *a, struct api *api, const struct ask_signer *s, const char *action,
	const char *params)
{
	_cleanup_(buf_done) struct buf query = BUF_NULL, sorted = BUF_NULL, text = BUF_NULL,
				       target = BUF_NULL;
	char stamp[CLOCK_TEXT_MAX], nonce[32], key[80], signature[SIGN_BASE64_MAX];
	(void)clock_format(s->time, stamp);
	buf_printf(&query,
		"AccessKeyId=%s&Action=%s&Format=JSON&SignatureMethod=HMAC-SHA1&SignatureNonce=%s"
		"&SignatureVersion=1.0&Timestamp=",
		s->id, action, s->nonce ? s->nonce : draw_nonce(nonce));
	/* without the milliseconds */
	encode_percent(&query, (struct slice){stamp, strlen("2026-01-02T03:04:05")});
	buf_puts(&query, "Z&Version=2018-12-03");
	if (s->security_token) {
		buf_puts(&query, "&SecurityToken=");
		encode_percent(&query, slice_of(s->security_token));
	}
	if (params[0])
		buf_printf(&query, "&%s", params);
	sort_params(query.p, &sorted);
	buf_puts(&text, "GET&%2F&");
	encode_percent(&text, buf_as_slice(&sorted));
	(void)snprintf(key, sizeof(key), "%s&", s->secret);
	sign_hmac_sha1_base64(slice_of(key), buf_as_slice(&text), signature);
	buf_printf(&target, "/?%s&Signature=", query.p);
	encode_percent(&target, slice_of(signature));
	ask_init(a, "GET", target.p);
	place(a, s);
	ask_header(a, "Host", "127.0.0.1:8731");
	ask_send(a, api);
}

void ask_v1(struct ask *a, struct api *api, const char *action, const char *params)
{
	ask_v1_signed(a, api, &ask_signer_default, action, params);
}

static void basic_stamp(int64_t ms, char ret[static CLOCK_TEXT_MAX])
{
	char stamp[CLOCK_TEXT_MAX];
	size_t n = 0;
	(void)clock_format(ms, stamp);
	for (size_t i = 0; stamp[i] && stamp[i] != '.'; i++)
		if (stamp[i] != '-' && stamp[i] != ':')
			ret[n++] = stamp[i];
	(void)snprintf(ret + n, 2, "Z");
}

void ask_huawei_signed(struct ask *a, struct api *api, const struct ask_signer *s,
	const char *method, const char *target, const char *body)
{
	_cleanup_(buf_done) struct buf sorted = BUF_NULL, canonical = BUF_NULL, text = BUF_NULL;
	char stamp[CLOCK_TEXT_MAX], hash[SIGN_HEX_MAX], signature[SIGN_HEX_MAX], value[512];
	basic_stamp(s->time, stamp);
	ask_init(a, method, target);
	place(a, s);
	ask_header(a, "Host", "127.0.0.1:8731");
	ask_header(a, "X-Sdk-Date", stamp);
	if (s->security_token)
		ask_header(a, "X-Security-Token", s->security_token);
	ask_body(a, "application/json", body ? body : "");
	sort_params(a->request.query.p, &sorted);
	sign_sha256_hex(a->request.body, hash);
	buf_printf(&canonical,
		"%s\n%.*s/\n%s\nhost:127.0.0.1:8731\nx-sdk-date:%s\n\nhost;x-sdk-date\n%s", method,
		SLICE_ARG(a->request.path), sorted.p ? sorted.p : "", stamp, hash);
	sign_sha256_hex(buf_as_slice(&canonical), hash);
	buf_printf(&text, "SDK-HMAC-SHA256\n%s\n%s", stamp, hash);
	sign_hmac_sha256_hex(slice_of(s->secret), buf_as_slice(&text), signature);
	(void)snprintf(value, sizeof(value),
		"SDK-HMAC-SHA256 Access=%s, SignedHeaders=host;x-sdk-date, Signature=%s", s->id,
		signature);
	ask_header(a, "Authorization", value);
	ask_send(a, api);
}

void ask_huawei(
	struct ask *a, struct api *api, const char *method, const char *target, const char *body)
{
	ask_huawei_signed(a, api, &ask_signer_default, method, target, body);
}

json_t *ask_at(const struct ask *a, const char *path)
{
	char copy[128], *rest = NULL;
	json_t *at = a->json;
	(void)snprintf(copy, sizeof(copy), "%s", path);
	for (char *p = strtok_r(copy, ".", &rest); p && at; p = strtok_r(NULL, ".", &rest))
		at = json_is_array(at) ? json_array_get(at, (size_t)strtoul(p, NULL, 10))
				       : json_object_get(at, p);
	return at;
}

const char *ask_text(const struct ask *a, const char *path)
{
	const char *text = json_string_value(ask_at(a, path));
	return text ? text : "(none)";
}

int64_t ask_int(const struct ask *a, const char *path)
{
	const json_t *at = ask_at(a, path);
	return json_is_integer(at) ? json_integer_value(at) : INT64_MIN;
}

const char *ask_extra(const struct ask *a, const char *name)
{
	for (unsigned i = 0; i < a->response.extra_count; i++)
		if (strcmp(a->response.extra[i].name, name) == 0)
			return a->response.extra[i].value;
	return NULL;
}
