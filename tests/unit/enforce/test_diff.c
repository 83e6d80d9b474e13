/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/diff.h"

#include "base/buf.h"
#include "base/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW ((int64_t)1700000000000)

static struct entry entry(enum set_id set, uint32_t address, int64_t expires, int64_t record)
{
	struct addr a = addr_from_v4(address);
	return (struct entry){
		.first = a, .last = a, .expires = expires, .record = record, .set = (uint8_t)set};
}

/* "-1 ~2 +3": removed, replaced, added, by last byte of the address. */
static void check(const struct entry *wanted, size_t wanted_n, const struct entry *actual,
	size_t actual_n, const char *expected, const char *counts)
{
	struct changes changes = {0};
	struct enforce_sync_result c = {0};
	struct buf text = BUF_NULL;
	assert_int_equal(diff(wanted, wanted_n, actual, actual_n, DIFF_TOLERANCE, &changes, &c), 0);
	for (size_t i = 0; i < changes.n; i++) {
		const struct change *change = &changes.list[i];
		assert_true(change->add || change->del);
		assert_int_equal(change->group, i);
		buf_printf(&text, "%s%c%u", i ? " " : "",
			change->add && change->del ? '~'
			: change->add              ? '+'
						   : '-',
			change->entry.first.b[15]);
	}
	assert_string_equal(text.p ? text.p : "", expected);
	buf_reset(&text);
	buf_printf(&text, "%u %u %u %u", c.added, c.removed, c.changed, c.kept);
	assert_string_equal(text.p, counts);
	buf_done(&text);
	changes_done(&changes);
}

static void only_the_difference_is_sent(void **state)
{
	(void)state;
	const struct entry wanted[] = {
		entry(SET_BLOCK4, 1, NOW, 1),
		entry(SET_BLOCK4, 3, NOW, 3),
		entry(SET_BLOCK4, 4, ENFORCE_FOREVER, 4),
		entry(SET_OUT4, 5, NOW, 5),
	};
	const struct entry actual[] = {
		entry(SET_BLOCK4, 1, NOW, 1),
		entry(SET_BLOCK4, 2, NOW, 2),
		entry(SET_BLOCK4, 4, ENFORCE_FOREVER, 4),
		entry(SET_NET4, 5, NOW, 5),
		entry(SET_OUT4, 9, NOW, 9),
	};
	check(wanted, 4, actual, 5, "-2 -5 -9 +3 +5", "2 3 0 2");
	check(wanted, 4, NULL, 0, "+1 +3 +4 +5", "4 0 0 0");
	check(NULL, 0, actual, 5, "-1 -2 -4 -5 -9", "0 5 0 0");
	check(wanted, 4, wanted, 4, "", "0 0 0 4");
	check(NULL, 0, NULL, 0, "", "0 0 0 0");
}

static void another_end_or_record_is_a_change(void **state)
{
	(void)state;
	static const struct {
		int64_t wanted, actual;
		bool changed;
	} cases[] = {
		{NOW, NOW, false},
		{NOW, NOW + DIFF_TOLERANCE, false},
		{NOW, NOW - DIFF_TOLERANCE, false},
		{NOW, NOW + DIFF_TOLERANCE + 1, true},
		{NOW, NOW - DIFF_TOLERANCE - 1, true},
		{NOW, ENFORCE_FOREVER, true},
		{ENFORCE_FOREVER, NOW, true},
		{ENFORCE_FOREVER, ENFORCE_FOREVER, false},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		const struct entry wanted = entry(SET_BLOCK4, 1, cases[i].wanted, 1);
		const struct entry actual = entry(SET_BLOCK4, 1, cases[i].actual, 1);
		check(&wanted, 1, &actual, 1, cases[i].changed ? "~1" : "",
			cases[i].changed ? "0 0 1 0" : "0 0 0 1");
	}
	const struct entry wanted = entry(SET_BLOCK4, 1, NOW, 1);
	const struct entry foreign = entry(SET_BLOCK4, 1, NOW, -1);
	check(&wanted, 1, &foreign, 1, "~1", "0 0 1 0");
}

static void another_range_is_taken_out_first(void **state)
{
	(void)state;
	struct entry wanted = entry(SET_NET4, 0, NOW, 1), actual = wanted;
	wanted.last = addr_from_v4(0xff);
	actual.last = addr_from_v4(0xffff);
	check(&wanted, 1, &actual, 1, "-0 +0", "1 1 0 0");
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_difference_is_sent),
		cmocka_unit_test(another_end_or_record_is_a_change),
		cmocka_unit_test(another_range_is_taken_out_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
