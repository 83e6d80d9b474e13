/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void reasons_add_up(void **state)
{
	(void)state;
	struct err err;
	assert_int_equal(err_set(&err, -EINVAL, "line %d is %s", 3, "bad"), -EINVAL);
	assert_string_equal(err.text, "line 3 is bad");
	assert_int_equal(err_prefix(&err, -EIO, "/etc/%s", "x"), -EIO);
	assert_string_equal(err.text, "/etc/x: line 3 is bad");
	assert_int_equal(err_set(NULL, -EINVAL, "nobody reads it"), -EINVAL);
	assert_int_equal(err_prefix(NULL, 7, "nobody reads it"), 7);
}

static void long_ones_are_cut(void **state)
{
	(void)state;
	struct err err;
	char text[2000];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)err_set(&err, 0, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	(void)err_prefix(&err, 0, "before");
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_memory_equal(err.text, "before: xxx", 11);
	(void)err_prefix(&err, 0, "%s", text);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reasons_add_up),
		cmocka_unit_test(long_ones_are_cut),
	};
	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
