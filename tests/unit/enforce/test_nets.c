/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/nets.h"

#include "base/buf.h"
#include "base/util.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct net net(const char *text, int64_t expires, int64_t record)
{
	struct net n = {.expires = expires, .record = record};
	assert_true(prefix_parse(slice_of(text), &n.prefix));
	return n;
}

/* "10.0.0.0-10.0.255.255=1 …": first, last, record. */
static const char *flat(const struct nets *nets, struct buf *text)
{
	struct entries ranges = {0};
	char a[ADDR_TEXT_MAX], b[ADDR_TEXT_MAX];
	assert_int_equal(nets_flatten(nets, SET_NET4, &ranges), 0);
	buf_reset(text);
	for (size_t i = 0; i < ranges.n; i++)
		buf_printf(text, "%s%s-%s=%lld", i ? " " : "",
			addr_format(&ranges.list[i].first, a), addr_format(&ranges.list[i].last, b),
			(long long)ranges.list[i].record);
	for (size_t i = 1; i < ranges.n; i++)
		assert_true(entry_compare(&ranges.list[i - 1], &ranges.list[i]) < 0);
	entries_done(&ranges);
	return text->p ? text->p : "";
}

struct given {
	const char *prefix;
	int64_t expires;
};

static void overlaps_become_ranges(void **state)
{
	(void)state;
	/* records are 1, 2, … in the order given */
	static const struct {
		struct given nets[4];
		const char *ranges;
	} cases[] = {
		{{{"10.0.0.0/8", 100}}, "10.0.0.0-10.255.255.255=1"},
		/* apart */
		{{{"10.2.0.0/16", 100}, {"10.0.0.0/16", 100}},
			"10.0.0.0-10.0.255.255=2 10.2.0.0-10.2.255.255=1"},
		/* side by side */
		{{{"10.0.0.0/16", 100}, {"10.1.0.0/16", 200}},
			"10.0.0.0-10.0.255.255=1 10.1.0.0-10.1.255.255=2"},
		/* the outer one outlives the inner one, or ends with it */
		{{{"10.0.0.0/8", 200}, {"10.1.0.0/16", 100}}, "10.0.0.0-10.255.255.255=1"},
		{{{"10.0.0.0/8", 100}, {"10.1.0.0/16", 100}}, "10.0.0.0-10.255.255.255=1"},
		/* the inner one lives longer: in the middle, at either edge */
		{{{"10.0.0.0/8", 100}, {"10.1.0.0/16", 200}},
			"10.0.0.0-10.0.255.255=1 10.1.0.0-10.1.255.255=2 "
			"10.2.0.0-10.255.255.255=1"},
		{{{"10.0.0.0/8", 100}, {"10.0.0.0/16", 200}},
			"10.0.0.0-10.0.255.255=2 10.1.0.0-10.255.255.255=1"},
		{{{"10.0.0.0/8", 100}, {"10.255.0.0/16", 200}},
			"10.0.0.0-10.254.255.255=1 10.255.0.0-10.255.255.255=2"},
		/* three deep; the middle one does not count */
		{{{"10.0.0.0/8", 100}, {"10.0.0.0/12", 50}, {"10.1.0.0/16", 200}},
			"10.0.0.0-10.0.255.255=1 10.1.0.0-10.1.255.255=3 "
			"10.2.0.0-10.255.255.255=1"},
		{{{"10.0.0.0/8", 100}, {"10.0.0.0/12", 150}, {"10.1.0.0/16", 200}},
			"10.0.0.0-10.0.255.255=2 10.1.0.0-10.1.255.255=3 "
			"10.2.0.0-10.15.255.255=2 10.16.0.0-10.255.255.255=1"},
		/* forever, and the very last address */
		{{{"240.0.0.0/4", 100}, {"255.255.255.255", ENFORCE_FOREVER}},
			"240.0.0.0-255.255.255.254=1 255.255.255.255-255.255.255.255=2"},
		{{{"::/0", 100}, {"ffff::/16", 200}},
			"::-fffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff=1 "
			"ffff::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff=2"},
	};
	struct buf text = BUF_NULL;
	for (size_t i = 0; i < countof(cases); i++) {
		struct nets nets = {0};
		for (size_t k = 0; k < 4 && cases[i].nets[k].prefix; k++) {
			struct net n = net(
				cases[i].nets[k].prefix, cases[i].nets[k].expires, (int64_t)k + 1);
			assert_int_equal(nets_put(&nets, &n), 0);
		}
		assert_string_equal(flat(&nets, &text), cases[i].ranges);
		nets_done(&nets);
	}
	buf_done(&text);
}

static void what_is_appended_is_sorted_and_single(void **state)
{
	(void)state;
	struct nets nets = {0};
	struct buf text = BUF_NULL;
	const struct net given[] = {net("10.2.0.0/16", 100, 1), net("10.1.0.0/16", 100, 2),
		net("10.1.0.0/16", 300, 3), net("10.1.0.0/16", 200, 4)};
	for (size_t i = 0; i < countof(given); i++)
		assert_int_equal(nets_append(&nets, &given[i]), 0);
	nets_sort(&nets);
	assert_int_equal(nets.n, 2);
	assert_string_equal(flat(&nets, &text), "10.1.0.0-10.1.255.255=3 10.2.0.0-10.2.255.255=1");
	buf_done(&text);
	nets_done(&nets);
}

static void put_replaces_and_drop_uncovers(void **state)
{
	(void)state;
	struct nets nets = {0};
	struct buf text = BUF_NULL;
	struct net outer = net("10.0.0.0/8", 100, 1), inner = net("10.1.0.0/16", 50, 2);
	assert_int_equal(nets_put(&nets, &outer), 0);
	assert_int_equal(nets_put(&nets, &inner), 0);
	inner.record = 3;
	assert_int_equal(nets_put(&nets, &inner), 0);
	assert_int_equal(nets.n, 2);
	assert_int_equal(nets_find(&nets, &inner.prefix)->record, 3);
	assert_true(nets_drop(&nets, &outer.prefix));
	assert_false(nets_drop(&nets, &outer.prefix));
	assert_string_equal(flat(&nets, &text), "10.1.0.0-10.1.255.255=3");
	buf_done(&text);
	nets_done(&nets);
}

static void what_is_over_is_forgotten(void **state)
{
	(void)state;
	struct nets nets = {0};
	struct buf text = BUF_NULL;
	struct net outer = net("10.0.0.0/8", 100, 1), inner = net("10.1.0.0/16", 200, 2);
	assert_int_equal(nets_put(&nets, &outer), 0);
	assert_int_equal(nets_put(&nets, &inner), 0);
	nets_expire(&nets, 99);
	assert_int_equal(nets.n, 2);
	nets_expire(&nets, 100);
	assert_string_equal(flat(&nets, &text), "10.1.0.0-10.1.255.255=2");
	buf_done(&text);
	nets_done(&nets);
}

static void nets_hold_what_lies_in_them(void **state)
{
	(void)state;
	struct nets nets = {0};
	struct net n = net("10.0.0.0/8", 100, 1);
	struct addr in = addr_from_v4(0x0a010203), out = addr_from_v4(0x0b000000);
	assert_false(nets_hold(&nets, &in));
	assert_int_equal(nets_put(&nets, &n), 0);
	assert_true(nets_hold(&nets, &in));
	assert_false(nets_hold(&nets, &out));
	nets_done(&nets);
}

/*
 * Against the plain reading of the rule: an address belongs to the longest-lived
 * net over it. Nets of one byte's worth of addresses, all lengths, pseudo-random.
 */
static void random_nets_agree_with_the_plain_rule(void **state)
{
	(void)state;
	uint32_t seed = 12345;
	for (int round = 0; round < 300; round++) {
		struct nets nets = {0};
		for (int k = 0; k < 12; k++) {
			seed = seed * 1664525 + 1013904223;
			struct addr a = addr_from_v4(0xc0000200 | (seed >> 24));
			struct net n = {.prefix = prefix_of(&a, 120 + (seed >> 8) % 9),
				.expires = 1 + (seed >> 16) % 5,
				.record = k};
			assert_int_equal(nets_put(&nets, &n), 0);
		}
		struct entries ranges = {0};
		assert_int_equal(nets_flatten(&nets, SET_NET4, &ranges), 0);
		for (uint32_t last = 0; last < 256; last++) {
			struct addr a = addr_from_v4(0xc0000200 | last);
			int64_t expected = 0, said = 0;
			for (size_t i = 0; i < nets.n; i++)
				if (prefix_has(&nets.list[i].prefix, &a))
					expected = MAX_OF(expected, nets.list[i].expires);
			int found = 0;
			for (size_t i = 0; i < ranges.n; i++)
				if (memcmp(&ranges.list[i].first, &a, 16) <= 0 &&
					memcmp(&a, &ranges.list[i].last, 16) <= 0) {
					said = ranges.list[i].expires;
					found++;
				}
			assert_true(said == expected);
			assert_true(found == (expected > 0));
		}
		entries_done(&ranges);
		nets_done(&nets);
	}
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(overlaps_become_ranges),
		cmocka_unit_test(what_is_appended_is_sorted_and_single),
		cmocka_unit_test(put_replaces_and_drop_uncovers),
		cmocka_unit_test(what_is_over_is_forgotten),
		cmocka_unit_test(nets_hold_what_lies_in_them),
		cmocka_unit_test(random_nets_agree_with_the_plain_rule),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
