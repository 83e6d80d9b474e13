/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/addr.h"

#include "base/util.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void addresses_have_one_text(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"192.0.2.1", "192.0.2.1"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"::ffff:c000:201", "192.0.2.1"},
		{"::", "::"},
		{"::1", "::1"},
		{"2001:DB8::ABCD", "2001:db8::abcd"},
		{"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"1:2:3:4:5:6:255.255.255.255", "1:2:3:4:5:6:ffff:ffff"},
	};
	char text[ADDR_TEXT_MAX];
	for (size_t i = 0; i < countof(cases); i++) {
		struct addr a;
		assert_true(addr_parse(slice_of(cases[i][0]), &a));
		assert_string_equal(addr_format(&a, text), cases[i][1]);
		struct addr again;
		assert_true(addr_parse(slice_of(text), &again));
		assert_true(addr_eq(&a, &again));
	}
}

static void other_text_is_no_address(void **state)
{
	(void)state;
	const struct slice cases[] = {
		{"", 0},
		SLICE("1"),
		SLICE("1.2.3"),
		SLICE("1.2.3.4.5"),
		SLICE("1.2.3.256"),
		SLICE("01.2.3.4"),
		SLICE("1.2.3.04"),
		SLICE("1.2.3.4 "),
		SLICE(" 1.2.3.4"),
		SLICE("1.2.3."),
		SLICE("1..2.3"),
		SLICE("0x1.2.3.4"),
		SLICE("1.2.3.-4"),
		SLICE("1.2.3.4\0"),
		SLICE("16909060"),
		SLICE("localhost"),
		SLICE("a.b.c.d"),
		SLICE("1000.1.1.1"),
		SLICE(":"),
		SLICE(":::"),
		SLICE("1::2::3"),
		SLICE("12345::"),
		SLICE("fe80::1%eth0"),
		SLICE("::1\0x"),
		SLICE("[::1]"),
		SLICE("1:2:3:4:5:6:7"),
		SLICE("1:2:3:4:5:6:7:8:9"),
		SLICE("::1.2.3.04"),
		SLICE("2001:db8::g"),
		SLICE("0000:0000:0000:0000:0000:0000:0000:0000:000000"),
	};
	struct addr before = {.b = {1, 2, 3}}, a = before;
	for (size_t i = 0; i < countof(cases); i++) {
		if (addr_parse(cases[i], &a))
			fail_msg("%.*s was taken for an address", SLICE_ARG(cases[i]));
		assert_true(addr_eq(&a, &before));
	}
}

static void prefixes_have_one_text(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"192.0.2.1", "192.0.2.1"},
		{"192.0.2.1/32", "192.0.2.1"},
		{"192.0.2.255/25", "192.0.2.128/25"},
		{"192.0.2.1/0", "0.0.0.0/0"},
		{"2001:db8::1/64", "2001:db8::/64"},
		{"2001:db8::1/128", "2001:db8::1"},
		{"2001:db8::1/127", "2001:db8::/127"},
		{"ffff::/1", "8000::/1"},
		{"::/0", "::/0"},
		{"::ffff:192.0.2.9/120", "192.0.2.0/24"},
		{"::ffff:192.0.2.9/90", "::ffc0:0:0/90"},
	};
	char text[PREFIX_TEXT_MAX];
	for (size_t i = 0; i < countof(cases); i++) {
		struct prefix p, again;
		assert_true(prefix_parse(slice_of(cases[i][0]), &p));
		assert_string_equal(prefix_format(&p, text), cases[i][1]);
		assert_true(prefix_parse(slice_of(text), &again));
		assert_true(prefix_eq(&p, &again));
	}
}

static void other_text_is_no_prefix(void **state)
{
	(void)state;
	static const char *const cases[] = {"", "/", "/24", "192.0.2.1/", "192.0.2.1/33",
		"192.0.2.1/024", "192.0.2.1/-1", "192.0.2.1/+1", "192.0.2.1/24 ", "192.0.2.1/2x",
		"2001:db8::/129", "2001:db8::/0128", "2001:db8::/1280", "192.0.2.1/24/24", "x/8"};
	struct prefix p;
	for (size_t i = 0; i < countof(cases); i++)
		if (prefix_parse(slice_of(cases[i]), &p))
			fail_msg("%s was taken for a prefix", cases[i]);
	assert_false(prefix_parse(SLICE_NULL, &p));
}

static struct prefix prefix(const char *text)
{
	struct prefix p = {0};
	assert_true(prefix_parse(slice_of(text), &p));
	return p;
}

static void prefixes_contain(void **state)
{
	(void)state;
	struct prefix net = prefix("192.0.2.0/25"), all = prefix("::/0"), one = prefix("192.0.2.7");
	struct addr in = prefix("192.0.2.127").addr, out = prefix("192.0.2.128").addr;
	assert_true(prefix_has(&net, &in) && prefix_has(&all, &in) && prefix_has(&all, &out));
	assert_false(prefix_has(&net, &out));
	assert_true(prefix_has(&one, &one.addr));
	assert_false(prefix_has(&one, &in));
	assert_true(prefix_overlaps(&net, &one) && prefix_overlaps(&one, &net));
	assert_true(prefix_overlaps(&net, &net));
	struct prefix half = prefix("192.0.2.128/25");
	assert_false(prefix_overlaps(&net, &half));
	assert_false(prefix_eq(&net, &half));
	struct prefix shorter = prefix("192.0.2.0/24");
	assert_false(prefix_eq(&net, &shorter));
}

static void masks_equal_bit_by_bit(void **state)
{
	(void)state;
	struct addr a;
	for (unsigned i = 0; i < 16; i++)
		a.b[i] = (uint8_t)(0x9d * (i + 3));
	for (unsigned len = 0; len <= 128; len++) {
		struct addr m = addr_mask(&a, len);
		for (unsigned bit = 0; bit < 128; bit++) {
			unsigned was = a.b[bit / 8] >> (7 - bit % 8) & 1u;
			unsigned is = m.b[bit / 8] >> (7 - bit % 8) & 1u;
			assert_int_equal(is, bit < len ? was : 0);
		}
	}
}

static void socket_addresses_are_read(void **state)
{
	(void)state;
	struct sockaddr_in in = {
		.sin_family = AF_INET, .sin_port = htons(22), .sin_addr.s_addr = htonl(0xc0000201)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
	struct sockaddr other = {.sa_family = AF_UNIX};
	struct addr a, expected = addr_from_v4(0xc0000201);
	uint16_t port;
	assert_true(addr_from_sockaddr(&in, &a, &port));
	assert_true(addr_eq(&a, &expected) && addr_is_v4(&a));
	assert_int_equal(port, 22);
	in6.sin6_addr = in6addr_loopback;
	assert_true(addr_from_sockaddr(&in6, &a, &port));
	assert_memory_equal(a.b, &in6addr_loopback, 16);
	assert_int_equal(port, 443);
	assert_false(addr_is_v4(&a));
	assert_true(addr_from_sockaddr(&in6, &a, NULL));
	assert_false(addr_from_sockaddr(&other, &a, &port));
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_have_one_text),
		cmocka_unit_test(other_text_is_no_address),
		cmocka_unit_test(prefixes_have_one_text),
		cmocka_unit_test(other_text_is_no_prefix),
		cmocka_unit_test(prefixes_contain),
		cmocka_unit_test(masks_equal_bit_by_bit),
		cmocka_unit_test(socket_addresses_are_read),
	};
	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
