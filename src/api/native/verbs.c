/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/native/verbs.h"

#include "base/clock.h"

static const struct verb *const groups[] = {verbs_status, verbs_blocks, verbs_block, verbs_customs,
	verbs_allow, verbs_rules, verbs_hosts, verbs_keys, verbs_accounts, verbs_audit};

const struct verb *verbs_find(const char *name)
{
	for (size_t i = 0; i < countof(groups); i++)
		for (const struct verb *v = groups[i]; v->name; v++)
			if (strcmp(v->name, name) == 0)
				return v;
	return NULL;
}

const char *verb_text(const struct verb_call *call, const char *name)
{
	return json_string_value(json_object_get(call->args, name));
}

bool verb_flag(const struct verb_call *call, const char *name)
{
	return json_is_true(json_object_get(call->args, name));
}

int verb_number(const struct verb_call *call, const char *name, int64_t otherwise, int64_t *ret)
{
	const json_t *value = json_object_get(call->args, name);
	if (value && !json_is_integer(value))
		return err_set(call->err, CORE_INVALID, "%s: not a number", name);
	*ret = value ? json_integer_value(value) : otherwise;
	return 0;
}

int verb_prefix(const struct verb_call *call, const char *name, struct prefix *ret)
{
	const char *text = verb_text(call, name);
	if (!text)
		return err_set(call->err, CORE_INVALID, "%s is missing", name);
	if (!prefix_parse(slice_of(text), ret))
		return err_set(call->err, CORE_INVALID, "%s: not an address or prefix", text);
	return 0;
}

void verb_done(struct verb_call *call)
{
	json_begin_object(call->out);
	json_end_object(call->out);
}

void verb_put_time(struct json *j, const char *name, int64_t ms)
{
	char text[CLOCK_TEXT_MAX];
	if (ms == BLOCK_FOREVER || ms <= 0)
		json_field_null(j, name);
	else
		json_field(j, name, clock_format(ms, text));
}
