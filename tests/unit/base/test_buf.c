/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void grows_as_needed(void **state)
{
	(void)state;
	_cleanup_(buf_done) struct buf b = BUF_NULL;
	assert_string_equal(buf_as_slice(&b).p, "");
	for (int i = 0; i < 1000; i++) {
		buf_addc(&b, 'a');
		buf_puts(&b, "bc");
		buf_slice(&b, SLICE("d"));
		buf_printf(&b, "%d", i % 10);
	}
	assert_int_equal(b.error, 0);
	assert_int_equal(b.n, 5000);
	assert_int_equal(strlen(b.p), 5000);
	assert_memory_equal(b.p + 4995, "abcd9", 6);
	buf_reset(&b);
	assert_string_equal(b.p, "");
	buf_add(&b, NULL, 0);
	assert_int_equal(b.n, 0);
}

static void limit_sticks(void **state)
{
	(void)state;
	_cleanup_(buf_done) struct buf b = {.limit = 10};
	buf_puts(&b, "0123456789");
	assert_int_equal(b.error, 0);
	buf_addc(&b, 'x');
	assert_int_equal(b.error, -EMSGSIZE);
	assert_string_equal(b.p, "0123456789");
	buf_add(&b, "", 0);
	buf_printf(&b, "%s", "");
	assert_null(buf_reserve(&b, 0));
	assert_int_equal(b.n, 10);
	buf_reset(&b);
	buf_printf(&b, "%010d", 1);
	assert_int_equal(b.error, 0);
	assert_string_equal(b.p, "0000000001");
	buf_done(&b);
	assert_null(b.p);
	assert_int_equal(b.limit, 10);
}

static void absurd_sizes_are_refused(void **state)
{
	(void)state;
	_cleanup_(buf_done) struct buf b = BUF_NULL;
	assert_null(buf_reserve(&b, SIZE_MAX));
	assert_int_equal(b.error, -EMSGSIZE);
	assert_null(b.p);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_as_needed),
		cmocka_unit_test(limit_sticks),
		cmocka_unit_test(absurd_sizes_are_refused),
	};
	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
