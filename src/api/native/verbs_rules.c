/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rules.list, rules.add, rules.change, rules.remove */
#include "api/native/verbs.h"
#include "model/settings.h"

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

static int put_rule(void *ctx, const struct rule *r)
{
	struct verb_call *call = ctx;
	struct json *j = call->out;
	json_begin_object(j);
	json_field_int(j, "id", r->id);
	json_field(j, "name", r->name);
	json_field(j, "source", r->source == RULE_BLINK ? "system" : "user");
	json_field_int(j, "fail_count", r->fail_count);
	json_field_int(j, "span_ms", r->span);
	json_field_int(j, "forbidden_ms", r->forbidden >= RULE_PERMANENT ? -1 : r->forbidden);
	put_services(j, r->services);
	json_field_bool(j, "enabled", r->enabled);
	json_field_bool(j, "from_configuration", is_configured(core_settings(call->core), r));
	json_end_object(j);
	return 0;
}

static int verb_list(struct verb_call *call)
{
	json_begin_array(call->out);
	int r = store_rule_each(core_store(call->core), call->caller.account, put_rule, call);
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

static int put(struct verb_call *call, bool change)
{
	struct search s = {.name = verb_text(call, "name")};
	if (!s.name || !s.name[0] || strlen(s.name) >= sizeof(s.rule.name))
		return err_set(call->err, CORE_INVALID, "a rule needs a name (127 bytes at most)");
	s.rule = (struct rule){.fail_count = 5,
		.span = 600000,
		.forbidden = 3600000,
		.services = SERVICE_ALL,
		.is_default = true,
		.enabled = true};
	(void)snprintf(s.rule.name, sizeof(s.rule.name), "%s", s.name);
	if (change) {
		int known = store_rule_each(
			core_store(call->core), call->caller.account, find_name, &s);
		if (known < 0)
			return known;
		if (known == 0)
			return err_set(call->err, CORE_NOT_FOUND, "no rule %s", s.name);
	}
	int r = fill_rule(call, &s.rule);
	if (r == 0)
		r = core_rule_put(call->core, &call->caller, &s.rule, call->err);
	return r == 0 ? put_rule(call, &s.rule) : r;
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
	if (r == 0) {
		json_begin_object(call->out);
		json_end_object(call->out);
	}
	return r;
}

const struct verb verbs_rules[] = {
	{"rules.list", verb_list},
	{"rules.add", verb_add},
	{"rules.change", verb_change},
	{"rules.remove", verb_remove},
	{NULL, NULL},
};
