/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Answers and parameters. pop-core tells an error by a `Code` in the body and
 * ignores the status, the typed SDKs by the status: an error has both, a
 * success neither (and never an empty body, which the typed SDKs refuse).
 */
#include "api/vendor/aliyun/aliyun.h"

static void begin(struct call *c, unsigned status, struct json *j)
{
	call_json(c, status, j);
	json_field(j, "RequestId", c->id);
	http_add(c->response, "x-acs-request-id", c->id);
}

void aliyun_error(struct call *c, unsigned status, const char *code, const char *message)
{
	struct json j;
	char recommend[160];
	(void)snprintf(recommend, sizeof(recommend), "docs/api.md, Errors: %s", code);
	begin(c, status, &j);
	json_field_slice(&j, "HostId", http_header(c->request, "host"));
	json_field(&j, "Code", code);
	json_field(&j, "Message", message);
	json_field(&j, "Recommend", recommend);
	json_end_object(&j);
}

void aliyun_missing(struct call *c, const char *name)
{
	char code[96], message[128];
	(void)snprintf(code, sizeof(code), "Missing%s", name);
	(void)snprintf(message, sizeof(message), "%s is mandatory for this action.", name);
	aliyun_error(c, 400, code, message);
}

void aliyun_invalid(struct call *c, const char *name, const char *message)
{
	char code[96];
	(void)snprintf(code, sizeof(code), "Invalid%s", name);
	aliyun_error(c, 400, code, message);
}

void aliyun_fault(struct call *c, const char *doing, int error)
{
	call_fault(c, doing, error);
	aliyun_error(c, 500, "ServerError", "ServerError");
}

const char *aliyun_param(const struct call *c, const char *name)
{
	const char *value = form_get(&c->form, name);
	return value && value[0] ? value : NULL;
}

bool aliyun_param_int(struct call *c, const char *name, int64_t least, int64_t most, int64_t *ret)
{
	const char *text = aliyun_param(c, name);
	if (!text)
		return true;
	int64_t value;
	if (!call_int(slice_of(text), &value) || value < least || value > most) {
		char message[160];
		(void)snprintf(message, sizeof(message),
			"Specified parameter %s is not valid: an integer from %lld to %lld is "
			"expected.",
			name, (long long)least, (long long)most);
		aliyun_invalid(c, name, message);
		return false;
	}
	*ret = value;
	return true;
}

bool aliyun_param_bool(struct call *c, const char *name, bool *ret)
{
	const char *text = aliyun_param(c, name);
	if (!text)
		return true;
	bool yes = strcmp(text, "true") == 0;
	if (!yes && strcmp(text, "false") != 0) {
		char message[128];
		(void)snprintf(message, sizeof(message),
			"Specified parameter %s is not valid: true or false is expected.", name);
		aliyun_invalid(c, name, message);
		return false;
	}
	*ret = yes;
	return true;
}

unsigned aliyun_param_list(const struct call *c, const char *name, const char **ret, unsigned most)
{
	const struct slice prefix = slice_of(name);
	unsigned n = 0;
	for (unsigned i = 0; i < c->form.n; i++) {
		struct slice field = c->form.fields[i].name;
		int64_t index;
		if (!slice_starts(field, prefix) || field.n == prefix.n || field.p[prefix.n] != '.')
			continue;
		if (!call_int(slice_skip(field, prefix.n + 1), &index) || index < 1)
			continue;
		if (n < most)
			ret[n] = c->form.fields[i].value.p;
		n++;
	}
	return n;
}

void aliyun_success(struct call *c, struct json *ret)
{
	begin(c, 200, ret);
}

void aliyun_done(struct call *c)
{
	struct json j;
	begin(c, 200, &j);
	json_end_object(&j);
}
