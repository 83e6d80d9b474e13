/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which kernel elements the records want together. */
#include "core/elements.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct block record(int64_t id, uint32_t address, enum service service, int64_t expires)
{
	struct addr a = addr_from_v4(address);
	return (struct block){.id = id,
		.target = prefix_of(&a, 128),
		.service = service,
		.state = BLOCK_WANTED,
		.expires = expires};
}

static struct element *find(const struct elements *e, const struct block *b)
{
	return elements_find(e, block_list(b->direction), &b->target);
}

static int setup(void **state)
{
	static struct elements e;
	*state = &e;
	return elements_init(&e);
}

static int teardown(void **state)
{
	elements_done(*state);
	return 0;
}

static void two_records_share_until_the_latest_end(void **state)
{
	struct elements *e = *state;
	struct enforce_element wanted;
	struct block ssh = record(1, 10, SERVICE_SSH, 1000), rdp = record(2, 10, SERVICE_RDP, 2000);
	assert_non_null(elements_put(e, &ssh));
	assert_non_null(elements_put(e, &rdp));
	assert_int_equal(e->used, 1);
	assert_true(element_wanted(find(e, &ssh), &wanted));
	assert_int_equal(wanted.expires, 2000);
	assert_int_equal(wanted.record, 2);

	rdp.state = BLOCK_CANCELLING; /* it no longer wants it, but it is still there */
	(void)elements_put(e, &rdp);
	assert_true(element_wanted(find(e, &ssh), &wanted));
	assert_int_equal(wanted.expires, 1000);
	elements_remove(e, &ssh);
	assert_false(element_wanted(find(e, &rdp), &wanted));
	elements_remove(e, &rdp);
	assert_null(find(e, &rdp));
	assert_int_equal(e->used, 0);
	elements_remove(e, &rdp); /* no matter */
}

static void permanent_is_the_latest_end(void **state)
{
	struct elements *e = *state;
	struct enforce_element wanted;
	struct block a = record(1, 10, SERVICE_SSH, BLOCK_FOREVER);
	struct block b = record(2, 10, SERVICE_MYSQL, 5000);
	(void)elements_put(e, &a);
	(void)elements_put(e, &b);
	assert_true(element_wanted(find(e, &a), &wanted));
	assert_true(wanted.expires == ENFORCE_FOREVER);
}

static void directions_are_apart(void **state)
{
	struct elements *e = *state;
	struct block in = record(1, 10, SERVICE_NONE, 1000), out = in;
	out.direction = BLOCK_OUT;
	(void)elements_put(e, &in);
	(void)elements_put(e, &out);
	assert_int_equal(e->used, 2);
	assert_ptr_not_equal(find(e, &in), find(e, &out));
}

static void what_the_ceiling_held_back_is_not_wanted(void **state)
{
	struct elements *e = *state;
	struct enforce_element wanted;
	struct block b = record(1, 10, SERVICE_SSH, 1000);
	b.state = BLOCK_FAILED;
	(void)snprintf(b.error, sizeof(b.error), "KernelRefused");
	(void)elements_put(e, &b);
	assert_true(element_wanted(find(e, &b), &wanted)); /* tried again */
	(void)snprintf(b.error, sizeof(b.error), "RateCeiling");
	(void)elements_put(e, &b);
	assert_false(element_wanted(find(e, &b), &wanted));
}

static int count(void *ctx, struct element *el)
{
	(void)el;
	return ++*(int *)ctx == 100;
}

static int sum(void *ctx, struct element *el)
{
	*(int64_t *)ctx += el->first.block;
	return 0;
}

static void a_walk_meets_each_once_wherever_it_came_to_lie(void **state)
{
	struct elements *e = *state;
	int64_t expected = 0, seen = 0;
	for (uint32_t round = 0; round < 4; round++) {
		for (uint32_t i = 0; i < 3000; i++) { /* some of these are there already */
			struct block b = record(i + 1, round * 1500 + i, SERVICE_SSH, 1);
			assert_non_null(elements_put(e, &b));
		}
		for (uint32_t i = 0; i < 1500; i++) {
			struct block b = record(0, round * 1500 + i, SERVICE_SSH, 1);
			elements_remove(e, &b);
		}
	}
	for (int64_t i = 1500; i < 3000; i++)
		expected += i + 1;
	assert_int_equal(elements_each(e, sum, &seen), 0);
	assert_int_equal(seen, expected);
	assert_int_equal(e->used, 1500);
	assert_true(e->places <= 3000); /* what was given back was used again */
}

static void many_come_and_go_in_any_order(void **state)
{
	struct elements *e = *state;
	enum { MANY = 5000 };
	for (uint32_t i = 0; i < MANY; i++) {
		struct block b = record(i + 1, i * 2654435761u, SERVICE_SSH, i);
		assert_non_null(elements_put(e, &b));
	}
	assert_int_equal(e->used, MANY);
	for (uint32_t i = 0; i < MANY; i += 3) {
		struct block b = record(i + 1, i * 2654435761u, SERVICE_SSH, i);
		elements_remove(e, &b);
	}
	for (uint32_t i = 0; i < MANY; i++) {
		struct block b = record(i + 1, i * 2654435761u, SERVICE_SSH, i);
		struct element *el = find(e, &b);
		assert_int_equal(el == NULL, i % 3 == 0);
		if (el)
			assert_int_equal(element_member(el, SERVICE_SSH)->block, i + 1);
	}
	int seen = 0;
	assert_int_equal(elements_each(e, count, &seen), 1);
	assert_int_equal(seen, 100);
	elements_clear(e);
	assert_int_equal(e->used, 0);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			two_records_share_until_the_latest_end, setup, teardown),
		cmocka_unit_test_setup_teardown(permanent_is_the_latest_end, setup, teardown),
		cmocka_unit_test_setup_teardown(directions_are_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(
			what_the_ceiling_held_back_is_not_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_walk_meets_each_once_wherever_it_came_to_lie, setup, teardown),
		cmocka_unit_test_setup_teardown(many_come_and_go_in_any_order, setup, teardown),
	};
	return cmocka_run_group_tests_name("elements", tests, NULL, NULL);
}
