/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which refused connections are new, when the kernel may have begun to count again. */
#include "core/private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define AT     (100 * MS_HOUR) /* monotonic: of the reading before */
#define LATER  (AT + ENFORCE_HITS_MS)
#define JITTER 30

static const struct {
	const char *what;
	uint64_t before;
	int64_t before_latest;
	uint64_t now;
	int64_t now_latest, last_sample;
	uint64_t new;
} cases[] = {
	{"the first reading", 0, 0, 3, AT, 0, 3},
	{"the first reading, long after the last sample", 0, 0, 3, AT, AT - 5000, 3},
	{"the same again", 3, AT, 3, AT, LATER, 0},
	{"the same, read a little later", 3, AT, 3, AT + JITTER, AT + 5000, 0},
	{"the same, read a little earlier", 3, AT, 3, AT - JITTER, AT + 5000, 0},
	{"two more", 3, AT, 5, AT + 4000, AT + 1000, 2},
	{"one more at the last moment", 3, AT, 4, LATER - 1, LATER - 4000, 1},
	{"begun anew: fewer", 3, AT, 1, LATER + 60000, LATER + 58000, 1},
	{"begun anew: fewer, after the daemon was down", 3, AT, 2, LATER + 60000, 0, 2},
	{"begun anew: as many", 1, AT, 1, LATER + 1, LATER - 2000, 1},
	{"begun anew: as many, after the daemon was down", 3, AT, 3, LATER + 60000, 0, 3},
	{"begun anew: more", 1, AT, 7, LATER + 60000, LATER + 58000, 7},
	{"kept alive while the daemon was down", 1, AT, 7, LATER + 60000, 0, 6},
	{"kept alive around the old end", 3, AT, 5, LATER + 1000, LATER - 4000, 2},
	{"time was not stored: the same", 3, -1, 3, LATER, LATER, 0},
	{"time was not stored: more", 3, -1, 4, 2 * LATER, 2 * LATER, 1},
};

static void new_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct hit_reading before = {cases[i].before, cases[i].before_latest};
		struct hit_reading now = {cases[i].now, cases[i].now_latest};
		uint64_t new = hits_new(&before, &now, cases[i].last_sample);
		if (new != cases[i].new)
			fail_msg("%s: %llu new, not %llu", cases[i].what, (unsigned long long)new,
				(unsigned long long)cases[i].new);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(new_ones)};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("core/hits", tests, NULL, NULL);
}
