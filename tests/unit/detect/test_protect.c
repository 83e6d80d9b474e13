/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is never blocked, and what one source is.
 */
#include "detect/protect.h"

#include "base/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void protectp(struct protect **p)
{
	*p = protect_free(*p);
}

static struct prefix prefix(const char *text)
{
	struct prefix p = {0};
	if (!prefix_parse(slice_of(text), &p))
		fail_msg("not a prefix: %s", text);
	return p;
}

static enum protect_reason why(const struct protect *p, const char *text)
{
	struct prefix a = prefix(text);
	return protect_address(p, &a.addr);
}

static void assert_source(const struct protect *p, const char *address, const char *expected)
{
	char text[PREFIX_TEXT_MAX];
	struct prefix a = prefix(address);
	struct prefix source = protect_source(p, &a.addr);
	assert_string_equal(prefix_format(&source, text), expected);
}

static void set(struct protect *p, enum protect_reason reason, const char *text)
{
	struct prefix one = prefix(text);
	assert_int_equal(protect_set(p, reason, &one, 1), 0);
}

static void some_are_known_from_the_start(void **state)
{
	(void)state;
	_cleanup_(protectp) struct protect *p = protect_new();
	assert_int_equal(why(p, "127.0.0.1"), PROTECT_LOOPBACK);
	assert_int_equal(why(p, "127.255.255.255"), PROTECT_LOOPBACK);
	assert_int_equal(why(p, "::1"), PROTECT_LOOPBACK);
	assert_int_equal(why(p, "0.0.0.0"), PROTECT_UNUSABLE);
	assert_int_equal(why(p, "::"), PROTECT_UNUSABLE);
	assert_int_equal(why(p, "224.0.0.1"), PROTECT_UNUSABLE);
	assert_int_equal(why(p, "239.255.255.255"), PROTECT_UNUSABLE);
	assert_int_equal(why(p, "255.255.255.255"), PROTECT_UNUSABLE);
	assert_int_equal(why(p, "ff02::1"), PROTECT_UNUSABLE);
	assert_int_equal(why(p, "128.0.0.1"), PROTECT_NONE);
	assert_int_equal(why(p, "126.255.255.255"), PROTECT_NONE);
	assert_int_equal(why(p, "192.0.2.1"), PROTECT_NONE);
	assert_int_equal(why(p, "2001:db8::1"), PROTECT_NONE);
	assert_int_equal(why(p, "::2"), PROTECT_NONE);
}

static void lists_are_replaced(void **state)
{
	(void)state;
	_cleanup_(protectp) struct protect *p = protect_new();
	set(p, PROTECT_ALLOWED, "192.0.2.0/24");
	set(p, PROTECT_GATEWAY, "198.51.100.1");
	assert_int_equal(why(p, "192.0.2.0"), PROTECT_ALLOWED);
	assert_int_equal(why(p, "192.0.2.255"), PROTECT_ALLOWED);
	assert_int_equal(why(p, "192.0.3.0"), PROTECT_NONE);
	assert_int_equal(why(p, "192.0.1.255"), PROTECT_NONE);
	set(p, PROTECT_ALLOWED, "203.0.113.7");
	assert_int_equal(why(p, "192.0.2.9"), PROTECT_NONE);
	assert_int_equal(why(p, "203.0.113.7"), PROTECT_ALLOWED);
	assert_int_equal(why(p, "198.51.100.1"), PROTECT_GATEWAY);
	assert_int_equal(protect_set(p, PROTECT_ALLOWED, NULL, 0), 0);
	assert_int_equal(why(p, "203.0.113.7"), PROTECT_NONE);
	assert_int_equal(why(p, "127.0.0.1"), PROTECT_LOOPBACK);
	struct prefix one = prefix("192.0.2.1");
	assert_true(protect_set(p, PROTECT_NONE, &one, 1) < 0);
	assert_true(protect_set(p, (enum protect_reason)99, &one, 1) < 0);
}

static void prefixes_overlap_both_ways(void **state)
{
	(void)state;
	_cleanup_(protectp) struct protect *p = protect_new();
	set(p, PROTECT_RESOLVER, "2001:db8:1:2::53");
	struct prefix target = prefix("2001:db8:1:2::/64");
	assert_int_equal(protect_prefix(p, &target), PROTECT_RESOLVER);
	target = prefix("2001:db8:1:3::/64");
	assert_int_equal(protect_prefix(p, &target), PROTECT_NONE);
	target = prefix("::/0");
	assert_int_not_equal(protect_prefix(p, &target), PROTECT_NONE);
	target = prefix("2000::/3");
	assert_int_equal(protect_prefix(p, &target), PROTECT_RESOLVER);
	target = prefix("8.0.0.0/5");
	assert_int_equal(protect_prefix(p, &target), PROTECT_NONE);
	set(p, PROTECT_OWN, "10.9.8.7");
	assert_int_equal(protect_prefix(p, &target), PROTECT_OWN);
	set(p, PROTECT_ALLOWED, "0.0.0.0/0");
	assert_int_equal(why(p, "77.1.2.3"), PROTECT_ALLOWED);
	assert_int_equal(why(p, "2001:db8:9::1"), PROTECT_NONE);
	set(p, PROTECT_ALLOWED, "::/0");
	assert_int_equal(why(p, "77.1.2.3"), PROTECT_ALLOWED);
	assert_int_equal(why(p, "2001:db8:9::1"), PROTECT_ALLOWED);
}

static void sessions_protect_their_address_alone(void **state)
{
	(void)state;
	_cleanup_(protectp) struct protect *p = protect_new();
	set(p, PROTECT_SESSION, "2001:db8:5:5::1/64");
	/* host bits are gone with a /64, so it is the first address */
	assert_int_equal(why(p, "2001:db8:5:5::"), PROTECT_SESSION);
	assert_int_equal(why(p, "2001:db8:5:5::2"), PROTECT_NONE);
	set(p, PROTECT_SESSION, "2001:db8:5:5::1");
	assert_int_equal(why(p, "2001:db8:5:5::1"), PROTECT_SESSION);
	assert_int_equal(why(p, "2001:db8:5:5::2"), PROTECT_NONE);
	assert_source(p, "2001:db8:5:5::2", "2001:db8:5:5::2");
	assert_source(p, "2001:db8:5:6::2", "2001:db8:5:6::/64");
}

static void a_source_is_what_one_party_holds(void **state)
{
	(void)state;
	_cleanup_(protectp) struct protect *p = protect_new();
	struct prefix links[] = {prefix("2001:db8:77::/64"), prefix("10.0.0.0/8"),
		prefix("2001:db8:88:1::/80"), prefix("2002:c000:204:1::/64")};
	assert_int_equal(protect_set_onlink(p, links, countof(links)), 0);
	set(p, PROTECT_OWN, "2002:c000:205::1");
	set(p, PROTECT_ALLOWED, "2001:db8:99::/48");

	static const char *const cases[][2] = {
		{"192.0.2.1", "192.0.2.1"},
		{"10.1.2.3", "10.1.2.3"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"fe80::1", "fe80::1"},
		{"febf::1", "febf::1"},
		{"fec0::1", "fec0::/64"},
		{"64:ff9b::c000:201", "64:ff9b::c000:201"},
		{"64:ff9b:0:0:1::1", "64:ff9b::/64"},
		{"2001:0:1:2:3:4:5:6", "2001:0:1:2:3:4:5:6"},
		{"2001:1::1", "2001:1::/64"},
		{"2001:db8:77::9", "2001:db8:77::9"},
		{"2001:db8:77:1::9", "2001:db8:77:1::/64"},
		{"2001:db8:88:1:1::9", "2001:db8:88:1:1::9"},
		{"2001:db8:99:1::9", "2001:db8:99:1::9"},
		{"2002:c000:203:1::1", "2002:c000:203::/48"},
		{"2002:c000:204:2::1", "2002:c000:204:2::1"},
		{"2002:c000:205:2::1", "2002:c000:205:2::1"},
		{"2003::1", "2003::/64"},
		{"::5", "::5"},
	};
	for (size_t i = 0; i < countof(cases); i++)
		assert_source(p, cases[i][0], cases[i][1]);
}

static uint64_t draw(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return *state >> 33;
}

/* Few distinct bytes, so that prefixes nest and meet. */
static struct addr random_address(uint64_t *state)
{
	struct addr a = {0};
	if (draw(state) % 2)
		return addr_from_v4((uint32_t)(0x0a000000u | (draw(state) & 0x01010303u)));
	a.b[0] = 0x20;
	a.b[1] = (uint8_t)(draw(state) % 3);
	for (unsigned i = 2; i < 16; i++)
		a.b[i] = (uint8_t)(draw(state) & 1);
	return a;
}

static void answers_equal_a_plain_search(void **state)
{
	(void)state;
	uint64_t seed = 4711;
	for (unsigned round = 0; round < 60; round++) {
		_cleanup_(protectp) struct protect *p = protect_new();
		struct prefix list[60];
		for (size_t i = 0; i < countof(list); i++) {
			struct addr a = random_address(&seed);
			unsigned least = addr_is_v4(&a) ? 100 : 10;
			list[i] = prefix_of(&a, least + (unsigned)(draw(&seed) % (129 - least)));
		}
		assert_int_equal(protect_set(p, PROTECT_ALLOWED, list, countof(list)), 0);
		for (unsigned i = 0; i < 500; i++) {
			struct addr a = random_address(&seed);
			unsigned least = addr_is_v4(&a) ? 98 : 8;
			unsigned len = least + (unsigned)(draw(&seed) % (129 - least));
			struct prefix target = prefix_of(&a, len);
			bool inside = false, overlaps = false;
			for (size_t j = 0; j < countof(list); j++) {
				inside |= prefix_has(&list[j], &a);
				overlaps |= prefix_overlaps(&list[j], &target);
			}
			assert_int_equal(protect_address(p, &a) == PROTECT_ALLOWED, inside);
			assert_int_equal(protect_prefix(p, &target) == PROTECT_ALLOWED, overlaps);
			struct prefix source = protect_source(p, &a);
			assert_true(prefix_has(&source, &a));
			assert_true(
				source.len == 128 || protect_prefix(p, &source) == PROTECT_NONE);
		}
	}
}

static void reasons_have_words(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= PROTECT_UNUSABLE; i++)
		assert_non_null(protect_reason_text((enum protect_reason)i));
	assert_string_equal(protect_reason_text(PROTECT_LOOPBACK), "loopback");
	assert_string_equal(protect_reason_text((enum protect_reason)99), "unknown");
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(some_are_known_from_the_start),
		cmocka_unit_test(lists_are_replaced),
		cmocka_unit_test(prefixes_overlap_both_ways),
		cmocka_unit_test(sessions_protect_their_address_alone),
		cmocka_unit_test(a_source_is_what_one_party_holds),
		cmocka_unit_test(answers_equal_a_plain_search),
		cmocka_unit_test(reasons_have_words),
	};
	return cmocka_run_group_tests_name("protect", tests, NULL, NULL);
}
