/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/element.h"

#include "base/util.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct enforce_element element(enum enforce_list list, const char *text)
{
	struct enforce_element e = {.list = list, .expires = ENFORCE_FOREVER, .record = 7};
	assert_true(prefix_parse(slice_of(text), &e.target));
	return e;
}

static void every_length_has_its_set(void **state)
{
	(void)state;
	static const struct {
		enum enforce_list list;
		const char *target, *set;
	} cases[] = {
		{ENFORCE_IN, "192.0.2.1", "block4"},
		{ENFORCE_IN, "192.0.2.0/24", "net4"},
		{ENFORCE_IN, "128.0.0.0/1", "net4"},
		{ENFORCE_IN, "2001:db8::1", "block6"},
		{ENFORCE_IN, "2001:db8::/64", "block64"},
		{ENFORCE_IN, "2001:db8::/63", "net6"},
		{ENFORCE_IN, "2001:db8::/65", "net6"},
		{ENFORCE_IN, "2001:db8::/127", "net6"},
		{ENFORCE_IN, "2002:c000:201::/48", "net6"},
		{ENFORCE_OUT, "192.0.2.1", "out4"},
		{ENFORCE_OUT, "192.0.2.0/31", "outnet4"},
		{ENFORCE_OUT, "2001:db8::1", "out6"},
		{ENFORCE_OUT, "2001:db8::/64", "out64"},
		{ENFORCE_OUT, "2001:db8::/32", "outnet6"},
		{ENFORCE_ALLOW, "192.0.2.1", "allow4"},
		{ENFORCE_ALLOW, "0.0.0.0/0", "allow4"},
		{ENFORCE_ALLOW, "2001:db8::/64", "allow6"},
		{ENFORCE_ALLOW, "::/0", "allow6"},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct enforce_element e = element(cases[i].list, cases[i].target);
		enum set_id set;
		assert_int_equal(element_set(&e, &set), 0);
		assert_string_equal(set_specs[set].name, cases[i].set);
	}
}

static void nobody_blocks_a_whole_family(void **state)
{
	(void)state;
	static const char *const all[] = {"0.0.0.0/0", "::/0"};
	for (size_t i = 0; i < countof(all); i++) {
		struct enforce_element in = element(ENFORCE_IN, all[i]);
		struct enforce_element out = element(ENFORCE_OUT, all[i]);
		enum set_id set;
		assert_int_equal(element_set(&in, &set), -EINVAL);
		assert_int_equal(element_set(&out, &set), -EINVAL);
	}
}

static void ranges_end_with_the_last_address(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
		{"192.0.2.0/24", "192.0.2.255"},
		{"192.0.2.6/31", "192.0.2.7"},
		{"128.0.0.0/1", "255.255.255.255"},
		{"192.0.2.1", "192.0.2.1"},
		{"2001:db8::/33", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"},
		{"::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	for (size_t i = 0; i < countof(cases); i++) {
		struct prefix p;
		char text[ADDR_TEXT_MAX];
		assert_true(prefix_parse(slice_of(cases[i][0]), &p));
		struct addr last = element_last(&p);
		assert_string_equal(addr_format(&last, text), cases[i][1]);
	}
}

static void a_hash_entry_is_its_key_alone(void **state)
{
	(void)state;
	struct enforce_element e = element(ENFORCE_IN, "2001:db8:0:1::/64");
	struct entry entry = element_entry(&e, SET_BLOCK64);
	assert_memory_equal(&entry.first, &e.target.addr, sizeof(entry.first));
	assert_memory_equal(&entry.last, &e.target.addr, sizeof(entry.last));
	assert_int_equal(entry.record, 7);
	assert_true(entry.expires == ENFORCE_FOREVER);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_has_its_set),
		cmocka_unit_test(nobody_blocks_a_whole_family),
		cmocka_unit_test(ranges_end_with_the_last_address),
		cmocka_unit_test(a_hash_entry_is_its_key_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
