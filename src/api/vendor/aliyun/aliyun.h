/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Alibaba Cloud's RPC dialect: one path, operations by Action and Version,
 * parameters in the query or a form, answers in one JSON object.
 * Facts: the pages of the operations; the SDKs of the vendor for what those
 * leave open (https://github.com/aliyun/alibabacloud-typescript-sdk).
 */
#pragma once

#include "api/call.h"

/* One operation; `action` of --allow is "product:name". */
struct aliyun_action {
	const char *version, *name;
	const char *permission;
	void (*handle)(struct call *c);
	/* Its own words where an operation documents some; NULL: the gateway's. */
	const char *no_permission;
};

/* The row of the table for this version and name; NULL when there is none. */
const struct aliyun_action *aliyun_action(const char *version, const char *name);
/* True when some operation is of that version. */
bool aliyun_version(const char *version);

/*
 * Checks V1 or V3, whichever the request uses; the form is decoded. Answers
 * with the gateway's error and returns false when it does not hold.
 */
bool aliyun_authenticate(struct call *c);
/* The Authorization header is V3's. */
bool aliyun_is_v3(const struct call *c);

/* What V1 signs: METHOD&%2F&enc(sorted parameters of query and form). */
void aliyun_text_v1(const struct call *c, struct buf *out);
/* V3's canonical request; false when its hash of the body is wrong or a signed header is missing.
 */
bool aliyun_canonical_v3(const struct call *c, struct slice signed_headers, struct buf *out);

/* Answers with {RequestId, HostId, Code, Message, Recommend}. */
void aliyun_error(struct call *c, unsigned status, const char *code, const char *message);
/* "Missing{name}", "Invalid{name}", both 400. */
void aliyun_missing(struct call *c, const char *name);
void aliyun_invalid(struct call *c, const char *name, const char *message);
/* 500 ServerError, after logging what went wrong. */
void aliyun_fault(struct call *c, const char *doing, int error);
/* A parameter, or NULL when absent or empty. */
const char *aliyun_param(const struct call *c, const char *name);
/*
 * *ret is left alone when the parameter is absent. False, answered, when it
 * is no decimal integer of [least, most].
 */
bool aliyun_param_int(struct call *c, const char *name, int64_t least, int64_t most, int64_t *ret);
/* The same for "true" or "false". */
bool aliyun_param_bool(struct call *c, const char *name, bool *ret);
/*
 * The values of the list name.1, name.2, …, in the order they came in; at most `most` of them are
 * put into ret (borrowed). How many there are.
 */
unsigned aliyun_param_list(const struct call *c, const char *name, const char **ret, unsigned most);
/* Begins a 200 answer with its RequestId; the operation ends the object. */
void aliyun_success(struct call *c, struct json *ret);
/* {"RequestId": …}: the answer of an operation that has nothing to say. */
void aliyun_done(struct call *c);
