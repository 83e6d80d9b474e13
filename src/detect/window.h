/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sliding windows: the times of the last failures of each (host, service,
 * source), in a bounded table: 1,000,000 sources at up to 4 failures each in
 * 64 MiB; longer windows come from the same budget. When the budget is used up
 * the least suspicious source leaves (fewest failures, then longest silent; chosen among
 * a bounded sample) and a counter says so.
 */
#pragma once

#include "base/addr.h"
#include "model/service.h"

#include <stdint.h>

struct window_table;

struct window_key {
	uint32_t host;
	enum service service;
	struct prefix source;
};

struct window_stats {
	uint64_t tracked, evicted;
	uint64_t bytes; /* in use, the index included */
};

/* Most failures remembered of one source. */
#define WINDOW_MOST 1000
/* Failures this long (ms, 24.8 days) before a source's latest one may be forgotten. */
#define WINDOW_SPAN_MOST ((int64_t)1 << 31)

/* A source's place among the windows, and how near its memory has come. */
struct window_place {
	uint64_t hash;
	uint32_t number;
};

/* sources, bytes: limits; bytes covers everything. NULL: no memory. */
struct window_table *window_table_new(uint32_t sources, uint64_t bytes);
struct window_table *window_table_free(struct window_table *t);
/*
 * Adds n failures at `time` (ms). Remembers at most `keep` (<= WINDOW_MOST) of the
 * latest. Times may arrive out of order. Handle: valid until the next window_add();
 * never 0, or 0 when the table has no room for it at all.
 */
uint32_t window_add(struct window_table *t, const struct window_key *key, int64_t time, unsigned n,
	unsigned keep);
/*
 * The same in steps, for who has other things to do while memory comes: what one touches, the
 * one before asked for. Others may add and clear in between. A step left out costs time only.
 */
struct window_place window_place(const struct window_table *t, const struct window_key *key);
void window_approach(const struct window_table *t, struct window_place *place);
uint32_t window_add_at(struct window_table *t, const struct window_place *place,
	const struct window_key *key, int64_t time, unsigned n, unsigned keep);
/* The handle of a source that is already there; 0: nothing is known of it. */
uint32_t window_find(const struct window_table *t, const struct window_key *key);
/* Failures in (until - span, until]. *ret_first: the earliest of them. */
unsigned window_count(const struct window_table *t, uint32_t handle, int64_t until, int64_t span,
	int64_t *ret_first);
/* The latest failure of a handle that is not 0. */
int64_t window_latest(const struct window_table *t, uint32_t handle);
/* All failures, oldest first; returns how many. */
unsigned window_times(
	const struct window_table *t, uint32_t handle, int64_t ret[static WINDOW_MOST]);
/* Forgets the source: it was blocked, or unblocked by a person. The row that is wrong now, if
   it is stored at all; 0: none. */
uint32_t window_clear(struct window_table *t, const struct window_key *key);
/* Forgets every source whose latest failure is before `before`; bounded work a call. */
void window_sweep(struct window_table *t, int64_t before);
void window_get_stats(const struct window_table *t, struct window_stats *ret);

/*
 * For the store, which has a row a window: its number is where the window lies here, so that
 * new ones are written side by side however far apart their addresses are. fn gets every row
 * changed since the last call (n == 0: it is gone, key is NULL), times oldest first, and
 * they become clean. Windows whose latest failure is before `oldest` are reported as gone
 * instead. When fn returns non-zero that is returned and everything stays dirty. When
 * the transaction fails afterwards, the table is of no use: restore a new one from the store.
 */
int window_dirty(struct window_table *t, int64_t oldest,
	int (*fn)(void *ctx, uint32_t row, const struct window_key *key, const int64_t *times,
		unsigned n),
	void *ctx);
/*
 * Puts a stored window back; times oldest first. Rows must come in order, to an empty table. One
 * that cannot lie at its number is stored under another with the next report. The table had
 * more memory when it made those beyond window_rows(), and will not name them again.
 */
void window_restore(struct window_table *t, uint32_t row, const struct window_key *key,
	const int64_t *times, unsigned n);
uint32_t window_rows(const struct window_table *t);
