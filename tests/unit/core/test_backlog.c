/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Orders of a long list wait for their turn; what is urgent overtakes them. */
#include "base/util.h"
#include "world.h"

#define MANY 6000

static struct prefix number(uint32_t i)
{
	struct addr a = addr_from_v4(0x0b000000u + i);
	return prefix_of(&a, 128);
}

/* Stored when it returns; the kernel has heard of some. */
static void import(struct world *w)
{
	static struct prefix targets[MANY];
	size_t done = 0;
	struct err err = {""};
	for (uint32_t i = 0; i < MANY; i++)
		targets[i] = number(i);
	const struct core_import list = {.targets = targets,
		.n = MANY,
		.common = {.direction = BLOCK_IN, .expires = BLOCK_FOREVER, .why = "list"}};
	assert_int_equal(core_custom_import(w->core, &w->who, &list, &done, &err), 0);
	assert_int_equal(done, MANY);
}

static const struct enforce_element *last_in_kernel(struct world *w)
{
	char text[PREFIX_TEXT_MAX];
	struct prefix last = number(MANY - 1);
	return world_in_kernel(w, ENFORCE_IN, prefix_format(&last, text));
}

static enum block_state last_state(struct world *w)
{
	char text[PREFIX_TEXT_MAX];
	struct prefix last = number(MANY - 1);
	return world_block(w, prefix_format(&last, text), SERVICE_NONE).state;
}

static void who_comes_after_a_list_is_blocked_before_its_end(void **state)
{
	struct world *w = *state;
	struct prefix other = world_prefix("203.0.113.1");
	import(w);
	assert_int_equal(world_by_hand(w, &other, BLOCK_IN, BLOCK_FOREVER, "", NULL), 0);
	world_until(w, world_in_kernel(w, ENFORCE_IN, "203.0.113.1"));
	assert_null(last_in_kernel(w));
	world_until(w, last_state(w) == BLOCK_APPLIED);
	assert_int_equal(w->kernel_n, MANY + 1);
	assert_int_equal(w->added, MANY + 1); /* each once */
	assert_int_equal(w->removed, 0);
	assert_int_equal(world_block(w, "203.0.113.1", SERVICE_NONE).state, BLOCK_APPLIED);
}

static void what_is_lifted_while_it_waits_stays_out(void **state)
{
	struct world *w = *state;
	struct prefix last = number(MANY - 1);
	unsigned n = 0;
	import(w);
	assert_int_equal(core_unblock(w->core, &w->who, &last, NULL, 0, &n, NULL), 0);
	assert_int_equal(n, 1);
	world_until(w, w->kernel_n == MANY - 1);
	world_settle(w);
	assert_null(last_in_kernel(w));
	assert_int_equal(last_state(w), BLOCK_CANCELED);
	assert_int_equal(w->kernel_n, MANY - 1);
}

static void what_waits_at_the_end_is_ordered_by_the_next_start(void **state)
{
	struct world *w = *state;
	import(w);
	world_turn(w);
	assert_null(last_in_kernel(w));
	world_stop(w);
	world_start(w);
	world_until(w, last_state(w) == BLOCK_APPLIED);
	assert_int_equal(w->kernel_n, MANY);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_comes_after_a_list_is_blocked_before_its_end,
			world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(
			what_is_lifted_while_it_waits_stays_out, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(what_waits_at_the_end_is_ordered_by_the_next_start,
			world_setup, world_teardown),
	};
	return cmocka_run_group_tests_name("core/backlog", tests, NULL, NULL);
}
