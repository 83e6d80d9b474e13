/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/http/encode.h"
#include "api/http/form.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* "a=1&b" as "a=1;b=;" */
static void flatten(const struct form *f, struct buf *out)
{
	for (unsigned i = 0; i < f->n; i++)
		buf_printf(out, "%s=%s;", f->fields[i].name.p, f->fields[i].value.p);
}

static void decodes(void **state)
{
	static const struct {
		const char *text, *fields;
	} cases[] = {
		{"", ""},
		{"a=1", "a=1;"},
		{"a=1&b=2", "a=1;b=2;"},
		{"a", "a=;"},
		{"a=", "a=;"},
		{"=x", "=x;"},
		{"&&a=1&&", "a=1;"},
		{"a=b=c", "a=b=c;"},
		{"a=1&a=2", "a=1;a=2;"},
		{"a%20b=c+d%2B%26%3d", "a b=c d+&=;"},
		{"x=%E4%B8%AD", "x=中;"},
		{"x=%ff", "x=\xff;"},
		{"x=!'()*~", "x=!'()*~;"},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct form f = FORM_NULL;
		_cleanup_(buf_done) struct buf out = BUF_NULL;
		assert_int_equal(form_decode(&f, slice_of(cases[i].text)), 0);
		flatten(&f, &out);
		assert_string_equal(out.p ? out.p : "", cases[i].fields);
		form_done(&f);
	}
}

static void refuses(void **state)
{
	static const char *const cases[] = {
		"a=%", "a=%1", "a=%zz", "a=%1g", "%=1", "a=%00", "a=b%00c", "%00", "a=1&b=%2"};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct form f = FORM_NULL;
		assert_int_equal(form_decode(&f, slice_of(cases[i])), -EINVAL);
		form_done(&f);
	}
	struct form f = FORM_NULL;
	assert_int_equal(form_decode(&f, (struct slice){"a=\0b", 4}), -EINVAL);
	form_done(&f);
}

/* The slice ends where it says, whatever bytes come behind it. */
static void stays_within(void **state)
{
	struct form f = FORM_NULL;
	(void)state;
	assert_int_equal(form_decode(&f, (struct slice){"a=%41%42", 7}), -EINVAL);
	form_done(&f);
}

static void is_bounded(void **state)
{
	struct form f = FORM_NULL;
	_cleanup_(buf_done) struct buf text = BUF_NULL;
	(void)state;
	for (int i = 0; i < FORM_FIELDS_MAX; i++)
		buf_puts(&text, "a&");
	assert_int_equal(form_decode(&f, buf_as_slice(&text)), 0);
	assert_int_equal(f.n, FORM_FIELDS_MAX);
	assert_int_equal(form_decode(&f, SLICE("one=more")), -E2BIG);
	form_done(&f);
}

static void gets_the_first(void **state)
{
	struct form f = FORM_NULL;
	(void)state;
	assert_int_equal(form_decode(&f, SLICE("a=query")), 0);
	assert_int_equal(form_decode(&f, SLICE("a=body&b=1")), 0);
	assert_string_equal(form_get(&f, "a"), "query");
	assert_string_equal(form_get(&f, "b"), "1");
	assert_null(form_get(&f, "c"));
	assert_null(form_get(&f, "A"));
	form_done(&f);
}

static void encodes(void **state)
{
	_cleanup_(buf_done) struct buf out = BUF_NULL;
	(void)state;
	encode_percent(&out, SLICE("AZaz09-_.~ !'()*+/:=&%\xff\x01"));
	assert_string_equal(out.p, "AZaz09-_.~%20%21%27%28%29%2A%2B%2F%3A%3D%26%25%FF%01");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes),
		cmocka_unit_test(refuses),
		cmocka_unit_test(stays_within),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(gets_the_first),
		cmocka_unit_test(encodes),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
