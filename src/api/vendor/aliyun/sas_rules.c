/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Security Center 2018-12-03: rules against password guessing, made, changed and given to servers.
 * Sources: the vendor's pages of these operations; its clients for the types.
 *
 * Rules are the account's. A key that is limited to enterprise projects sees all of them, with its
 * own servers only; it changes those that hold on no others.
 */
#include "api/auth.h"
#include "api/vendor/aliyun/sas.h"
#include "base/clock.h"

/* The values that the vendor's pages allow, minutes and failures; each list ends with a 0. */
static const int64_t spans[] = {1, 2, 5, 10, 15, 0};
static const int64_t fail_counts[] = {2, 3, 4, 5, 10, 50, 80, 100, 0};
static const int64_t forbidden_times[] = {
	5, 15, 30, 60, 120, 360, 720, 1440, 10080, SAS_PERMANENT, 0};

/* --- reading --- */

static void refuse_value(struct call *c, const char *name, const int64_t *values)
{
	char message[192];
	int n = snprintf(
		message, sizeof(message), "Specified parameter %s is not valid: one of", name);
	for (size_t i = 0; values[i] && n > 0 && (size_t)n < sizeof(message); i++)
		n += snprintf(message + n, sizeof(message) - (size_t)n, "%s %lld", i ? "," : "",
			(long long)values[i]);
	aliyun_invalid(c, name, message);
}

/* *ret is left alone when the parameter is absent; false when answered. */
static bool read_value(struct call *c, const char *name, const int64_t *values, int64_t *ret)
{
	const char *text = aliyun_param(c, name);
	int64_t value;
	if (!text)
		return true;
	for (size_t i = 0; call_int(slice_of(text), &value) && values[i]; i++) {
		if (values[i] == value) {
			*ret = value;
			return true;
		}
	}
	refuse_value(c, name, values);
	return false;
}

static bool read_name(struct call *c, char ret[static RULE_NAME_MAX])
{
	const char *name = aliyun_param(c, "Name");
	if (!name)
		return true;
	size_t n = strlen(name);
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			n = RULE_NAME_MAX;
	if (n >= RULE_NAME_MAX) {
		aliyun_invalid(c, "Name",
			"Specified parameter Name is not valid: at most 127 bytes without control "
			"characters.");
		return false;
	}
	memcpy(ret, name, n + 1);
	return true;
}

/* The parameters that a new rule and a changed one share, into *r; false when answered. */
static bool read_rule(struct call *c, struct rule *r)
{
	int64_t span = 0, fail_count = r->fail_count, forbidden = 0;
	if (!read_name(c, r->name) || !read_value(c, "Span", spans, &span) ||
		!read_value(c, "FailCount", fail_counts, &fail_count) ||
		!read_value(c, "ForbiddenTime", forbidden_times, &forbidden) ||
		!aliyun_param_bool(c, "DefaultRule", &r->is_default) ||
		!sas_read_protocols(c, &r->services))
		return false;
	if (span)
		r->span = span * MS_MINUTE;
	if (forbidden)
		r->forbidden = forbidden * MS_MINUTE;
	r->fail_count = (uint32_t)fail_count;
	return true;
}

/* --- changing --- */

static void answer_put(struct call *c, int r, const struct rule *rule, const struct err *err)
{
	if (r < 0)
		aliyun_fault(c, "storing a rule", r);
	else if (r == CORE_EXISTS)
		aliyun_invalid(c, "Name", "There is a rule of this Name already.");
	else if (r == CORE_NOT_FOUND)
		aliyun_invalid(c, "Id", "There is no rule of this Id.");
	else
		aliyun_invalid(c, rule->id ? "Id" : "Name", err->text);
}

/* False when answered. uuids NULL: whose rule it is stays as it is. */
static bool put(struct call *c, struct rule *rule, const struct sas_uuids *uuids)
{
	const char *const *list = uuids->n ? uuids->list : NULL;
	unsigned bad = uuids->n;
	struct err err = {0};
	/* As the default it would hold on servers that are not the key's. */
	if (rule->is_default && c->key.projects[0]) {
		sas_no_permission(c);
		return false;
	}
	int r = core_rule_put(c->core, &c->who, rule, list, uuids->n, &bad, &err);
	if (r == CORE_NOT_FOUND && bad < uuids->n)
		sas_unknown_uuid(c, "UuidList", uuids->list[bad]);
	else if (r != 0)
		answer_put(c, r, rule, &err);
	return r == 0;
}

static bool has_new_params(struct call *c, const struct sas_uuids *uuids)
{
	static const char *const needed[] = {"Name", "Span", "FailCount", "ForbiddenTime"};
	if (!sas_has_params(c, needed, countof(needed)))
		return false;
	if (uuids->n == 0)
		aliyun_missing(c, "UuidList");
	return uuids->n > 0;
}

void sas_create_anti_brute_force_rule(struct call *c)
{
	_cleanup_(sas_uuids_done) struct sas_uuids uuids = {0};
	struct rule rule = {.account = c->account.id,
		.source = RULE_USER,
		.services = SAS_SERVICES_DEFAULT,
		.enabled = true,
		.created = c->request->time};
	struct json j;
	if (!sas_read_uuid_list(c, "UuidList", &uuids) || !has_new_params(c, &uuids) ||
		!read_rule(c, &rule) || !sas_check_uuids(c, "UuidList", &uuids) ||
		!put(c, &rule, &uuids))
		return;
	aliyun_success(c, &j);
	json_key(&j, "CreateAntiBruteForceRule");
	json_begin_object(&j);
	json_field_int(&j, "RuleId", rule.id);
	json_end_object(&j);
	json_end_object(&j);
}

static int take_row(void *ctx, const struct core_rule_row *row)
{
	struct rule *r = ctx;
	*r = row->rule;
	return 0;
}

static int see_host(void *ctx, const struct host *host)
{
	const struct access_key **key = ctx;
	if (*key && !auth_sees(*key, host->enterprise_project))
		*key = NULL;
	return 0;
}

/* 0, CORE_NOT_FOUND, CORE_DENIED (it holds on servers that are not the key's), or -errno. */
static int find_rule(struct call *c, int64_t id, struct rule *ret)
{
	struct core_rule_query q = {
		.account = c->account.id, .id = id, .users_only = true, .limit = 1};
	const struct access_key *key = &c->key;
	int64_t total = 0;
	int r = core_rules(c->reader, &q, take_row, ret, &total);
	if (r == 0 && total == 0)
		return CORE_NOT_FOUND;
	if (r != 0 || key->projects[0] == '\0')
		return r;
	r = core_rule_hosts(c->reader, c->account.id, id, see_host, &key);
	return r < 0 ? r : ret->is_default || !key ? CORE_DENIED : 0;
}

/* False when answered. */
static bool may_change(struct call *c, const char *name, int64_t id, struct rule *ret)
{
	int r = find_rule(c, id, ret);
	if (r < 0)
		aliyun_fault(c, "looking up a rule", r);
	else if (r == CORE_DENIED)
		sas_no_permission(c);
	else if (r == CORE_NOT_FOUND)
		aliyun_invalid(c, name, "There is no rule of this Id.");
	return r == 0;
}

void sas_modify_anti_brute_force_rule(struct call *c)
{
	static const char *const needed[] = {"Id"};
	_cleanup_(sas_uuids_done) struct sas_uuids uuids = {0};
	struct rule rule;
	int64_t id = 0;
	if (sas_has_params(c, needed, countof(needed)) &&
		aliyun_param_int(c, "Id", 1, INT64_MAX, &id) && may_change(c, "Id", id, &rule) &&
		read_rule(c, &rule) && sas_read_uuid_list(c, "UuidList", &uuids) &&
		sas_check_uuids(c, "UuidList", &uuids) && put(c, &rule, &uuids))
		aliyun_done(c);
}

/* Ids.1, Ids.2, …; false when answered. */
static bool read_ids(struct call *c, int64_t *ids, unsigned n)
{
	const char *texts[FORM_FIELDS_MAX];
	(void)aliyun_param_list(c, "Ids", texts, n);
	for (unsigned i = 0; i < n; i++) {
		struct rule rule;
		if (!call_int(slice_of(texts[i]), &ids[i]) || ids[i] < 1) {
			aliyun_invalid(c, "Ids",
				"Specified parameter Ids is not valid: integers are expected.");
			return false;
		}
		if (!may_change(c, "Ids", ids[i], &rule))
			return false;
	}
	return true;
}

void sas_delete_anti_brute_force_rule(struct call *c)
{
	int64_t ids[FORM_FIELDS_MAX];
	struct err err = {0};
	unsigned n = aliyun_param_list(c, "Ids", NULL, 0); /* no more than there are fields */
	if (n == 0) {
		aliyun_missing(c, "Ids");
		return;
	}
	if (!read_ids(c, ids, n))
		return;
	int r = core_rules_remove(c->core, &c->who, ids, n, &err);
	if (r == 0)
		aliyun_done(c);
	else if (r < 0)
		aliyun_fault(c, "removing rules", r);
	else
		aliyun_invalid(c, "Ids",
			r == CORE_NOT_FOUND ? "There is no rule of one of these Ids." : err.text);
}

void sas_modify_instance_anti_brute_force_rule(struct call *c)
{
	static const char *const needed[] = {"Uuid", "NewRuleId"};
	const char *uuid = aliyun_param(c, "Uuid");
	struct err err = {0};
	int64_t rule = 0;
	if (!sas_has_params(c, needed, countof(needed)) ||
		!aliyun_param_int(c, "NewRuleId", 0, INT64_MAX, &rule) ||
		!sas_check_uuid(c, "Uuid", uuid))
		return;
	int r = core_host_rule_set(c->core, &c->who, uuid, rule, &err);
	if (r == 0)
		aliyun_done(c);
	else if (r < 0)
		aliyun_fault(c, "giving a server its rule", r);
	else
		aliyun_invalid(c, "NewRuleId",
			r == CORE_NOT_FOUND ? "There is no rule of this Id." : err.text);
}
