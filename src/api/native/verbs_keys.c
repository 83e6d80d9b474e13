/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keys.list, keys.create, keys.remove, keys.disable, keys.enable, keys.token */
#include "api/native/verbs.h"
#include "base/clock.h"

#include <sodium/utils.h>

static void put_times(struct json *j, const struct access_key *k)
{
	verb_put_time(j, "created", k->created);
	verb_put_time(j, "expires", k->expires);
}

/* One text a line becomes a list. */
static void put_lines(struct json *j, const char *name, const char *lines)
{
	json_key(j, name);
	json_begin_array(j);
	struct slice rest = slice_of(lines);
	while (rest.n > 0) {
		const char *end = memchr(rest.p, '\n', rest.n);
		size_t n = end ? (size_t)(end - rest.p) : rest.n;
		json_slice(j, (struct slice){rest.p, n});
		rest = slice_skip(rest, n + (end ? 1 : 0));
	}
	json_end_array(j);
}

static void put_grants(struct json *j, const struct access_key *k)
{
	put_lines(j, "allow", k->allow);
	put_lines(j, "enterprise_projects", k->projects);
}

static int put_key(void *ctx, const struct access_key *k)
{
	struct json *j = ctx;
	json_begin_object(j);
	json_field(j, "access_key_id", k->id);
	json_field(j, "name", k->name);
	put_grants(j, k);
	json_field_bool(j, "active", k->active);
	put_times(j, k);
	json_end_object(j);
	return 0;
}

static int verb_list(struct verb_call *call)
{
	json_begin_array(call->out);
	int r = store_key_each(core_store(call->core), call->account.id, put_key, call->out);
	json_end_array(call->out);
	return r;
}

/* A list becomes one text a line; without one it is `otherwise`. */
static int fill_lines(
	struct verb_call *call, const char *name, const char *otherwise, char *ret, size_t size)
{
	const json_t *list = json_object_get(call->args, name);
	size_t i, n = 0;
	json_t *one;
	if (json_array_size(list) == 0)
		n = (size_t)snprintf(ret, size, "%s", otherwise);
	json_array_foreach (list, i, one) {
		const char *text = json_string_value(one);
		if (!text || !text[0] || strchr(text, '\n'))
			return err_set(call->err, CORE_INVALID, "%s: not a name", name);
		if (n + strlen(text) + 2 > size)
			return err_set(call->err, CORE_INVALID, "%s: too many", name);
		n += (size_t)snprintf(ret + n, size - n, "%s%s", n ? "\n" : "", text);
	}
	return 0;
}

static void put_new_key(struct verb_call *call, const struct access_key *k)
{
	json_begin_object(call->out);
	json_field(call->out, "access_key_id", k->id);
	json_field(call->out, "secret_access_key", k->secret);
	if (k->security_token[0])
		json_field(call->out, "security_token", k->security_token);
	json_field(call->out, "account_id", call->account.uid);
	json_field(call->out, "project_id", call->account.project_id);
	json_field(call->out, "name", k->name);
	put_grants(call->out, k);
	put_times(call->out, k);
	json_end_object(call->out);
}

static int verb_create(struct verb_call *call)
{
	struct access_key k = {.account = call->account.id};
	const char *name = verb_text(call, "name");
	int64_t life;
	int r = verb_number(call, "life_ms", 0, &life);
	if (r != 0)
		return r;
	if (!name || strlen(name) >= sizeof(k.name))
		return err_set(call->err, CORE_INVALID, "a key needs a name (63 bytes at most)");
	(void)snprintf(k.name, sizeof(k.name), "%s", name);
	k.expires = life > 0 && life < RULE_PERMANENT ? clock_now() + life : INT64_MAX;
	r = fill_lines(call, "allow", "*", k.allow, sizeof(k.allow));
	if (r == 0)
		r = fill_lines(call, "enterprise_projects", "", k.projects, sizeof(k.projects));
	if (r == 0)
		r = core_key_create(call->core, &call->caller, &k, call->err);
	if (r == 0)
		put_new_key(call, &k);
	sodium_memzero(&k, sizeof(k));
	return r;
}

static int verb_remove(struct verb_call *call)
{
	const char *id = verb_text(call, "id");
	if (!id)
		return err_set(call->err, CORE_INVALID, "which key?");
	int r = core_key_remove(call->core, &call->caller, id, call->err);
	if (r == 0)
		verb_done(call);
	return r;
}

static int set_active(struct verb_call *call, bool active)
{
	const char *id = verb_text(call, "id");
	if (!id)
		return err_set(call->err, CORE_INVALID, "which key?");
	int r = core_key_set_active(call->core, &call->caller, id, active, call->err);
	if (r == 0) {
		json_begin_object(call->out);
		json_field(call->out, "access_key_id", id);
		json_field_bool(call->out, "active", active);
		json_end_object(call->out);
	}
	return r;
}

static int verb_disable(struct verb_call *call)
{
	return set_active(call, false);
}

static int verb_enable(struct verb_call *call)
{
	return set_active(call, true);
}

/* The key of a token: the named one, else one made for it that allows everything. Names are
   one for all accounts: that of a further account's has its number. */
static int token_key(struct verb_call *call, struct access_key *k)
{
	char own[40] = "cli-token";
	const char *name = verb_text(call, "name");
	struct core_status status;
	core_get_status(call->core, &status);
	if (status.account.id != call->account.id)
		(void)snprintf(own, sizeof(own), "cli-token-%s", call->account.uid);
	int r = store_key_by_name(core_store(call->core), name ? name : own, k);
	if (r == 0 && k->account != call->account.id)
		r = STORE_NOT_FOUND;
	if (r != STORE_NOT_FOUND)
		return r;
	if (name)
		return err_set(call->err, CORE_NOT_FOUND, "no key named %s", name);
	sodium_memzero(k, sizeof(*k));
	*k = (struct access_key){.account = call->account.id, .expires = INT64_MAX, .allow = "*"};
	(void)snprintf(k->name, sizeof(k->name), "%s", own);
	return core_key_create(call->core, &call->caller, k, call->err);
}

static int verb_token(struct verb_call *call)
{
	struct access_key k = {0};
	struct token t;
	char text[256], time[CLOCK_TEXT_MAX];
	int r = token_key(call, &k);
	if (r == 0 && (!k.active || k.expires <= clock_now()))
		r = err_set(call->err, CORE_DENIED, "key %s %s", k.name,
			k.active ? "has expired" : "is disabled");
	if (r == 0)
		r = core_token_issue(call->core, &k, text, sizeof(text), &t);
	if (r == 0) {
		json_begin_object(call->out);
		json_field(call->out, "token", text);
		json_field(call->out, "access_key_id", k.id);
		json_field(call->out, "project_id", call->account.project_id);
		json_field(call->out, "expires", clock_format(t.expires, time));
		json_end_object(call->out);
	}
	sodium_memzero(&k, sizeof(k));
	sodium_memzero(text, sizeof(text));
	return r;
}

const struct verb verbs_keys[] = {
	{"keys.list", verb_list},
	{"keys.create", verb_create},
	{"keys.remove", verb_remove},
	{"keys.disable", verb_disable},
	{"keys.enable", verb_enable},
	{"keys.token", verb_token},
	{NULL, NULL},
};
