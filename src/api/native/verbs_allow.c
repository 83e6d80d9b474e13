/* SPDX-License-Identifier: GPL-3.0-or-later */
/* allow.list, allow.add, allow.remove */
#include "api/native/verbs.h"
#include "model/settings.h"

/* An agent's list is its server's. */
static int put_allowed(void *ctx, const struct allow_entry *e)
{
	char text[PREFIX_TEXT_MAX];
	const struct verb_call *call = ctx;
	struct json *j = call->out;
	bool agent = core_settings(call->core)->role == ROLE_AGENT;
	json_begin_object(j);
	json_field(j, "prefix", prefix_format(&e->prefix, text));
	json_field(j, "why", e->why);
	json_field(j, "from", agent ? "server" : "command");
	verb_put_time(j, "created", e->created);
	json_end_object(j);
	return 0;
}

/* The file's entries are the first account's, as the machine itself is. */
static void put_configured(struct verb_call *call)
{
	const struct settings *s = core_settings(call->core);
	struct core_status status;
	core_get_status(call->core, &status);
	for (unsigned i = 0; i < s->allow_count && status.account.id == call->account.id; i++) {
		char text[PREFIX_TEXT_MAX];
		json_begin_object(call->out);
		json_field(call->out, "prefix", prefix_format(&s->allow[i], text));
		json_field(call->out, "why", "");
		json_field(call->out, "from", "configuration");
		json_field_null(call->out, "created");
		json_end_object(call->out);
	}
}

static int verb_list(struct verb_call *call)
{
	json_begin_array(call->out);
	put_configured(call);
	int r = store_allow_each(core_store(call->core), call->account.id, put_allowed, call);
	json_end_array(call->out);
	return r;
}

static int verb_add(struct verb_call *call)
{
	struct prefix p;
	int r = verb_prefix(call, "prefix", &p);
	if (r == 0)
		r = core_allow_add(
			call->core, &call->caller, &p, verb_text(call, "why"), call->err);
	if (r == 0)
		verb_done(call);
	return r;
}

static int verb_remove(struct verb_call *call)
{
	struct prefix p;
	int r = verb_prefix(call, "prefix", &p);
	if (r == 0)
		r = core_allow_remove(call->core, &call->caller, &p, call->err);
	if (r == 0)
		verb_done(call);
	return r;
}

const struct verb verbs_allow[] = {
	{"allow.list", verb_list},
	{"allow.add", verb_add},
	{"allow.remove", verb_remove},
	{NULL, NULL},
};
