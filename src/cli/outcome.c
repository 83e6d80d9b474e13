/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/outcome.h"

#include "base/clock.h"
#include "base/util.h"
#include "cli/client.h"

#include <string.h>

#define PATIENCE MS_SECOND
#define PAUSE    20000 /* us, between two questions */
#define SHOWN    8     /* servers that a sentence names */

/* The answers of one round. */
struct round {
	json_t *servers; /* uuid -> has its kernel all of it? */
	json_t *errors;
	bool any;
	bool waits; /* an answer is still to come */
};

static void round_done(struct round *r)
{
	json_decref(r->servers);
	json_decref(r->errors);
}

static void take_instance(struct round *r, const json_t *custom, const json_t *instance)
{
	const char *uuid = client_text(instance, "uuid"), *state = client_text(instance, "state");
	json_t *error = json_object_get(instance, "error");
	bool applied = strcmp(state, "applied") == 0;
	bool all = !json_is_false(json_object_get(r->servers, uuid)) && applied;
	(void)json_object_set_new(r->servers, uuid, json_boolean(all));
	r->any = r->any || applied;
	r->waits = r->waits || (!applied && json_is_null(error));
	if (!applied)
		(void)json_array_append_new(r->errors,
			json_pack("{s:s,s:s,s:s,s:s,s:O}", "target", client_text(custom, "target"),
				"direction", client_text(custom, "direction"), "host",
				client_text(instance, "host"), "state", state, "error", error));
}

static void take_answer(struct round *r, const json_t *customs, bool in, bool out)
{
	size_t i, k;
	json_t *custom, *instance;
	json_array_foreach ((json_t *)(uintptr_t)customs, i, custom) {
		bool outward = strcmp(client_text(custom, "direction"), "out") == 0;
		if (outward ? !out : !in)
			continue;
		json_array_foreach (json_object_get(custom, "instances"), k, instance)
			take_instance(r, custom, instance);
	}
}

static bool ask(struct client *c, const json_t *targets, bool in, bool out, struct round *ret)
{
	size_t i;
	json_t *target;
	*ret = (struct round){.servers = json_object(), .errors = json_array()};
	json_array_foreach ((json_t *)(uintptr_t)targets, i, target) {
		json_t *customs =
			client_ask(c, "customs.show", json_pack("{s:O}", "target", target));
		if (!customs)
			return false;
		take_answer(ret, customs, in, out);
		json_decref(customs);
	}
	return true;
}

static void fill(struct outcome *o, const struct round *r)
{
	const char *uuid;
	json_t *all;
	*o = (struct outcome){.servers = json_object_size(r->servers),
		.any = r->any,
		.errors = json_incref(r->errors)};
	json_object_foreach (r->servers, uuid, all)
		o->applied += json_is_true(all);
}

bool outcome_wait(
	const struct options *o, const json_t *targets, bool in, bool out, struct outcome *ret)
{
	struct round round = {0};
	struct client *c = client_open(o);
	int64_t end = clock_mono() + PATIENCE;
	bool good = c != NULL;
	*ret = (struct outcome){0};
	while (good) {
		good = ask(c, targets, in, out, &round);
		if (!good || !round.waits || clock_mono() >= end)
			break;
		round_done(&round);
		(void)usleep(PAUSE);
	}
	if (good)
		fill(ret, &round);
	round_done(&round);
	(void)client_close(c);
	return good;
}

void outcome_done(struct outcome *o)
{
	json_decref(o->errors);
	o->errors = NULL;
}

void outcome_print(const struct outcome *o, bool several)
{
	size_t i, n = json_array_size(o->errors);
	json_t *one;
	(void)printf("%zu of %zu kernel%s", o->applied, o->servers, o->servers == 1 ? "" : "s");
	json_array_foreach (o->errors, i, one) {
		const char *error = client_text(one, "error");
		if (i == SHOWN)
			break;
		(void)printf("; %s%s%s: %s", several ? client_text(one, "target") : "",
			several ? " on " : "", client_text(one, "host"),
			error[0] ? error : "no answer yet");
	}
	if (n > SHOWN)
		(void)printf("; and %zu more: cordon blocks --custom", n - SHOWN);
}
