/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/sign.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* RFC 4231 test case 2, RFC 2202 test case 2, FIPS 180-4's "abc". */
static void hashes(void **state)
{
	char hex[SIGN_HEX_MAX], text[SIGN_BASE64_MAX];
	(void)state;
	sign_sha256_hex(SLICE("abc"), hex);
	assert_string_equal(
		hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sign_hmac_sha256_hex(SLICE("Jefe"), SLICE("what do ya want for nothing?"), hex);
	assert_string_equal(
		hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	sign_hmac_sha1_base64(SLICE("Jefe"), SLICE("what do ya want for nothing?"), text);
	assert_string_equal(text, "7/zfauXrL6LSdBbV8YTfnCWafHk=");
}

static void compares(void **state)
{
	(void)state;
	assert_true(sign_equal(SLICE("abc"), SLICE("abc")));
	assert_true(sign_equal(SLICE(""), SLICE_NULL));
	assert_false(sign_equal(SLICE("abc"), SLICE("abd")));
	assert_false(sign_equal(SLICE("abc"), SLICE("ab")));
	assert_false(sign_equal(SLICE(""), SLICE("a")));
}

static void sorts_a_query(void **state)
{
	static const struct {
		const char *text, *except, *canonical;
	} cases[] = {
		{"", NULL, ""},
		{"b=2&a=1", NULL, "a=1&b=2"},
		{"b=2&Signature=x&a=1", "Signature", "a=1&b=2"},
		{"a=2&a=10&a=1", NULL, "a=1&a=10&a=2"},
		{"a.10=x&a.2=y&a=z", NULL, "a=z&a.10=x&a.2=y"},
		{"B=1&a=2&A=3", NULL, "A=3&B=1&a=2"},
		{"a=x+y*%2a", NULL, "a=x%20y%2A%2A"},
		{"b&a=", NULL, "a=&b="},
	};
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct form f = FORM_NULL;
		_cleanup_(buf_done) struct buf out = BUF_NULL;
		assert_int_equal(form_decode(&f, slice_of(cases[i].text)), 0);
		sign_query(&out, &f, cases[i].except);
		assert_string_equal(out.p ? out.p : "", cases[i].canonical);
		form_done(&f);
	}
}

static const struct http_request request = {
	.headers = {{{"Host", 4}, {"h:1", 3}}, {{"X-Date", 6}, {"  now\t", 6}},
		{{"twice", 5}, {"1", 1}}, {{"Twice", 5}, {"2", 1}}},
	.header_count = 4,
};

static void signs_headers(void **state)
{
	_cleanup_(buf_done) struct buf out = BUF_NULL;
	(void)state;
	assert_true(sign_headers(&out, &request, SLICE("host;x-date")));
	assert_string_equal(out.p, "host:h:1\nx-date:now\n");
	assert_false(sign_headers(&out, &request, SLICE("host;missing")));
	assert_false(sign_headers(&out, &request, SLICE("twice")));
	assert_false(sign_headers(&out, &request, SLICE("Host")));
	assert_false(sign_headers(&out, &request, SLICE("host;;x-date")));
	assert_true(sign_list_has(SLICE("a;b;c"), SLICE("b")));
	assert_false(sign_list_has(SLICE("a;bb;c"), SLICE("b")));
	assert_false(sign_list_has(SLICE(""), SLICE("b")));
}

static void finds_attributes(void **state)
{
	const struct slice list = SLICE("Credential=AK,SignedHeaders=a;b, Signature=0=1,Empty=");
	(void)state;
	assert_true(slice_eq(sign_attribute(list, SLICE("Credential")), SLICE("AK")));
	assert_true(slice_eq(sign_attribute(list, SLICE("SignedHeaders")), SLICE("a;b")));
	assert_true(slice_eq(sign_attribute(list, SLICE("Signature")), SLICE("0=1")));
	assert_int_equal(sign_attribute(list, SLICE("Empty")).n, 0);
	assert_null(sign_attribute(list, SLICE("Sign")).p);
	assert_null(sign_attribute(list, SLICE("ignature")).p);
	assert_null(sign_attribute(SLICE(",,, ,"), SLICE("a")).p);
}

static void reads_times(void **state)
{
	static const struct {
		const char *text;
		bool ok;
		int64_t ms;
	} cases[] = {
		{"2026-01-02T03:04:05Z", true, INT64_C(1767323045000)},
		{"1970-01-01T00:00:00Z", true, 0},
		{"2024-02-29T23:59:59Z", true, INT64_C(1709251199000)},
		{"2026-01-02T03:04:05", false, 0},
		{"2026-01-02 03:04:05Z", false, 0},
		{"2026-13-02T03:04:05Z", false, 0},
		{"2026-01-02T24:04:05Z", false, 0},
		{"2026-01-02T03:04:0xZ", false, 0},
		{"0000-01-02T03:04:05Z", false, 0},
		{"20260102T030405Z", false, 0},
		{"", false, 0},
	};
	int64_t ms = -7;
	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		assert_int_equal(sign_time(slice_of(cases[i].text), &ms), cases[i].ok);
		if (cases[i].ok)
			assert_int_equal(ms, cases[i].ms);
	}
	assert_true(sign_time_basic(SLICE("20260102T030405Z"), &ms));
	assert_int_equal(ms, INT64_C(1767323045000));
	assert_false(sign_time_basic(SLICE("2026-01-02T03:04:05Z"), &ms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes),
		cmocka_unit_test(compares),
		cmocka_unit_test(sorts_a_query),
		cmocka_unit_test(signs_headers),
		cmocka_unit_test(finds_attributes),
		cmocka_unit_test(reads_times),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
