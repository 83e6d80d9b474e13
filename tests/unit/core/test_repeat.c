/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which life of a record it is, and how long that lasts. */
#include "base/clock.h"
#include "base/util.h"
#include "core/repeat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define ENDED (1000 * MS_DAY)

static const struct repeat_settings set = {
	.factor = 2, .ceiling = 7 * MS_DAY, .forget = 30 * MS_DAY};

static void a_life_counts_what_came_just_before(void **state)
{
	(void)state;
	static const struct {
		const char *what;
		int64_t id;
		enum block_state state;
		uint32_t lives;
		int64_t begin;
		uint32_t life;
	} cases[] = {
		{"there was none", 0, BLOCK_WANTED, 0, ENDED, 1},
		{"at once", 1, BLOCK_EXPIRED, 1, ENDED, 2},
		{"at the last moment", 1, BLOCK_EXPIRED, 4, ENDED + 30 * MS_DAY, 5},
		{"too late", 1, BLOCK_EXPIRED, 4, ENDED + 30 * MS_DAY + 1, 1},
		{"read late", 1, BLOCK_EXPIRED, 4, ENDED - 400 * MS_DAY, 5},
		{"what the kernel never had", 1, BLOCK_FAILED, 2, ENDED + 1, 3},
		{"being lifted", 1, BLOCK_CANCELLING, 4, ENDED - 1, 1},
		{"lifted", 1, BLOCK_CANCELED, 4, ENDED - 1, 1},
		{"as often as can be counted", 1, BLOCK_EXPIRED, UINT32_MAX, ENDED, UINT32_MAX},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct block b = {.id = cases[i].id,
			.state = cases[i].state,
			.lives = cases[i].lives,
			.expires = ENDED};
		uint32_t life = repeat_life(&set, &b, cases[i].begin);
		if (life != cases[i].life)
			fail_msg("%s: life %u, not %u", cases[i].what, life, cases[i].life);
	}
	struct block forever = {
		.id = 1, .state = BLOCK_FAILED, .lives = 1, .expires = BLOCK_FOREVER};
	assert_int_equal(repeat_life(&set, &forever, ENDED), 2);
}

static void each_lasts_longer_up_to_the_ceiling(void **state)
{
	(void)state;
	static const struct {
		int64_t forbidden;
		uint32_t life;
		int64_t lasts;
	} cases[] = {
		{6 * MS_HOUR, 1, 6 * MS_HOUR},
		{6 * MS_HOUR, 2, 12 * MS_HOUR},
		{6 * MS_HOUR, 5, 96 * MS_HOUR},
		{6 * MS_HOUR, 6, 7 * MS_DAY},
		{6 * MS_HOUR, UINT32_MAX, 7 * MS_DAY},
		{7 * MS_DAY, 3, 7 * MS_DAY},
		{8 * MS_DAY, 1, 8 * MS_DAY},
		{8 * MS_DAY, 3, 8 * MS_DAY},
		{RULE_PERMANENT, 2, RULE_PERMANENT},
	};
	for (size_t i = 0; i < countof(cases); i++)
		assert_int_equal(
			repeat_forbidden(&set, cases[i].forbidden, cases[i].life), cases[i].lasts);
}

static void a_factor_of_one_changes_nothing(void **state)
{
	(void)state;
	const struct repeat_settings off = {
		.factor = 1, .ceiling = 7 * MS_DAY, .forget = 30 * MS_DAY};
	assert_int_equal(repeat_forbidden(&off, MS_HOUR, UINT32_MAX), MS_HOUR);
}

/* The largest of everything: no overflow, and permanent at the end. */
static void a_ceiling_may_be_for_ever(void **state)
{
	(void)state;
	const struct repeat_settings most = {
		.factor = 100, .ceiling = RULE_PERMANENT, .forget = RULE_PERMANENT};
	assert_int_equal(repeat_forbidden(&most, RULE_PERMANENT - 1, 2), RULE_PERMANENT);
	assert_int_equal(repeat_forbidden(&most, MS_SECOND, UINT32_MAX), RULE_PERMANENT);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_life_counts_what_came_just_before),
		cmocka_unit_test(each_lasts_longer_up_to_the_ceiling),
		cmocka_unit_test(a_factor_of_one_changes_nothing),
		cmocka_unit_test(a_ceiling_may_be_for_ever),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
