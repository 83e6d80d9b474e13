/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two accounts on one server: each operation of the one tried on what is the other's. */
#include "base/util.h"
#include "core/private.h"
#include "others.h"

#define TARGET "198.51.100.7"

struct fixture {
	struct world *w;
	struct core_reader *reader;
	struct account other;
	struct core_caller them;   /* of the other account */
	struct host ours, theirs;  /* agents */
	struct rule our_rule;      /* ours has it */
	struct custom_block block; /* of ours, on ours */
	struct access_key key;     /* ours */
};

static void make_ours(struct fixture *f)
{
	struct world *w = f->w;
	const char *ours[] = {f->ours.uuid};
	const struct core_custom_wish wish = {.target = world_prefix(TARGET),
		.direction = BLOCK_IN,
		.expires = BLOCK_FOREVER,
		.uuids = ours,
		.n = 1};
	f->our_rule = (struct rule){.name = "ours",
		.fail_count = 3,
		.span = MS_MINUTE,
		.forbidden = MS_HOUR,
		.services = SERVICE_ALL,
		.enabled = true};
	f->key = (struct access_key){.name = "ours", .allow = "*", .expires = INT64_MAX};
	assert_int_equal(core_custom_put(w->core, &w->who, CUSTOM_CREATE, &wish, NULL, NULL), 0);
	assert_int_equal(core_rule_put(w->core, &w->who, &f->our_rule, ours, 1, NULL, NULL), 0);
	assert_int_equal(core_key_create(w->core, &w->who, &f->key, NULL), 0);
	f->block = others_custom(w, w->who.account, TARGET, BLOCK_IN);
}

static int setup(void **state)
{
	static struct fixture f;
	struct err err = {""};
	void *world;
	if (world_setup(&world) < 0)
		return -1;
	f = (struct fixture){.w = world};
	if (core_account_add(f.w->core, &f.w->who, "tenant", &f.other, &err) != 0)
		return -1;
	f.them = (struct core_caller){.account = f.other.id, .who = "their-key"};
	f.ours = others_add(f.w, f.w->who.account, "ours-a", true);
	f.theirs = others_add(f.w, f.other.id, "theirs-b", true);
	make_ours(&f);
	*state = &f;
	return core_reader_open(f.w->core, &f.reader, &err);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	f->reader = core_reader_close(f->reader);
	*state = f->w;
	return world_teardown(state);
}

static void added_closed_and_opened(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	struct err err = {""};
	struct account a = {0}, back;
	assert_int_equal(strlen(f->other.uid), 16);
	assert_int_equal(strlen(f->other.project_id), 32);
	assert_int_equal(core_account_add(w->core, &w->who, "tenant", &a, &err), CORE_EXISTS);
	assert_int_equal(core_account_add(w->core, &w->who, f->other.uid, &a, &err), CORE_EXISTS);
	assert_int_equal(core_account_add(w->core, &w->who, "", &a, &err), CORE_INVALID);
	assert_int_equal(core_account_add(w->core, &w->who, "-x", &a, &err), CORE_INVALID);
	assert_int_equal(core_account_add(w->core, &w->who, "two words", &a, &err), CORE_INVALID);
	assert_int_equal(core_account_add(w->core, &w->who,
				 "0123456789012345678901234567890123456789012345678901234567890123",
				 &a, &err),
		CORE_INVALID);
	assert_int_equal(core_account_add(w->core, &w->who, "third", &a, &err), 0);
	assert_true(a.id != f->other.id && a.id != w->who.account);
	struct audit_entry e = others_audit(w);
	assert_string_equal(e.what, "account.add");
	assert_string_equal(e.object, "third");

	unsigned told = w->wished;
	assert_int_equal(
		core_account_set_closed(w->core, &w->who, "none", true, &err), CORE_NOT_FOUND);
	assert_int_equal(w->wished, told);
	assert_int_equal(core_account_set_closed(w->core, &w->who, "tenant", true, &err), 0);
	assert_true(w->wished > told && w->wished_all); /* its agents are turned away */
	e = others_audit(w);
	assert_string_equal(e.what, "account.close");
	assert_string_equal(e.before, "open");
	assert_string_equal(e.after, "closed");
	assert_int_equal(core_account(f->reader, f->other.id, &back), 0);
	assert_true(back.closed);
	assert_int_equal(
		core_account_set_closed(w->core, &w->who, f->other.project_id, false, &err), 0);
	assert_int_equal(core_account(f->reader, f->other.id, &back), 0);
	assert_false(back.closed);
	assert_int_equal(core_account_set_closed(w->core, &w->who, f->other.uid, false, &err), 0);
}

static void blocks_are_not_crossed(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	struct block b = others_block(w, &f->ours, "203.0.113.1");
	const struct core_block_name name = {
		.host_uuid = f->ours.uuid, .address = b.target.addr, .service = SERVICE_SSH};
	int64_t version = others_version(w);
	assert_int_equal(
		core_blocks_cancel(w->core, &f->them, &name, 1, NULL, NULL), CORE_NOT_FOUND);
	assert_int_equal(core_block_renew(w->core, &f->them, &name, NULL), CORE_NOT_FOUND);
	struct prefix all = world_prefix("0.0.0.0/0");
	const char *ours[] = {f->ours.uuid};
	unsigned n = 99;
	assert_int_equal(core_unblock(w->core, &f->them, &all, NULL, 0, &n, NULL), CORE_NOT_FOUND);
	assert_int_equal(core_unblock(w->core, &f->them, &all, ours, 1, &n, NULL), CORE_NOT_FOUND);
	assert_int_equal(others_version(w), version);

	/* nor this machine's, which is the first account's */
	world_failures(w, "203.0.113.2", 10, clock_now() - 1000);
	world_until(w, world_state(w, "203.0.113.2") == BLOCK_APPLIED);
	assert_int_equal(core_unblock(w->core, &f->them, &all, NULL, 0, &n, NULL), CORE_NOT_FOUND);
	assert_int_equal(world_state(w, "203.0.113.2"), BLOCK_APPLIED);

	/* and theirs stay when ours are lifted */
	(void)others_block(w, &f->theirs, "203.0.113.1");
	assert_int_equal(core_unblock(w->core, &w->who, &all, NULL, 0, &n, NULL), 0);
	assert_int_equal(n, 3);
	b = others_row(w, &f->theirs, "203.0.113.1", SERVICE_SSH, BLOCK_IN);
	assert_int_equal(b.state, BLOCK_APPLIED);
}

static void custom_blocks_are_not_crossed(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	struct prefix p = world_prefix(TARGET);
	const char *ours[] = {f->ours.uuid}, *theirs[] = {f->theirs.uuid}, *this[] = {w->uuid};
	struct core_custom_wish wish = {.target = p,
		.direction = BLOCK_IN,
		.expires = BLOCK_FOREVER,
		.uuids = ours,
		.n = 1};
	struct core_import import = {.targets = &p, .n = 1, .common = wish};
	unsigned bad = 99;
	size_t done = 0;
	int64_t version = others_version(w);
	assert_int_equal(core_custom_put(w->core, &f->them, CUSTOM_CREATE, &wish, &bad, NULL),
		CORE_NOT_FOUND);
	assert_int_equal(bad, 0);
	assert_int_equal(
		core_custom_import(w->core, &f->them, &import, &done, NULL), CORE_NOT_FOUND);
	wish.uuids = this;
	assert_int_equal(core_custom_put(w->core, &f->them, CUSTOM_CREATE, &wish, &bad, NULL),
		CORE_NOT_FOUND);
	wish.uuids = theirs; /* there is one of that target, but it is ours */
	assert_int_equal(core_custom_put(w->core, &f->them, CUSTOM_MODIFY, &wish, &bad, NULL),
		CORE_NOT_FOUND);
	assert_int_equal(core_custom_remove(w->core, &f->them, f->block.id, NULL), CORE_NOT_FOUND);
	assert_int_equal(
		core_custom_set_enabled(w->core, &f->them, &p, BLOCK_IN, NULL, false, NULL),
		CORE_NOT_FOUND);
	assert_int_equal(others_version(w), version);

	/* of their own, everywhere: on their servers alone */
	wish.uuids = NULL;
	wish.n = 0;
	assert_int_equal(core_custom_put(w->core, &f->them, CUSTOM_CREATE, &wish, &bad, NULL), 0);
	struct custom_block cb = others_custom(w, f->other.id, TARGET, BLOCK_IN);
	assert_int_equal(cb.servers, 1);
	assert_int_equal(
		others_row(w, &f->theirs, TARGET, SERVICE_NONE, BLOCK_IN).state, BLOCK_WANTED);
	assert_int_equal(world_block(w, TARGET, SERVICE_NONE).id, 0);
	assert_int_equal(
		core_custom_set_enabled(w->core, &f->them, &p, BLOCK_IN, f->ours.uuid, true, NULL),
		CORE_NOT_FOUND);
	unsigned n = 0;
	assert_int_equal(core_unblock(w->core, &f->them, &p, NULL, 0, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_true(others_custom(w, w->who.account, TARGET, BLOCK_IN).enabled);
	assert_int_equal(
		others_row(w, &f->ours, TARGET, SERVICE_NONE, BLOCK_IN).state, BLOCK_WANTED);
	assert_int_equal(core_custom_remove(w->core, &w->who, cb.id, NULL), CORE_NOT_FOUND);
}

static void rules_are_not_crossed(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	const char *ours[] = {f->ours.uuid};
	struct rule taken = f->our_rule, theirs = f->our_rule;
	unsigned bad = 99;
	taken.fail_count = 9;
	assert_int_equal(
		core_rule_put(w->core, &f->them, &taken, NULL, 0, &bad, NULL), CORE_NOT_FOUND);
	assert_int_equal(bad, 99);
	assert_int_equal(
		core_rules_remove(w->core, &f->them, &f->our_rule.id, 1, NULL), CORE_NOT_FOUND);
	assert_int_equal(core_rule_remove(w->core, &f->them, "ours", NULL), CORE_NOT_FOUND);
	theirs.id = 0; /* the same name is free */
	assert_int_equal(
		core_rule_put(w->core, &f->them, &theirs, ours, 1, &bad, NULL), CORE_NOT_FOUND);
	assert_int_equal(bad, 0);
	theirs.is_default = true;
	assert_int_equal(core_rule_put(w->core, &f->them, &theirs, NULL, 0, &bad, NULL), 0);
	assert_int_equal(core_host_rule_set(w->core, &f->them, f->ours.uuid, theirs.id, NULL),
		CORE_NOT_FOUND);
	assert_int_equal(
		core_host_rule_set(w->core, &f->them, f->theirs.uuid, f->our_rule.id, NULL),
		CORE_NOT_FOUND);
	assert_int_equal(core_host_rule_set(w->core, &w->who, f->ours.uuid, theirs.id, NULL),
		CORE_NOT_FOUND);
	int64_t own = 0;
	assert_int_equal(store_rule_host_get(core_store(w->core), f->ours.id, &own), 0);
	assert_int_equal(own, f->our_rule.id);
	/* this machine does not go by theirs */
	world_failures(w, "203.0.113.2", 4, clock_now() - 1000);
	world_until(w, world_attempts(w) == 4);
	assert_int_equal(world_state(w, "203.0.113.2"), BLOCK_STATES);
	/* and ours goes without theirs */
	assert_int_equal(core_rule_remove(w->core, &w->who, "ours", NULL), 0);
	assert_int_equal(store_rule_get(core_store(w->core), theirs.id, &taken), 0);
}

static void allow_lists_are_apart(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	struct prefix net = world_prefix("198.51.100.0/24"), p = world_prefix(TARGET);
	const char *theirs[] = {f->theirs.uuid};
	struct core_custom_wish wish = {.target = p,
		.direction = BLOCK_IN,
		.expires = BLOCK_FOREVER,
		.uuids = theirs,
		.n = 1};
	assert_int_equal(core_custom_put(w->core, &f->them, CUSTOM_PUT, &wish, NULL, NULL), 0);
	assert_int_equal(core_allow_add(w->core, &f->them, &net, NULL, NULL), 0);
	assert_int_equal(
		others_row(w, &f->theirs, TARGET, SERVICE_NONE, BLOCK_IN).state, BLOCK_CANCELLING);
	assert_int_equal(
		others_row(w, &f->ours, TARGET, SERVICE_NONE, BLOCK_IN).state, BLOCK_WANTED);
	world_settle(w);
	assert_null(world_in_kernel(w, ENFORCE_ALLOW, "198.51.100.0/24"));
	assert_int_equal(world_by_hand(w, &p, BLOCK_IN, BLOCK_FOREVER, NULL, NULL), 0);
	assert_int_equal(
		core_custom_put(w->core, &f->them, CUSTOM_PUT, &wish, NULL, NULL), CORE_PROTECTED);
	assert_int_equal(core_allow_remove(w->core, &w->who, &net, NULL), CORE_NOT_FOUND);
	assert_int_equal(core_allow_remove(w->core, &f->them, &net, NULL), 0);
	assert_int_equal(core_custom_put(w->core, &f->them, CUSTOM_PUT, &wish, NULL, NULL), 0);
}

static void the_files_entries_are_the_first_accounts(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	struct err err;
	f->reader = core_reader_close(f->reader);
	world_stop(w);
	w->settings->allow[0] = world_prefix("203.0.113.0/24");
	w->settings->allow_count = 1;
	w->settings->rules[0] = f->our_rule;
	(void)snprintf(w->settings->rules[0].name, RULE_NAME_MAX, "fixed");
	w->settings->rules[0].source = RULE_USER;
	w->settings->rule_count = 1;
	world_start(w);
	assert_int_equal(core_reader_open(w->core, &f->reader, &err), 0);
	struct core_custom_wish wish = {.target = world_prefix("203.0.113.9"),
		.direction = BLOCK_IN,
		.expires = BLOCK_FOREVER};
	assert_int_equal(core_custom_put(w->core, &f->them, CUSTOM_PUT, &wish, NULL, NULL), 0);
	assert_int_equal(
		core_custom_put(w->core, &w->who, CUSTOM_PUT, &wish, NULL, NULL), CORE_PROTECTED);
	assert_int_equal(
		core_allow_remove(w->core, &f->them, &w->settings->allow[0], NULL), CORE_NOT_FOUND);
	struct rule theirs = f->our_rule;
	theirs.id = 0;
	(void)snprintf(theirs.name, sizeof(theirs.name), "fixed");
	assert_int_equal(core_rule_put(w->core, &f->them, &theirs, NULL, 0, NULL, NULL), 0);
	assert_int_equal(core_rule_remove(w->core, &f->them, "fixed", NULL), 0);
}

static void keys_are_not_crossed(void **state)
{
	struct fixture *f = *state;
	struct world *w = f->w;
	struct access_key k = {.name = "theirs", .allow = "*", .expires = INT64_MAX}, back;
	struct err err = {""};
	assert_int_equal(core_key_remove(w->core, &f->them, f->key.id, &err), CORE_NOT_FOUND);
	assert_int_equal(
		core_key_set_active(w->core, &f->them, f->key.id, false, &err), CORE_NOT_FOUND);
	assert_int_equal(core_key(f->reader, f->key.id, &back), 0);
	assert_true(back.active);
	assert_int_equal(back.account, w->who.account);

	(void)snprintf(k.projects, sizeof(k.projects), "0\nb29c8e83-7d24-4cf6-b8ea-1b3e0a2a9f10");
	assert_int_equal(core_key_create(w->core, &f->them, &k, &err), 0);
	assert_int_equal(core_key(f->reader, k.id, &back), 0);
	assert_int_equal(back.account, f->other.id);
	assert_string_equal(back.projects, k.projects);
	assert_string_equal(back.secret, k.secret);
	struct audit_entry e = others_audit(w);
	assert_string_equal(e.what, "key.create");
	assert_string_equal(e.who, "their-key");
	assert_int_equal(e.account, f->other.id);
	assert_null(strstr(e.after, k.secret));
	assert_null(strstr(e.detail, k.secret));
	assert_non_null(strstr(e.after, "theirs, active, some projects, allows *"));

	static const char *const bad[] = {"\n", "a\n\nb", "a b", "a\n"};
	for (size_t i = 0; i < countof(bad); i++) {
		struct access_key wrong = {.name = "wrong", .allow = "*", .expires = INT64_MAX};
		(void)snprintf(wrong.projects, sizeof(wrong.projects), "%s", bad[i]);
		assert_int_equal(core_key_create(w->core, &f->them, &wrong, &err), CORE_INVALID);
	}
	struct access_key twin = {.name = "ours", .allow = "*", .expires = INT64_MAX};
	assert_int_equal(core_key_create(w->core, &f->them, &twin, &err), CORE_EXISTS);

	char text[128];
	struct token token, found;
	assert_int_equal(core_token_issue(w->core, &back, text, sizeof(text), &token), 0);
	assert_int_equal(core_token(f->reader, text, &found), 0);
	assert_int_equal(found.account, f->other.id);
	assert_int_equal(core_key_set_active(w->core, &f->them, k.id, false, &err), 0);
	e = others_audit(w);
	assert_non_null(strstr(e.before, "active"));
	assert_non_null(strstr(e.after, "disabled"));
	assert_int_equal(core_key_remove(w->core, &w->who, k.id, &err), CORE_NOT_FOUND);
	assert_int_equal(core_key_remove(w->core, &f->them, k.id, &err), 0);
}

static int count_host(void *ctx, const struct host *h)
{
	assert_string_equal(h->name, "theirs-b");
	++*(unsigned *)ctx;
	return 0;
}

static int count_row(void *ctx, const struct block_row *row)
{
	(void)row;
	++*(unsigned *)ctx;
	return 0;
}

static int count_custom(void *ctx, const struct custom_block *cb)
{
	(void)cb;
	++*(unsigned *)ctx;
	return 0;
}

static int count_rule(void *ctx, const struct core_rule_row *row)
{
	(void)row;
	++*(unsigned *)ctx;
	return 0;
}

static int count_pair(void *ctx, const struct host *h, const struct rule *r)
{
	(void)h;
	(void)r;
	++*(unsigned *)ctx;
	return 0;
}

static int count_instance(void *ctx, const struct core_custom_instance *i)
{
	(void)i;
	++*(unsigned *)ctx;
	return 0;
}

static void questions_are_not_crossed(void **state)
{
	struct fixture *f = *state;
	struct core_reader *r = f->reader;
	struct host host;
	struct custom_block cb;
	int64_t total = -1, them = f->other.id;
	unsigned n = 0;
	struct prefix p = world_prefix(TARGET);
	const char *ours[] = {f->ours.uuid};
	(void)others_block(f->w, &f->ours, "203.0.113.1");
	assert_int_equal(core_host_by_uuid(r, them, f->ours.uuid, &host), CORE_NOT_FOUND);
	assert_int_equal(core_host_by_uuid(r, them, f->theirs.uuid, &host), 0);
	const struct block_query blocks = {.account = them, .limit = 10};
	assert_int_equal(core_blocks(r, &blocks, count_row, &n, &total), 0);
	assert_int_equal(total, 0);
	const struct block_query on = {.account = them, .host = f->ours.id, .limit = 10};
	assert_int_equal(core_blocks(r, &on, count_row, &n, &total), 0);
	assert_int_equal(total, 0);
	const struct custom_query customs = {.account = them, .limit = 10};
	assert_int_equal(core_customs(r, &customs, count_custom, &n, &total), 0);
	assert_int_equal(total, 0);
	assert_int_equal(core_custom_find(r, them, &p, BLOCK_IN, &cb), CORE_NOT_FOUND);
	const struct core_rule_query rules = {.account = them, .limit = 10};
	assert_int_equal(core_rules(r, &rules, count_rule, &n, &total), 0);
	assert_int_equal(total, 0);
	const struct core_rule_query rule = {.account = them, .id = f->our_rule.id, .limit = 10};
	assert_int_equal(core_rules(r, &rule, count_rule, &n, &total), 0);
	assert_int_equal(total, 0);
	assert_int_equal(core_host_rules(r, them, NULL, 0, count_pair, &n), 0);
	assert_int_equal(core_host_rules(r, them, ours, 1, count_pair, &n), CORE_NOT_FOUND);
	assert_int_equal(core_rule_hosts(r, them, f->our_rule.id, count_host, &n), CORE_NOT_FOUND);
	/* a record that claims to be of an account shows none of another's servers */
	cb = f->block;
	cb.account = them;
	assert_int_equal(core_custom_instances(r, &cb, count_instance, &n), 0);
	assert_int_equal(n, 0);
	struct core_summary s;
	assert_int_equal(core_summary(r, them, &s), 0);
	assert_int_equal(s.records[RULE_BLINK] + s.records[RULE_USER] + s.rules, 0);
}

static void a_summary_is_of_all_servers_of_the_account(void **state)
{
	struct fixture *f = *state;
	struct core_summary s;
	struct host second = others_add(f->w, f->w->who.account, "ours-d", false);
	(void)others_block(f->w, &f->ours, "203.0.113.1");
	(void)others_block(f->w, &second, "203.0.113.1");
	(void)others_block(f->w, &f->theirs, "203.0.113.1");
	world_failures(f->w, "203.0.113.2", 10, clock_now() - 1000);
	world_until(f->w, world_state(f->w, "203.0.113.2") == BLOCK_APPLIED);
	assert_int_equal(core_summary(f->reader, f->w->who.account, &s), 0);
	assert_int_equal(s.records[RULE_BLINK], 3);
	assert_int_equal(s.effective[RULE_BLINK], 3);
	assert_int_equal(
		s.records[RULE_USER], 0); /* no login's: custom blocks have their own list */
	assert_int_equal(s.rules, 2);
	assert_int_equal(core_summary(f->reader, f->other.id, &s), 0);
	assert_int_equal(s.records[RULE_BLINK], 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		CASE(added_closed_and_opened),
		CASE(blocks_are_not_crossed),
		CASE(custom_blocks_are_not_crossed),
		CASE(rules_are_not_crossed),
		CASE(allow_lists_are_apart),
		CASE(the_files_entries_are_the_first_accounts),
		CASE(keys_are_not_crossed),
		CASE(questions_are_not_crossed),
		CASE(a_summary_is_of_all_servers_of_the_account),
	};
	return cmocka_run_group_tests_name("accounts", tests, NULL, NULL);
}
