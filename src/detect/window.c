/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The windows as others see them: cells.c keeps the memory, times.c the
 * failures of one source.
 */
#include "detect/window.h"

#include "detect/cells.h"
#include "detect/times.h"

/* Cells window_sweep() looks at in one call, beside two for each source that is new. So it gets
   around however many come. */
#define SWEEP_CELLS 4096
/* Cells left free among restored ones, beside as many as there are. */
#define GAPS_MOST 4096

/* ---- making the table ---- */

/* A bucket a source, while that leaves most of the budget to cells. */
static unsigned bucket_bits(uint32_t sources, uint64_t bytes)
{
	unsigned bits = 4;
	while (bits < 31 && ((uint64_t)1 << bits) < sources &&
		((uint64_t)1 << (bits + 1)) * sizeof(uint32_t) <= bytes / 7)
		bits++;
	return bits;
}

struct window_table *window_table_new(uint32_t sources, uint64_t bytes)
{
	struct window_table *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	unsigned bits = bucket_bits(sources, bytes);
	uint64_t buckets = (uint64_t)1 << bits;
	uint64_t fixed = buckets * sizeof(*t->buckets);
	uint64_t cells =
		bytes > fixed ? (bytes - fixed) / (sizeof(*t->cells) + sizeof(*t->changed)) : 0;
	t->limit = (uint32_t)MIN_OF(cells, (uint64_t)UINT32_MAX - 1);
	t->sources = sources;
	t->shift = 64 - bits;
	hash_key_draw(&t->key);
	randombytes_buf(&t->random, sizeof(t->random));
	t->random |= 1;
	t->cells = calloc((size_t)t->limit + 1, sizeof(*t->cells));
	t->buckets = calloc(buckets, sizeof(*t->buckets));
	t->changed = calloc((size_t)t->limit + 1, sizeof(*t->changed));
	if (!t->cells || !t->buckets || !t->changed)
		return window_table_free(t);
	return t;
}

struct window_table *window_table_free(struct window_table *t)
{
	if (t) {
		free(t->cells);
		free(t->buckets);
		free(t->changed);
		free(t);
	}
	return NULL;
}

/* ---- adding failures ---- */

static struct cell *add(struct window_table *t, uint64_t hash, const struct packed_key *key,
	const int64_t *times, unsigned n, unsigned keep)
{
	uint32_t *bucket = cells_bucket(t, hash);
	struct cell *e = cells_find(t, *bucket, key);
	if (!e)
		e = cells_make(t, key, bucket);
	if (!e)
		return NULL;
	while (e->n > keep)
		times_drop(t, e, times_oldest(t, e));
	for (unsigned i = 0; i < n; i++)
		times_add(t, e, times[i], keep);
	return e;
}

struct window_place window_place(const struct window_table *t, const struct window_key *key)
{
	struct packed_key packed = cells_pack(key);
	struct window_place place = {.hash = cells_hash(t, &packed)};
	__builtin_prefetch(cells_bucket(t, place.hash));
	return place;
}

/* First to the bucket's first entry, then along the bucket. */
void window_approach(const struct window_table *t, struct window_place *place)
{
	place->number =
		place->number ? cell_at(t, place->number)->link : *cells_bucket(t, place->hash);
	if (place->number == 0)
		return;
	/* a cell may lie across two lines */
	const char *cell = (const char *)cell_at(t, place->number);
	__builtin_prefetch(cell, 1);
	__builtin_prefetch(cell + sizeof(struct cell) - 1, 1);
}

uint32_t window_add(struct window_table *t, const struct window_key *key, int64_t time, unsigned n,
	unsigned keep)
{
	struct window_place place = window_place(t, key);
	return window_add_at(t, &place, key, time, n, keep);
}

uint32_t window_add_at(struct window_table *t, const struct window_place *place,
	const struct window_key *key, int64_t time, unsigned n, unsigned keep)
{
	int64_t times[WINDOW_MOST];
	struct packed_key packed = cells_pack(key);
	keep = MAX_OF(1u, MIN_OF(keep, (unsigned)WINDOW_MOST));
	n = MIN_OF(n, keep);
	for (unsigned i = 0; i < n; i++)
		times[i] = time;
	struct cell *e = n > 0 ? add(t, place->hash, &packed, times, n, keep) : NULL;
	if (!e)
		return 0;
	cells_mark_dirty(t, e);
	return cell_number(t, e);
}

/* ---- questions ---- */

static struct cell *find(const struct window_table *t, const struct packed_key *key)
{
	return cells_find(t, *cells_bucket(t, cells_hash(t, key)), key);
}

uint32_t window_find(const struct window_table *t, const struct window_key *key)
{
	struct packed_key packed = cells_pack(key);
	const struct cell *e = find(t, &packed);
	return e && e->n > 0 ? cell_number(t, e) : 0;
}

unsigned window_count(const struct window_table *t, uint32_t handle, int64_t until, int64_t span,
	int64_t *ret_first)
{
	if (handle == 0)
		return 0;
	struct cell *e = cell_at(t, handle);
	int64_t latest = entry_latest(e), after, first = INT64_MAX;
	unsigned count = 0;
	if (__builtin_sub_overflow(until, span, &after))
		after = INT64_MIN;
	struct run run = run_first(e);
	do {
		for (unsigned i = 0; i < run.n; i++) {
			int64_t time = latest - entry_age(e, run.p[i]);
			if (time > after && time <= until) {
				count++;
				first = MIN_OF(first, time);
			}
		}
	} while (run_next(t, &run));
	if (count > 0 && ret_first)
		*ret_first = first;
	return count;
}

int64_t window_latest(const struct window_table *t, uint32_t handle)
{
	return entry_latest(cell_at(t, handle));
}

unsigned window_times(
	const struct window_table *t, uint32_t handle, int64_t ret[static WINDOW_MOST])
{
	return handle ? times_list(t, cell_at(t, handle), ret) : 0;
}

void window_get_stats(const struct window_table *t, struct window_stats *ret)
{
	uint64_t cells = t->used - t->free_count;
	*ret = (struct window_stats){.tracked = t->tracked,
		.evicted = t->evicted,
		.bytes = cells * (sizeof(*t->cells) + sizeof(*t->changed)) +
			 sizeof(*t->buckets) * ((uint64_t)1 << (64 - t->shift))};
}

/* ---- forgetting ---- */

uint32_t window_clear(struct window_table *t, const struct window_key *key)
{
	struct packed_key packed = cells_pack(key);
	struct cell *e = find(t, &packed);
	if (!e)
		return 0;
	cells_forget(t, e);
	return e->stored ? cell_number(t, e) : 0;
}

void window_sweep(struct window_table *t, int64_t before)
{
	uint64_t most = (uint64_t)SWEEP_CELLS + 2 * (uint64_t)t->made;
	t->made = 0;
	for (uint64_t i = MIN_OF((uint64_t)t->used, most); i > 0; i--) {
		if (t->swept >= t->used)
			t->swept = 0;
		struct cell *c = &t->cells[t->swept++];
		if (c->kind == CELL_ENTRY && entry_latest(c) < before)
			cells_forget(t, c);
	}
}

/* ---- the store's side ---- */

uint32_t window_rows(const struct window_table *t)
{
	return t->limit;
}

typedef int (*report_fn)(void *, uint32_t, const struct window_key *, const int64_t *, unsigned);

static bool is_current(const struct cell *c, int64_t oldest)
{
	return c->kind == CELL_ENTRY && entry_latest(c) >= oldest;
}

static int report_cell(
	const struct window_table *t, struct cell *c, int64_t oldest, report_fn fn, void *ctx)
{
	int64_t times[WINDOW_MOST];
	uint32_t row = cell_number(t, c);
	if (!is_current(c, oldest))
		return c->stored ? fn(ctx, row, NULL, NULL, 0) : 0;
	struct packed_key packed = cells_key_of(c);
	struct window_key key = cells_unpack(&packed);
	return fn(ctx, row, &key, times, times_list(t, c, times));
}

static int report(const struct window_table *t, int64_t oldest, report_fn fn, void *ctx)
{
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < t->changed_count; i++)
		r = report_cell(t, cell_at(t, t->changed[i]), oldest, fn, ctx);
	return r;
}

int window_dirty(struct window_table *t, int64_t oldest, report_fn fn, void *ctx)
{
	int r = report(t, oldest, fn, ctx);
	if (r != 0)
		return r;
	for (uint32_t i = 0; i < t->changed_count; i++) {
		struct cell *c = cell_at(t, t->changed[i]);
		c->listed = 0;
		c->stored = is_current(c, oldest);
		if (c->kind == CELL_ENTRY && !c->stored)
			cells_forget(t, c);
	}
	t->changed_count = 0;
	return 0;
}

/* The row is there, and shall be written again or go. */
static void mark_row(struct window_table *t, uint32_t row)
{
	if (row > t->limit)
		return;
	cell_at(t, row)->stored = 1;
	cells_mark_dirty(t, cell_at(t, row));
}

void window_restore(struct window_table *t, uint32_t row, const struct window_key *key,
	const int64_t *times, unsigned n)
{
	if (n > WINDOW_MOST) {
		times += n - WINDOW_MOST;
		n = WINDOW_MOST;
	}
	struct packed_key packed = cells_pack(key);
	uint64_t hash = cells_hash(t, &packed);
	bool known = cells_find(t, *cells_bucket(t, hash), &packed) != NULL;
	if (row <= t->limit && row > t->used && row - t->used <= t->entries + GAPS_MOST)
		cells_reach(t, row);
	struct cell *e = n > 0 && !known ? add(t, hash, &packed, times, n, WINDOW_MOST) : NULL;
	t->made = 0; /* or all that grew old meanwhile would have to be removed at once */
	if (e && cell_number(t, e) == row) {
		e->stored = 1;
		return;
	}
	mark_row(t, row);
	if (e)
		cells_mark_dirty(t, e);
}
