/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Judged some failures later or at once, everything comes out the same: who is told what in
 * which order, and what the windows remember.
 */
#include "detect/ahead.h"

#include "base/clock.h"
#include "base/util.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define EVENTS  20000u
#define SOURCES 30u

struct told {
	struct failure failure;
	bool decided;
	struct decision decision;
};

struct side {
	struct window_table *windows;
	struct protect *protect;
	struct detector *detector;
	struct ahead *ahead;
	struct told *outcomes;
	size_t n, decided;
	int fail_at; /* the outcome fn fails at; 0: none */
};

struct row {
	struct window_key key;
	unsigned n;
	int64_t times[16];
};

struct rows {
	struct row list[SOURCES * 2];
	size_t n;
};

static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*state >> 33) % below);
}

static int judged(void *ctx, const struct failure *f, const struct decision *decision)
{
	struct side *s = ctx;
	struct told *o = &s->outcomes[s->n++];
	o->failure = *f;
	o->decided = decision != NULL;
	o->decision = decision ? *decision : (struct decision){0};
	s->decided += o->decided;
	return s->fail_at && s->n == (size_t)s->fail_at ? -7 : 0;
}

static void open_side(struct side *s, unsigned depth)
{
	static const struct rule rules[] = {
		{.id = 2,
			.span = MS_MINUTE,
			.fail_count = 3,
			.forbidden = MS_HOUR,
			.services = SERVICE_BIT(SERVICE_MYSQL),
			.enabled = true},
		{.id = 1,
			.span = 5 * MS_MINUTE,
			.fail_count = 7,
			.forbidden = 6 * MS_HOUR,
			.services = SERVICE_BIT(SERVICE_SSH) | SERVICE_BIT(SERVICE_MYSQL),
			.enabled = true},
	};
	*s = (struct side){.windows = window_table_new(1000, 1u << 20), .protect = protect_new()};
	s->outcomes = calloc(EVENTS, sizeof(*s->outcomes));
	s->detector = detector_new(s->windows, s->protect);
	assert_int_equal(detector_set_rules(s->detector, rules, countof(rules)), 0);
	s->ahead = ahead_new(s->detector, depth, judged, s);
	assert_non_null(s->ahead);
	assert_non_null(s->outcomes);
}

static void close_side(struct side *s)
{
	s->ahead = ahead_free(s->ahead);
	s->detector = detector_free(s->detector);
	s->windows = window_table_free(s->windows);
	s->protect = protect_free(s->protect);
	free(s->outcomes);
}

/* Mostly failures, a few sources far more often than others, some out of order. */
static struct event draw_event(uint64_t *seed, int64_t *now)
{
	uint32_t source = draw(seed, 1 + draw(seed, SOURCES)), kind = draw(seed, 100);
	*now += draw(seed, 3 * MS_SECOND);
	return (struct event){
		.time = kind < 3 ? EVENT_NO_TIME
				 : *now + 800 - (draw(seed, 8) ? 800 : draw(seed, 2 * MS_MINUTE)),
		.src = addr_from_v4(kind < 6 ? 0x7f000001u : 0x0b000000u + source),
		.has_src = kind >= 10,
		.service = source % 3 == 0 ? SERVICE_MYSQL
			   : source == 1   ? SERVICE_VSFTPD
					   : SERVICE_SSH,
		.outcome = kind < 14 ? OUTCOME_SUCCESS : OUTCOME_FAILURE,
		.evidence = EVIDENCE_VERDICT,
		.repeat = (uint16_t)(1 + (draw(seed, 20) == 0 ? draw(seed, 4) : 0)),
	};
}

static int keep_row(
	void *ctx, uint32_t number, const struct window_key *key, const int64_t *times, unsigned n)
{
	struct rows *rows = ctx;
	assert_true(number > 0);
	struct row *row = &rows->list[rows->n++];
	assert_true(rows->n <= countof(rows->list) && n <= countof(row->times));
	row->key = *key;
	row->n = n;
	if (n)
		memcpy(row->times, times, n * sizeof(*times));
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct window_key *x = &((const struct row *)a)->key;
	const struct window_key *y = &((const struct row *)b)->key;
	int r = memcmp(&x->source.addr, &y->source.addr, sizeof(x->source.addr));
	return r != 0 ? r : (int)x->service - (int)y->service;
}

static void assert_same_key(const struct window_key *a, const struct window_key *b)
{
	assert_int_equal(a->host, b->host);
	assert_int_equal(a->service, b->service);
	assert_true(prefix_eq(&a->source, &b->source));
}

static void assert_same_decision(const struct decision *a, const struct decision *b)
{
	assert_int_equal(a->host, b->host);
	assert_true(prefix_eq(&a->target, &b->target));
	assert_true(addr_eq(&a->trigger, &b->trigger));
	assert_int_equal(a->service, b->service);
	assert_int_equal(a->rule, b->rule);
	assert_int_equal(a->forbidden, b->forbidden);
	assert_int_equal(a->attempts, b->attempts);
	assert_int_equal(a->first_attempt, b->first_attempt);
	assert_int_equal(a->latest_attempt, b->latest_attempt);
}

static struct rows rows_of(struct side *s)
{
	struct rows rows = {.n = 0};
	assert_int_equal(window_dirty(s->windows, INT64_MIN, keep_row, &rows), 0);
	qsort(rows.list, rows.n, sizeof(*rows.list), by_key);
	return rows;
}

static void assert_same_outcomes(const struct side *a, const struct side *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		const struct told *x = &a->outcomes[i], *y = &b->outcomes[i];
		assert_same_key(&x->failure.key, &y->failure.key);
		assert_true(addr_eq(&x->failure.src, &y->failure.src));
		assert_int_equal(x->failure.attempts, y->failure.attempts);
		assert_int_equal(x->failure.refused, y->failure.refused);
		assert_true(x->failure.time == y->failure.time);
		assert_true(x->failure.past == y->failure.past);
		assert_int_equal(x->decided, y->decided);
		assert_same_decision(&x->decision, &y->decision);
	}
}

static void later_is_the_same_as_at_once(void **state)
{
	(void)state;
	for (unsigned depth = 2; depth <= AHEAD_MOST; depth++) {
		struct side once, later;
		uint64_t seed = depth;
		int64_t now = 1700000000000;
		open_side(&once, 1);
		open_side(&later, depth);
		for (unsigned i = 0; i < EVENTS; i++) {
			struct event event = draw_event(&seed, &now);
			assert_int_equal(ahead_event(once.ahead, 1, &event, now), 0);
			assert_int_equal(ahead_event(later.ahead, 1, &event, now), 0);
			if (draw(&seed, 50) == 0) {
				assert_int_equal(ahead_flush(later.ahead), 0);
				assert_int_equal(once.n, later.n);
			}
		}
		assert_int_equal(ahead_flush(later.ahead), 0);
		assert_true(once.decided > 100);
		assert_same_outcomes(&once, &later);
		struct rows a = rows_of(&once), b = rows_of(&later);
		assert_in_range(a.n, 5, SOURCES * 2);
		assert_int_equal(a.n, b.n);
		for (size_t i = 0; i < a.n; i++) {
			assert_same_key(&a.list[i].key, &b.list[i].key);
			assert_int_equal(a.list[i].n, b.list[i].n);
			assert_memory_equal(
				a.list[i].times, b.list[i].times, sizeof(a.list[i].times));
		}
		struct detect_stats x, y;
		detector_get_stats(once.detector, &x);
		detector_get_stats(later.detector, &y);
		assert_memory_equal(&x, &y, sizeof(x));
		close_side(&once);
		close_side(&later);
	}
}

/* The two halves are what detector_event() does. */
static void at_once_is_one_event(void **state)
{
	(void)state;
	struct side s, plain;
	uint64_t seed = 5;
	int64_t now = 1700000000000;
	open_side(&s, 1);
	open_side(&plain, 1);
	for (unsigned i = 0; i < EVENTS; i++) {
		struct event event = draw_event(&seed, &now);
		struct verdict v;
		size_t before = s.n;
		assert_int_equal(ahead_event(s.ahead, 1, &event, now), 0);
		detector_event(plain.detector, 1, &event, now, &v);
		bool told = v.attempts > 0 && event.has_src;
		assert_int_equal(s.n - before, told);
		if (!told)
			continue;
		const struct told *o = &s.outcomes[before];
		assert_int_equal(o->failure.attempts, v.attempts);
		assert_true(prefix_eq(&o->failure.key.source, &v.source));
		assert_int_equal(o->failure.refused, v.refused);
		assert_int_equal(o->decided, v.decided);
		assert_same_decision(&o->decision, &v.decision);
	}
	close_side(&s);
	close_side(&plain);
}

/* What waits is judged all the same, and the first trouble is what is returned. */
static void trouble_stops_nothing(void **state)
{
	(void)state;
	struct side s;
	open_side(&s, AHEAD_MOST);
	s.fail_at = 2;
	struct event event = {.time = 1000,
		.src = addr_from_v4(0x0b000001u),
		.has_src = true,
		.service = SERVICE_SSH,
		.outcome = OUTCOME_FAILURE,
		.repeat = 1};
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(ahead_event(s.ahead, 1, &event, 1000), 0);
	assert_int_equal(s.n, 0);
	assert_int_equal(ahead_flush(s.ahead), -7);
	assert_int_equal(s.n, 5);
	assert_int_equal(ahead_flush(s.ahead), 0);
	assert_int_equal(s.n, 5);
	close_side(&s);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(later_is_the_same_as_at_once),
		cmocka_unit_test(at_once_is_one_event),
		cmocka_unit_test(trouble_stops_nothing),
	};
	return cmocka_run_group_tests_name("ahead", tests, NULL, NULL);
}
