/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rules.list, rules.add, rules.change, rules.remove, rules.use */
#include "api/native/hosts.h"
#include "model/settings.h"

#include <errno.h>

#define RULES_SHOWN 4096

static void put_services(struct json *j, uint32_t services)
{
	json_key(j, "services");
	json_begin_array(j);
	for (enum service s = SERVICE_SSH; s < SERVICE_COUNT; s++)
		if (services & SERVICE_BIT(s))
			json_text(j, service_name(s));
	json_end_array(j);
}

static bool is_configured(const struct settings *s, const struct rule *r)
{
	for (unsigned i = 0; i < s->rule_count; i++)
		if (strcmp(s->rules[i].name, r->name) == 0)
			return true;
	return r->source == RULE_BLINK;
}

struct listing {
	struct verb_call *call;
	struct core_reader *reader;
};

static int put_name(void *ctx, const struct host *h)
{
	json_text(ctx, h->name);
	return 0;
}

static int put_rule(void *ctx, const struct core_rule_row *row)
{
	struct listing *l = ctx;
	const struct rule *r = &row->rule;
	struct json *j = l->call->out;
	json_begin_object(j);
	json_field_int(j, "id", r->id);
	json_field(j, "name", r->name);
	json_field(j, "source", r->source == RULE_BLINK ? "system" : "user");
	json_field_int(j, "fail_count", r->fail_count);
	json_field_int(j, "span_ms", r->span);
	json_field_int(j, "forbidden_ms", r->forbidden >= RULE_PERMANENT ? -1 : r->forbidden);
	put_services(j, r->services);
	json_field_bool(j, "enabled", r->enabled);
	json_field_bool(j, "default", r->is_default);
	json_field_int(j, "servers", row->machines);
	json_key(j, "hosts");
	json_begin_array(j);
	int result = core_rule_hosts(l->reader, l->call->account.id, r->id, put_name, j);
	json_end_array(j);
	json_field_bool(j, "from_configuration", is_configured(core_settings(l->call->core), r));
	json_end_object(j);
	return result;
}

/* All of them (id 0), or that one. */
static int put_rules(struct verb_call *call, int64_t id)
{
	struct listing l = {.call = call};
	const struct core_rule_query q = {
		.account = call->account.id, .id = id, .limit = RULES_SHOWN};
	int64_t total;
	int r = core_reader_open(call->core, &l.reader, call->err);
	if (r == 0)
		r = core_rules(l.reader, &q, put_rule, &l, &total);
	(void)core_reader_close(l.reader);
	return r;
}

static int verb_list(struct verb_call *call)
{
	json_begin_array(call->out);
	int r = put_rules(call, 0);
	json_end_array(call->out);
	return r;
}

static int parse_services(struct verb_call *call, uint32_t *ret)
{
	const json_t *list = json_object_get(call->args, "services");
	size_t i;
	json_t *one;
	if (!list)
		return 0;
	*ret = 0;
	json_array_foreach (list, i, one) {
		const char *name = json_string_value(one);
		enum service s = name ? service_parse(slice_of(name)) : SERVICE_NONE;
		if (s == SERVICE_NONE)
			return err_set(
				call->err, CORE_INVALID, "%s: not a service", name ? name : "?");
		*ret |= SERVICE_BIT(s);
	}
	return 0;
}

static int fill_rule(struct verb_call *call, struct rule *rule)
{
	int64_t fail_count, enabled;
	int r = verb_number(call, "fail_count", rule->fail_count, &fail_count);
	if (r == 0)
		r = verb_number(call, "span_ms", rule->span, &rule->span);
	if (r == 0)
		r = verb_number(call, "forbidden_ms", rule->forbidden, &rule->forbidden);
	if (r == 0)
		r = verb_number(call, "enabled", rule->enabled, &enabled);
	if (r == 0)
		r = parse_services(call, &rule->services);
	if (r != 0)
		return r;
	if (fail_count < 1 || fail_count > 1000)
		return err_set(call->err, CORE_INVALID, "failures: 1 to 1000");
	rule->fail_count = (uint32_t)fail_count;
	rule->enabled = enabled != 0;
	return 0;
}

struct search {
	const char *name;
	struct rule rule;
};

static int find_name(void *ctx, const struct rule *r)
{
	struct search *s = ctx;
	if (strcmp(r->name, s->name) != 0)
		return 0;
	s->rule = *r;
	return 1;
}

static int find_rule(struct verb_call *call, const char *name, struct rule *ret)
{
	struct search s = {.name = name};
	int known = store_rule_each(core_store(call->core), call->account.id, find_name, &s);
	if (known < 0)
		return known;
	if (known == 0)
		return err_set(call->err, CORE_NOT_FOUND, "no rule %s", name);
	*ret = s.rule;
	return 0;
}

static bool is_good_name(const char *name)
{
	return name && name[0] && strlen(name) < RULE_NAME_MAX && strcmp(name, "default") != 0;
}

/* hosts: it holds on these; all: where a server has none of its own; neither: as before. */
static int store_rule(struct verb_call *call, struct rule *rule)
{
	struct hosts_named hosts;
	unsigned bad;
	bool all = verb_flag(call, "all");
	int r = hosts_named(call, "hosts", &hosts);
	if (r != 0)
		return r;
	_cleanup_(freep) const char **uuids = calloc(hosts.n + 1, sizeof(*uuids));
	for (unsigned i = 0; uuids && i < hosts.n; i++)
		uuids[i] = hosts.uuids[i];
	rule->is_default = all || (rule->is_default && hosts.n == 0);
	r = uuids ? core_rule_put(call->core, &call->caller, rule,
			    all || hosts.n > 0 ? uuids : NULL, all ? 0 : hosts.n, &bad, call->err)
		  : -ENOMEM;
	free(hosts.uuids);
	return r;
}

static int put(struct verb_call *call, bool change)
{
	const char *name = verb_text(call, "name");
	if (!is_good_name(name))
		return err_set(call->err, CORE_INVALID,
			"a rule needs a name (127 bytes at most, not \"default\")");
	struct rule rule = {.account = call->account.id,
		.source = RULE_USER,
		.fail_count = 5,
		.span = 600000,
		.forbidden = 3600000,
		.services = SERVICE_ALL,
		.is_default = true,
		.enabled = true};
	(void)snprintf(rule.name, sizeof(rule.name), "%s", name);
	int r = change ? find_rule(call, name, &rule) : 0;
	if (r == 0)
		r = fill_rule(call, &rule);
	if (r == 0)
		r = store_rule(call, &rule);
	return r == 0 ? put_rules(call, rule.id) : r;
}

static int verb_add(struct verb_call *call)
{
	return put(call, false);
}

static int verb_change(struct verb_call *call)
{
	return put(call, true);
}

static int verb_remove(struct verb_call *call)
{
	const char *name = verb_text(call, "name");
	if (!name)
		return err_set(call->err, CORE_INVALID, "a rule needs a name");
	int r = core_rule_remove(call->core, &call->caller, name, call->err);
	if (r == 0)
		verb_done(call);
	return r;
}

/* {"host", "rule"}: the server has this rule of its own; without a rule: the default ones. */
static int verb_use(struct verb_call *call)
{
	const char *which = verb_text(call, "host"), *name = verb_text(call, "rule");
	struct rule rule = {0};
	struct host h;
	int r = which ? hosts_find(call, which, &h)
		      : err_set(call->err, CORE_INVALID, "which server?");
	if (r == 0 && name)
		r = find_rule(call, name, &rule);
	if (r == 0)
		r = core_host_rule_set(call->core, &call->caller, h.uuid, rule.id, call->err);
	if (r == 0)
		verb_done(call);
	return r;
}

const struct verb verbs_rules[] = {
	{"rules.list", verb_list},
	{"rules.add", verb_add},
	{"rules.change", verb_change},
	{"rules.remove", verb_remove},
	{"rules.use", verb_use},
	{NULL, NULL},
};
