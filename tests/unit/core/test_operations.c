/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What people and their tools may change. */
#include "world.h"

#include "base/util.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

static void block(struct world *w, const char *address)
{
	world_failures(w, address, 10, clock_now() - 1000);
	world_until(w, world_state(w, address) == BLOCK_APPLIED);
}

static struct core_block_name name_of(struct world *w, const char *address)
{
	static char uuid[40];
	struct core_status status;
	core_get_status(w->core, &status);
	memcpy(uuid, status.host.uuid, sizeof(uuid));
	return (struct core_block_name){
		.host_uuid = uuid, .address = world_prefix(address).addr, .service = SERVICE_SSH};
}

static void cancel_is_all_or_nothing(void **state)
{
	struct world *w = *state;
	struct err err = {""};
	unsigned bad = 99;
	block(w, "203.0.113.1");
	block(w, "203.0.113.2");
	struct core_block_name names[] = {
		name_of(w, "203.0.113.1"), name_of(w, "198.51.100.1"), name_of(w, "203.0.113.2")};
	assert_int_equal(
		core_blocks_cancel(w->core, &w->who, names, 3, &bad, &err), CORE_NOT_FOUND);
	assert_int_equal(bad, 1);
	world_settle(w);
	assert_int_equal(world_state(w, "203.0.113.1"), BLOCK_APPLIED);
	assert_int_equal(w->kernel_n, 2);

	names[1] = names[0]; /* one named twice is lifted once */
	unsigned removed = w->removed;
	assert_int_equal(core_blocks_cancel(w->core, &w->who, names, 3, &bad, &err), 0);
	assert_int_equal(world_state(w, "203.0.113.1"), BLOCK_CANCELLING);
	world_until(w, world_state(w, "203.0.113.1") == BLOCK_CANCELED);
	world_until(w, world_state(w, "203.0.113.2") == BLOCK_CANCELED);
	assert_int_equal(w->removed - removed, 2);
	assert_int_equal(w->kernel_n, 0);
	/* once more is no error and changes nothing */
	assert_int_equal(core_blocks_cancel(w->core, &w->who, names, 3, &bad, &err), 0);
	world_settle(w);
	assert_int_equal(w->removed - removed, 2);
}

static void the_counter_starts_anew_after_a_lift(void **state)
{
	struct world *w = *state;
	block(w, "203.0.113.1");
	world_failures(w, "203.0.113.1", 9, clock_now() - 500);
	world_until(w, world_attempts(w) == 19);
	struct core_block_name name = name_of(w, "203.0.113.1");
	assert_int_equal(core_blocks_cancel(w->core, &w->who, &name, 1, NULL, NULL), 0);
	world_until(w, world_state(w, "203.0.113.1") == BLOCK_CANCELED);
	world_failures(w, "203.0.113.1", 9, clock_now() - 100);
	world_until(w, world_attempts(w) == 28);
	assert_int_equal(world_state(w, "203.0.113.1"), BLOCK_CANCELED);
	world_failures(w, "203.0.113.1", 1, clock_now());
	world_until(w, world_state(w, "203.0.113.1") == BLOCK_APPLIED);
	assert_int_equal(world_block(w, "203.0.113.1", SERVICE_SSH).lives, 1);
}

static void a_removal_the_kernel_refuses_is_tried_again(void **state)
{
	struct world *w = *state;
	block(w, "203.0.113.1");
	w->refuse_remove = -EBUSY;
	struct core_block_name name = name_of(w, "203.0.113.1");
	assert_int_equal(core_blocks_cancel(w->core, &w->who, &name, 1, NULL, NULL), 0);
	world_settle(w);
	assert_int_equal(world_state(w, "203.0.113.1"), BLOCK_CANCELLING);
	w->refuse_remove = 0;
	world_until(w, world_state(w, "203.0.113.1") == BLOCK_CANCELED); /* by a comparison */
	assert_int_equal(w->kernel_n, 0);
}

static void renew_blocks_for_the_rules_time_from_now(void **state)
{
	struct world *w = *state;
	struct err err = {""};
	block(w, "203.0.113.1");
	struct core_block_name name = name_of(w, "203.0.113.1");
	assert_int_equal(core_blocks_cancel(w->core, &w->who, &name, 1, NULL, NULL), 0);
	int64_t before = clock_now();
	/* also while the lift is under way */
	assert_int_equal(core_block_renew(w->core, &w->who, &name, &err), 0);
	world_until(w, world_state(w, "203.0.113.1") == BLOCK_APPLIED);
	world_settle(w);
	struct block b = world_block(w, "203.0.113.1", SERVICE_SSH);
	assert_int_equal(b.state, BLOCK_APPLIED);
	assert_int_equal(b.lives, 1); /* a lift begins the count anew */
	assert_in_range(b.expires - w->settings->system_rule.forbidden, before, clock_now());
	assert_int_equal(world_in_kernel(w, ENFORCE_IN, "203.0.113.1")->expires, b.expires);
	name = name_of(w, "203.0.113.9");
	assert_int_equal(core_block_renew(w->core, &w->who, &name, &err), CORE_NOT_FOUND);
}

static void v6_is_found_by_any_address_of_its_64(void **state)
{
	struct world *w = *state;
	world_failures(w, "2001:db8:1:2::5", 10, clock_now() - 1000);
	world_until(w, world_state(w, "2001:db8:1:2::/64") == BLOCK_APPLIED);
	struct core_block_name name = name_of(w, "2001:db8:1:2:ffff::9");
	assert_int_equal(core_blocks_cancel(w->core, &w->who, &name, 1, NULL, NULL), 0);
	world_until(w, world_state(w, "2001:db8:1:2::/64") == BLOCK_CANCELED);
}

static void allowing_lifts_and_never_blocks(void **state)
{
	struct world *w = *state;
	struct prefix net = world_prefix("203.0.113.0/24");
	block(w, "203.0.113.1");
	w->refuse = -EPERM; /* one that failed must not be ordered by a comparison later */
	world_failures(w, "203.0.113.2", 10, clock_now() - 1000);
	world_until(w, world_state(w, "203.0.113.2") == BLOCK_FAILED);
	w->refuse = 0;
	assert_int_equal(core_allow_add(w->core, &w->who, &net, "ours", NULL), 0);
	world_until(w, world_state(w, "203.0.113.1") == BLOCK_CANCELED);
	assert_int_equal(world_state(w, "203.0.113.2"), BLOCK_CANCELED);
	world_until(w, world_in_kernel(w, ENFORCE_ALLOW, "203.0.113.0/24"));

	unsigned added = w->added;
	world_failures(w, "203.0.113.1", 30, clock_now() - 100);
	world_failures(w, "203.0.113.77", 30, clock_now() - 100);
	world_until(w, world_attempts(w) == 80);
	world_drift(w);
	world_settle(w);
	assert_int_equal(w->added, added);
	assert_null(world_in_kernel(w, ENFORCE_IN, "203.0.113.1"));
	assert_null(world_in_kernel(w, ENFORCE_IN, "203.0.113.77"));
	struct prefix one = world_prefix("203.0.113.1"), wide = world_prefix("203.0.0.0/16");
	assert_int_equal(
		world_by_hand(w, &one, BLOCK_IN, BLOCK_FOREVER, NULL, NULL), CORE_PROTECTED);
	assert_int_equal(
		world_by_hand(w, &wide, BLOCK_IN, BLOCK_FOREVER, NULL, NULL), CORE_PROTECTED);
	struct core_block_name name = name_of(w, "203.0.113.1");
	assert_int_equal(core_block_renew(w->core, &w->who, &name, NULL), CORE_PROTECTED);

	assert_int_equal(core_allow_remove(w->core, &w->who, &net, NULL), 0);
	assert_int_equal(core_allow_remove(w->core, &w->who, &net, NULL), CORE_NOT_FOUND);
	world_until(w, !world_in_kernel(w, ENFORCE_ALLOW, "203.0.113.0/24"));
	block(w, "203.0.113.1");
}

static void what_the_file_allows_now_is_lifted_at_the_start(void **state)
{
	struct world *w = *state;
	block(w, "203.0.113.1");
	block(w, "198.51.100.1");
	world_stop(w);
	w->settings->allow[0] = world_prefix("203.0.113.0/24");
	w->settings->allow_count = 1;
	w->kernel_n = 0;
	world_start(w);
	world_until(w, world_state(w, "203.0.113.1") == BLOCK_CANCELED);
	world_until(w, world_state(w, "198.51.100.1") == BLOCK_APPLIED);
	assert_null(world_in_kernel(w, ENFORCE_IN, "203.0.113.1"));
	assert_non_null(world_in_kernel(w, ENFORCE_IN, "198.51.100.1"));
	struct err err = {""};
	assert_int_equal(
		core_allow_remove(w->core, &w->who, &w->settings->allow[0], &err), CORE_INVALID);
}

static void more_are_allowed_than_one_answer_holds(void **state)
{
	struct world *w = *state;
	enum { MANY = 1500 };
	for (uint32_t i = 0; i < MANY; i++) {
		struct addr a = addr_from_v4(0xc6336400u + (i << 8));
		struct prefix p = prefix_of(&a, 128);
		assert_int_equal(core_allow_add(w->core, &w->who, &p, NULL, NULL), 0);
	}
	struct addr last = addr_from_v4(0xc6336400u + ((MANY - 1) << 8));
	struct prefix p = prefix_of(&last, 128);
	assert_int_equal(world_by_hand(w, &p, BLOCK_IN, BLOCK_FOREVER, NULL, NULL), CORE_PROTECTED);
}

static void by_hand_in_both_directions(void **state)
{
	struct world *w = *state;
	struct prefix net = world_prefix("198.51.100.0/24"), one = world_prefix("203.0.113.9");
	int64_t soon = clock_now() + 300;
	assert_int_equal(world_by_hand(w, &net, BLOCK_IN, BLOCK_FOREVER, "spam", NULL), 0);
	assert_int_equal(world_by_hand(w, &one, BLOCK_OUT, soon, NULL, NULL), 0);
	world_until(w, world_in_kernel(w, ENFORCE_OUT, "203.0.113.9"));
	world_until(w, world_state(w, "198.51.100.0/24") == BLOCK_APPLIED);
	assert_true(world_in_kernel(w, ENFORCE_IN, "198.51.100.0/24")->expires == ENFORCE_FOREVER);
	struct block b = world_block(w, "198.51.100.0/24", SERVICE_NONE);
	assert_string_equal(b.rule_name, "spam");
	assert_true(b.expires == BLOCK_FOREVER);
	world_until(w, !world_in_kernel(w, ENFORCE_OUT, "203.0.113.9"));
	assert_int_equal(
		world_by_hand(w, &one, BLOCK_IN, clock_now() - 1, NULL, NULL), CORE_INVALID);
	unsigned n = 0;
	struct prefix inside = world_prefix("198.51.100.7"), none = world_prefix("192.0.2.1");
	assert_int_equal(core_unblock(w->core, &w->who, &none, NULL, 0, &n, NULL), CORE_NOT_FOUND);
	assert_int_equal(core_unblock(w->core, &w->who, &inside, NULL, 0, &n, NULL), 0);
	assert_int_equal(n, 1);
	world_until(w, world_state(w, "198.51.100.0/24") == BLOCK_CANCELED);
}

static struct rule rule(const char *name, uint32_t fails, int64_t span, int64_t forbidden)
{
	struct rule r = {.source = RULE_USER,
		.fail_count = fails,
		.span = span,
		.forbidden = forbidden,
		.services = SERVICE_ALL,
		.is_default = true,
		.enabled = true};
	(void)snprintf(r.name, sizeof(r.name), "%s", name);
	return r;
}

static void rules_decide_from_the_next_failure(void **state)
{
	struct world *w = *state;
	struct rule r = rule("three", 3, 60000, RULE_PERMANENT);
	world_failures(w, "203.0.113.1", 2, clock_now() - 1000);
	world_until(w, world_attempts(w) == 2);
	assert_int_equal(core_rule_put(w->core, &w->who, &r, NULL, 0, NULL, NULL), 0);
	world_failures(w, "203.0.113.1", 1, clock_now() - 500);
	world_until(w, world_state(w, "203.0.113.1") == BLOCK_APPLIED);
	struct block b = world_block(w, "203.0.113.1", SERVICE_SSH);
	assert_string_equal(b.rule_name, "three");
	assert_int_equal(b.source, RULE_USER);
	assert_true(b.expires == BLOCK_FOREVER);

	r.fail_count = 5;
	assert_int_equal(core_rule_put(w->core, &w->who, &r, NULL, 0, NULL, NULL), 0); /* changed */
	world_failures(w, "203.0.113.2", 4, clock_now() - 500);
	world_until(w, world_attempts(w) == 7);
	assert_int_equal(world_state(w, "203.0.113.2"), BLOCK_STATES);
	/* the rule goes while a block names it: the block stays, and is renewed by the system's */
	assert_int_equal(core_rule_remove(w->core, &w->who, "three", NULL), 0);
	world_failures(w, "203.0.113.2", 5, clock_now() - 400);
	world_until(w, world_attempts(w) == 12);
	assert_int_equal(world_state(w, "203.0.113.2"), BLOCK_STATES);
	struct core_block_name name = name_of(w, "203.0.113.1");
	int64_t before = clock_now();
	assert_int_equal(core_block_renew(w->core, &w->who, &name, NULL), 0);
	b = world_block(w, "203.0.113.1", SERVICE_SSH);
	assert_in_range(b.expires - w->settings->system_rule.forbidden, before, clock_now());
	assert_string_equal(b.rule_name, "three");
}

static void wrong_rules_are_refused(void **state)
{
	struct world *w = *state;
	struct err err = {""};
	struct rule bad[] = {rule("", 1, 1000, 1000), rule("a", 0, 1000, 1000),
		rule("a", 1001, 1000, 1000), rule("a", 1, 999, 1000),
		rule("a", 1, MS_DAY + 1, 1000), rule("a", 1, 1000, 999), rule("a", 1, 1000, 1000)};
	bad[6].services = 0;
	for (size_t i = 0; i < countof(bad); i++)
		assert_int_equal(core_rule_put(w->core, &w->who, &bad[i], NULL, 0, NULL, &err),
			CORE_INVALID);
	struct rule good = rule("a", 1, 1000, 1000), again = good;
	assert_int_equal(core_rule_put(w->core, &w->who, &good, NULL, 0, NULL, &err), 0);
	assert_int_equal(core_rule_put(w->core, &w->who, &again, NULL, 0, NULL, &err), CORE_EXISTS);
	struct rule system = w->settings->system_rule;
	assert_int_equal(
		core_rule_put(w->core, &w->who, &system, NULL, 0, NULL, &err), CORE_INVALID);
	assert_int_equal(core_rule_remove(w->core, &w->who, w->settings->system_rule.name, &err),
		CORE_INVALID);
	assert_int_equal(core_rule_remove(w->core, &w->who, "none", &err), CORE_NOT_FOUND);
}

static void so_many_rules_that_the_next_start_still_works(void **state)
{
	struct world *w = *state;
	int r = 0;
	unsigned n = 0;
	for (; r == 0 && n < 2000; n++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "rule %u", n);
		struct rule one = rule(name, 500, 1000, 1000);
		r = core_rule_put(w->core, &w->who, &one, NULL, 0, NULL, NULL);
	}
	assert_int_equal(r, CORE_INVALID);
	world_stop(w);
	world_start(w);
}

static void the_files_rules_come_and_go_with_it(void **state)
{
	struct world *w = *state;
	world_stop(w);
	w->settings->rules[0] = rule("fixed", 2, 60000, 60000);
	w->settings->rule_count = 1;
	world_start(w);
	struct rule mine = rule("fixed", 3, 1000, 1000);
	assert_int_equal(core_rule_put(w->core, &w->who, &mine, NULL, 0, NULL, NULL), CORE_INVALID);
	assert_int_equal(core_rule_remove(w->core, &w->who, "fixed", NULL), CORE_INVALID);
	world_failures(w, "203.0.113.1", 2, clock_now() - 1000);
	world_until(w, world_state(w, "203.0.113.1") == BLOCK_APPLIED);
	world_stop(w);
	w->settings->rule_count = 0;
	world_start(w);
	world_failures(w, "203.0.113.2", 2, clock_now() - 1000);
	world_until(w, world_attempts(w) == 4);
	assert_int_equal(world_state(w, "203.0.113.2"), BLOCK_STATES);
}

static void keys_and_tokens(void **state)
{
	struct world *w = *state;
	struct err err = {""};
	struct access_key k = {.name = "one", .allow = "hss:*\nwaf:List", .expires = INT64_MAX};
	struct access_key twin = k, found,
			  bad = {.name = "two", .allow = "a*b", .expires = INT64_MAX};
	assert_int_equal(core_key_create(w->core, &w->who, &k, &err), 0);
	assert_int_equal(strlen(k.secret), 40);
	assert_string_equal(k.security_token, "");
	assert_int_equal(core_key_create(w->core, &w->who, &twin, &err), CORE_EXISTS);
	assert_int_equal(core_key_create(w->core, &w->who, &bad, &err), CORE_INVALID);
	struct access_key temporary = {
		.name = "three", .allow = "*", .expires = clock_now() + MS_HOUR};
	assert_int_equal(core_key_create(w->core, &w->who, &temporary, &err), 0);
	assert_int_not_equal(temporary.security_token[0], 0);

	struct core_reader *reader;
	assert_int_equal(core_reader_open(w->core, &reader, &err), 0);
	assert_int_equal(core_key_by_login(reader, "one", &found), 0);
	assert_string_equal(found.id, k.id);
	assert_string_equal(found.secret, k.secret);
	assert_true(found.active);
	char text[128];
	struct token token, back;
	assert_int_equal(core_token_issue(w->core, &temporary, text, sizeof(text), &token), 0);
	assert_true(token.expires <= temporary.expires);
	assert_int_equal(core_token(reader, text, &back), 0);
	assert_string_equal(back.key_id, temporary.id);
	assert_int_equal(core_token(reader, "no such", &back), CORE_NOT_FOUND);

	assert_int_equal(core_key_set_active(w->core, &w->who, k.id, false, &err), 0);
	assert_int_equal(core_key(reader, k.id, &found), 0);
	assert_false(found.active);
	assert_string_equal(found.secret, k.secret); /* it is the same key when it comes back */
	assert_int_equal(core_key_set_active(w->core, &w->who, k.id, true, &err), 0);
	assert_int_equal(core_key(reader, k.id, &found), 0);
	assert_true(found.active);
	assert_int_equal(
		core_key_set_active(w->core, &w->who, "none", false, &err), CORE_NOT_FOUND);
	assert_int_equal(core_key_remove(w->core, &w->who, temporary.id, &err), 0);
	assert_int_equal(core_token(reader, text, &back), CORE_NOT_FOUND); /* went with it */
	assert_int_equal(core_key_remove(w->core, &w->who, temporary.id, &err), CORE_NOT_FOUND);
	core_reader_close(reader);
}

struct asker {
	struct world *world;
	struct prefix target;
	int result;
	_Atomic bool done;
};

static void *ask(void *arg)
{
	struct asker *a = arg;
	a->result = world_by_hand(a->world, &a->target, BLOCK_IN, BLOCK_FOREVER, NULL, NULL);
	a->done = true;
	return NULL;
}

static void other_threads_wait_for_the_loop(void **state)
{
	struct world *w = *state;
	static struct asker askers[8];
	pthread_t threads[countof(askers)];
	for (unsigned i = 0; i < countof(askers); i++) {
		struct addr a = addr_from_v4(0xcb007100u + i);
		askers[i] = (struct asker){.world = w, .target = prefix_of(&a, 128)};
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
	}
	for (unsigned i = 0; i < countof(askers); i++)
		world_until(w, askers[i].done);
	for (unsigned i = 0; i < countof(askers); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(askers[i].result, 0);
	}
	/* who waits when it closes is answered; who comes later is turned away */
	struct addr a = addr_from_v4(0xcb007164u);
	struct asker last = {.world = w, .target = prefix_of(&a, 128)};
	core_close(w->core);
	assert_int_equal(pthread_create(&threads[0], NULL, ask, &last), 0);
	assert_int_equal(pthread_join(threads[0], NULL), 0);
	assert_int_equal(last.result, -ESHUTDOWN);
}

struct answer {
	struct core_verify v;
	bool came;
};

static void on_verified(void *ctx, const struct core_verify *v)
{
	struct answer *a = ctx;
	a->v = *v;
	a->came = true;
}

static void verify_says_what_the_kernel_says(void **state)
{
	struct world *w = *state;
	struct answer a = {.came = false};
	block(w, "203.0.113.1");
	world_failures(w, "203.0.113.2", 4, clock_now() - 1000);
	world_until(w, world_attempts(w) == 14);
	struct addr address = world_prefix("203.0.113.1").addr;
	assert_int_equal(core_verify(w->core, &address, on_verified, &a), 0);
	world_until(w, a.came);
	assert_true(a.v.kernel_asked && a.v.kernel_has);
	assert_int_equal(a.v.never, PROTECT_NONE);
	a.came = false;
	address = world_prefix("203.0.113.2").addr;
	assert_int_equal(core_verify(w->core, &address, on_verified, &a), 0);
	world_until(w, a.came);
	assert_true(a.v.kernel_asked && !a.v.kernel_has);
	assert_int_equal(a.v.window_failures, 4);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		CASE(cancel_is_all_or_nothing),
		CASE(the_counter_starts_anew_after_a_lift),
		CASE(a_removal_the_kernel_refuses_is_tried_again),
		CASE(renew_blocks_for_the_rules_time_from_now),
		CASE(v6_is_found_by_any_address_of_its_64),
		CASE(allowing_lifts_and_never_blocks),
		CASE(what_the_file_allows_now_is_lifted_at_the_start),
		CASE(more_are_allowed_than_one_answer_holds),
		CASE(by_hand_in_both_directions),
		CASE(rules_decide_from_the_next_failure),
		CASE(wrong_rules_are_refused),
		CASE(so_many_rules_that_the_next_start_still_works),
		CASE(the_files_rules_come_and_go_with_it),
		CASE(keys_and_tokens),
		CASE(other_threads_wait_for_the_loop),
		CASE(verify_says_what_the_kernel_says),
	};
	return cmocka_run_group_tests_name("operations", tests, NULL, NULL);
}
