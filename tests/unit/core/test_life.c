/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From a line in a log to an element in the kernel, and to its end. */
#include "world.h"

#include "base/util.h"

#include <errno.h>

#define ADDRESS "203.0.113.5"

static void ten_failures_become_an_element(void **state)
{
	struct world *w = *state;
	int64_t now = clock_now();
	world_failures(w, ADDRESS, 9, now - 3000);
	world_until(w, world_attempts(w) == 9);
	assert_int_equal(world_state(w, ADDRESS), BLOCK_STATES);
	w->mute = true; /* the kernel has not answered yet */
	world_failures(w, ADDRESS, 1, now - 2000);
	world_until(w, world_in_kernel(w, ENFORCE_IN, ADDRESS));
	struct block b = world_block(w, ADDRESS, SERVICE_SSH);
	assert_int_equal(b.state, BLOCK_WANTED);
	assert_int_equal(b.attempts, 10);
	assert_int_equal(b.port, 22);
	assert_int_equal(b.first_attempt, now - 3000);
	assert_int_equal(b.latest_attempt, now - 2000);
	assert_int_equal(b.created, now - 2000);
	assert_int_equal(b.expires, now - 2000 + w->settings->system_rule.forbidden);
	assert_false(b.applied_once);
	assert_int_equal(world_in_kernel(w, ENFORCE_IN, ADDRESS)->expires, b.expires);
	assert_int_equal(world_in_kernel(w, ENFORCE_IN, ADDRESS)->record, b.id);
	w->mute = false;
	world_drift(w); /* the answer was lost: a comparison brings it */
	world_until(w, world_state(w, ADDRESS) == BLOCK_APPLIED);
	assert_true(world_block(w, ADDRESS, SERVICE_SSH).applied_once);
}

static void what_the_kernel_refuses_has_failed(void **state)
{
	struct world *w = *state;
	w->refuse = -EPERM;
	world_failures(w, ADDRESS, 10, clock_now() - 1000);
	world_until(w, world_state(w, ADDRESS) == BLOCK_FAILED);
	assert_string_equal(world_block(w, ADDRESS, SERVICE_SSH).error, "KernelRefused");
	w->refuse = 0;
	world_drift(w); /* the next comparison tries again */
	world_until(w, world_state(w, ADDRESS) == BLOCK_APPLIED);
	assert_string_equal(world_block(w, ADDRESS, SERVICE_SSH).error, "");
}

static void in_observe_mode_every_record_says_so(void **state)
{
	struct world *w = *state;
	world_failures(w, ADDRESS, 12, clock_now() - 1000);
	world_until(w, world_attempts(w) == 12);
	struct block b = world_block(w, ADDRESS, SERVICE_SSH);
	assert_int_equal(b.state, BLOCK_FAILED);
	assert_string_equal(b.error, "ObserveMode");
	assert_int_equal(b.attempts, 12);

	unsigned n = 0;
	struct prefix p = world_prefix(ADDRESS);
	assert_int_equal(core_unblock(w->core, &w->who, &p, NULL, 0, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_int_equal(world_state(w, ADDRESS), BLOCK_CANCELED);
}

static void failures_while_blocked_are_counted_once(void **state)
{
	struct world *w = *state;
	int64_t now = clock_now();
	world_failures(w, ADDRESS, 10, now - 5000);
	world_until(w, world_state(w, ADDRESS) == BLOCK_APPLIED);
	world_failures(w, ADDRESS, 7, now - 4000);
	world_until(w, world_attempts(w) == 17);
	assert_int_equal(world_block(w, ADDRESS, SERVICE_SSH).attempts, 17);
	/* three more and the rule is reached once more: the block lasts longer */
	world_failures(w, ADDRESS, 3, now - 1000);
	world_until(w, world_attempts(w) == 20);
	world_settle(w);
	struct block b = world_block(w, ADDRESS, SERVICE_SSH);
	assert_int_equal(b.state, BLOCK_APPLIED);
	assert_int_equal(b.attempts, 20);
	assert_int_equal(b.lives, 1);
	assert_int_equal(b.expires, now - 1000 + w->settings->system_rule.forbidden);
	assert_int_equal(world_in_kernel(w, ENFORCE_IN, ADDRESS)->expires, b.expires);
}

static void a_block_ends_by_the_clock(void **state)
{
	struct world *w = *state;
	int64_t begin = clock_now() - w->settings->system_rule.forbidden + 400;
	world_failures(w, ADDRESS, 10, begin);
	world_until(w, world_state(w, ADDRESS) == BLOCK_APPLIED);
	world_until(w, world_state(w, ADDRESS) == BLOCK_EXPIRED);
	assert_true(clock_now() >= begin + w->settings->system_rule.forbidden);
	world_until(w, w->kernel_n == 0); /* said to the kernel too */
	/* and begins again with the next ten: the same record, another life */
	int64_t id = world_block(w, ADDRESS, SERVICE_SSH).id, now = clock_now();
	world_failures(w, ADDRESS, 10, now);
	world_until(w, world_state(w, ADDRESS) == BLOCK_APPLIED);
	struct block b = world_block(w, ADDRESS, SERVICE_SSH);
	assert_int_equal(b.id, id);
	assert_int_equal(b.lives, 2);
	assert_int_equal(b.attempts, 10);
	assert_int_equal(b.created, now);
}

static void what_is_read_late_is_history(void **state)
{
	struct world *w = *state;
	int64_t now = clock_now(), day = now - MS_DAY;
	world_failures(w, ADDRESS, 10, day);
	world_until(w, world_attempts(w) == 10);
	struct block b = world_block(w, ADDRESS, SERVICE_SSH);
	assert_int_equal(b.state, BLOCK_EXPIRED);
	assert_int_equal(b.created, day);
	assert_false(b.applied_once);
	/* more of that day belongs to that life */
	world_failures(w, ADDRESS, 10, day + 1000);
	world_until(w, world_attempts(w) == 20);
	b = world_block(w, ADDRESS, SERVICE_SSH);
	assert_int_equal(b.attempts, 20);
	assert_int_equal(b.lives, 1);
	world_settle(w);
	assert_int_equal(w->added, 0);
}

static void history_read_late_keeps_the_later_life(void **state)
{
	struct world *w = *state;
	int64_t day = clock_now() - MS_DAY;
	world_failures(w, ADDRESS, 10, day);
	world_until(w, world_attempts(w) == 10);
	world_failures(w, ADDRESS, 10, day - MS_DAY);
	world_until(w, world_attempts(w) == 20);
	assert_int_equal(world_block(w, ADDRESS, SERVICE_SSH).created, day);
}

static void a_failure_counted_in_the_batch_of_its_records_end(void **state)
{
	struct world *w = *state;
	int64_t now = clock_now();
	struct rule r = {.name = "short",
		.span = 60000,
		.fail_count = 3,
		.forbidden = 1000,
		.services = SERVICE_ALL,
		.enabled = true,
		.is_default = true};
	assert_int_equal(core_rule_put(w->core, &w->who, &r, NULL, 0, NULL, NULL), 0);
	world_failures(w, ADDRESS, 3, now - 400); /* ends at now + 600 */
	world_until(w, world_state(w, ADDRESS) == BLOCK_APPLIED);
	world_until(w, clock_now() > now + 500);
	/* one batch: one within its life, three after it whose own life is over when read */
	world_failures(w, ADDRESS, 1, now + 100);
	world_failures(w, ADDRESS, 3, now + 601);
	while (clock_now() < now + 1700)
		(void)usleep(1000);
	world_until(w, world_attempts(w) == 7);
	world_until(w, world_state(w, ADDRESS) == BLOCK_EXPIRED);
	assert_in_range(world_block(w, ADDRESS, SERVICE_SSH).attempts, 3, 4);
}

static void two_services_share_one_element(void **state)
{
	struct world *w = *state;
	struct prefix p = world_prefix(ADDRESS);
	int64_t hour = clock_now() + MS_HOUR;
	world_failures(w, ADDRESS, 10, clock_now() - 1000);
	world_until(w, world_state(w, ADDRESS) == BLOCK_APPLIED);
	assert_int_equal(world_by_hand(w, &p, BLOCK_IN, hour, "test", NULL), 0);
	world_until(w, world_block(w, ADDRESS, SERVICE_NONE).state == BLOCK_APPLIED);
	assert_int_equal(w->kernel_n, 1); /* ssh's end is later: it stays */
	assert_true(world_in_kernel(w, ENFORCE_IN, ADDRESS)->expires > hour);

	struct core_status status;
	core_get_status(w->core, &status);
	const struct core_block_name ssh = {
		.host_uuid = status.host.uuid, .address = p.addr, .service = SERVICE_SSH};
	assert_int_equal(core_blocks_cancel(w->core, &w->who, &ssh, 1, NULL, NULL), 0);
	world_settle(w);
	/* the other one still holds the address: not canceled before that is lifted too */
	assert_int_equal(world_state(w, ADDRESS), BLOCK_CANCELLING);
	assert_int_equal(world_in_kernel(w, ENFORCE_IN, ADDRESS)->expires, hour);
	unsigned n = 0;
	assert_int_equal(core_unblock(w->core, &w->who, &p, NULL, 0, &n, NULL), 0);
	assert_int_equal(n, 1);
	world_until(w, world_state(w, ADDRESS) == BLOCK_CANCELED);
	world_until(w, world_block(w, ADDRESS, SERVICE_NONE).state == BLOCK_CANCELED);
	assert_int_equal(w->kernel_n, 0);
}

static void v6_is_blocked_by_its_64(void **state)
{
	struct world *w = *state;
	world_failures(w, "2001:db8:1:2::5", 6, clock_now() - 1000);
	world_failures(w, "2001:db8:1:2::6", 4, clock_now() - 1000);
	world_until(w, world_state(w, "2001:db8:1:2::/64") == BLOCK_APPLIED);
	struct block b = world_block(w, "2001:db8:1:2::/64", SERVICE_SSH);
	struct prefix trigger = world_prefix("2001:db8:1:2::6");
	assert_true(addr_eq(&b.trigger, &trigger.addr));
	assert_non_null(world_in_kernel(w, ENFORCE_IN, "2001:db8:1:2::/64"));
}

/* Not within the last seconds of a minute, that the ceiling counts by. */
static void wait_for_a_fresh_minute(void)
{
	while (clock_now() % MS_MINUTE > 50000)
		(void)usleep(100000);
}

static void over_the_ceiling_nothing_is_ordered(void **state)
{
	struct world *w = *state;
	w->settings->blocks_per_minute = 2;
	wait_for_a_fresh_minute();
	world_failures(w, "203.0.113.1", 10, clock_now() - 1000);
	world_failures(w, "203.0.113.2", 10, clock_now() - 1000);
	world_failures(w, "203.0.113.3", 10, clock_now() - 1000);
	world_until(w, world_state(w, "203.0.113.2") == BLOCK_APPLIED);
	world_until(w, world_state(w, "203.0.113.3") == BLOCK_FAILED);
	assert_string_equal(world_block(w, "203.0.113.3", SERVICE_SSH).error, "RateCeiling");
	/* neither by going on */
	world_failures(w, "203.0.113.3", 10, clock_now() - 500);
	world_until(w, world_attempts(w) == 40);
	/* nor by a comparison, nor by an answer to others */
	unsigned syncs = w->syncs;
	world_drift(w);
	world_until(w, w->syncs > syncs);
	world_settle(w);
	assert_int_equal(world_state(w, "203.0.113.3"), BLOCK_FAILED);
	assert_null(world_in_kernel(w, ENFORCE_IN, "203.0.113.3"));
	assert_int_equal(world_block(w, "203.0.113.3", SERVICE_SSH).attempts, 20);
	struct core_status status;
	core_get_status(w->core, &status);
	assert_int_equal(status.blocks_over_ceiling, 2);
	/* who goes on when there is room again is blocked */
	w->settings->blocks_per_minute = 100;
	world_failures(w, "203.0.113.3", 10, clock_now() - 100);
	world_until(w, world_state(w, "203.0.113.3") == BLOCK_APPLIED);
	assert_non_null(world_in_kernel(w, ENFORCE_IN, "203.0.113.3"));
}

static void who_is_protected_is_counted_not_blocked(void **state)
{
	struct world *w = *state;
	world_failures(w, "127.0.0.9", 30, clock_now() - 1000);
	world_until(w, world_attempts(w) == 30);
	world_settle(w);
	assert_int_equal(world_state(w, "127.0.0.9"), BLOCK_STATES);
	assert_int_equal(w->added, 0);
	struct prefix p = world_prefix("127.0.0.0/8"), all = world_prefix("0.0.0.0/0");
	struct err err = {""};
	assert_int_equal(world_by_hand(w, &p, BLOCK_IN, BLOCK_FOREVER, NULL, &err), CORE_PROTECTED);
	assert_non_null(strstr(err.text, "never blocked"));
	assert_int_equal(
		world_by_hand(w, &all, BLOCK_OUT, BLOCK_FOREVER, NULL, &err), CORE_PROTECTED);
}

static void refused_connections_count_once(void **state)
{
	struct world *w = *state;
	world_failures(w, ADDRESS, 10, clock_now() - 1000);
	world_until(w, world_state(w, ADDRESS) == BLOCK_APPLIED);
	struct prefix p = world_prefix(ADDRESS);
	w->hits[0] = (struct enforce_hit){
		.source = p.addr, .len = 128, .port = 22, .count = 5, .latest = clock_now()};
	w->hit_n = 1;
	w->settings->hits_interval = 20;
	world_until(w, world_block(w, ADDRESS, SERVICE_SSH).attempts == 15);
	world_settle(w); /* several samples of the same reading */
	assert_int_equal(world_block(w, ADDRESS, SERVICE_SSH).attempts, 15);
	w->hits[0].count = 7;
	world_until(w, world_block(w, ADDRESS, SERVICE_SSH).attempts == 17);
	/* also across a restart, in the same boot and table */
	world_stop(w);
	world_start(w);
	world_settle(w);
	assert_int_equal(world_block(w, ADDRESS, SERVICE_SSH).attempts, 17);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		CASE(ten_failures_become_an_element),
		CASE(what_the_kernel_refuses_has_failed),
		cmocka_unit_test_setup_teardown(
			in_observe_mode_every_record_says_so, world_setup_observe, world_teardown),
		CASE(failures_while_blocked_are_counted_once),
		CASE(a_block_ends_by_the_clock),
		CASE(what_is_read_late_is_history),
		CASE(history_read_late_keeps_the_later_life),
		CASE(a_failure_counted_in_the_batch_of_its_records_end),
		CASE(two_services_share_one_element),
		CASE(v6_is_blocked_by_its_64),
		CASE(over_the_ceiling_nothing_is_ordered),
		CASE(who_is_protected_is_counted_not_blocked),
		CASE(refused_connections_count_once),
	};
	return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
