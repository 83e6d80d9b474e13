/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A failure is the low 32 bits of its ms. low[0] of an entry is the latest one
 * and comes with the high bits; every other lies less than 2^32 ms before it.
 * That holds because all are looked at whenever the latest passes a multiple
 * of 2^31, and what then lies 2^31 or more before it is dropped. Apart from
 * low[0] they have no order: out of order costs nothing.
 */
#include "detect/times.h"

static void set_latest(struct cell *e, int64_t time)
{
	e->high = (int32_t)(time >> 32);
	e->low[0] = (uint32_t)time;
}

uint32_t *times_oldest(const struct window_table *t, struct cell *e)
{
	uint32_t *oldest = NULL;
	struct run run = run_first(e);
	do {
		for (unsigned i = run.p == e->low; i < run.n; i++)
			if (!oldest || entry_age(e, run.p[i]) > entry_age(e, *oldest))
				oldest = &run.p[i];
	} while (run_next(t, &run));
	return oldest;
}

/* Room for one more failure; NULL when there is none. */
static uint32_t *grow(struct window_table *t, struct cell *e)
{
	if (e->n < INLINE_TIMES)
		return &e->low[e->n++];
	struct cell *chunk = e->more ? cell_at(t, e->more) : NULL;
	if (!chunk || chunk->n == CHUNK_TIMES) {
		chunk = cells_take(t, CELL_CHUNK, e);
		if (!chunk)
			return NULL;
		chunk->n = 0;
		chunk->link = e->more;
		e->more = cell_number(t, chunk);
	}
	e->n++;
	return &chunk->chunk[chunk->n++];
}

void times_drop(struct window_table *t, struct cell *e, uint32_t *at)
{
	if (e->more == 0) {
		*at = e->low[--e->n];
		return;
	}
	struct cell *chunk = cell_at(t, e->more);
	*at = chunk->chunk[--chunk->n];
	e->n--;
	if (chunk->n == 0) {
		e->more = chunk->link;
		cells_release(t, chunk);
	}
}

/* Adds a failure that is not the latest one. */
static void push(struct window_table *t, struct cell *e, uint32_t low, unsigned keep)
{
	uint32_t *at = e->n < keep ? grow(t, e) : NULL;
	if (at) {
		*at = low;
		return;
	}
	at = times_oldest(t, e);
	if (at && entry_age(e, *at) > entry_age(e, low))
		*at = low;
}

/* Before the latest failure moves to `time`: drops what would be too far from it. */
static void drop_ancient(struct window_table *t, struct cell *e, int64_t time)
{
	int64_t latest = entry_latest(e), ahead;
	if (latest >> 31 == time >> 31)
		return;
	if (__builtin_sub_overflow(time, latest, &ahead) || ahead >= WINDOW_SPAN_MOST) {
		cells_release_chunks(t, e);
		e->n = 1;
		return;
	}
	for (uint32_t *at;
		(at = times_oldest(t, e)) && entry_age(e, *at) + ahead >= WINDOW_SPAN_MOST;)
		times_drop(t, e, at);
}

void times_add(struct window_table *t, struct cell *e, int64_t time, unsigned keep)
{
	int64_t age;
	if (e->n == 0) {
		set_latest(e, time);
		e->n = 1;
		t->tracked++;
		return;
	}
	if (time < entry_latest(e)) {
		if (!__builtin_sub_overflow(entry_latest(e), time, &age) && age < WINDOW_SPAN_MOST)
			push(t, e, (uint32_t)time, keep);
		return;
	}
	drop_ancient(t, e, time);
	bool too_far =
		__builtin_sub_overflow(time, entry_latest(e), &age) || age >= WINDOW_SPAN_MOST;
	uint32_t before = e->low[0];
	set_latest(e, time);
	if (!too_far)
		push(t, e, before, keep);
}

static int compare_times(const void *a, const void *b)
{
	int64_t x, y;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

unsigned times_list(const struct window_table *t, struct cell *e, int64_t ret[static WINDOW_MOST])
{
	unsigned n = 0;
	struct run run = run_first(e);
	do {
		for (unsigned i = 0; i < run.n && n < WINDOW_MOST; i++)
			ret[n++] = entry_latest(e) - entry_age(e, run.p[i]);
	} while (run_next(t, &run));
	qsort(ret, n, sizeof(*ret), compare_times);
	return n;
}
