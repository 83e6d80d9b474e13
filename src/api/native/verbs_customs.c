/* SPDX-License-Identifier: GPL-3.0-or-later */
/* customs, customs.show */
#include "api/native/verbs.h"

#define LIMIT_DEFAULT 100
#define LIMIT_MAX     100000

/* Questions of core are asked of a read connection: it sees what has been committed. */
static void reader_closep(struct core_reader **r)
{
	*r = core_reader_close(*r);
}

static void put_fields(struct json *j, const struct custom_block *cb)
{
	static const char *const status[] = {"off", "enabled", "failed"};
	char text[PREFIX_TEXT_MAX];
	json_field_int(j, "id", cb->id);
	json_field(j, "target", prefix_format(&cb->target, text));
	json_field(j, "direction", cb->direction == BLOCK_OUT ? "out" : "in");
	json_field(j, "status", status[cb->status]);
	json_field_bool(j, "enabled", cb->enabled);
	json_field_bool(j, "everywhere", cb->everywhere);
	json_field_int(j, "servers", cb->servers);
	json_field_int(j, "applied", cb->applied);
	verb_put_time(j, "created", cb->created);
	verb_put_time(j, "expires", cb->expires);
	json_field_bool(j, "permanent", cb->expires == BLOCK_FOREVER);
	json_field(j, "why", cb->why);
}

static int put_custom(void *ctx, const struct custom_block *cb)
{
	struct json *j = ctx;
	json_begin_object(j);
	put_fields(j, cb);
	json_end_object(j);
	return 0;
}

static int verb_customs(struct verb_call *call)
{
	_cleanup_(reader_closep) struct core_reader *reader = NULL;
	struct custom_query q = {.account = call->account.id};
	int64_t total = 0;
	int r = verb_number(call, "limit", LIMIT_DEFAULT, &q.limit);
	if (r == 0)
		r = verb_number(call, "offset", 0, &q.offset);
	if (r == 0 && (q.limit < 0 || q.limit > LIMIT_MAX || q.offset < 0))
		r = err_set(call->err, CORE_INVALID, "limit: 0 to %d", LIMIT_MAX);
	if (r == 0)
		r = core_reader_open(call->core, &reader, call->err);
	if (r != 0)
		return r;
	json_begin_object(call->out);
	json_key(call->out, "customs");
	json_begin_array(call->out);
	r = core_customs(reader, &q, put_custom, call->out, &total);
	json_end_array(call->out);
	json_field_int(call->out, "total", total);
	json_end_object(call->out);
	return r;
}

/* An agent that observes is no more online than one that is away, but it answers. */
static const char *error_of(struct core *c, const struct core_custom_instance *i)
{
	bool answers = i->state == BLOCK_WANTED && core_agent_observes(c, i->host.id);
	return i->error[0] && !answers ? i->error : NULL;
}

static int put_instance(void *ctx, const struct core_custom_instance *i)
{
	struct verb_call *call = ctx;
	struct json *j = call->out;
	json_begin_object(j);
	json_field(j, "host", i->host.name);
	json_field(j, "uuid", i->host.uuid);
	json_field(j, "state", block_state_name(i->state));
	json_field(j, "error", error_of(call->core, i));
	json_end_object(j);
	return 0;
}

static int put_shown(
	struct verb_call *call, struct core_reader *reader, const struct custom_block *cb)
{
	struct json *j = call->out;
	json_begin_object(j);
	put_fields(j, cb);
	json_key(j, "instances");
	json_begin_array(j);
	int r = core_custom_instances(reader, cb, put_instance, call);
	json_end_array(j);
	json_end_object(j);
	return r;
}

/* {"target": ADDR}: those of this very target, one or two, with their servers. */
static int verb_show(struct verb_call *call)
{
	_cleanup_(reader_closep) struct core_reader *reader = NULL;
	struct prefix target;
	struct custom_block cb;
	unsigned n = 0;
	int r = verb_prefix(call, "target", &target);
	if (r == 0)
		r = core_reader_open(call->core, &reader, call->err);
	if (r != 0)
		return r;
	json_begin_array(call->out);
	for (enum block_direction d = BLOCK_IN; d <= BLOCK_OUT && r >= 0; d++) {
		r = core_custom_find(reader, call->account.id, &target, d, &cb);
		n += r == 0;
		if (r == 0)
			r = put_shown(call, reader, &cb);
	}
	json_end_array(call->out);
	if (r < 0)
		return r;
	char text[PREFIX_TEXT_MAX];
	return n > 0 ? 0
		     : err_set(call->err, CORE_NOT_FOUND, "no custom block of %s",
			       prefix_format(&target, text));
}

const struct verb verbs_customs[] = {
	{"customs", verb_customs},
	{"customs.show", verb_show},
	{NULL, NULL},
};
