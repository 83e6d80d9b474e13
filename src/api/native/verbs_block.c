/* SPDX-License-Identifier: GPL-3.0-or-later */
/* block, unblock, import.begin, import.add, import.commit */
#include "api/native/hosts.h"
#include "api/native/stage.h"
#include "base/clock.h"

#include <errno.h>

#define REFUSALS_MAX 100000 /* named in an answer; all are counted */

/* "expires" (ms), or "duration" (ms) from now; neither: for good. */
static int fill_time(struct verb_call *call, int64_t *ret)
{
	int64_t duration;
	int r = verb_number(call, "expires", 0, ret);
	if (r == 0)
		r = verb_number(call, "duration", RULE_PERMANENT, &duration);
	if (r != 0)
		return r;
	if (*ret == 0 && duration < MS_SECOND)
		return err_set(call->err, CORE_INVALID, "block time: 1s or more");
	if (*ret == 0)
		*ret = duration >= RULE_PERMANENT ? BLOCK_FOREVER : clock_now() + duration;
	if (*ret <= clock_now())
		return err_set(call->err, CORE_INVALID, "that time is over");
	return 0;
}

/* "all": every server; "hosts": these; neither: this machine, where it is one of the account's. */
static int fill_servers(struct verb_call *call, struct hosts_named *ret)
{
	struct core_status status;
	int r = hosts_named(call, "hosts", ret);
	if (r != 0 || ret->n > 0 || verb_flag(call, "all"))
		return r;
	core_get_status(call->core, &status);
	if (status.host.id == 0 || status.host.account != call->account.id)
		return err_set(call->err, CORE_INVALID,
			"this machine is not one of the account's servers: --all, or --on and "
			"which");
	ret->uuids = calloc(1, sizeof(*ret->uuids));
	if (!ret->uuids)
		return -ENOMEM;
	memcpy(ret->uuids[0], status.host.uuid, sizeof(ret->uuids[0]));
	ret->n = 1;
	return 0;
}

static int fill_terms(struct verb_call *call, struct stage_terms *ret)
{
	const char *direction = verb_text(call, "direction"), *why = verb_text(call, "why");
	struct hosts_named hosts = {0};
	*ret = (struct stage_terms){.in = true, .skip_refused = verb_flag(call, "skip_refused")};
	if (direction && !stage_direction(direction, &ret->in, &ret->out))
		return err_set(call->err, CORE_INVALID, "direction %s: in, out or both", direction);
	if (why && strlen(why) >= sizeof(ret->why))
		return err_set(
			call->err, CORE_INVALID, "why: %zu bytes at most", sizeof(ret->why) - 1);
	(void)snprintf(ret->why, sizeof(ret->why), "%s", why ? why : "");
	int r = fill_time(call, &ret->expires);
	if (r == 0)
		r = fill_servers(call, &hosts);
	if (r != 0)
		return r;
	ret->uuids = hosts.uuids;
	ret->n = hosts.n;
	return 0;
}

static int begin(struct verb_call *call, struct stage **ret)
{
	struct stage_terms terms;
	int r = fill_terms(call, &terms);
	if (r != 0)
		return r;
	struct stage *s = stage_new();
	if (!s) {
		free(terms.uuids);
		return -ENOMEM;
	}
	stage_set_terms(s, &terms);
	*ret = s;
	return 0;
}

static int add(struct verb_call *call, struct stage *s, const char *name)
{
	const json_t *list = json_object_get(call->args, name);
	size_t i;
	json_t *one;
	if (!json_is_array(list))
		return err_set(call->err, CORE_INVALID, "%s is missing", name);
	json_array_foreach (list, i, one) {
		int r = stage_add(s, one, call->err);
		if (r != 0)
			return r;
	}
	return 0;
}

struct refusals {
	struct json *json;
	size_t n;
	char first[256]; /* why */
};

static void put_refusal(void *ctx, size_t item, const char *why)
{
	struct refusals *r = ctx;
	if (r->n == 0)
		(void)snprintf(r->first, sizeof(r->first), "%s", why);
	if (r->n++ >= REFUSALS_MAX)
		return;
	json_begin_object(r->json);
	json_field_int(r->json, "item", (int64_t)item);
	json_field(r->json, "why", why);
	json_end_object(r->json);
}

/* Refusals are an answer, too: who asked says them with their lines. Of one alone it is the error.
 */
static int commit(struct verb_call *call, struct stage *s, const char *alone)
{
	struct json *j = call->out;
	struct refusals refusals = {.json = j};
	size_t done = 0;
	json_begin_object(j);
	json_key(j, "refused");
	json_begin_array(j);
	int r = stage_commit(
		s, call->core, &call->caller, put_refusal, &refusals, &done, call->err);
	json_end_array(j);
	if (r == CORE_INVALID && refusals.n > 0 && alone)
		return err_set(call->err, r, "%s: %s", alone, refusals.first);
	if (r == CORE_INVALID && refusals.n > 0)
		r = 0;
	json_field_int(j, "refused_count", (int64_t)refusals.n);
	json_field_int(j, "blocked", (int64_t)done);
	verb_put_time(j, "expires", stage_terms(s)->expires);
	json_end_object(j);
	return r;
}

/* "targets": a few, or "target": one, and what import.begin takes. */
static int verb_block(struct verb_call *call)
{
	struct stage *s = NULL;
	const json_t *one = json_object_get(call->args, "target");
	const json_t *many = json_object_get(call->args, "targets");
	const char *alone = json_string_value(one ? one : json_array_get(many, 0));
	int r = begin(call, &s);
	if (r == 0)
		r = one ? stage_add(s, one, call->err) : add(call, s, "targets");
	if (r == 0)
		r = commit(call, s, stage_items(s) == 1 ? alone : NULL);
	(void)stage_free(s);
	return r;
}

/* What they have in common; whatever was begun before is forgotten. */
static int verb_begin(struct verb_call *call)
{
	call->session->stage = stage_free(call->session->stage);
	int r = begin(call, &call->session->stage);
	if (r == 0)
		verb_done(call);
	return r;
}

static int verb_add(struct verb_call *call)
{
	struct stage *s = call->session->stage;
	if (!s)
		return err_set(call->err, CORE_INVALID, "nothing was begun");
	int r = add(call, s, "items");
	if (r != 0) {
		call->session->stage = stage_free(s);
		return r;
	}
	json_begin_object(call->out);
	json_field_int(call->out, "items", (int64_t)stage_items(s));
	json_end_object(call->out);
	return 0;
}

static int verb_commit(struct verb_call *call)
{
	struct stage *s = take(call->session->stage);
	if (!s)
		return err_set(call->err, CORE_INVALID, "nothing was begun");
	int r = commit(call, s, NULL);
	(void)stage_free(s);
	return r;
}

static int verb_unblock(struct verb_call *call)
{
	struct prefix target;
	struct hosts_named hosts = {0};
	unsigned n = 0;
	int r = verb_prefix(call, "target", &target);
	if (r == 0)
		r = hosts_named(call, "hosts", &hosts);
	if (r != 0)
		return r;
	_cleanup_(freep) const char **uuids = calloc(hosts.n + 1, sizeof(*uuids));
	for (unsigned i = 0; uuids && i < hosts.n; i++)
		uuids[i] = hosts.uuids[i];
	r = uuids ? core_unblock(call->core, &call->caller, &target, uuids, hosts.n, &n, call->err)
		  : -ENOMEM;
	free(hosts.uuids);
	if (r == 0) {
		json_begin_object(call->out);
		json_field_int(call->out, "lifted", n);
		json_end_object(call->out);
	}
	return r;
}

const struct verb verbs_block[] = {
	{"block", verb_block},
	{"import.begin", verb_begin},
	{"import.add", verb_add},
	{"import.commit", verb_commit},
	{"unblock", verb_unblock},
	{NULL, NULL},
};
