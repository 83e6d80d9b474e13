/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs of a fleet: servers by name, accounts apart, one import in several requests. */
#include "others.h"

#include "api/native/stage.h"
#include "api/native/verbs.h"
#include "base/util.h"
#include "core/fleet.h"

#include <string.h>

struct asker {
	struct world *world;
	struct verb_session session;
	struct account account;
	struct err err; /* of the latest */
};

static struct asker asker;

static int setup(void **state)
{
	struct core_status status;
	if (world_setup(state) < 0)
		return -1;
	asker = (struct asker){.world = *state};
	core_get_status(asker.world->core, &status);
	asker.account = status.account;
	return 0;
}

static int teardown(void **state)
{
	asker.session.stage = stage_free(asker.session.stage);
	return world_teardown(state);
}

/* The result, or NULL when it was refused; args: JSON with ' for ". */
static json_t *ask(const char *name, const char *args)
{
	_cleanup_(buf_done) struct buf out = BUF_NULL;
	_cleanup_(freep) char *text = strdup(args);
	struct json j;
	json_error_t error;
	const struct verb *verb = verbs_find(name);
	assert_non_null(verb);
	for (char *p = text; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	json_t *value = json_loads(text, 0, &error);
	asker.err.text[0] = '\0';
	json_start(&j, &out);
	struct verb_call call = {.core = asker.world->core,
		.caller = {asker.account.id, "cli", "root"},
		.account = asker.account,
		.args = value,
		.out = &j,
		.err = &asker.err,
		.session = &asker.session};
	int r = verb->run(&call);
	json_decref(value);
	world_settle(asker.world);
	if (r != 0) {
		assert_true(r > 0 && asker.err.text[0]);
		return NULL;
	}
	json_t *result = json_loadb(out.p, out.n, 0, &error);
	assert_non_null(result);
	return result;
}

static void good(const char *name, const char *args)
{
	json_t *result = ask(name, args);
	if (!result)
		fail_msg("%s %s: %s", name, args, asker.err.text);
	json_decref(result);
}

static void refused(const char *name, const char *args, const char *why)
{
	json_t *result = ask(name, args);
	if (result || !strstr(asker.err.text, why))
		fail_msg("%s %s: %s", name, args, result ? "not refused" : asker.err.text);
}

static int64_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void servers_by_name(void **state)
{
	struct world *w = *state;
	struct host a = others_add(w, asker.account.id, "web-a", true);
	(void)others_add(w, asker.account.id, "web-b", true);
	struct host twin = others_add(w, asker.account.id, "web-c", true);
	(void)snprintf(twin.name, sizeof(twin.name), "web-b");
	others_put(w, &twin);
	char args[256];
	refused("block", "{'target':'203.0.113.1','hosts':['web-x']}", "no server web-x");
	refused("block", "{'target':'203.0.113.1','hosts':['web-b']}", "by its uuid");
	refused("block", "{'target':'203.0.113.1','hosts':[]}", "1 to");
	refused("block", "{'target':'203.0.113.1','hosts':[7]}", "not a name");
	(void)snprintf(
		args, sizeof(args), "{'target':'203.0.113.1','hosts':['web-a','%s']}", twin.uuid);
	good("block", args);
	assert_int_equal(
		others_row(w, &a, "203.0.113.1", SERVICE_NONE, BLOCK_IN).state, BLOCK_WANTED);
	assert_int_equal(
		others_row(w, &twin, "203.0.113.1", SERVICE_NONE, BLOCK_IN).state, BLOCK_WANTED);
	assert_null(world_in_kernel(w, ENFORCE_IN, "203.0.113.1"));
	twin.retired = true;
	others_put(w, &twin);
	good("block", "{'target':'203.0.113.2','hosts':['web-b']}"); /* one again */
	(void)snprintf(args, sizeof(args), "{'target':'203.0.113.3','hosts':['%s']}", twin.uuid);
	refused("block", args, "no server");
}

static void here_by_default_and_everywhere_when_said(void **state)
{
	struct world *w = *state;
	struct host a = others_add(w, asker.account.id, "web-a", true);
	good("block", "{'target':'203.0.113.1'}");
	assert_non_null(world_in_kernel(w, ENFORCE_IN, "203.0.113.1"));
	assert_int_equal(others_row(w, &a, "203.0.113.1", SERVICE_NONE, BLOCK_IN).id, 0);
	good("block", "{'target':'203.0.113.2','all':true}");
	assert_non_null(world_in_kernel(w, ENFORCE_IN, "203.0.113.2"));
	assert_int_not_equal(others_row(w, &a, "203.0.113.2", SERVICE_NONE, BLOCK_IN).id, 0);
}

static void unblocked_where_it_is_said(void **state)
{
	struct world *w = *state;
	struct host a = others_add(w, asker.account.id, "web-a", true);
	good("block", "{'target':'203.0.113.1','all':true}");
	good("unblock", "{'target':'203.0.113.1','hosts':['web-a']}");
	assert_int_equal(
		others_row(w, &a, "203.0.113.1", SERVICE_NONE, BLOCK_IN).state, BLOCK_CANCELLING);
	assert_non_null(world_in_kernel(w, ENFORCE_IN, "203.0.113.1"));
	good("unblock", "{'target':'203.0.113.1'}");
	assert_null(world_in_kernel(w, ENFORCE_IN, "203.0.113.1"));
	refused("unblock", "{'target':'203.0.113.1'}", "203.0.113.1");
}

static void lists_know_their_servers(void **state)
{
	struct world *w = *state;
	struct host a = others_add(w, asker.account.id, "web-a", true);
	(void)others_block(w, &a, "203.0.113.9");
	good("block", "{'target':'203.0.113.1','all':true}");
	json_t *all = ask("blocks", "{}"), *one = ask("blocks", "{'host':'web-a'}");
	assert_int_equal(number(all, "hosts"), 2);
	assert_int_equal(number(all, "total"), 3);
	assert_int_equal(number(one, "total"), 2);
	const json_t *row = json_array_get(json_object_get(one, "blocks"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "host")), "web-a");
	assert_true(json_is_false(json_object_get(row, "local")));
	json_decref(all);
	json_decref(one);
	refused("blocks", "{'host':'nobody'}", "no server nobody");

	json_t *customs = ask("customs", "{}"),
	       *shown = ask("customs.show", "{'target':'203.0.113.1'}");
	const json_t *cb = json_array_get(shown, 0);
	assert_int_equal(number(customs, "total"), 1);
	assert_int_equal(number(cb, "servers"), 2);
	assert_int_equal(number(cb, "applied"), 1);
	assert_int_equal(json_array_size(json_object_get(cb, "instances")), 2);
	json_decref(customs);
	json_decref(shown);
	refused("customs.show", "{'target':'203.0.113.9'}", "no custom block of 203.0.113.9");
}

static void an_import_in_pieces(void **state)
{
	struct world *w = *state;
	refused("import.add", "{'items':['203.0.113.1']}", "nothing was begun");
	refused("import.commit", "{}", "nothing was begun");
	good("import.begin", "{'duration':60000}");
	good("import.add", "{'items':['203.0.113.1','203.0.113.2']}");
	json_t *added = ask("import.add", "{'items':[{'target':'203.0.113.3','why':'w'}]}");
	assert_int_equal(number(added, "items"), 3);
	json_decref(added);
	assert_null(world_in_kernel(w, ENFORCE_IN, "203.0.113.1"));
	json_t *done = ask("import.commit", "{}");
	assert_int_equal(number(done, "blocked"), 3);
	assert_int_equal(number(done, "refused_count"), 0);
	json_decref(done);
	assert_non_null(world_in_kernel(w, ENFORCE_IN, "203.0.113.3"));
	refused("import.commit", "{}", "nothing was begun");
}

static void an_import_is_all_or_a_list_of_refusals(void **state)
{
	struct world *w = *state;
	good("import.begin", "{'duration':60000}");
	good("import.add", "{'items':['203.0.113.1','127.0.0.1']}");
	json_t *done = ask("import.commit", "{}");
	const json_t *first = json_array_get(json_object_get(done, "refused"), 0);
	assert_int_equal(number(done, "blocked"), 0);
	assert_int_equal(number(done, "refused_count"), 1);
	assert_int_equal(number(first, "item"), 1);
	assert_non_null(json_string_value(json_object_get(first, "why")));
	json_decref(done);
	assert_null(world_in_kernel(w, ENFORCE_IN, "203.0.113.1"));
	/* what is no item at all ends it */
	good("import.begin", "{'duration':60000}");
	refused("import.add", "{'items':['203.0.113.1','oops']}", "oops");
	refused("import.commit", "{}", "nothing was begun");
	/* of one alone the reason is the error */
	refused("block", "{'target':'127.0.0.1'}", "127.0.0.1: ");
	refused("block", "{'targets':['127.0.0.1']}", "127.0.0.1: ");
}

static void times_and_directions(void **state)
{
	(void)state;
	refused("block", "{'target':'203.0.113.1','duration':999}", "1s or more");
	refused("block", "{'target':'203.0.113.1','expires':1000}", "over");
	refused("block", "{'target':'203.0.113.1','expires':'x'}", "not a number");
	refused("block", "{'target':'203.0.113.1','direction':'up'}", "in, out or both");
	refused("block", "{}", "missing");
	json_t *done = ask("block", "{'target':'203.0.113.1'}");
	assert_true(json_is_null(json_object_get(done, "expires")));
	assert_int_equal(number(done, "blocked"), 1);
	json_decref(done);
	done = ask("block", "{'targets':['203.0.113.1','203.0.113.2'],'direction':'both'}");
	assert_int_equal(number(done, "blocked"), 4);
	json_decref(done);
}

static int64_t servers_of(const char *rule)
{
	json_t *rules = ask("rules.list", "{}"), *one;
	int64_t n = -1;
	size_t i;
	json_array_foreach (rules, i, one)
		if (strcmp(json_string_value(json_object_get(one, "name")), rule) == 0)
			n = number(one, "servers");
	json_decref(rules);
	return n;
}

static void rules_of_servers(void **state)
{
	struct world *w = *state;
	(void)others_add(w, asker.account.id, "web-a", true);
	good("rules.add", "{'name':'mild','fail_count':9}");
	good("rules.add", "{'name':'hard','fail_count':3,'hosts':['web-a']}");
	assert_int_equal(servers_of("mild"), 1);
	assert_int_equal(servers_of("hard"), 1);
	good("rules.change", "{'name':'hard','fail_count':2}");
	assert_int_equal(servers_of("hard"), 1);
	good("rules.use", "{'host':'web-a'}");
	assert_int_equal(servers_of("mild"), 2);
	assert_int_equal(servers_of("hard"), 0);
	good("rules.use", "{'host':'web-a','rule':'hard'}");
	assert_int_equal(servers_of("hard"), 1);
	good("rules.change", "{'name':'hard','all':true}");
	assert_int_equal(servers_of("hard"), 2);
	refused("rules.use", "{'host':'web-x','rule':'hard'}", "no server web-x");
	refused("rules.use", "{'host':'web-a','rule':'none'}", "no rule none");
	refused("rules.add", "{'name':'default'}", "default");
	refused("rules.add", "{'name':'mild'}", "mild");
}

/* Everything of the first account is as nothing to the second. */
static void accounts_are_apart(void **state)
{
	struct world *w = *state;
	struct host a = others_add(w, asker.account.id, "web-a", true);
	const struct account first = asker.account;
	good("block", "{'target':'203.0.113.1','all':true}");
	good("rules.add", "{'name':'mild'}");
	good("allow.add", "{'prefix':'198.51.100.0/24'}");
	good("keys.create", "{'name':'first'}");
	json_t *made = ask("accounts.add", "{'name':'second'}");
	assert_non_null(made);
	json_decref(made);
	assert_int_equal(store_account_find(core_store(w->core), "second", &asker.account), 0);

	static const char *const lists[] = {"hosts", "allow.list", "keys.list"};
	for (size_t i = 0; i < countof(lists); i++) {
		json_t *list = ask(lists[i], "{}");
		if (json_array_size(list) != 0)
			fail_msg("%s shows the other's", lists[i]);
		json_decref(list);
	}
	assert_int_equal(servers_of("mild"), -1);
	json_t *blocks = ask("blocks", "{'state':'all'}"), *customs = ask("customs", "{}");
	assert_int_equal(number(blocks, "total") + number(customs, "total"), 0);
	json_decref(blocks);
	json_decref(customs);
	refused("block", "{'target':'203.0.113.2'}", "--all");
	refused("block", "{'target':'203.0.113.2','hosts':['web-a']}", "no server web-a");
	refused("unblock", "{'target':'203.0.113.1'}", "203.0.113.1");
	refused("customs.show", "{'target':'203.0.113.1'}", "no custom block");
	refused("blocks", "{'host':'web-a'}", "no server");
	refused("hosts.show", "{'host':'web-a'}", "no server");
	refused("hosts.rename", "{'host':'web-a','name':'mine'}", "web-a");
	refused("hosts.retire", "{'host':'web-a'}", "web-a");
	refused("rules.change", "{'name':'mild','fail_count':2}", "no rule mild");
	refused("rules.remove", "{'name':'mild'}", "mild");
	refused("rules.use", "{'host':'web-a'}", "no server");
	refused("allow.remove", "{'prefix':'198.51.100.0/24'}", "198.51.100.0/24");
	refused("keys.token", "{'name':'first'}", "no key named first");
	json_t *audit = ask("audit", "{}"), *one;
	size_t i;
	json_array_foreach (audit, i, one)
		assert_null(strstr(json_string_value(json_object_get(one, "object")), "203.0.113"));
	json_decref(audit);

	json_t *token = ask("keys.token", "{}");
	assert_string_equal(
		json_string_value(json_object_get(token, "project_id")), asker.account.project_id);
	json_decref(token);
	asker.account = first;
	assert_int_equal(
		others_row(w, &a, "203.0.113.1", SERVICE_NONE, BLOCK_IN).state, BLOCK_WANTED);
	json_t *keys = ask("keys.list", "{}");
	assert_int_equal(json_array_size(keys), 1);
	json_decref(keys);
}

static void keys_of_projects(void **state)
{
	(void)state;
	json_t *key = ask("keys.create", "{'name':'k','enterprise_projects':['p1','p2']}");
	assert_int_equal(json_array_size(json_object_get(key, "enterprise_projects")), 2);
	json_decref(key);
	json_t *list = ask("keys.list", "{}");
	const json_t *projects = json_object_get(json_array_get(list, 0), "enterprise_projects");
	assert_string_equal(json_string_value(json_array_get(projects, 1)), "p2");
	json_decref(list);
	refused("keys.create", "{'name':'l','enterprise_projects':['']}", "enterprise_projects");
	refused("keys.create", "{'name':'l','enterprise_projects':['a\\nb']}",
		"enterprise_projects");
}

static void the_audit_says_who(void **state)
{
	(void)state;
	good("block", "{'target':'203.0.113.1','why':'noisy'}");
	good("rules.add", "{'name':'mild'}");
	json_t *all = ask("audit", "{}"), *rules = ask("audit", "{'what':'rule.'}");
	json_t *one = ask("audit", "{'object':'203.0.113.1/32'}"),
	       *few = ask("audit", "{'limit':1}");
	const json_t *e = json_array_get(one, 0);
	assert_true(json_array_size(all) >= 2);
	assert_int_equal(json_array_size(rules), 1);
	assert_int_equal(json_array_size(one), 1);
	assert_int_equal(json_array_size(few), 1);
	assert_string_equal(json_string_value(json_object_get(e, "who")), "cli");
	assert_string_equal(json_string_value(json_object_get(e, "from")), "root");
	assert_true(json_is_null(json_object_get(e, "before")));
	assert_non_null(strstr(json_string_value(json_object_get(e, "after")), "noisy"));
	json_decref(all);
	json_decref(rules);
	json_decref(one);
	json_decref(few);
	refused("audit", "{'limit':0}", "limit");
	refused("audit", "{'since':'x'}", "not a number");
}

static void invitations(void **state)
{
	struct world *w = *state;
	refused("hosts.invite", "{}", "fleet.listen");
	const struct fleet_address address = {"https://192.0.2.1:8732", "cGlu"};
	core_fleet_address_set(w->core, &address);
	json_t *made = ask("hosts.invite", "{'name':'web1','duration':600000}");
	const char *token = json_string_value(json_object_get(made, "token"));
	assert_string_equal(json_string_value(json_object_get(made, "url")), address.url);
	assert_true(token && strlen(token) > 32 + 5);
	assert_string_equal(token + strlen(token) - 5, ".cGlu");
	json_decref(made);
	refused("hosts.invite", "{'duration':1}", "1m to 30d");
	refused("hosts.invite", "{'name':''}", "name");
	refused("hosts.invite", "{'enterprise_project':''}", "enterprise project");
}

static void a_server_with_its_sensors(void **state)
{
	struct world *w = *state;
	struct host a = others_add(w, asker.account.id, "web-a", true);
	struct agent agent = {.host = a.id, .enrolled = 1000};
	(void)snprintf(agent.fingerprint, sizeof(agent.fingerprint), "%064d", 1);
	(void)snprintf(agent.health, sizeof(agent.health),
		"[{\"source\":\"journal:\",\"problem\":\"silent\",\"note\":null}]");
	assert_int_equal(store_begin(core_store(w->core)), 0);
	assert_int_equal(store_agent_put(core_store(w->core), &agent), 0);
	assert_int_equal(store_commit(core_store(w->core), STORE_DURABLE), 0);
	json_t *shown = ask("hosts.show", "{'host':'web-a'}");
	const json_t *sensor = json_array_get(json_object_get(shown, "sensors"), 0);
	assert_string_equal(json_string_value(json_object_get(shown, "state")), "online");
	assert_string_equal(json_string_value(json_object_get(sensor, "problem")), "silent");
	json_decref(shown);
	a.retired = true;
	others_put(w, &a);
	refused("hosts.show", "{'host':'web-a'}", "no server");
	char args[96];
	(void)snprintf(args, sizeof(args), "{'host':'%s'}", a.uuid);
	shown = ask("hosts.show", args);
	assert_string_equal(json_string_value(json_object_get(shown, "state")), "retired");
	json_decref(shown);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		CASE(servers_by_name),
		CASE(here_by_default_and_everywhere_when_said),
		CASE(unblocked_where_it_is_said),
		CASE(lists_know_their_servers),
		CASE(an_import_in_pieces),
		CASE(an_import_is_all_or_a_list_of_refusals),
		CASE(times_and_directions),
		CASE(rules_of_servers),
		CASE(accounts_are_apart),
		CASE(keys_of_projects),
		CASE(the_audit_says_who),
		CASE(invitations),
		CASE(a_server_with_its_sensors),
	};
	return cmocka_run_group_tests_name("verbs", tests, NULL, NULL);
}
