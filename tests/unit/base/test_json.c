/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the writer wrote is read back by another implementation (jansson).
 */
#include "base/json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void values_and_commas(void **state)
{
	(void)state;
	_cleanup_(buf_done) struct buf b = BUF_NULL;
	struct json j;
	json_start(&j, &b);
	json_begin_object(&j);
	json_field(&j, "s", "x");
	json_field(&j, "none", NULL);
	json_field_int(&j, "low", INT64_MIN);
	json_field_int(&j, "high", INT64_MAX);
	json_field_int(&j, "zero", 0);
	json_field_bool(&j, "yes", true);
	json_field_bool(&j, "no", false);
	json_field_null(&j, "null");
	json_field_slice(&j, "slice", SLICE("abc"));
	json_key(&j, "list");
	json_begin_array(&j);
	json_begin_array(&j);
	json_end_array(&j);
	json_begin_object(&j);
	json_end_object(&j);
	json_nothing(&j);
	json_text(&j, "");
	json_end_array(&j);
	json_end_object(&j);
	assert_int_equal(b.error, 0);
	assert_string_equal(b.p,
		"{\"s\":\"x\",\"none\":null,\"low\":-9223372036854775808,"
		"\"high\":9223372036854775807,\"zero\":0,\"yes\":true,\"no\":false,"
		"\"null\":null,\"slice\":\"abc\",\"list\":[[],{},null,\"\"]}");
}

static void every_byte_is_well_formed(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 65536; i++) {
		_cleanup_(buf_done) struct buf b = BUF_NULL;
		struct json j;
		char bytes[4] = {(char)(i >> 8), (char)i, (char)0xbf, 'x'};
		json_start(&j, &b);
		json_begin_array(&j);
		json_slice(&j, (struct slice){bytes, 1 + i % 4});
		json_end_array(&j);
		json_t *read = json_loadb(b.p, b.n, JSON_ALLOW_NUL, NULL);
		if (!read)
			fail_msg("not JSON: %s", b.p);
		json_decref(read);
	}
}

static void assert_text(struct slice from, struct slice expected)
{
	_cleanup_(buf_done) struct buf b = BUF_NULL;
	struct json j;
	json_start(&j, &b);
	json_slice(&j, from);
	assert_int_equal(b.n, expected.n + 2);
	assert_memory_equal(b.p + 1, expected.p, expected.n);
}

static void text_is_kept_or_replaced(void **state)
{
	(void)state;
	assert_text(SLICE("a\"\\\n\r\t\x01\x7f/"), SLICE("a\\\"\\\\\\n\\r\\t\\u0001\\u007f/"));
	assert_text(SLICE("\0"), SLICE("\\u0000"));
	assert_text(SLICE("\u00e4\u20ac\U0001f600\U0010ffff"),
		SLICE("\u00e4\u20ac\U0001f600\U0010ffff"));
	/* overlong, surrogate, beyond the last, cut off, lone continuation */
	assert_text(SLICE("\xc0\xaf"), SLICE("\ufffd\ufffd"));
	assert_text(SLICE("\xe0\x80\x80"), SLICE("\ufffd\ufffd\ufffd"));
	assert_text(SLICE("\xed\xa0\x80"), SLICE("\ufffd\ufffd\ufffd"));
	assert_text(SLICE("\xf4\x90\x80\x80"), SLICE("\ufffd\ufffd\ufffd\ufffd"));
	assert_text(SLICE("x\xe2\x82"), SLICE("x\ufffd\ufffd"));
	assert_text(SLICE("\x80y"), SLICE("\ufffdy"));
	assert_text(SLICE("\xf5z"), SLICE("\ufffdz"));
	assert_text(SLICE_NULL, SLICE(""));
}

static void errors_stick(void **state)
{
	(void)state;
	_cleanup_(buf_done) struct buf b = {.limit = 8};
	struct json j;
	json_start(&j, &b);
	json_begin_array(&j);
	json_text(&j, "much too long");
	json_int(&j, 1);
	json_end_array(&j);
	assert_int_not_equal(b.error, 0);
	assert_true(b.n <= 8);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_and_commas),
		cmocka_unit_test(every_byte_is_well_formed),
		cmocka_unit_test(text_is_kept_or_replaced),
		cmocka_unit_test(errors_stick),
	};
	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
