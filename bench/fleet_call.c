/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fleet_call.h"

#include "api/http/encode.h"
#include "api/sign.h"
#include "base/clock.h"
#include "fleet_times.h"

#include <curl/curl.h>
#include <sodium.h>
#include <string.h>

static size_t take_answer(char *p, size_t size, size_t n, void *ctx)
{
	buf_add(ctx, p, size * n);
	return size * n;
}

static void put_parameters(const struct fleet_call *c, struct buf *out)
{
	char stamp[CLOCK_TEXT_MAX];
	_cleanup_(buf_done) struct buf list = BUF_NULL;
	encode_percent(&list, slice_of(c->uuids));
	buf_printf(out,
		"AccessKeyId=%s&Action=CreateCustomBlockRecord&BlockIp=%s&Bound=in&ExpireTime=%lld"
		"&Format=JSON&SignatureMethod=HMAC-SHA1&SignatureNonce=%08x%08x"
		"&SignatureVersion=1.0&Timestamp=%.19sZ&Uuids=%s&Version=2018-12-03",
		c->key_id, c->address, (long long)clock_now() + 3600000, randombytes_random(),
		randombytes_random(), clock_format(clock_now(), stamp), list.p);
}

static int put_body(const struct fleet_call *c, struct buf *body)
{
	struct form f = FORM_NULL;
	_cleanup_(buf_done) struct buf query = BUF_NULL, text = BUF_NULL;
	char key[128], signature[SIGN_BASE64_MAX];
	put_parameters(c, &query);
	int r = form_decode(&f, buf_as_slice(&query));
	if (r < 0)
		return r;
	buf_reset(&query);
	sign_query(&query, &f, NULL);
	form_done(&f);
	buf_puts(&text, "POST&%2F&");
	encode_percent(&text, buf_as_slice(&query));
	(void)snprintf(key, sizeof(key), "%s&", c->secret);
	sign_hmac_sha1_base64(slice_of(key), buf_as_slice(&text), signature);
	buf_printf(body, "%s&Signature=", query.p);
	encode_percent(body, slice_of(signature));
	return body->error;
}

static CURLcode post(const struct fleet_call *c, const struct buf *body, struct buf *answer)
{
	char url[64];
	CURL *curl = curl_easy_init();
	if (!curl)
		return CURLE_OUT_OF_MEMORY;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", c->port);
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->p);
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body->n);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	CURLcode e = curl_easy_perform(curl);
	curl_easy_cleanup(curl);
	return e;
}

static void *perform(void *ctx)
{
	struct fleet_call *c = ctx;
	_cleanup_(buf_done) struct buf body = BUF_NULL, answer = BUF_NULL;
	CURLcode e = CURLE_OUT_OF_MEMORY;
	if (put_body(c, &body) == 0) {
		c->began = fleet_micros();
		e = post(c, &body, &answer);
	}
	c->answered = fleet_micros();
	const char *text = answer.p ? answer.p : "";
	c->failed = e != CURLE_OK || !strstr(text, "RequestId") || strstr(text, "\"Code\"");
	if (c->failed)
		(void)fprintf(stderr, "the API: %s %s\n", curl_easy_strerror(e), text);
	return NULL;
}

void fleet_call_begin(struct fleet_call *c, const char *address)
{
	(void)snprintf(c->address, sizeof(c->address), "%s", address);
	c->began = fleet_micros();
	c->failed = true;
	if (pthread_create(&c->thread, NULL, perform, c) != 0)
		abort();
}

bool fleet_call_end(struct fleet_call *c)
{
	(void)pthread_join(c->thread, NULL);
	return !c->failed;
}
