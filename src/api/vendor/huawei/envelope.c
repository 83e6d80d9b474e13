/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The SDK reads the request's id from the header X-Request-Id alone. */
#include "api/vendor/huawei/huawei.h"

#include <errno.h>

void huawei_json(struct call *c, unsigned status, struct json *ret)
{
	call_json(c, status, ret);
	http_add(c->response, "X-Request-Id", c->id);
}

void huawei_error(struct call *c, unsigned status, const char *code, const char *message)
{
	struct json j;
	huawei_json(c, status, &j);
	json_field(&j, "error_code", code);
	json_field(&j, "error_msg", message);
	json_field(&j, "request_id", c->id);
	json_end_object(&j);
}

void huawei_invalid(struct call *c, const char *name)
{
	char message[128];
	(void)snprintf(message, sizeof(message), "Invalid parameter: %s.", name);
	huawei_error(c, 400, "HSS.0001", message);
}

void huawei_fault(struct call *c, const char *doing, int error)
{
	call_fault(c, doing, error);
	huawei_error(c, 500, "HSS.0041", "Internal server error.");
}

void huawei_unknown(struct call *c)
{
	huawei_error(c, 404, "APIGW.0101",
		"The API does not exist or has not been published in the environment.");
}

bool huawei_decode_query(struct call *c)
{
	if (c->request->too_large) {
		huawei_error(c, 413, "APIGW.0201", "API request error: the body is too large.");
		return false;
	}
	int r = form_decode(&c->form, c->request->query);
	if (r == -ENOMEM)
		huawei_fault(c, "decoding a query", r);
	else if (r < 0)
		huawei_error(c, 400, "APIGW.0201", "API request error: the query is malformed.");
	return r == 0;
}
