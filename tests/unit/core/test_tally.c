/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The attempts of one batch, added up. */
#include "core/tally.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct seen {
	unsigned entries, stop_at;
	uint64_t sum;
	int64_t minute;
};

static int see(void *ctx, const struct tally_entry *e)
{
	struct seen *s = ctx;
	assert_true(e->minute >= s->minute); /* oldest first */
	s->minute = e->minute;
	s->entries++;
	s->sum += e->n;
	return s->entries == s->stop_at ? -7 : 0;
}

static struct prefix source(uint32_t n)
{
	struct addr a = addr_from_v4(n);
	return prefix_of(&a, 128);
}

static void adds_up_by_minute_service_and_source(void **state)
{
	(void)state;
	struct tally t;
	struct seen s = {0};
	struct prefix a = source(1), b = source(2);
	assert_int_equal(tally_init(&t), 0);
	assert_int_equal(tally_add(&t, 60000, SERVICE_SSH, &a, 2), 0);
	assert_int_equal(tally_add(&t, 119999, SERVICE_SSH, &a, 3), 0); /* the same minute */
	assert_int_equal(tally_add(&t, 120000, SERVICE_SSH, &a, 1), 0);
	assert_int_equal(tally_add(&t, 60000, SERVICE_RDP, &a, 1), 0);
	assert_int_equal(tally_add(&t, 60000, SERVICE_SSH, &b, 1), 0);
	assert_int_equal(tally_drain(&t, see, &s), 0);
	assert_int_equal(s.entries, 4);
	assert_int_equal(s.sum, 8);
	s = (struct seen){0};
	assert_int_equal(tally_drain(&t, see, &s), 0); /* it is empty now */
	assert_int_equal(s.entries, 0);
	tally_done(&t);
}

static void a_large_batch_loses_nothing_and_is_given_back(void **state)
{
	(void)state;
	struct tally t;
	enum { MANY = 100000 };
	assert_int_equal(tally_init(&t), 0);
	size_t small = t.size;
	for (uint32_t round = 0; round < 2; round++)
		for (uint32_t i = 0; i < MANY; i++) {
			struct prefix p = source(i);
			assert_int_equal(tally_add(&t, (i % 7) * MS_MINUTE, SERVICE_SSH, &p, 1), 0);
		}
	struct seen s = {0};
	assert_int_equal(tally_drain(&t, see, &s), 0);
	assert_int_equal(s.entries, MANY);
	assert_int_equal(s.sum, 2 * MANY);
	assert_int_equal(t.size, small);
	tally_done(&t);
}

static void an_error_is_told_and_empties_it(void **state)
{
	(void)state;
	struct tally t;
	struct seen s = {.stop_at = 1};
	struct prefix a = source(1), b = source(2);
	assert_int_equal(tally_init(&t), 0);
	(void)tally_add(&t, 0, SERVICE_SSH, &a, 1);
	(void)tally_add(&t, 0, SERVICE_SSH, &b, 1);
	assert_int_equal(tally_drain(&t, see, &s), -7);
	assert_int_equal(s.entries, 1);
	assert_int_equal(t.used, 0);
	tally_done(&t);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adds_up_by_minute_service_and_source),
		cmocka_unit_test(a_large_batch_loses_nothing_and_is_given_back),
		cmocka_unit_test(an_error_is_told_and_empties_it),
	};
	return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
