/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A request as it came and the answer as it goes: all that a dialect sees of
 * HTTP. Slices of a request are borrowed for the call; a response owns its body.
 */
#pragma once

#include "base/addr.h"
#include "base/buf.h"

#define HTTP_HEADERS_MAX 64
#define HTTP_EXTRA_MAX   4

struct http_header {
	struct slice name, value;
};

struct http_request {
	struct slice method; /* "GET", … as sent */
	struct slice path;   /* still percent-encoded */
	struct slice query;  /* after the '?', still encoded; "" when there is none */
	struct slice body;
	struct http_header headers[HTTP_HEADERS_MAX];
	unsigned header_count;
	struct addr peer;
	bool tls;
	bool too_large; /* the body was over the limit and is not here */
	int64_t time;   /* ms UTC: when it had come completely */
};

/* A response header beside Content-Type. name must be a literal. */
struct http_extra {
	const char *name;
	char value[160];
};

struct http_response {
	unsigned status;
	const char *content_type; /* a literal; NULL: no body */
	struct buf body;
	struct http_extra extra[HTTP_EXTRA_MAX];
	unsigned extra_count;
};

/* The first header of that name (any case), without blanks around it; p is NULL when absent. */
struct slice http_header(const struct http_request *r, const char *name);
struct slice http_header_slice(const struct http_request *r, struct slice name);
/* The peer is this machine: 127.0.0.0/8 or ::1. */
bool http_is_local(const struct http_request *r);
/* True for "type" and "type; parameters", in any case. */
bool http_has_type(const struct http_request *r, struct slice type);
/* Sets a header; value must be shorter than the place for it, and without a newline. */
void http_add(struct http_response *r, const char *name, const char *value);
