/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Huawei Cloud's REST dialect: HSS and the IAM call that makes its tokens.
 * Facts: the pages of the operations; the vendor's SDKs for what those leave
 * open (https://github.com/huaweicloud/huaweicloud-sdk-nodejs-v3).
 */
#pragma once

#include "api/call.h"

/*
 * Checks X-Auth-Token or an AK/SK signature; c->form holds the decoded query.
 * Answers with the gateway's error and returns false when neither holds.
 */
bool huawei_authenticate(struct call *c);
/*
 * The canonical request that is signed, the query being in c->form; false when the hash of the
 * body is wrong or a signed header is missing. Our paths are plain: they need no encoding.
 */
bool huawei_canonical(const struct call *c, struct slice signed_headers, struct buf *out);
/* Decodes the query into c->form; false, answered, when that or the body's size is wrong. */
bool huawei_decode_query(struct call *c);

/* {"error_code", "error_msg", "request_id"} and the header X-Request-Id. */
void huawei_error(struct call *c, unsigned status, const char *code, const char *message);
/* HSS.0001, 400: "Invalid parameter: name". */
void huawei_invalid(struct call *c, const char *name);
/* 500, after logging what went wrong. */
void huawei_fault(struct call *c, const char *doing, int error);
/* Keystone's shape: {"error": {"code", "message", "title"}}. */
void iam_error(struct call *c, unsigned status, const char *title, const char *message);
/* The project's name: the region, as this vendor has it. */
const char *iam_project_name(const struct call *c);
/* Begins a JSON answer with its X-Request-Id. */
void huawei_json(struct call *c, unsigned status, struct json *ret);
