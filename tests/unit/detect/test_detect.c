/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What holds for every event; single stories are in tests/cases/detect.
 */
#include "base/clock.h"
#include "base/util.h"
#include "detect/detect.h"
#include "model/session.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct bench {
	struct window_table *windows;
	struct protect *protect;
	struct detector *detector;
};

static void bench_done(struct bench *b)
{
	b->detector = detector_free(b->detector);
	b->protect = protect_free(b->protect);
	b->windows = window_table_free(b->windows);
}

static struct bench bench_new(const struct rule *rules, unsigned n)
{
	struct bench b = {.windows = window_table_new(10000, 4u << 20), .protect = protect_new()};
	b.detector = detector_new(b.windows, b.protect);
	assert_int_equal(detector_set_rules(b.detector, rules, n), 0);
	return b;
}

static struct rule rule_of(int64_t id, uint32_t fail_count, int64_t span)
{
	return (struct rule){.id = id,
		.fail_count = fail_count,
		.span = span,
		.forbidden = MS_HOUR,
		.services = SERVICE_ALL,
		.enabled = true};
}

static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*state >> 33) % below);
}

static struct addr random_address(uint64_t *state)
{
	struct addr a = {.b = {0x20, 0x01, 0x0d, 0xb8}};
	if (draw(state, 2))
		return addr_from_v4(0xc0000200u + draw(state, 32));
	if (draw(state, 4) == 0)
		a.b[1] = 0x02;
	a.b[5] = (uint8_t)draw(state, 3);
	a.b[7] = (uint8_t)draw(state, 3);
	a.b[15] = (uint8_t)draw(state, 4);
	return a;
}

static void allowed_is_never_decided(void **state)
{
	(void)state;
	uint64_t seed = 31337;
	unsigned decisions = 0, refusals = 0;
	struct rule rule = rule_of(1, 3, 5 * MS_MINUTE);
	for (unsigned round = 0; round < 50; round++) {
		_cleanup_(bench_done) struct bench b = bench_new(&rule, 1);
		struct prefix allow[12];
		for (size_t i = 0; i < countof(allow); i++) {
			struct addr a = random_address(&seed);
			allow[i] = prefix_of(&a, 128 - draw(&seed, addr_is_v4(&a) ? 4 : 70));
		}
		assert_int_equal(protect_set(b.protect, PROTECT_ALLOWED, allow, countof(allow)), 0);
		for (int64_t t = 0; t < 1000; t++) {
			struct event e = {.time = t * 100,
				.src = random_address(&seed),
				.has_src = true,
				.service = SERVICE_SSH,
				.outcome = OUTCOME_FAILURE,
				.evidence = EVIDENCE_VERDICT,
				.repeat = 1};
			struct verdict v;
			detector_event(b.detector, 1, &e, e.time, &v);
			assert_int_equal(v.attempts, 1);
			decisions += v.decided;
			refusals += v.refused != PROTECT_NONE;
			for (size_t i = 0; i < countof(allow); i++) {
				if (prefix_has(&allow[i], &e.src))
					assert_int_equal(v.refused, PROTECT_ALLOWED);
				if (v.decided)
					assert_false(
						prefix_overlaps(&allow[i], &v.decision.target));
			}
		}
	}
	assert_in_range(decisions, 1000, 50000);
	assert_in_range(refusals, 1000, 50000);
}

/* The rule in its plainest words: does some stretch of span hold that many? */
static bool stretch_exists(const int64_t *times, unsigned n, int64_t span, unsigned fail_count)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned in = 0;
		for (unsigned j = 0; j < n; j++)
			in += times[j] <= times[i] && times[j] > times[i] - span;
		if (in >= fail_count)
			return true;
	}
	return false;
}

static int compare_times(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* What a window remembers: no more than could decide. */
static unsigned keep_latest(int64_t *times, unsigned n, unsigned keep)
{
	qsort(times, n, sizeof(*times), compare_times);
	if (n <= keep)
		return n;
	memmove(times, times + n - keep, keep * sizeof(*times));
	return keep;
}

static void decides_exactly_when_a_stretch_fills(void **state)
{
	(void)state;
	uint64_t seed = 5;
	unsigned decisions = 0;
	for (unsigned round = 0; round < 400; round++) {
		const unsigned count = 2 + draw(&seed, 6);
		const int64_t span = 1000;
		struct rule rule = rule_of(1, count, span);
		_cleanup_(bench_done) struct bench b = bench_new(&rule, 1);
		int64_t times[400], now = 0;
		unsigned n = 0;
		for (unsigned i = 0; i < 100; i++) {
			now += draw(&seed, 500);
			int64_t late = draw(&seed, 3) ? 0 : draw(&seed, 300);
			struct event e = {.time = now - late,
				.src = addr_from_v4(0xc0000201u),
				.has_src = true,
				.service = SERVICE_SSH,
				.outcome = OUTCOME_FAILURE,
				.repeat = (uint16_t)(1 + draw(&seed, 2))};
			for (unsigned j = 0; j < e.repeat; j++)
				times[n++] = e.time;
			n = keep_latest(times, n, count - 1 + e.repeat);
			struct verdict v;
			detector_event(b.detector, 1, &e, now, &v);
			assert_int_equal(v.decided, stretch_exists(times, n, span, count));
			if (!v.decided)
				continue;
			assert_true(v.decision.attempts >= count);
			assert_true(v.decision.latest_attempt - v.decision.first_attempt < span);
			assert_true(v.decision.latest_attempt >= e.time);
			decisions++;
			n = 0;
		}
	}
	assert_true(decisions > 500);
}

static void bad_rules_change_nothing(void **state)
{
	(void)state;
	struct rule good = rule_of(7, 2, 5000);
	_cleanup_(bench_done) struct bench b = bench_new(&good, 1);
	const struct rule bad[] = {rule_of(1, 0, 1000), rule_of(1, WINDOW_MOST + 1, 1000),
		rule_of(1, 5, 0), rule_of(1, 5, WINDOW_SPAN_MOST + 1)};
	for (size_t i = 0; i < countof(bad); i++)
		assert_int_equal(detector_set_rules(b.detector, &bad[i], 1), -EINVAL);
	assert_true(detector_span(b.detector) == 5000);
	struct event e = {.time = 1,
		.src = addr_from_v4(0xc0000201u),
		.has_src = true,
		.service = SERVICE_SSH,
		.outcome = OUTCOME_FAILURE,
		.repeat = 2};
	struct verdict v;
	detector_event(b.detector, 1, &e, 1, &v);
	assert_true(v.decided && v.decision.rule == 7);
	assert_int_equal(detector_set_rules(b.detector, NULL, 0), 0);
	detector_event(b.detector, 1, &e, 1, &v);
	assert_false(v.decided);
	assert_true(detector_span(b.detector) == 0);
}

static void long_sessions_never_stop_counting(void **state)
{
	(void)state;
	struct rule rule = rule_of(1, 1000, MS_HOUR);
	_cleanup_(bench_done) struct bench b = bench_new(&rule, 1);
	struct session s = {0};
	unsigned attempts = 0;
	for (int64_t i = 0; i < 3000; i++) {
		/* two lines an attempt, of two kinds */
		struct event e = {.time = i,
			.src = addr_from_v4(0xc0000201u),
			.has_src = true,
			.service = SERVICE_SSH,
			.outcome = OUTCOME_FAILURE,
			.evidence = i % 2 ? EVIDENCE_PAM : EVIDENCE_VERDICT,
			.repeat = 1,
			.session = &s};
		struct verdict v;
		detector_event(b.detector, 1, &e, i, &v);
		attempts += v.attempts;
		assert_int_equal(v.decided, attempts == 1000 && i % 2 == 0);
		assert_int_equal(v.attempts, i % 2 == 0);
	}
	assert_int_equal(attempts, 1500);
	struct event e = {.time = 4000,
		.outcome = OUTCOME_FAILURE,
		.service = SERVICE_SSH,
		.evidence = EVIDENCE_VERDICT,
		.has_src = true,
		.src = addr_from_v4(0xc0000201u),
		.repeat = UINT16_MAX,
		.session = &s};
	struct verdict v;
	detector_event(b.detector, 1, &e, 4000, &v);
	assert_int_equal(v.attempts, UINT16_MAX);
	assert_true(v.decided);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allowed_is_never_decided),
		cmocka_unit_test(decides_exactly_when_a_stretch_fills),
		cmocka_unit_test(bad_rules_change_nothing),
		cmocka_unit_test(long_sessions_never_stop_counting),
	};
	return cmocka_run_group_tests_name("detect", tests, NULL, NULL);
}
