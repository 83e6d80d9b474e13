/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Host Security Service v5: blocked addresses, listed and unblocked.
 * Source: the page "Querying the List of Blocked IP Addresses"; limits from
 * the pages of 2024. Only what the kernel once had is listed.
 */
#include "api/auth.h"
#include "api/vendor/huawei/huawei.h"
#include "base/clock.h"

#include <jansson.h>
#include <limits.h>

#define LIMIT_DEFAULT 10
#define LIMIT_MOST    1000
#define OFFSET_MOST   2000000
#define DAYS_MOST     30
#define CHANGES_MOST  100

#define DEFAULT_PROJECT "0"

/* "vsftp" without its d is the vendor's name. */
static const char *const login_types[SERVICE_COUNT] = {
	[SERVICE_NONE] = "",
	[SERVICE_SSH] = "ssh",
	[SERVICE_MYSQL] = "mysql",
	[SERVICE_RDP] = "rdp",
	[SERVICE_VSFTPD] = "vsftp",
};

/*
 * Of blocks that were once applied: one that is being put back after somebody
 * flushed the kernel still counts as intercepted, one that could not be as
 * canceled.
 */
static const char *const status_of[BLOCK_STATES] = {
	[BLOCK_WANTED] = "intercepted",
	[BLOCK_APPLIED] = "intercepted",
	[BLOCK_FAILED] = "canceled",
	[BLOCK_EXPIRED] = "canceled",
	[BLOCK_CANCELLING] = "cancelling",
	[BLOCK_CANCELED] = "canceled",
};

static void insufficient(struct call *c)
{
	huawei_error(c, 403, "HSS.0013", "Insufficient permissions.");
}

static int write_row(void *ctx, const struct block_row *row)
{
	struct json *j = ctx;
	const struct block *b = &row->block;
	char text[ADDR_TEXT_MAX];
	json_begin_object(j);
	json_field(j, "host_id", row->host.uuid);
	json_field(j, "host_name", row->host.name);
	json_field(j, "src_ip", addr_format(&b->trigger, text));
	json_field(j, "login_type", login_types[b->service]);
	json_field_int(j, "intercept_num", MIN_OF(b->attempts, (int64_t)INT32_MAX));
	json_field(j, "intercept_status", status_of[b->state]);
	json_field_int(j, "block_time", b->created);
	json_field_int(j, "latest_time", b->latest_attempt);
	json_end_object(j);
	return j->out->error;
}

/* A parameter, or NULL when absent or empty. */
static const char *param(const struct call *c, const char *name)
{
	const char *value = form_get(&c->form, name);
	return value && value[0] ? value : NULL;
}

static bool param_int(struct call *c, const char *name, int64_t least, int64_t most, int64_t *ret)
{
	const char *text = param(c, name);
	int64_t value;
	if (!text)
		return true;
	if (!call_int(slice_of(text), &value) || value < least || value > most) {
		huawei_invalid(c, name);
		return false;
	}
	*ret = value;
	return true;
}

static bool param_text(struct call *c, const char *name, size_t most, const char **ret)
{
	*ret = param(c, name);
	if (!*ret || strlen(*ret) <= most)
		return true;
	huawei_invalid(c, name);
	return false;
}

/* last_days, or begin_time and end_time (ms), of the latest attempt; not both. */
static bool read_span(struct call *c, struct block_query *q)
{
	int64_t days = 0;
	if (!param_int(c, "last_days", 1, DAYS_MOST, &days) ||
		!param_int(c, "begin_time", 0, INT64_MAX, &q->since) ||
		!param_int(c, "end_time", 0, INT64_MAX, &q->until))
		return false;
	if (days && (q->since || q->until)) {
		huawei_invalid(c, "last_days");
		return false;
	}
	if (q->until && q->until < q->since) {
		huawei_invalid(c, "end_time");
		return false;
	}
	if (days)
		q->since = c->request->time - days * MS_DAY;
	return true;
}

static bool read_status(struct call *c, struct block_query *q)
{
	const char *text = param(c, "intercept_status");
	for (unsigned s = 0; text && s < BLOCK_STATES; s++)
		if (strcmp(status_of[s], text) == 0)
			q->states |= 1u << s;
	if (!text || q->states)
		return true;
	huawei_invalid(c, "intercept_status");
	return false;
}

/*
 * *ret: the one enterprise project the call is limited to; NULL for all_granted_eps, all that the
 * key was granted. Absent it is "0", the default project: so the page of 2025. False when answered.
 */
static bool read_enterprise_project(struct call *c, const char **ret)
{
	const char *project;
	if (!param_text(c, "enterprise_project_id", 64, &project))
		return false;
	if (!project)
		project = DEFAULT_PROJECT;
	if (strcmp(project, "all_granted_eps") == 0) {
		*ret = NULL;
	} else if (auth_sees(&c->key, project)) {
		*ret = project;
	} else {
		insufficient(c);
		return false;
	}
	return true;
}

static bool read_query(struct call *c, struct block_query *q)
{
	const char *address = param(c, "src_ip");
	*q = (struct block_query){
		.account = c->account.id,
		.has_direction = BLOCK_IN + 1,
		.logins = true,
		.applied_once = true,
		.limit = LIMIT_DEFAULT,
		.enterprise_projects = c->key.projects,
		.has_address = address != NULL,
	};
	if (address && !addr_parse(slice_of(address), &q->address)) {
		huawei_invalid(c, "src_ip");
		return false;
	}
	return read_enterprise_project(c, &q->enterprise_project) &&
	       param_text(c, "host_name", 64, &q->host_name) && read_status(c, q) &&
	       read_span(c, q) && param_int(c, "offset", 0, OFFSET_MOST, &q->offset) &&
	       param_int(c, "limit", 1, LIMIT_MOST, &q->limit);
}

static void list_blocked(struct call *c)
{
	struct block_query q;
	int64_t total = 0;
	struct json j;
	if (!read_query(c, &q))
		return;
	/* The list first: its total is known when it is written. */
	huawei_json(c, 200, &j);
	json_key(&j, "data_list");
	json_begin_array(&j);
	int r = core_blocks(c->reader, &q, write_row, &j, &total);
	if (r < 0) {
		huawei_fault(c, "listing blocks", r);
		return;
	}
	json_end_array(&j);
	json_field_int(&j, "total_num", total);
	json_end_object(&j);
}

static enum service service_of(const char *login_type)
{
	for (unsigned s = SERVICE_NONE + 1; s < SERVICE_COUNT; s++)
		if (strcmp(login_types[s], login_type) == 0)
			return (enum service)s;
	return SERVICE_NONE;
}

/* One entry of the PUT's data_list; false when a field is missing or wrong. */
static bool read_entry(const json_t *entry, struct core_block_name *ret)
{
	const char *host = json_string_value(json_object_get(entry, "host_id"));
	const char *address = json_string_value(json_object_get(entry, "src_ip"));
	const char *login_type = json_string_value(json_object_get(entry, "login_type"));
	*ret = (struct core_block_name){.host_uuid = host};
	if (!host || !host[0] || !address || !login_type)
		return false;
	ret->service = service_of(login_type);
	return ret->service != SERVICE_NONE && addr_parse(slice_of(address), &ret->address);
}

static bool read_entries(struct call *c, const json_t *body, struct core_block_name *names)
{
	const json_t *list = json_object_get(body, "data_list");
	size_t n = json_array_size(list); /* 0 for all but arrays */
	if (n < 1 || n > CHANGES_MOST) {
		huawei_invalid(c, "data_list");
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if (!read_entry(json_array_get(list, i), &names[i])) {
			huawei_invalid(c, "data_list");
			return false;
		}
	}
	return true;
}

static void not_found(struct call *c)
{
	huawei_error(c, 400, "HSS.0011", "Requested resource not found.");
}

static bool is_within(const struct call *c, const struct host *h, const char *project)
{
	return project ? strcmp(h->enterprise_project, project) == 0
		       : auth_sees(&c->key, h->enterprise_project);
}

/*
 * All servers must be of the enterprise project that the call is limited to, or of those the key
 * was granted; false when answered.
 */
static bool check_project(
	struct call *c, const char *project, const struct core_block_name *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct host host;
		int r = core_host_by_uuid(c->reader, c->account.id, names[i].host_uuid, &host);
		if (r < 0) {
			huawei_fault(c, "looking up a host", r);
			return false;
		}
		if (r > 0 || !is_within(c, &host, project)) {
			not_found(c);
			return false;
		}
	}
	return true;
}

static void change_blocked(struct call *c)
{
	struct core_block_name names[CHANGES_MOST];
	struct err err = {0};
	struct slice text = c->request->body;
	const char *project;
	_cleanup_(json_decrefp) json_t *body =
		json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL);
	if (!body) {
		huawei_error(c, 400, "HSS.0002", "Failed to parse the request.");
		return;
	}
	if (!read_enterprise_project(c, &project) || !read_entries(c, body, names))
		return;
	unsigned n = (unsigned)json_array_size(json_object_get(body, "data_list"));
	if (!check_project(c, project, names, n))
		return;
	int r = core_blocks_cancel(c->core, &c->who, names, n, NULL, &err);
	if (r < 0) {
		huawei_fault(c, "lifting blocks", r);
	} else if (r == CORE_NOT_FOUND) {
		not_found(c);
	} else if (r > 0) {
		huawei_error(c, 400, "HSS.0001", err.text);
	} else {
		c->response->status = 200; /* without a body, as documented */
		http_add(c->response, "X-Request-Id", c->id);
	}
}

static const struct operation {
	const char *method, *path; /* behind /v5/{project_id} */
	const char *permission;
	void (*handle)(struct call *c);
} operations[] = {
	{"GET", "/event/blocked-ip", "hss:blockedIp:list", list_blocked},
	{"PUT", "/event/blocked-ip", "hss:blockedIp:change", change_blocked},
};

/* Splits /v5/{project_id}/… ; NULL when there is no such operation. */
static const struct operation *find(const struct http_request *rq, struct slice *ret_project)
{
	struct slice rest = slice_skip(rq->path, strlen("/v5/"));
	const char *slash = memchr(rest.p, '/', rest.n);
	if (!slash)
		return NULL;
	*ret_project = slice_between(rest.p, slash);
	rest = slice_skip(rest, ret_project->n);
	if (rest.n > 1 && slice_ends(rest, SLICE("/")))
		rest.n--;
	for (size_t i = 0; i < countof(operations); i++)
		if (slice_eq(slice_of(operations[i].path), rest) &&
			slice_eq(slice_of(operations[i].method), rq->method))
			return &operations[i];
	return NULL;
}

void hss_handle(struct call *c)
{
	struct slice project;
	const struct operation *op = find(c->request, &project);
	if (!op) {
		huawei_unknown(c);
		return;
	}
	if (!huawei_decode_query(c) || !huawei_authenticate(c))
		return;
	if (!slice_eq(project, slice_of(c->account.project_id)))
		huawei_error(c, 403, "HSS.0010", "Access denied.");
	else if (!auth_allows(&c->key, op->permission))
		insufficient(c);
	else if (http_header(c->request, "region").n > 128)
		huawei_invalid(c, "region");
	else
		op->handle(c);
}
