/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stamps that are off by hours are noticed; what may be a delay is not taken for that. */
#include "base/clock.h"
#include "base/util.h"
#include "sensor/skew.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NOW (20000 * MS_DAY)

/* n lines, 2 s apart, each `late` behind when it arrives; how often the shift changed. */
static unsigned feed(struct skew *s, int64_t *now, unsigned n, int64_t late)
{
	unsigned changes = 0;
	for (unsigned i = 0; i < n; i++) {
		*now += 2000;
		changes += skew_note(s, *now - late, *now);
	}
	return changes;
}

static void differences_of_zones_are_put_right_once(void **state)
{
	(void)state;
	static const int64_t zones[] = {MS_HOUR, -MS_HOUR, 8 * MS_HOUR,
		5 * MS_HOUR + 45 * MS_MINUTE, -(9 * MS_HOUR + 30 * MS_MINUTE), 26 * MS_HOUR,
		-30 * MS_MINUTE};
	for (size_t i = 0; i < countof(zones); i++) {
		struct skew s = {0};
		int64_t now = NOW;
		assert_int_equal(feed(&s, &now, 2, zones[i] + 700), 0);
		assert_int_equal(s.shift, 0);
		assert_int_equal(feed(&s, &now, 1, zones[i] + 700), 1);
		assert_int_equal(s.shift, zones[i]);
		assert_int_equal(s.latest, 700);
		assert_int_equal(feed(&s, &now, 100, zones[i] + 89000), 0);
		assert_int_equal(s.latest, 89000);
		/* somebody mended the clock */
		assert_int_equal(feed(&s, &now, 3, 5), 1);
		assert_int_equal(s.shift, 0);
	}
}

static void other_differences_are_only_shown(void **state)
{
	(void)state;
	static const int64_t late[] = {0, 5000, 10 * MS_MINUTE, 15 * MS_MINUTE, -15 * MS_MINUTE,
		MS_HOUR + 2 * MS_MINUTE, -MS_HOUR - 2 * MS_MINUTE, 27 * MS_HOUR, 48 * MS_HOUR,
		-30 * MS_DAY};
	for (size_t i = 0; i < countof(late); i++) {
		struct skew s = {0};
		int64_t now = NOW;
		assert_int_equal(feed(&s, &now, 50, late[i]), 0);
		assert_int_equal(s.shift, 0);
		assert_int_equal(s.latest, late[i]);
	}
}

static void one_voice_among_others_is_not_enough(void **state)
{
	(void)state;
	struct skew s = {0};
	int64_t now = NOW;
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(feed(&s, &now, 2, MS_HOUR), 0);
		assert_int_equal(feed(&s, &now, 1, i % 2 ? 0 : 2 * MS_HOUR), 0);
	}
	assert_int_equal(s.shift, 0);
}

/* An old log that is copied into a live one. */
static void what_arrives_at_once_is_one_voice(void **state)
{
	(void)state;
	struct skew s = {0};
	for (unsigned i = 0; i < 1000; i++)
		assert_false(skew_note(&s, NOW - MS_HOUR + i, NOW + i / 2));
	assert_int_equal(s.shift, 0);
}

static void times_beyond_all_clocks_say_nothing(void **state)
{
	(void)state;
	struct skew s = {0};
	for (unsigned i = 0; i < 10; i++) {
		assert_false(skew_note(&s, INT64_MAX, NOW + i * MS_MINUTE));
		assert_false(skew_note(&s, INT64_MIN + 1, NOW + i * MS_MINUTE));
	}
	assert_int_equal(s.latest, 0);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differences_of_zones_are_put_right_once),
		cmocka_unit_test(other_differences_are_only_shown),
		cmocka_unit_test(one_voice_among_others_is_not_enough),
		cmocka_unit_test(what_arrives_at_once_is_one_voice),
		cmocka_unit_test(times_beyond_all_clocks_say_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
