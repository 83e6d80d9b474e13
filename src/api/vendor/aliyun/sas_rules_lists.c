/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Security Center 2018-12-03: which rules there are, and which one holds on which server. */
#include "api/auth.h"
#include "api/vendor/aliyun/sas.h"
#include "base/clock.h"

#include <errno.h>

#define INSTANCES_MOST 10000 /* servers on a page; the default, too */

static int64_t minutes(int64_t ms)
{
	if (ms >= RULE_PERMANENT)
		return SAS_PERMANENT;
	return (ms + MS_MINUTE - 1) / MS_MINUTE;
}

struct writing {
	struct json *json;
	const struct access_key *key;
};

static int write_uuid(void *ctx, const struct host *host)
{
	const struct writing *w = ctx;
	if (auth_sees(w->key, host->enterprise_project))
		json_text(w->json, host->uuid);
	return w->json->out->error;
}

static int write_rule(struct call *c, struct json *j, const struct core_rule_row *row)
{
	const struct rule *rule = &row->rule;
	struct writing w = {j, &c->key};
	json_begin_object(j);
	json_field_int(j, "Id", rule->id);
	json_field(j, "Name", rule->name);
	json_field_int(j, "Span", minutes(rule->span));
	json_field_int(j, "FailCount", rule->fail_count);
	json_field_int(j, "ForbiddenTime", minutes(rule->forbidden));
	json_field_bool(j, "DefaultRule", rule->is_default);
	json_field_bool(j, "EnableSmartRule", false);
	json_field_int(j, "MachineCount", row->machines);
	json_field_int(j, "CreateTimestamp", rule->created);
	sas_write_protocols(j, rule->services);
	json_key(j, "UuidList");
	json_begin_array(j);
	int r = core_rule_hosts(c->reader, c->account.id, rule->id, write_uuid, &w);
	json_end_array(j);
	json_end_object(j);
	return r;
}

struct rows {
	struct core_rule_row *list;
	unsigned n, size;
};

static void rows_done(struct rows *r)
{
	free(r->list);
}

static int rows_add(void *ctx, const struct core_rule_row *row)
{
	struct rows *rows = ctx;
	if (rows->n == rows->size) {
		unsigned size = rows->size ? rows->size * 2 : SAS_PAGE_DEFAULT;
		struct core_rule_row *more = reallocarray(rows->list, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		rows->list = more;
		rows->size = size;
	}
	rows->list[rows->n++] = *row;
	return 0;
}

static void write_rules(
	struct call *c, const struct rows *rows, struct sas_page *page, int64_t total)
{
	struct json j;
	int r = 0;
	aliyun_success(c, &j);
	json_key(&j, "Rules");
	json_begin_array(&j);
	for (unsigned i = 0; r >= 0 && i < rows->n; i++, page->count++)
		r = write_rule(c, &j, &rows->list[i]);
	if (r < 0) {
		aliyun_fault(c, "listing the servers of a rule", r);
		return;
	}
	json_end_array(&j);
	sas_write_page(&j, page, total);
	json_end_object(&j);
}

void sas_describe_anti_brute_force_rules(struct call *c)
{
	_cleanup_(rows_done) struct rows rows = {0};
	struct sas_page page;
	struct core_rule_query q = {
		.account = c->account.id, .name = aliyun_param(c, "Name"), .users_only = true};
	int64_t total = 0;
	if (!sas_read_page(c, SAS_PAGE_DEFAULT, SAS_PAGE_MOST, &page) ||
		!aliyun_param_int(c, "Id", 1, INT64_MAX, &q.id))
		return;
	q.offset = sas_page_offset(&page);
	q.limit = page.size;
	int r = core_rules(c->reader, &q, rows_add, &rows, &total);
	if (r < 0)
		aliyun_fault(c, "listing rules", r);
	else
		write_rules(c, &rows, &page, total);
}

struct instances {
	struct json *json;
	const struct access_key *key;
	struct sas_page page;
	int64_t total;
};

static int write_instance(void *ctx, const struct host *host, const struct rule *rule)
{
	struct instances *list = ctx;
	struct json *j = list->json;
	int64_t first = sas_page_offset(&list->page);
	if (!auth_sees(list->key, host->enterprise_project))
		return 0;
	int64_t at = list->total++;
	if (at < first || at >= first + list->page.size)
		return 0;
	json_begin_object(j);
	json_field_int(j, "Id", rule->id);
	json_field(j, "Name", rule->name);
	json_field(j, "Uuid", host->uuid);
	json_end_object(j);
	list->page.count++;
	return j->out->error;
}

/* What the account has not, or the key may not see, has no rules; false when answered. */
static bool keep_known(struct call *c, struct sas_uuids *uuids)
{
	unsigned n = 0;
	for (unsigned i = 0; i < uuids->n; i++) {
		bool has;
		if (!sas_has_server(c, uuids->list[i], &has))
			return false;
		if (has)
			uuids->list[n++] = uuids->list[i];
	}
	uuids->n = n;
	return true;
}

void sas_describe_instance_anti_brute_force_rules(struct call *c)
{
	_cleanup_(sas_uuids_done) struct sas_uuids uuids = {0};
	struct json j;
	struct instances list = {.json = &j, .key = &c->key};
	int r = 0;
	if (!sas_read_page(c, INSTANCES_MOST, INSTANCES_MOST, &list.page) ||
		!sas_read_uuid_list(c, "UuidList", &uuids))
		return;
	bool all = uuids.n == 0;
	if (!keep_known(c, &uuids))
		return;
	aliyun_success(c, &j);
	json_key(&j, "Rules");
	json_begin_array(&j);
	if (all || uuids.n > 0)
		r = core_host_rules(
			c->reader, c->account.id, uuids.list, uuids.n, write_instance, &list);
	if (r < 0) {
		aliyun_fault(c, "listing the rules of servers", r);
		return;
	}
	json_end_array(&j);
	sas_write_page(&j, &list.page, list.total);
	json_end_object(&j);
}
