/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hosts, hosts.show, hosts.invite, hosts.rename, hosts.retire */
#include "api/native/hosts.h"
#include "base/clock.h"
#include "core/fleet.h"
#include "model/settings.h"

#include <sodium/utils.h>

#define INVITE_LIFE MS_HOUR

/* Who does not enforce may be there all the same; a server watches no machine of its own. */
static const char *state_of(struct core *c, const struct host *h)
{
	bool there =
		h->remote ? core_agent_observes(c, h->id) : core_settings(c)->role != ROLE_SERVER;
	if (h->retired)
		return "retired";
	if (h->agent_online)
		return "online";
	return there ? "observing" : "offline";
}

static void put_fields(const struct verb_call *call, const struct host *h)
{
	struct json *j = call->out;
	json_field(j, "uuid", h->uuid);
	json_field(j, "name", h->name);
	json_field(j, "instance_id", h->instance_id);
	json_field(j, "internet_ip", h->internet_ip);
	json_field(j, "intranet_ip", h->intranet_ip);
	json_field(j, "region", h->region);
	json_field(j, "enterprise_project_id", h->enterprise_project);
	json_field_bool(j, "online", h->agent_online);
	json_field(j, "state", state_of(call->core, h));
	json_field_bool(j, "agent", h->remote);
	json_field(j, "version", h->version[0] ? h->version : NULL);
	verb_put_time(j, "last_seen", h->last_seen);
}

static int put_host(void *ctx, const struct host *h)
{
	const struct verb_call *call = ctx;
	json_begin_object(call->out);
	put_fields(call, h);
	json_end_object(call->out);
	return 0;
}

static int verb_hosts(struct verb_call *call)
{
	json_begin_array(call->out);
	int r = store_host_each(core_store(call->core), call->account.id, put_host, call);
	json_end_array(call->out);
	return r;
}

static void put_source(void *ctx, const struct source_status *s)
{
	struct json *j = ctx;
	json_begin_object(j);
	json_field(j, "source", s->name);
	json_field(j, "problem", s->problem[0] ? s->problem : NULL);
	json_field(j, "note", s->note[0] ? s->note : NULL);
	json_end_object(j);
}

/* An agent's own words, as it last sent them. */
static void put_reported(struct json *j, const char *health)
{
	json_error_t error;
	json_t *list = json_loads(health, 0, &error), *one;
	size_t i;
	json_array_foreach (list, i, one) {
		json_begin_object(j);
		json_field(j, "source", json_string_value(json_object_get(one, "source")));
		json_field(j, "problem", json_string_value(json_object_get(one, "problem")));
		json_field(j, "note", json_string_value(json_object_get(one, "note")));
		json_end_object(j);
	}
	json_decref(list);
}

static int put_sensors(struct verb_call *call, const struct host *h)
{
	struct agent agent;
	int r = 0;
	json_key(call->out, "sensors");
	json_begin_array(call->out);
	if (!h->remote)
		core_each_source(call->core, put_source, call->out);
	else
		r = store_agent_get(core_store(call->core), h->id, &agent);
	if (h->remote && r == 0)
		put_reported(call->out, agent.health);
	json_end_array(call->out);
	if (h->remote && r == 0)
		verb_put_time(call->out, "enrolled", agent.enrolled);
	return r == STORE_NOT_FOUND ? 0 : r;
}

struct search {
	const char *uuid;
	struct host *found;
};

static int match_uuid(void *ctx, const struct host *h)
{
	struct search *s = ctx;
	if (strcmp(h->uuid, s->uuid) != 0)
		return 0;
	*s->found = *h;
	return 1;
}

/* One that is retired goes by its uuid alone. */
static int find_any(struct verb_call *call, const char *which, struct host *ret)
{
	struct search s = {which, ret};
	int r = store_host_each(core_store(call->core), call->account.id, match_uuid, &s);
	return r == 0 ? hosts_find(call, which, ret) : r < 0 ? r : 0;
}

static int verb_show(struct verb_call *call)
{
	const char *which = verb_text(call, "host");
	struct host h = {0};
	int r = which ? find_any(call, which, &h)
		      : err_set(call->err, CORE_INVALID, "which server?");
	if (r != 0)
		return r;
	json_begin_object(call->out);
	put_fields(call, &h);
	r = put_sensors(call, &h);
	json_end_object(call->out);
	return r;
}

static int fill_invite(struct verb_call *call, struct invite *ret)
{
	const char *name = verb_text(call, "name"), *ep = verb_text(call, "enterprise_project");
	int64_t life;
	int r = verb_number(call, "duration", INVITE_LIFE, &life);
	if (r != 0)
		return r;
	if (life < MS_MINUTE || life > 30 * MS_DAY)
		return err_set(call->err, CORE_INVALID, "an invitation lasts 1m to 30d");
	if (name && (!name[0] || strlen(name) >= sizeof(ret->name)))
		return err_set(
			call->err, CORE_INVALID, "name: 1 to %zu bytes", sizeof(ret->name) - 1);
	if (ep && (!ep[0] || strlen(ep) >= sizeof(ret->enterprise_project)))
		return err_set(call->err, CORE_INVALID, "enterprise project: 1 to %zu bytes",
			sizeof(ret->enterprise_project) - 1);
	*ret = (struct invite){.account = call->account.id, .created = clock_now()};
	ret->expires = ret->created + life;
	(void)snprintf(ret->name, sizeof(ret->name), "%s", name ? name : "");
	(void)snprintf(
		ret->enterprise_project, sizeof(ret->enterprise_project), "%s", ep ? ep : "0");
	return 0;
}

/* What to say on the new machine; the pin makes sure that it speaks to this server. */
static int verb_invite(struct verb_call *call)
{
	struct fleet_address address;
	struct invite invite = {0};
	char secret[128], token[256];
	core_fleet_address(call->core, &address);
	if (!address.url[0])
		return err_set(call->err, CORE_INVALID,
			"nobody listens for agents here: set fleet.listen (cordon.yaml(5))");
	int r = fill_invite(call, &invite);
	if (r == 0)
		r = core_host_invite(
			call->core, &call->caller, &invite, secret, sizeof(secret), call->err);
	if (r != 0)
		return r;
	(void)snprintf(token, sizeof(token), "%s.%s", secret, address.pin);
	json_begin_object(call->out);
	json_field(call->out, "url", address.url);
	json_field(call->out, "token", token);
	verb_put_time(call->out, "expires", invite.expires);
	json_end_object(call->out);
	sodium_memzero(secret, sizeof(secret));
	sodium_memzero(token, sizeof(token));
	return 0;
}

static int verb_rename(struct verb_call *call)
{
	const char *which = verb_text(call, "host"), *name = verb_text(call, "name");
	if (!which || !name)
		return err_set(call->err, CORE_INVALID, "which server, and what is its new name?");
	int r = core_host_rename(call->core, &call->caller, which, name, call->err);
	if (r == 0)
		verb_done(call);
	return r;
}

static int verb_retire(struct verb_call *call)
{
	const char *which = verb_text(call, "host");
	if (!which)
		return err_set(call->err, CORE_INVALID, "which server?");
	int r = core_host_retire(call->core, &call->caller, which, call->err);
	if (r == 0)
		verb_done(call);
	return r;
}

const struct verb verbs_hosts[] = {
	{"hosts", verb_hosts},
	{"hosts.show", verb_show},
	{"hosts.invite", verb_invite},
	{"hosts.rename", verb_rename},
	{"hosts.retire", verb_retire},
	{NULL, NULL},
};
