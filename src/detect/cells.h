/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The memory of the windows (private to them): one array of equal cells, 52
 * bytes each. A cell is free, or the entry of one source with its first four
 * failures, or a chunk with eleven more of some entry. So longer windows take
 * from the same budget as more sources, and what one leaves the other can use:
 * nothing fragments.
 *
 *   bucket -> entry -> entry ...          (cell.link; entries of one bucket)
 *             entry.more -> chunk -> ...  (cell.link; the first may be part full)
 *
 * Everything comes zeroed from the kernel and is touched as it is used.
 * Cell numbers are index + 1; 0 is nothing.
 */
#pragma once

#include "base/hash.h"
#include "base/util.h"
#include "detect/window.h"

#include <assert.h>
#include <stdbool.h>

#define INLINE_TIMES 4
#define CHUNK_TIMES  11

enum cell_kind { CELL_FREE, CELL_ENTRY, CELL_CHUNK };

struct cell {
	uint16_t n;  /* failures: of the whole entry, or in this chunk */
	uint8_t len; /* entry: prefix length */
	uint8_t kind : 2;
	/* of the number, so they survive the cell's reuse */
	uint8_t listed : 1; /* it is in changed[] */
	uint8_t stored : 1; /* the store has a row of it */
	uint8_t service : 3;
	uint32_t link;
	union {
		struct {
			uint32_t more, host;
			struct addr addr;
			int32_t high;
			uint32_t low[INLINE_TIMES];
		};
		uint32_t chunk[CHUNK_TIMES];
	};
};

static_assert(sizeof(struct cell) == 52, "1,000,000 sources must fit into 64 MiB");
static_assert(SERVICE_COUNT <= 8, "cell.service has three bits");

/* What is hashed. */
struct packed_key {
	struct addr addr;
	uint32_t host;
	uint8_t service, len;
	uint8_t zero[2];
};

struct window_table {
	struct hash_key key;
	uint32_t sources, limit;         /* most entries, most cells */
	uint32_t entries, tracked;       /* tracked: entries with failures */
	uint32_t used, free, free_count; /* used: cells ever handed out */
	uint32_t swept;                  /* where window_sweep() goes on */
	uint32_t made;                   /* entries since the last sweep */
	uint64_t evicted, random;
	unsigned shift; /* of a hash, to get the bucket */
	struct cell *cells;
	uint32_t *buckets;
	uint32_t *changed; /* numbers whose rows are no longer right */
	uint32_t changed_count;
};

static inline struct cell *cell_at(const struct window_table *t, uint32_t number)
{
	return &t->cells[number - 1];
}

static inline uint32_t cell_number(const struct window_table *t, const struct cell *c)
{
	return (uint32_t)(c - t->cells) + 1;
}

static inline int64_t entry_latest(const struct cell *e)
{
	return (int64_t)((uint64_t)(uint32_t)e->high << 32 | e->low[0]);
}

/* How long before the latest failure, ms. */
static inline uint32_t entry_age(const struct cell *e, uint32_t low)
{
	return e->low[0] - low;
}

/* A part of an entry's failures that lies together in memory. */
struct run {
	uint32_t *p;
	unsigned n;
	uint32_t next;
};

static inline struct run run_first(struct cell *e)
{
	return (struct run){e->low, MIN_OF(e->n, (unsigned)INLINE_TIMES), e->more};
}

static inline bool run_next(const struct window_table *t, struct run *run)
{
	if (run->next == 0)
		return false;
	struct cell *chunk = cell_at(t, run->next);
	*run = (struct run){chunk->chunk, chunk->n, chunk->link};
	return true;
}

static inline struct packed_key cells_pack(const struct window_key *key)
{
	return (struct packed_key){.addr = key->source.addr,
		.host = key->host,
		.service = (uint8_t)key->service & 7,
		.len = key->source.len};
}

static inline struct packed_key cells_key_of(const struct cell *e)
{
	return (struct packed_key){
		.addr = e->addr, .host = e->host, .service = e->service, .len = e->len};
}

static inline struct window_key cells_unpack(const struct packed_key *p)
{
	return (struct window_key){.host = p->host,
		.service = (enum service)p->service,
		.source = {.addr = p->addr, .len = p->len}};
}

static inline uint32_t *cells_bucket(const struct window_table *t, uint64_t hash)
{
	return &t->buckets[hash >> t->shift];
}

uint64_t cells_hash(const struct window_table *t, const struct packed_key *key);
/* The entry of key in its bucket; NULL: none. */
struct cell *cells_find(
	const struct window_table *t, uint32_t bucket, const struct packed_key *key);
/* Makes an entry without failures, evicting another if it must; NULL: no room. */
struct cell *cells_make(struct window_table *t, const struct packed_key *key, uint32_t *bucket);
/* A free cell, evicting a source other than `but` if it must; NULL: no room. */
struct cell *cells_take(struct window_table *t, enum cell_kind kind, const struct cell *but);
/* Those up to this number are free from now on, if they were never used: it is the next to be
   taken then. */
void cells_reach(struct window_table *t, uint32_t number);
void cells_release(struct window_table *t, struct cell *c);
void cells_release_chunks(struct window_table *t, struct cell *e);
/* Takes all failures away. */
void cells_empty(struct window_table *t, struct cell *e);
/* Lets an entry go. */
void cells_forget(struct window_table *t, struct cell *e);
/* The store's row of its number is no longer right. */
void cells_mark_dirty(struct window_table *t, struct cell *c);
