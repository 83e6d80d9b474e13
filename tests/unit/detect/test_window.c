/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Windows against a naive model: a list of times a source, nothing clever.
 */
#include "detect/window.h"

#include "base/clock.h"
#include "base/util.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SOURCES 40
#define SPAN    (5 * MS_MINUTE)

static void tablep(struct window_table **t)
{
	*t = window_table_free(*t);
}

static uint32_t draw(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*state >> 33) % below);
}

static struct window_key key_of(uint32_t source)
{
	struct addr a = addr_from_v4(0xc0000200u + source);
	return (struct window_key){.host = 1 + source % 3,
		.service = source % 2 ? SERVICE_SSH : SERVICE_MYSQL,
		.source = {.addr = a, .len = 128}};
}

static uint32_t source_of(const struct window_key *key)
{
	return (uint32_t)key->source.addr.b[15];
}

/* ---- the model ---- */

struct model {
	int64_t times[SOURCES][WINDOW_MOST + 1];
	unsigned n[SOURCES];
};

static void model_add(struct model *m, uint32_t source, int64_t time, unsigned keep)
{
	int64_t *times = m->times[source];
	unsigned *n = &m->n[source], at = *n;
	while (at > 0 && times[at - 1] > time)
		at--;
	memmove(times + at + 1, times + at, (*n - at) * sizeof(*times));
	times[at] = time;
	++*n;
	if (*n > keep) {
		memmove(times, times + *n - keep, keep * sizeof(*times));
		*n = keep;
	}
}

static unsigned model_count(
	const struct model *m, uint32_t source, int64_t until, int64_t span, int64_t *ret_first)
{
	unsigned count = 0;
	for (unsigned i = m->n[source]; i-- > 0;) {
		int64_t time = m->times[source][i];
		if (time > until - span && time <= until) {
			*ret_first = time;
			count++;
		}
	}
	return count;
}

static void assert_same_times(
	const struct window_table *t, uint32_t handle, const struct model *m, uint32_t source)
{
	int64_t times[WINDOW_MOST];
	assert_int_equal(window_times(t, handle, times), m->n[source]);
	for (unsigned i = 0; i < m->n[source]; i++)
		assert_true(times[i] == m->times[source][i]);
	assert_true(window_latest(t, handle) == m->times[source][m->n[source] - 1]);
}

/* ---- rows, as a store keeps them ---- */

#define ROWS 1000

struct dump {
	struct model rows;     /* by source */
	uint32_t at[SOURCES];  /* the source's row; 0: none */
	uint32_t source[ROWS]; /* + 1; 0: no such row */
	unsigned calls, fail_at;
};

static void remove_row(struct dump *d, uint32_t row)
{
	uint32_t source = d->source[row];
	if (source && d->at[source - 1] == row)
		d->at[source - 1] = 0;
	d->source[row] = 0;
}

static int dump_row(
	void *ctx, uint32_t row, const struct window_key *key, const int64_t *times, unsigned n)
{
	struct dump *d = ctx;
	if (++d->calls == d->fail_at)
		return -5;
	assert_in_range(row, 1, ROWS - 1);
	remove_row(d, row);
	assert_int_equal(key == NULL, n == 0);
	if (n == 0)
		return 0;
	uint32_t source = source_of(key);
	assert_int_equal(key->host, key_of(source).host);
	assert_int_equal(key->service, key_of(source).service);
	d->at[source] = row;
	d->source[row] = source + 1;
	d->rows.n[source] = n;
	for (unsigned i = 0; i < n; i++)
		d->rows.times[source][i] = times[i];
	return 0;
}

static unsigned rows_of(const struct dump *d)
{
	unsigned n = 0;
	for (uint32_t row = 1; row < ROWS; row++)
		n += d->source[row] != 0;
	return n;
}

static void restore_rows(struct window_table *t, const struct dump *d)
{
	for (uint32_t row = 1; row < ROWS; row++) {
		uint32_t source = d->source[row] - 1;
		struct window_key key = key_of(source);
		if (d->source[row])
			window_restore(t, row, &key, d->rows.times[source], d->rows.n[source]);
	}
}

static void counts_equal_the_model(void **state)
{
	(void)state;
	static const unsigned keeps[] = {1, 3, 4, 5, 10, 15, 16, 100, 1000};
	for (size_t k = 0; k < countof(keeps); k++) {
		_cleanup_(tablep) struct window_table *t = window_table_new(1000, 4u << 20);
		_cleanup_(freep) struct model *m = calloc(1, sizeof(*m));
		uint64_t seed = 7 + k;
		int64_t now = -MS_DAY * 3;
		for (unsigned i = 0; i < 6000; i++) {
			uint32_t source = draw(&seed, SOURCES);
			now += draw(&seed, 20 * MS_SECOND);
			int64_t time = now - (draw(&seed, 4) ? 0 : draw(&seed, 2 * SPAN));
			unsigned n = 1 + draw(&seed, 3);
			for (unsigned j = 0; j < n; j++)
				model_add(m, source, time, keeps[k]);
			struct window_key key = key_of(source);
			uint32_t handle = window_add(t, &key, time, n, keeps[k]);
			int64_t first = 0, expected = 0, until = time + draw(&seed, SPAN);
			assert_int_not_equal(handle, 0);
			assert_int_equal(window_count(t, handle, until, SPAN, &first),
				model_count(m, source, until, SPAN, &expected));
			assert_true(first == expected);
			assert_same_times(t, handle, m, source);
		}
		struct window_stats stats;
		window_get_stats(t, &stats);
		assert_int_equal(stats.tracked, SOURCES);
		assert_int_equal(stats.evicted, 0);
	}
}

static void count_borders_are_exact(void **state)
{
	(void)state;
	_cleanup_(tablep) struct window_table *t = window_table_new(10, 1u << 20);
	struct window_key key = key_of(0);
	(void)window_add(t, &key, 1000, 1, 10);
	uint32_t handle = window_add(t, &key, 2000, 1, 10);
	int64_t first = -1;
	assert_int_equal(window_count(t, handle, 2000, 1000, &first), 1);
	assert_true(first == 2000);
	assert_int_equal(window_count(t, handle, 2000, 1001, &first), 2);
	assert_true(first == 1000);
	assert_int_equal(window_count(t, handle, 1999, 1000, &first), 1);
	assert_int_equal(window_count(t, handle, INT64_MIN, 1000, &first), 0);
	assert_int_equal(window_count(t, 0, 2000, 1000, &first), 0);
}

static void find_knows_who_is_there(void **state)
{
	(void)state;
	_cleanup_(tablep) struct window_table *t = window_table_new(10, 1u << 20);
	_cleanup_(freep) struct dump *d = calloc(1, sizeof(*d));
	struct window_key a = key_of(1), b = key_of(2);
	int64_t first;
	(void)window_add(t, &a, 1000, 3, 10);
	assert_int_equal(window_find(t, &b), 0);
	assert_int_equal(window_count(t, window_find(t, &a), 1000, SPAN, &first), 3);
	/* what the store still has is gone all the same */
	assert_int_equal(window_dirty(t, 0, dump_row, d), 0);
	window_clear(t, &a);
	assert_int_equal(window_find(t, &a), 0);
}

static void far_times_do_not_alias(void **state)
{
	(void)state;
	_cleanup_(tablep) struct window_table *t = window_table_new(10, 1u << 20);
	struct window_key key = key_of(0);
	const int64_t wrap = (int64_t)1 << 32;
	int64_t first, time = 1700000000000;
	for (int i = 0; i < 10; i++, time += wrap) {
		uint32_t handle = window_add(t, &key, time, 5, 100);
		assert_int_equal(window_count(t, handle, time, SPAN, &first), 5);
		assert_int_equal(window_count(t, handle, time, WINDOW_SPAN_MOST, &first), 5);
	}
	time -= wrap;
	/* the past before what is kept is not taken in */
	uint32_t handle = window_add(t, &key, time - wrap, 1, 100);
	assert_int_equal(window_count(t, handle, time, INT64_MAX, &first), 5);
	handle = window_add(t, &key, INT64_MAX, 1, 100);
	assert_true(window_latest(t, handle) == INT64_MAX);
	handle = window_add(t, &key, INT64_MIN + 1, 1, 100);
	assert_int_equal(window_count(t, handle, INT64_MAX, 1000, &first), 1);
}

static void slow_steps_across_wraps_keep_the_span(void **state)
{
	(void)state;
	_cleanup_(tablep) struct window_table *t = window_table_new(10, 1u << 20);
	struct window_key key = key_of(0);
	const int64_t step = WINDOW_SPAN_MOST / 7;
	int64_t first, time = 0;
	for (int i = 0; i < 100; i++, time += step) {
		uint32_t handle = window_add(t, &key, time, 1, 1000);
		unsigned expected = MIN_OF((unsigned)i + 1, 8u);
		assert_int_equal(
			window_count(t, handle, time, 7 * step + 1, &first), MIN_OF(expected, 8u));
	}
}

/* ---- limits ---- */

static void million_sources_fit(void **state)
{
	(void)state;
	_cleanup_(tablep) struct window_table *t = window_table_new(1000000, 64u << 20);
	for (int round = 0; round < 4; round++)
		for (uint32_t i = 0; i < 1000000; i++) {
			struct addr a = addr_from_v4(i * 2654435761u);
			struct window_key key = {1, SERVICE_SSH, {.addr = a, .len = 128}};
			(void)window_add(t, &key, 1000 * (int64_t)round + i % 7, 1, 4);
		}
	struct window_stats stats;
	window_get_stats(t, &stats);
	assert_int_equal(stats.tracked, 1000000);
	assert_int_equal(stats.evicted, 0);
	assert_true(stats.bytes <= 64u << 20);
	int64_t first;
	for (uint32_t i = 0; i < 1000000; i += 1009) {
		struct addr a = addr_from_v4(i * 2654435761u);
		struct window_key key = {1, SERVICE_SSH, {.addr = a, .len = 128}};
		uint32_t handle = window_add(t, &key, 5000, 1, 4);
		assert_int_equal(window_count(t, handle, 5000, SPAN, &first), 4);
	}
}

static void budget_holds_and_attackers_stay(void **state)
{
	(void)state;
	const uint64_t budget = 256 << 10;
	_cleanup_(tablep) struct window_table *t = window_table_new(1000000, budget);
	struct window_key attacker = key_of(1);
	(void)window_add(t, &attacker, 1000, 9, 10);
	struct window_stats stats;
	for (uint32_t i = 0; i < 100000; i++) {
		struct addr a = addr_from_v4(0x0a000000u + i);
		struct window_key key = {1, SERVICE_SSH, {.addr = a, .len = 128}};
		assert_int_not_equal(window_add(t, &key, 2000 + i, 1, 10), 0);
		window_get_stats(t, &stats);
		assert_true(stats.bytes <= budget);
	}
	assert_true(stats.evicted > 90000);
	int64_t first;
	uint32_t handle = window_add(t, &attacker, 3000, 1, 10);
	assert_int_equal(window_count(t, handle, 3000, SPAN, &first), 10);
}

static void sources_are_limited_too(void **state)
{
	(void)state;
	_cleanup_(tablep) struct window_table *t = window_table_new(5, 1u << 20);
	for (uint32_t i = 0; i < SOURCES; i++) {
		struct window_key key = key_of(i);
		assert_int_not_equal(window_add(t, &key, i, 1, 10), 0);
	}
	struct window_stats stats;
	window_get_stats(t, &stats);
	assert_int_equal(stats.tracked, 5);
	assert_int_equal(stats.evicted, SOURCES - 5);
	_cleanup_(tablep) struct window_table *none = window_table_new(0, 1u << 20);
	struct window_key key = key_of(0);
	assert_int_equal(window_add(none, &key, 1, 1, 10), 0);
	_cleanup_(tablep) struct window_table *tiny = window_table_new(10, 10);
	assert_int_equal(window_add(tiny, &key, 1, 1, 10), 0);
}

static void one_source_may_use_all_cells(void **state)
{
	(void)state;
	/* too little for 1000 failures: the latest ones stay */
	_cleanup_(tablep) struct window_table *t = window_table_new(100, 1000);
	struct window_key key = key_of(0);
	uint32_t handle = 0;
	for (int64_t time = 1; time <= 500; time++)
		handle = window_add(t, &key, time, 1, 1000);
	int64_t times[WINDOW_MOST];
	unsigned n = window_times(t, handle, times);
	assert_in_range(n, 4, 499);
	for (unsigned i = 0; i < n; i++)
		assert_true(times[i] == 500 - (int64_t)n + 1 + i);
}

static void sweep_forgets_the_silent(void **state)
{
	(void)state;
	_cleanup_(tablep) struct window_table *t = window_table_new(20000, 4u << 20);
	struct window_stats stats;
	for (uint32_t i = 0; i < 10000; i++) {
		struct addr a = addr_from_v4(i);
		struct window_key key = {1, SERVICE_SSH, {.addr = a, .len = 128}};
		(void)window_add(t, &key, i, 1, 10);
	}
	window_sweep(t, 5000);
	window_get_stats(t, &stats);
	assert_true(stats.tracked >= 5000 && stats.tracked < 10000); /* bounded work */
	window_sweep(t, 5000);
	window_sweep(t, 5000);
	window_get_stats(t, &stats);
	assert_int_equal(stats.tracked, 5000);
	assert_int_equal(stats.evicted, 0);
}

/* However many new ones come between two sweeps, it gets around. */
static void sweep_keeps_up_with_new_sources(void **state)
{
	(void)state;
	_cleanup_(tablep) struct window_table *t = window_table_new(1000000, 64u << 20);
	struct window_stats stats;
	for (uint32_t i = 0; i < 400000; i++) {
		struct addr a = addr_from_v4(i);
		struct window_key key = {1, SERVICE_SSH, {.addr = a, .len = 128}};
		(void)window_add(t, &key, i, 1, 10);
		if (i % 8000 == 0)
			window_sweep(t, (int64_t)i - 20000);
	}
	window_get_stats(t, &stats);
	assert_in_range(stats.tracked, 20000, 60000);
}

/* What is there from before a restart may be old, all of it: a piece a sweep all the same. */
static void sweep_takes_its_time_with_restored_ones(void **state)
{
	(void)state;
	_cleanup_(tablep) struct window_table *t = window_table_new(100000, 16u << 20);
	const int64_t time = 1000;
	for (uint32_t i = 0; i < 50000; i++) {
		struct addr a = addr_from_v4(i);
		struct window_key key = {1, SERVICE_SSH, {.addr = a, .len = 128}};
		window_restore(t, i + 1, &key, &time, 1);
	}
	struct window_stats stats;
	window_sweep(t, 2000);
	window_get_stats(t, &stats);
	assert_in_range(stats.tracked, 40000, 49999);
}

/* ---- the store's side ---- */

/* A table made from the rows knows what the table that wrote them knows, and so do the rows once
   it has been reported. */
static void assert_restores(struct window_table *t, struct dump *d)
{
	_cleanup_(tablep) struct window_table *copy = window_table_new(1000, 4u << 20);
	unsigned rows = rows_of(d);
	restore_rows(copy, d);
	assert_int_equal(window_dirty(copy, INT64_MIN, dump_row, d), 0);
	assert_int_equal(rows_of(d), rows);
	struct window_stats a, b;
	window_get_stats(t, &a);
	window_get_stats(copy, &b);
	assert_int_equal(a.tracked, b.tracked);
	for (uint32_t i = 0; i < SOURCES; i++) {
		if (!d->at[i])
			continue;
		struct window_key key = key_of(i);
		assert_same_times(copy, window_find(copy, &key), &d->rows, i);
		int64_t time = d->rows.times[i][d->rows.n[i] - 1], before[WINDOW_MOST],
			after[WINDOW_MOST];
		unsigned n = window_times(t, window_add(t, &key, time, 1, 1000), before);
		assert_int_equal(
			window_times(copy, window_add(copy, &key, time, 1, 1000), after), n);
		assert_memory_equal(before, after, n * sizeof(*before));
	}
}

static void rows_follow_every_change(void **state)
{
	(void)state;
	_cleanup_(tablep) struct window_table *t = window_table_new(30, 4u << 20);
	_cleanup_(freep) struct dump *d = calloc(1, sizeof(*d));
	uint64_t seed = 99;
	int64_t now = 0;
	for (unsigned i = 0; i < 5000; i++) {
		struct window_key key = key_of(draw(&seed, SOURCES));
		now += 100;
		switch (draw(&seed, 12)) {
		case 0:
			window_clear(t, &key);
			break;
		case 1:
			window_sweep(t, now - MS_MINUTE);
			break;
		case 2:
			assert_int_equal(window_dirty(t, INT64_MIN, dump_row, d), 0);
			break;
		default:
			(void)window_add(t, &key, now, 1 + draw(&seed, 8), 100);
		}
	}
	assert_int_equal(window_dirty(t, INT64_MIN, dump_row, d), 0);
	struct window_stats stats;
	window_get_stats(t, &stats);
	assert_true(stats.evicted > 0);
	assert_int_equal(rows_of(d), stats.tracked);
	assert_restores(t, d);
}

static void only_changes_are_reported(void **state)
{
	(void)state;
	_cleanup_(tablep) struct window_table *t = window_table_new(100, 1u << 20);
	_cleanup_(freep) struct dump *d = calloc(1, sizeof(*d));
	for (uint32_t i = 0; i < SOURCES; i++) {
		struct window_key key = key_of(i);
		(void)window_add(t, &key, 1000 + i, 1, 10);
	}
	assert_int_equal(window_dirty(t, 0, dump_row, d), 0);
	assert_int_equal(d->calls, SOURCES);
	struct window_key key = key_of(3);
	(void)window_add(t, &key, 5000, 1, 10);
	(void)window_add(t, &key, 5001, 1, 10);
	assert_int_equal(window_dirty(t, 0, dump_row, d), 0);
	assert_int_equal(d->calls, SOURCES + 1);
	assert_int_equal(d->rows.n[3], 3);
	/* never stored, already gone: nothing to say */
	struct window_key other = key_of(SOURCES - 1);
	window_clear(t, &other);
	(void)window_add(t, &other, 6000, 2, 10);
	assert_int_equal(window_dirty(t, 0, dump_row, d), 0);
	assert_int_equal(d->rows.n[SOURCES - 1], 2);
}

static void what_left_the_span_is_gone(void **state)
{
	(void)state;
	_cleanup_(tablep) struct window_table *t = window_table_new(100, 1u << 20);
	_cleanup_(freep) struct dump *d = calloc(1, sizeof(*d));
	struct window_key a = key_of(1), b = key_of(2);
	(void)window_add(t, &a, 1000, 1, 10);
	(void)window_add(t, &b, 9000, 1, 10);
	assert_int_equal(window_dirty(t, 0, dump_row, d), 0);
	(void)window_add(t, &a, 1001, 1, 10);
	assert_int_equal(window_dirty(t, 5000, dump_row, d), 0);
	assert_false(d->at[1]);
	assert_true(d->at[2]);
	/* said once, not again */
	unsigned calls = d->calls;
	window_clear(t, &a);
	assert_int_equal(window_dirty(t, 5000, dump_row, d), 0);
	assert_int_equal(d->calls, calls);
	window_sweep(t, 10000);
	assert_int_equal(window_dirty(t, 5000, dump_row, d), 0);
	assert_false(d->at[2]);
	/* and its memory is free for others */
	window_sweep(t, 10000);
	_cleanup_(tablep) struct window_table *unused = window_table_new(100, 1u << 20);
	struct window_stats stats, none;
	window_get_stats(unused, &none);
	window_get_stats(t, &stats);
	assert_int_equal(stats.tracked, 0);
	assert_int_equal(stats.bytes, none.bytes);
}

static void failed_report_stays_dirty(void **state)
{
	(void)state;
	_cleanup_(tablep) struct window_table *t = window_table_new(100, 1u << 20);
	_cleanup_(freep) struct dump *d = calloc(1, sizeof(*d));
	for (uint32_t i = 0; i < 5; i++) {
		struct window_key key = key_of(i);
		(void)window_add(t, &key, 1000, 1, 10);
	}
	d->fail_at = 3;
	assert_int_equal(window_dirty(t, 0, dump_row, d), -5);
	*d = (struct dump){0};
	assert_int_equal(window_dirty(t, 0, dump_row, d), 0);
	assert_int_equal(d->calls, 5);
	*d = (struct dump){0};
	assert_int_equal(window_dirty(t, 0, dump_row, d), 0);
	assert_int_equal(d->calls, 0);
}

/* ---- rows that do not lie where a table would put them ---- */

static void restored_rows_stay_where_they_are(void **state)
{
	(void)state;
	_cleanup_(tablep) struct window_table *t = window_table_new(100, 1u << 20);
	_cleanup_(freep) struct dump *d = calloc(1, sizeof(*d));
	static const uint32_t rows[] = {3, 4, 90, 500};
	for (uint32_t i = 0; i < countof(rows); i++) {
		struct window_key key = key_of(i);
		int64_t times[4] = {1000, 1000, 2000, 3000 + i};
		assert_int_equal(dump_row(d, rows[i], &key, times, 4), 0);
	}
	restore_rows(t, d);
	d->calls = 0;
	assert_int_equal(window_dirty(t, 0, dump_row, d), 0);
	assert_int_equal(d->calls, 0); /* what was restored is clean */
	/* new ones fill the gaps and leave the old ones alone */
	for (uint32_t i = countof(rows); i < SOURCES; i++) {
		struct window_key key = key_of(i);
		(void)window_add(t, &key, 4000, 1, 10);
	}
	assert_int_equal(window_dirty(t, 0, dump_row, d), 0);
	assert_int_equal(rows_of(d), SOURCES);
	for (uint32_t i = 0; i < countof(rows); i++)
		assert_int_equal(d->at[i], rows[i]);
	assert_restores(t, d);
}

static void misplaced_rows_move(void **state)
{
	(void)state;
	/* too small for most numbers */
	_cleanup_(tablep) struct window_table *t = window_table_new(100, 4096);
	_cleanup_(freep) struct dump *d = calloc(1, sizeof(*d));
	for (uint32_t i = 0; i < 8; i++) {
		struct window_key key = key_of(i);
		int64_t times[4] = {1000, 1000, 2000, 3000 + i};
		assert_int_equal(dump_row(d, 1 + 140 * i, &key, times, 4), 0);
	}
	restore_rows(t, d);
	assert_int_equal(window_dirty(t, 0, dump_row, d), 0);
	assert_in_range(window_rows(t), 9, 100);
	for (uint32_t row = window_rows(t) + 1; row < ROWS; row++)
		remove_row(d, row);
	assert_int_equal(rows_of(d), 8);
	for (uint32_t i = 0; i < 8; i++)
		assert_in_range(d->at[i], 1, window_rows(t));
	d->calls = 0;
	assert_int_equal(window_dirty(t, 0, dump_row, d), 0);
	assert_int_equal(d->calls, 0);
	/* a source that was stored twice has one row again */
	struct window_key key = key_of(3);
	int64_t time = 5000;
	window_restore(t, 60, &key, &time, 1);
	d->source[60] = 4;
	assert_int_equal(window_dirty(t, 0, dump_row, d), 0);
	assert_int_equal(rows_of(d), 8);
	assert_same_times(t, window_find(t, &key), &d->rows, 3);
}

static int count_gone(
	void *ctx, uint32_t row, const struct window_key *key, const int64_t *times, unsigned n)
{
	(void)key, (void)times;
	if (n == 0)
		*(unsigned *)ctx += row;
	else
		assert_int_equal(row, 1);
	return 0;
}

/* One row far away must not make the table touch all that lies before it. */
static void far_rows_cost_no_memory(void **state)
{
	(void)state;
	_cleanup_(tablep) struct window_table *t = window_table_new(1000000, 64u << 20);
	struct window_key key = key_of(1);
	int64_t times[] = {1000, 2000};
	window_restore(t, 900000, &key, times, 2);
	(void)window_add(t, &key, 3000, 1, 10);
	unsigned gone = 0;
	assert_int_equal(window_dirty(t, 0, count_gone, &gone), 0);
	assert_int_equal(gone, 900000);
	int64_t first;
	assert_int_equal(window_count(t, window_find(t, &key), 3000, SPAN, &first), 3);
}

int main(void)
{
	cmocka_set_message_output(CM_OUTPUT_TAP);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_equal_the_model),
		cmocka_unit_test(count_borders_are_exact),
		cmocka_unit_test(find_knows_who_is_there),
		cmocka_unit_test(far_times_do_not_alias),
		cmocka_unit_test(slow_steps_across_wraps_keep_the_span),
		cmocka_unit_test(million_sources_fit),
		cmocka_unit_test(budget_holds_and_attackers_stay),
		cmocka_unit_test(sources_are_limited_too),
		cmocka_unit_test(one_source_may_use_all_cells),
		cmocka_unit_test(sweep_forgets_the_silent),
		cmocka_unit_test(sweep_keeps_up_with_new_sources),
		cmocka_unit_test(sweep_takes_its_time_with_restored_ones),
		cmocka_unit_test(rows_follow_every_change),
		cmocka_unit_test(only_changes_are_reported),
		cmocka_unit_test(what_left_the_span_is_gone),
		cmocka_unit_test(failed_report_stays_dirty),
		cmocka_unit_test(restored_rows_stay_where_they_are),
		cmocka_unit_test(misplaced_rows_move),
		cmocka_unit_test(far_rows_cost_no_memory),
	};
	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
