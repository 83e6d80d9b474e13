/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which rule holds on which server. */
#include "base/util.h"
#include "core/private.h"
#include "others.h"

struct fixture {
	struct world *w;
	struct core_reader *reader;
	struct host a, b;
};

static int start(void **state, enum role role)
{
	static struct fixture f;
	struct err err;
	void *world;
	if (world_prepare(&world, false) < 0)
		return -1;
	f = (struct fixture){.w = world};
	f.w->settings->role = role;
	world_start(f.w);
	f.a = others_add(f.w, f.w->who.account, "web-a", true);
	f.b = others_add(f.w, f.w->who.account, "web-b", true);
	*state = &f;
	return core_reader_open(f.w->core, &f.reader, &err);
}

static int setup(void **state)
{
	return start(state, ROLE_ALL);
}

static int setup_agent(void **state)
{
	return start(state, ROLE_AGENT);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	f->reader = core_reader_close(f->reader);
	*state = f->w;
	return world_teardown(state);
}

static struct rule rule(const char *name, uint32_t fails, bool is_default)
{
	struct rule r = {.fail_count = fails,
		.span = MS_MINUTE,
		.forbidden = MS_HOUR,
		.services = SERVICE_ALL,
		.is_default = is_default,
		.enabled = true};
	(void)snprintf(r.name, sizeof(r.name), "%s", name);
	return r;
}

static int64_t put(struct fixture *f, const char *name, uint32_t fails, bool is_default,
	const char *const *uuids, unsigned n)
{
	struct rule r = rule(name, fails, is_default);
	assert_int_equal(core_rule_put(f->w->core, &f->w->who, &r, uuids, n, NULL, NULL), 0);
	assert_true(r.id > 0);
	return r.id;
}

static int use(struct fixture *f, const char *uuid, int64_t id)
{
	return core_host_rule_set(f->w->core, &f->w->who, uuid, id, NULL);
}

static void attack(struct fixture *f, const char *address, unsigned n)
{
	int64_t before = world_attempts(f->w);
	world_failures(f->w, address, n, clock_now() - 1000);
	world_until(f->w, world_attempts(f->w) == before + n);
}

static void this_machine_goes_by_its_own_rule(void **state)
{
	struct fixture *f = *state;
	(void)put(f, "strict", 3, true, NULL, 0);
	int64_t lax = put(f, "lax", 6, false, NULL, 0);
	attack(f, "203.0.113.1", 3);
	assert_string_equal(world_block(f->w, "203.0.113.1", SERVICE_SSH).rule_name, "strict");
	assert_int_equal(use(f, f->w->uuid, lax), 0);
	attack(f, "203.0.113.2", 5);
	assert_int_equal(world_state(f->w, "203.0.113.2"), BLOCK_STATES);
	attack(f, "203.0.113.2", 1);
	assert_string_equal(world_block(f->w, "203.0.113.2", SERVICE_SSH).rule_name, "lax");

	world_stop(f->w); /* also after a restart */
	f->reader = core_reader_close(f->reader);
	world_start(f->w);
	struct err err;
	assert_int_equal(core_reader_open(f->w->core, &f->reader, &err), 0);
	attack(f, "203.0.113.3", 3);
	assert_int_equal(world_state(f->w, "203.0.113.3"), BLOCK_STATES);
	assert_int_equal(use(f, f->w->uuid, 0), 0); /* back to the default */
	attack(f, "203.0.113.4", 3);
	assert_string_equal(world_block(f->w, "203.0.113.4", SERVICE_SSH).rule_name, "strict");
	/* what another has of its own is nothing to this machine */
	assert_int_equal(use(f, f->a.uuid, lax), 0);
	attack(f, "203.0.113.5", 3);
	assert_string_equal(world_block(f->w, "203.0.113.5", SERVICE_SSH).rule_name, "strict");
	/* the system rule holds beside any */
	int64_t loose = put(f, "loose", 100, false, &(const char *){f->w->uuid}, 1);
	attack(f, "203.0.113.6", 10);
	assert_int_equal(world_block(f->w, "203.0.113.6", SERVICE_SSH).source, RULE_BLINK);
	/* with its own rule gone the default ones hold again */
	assert_int_equal(core_rules_remove(f->w->core, &f->w->who, &loose, 1, NULL), 0);
	attack(f, "203.0.113.7", 3);
	assert_string_equal(world_block(f->w, "203.0.113.7", SERVICE_SSH).rule_name, "strict");
}

struct rows {
	unsigned n;
	struct core_rule_row rows[8];
};

static int add_row(void *ctx, const struct core_rule_row *row)
{
	struct rows *out = ctx;
	assert_true(out->n < countof(out->rows));
	out->rows[out->n++] = *row;
	return 0;
}

static struct rows list(struct fixture *f, struct core_rule_query q, int64_t total)
{
	struct rows out = {0};
	int64_t found = -1;
	q.account = f->w->who.account;
	assert_int_equal(core_rules(f->reader, &q, add_row, &out, &found), 0);
	assert_int_equal(found, total);
	return out;
}

static void lists_say_how_many_servers(void **state)
{
	struct fixture *f = *state;
	const char *on[] = {f->a.uuid, f->b.uuid};
	int64_t first = put(f, "first", 3, true, NULL, 0);
	int64_t second = put(f, "second", 4, false, on, 2);
	struct rows rows = list(f, (struct core_rule_query){.limit = 10}, 3);
	assert_int_equal(rows.n, 3); /* latest first; the system rule was first of all */
	assert_int_equal(rows.rows[0].rule.id, second);
	assert_int_equal(rows.rows[0].machines, 2);
	assert_int_equal(rows.rows[1].rule.id, first);
	assert_int_equal(rows.rows[1].machines, 1); /* this machine, by default */
	assert_int_equal(rows.rows[2].rule.source, RULE_BLINK);
	assert_int_equal(rows.rows[2].machines, 3);
	f->b.retired = true;
	others_put(f->w, &f->b);
	rows = list(f, (struct core_rule_query){.name = "SECOND", .limit = 10}, 1);
	assert_int_equal(rows.rows[0].machines, 1);
	assert_int_equal(use(f, f->a.uuid, 0), 0);
	rows = list(f, (struct core_rule_query){.users_only = true, .limit = 10}, 2);
	assert_int_equal(rows.rows[0].machines, 0);
	assert_int_equal(rows.rows[1].machines, 2);

	rows = list(f, (struct core_rule_query){.offset = 1, .limit = 1}, 3);
	assert_int_equal(rows.n, 1);
	assert_int_equal(rows.rows[0].rule.id, first);
	rows = list(f, (struct core_rule_query){.offset = 5, .limit = 1}, 3);
	assert_int_equal(rows.n, 0);
	rows = list(f, (struct core_rule_query){.id = second, .limit = 1}, 1);
	assert_string_equal(rows.rows[0].rule.name, "second");
}

struct pairs {
	unsigned n;
	char hosts[8][HOST_TEXT_MAX], rules[8][RULE_NAME_MAX];
};

static int add_pair(void *ctx, const struct host *host, const struct rule *rule)
{
	struct pairs *out = ctx;
	assert_true(out->n < countof(out->hosts));
	memcpy(out->hosts[out->n], host->name, sizeof(host->name));
	memcpy(out->rules[out->n++], rule->name, sizeof(rule->name));
	return 0;
}

static int add_host(void *ctx, const struct host *host)
{
	struct pairs *out = ctx;
	assert_true(out->n < countof(out->hosts));
	memcpy(out->hosts[out->n++], host->name, sizeof(host->name));
	return 0;
}

static void which_rule_holds_where(void **state)
{
	struct fixture *f = *state;
	int64_t account = f->w->who.account;
	const char *a[] = {f->a.uuid}, *b[] = {f->b.uuid}, *bad[] = {f->a.uuid, "no such"};
	struct pairs pairs = {0};
	int64_t own = put(f, "own", 3, false, a, 1);
	assert_int_equal(core_host_rules(f->reader, account, NULL, 0, add_pair, &pairs), 0);
	assert_int_equal(pairs.n, 1); /* the others go by the system rule alone */
	assert_string_equal(pairs.hosts[0], "web-a");
	(void)put(f, "older", 4, true, NULL, 0);
	int64_t newer = put(f, "newer", 5, true, NULL, 0);
	pairs.n = 0;
	assert_int_equal(core_host_rules(f->reader, account, NULL, 0, add_pair, &pairs), 0);
	assert_int_equal(pairs.n, 3);
	assert_string_equal(pairs.rules[0], "newer");
	assert_string_equal(pairs.rules[1], "own");
	assert_string_equal(pairs.rules[2], "newer");
	pairs.n = 0;
	assert_int_equal(core_host_rules(f->reader, account, b, 1, add_pair, &pairs), 0);
	assert_int_equal(pairs.n, 1);
	assert_string_equal(pairs.hosts[0], "web-b");
	assert_int_equal(
		core_host_rules(f->reader, account, bad, 2, add_pair, &pairs), CORE_NOT_FOUND);

	pairs.n = 0;
	assert_int_equal(core_rule_hosts(f->reader, account, own, add_host, &pairs), 0);
	assert_int_equal(pairs.n, 1);
	assert_string_equal(pairs.hosts[0], "web-a");
	pairs.n = 0;
	assert_int_equal(core_rule_hosts(f->reader, account, newer, add_host, &pairs), 0);
	assert_int_equal(pairs.n, 0); /* as the default, not by name */
	assert_int_equal(
		core_rule_hosts(f->reader, account, 12345, add_host, &pairs), CORE_NOT_FOUND);
}

static void servers_are_given_anew_or_left(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	int64_t account = w->who.account;
	const char *a[] = {f->a.uuid}, *b[] = {f->b.uuid}, *bad[] = {f->b.uuid, "no such"};
	unsigned index = 99;
	struct pairs pairs = {0};
	struct rule r = rule("one", 3, false);
	assert_int_equal(core_rule_put(w->core, &w->who, &r, bad, 2, &index, NULL), CORE_NOT_FOUND);
	assert_int_equal(index, 1);
	assert_int_equal(r.id, 0);
	assert_int_equal(core_rule_put(w->core, &w->who, &r, a, 1, &index, NULL), 0);
	r.fail_count = 4;
	assert_int_equal(core_rule_put(w->core, &w->who, &r, NULL, 0, NULL, NULL), 0);
	assert_int_equal(core_rule_hosts(f->reader, account, r.id, add_host, &pairs), 0);
	assert_int_equal(pairs.n, 1);
	assert_int_equal(core_rule_put(w->core, &w->who, &r, b, 1, NULL, NULL), 0);
	pairs.n = 0;
	assert_int_equal(core_rule_hosts(f->reader, account, r.id, add_host, &pairs), 0);
	assert_int_equal(pairs.n, 1);
	assert_string_equal(pairs.hosts[0], "web-b");
	assert_int_equal(core_rule_put(w->core, &w->who, &r, b, 0, NULL, NULL), 0);
	pairs.n = 0;
	assert_int_equal(core_rule_hosts(f->reader, account, r.id, add_host, &pairs), 0);
	assert_int_equal(pairs.n, 0);

	struct rule other = rule("two", 3, false);
	assert_int_equal(core_rule_put(w->core, &w->who, &other, NULL, 0, NULL, NULL), 0);
	(void)snprintf(other.name, sizeof(other.name), "one"); /* renamed to what is taken */
	assert_int_equal(core_rule_put(w->core, &w->who, &other, NULL, 0, NULL, NULL), CORE_EXISTS);
	(void)snprintf(other.name, sizeof(other.name), "three");
	assert_int_equal(core_rule_put(w->core, &w->who, &other, NULL, 0, NULL, NULL), 0);
	other.id = 4711;
	assert_int_equal(
		core_rule_put(w->core, &w->who, &other, NULL, 0, NULL, NULL), CORE_NOT_FOUND);
}

static void removed_all_or_none(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	int64_t ids[] = {put(f, "one", 3, false, NULL, 0), put(f, "two", 3, false, NULL, 0), 4711};
	assert_int_equal(core_rules_remove(w->core, &w->who, ids, 3, NULL), CORE_NOT_FOUND);
	(void)list(f, (struct core_rule_query){.users_only = true}, 2);
	ids[2] = ids[0]; /* one named twice is removed once */
	assert_int_equal(core_rules_remove(w->core, &w->who, ids, 3, NULL), 0);
	(void)list(f, (struct core_rule_query){.users_only = true}, 0);
	struct rows rows = list(f, (struct core_rule_query){.limit = 1}, 1);
	assert_int_equal(
		core_rules_remove(w->core, &w->who, &rows.rows[0].rule.id, 1, NULL), CORE_INVALID);
}

static int64_t policy(struct fixture *f)
{
	int64_t version = 0;
	assert_int_equal(
		store_policy_version(core_store(f->w->core), f->w->who.account, &version), 0);
	return version;
}

static void agents_hear_of_every_change(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	struct prefix p = world_prefix("203.0.113.0/24");
	int64_t last = policy(f);
	unsigned told = w->wished;
	assert_true(last > 0);
#define CHANGED()                                                                                  \
	do {                                                                                       \
		assert_true(policy(f) > last);                                                     \
		last = policy(f);                                                                  \
		assert_int_equal(w->wished, ++told);                                               \
		assert_true(w->wished_all);                                                        \
	} while (0)
	int64_t id = put(f, "one", 3, true, NULL, 0);
	CHANGED();
	assert_int_equal(use(f, f->a.uuid, id), 0);
	CHANGED();
	assert_int_equal(core_allow_add(w->core, &w->who, &p, NULL, NULL), 0);
	CHANGED();
	assert_int_equal(core_allow_remove(w->core, &w->who, &p, NULL), 0);
	CHANGED();
	assert_int_equal(core_rules_remove(w->core, &w->who, &id, 1, NULL), 0);
	CHANGED();
	id = put(f, "two", 3, true, NULL, 0);
	CHANGED();
	assert_int_equal(core_rule_remove(w->core, &w->who, "two", NULL), 0);
	CHANGED();
	/* what failed is nothing to tell */
	assert_int_equal(use(f, f->a.uuid, 4711), CORE_NOT_FOUND);
	assert_int_equal(use(f, "no such", 0), CORE_NOT_FOUND);
	assert_int_equal(core_rule_remove(w->core, &w->who, "two", NULL), CORE_NOT_FOUND);
	assert_int_equal(core_allow_remove(w->core, &w->who, &p, NULL), CORE_NOT_FOUND);
	assert_int_equal(policy(f), last);
	assert_int_equal(w->wished, told);
	/* a restart may bring another configuration: they are told again */
	f->reader = core_reader_close(f->reader);
	world_stop(w);
	world_start(w);
	struct err err;
	assert_int_equal(core_reader_open(w->core, &f->reader, &err), 0);
	assert_true(policy(f) > last);
}

static void the_files_rules_can_be_given(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	struct err err;
	f->reader = core_reader_close(f->reader);
	world_stop(w);
	w->settings->rules[0] = rule("fixed", 2, false); /* a default one whatever it says */
	w->settings->rules[0].source = RULE_USER;
	w->settings->rule_count = 1;
	world_start(w);
	assert_int_equal(core_reader_open(w->core, &f->reader, &err), 0);
	struct rows rows = list(f, (struct core_rule_query){.users_only = true, .limit = 1}, 1);
	int64_t id = rows.rows[0].rule.id;
	assert_true(rows.rows[0].rule.is_default);
	assert_int_equal(rows.rows[0].machines, 3);
	assert_int_equal(use(f, f->a.uuid, id), 0);
	struct rule changed = rows.rows[0].rule;
	changed.fail_count = 9;
	assert_int_equal(
		core_rule_put(w->core, &w->who, &changed, NULL, 0, NULL, NULL), CORE_INVALID);
	assert_int_equal(core_rules_remove(w->core, &w->who, &id, 1, NULL), CORE_INVALID);
	/* it leaves the file while a server has it */
	f->reader = core_reader_close(f->reader);
	world_stop(w);
	w->settings->rule_count = 0;
	world_start(w);
	assert_int_equal(core_reader_open(w->core, &f->reader, &err), 0);
	(void)list(f, (struct core_rule_query){.users_only = true}, 0);
}

static void changes_are_in_the_audit(void **state)
{
	struct fixture *f = *state;
	const char *a[] = {f->a.uuid};
	int64_t id = put(f, "one", 3, true, a, 1);
	struct audit_entry e = others_audit(f->w);
	assert_string_equal(e.what, "rule.add");
	assert_string_equal(e.object, "one");
	assert_string_equal(e.before, "");
	assert_string_equal(e.after, "3 in 60 s, 3600 s, ssh mysql rdp vsftpd, default");
	assert_string_equal(e.detail, "on 1 server");
	struct rule r = rule("one", 5, true);
	r.id = id;
	assert_int_equal(core_rule_put(f->w->core, &f->w->who, &r, NULL, 0, NULL, NULL), 0);
	e = others_audit(f->w);
	assert_string_equal(e.what, "rule.change");
	assert_int_equal(strncmp(e.before, "3 in", 4), 0);
	assert_int_equal(strncmp(e.after, "5 in", 4), 0);
	assert_int_equal(use(f, f->a.uuid, 0), 0);
	e = others_audit(f->w);
	assert_string_equal(e.what, "rule.use");
	assert_string_equal(e.object, "web-a");
	assert_string_equal(e.before, "one");
	assert_string_equal(e.after, "default");
	assert_int_equal(core_rule_remove(f->w->core, &f->w->who, "one", NULL), 0);
	e = others_audit(f->w);
	assert_string_equal(e.what, "rule.remove");
	assert_int_equal(strncmp(e.before, "5 in", 4), 0);
	struct prefix p = world_prefix("203.0.113.0/24");
	assert_int_equal(core_allow_add(f->w->core, &f->w->who, &p, "ours", NULL), 0);
	e = others_audit(f->w);
	assert_string_equal(e.what, "allow.add");
	assert_string_equal(e.before, "");
	assert_string_equal(e.after, "ours");
	assert_int_equal(core_allow_remove(f->w->core, &f->w->who, &p, NULL), 0);
	e = others_audit(f->w);
	assert_string_equal(e.before, "ours");
	assert_string_equal(e.after, "");
}

static void an_agents_are_made_on_its_server(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	struct err err = {""};
	struct prefix p = world_prefix("203.0.113.0/24");
	struct rule r = rule("one", 3, true);
	int64_t id = 1;
	assert_int_equal(core_rule_put(w->core, &w->who, &r, NULL, 0, NULL, &err), CORE_INVALID);
	assert_non_null(strstr(err.text, "are made on its server"));
	assert_int_equal(core_rule_remove(w->core, &w->who, "one", &err), CORE_INVALID);
	assert_int_equal(core_rules_remove(w->core, &w->who, &id, 1, &err), CORE_INVALID);
	assert_int_equal(use(f, w->uuid, 0), CORE_INVALID);
	assert_int_equal(core_allow_add(w->core, &w->who, &p, NULL, &err), CORE_INVALID);
	assert_int_equal(core_allow_remove(w->core, &w->who, &p, &err), CORE_INVALID);
	/* its own blocks are its own, and reported */
	struct prefix one = world_prefix("203.0.113.9");
	unsigned told = w->reportable;
	assert_int_equal(world_by_hand(w, &one, BLOCK_IN, BLOCK_FOREVER, NULL, NULL), 0);
	assert_true(w->reportable > told);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		CASE(this_machine_goes_by_its_own_rule),
		CASE(lists_say_how_many_servers),
		CASE(which_rule_holds_where),
		CASE(servers_are_given_anew_or_left),
		CASE(removed_all_or_none),
		CASE(agents_hear_of_every_change),
		CASE(the_files_rules_can_be_given),
		CASE(changes_are_in_the_audit),
		cmocka_unit_test_setup_teardown(
			an_agents_are_made_on_its_server, setup_agent, teardown),
	};
	return cmocka_run_group_tests_name("rule_hosts", tests, NULL, NULL);
}
