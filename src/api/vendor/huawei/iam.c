/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * IAM: a token for an access key, KeystoneCreateUserTokenByPassword. The key's
 * id (or name) stands for the user, its secret for the password. Errors have
 * Keystone's shape. A signature on this call is ignored: some clients sign all.
 */
#include "api/auth.h"
#include "api/vendor/huawei/huawei.h"
#include "base/clock.h"
#include "model/settings.h"

#include <jansson.h>
#include <sodium/utils.h>

/* The only catalogue there is: where the services answer. */
static const struct {
	const char *type, *path;
	bool has_project;
} catalog[] = {
	{"hss", "/v5/", true},
	{"iam", "/v3", false},
};

void iam_error(struct call *c, unsigned status, const char *title, const char *message)
{
	struct json j;
	huawei_json(c, status, &j);
	json_key(&j, "error");
	json_begin_object(&j);
	json_field_int(&j, "code", status);
	json_field(&j, "message", message);
	json_field(&j, "title", title);
	json_end_object(&j);
	json_end_object(&j);
}

static void bad_request(struct call *c, const char *message)
{
	iam_error(c, 400, "Bad Request", message);
}

static void fault(struct call *c, const char *doing, int error)
{
	call_fault(c, doing, error);
	iam_error(c, 500, "Internal Server Error", "An unexpected error occurred.");
}

const char *iam_project_name(const struct call *c)
{
	return c->settings->host.region[0] ? c->settings->host.region : "local";
}

struct login {
	const char *name, *password; /* borrowed from the body */
	const json_t *scope;         /* NULL: none */
};

static bool has_method_password(const json_t *methods)
{
	for (size_t i = 0; i < json_array_size(methods); i++) {
		const char *m = json_string_value(json_array_get(methods, i));
		if (m && strcmp(m, "password") == 0)
			return true;
	}
	return false;
}

static const char *text_at(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static bool read_login(struct call *c, const json_t *body, struct login *ret)
{
	const json_t *auth = json_object_get(body, "auth");
	const json_t *identity = json_object_get(auth, "identity");
	const json_t *user = json_object_get(json_object_get(identity, "password"), "user");
	*ret = (struct login){
		.name = text_at(user, "name"),
		.password = text_at(user, "password"),
		.scope = json_object_get(auth, "scope"),
	};
	if (!auth || !identity)
		bad_request(c, "Expecting to find auth.identity in request body.");
	else if (!has_method_password(json_object_get(identity, "methods")))
		bad_request(c, "Expecting to find the method password in auth.identity.methods.");
	else if (!ret->name || !ret->password)
		bad_request(
			c, "Expecting to find name and password in auth.identity.password.user.");
	else if (!text_at(json_object_get(user, "domain"), "name"))
		bad_request(c, "Expecting to find domain.name in auth.identity.password.user.");
	else
		return true;
	return false;
}

/* Absent, the account's own project, or the account itself (any domain name). */
static bool scope_is_own(const struct call *c, const json_t *scope)
{
	const json_t *project = json_object_get(scope, "project");
	const json_t *domain = json_object_get(scope, "domain");
	const char *id = text_at(project ? project : domain, "id");
	const char *name = text_at(project ? project : domain, "name");
	if (!scope)
		return true;
	if (project) {
		bool same_id = id && strcmp(id, c->account.project_id) == 0;
		bool same_name = name && (strcmp(name, iam_project_name(c)) == 0 ||
						 strcmp(name, c->account.name) == 0);
		return (id || name) && (!id || same_id) && (!name || same_name);
	}
	return domain && (id || name) && (!id || strcmp(id, c->account.uid) == 0);
}

static void write_time(struct json *j, const char *name, int64_t ms)
{
	char text[CLOCK_TEXT_MAX], micros[CLOCK_TEXT_MAX + 4];
	const char *t = clock_format(ms, text); /* …:05.678Z */
	(void)snprintf(micros, sizeof(micros), "%.*s000Z", (int)strlen(t) - 1, t);
	json_field(j, name, micros);
}

static void write_domain(struct json *j, const struct call *c)
{
	json_key(j, "domain");
	json_begin_object(j);
	json_field(j, "id", c->account.uid);
	json_field(j, "name", c->account.name);
	json_end_object(j);
}

static void write_user(struct json *j, const struct call *c)
{
	json_key(j, "user");
	json_begin_object(j);
	json_field(j, "id", c->key.id);
	json_field(j, "name", c->key.name[0] ? c->key.name : c->key.id);
	json_field(j, "password_expires_at", "");
	write_domain(j, c);
	json_end_object(j);
}

static void write_project(struct json *j, const struct call *c)
{
	json_key(j, "project");
	json_begin_object(j);
	json_field(j, "id", c->account.project_id);
	json_field(j, "name", iam_project_name(c));
	write_domain(j, c);
	json_end_object(j);
}

static void write_roles(struct json *j)
{
	json_key(j, "roles");
	json_begin_array(j);
	json_begin_object(j);
	json_field(j, "id", "0");
	json_field(j, "name", "access_key");
	json_end_object(j);
	json_end_array(j);
}

static void write_endpoint(struct json *j, const struct call *c, size_t i)
{
	_cleanup_(buf_done) struct buf url = BUF_NULL;
	buf_puts(&url, c->request->tls ? "https://" : "http://");
	buf_slice(&url, http_header(c->request, "host"));
	buf_puts(&url, catalog[i].path);
	if (catalog[i].has_project)
		buf_puts(&url, c->account.project_id);
	json_begin_object(j);
	json_field(j, "id", catalog[i].type);
	json_field(j, "interface", "public");
	json_field(j, "region", iam_project_name(c));
	json_field(j, "region_id", iam_project_name(c));
	json_field_slice(j, "url", buf_as_slice(&url));
	json_end_object(j);
}

static void write_catalog(struct json *j, const struct call *c)
{
	json_key(j, "catalog");
	json_begin_array(j);
	for (size_t i = 0; i < countof(catalog); i++) {
		json_begin_object(j);
		json_field(j, "id", catalog[i].type);
		json_field(j, "name", catalog[i].type);
		json_field(j, "type", catalog[i].type);
		json_key(j, "endpoints");
		json_begin_array(j);
		write_endpoint(j, c, i);
		json_end_array(j);
		json_end_object(j);
	}
	json_end_array(j);
}

static void answer(struct call *c, const struct token *t, const json_t *scope)
{
	struct json j;
	huawei_json(c, 201, &j);
	json_key(&j, "token");
	json_begin_object(&j);
	json_key(&j, "methods");
	json_begin_array(&j);
	json_text(&j, "password");
	json_end_array(&j);
	write_time(&j, "expires_at", t->expires);
	write_time(&j, "issued_at", t->issued);
	write_user(&j, c);
	if (json_object_get(scope, "domain"))
		write_domain(&j, c);
	else
		write_project(&j, c);
	write_roles(&j);
	const char *nocatalog = form_get(&c->form, "nocatalog");
	if (!nocatalog || !nocatalog[0]) /* any text that is not empty means yes */
		write_catalog(&j, c);
	json_end_object(&j);
	json_end_object(&j);
}

static void issue(struct call *c, const json_t *scope)
{
	char text[128];
	struct token t;
	int r = core_token_issue(c->core, &c->key, text, sizeof(text), &t);
	if (r != 0) {
		fault(c, "issuing a token", r);
		return;
	}
	answer(c, &t, scope);
	http_add(c->response, "X-Subject-Token", text);
	sodium_memzero(text, sizeof(text));
}

static void log_in(struct call *c, const json_t *body)
{
	struct login login;
	if (!read_login(c, body, &login))
		return;
	enum auth v = auth_password(c, slice_of(login.name), slice_of(login.password));
	if (v == AUTH_FAULT)
		iam_error(c, 500, "Internal Server Error", "An unexpected error occurred.");
	else if (v == AUTH_LIMITED)
		iam_error(c, 429, "Too Many Requests", "Too many requests.");
	else if (v == AUTH_LOCKED)
		iam_error(c, 401, "Unauthorized",
			"The user is locked after too many failures, try again later.");
	else if (v != AUTH_OK)
		iam_error(c, 401, "Unauthorized", "The username or password is wrong.");
	else if (!auth_allows(&c->key, "iam:token:create"))
		iam_error(c, 403, "Forbidden",
			"You are not authorized to perform the requested action: "
			"iam:token:create.");
	else if (!scope_is_own(c, login.scope))
		iam_error(c, 401, "Unauthorized",
			"The scope is neither absent nor the project or domain of the user.");
	else
		issue(c, login.scope);
}

void iam_handle(struct call *c)
{
	struct slice text = c->request->body;
	if (!slice_eq(c->request->method, SLICE("POST"))) {
		huawei_unknown(c);
		return;
	}
	if (!huawei_decode_query(c))
		return;
	_cleanup_(json_decrefp) json_t *body =
		json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(body))
		bad_request(c, "The request body is no JSON object.");
	else
		log_in(c, body);
}
