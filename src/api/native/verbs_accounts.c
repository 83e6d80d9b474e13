/* SPDX-License-Identifier: GPL-3.0-or-later */
/* accounts.list, accounts.add, accounts.close, accounts.open */
#include "api/native/verbs.h"

static void put_fields(struct json *j, const struct account *a)
{
	json_begin_object(j);
	json_field(j, "name", a->name);
	json_field(j, "account_id", a->uid);
	json_field(j, "project_id", a->project_id);
	json_field_bool(j, "closed", a->closed);
	json_end_object(j);
}

static int put_account(void *ctx, const struct account *a)
{
	put_fields(ctx, a);
	return 0;
}

static int verb_list(struct verb_call *call)
{
	json_begin_array(call->out);
	int r = store_account_each(core_store(call->core), put_account, call->out);
	json_end_array(call->out);
	return r;
}

static const char *wanted_name(struct verb_call *call)
{
	const char *name = verb_text(call, "name");
	if (!name || !name[0])
		(void)err_set(call->err, CORE_INVALID, "which account?");
	return name && name[0] ? name : NULL;
}

static int verb_add(struct verb_call *call)
{
	struct account a;
	const char *name = wanted_name(call);
	if (!name)
		return CORE_INVALID;
	int r = core_account_add(call->core, &call->caller, name, &a, call->err);
	if (r == 0)
		put_fields(call->out, &a);
	return r;
}

static int set_closed(struct verb_call *call, bool closed)
{
	const char *name = wanted_name(call);
	if (!name)
		return CORE_INVALID;
	int r = core_account_set_closed(call->core, &call->caller, name, closed, call->err);
	if (r == 0)
		verb_done(call);
	return r;
}

static int verb_close(struct verb_call *call)
{
	return set_closed(call, true);
}

static int verb_open(struct verb_call *call)
{
	return set_closed(call, false);
}

const struct verb verbs_accounts[] = {
	{"accounts.list", verb_list},
	{"accounts.add", verb_add},
	{"accounts.close", verb_close},
	{"accounts.open", verb_open},
	{NULL, NULL},
};
