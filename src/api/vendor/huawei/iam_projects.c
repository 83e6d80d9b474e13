/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * IAM: KeystoneListProjects, by which a client that was given a region and no
 * project finds out the project's id. An account has one project, so the list
 * has one entry, or none when a filter says otherwise. Whoever may call at all
 * may ask: it says no more than every other answer does.
 */
#include "api/vendor/huawei/huawei.h"

#define NUMBER_MOST 2000000000

static bool text_differs(const struct call *c, const char *name, const char *value)
{
	const char *asked = form_get(&c->form, name);
	return asked && asked[0] && strcmp(asked, value) != 0;
}

/* The region is the project's name; the account's name is taken too, as in a token's scope. */
static bool is_asked(const struct call *c)
{
	if (text_differs(c, "name", iam_project_name(c)) &&
		text_differs(c, "name", c->account.name))
		return false;
	return !text_differs(c, "domain_id", c->account.uid) &&
	       !text_differs(c, "parent_id", c->account.uid) &&
	       !text_differs(c, "enabled", "true") && !text_differs(c, "is_domain", "false");
}

/* 1 when absent or empty; false, answered, when it is no number from 1 on. */
static bool read_number(struct call *c, const char *name, int64_t *ret)
{
	const char *text = form_get(&c->form, name);
	int64_t value = 1;
	if (text && text[0] &&
		(!call_int(slice_of(text), &value) || value < 1 || value > NUMBER_MOST)) {
		char message[96];
		(void)snprintf(message, sizeof(message), "Invalid parameter: %s.", name);
		iam_error(c, 400, "Bad Request", message);
		return false;
	}
	*ret = value;
	return true;
}

static void write_url(struct json *j, const struct call *c, const char *name, const char *id)
{
	_cleanup_(buf_done) struct buf url = BUF_NULL;
	buf_puts(&url, c->request->tls ? "https://" : "http://");
	buf_slice(&url, http_header(c->request, "host"));
	buf_printf(&url, "/v3/projects%s%s", id ? "/" : "", id ? id : "");
	json_field_slice(j, name, buf_as_slice(&url));
}

static void write_project(struct json *j, const struct call *c)
{
	json_begin_object(j);
	json_field(j, "id", c->account.project_id);
	json_field(j, "name", iam_project_name(c));
	json_field(j, "description", "");
	json_field(j, "domain_id", c->account.uid);
	json_field(j, "parent_id", c->account.uid);
	json_field_bool(j, "enabled", true);
	json_field_bool(j, "is_domain", false);
	json_key(j, "links");
	json_begin_object(j);
	write_url(j, c, "self", c->account.project_id);
	json_end_object(j);
	json_end_object(j);
}

void iam_projects_handle(struct call *c)
{
	struct json j;
	int64_t page, per_page;
	if (!slice_eq(c->request->method, SLICE("GET"))) {
		huawei_unknown(c);
		return;
	}
	if (!huawei_decode_query(c) || !huawei_authenticate(c) || !read_number(c, "page", &page) ||
		!read_number(c, "per_page", &per_page))
		return;
	huawei_json(c, 200, &j);
	json_key(&j, "projects");
	json_begin_array(&j);
	if (page == 1 && is_asked(c))
		write_project(&j, c);
	json_end_array(&j);
	json_key(&j, "links");
	json_begin_object(&j);
	write_url(&j, c, "self", NULL);
	json_field_null(&j, "next");
	json_field_null(&j, "previous");
	json_end_object(&j);
	json_end_object(&j);
}
