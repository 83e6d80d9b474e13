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
#include "base/buf.h"
#include "model/service.h"

#include <stdint.h>

struct window_table;

struct window_key {
	uint32_t host;
	enum service service;
	struct prefix source;
};

struct window_stats {
	uint64_t tracked, evicted, bytes;
};

/* sources, bytes: limits. keep: most failures remembered of one source (<= 1000). */
struct window_table *window_table_new(uint32_t sources, uint64_t bytes);
struct window_table *window_table_free(struct window_table *t);
/*
 * Adds n failures at `time` (ms). Remembers at most `keep` of the latest. Times
 * may arrive out of order. Handle: valid until the next window_add(); never 0,
 * or 0 when the table has no room for it at all.
 */
uint32_t window_add(struct window_table *t, const struct window_key *key, int64_t time, unsigned n,
	unsigned keep);
/* Failures in (until - span, until]. *ret_first: the earliest of them. */
unsigned window_count(const struct window_table *t, uint32_t handle, int64_t until, int64_t span,
	int64_t *ret_first);
/* Forgets the source: it was blocked, or unblocked by a person. */
void window_clear(struct window_table *t, const struct window_key *key);
/* Forgets every source whose latest failure is before `before`; bounded work a call. */
void window_sweep(struct window_table *t, int64_t before);
void window_get_stats(const struct window_table *t, struct window_stats *ret);

/*
 * For the store: fn gets every window changed since the last call (n == 0: it is
 * gone), times oldest first, and they become clean. Windows whose latest failure
 * is before `oldest` are reported as gone instead.
 */
int window_dirty(struct window_table *t, int64_t oldest,
	int (*fn)(void *ctx, const struct window_key *key, const int64_t *times, unsigned n),
	void *ctx);
void window_restore(
	struct window_table *t, const struct window_key *key, const int64_t *times, unsigned n);
