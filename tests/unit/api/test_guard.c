/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "api/guard.h"
#include "api/nonce.h"
#include "base/clock.h"
#include "base/util.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW INT64_C(1767323045000)

static const struct guard_limits limits = {
	.nonces_per_key = 100, .rate = 3, .lockout_failures = 5, .lockout_time = 5 * MS_MINUTE};

static struct guard *new_guard(void)
{
	struct guard *g = NULL;
	assert_int_equal(guard_new(&limits, &g), 0);
	return g;
}

static struct addr address(const char *text)
{
	struct addr a;
	assert_true(addr_parse(slice_of(text), &a));
	return a;
}

static void a_nonce_serves_once(void **state)
{
	struct guard *g = new_guard();
	(void)state;
	assert_int_equal(guard_nonce(g, "a", SLICE("n1"), NOW, NOW + 1000), GUARD_OK);
	assert_int_equal(guard_nonce(g, "a", SLICE("n1"), NOW, NOW + 1000), GUARD_USED);
	assert_int_equal(guard_nonce(g, "a", SLICE("n2"), NOW, NOW + 1000), GUARD_OK);
	/* another key's nonces are its own */
	assert_int_equal(guard_nonce(g, "b", SLICE("n1"), NOW, NOW + 1000), GUARD_OK);
	g = guard_free(g);
}

static void a_nonce_is_kept_to_its_end(void **state)
{
	struct guard *g = new_guard();
	(void)state;
	int64_t end = NOW + 15 * MS_MINUTE;
	assert_int_equal(guard_nonce(g, "a", SLICE("n"), NOW, end), GUARD_OK);
	assert_int_equal(guard_nonce(g, "a", SLICE("n"), end, end), GUARD_USED);
	assert_int_equal(
		guard_nonce(g, "a", SLICE("n"), end + 3 * MS_SECOND, end + MS_MINUTE), GUARD_OK);
	g = guard_free(g);
}

static enum guard_verdict use(struct guard *g, int n, int64_t now, int64_t until)
{
	char text[32];
	(void)snprintf(text, sizeof(text), "nonce %d", n);
	return guard_nonce(g, "a", slice_of(text), now, until);
}

static void nonces_are_bounded(void **state)
{
	struct guard *g = new_guard();
	(void)state;
	for (int i = 0; i < 100; i++)
		assert_int_equal(use(g, i, NOW, NOW + MS_MINUTE), GUARD_OK);
	assert_int_equal(use(g, 100, NOW, NOW + MS_MINUTE), GUARD_FULL);
	assert_int_equal(use(g, 100, NOW + MS_SECOND, NOW + MS_MINUTE), GUARD_FULL);
	/* room again when they have ended, and none of the old is believed to be new before */
	assert_int_equal(use(g, 100, NOW + 2 * MS_MINUTE, NOW + 3 * MS_MINUTE), GUARD_OK);
	g = guard_free(g);
}

/* A table that grows forgets nothing and keeps its size in line with what is alive. */
static void nonce_set_grows(void **state)
{
	static const uint8_t key[16] = {1};
	const uint32_t most = 100000;
	struct nonce_set s = {0};
	char text[32];
	(void)state;
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 50000; i++) {
			(void)snprintf(text, sizeof(text), "%u", i);
			assert_int_equal(
				nonce_set_add(&s, key, slice_of(text), most, NOW, NOW + MS_MINUTE),
				round ? NONCE_USED : NONCE_OK);
		}
	}
	assert_true(s.size < most + most / 4);
	for (unsigned i = 0; i < 50000; i++) {
		(void)snprintf(text, sizeof(text), "%u", i);
		assert_int_equal(nonce_set_add(&s, key, slice_of(text), most, NOW + MS_HOUR,
					 NOW + MS_HOUR + MS_MINUTE),
			NONCE_OK);
	}
	nonce_set_done(&s);
}

static void failures_lock(void **state)
{
	struct guard *g = new_guard();
	struct addr here = address("203.0.113.1"), there = address("203.0.113.2");
	(void)state;
	for (int i = 0; i < 5; i++) {
		assert_false(guard_locked(g, &here, SLICE("k"), NOW));
		guard_failed(g, &here, SLICE("k"), NOW);
	}
	assert_true(guard_locked(g, &here, SLICE("k"), NOW));
	assert_true(guard_locked(g, &here, SLICE("k"), NOW + 5 * MS_MINUTE - 1));
	assert_false(guard_locked(g, &here, SLICE("k"), NOW + 5 * MS_MINUTE));
	assert_false(guard_locked(g, &there, SLICE("k"), NOW));
	assert_false(guard_locked(g, &here, SLICE("other"), NOW));
	/* the row begins anew after the lock */
	guard_failed(g, &here, SLICE("k"), NOW + 6 * MS_MINUTE);
	assert_false(guard_locked(g, &here, SLICE("k"), NOW + 6 * MS_MINUTE));
	g = guard_free(g);
}

static void a_success_forgives(void **state)
{
	struct guard *g = new_guard();
	struct addr here = address("203.0.113.1");
	(void)state;
	for (int i = 0; i < 9; i++) {
		if (i == 4)
			guard_proved(g, &here, SLICE("k"));
		guard_failed(g, &here, SLICE("k"), NOW);
		assert_int_equal(guard_locked(g, &here, SLICE("k"), NOW), i == 8);
	}
	g = guard_free(g);
}

/* One subscriber has a whole /64 to call from. */
static void v6_counts_by_64(void **state)
{
	struct guard *g = new_guard();
	struct addr last = address("2001:db8::ffff"), next = address("2001:db8:0:1::1");
	(void)state;
	for (int i = 0; i < 5; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "2001:db8::%d", i + 1);
		struct addr a = address(text);
		guard_failed(g, &a, SLICE("k"), NOW);
	}
	assert_true(guard_locked(g, &last, SLICE("k"), NOW));
	assert_false(guard_locked(g, &next, SLICE("k"), NOW));
	g = guard_free(g);
}

/* A flood of made-up pairs makes the table forget, never grow or fail. */
static void failures_are_bounded(void **state)
{
	struct guard *g = new_guard();
	(void)state;
	for (uint32_t i = 0; i < 50000; i++) {
		struct addr a = addr_from_v4(i);
		guard_failed(g, &a, SLICE("k"), NOW + i);
	}
	struct addr a = address("203.0.113.9");
	for (int i = 0; i < 5; i++)
		guard_failed(g, &a, SLICE("k"), NOW + MS_MINUTE);
	assert_true(guard_locked(g, &a, SLICE("k"), NOW + MS_MINUTE));
	g = guard_free(g);
}

static void calls_are_limited_by_the_second(void **state)
{
	struct guard *g = new_guard();
	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(guard_rate(g, "a", NOW));
	assert_false(guard_rate(g, "a", NOW + 900));
	assert_true(guard_rate(g, "b", NOW));
	assert_true(guard_rate(g, "a", NOW + MS_SECOND));
	g = guard_free(g);
}

/* Temporary keys come and go: the silent ones make room. */
static void keys_are_bounded(void **state)
{
	struct guard *g = new_guard();
	char id[32];
	(void)state;
	for (int i = 0; i < 16384; i++) {
		(void)snprintf(id, sizeof(id), "key%d", i);
		assert_true(guard_rate(g, id, NOW));
	}
	assert_false(guard_rate(g, "one more", NOW));
	assert_int_equal(guard_nonce(g, "one more", SLICE("n"), NOW, NOW), GUARD_FULL);
	assert_true(guard_rate(g, "one more", NOW + 2 * MS_HOUR));
	g = guard_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_nonce_serves_once),
		cmocka_unit_test(a_nonce_is_kept_to_its_end),
		cmocka_unit_test(nonces_are_bounded),
		cmocka_unit_test(nonce_set_grows),
		cmocka_unit_test(failures_lock),
		cmocka_unit_test(a_success_forgives),
		cmocka_unit_test(v6_counts_by_64),
		cmocka_unit_test(failures_are_bounded),
		cmocka_unit_test(calls_are_limited_by_the_second),
		cmocka_unit_test(keys_are_bounded),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
