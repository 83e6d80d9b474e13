/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For the fuzz targets of the API: a request from text, sent to an API over the
 * double of core, and what must hold for any answer.
 */
#pragma once

#include "api/api.h"
#include "api/http/request.h"
#include "base/clock.h"
#include "fake_core.h"

#include <jansson.h>

/*
 * "METHOD target\nname: value\n…\n\nbody". False when there is no such line. All slices are of
 * text.
 */
static inline bool request_parse(struct slice text, struct http_request *rq)
{
	const char *p = text.p, *end = text.p + text.n;
	const char *stop = memchr(p, '\n', text.n);
	const char *space = stop ? memchr(p, ' ', (size_t)(stop - p)) : NULL;
	if (!space)
		return false;
	const char *query = memchr(space, '?', (size_t)(stop - space));
	rq->method = slice_between(p, space);
	rq->path = slice_between(space + 1, query ? query : stop);
	rq->query = query ? slice_between(query + 1, stop) : SLICE("");
	for (p = stop + 1; p < end && *p != '\n'; p = stop + 1) {
		stop = memchr(p, '\n', (size_t)(end - p));
		const char *colon = stop ? memchr(p, ':', (size_t)(stop - p)) : NULL;
		if (!colon || rq->header_count == HTTP_HEADERS_MAX)
			return false;
		rq->headers[rq->header_count++] = (struct http_header){
			slice_between(p, colon), slice_between(colon + 1, stop)};
	}
	rq->body = p < end ? slice_between(p + 1, end) : SLICE("");
	rq->time = INT64_C(1767323045000); /* of the signatures in the seeds */
	return true;
}

/* A body is JSON, and no secret is in it that the caller had not sent (HostId repeats a header). */
static inline void response_check(
	const struct core *c, struct slice text, const struct http_response *rs)
{
	if (rs->status < 200 || rs->status > 599)
		abort();
	if (!rs->body.n || strncmp(rs->content_type, "application/json", 16) != 0)
		return;
	json_t *j = json_loadb(rs->body.p, rs->body.n, 0, NULL);
	if (!j && !memchr(rs->body.p, '\0', rs->body.n) && !strstr(rs->body.p, "\\u0000"))
		abort();
	json_decref(j);
	for (unsigned i = 0; i < c->key_count; i++)
		if (!memmem(text.p, text.n, c->keys[i].secret, strlen(c->keys[i].secret)) &&
			strstr(rs->body.p, c->keys[i].secret))
			abort();
}

/* text: what the request was made of */
static inline void request_send(struct core *c, struct slice text, const struct http_request *rq)
{
	struct api *api = NULL;
	struct http_response rs = {0};
	if (api_new(c, &api, NULL) < 0)
		abort();
	api_handle(api, rq, &rs);
	response_check(c, text, &rs);
	buf_done(&rs.body);
	(void)api_free(api);
}
