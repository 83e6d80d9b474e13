/* SPDX-License-Identifier: GPL-3.0-or-later */
/* audit */
#include "api/native/verbs.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     100000

static const char *text_or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static int put_entry(void *ctx, const struct audit_entry *e)
{
	struct json *j = ctx;
	json_begin_object(j);
	json_field_int(j, "id", e->id);
	verb_put_time(j, "time", e->time);
	json_field(j, "who", e->who);
	json_field(j, "from", text_or_null(e->from));
	json_field(j, "what", e->what);
	json_field(j, "object", e->object);
	json_field(j, "before", text_or_null(e->before));
	json_field(j, "after", text_or_null(e->after));
	json_field(j, "detail", text_or_null(e->detail));
	json_end_object(j);
	return 0;
}

/* "all": also the earlier lives of blocks by rules. Newest first. */
static int verb_audit(struct verb_call *call)
{
	struct audit_query q = {.account = call->account.id,
		.who = verb_text(call, "who"),
		.what = verb_text(call, "what"),
		.object = verb_text(call, "object"),
		.changes_only = !verb_flag(call, "all")};
	struct prefix p;
	char text[PREFIX_TEXT_MAX];
	int64_t limit;
	if (q.object && prefix_parse(slice_of(q.object), &p))
		q.object = prefix_format(&p, text); /* as it was written down */
	int r = verb_number(call, "since", 0, &q.since);
	if (r == 0)
		r = verb_number(call, "limit", LIMIT_DEFAULT, &limit);
	if (r != 0)
		return r;
	if (limit < 1 || limit > LIMIT_MAX)
		return err_set(call->err, CORE_INVALID, "limit: 1 to %d", LIMIT_MAX);
	q.limit = (unsigned)limit;
	json_begin_array(call->out);
	r = store_audit_query(core_store(call->core), &q, put_entry, call->out);
	json_end_array(call->out);
	return r;
}

const struct verb verbs_audit[] = {
	{"audit", verb_audit},
	{NULL, NULL},
};
