/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request on its way through a dialect. Everything in it lives until the
 * dialect returns.
 */
#pragma once

#include "api/http/form.h"
#include "api/http/request.h"
#include "base/addr.h"
#include "base/json.h"
#include "core/core.h"

#define CALL_ID_MAX 37 /* a UUID */

struct guard;

struct call {
	struct core *core;
	struct core_reader *reader; /* of this thread; NULL when there is none, auth.c sees to it */
	struct guard *guard;
	const struct settings *settings;
	const struct http_request *request;
	struct http_response *response;
	char id[CALL_ID_MAX]; /* RequestId: an upper-case UUID */
	struct form form;     /* what the dialect decoded of query and body */

	/* Who it is, once auth.c says so. */
	struct access_key key; /* without its secrets */
	struct account account;
	struct core_caller who;
	char from[ADDR_TEXT_MAX]; /* the connection's other end; no header is believed */
};

/* Begins a JSON answer; the dialect ends its object. */
void call_json(struct call *c, unsigned status, struct json *ret);
/* A decimal integer, whole text, with an optional '-'; false when it is none or does not fit. */
bool call_int(struct slice text, int64_t *ret);
/* One log line for a fault of ours. */
void call_fault(const struct call *c, const char *doing, int error);

/* Dialects: the router's entrances. */
void aliyun_handle(struct call *c);
void iam_handle(struct call *c);
void iam_projects_handle(struct call *c);
void hss_handle(struct call *c);
void health_handle(struct call *c);
void metrics_handle(struct call *c);
/* A path no dialect has, in Huawei's words. */
void huawei_unknown(struct call *c);
