/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One array of equal cells, 52 bytes each. A cell is free, or the entry of one
 * source with its first four failures, or a chunk with eleven more of some
 * entry. So longer windows take from the same budget as more sources, and what
 * one leaves the other can use: nothing fragments.
 *
 *   bucket -> entry -> entry ...          (cell.link; entries of one bucket)
 *             entry.more -> chunk -> ...  (cell.link; the first may be part full)
 *
 * A failure is the low 32 bits of its ms. low[0] of an entry is the latest one
 * and comes with the high bits; every other lies less than 2^32 ms before it.
 * That holds because all are looked at whenever the latest passes a multiple
 * of 2^31, and what then lies 2^31 or more before it is dropped. Apart from
 * low[0] they have no order: out of order costs nothing.
 *
 * Everything comes zeroed from the kernel and is touched as it is used.
 * Cell numbers are index + 1; 0 is nothing.
 */
#include "detect/window.h"

#include "base/hash.h"
#include "base/util.h"

#include <assert.h>
#include <limits.h>

#define INLINE_TIMES 4
#define CHUNK_TIMES  11
/* Sources looked at to find one that may leave. */
#define SAMPLE 16
/* Cells window_sweep() looks at in one call. */
#define SWEEP_CELLS 4096
/* Sources evicted between two reports that the store still has. If there are
   more, their rows stay until they are restored and found too old. */
#define GONE_MOST 65536u

enum cell_kind { CELL_FREE, CELL_ENTRY, CELL_CHUNK };

struct cell {
	uint16_t n;  /* failures: of the whole entry, or in this chunk */
	uint8_t len; /* entry: prefix length */
	uint8_t kind : 2;
	uint8_t dirty : 1;  /* entry: changed since the last report */
	uint8_t listed : 1; /* its number is in changed[]; survives the cell's reuse */
	uint8_t stored : 1; /* entry: the store has a row */
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

/* What is hashed, and what remains of a source that left. */
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
	uint64_t evicted, random;
	unsigned shift; /* of a hash, to get the bucket */
	struct cell *cells;
	uint32_t *buckets;
	uint32_t *changed; /* cells in need of a report, or last reported */
	uint32_t changed_count;
	struct packed_key *gone; /* evicted, but stored */
	uint32_t gone_count, gone_size;
	bool reported; /* changed and gone are those of the last report */
};

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
	t->gone_size = (uint32_t)MIN_OF(GONE_MOST, bytes / 40 / sizeof(*t->gone) + 1);
	uint64_t fixed = buckets * sizeof(*t->buckets) + t->gone_size * sizeof(*t->gone);
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
	t->gone = calloc(t->gone_size, sizeof(*t->gone));
	if (!t->cells || !t->buckets || !t->changed || !t->gone)
		return window_table_free(t);
	return t;
}

struct window_table *window_table_free(struct window_table *t)
{
	if (t) {
		free(t->cells);
		free(t->buckets);
		free(t->changed);
		free(t->gone);
		free(t);
	}
	return NULL;
}

/* ---- keys ---- */

static struct cell *cell_at(const struct window_table *t, uint32_t number)
{
	return &t->cells[number - 1];
}

static uint32_t number_of(const struct window_table *t, const struct cell *c)
{
	return (uint32_t)(c - t->cells) + 1;
}

static struct packed_key pack(const struct window_key *key)
{
	return (struct packed_key){.addr = key->source.addr,
		.host = key->host,
		.service = (uint8_t)key->service & 7,
		.len = key->source.len};
}

static struct packed_key pack_entry(const struct cell *e)
{
	return (struct packed_key){
		.addr = e->addr, .host = e->host, .service = e->service, .len = e->len};
}

static struct window_key unpack(const struct packed_key *p)
{
	return (struct window_key){.host = p->host,
		.service = (enum service)p->service,
		.source = {.addr = p->addr, .len = p->len}};
}

static uint32_t *bucket_of(const struct window_table *t, const struct packed_key *key)
{
	return &t->buckets[hash_bytes(&t->key, key, sizeof(*key)) >> t->shift];
}

static bool is_entry_of(const struct cell *e, const struct packed_key *key)
{
	return addr_eq(&e->addr, &key->addr) && e->host == key->host && e->len == key->len &&
	       e->service == key->service;
}

static struct cell *find(
	const struct window_table *t, uint32_t bucket, const struct packed_key *key)
{
	for (uint32_t number = bucket; number; number = cell_at(t, number)->link)
		if (is_entry_of(cell_at(t, number), key))
			return cell_at(t, number);
	return NULL;
}

/* ---- failures of an entry ---- */

static int64_t latest_of(const struct cell *e)
{
	return (int64_t)((uint64_t)(uint32_t)e->high << 32 | e->low[0]);
}

static void set_latest(struct cell *e, int64_t time)
{
	e->high = (int32_t)(time >> 32);
	e->low[0] = (uint32_t)time;
}

/* How long before the latest failure, ms. */
static uint32_t age_of(const struct cell *e, uint32_t low)
{
	return e->low[0] - low;
}

/* A part of an entry's failures that lies together in memory. */
struct run {
	uint32_t *p;
	unsigned n;
	uint32_t next;
};

static struct run run_first(struct cell *e)
{
	return (struct run){e->low, MIN_OF(e->n, (unsigned)INLINE_TIMES), e->more};
}

static bool run_next(const struct window_table *t, struct run *run)
{
	if (run->next == 0)
		return false;
	struct cell *chunk = cell_at(t, run->next);
	*run = (struct run){chunk->chunk, chunk->n, chunk->link};
	return true;
}

/* The oldest failure but for the latest one; NULL if there is no other. */
static uint32_t *oldest_of(const struct window_table *t, struct cell *e)
{
	uint32_t *oldest = NULL;
	struct run run = run_first(e);
	do {
		for (unsigned i = run.p == e->low; i < run.n; i++)
			if (!oldest || age_of(e, run.p[i]) > age_of(e, *oldest))
				oldest = &run.p[i];
	} while (run_next(t, &run));
	return oldest;
}

/* ---- cells ---- */

static void cell_release(struct window_table *t, struct cell *c)
{
	uint8_t listed = c->listed;
	*c = (struct cell){.link = t->free};
	c->listed = listed & 1u;
	t->free = number_of(t, c);
	t->free_count++;
}

static void release_chunks(struct window_table *t, struct cell *e)
{
	while (e->more) {
		struct cell *chunk = cell_at(t, e->more);
		e->more = chunk->link;
		cell_release(t, chunk);
	}
}

/* Starts new lists when the present ones have been reported. */
static void begin_news(struct window_table *t)
{
	if (t->reported) {
		t->reported = false;
		t->changed_count = t->gone_count = 0;
	}
}

static void mark_dirty(struct window_table *t, struct cell *e)
{
	begin_news(t);
	e->dirty = 1;
	if (e->listed)
		return;
	e->listed = 1;
	t->changed[t->changed_count++] = number_of(t, e);
}

static void unlink_entry(struct window_table *t, struct cell *e)
{
	struct packed_key key = pack_entry(e);
	uint32_t number = number_of(t, e), *at = bucket_of(t, &key);
	while (*at != number)
		at = &cell_at(t, *at)->link;
	*at = e->link;
}

static void set_empty(struct window_table *t, struct cell *e)
{
	release_chunks(t, e);
	t->tracked -= e->n > 0;
	e->n = 0;
}

static void entry_release(struct window_table *t, struct cell *e)
{
	set_empty(t, e);
	unlink_entry(t, e);
	cell_release(t, e);
	t->entries--;
}

/* An entry without failures remains until the store has heard of it. */
static void forget(struct window_table *t, struct cell *e)
{
	if (!e->stored) {
		entry_release(t, e);
		return;
	}
	if (e->n > 0) {
		set_empty(t, e);
		mark_dirty(t, e);
	}
}

/* ---- eviction ---- */

/* xorshift64*: who is looked at must only be hard to foresee */
static uint32_t draw(struct window_table *t, uint32_t below)
{
	t->random ^= t->random >> 12;
	t->random ^= t->random << 25;
	t->random ^= t->random >> 27;
	return (uint32_t)((t->random * 0x2545f4914f6cdd1du >> 32) * below >> 32);
}

/* The first entry at or behind a random cell; there must be one. */
static struct cell *random_entry(struct window_table *t)
{
	uint32_t at = draw(t, t->used);
	while (t->cells[at].kind != CELL_ENTRY)
		at = at + 1 < t->used ? at + 1 : 0;
	return &t->cells[at];
}

static bool less_suspicious(const struct cell *a, const struct cell *b)
{
	return a->n != b->n ? a->n < b->n : latest_of(a) < latest_of(b);
}

/* Makes room by letting a source other than `but` go; false if there is none. */
static bool evict(struct window_table *t, const struct cell *but)
{
	struct cell *victim = NULL;
	if (t->entries == 0 || (but && t->entries == 1))
		return false;
	for (unsigned i = 0; i < SAMPLE || !victim; i++) {
		struct cell *e = random_entry(t);
		if (e != but && (!victim || less_suspicious(e, victim)))
			victim = e;
	}
	t->evicted += victim->n > 0;
	if (victim->stored) {
		begin_news(t);
		if (t->gone_count < t->gone_size)
			t->gone[t->gone_count++] = pack_entry(victim);
	}
	entry_release(t, victim);
	return true;
}

static struct cell *cell_take(struct window_table *t, enum cell_kind kind, const struct cell *but)
{
	if (!t->free && t->used == t->limit && !evict(t, but))
		return NULL;
	struct cell *c;
	if (t->free) {
		c = cell_at(t, t->free);
		t->free = c->link;
		t->free_count--;
	} else {
		c = &t->cells[t->used++];
	}
	c->kind = (uint8_t)kind & 3u;
	c->link = 0;
	return c;
}

static struct cell *entry_make(
	struct window_table *t, const struct packed_key *key, uint32_t *bucket)
{
	if (t->entries >= t->sources && !evict(t, NULL))
		return NULL;
	struct cell *e = cell_take(t, CELL_ENTRY, NULL);
	if (!e)
		return NULL;
	e->addr = key->addr;
	e->host = key->host;
	e->service = key->service & 7u;
	e->len = key->len;
	e->link = *bucket;
	*bucket = number_of(t, e);
	t->entries++;
	return e;
}

/* ---- adding failures ---- */

/* Room for one more failure; NULL when there is none. */
static uint32_t *grow(struct window_table *t, struct cell *e)
{
	if (e->n < INLINE_TIMES)
		return &e->low[e->n++];
	struct cell *chunk = e->more ? cell_at(t, e->more) : NULL;
	if (!chunk || chunk->n == CHUNK_TIMES) {
		chunk = cell_take(t, CELL_CHUNK, e);
		if (!chunk)
			return NULL;
		chunk->n = 0;
		chunk->link = e->more;
		e->more = number_of(t, chunk);
	}
	e->n++;
	return &chunk->chunk[chunk->n++];
}

/* Takes one failure out; the last one fills its place. Never the only one. */
static void drop(struct window_table *t, struct cell *e, uint32_t *at)
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
		cell_release(t, chunk);
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
	at = oldest_of(t, e);
	if (at && age_of(e, *at) > age_of(e, low))
		*at = low;
}

/* Before the latest failure moves to `time`: drops what would be too far from it. */
static void drop_ancient(struct window_table *t, struct cell *e, int64_t time)
{
	int64_t latest = latest_of(e), ahead;
	if (latest >> 31 == time >> 31)
		return;
	if (__builtin_sub_overflow(time, latest, &ahead) || ahead >= WINDOW_SPAN_MOST) {
		release_chunks(t, e);
		e->n = 1;
		return;
	}
	for (uint32_t *at; (at = oldest_of(t, e)) && age_of(e, *at) + ahead >= WINDOW_SPAN_MOST;)
		drop(t, e, at);
}

static void add_time(struct window_table *t, struct cell *e, int64_t time, unsigned keep)
{
	int64_t age;
	if (e->n == 0) {
		set_latest(e, time);
		e->n = 1;
		t->tracked++;
		return;
	}
	if (time < latest_of(e)) {
		if (!__builtin_sub_overflow(latest_of(e), time, &age) && age < WINDOW_SPAN_MOST)
			push(t, e, (uint32_t)time, keep);
		return;
	}
	drop_ancient(t, e, time);
	bool too_far = __builtin_sub_overflow(time, latest_of(e), &age) || age >= WINDOW_SPAN_MOST;
	uint32_t before = e->low[0];
	set_latest(e, time);
	if (!too_far)
		push(t, e, before, keep);
}

static struct cell *add(struct window_table *t, const struct window_key *key, const int64_t *times,
	unsigned n, unsigned keep)
{
	struct packed_key packed = pack(key);
	uint32_t *bucket = bucket_of(t, &packed);
	struct cell *e = find(t, *bucket, &packed);
	if (!e)
		e = entry_make(t, &packed, bucket);
	if (!e)
		return NULL;
	while (e->n > keep)
		drop(t, e, oldest_of(t, e));
	for (unsigned i = 0; i < n; i++)
		add_time(t, e, times[i], keep);
	return e;
}

uint32_t window_add(struct window_table *t, const struct window_key *key, int64_t time, unsigned n,
	unsigned keep)
{
	int64_t times[WINDOW_MOST];
	keep = MAX_OF(1u, MIN_OF(keep, (unsigned)WINDOW_MOST));
	n = MIN_OF(n, keep);
	for (unsigned i = 0; i < n; i++)
		times[i] = time;
	struct cell *e = n > 0 ? add(t, key, times, n, keep) : NULL;
	if (!e)
		return 0;
	mark_dirty(t, e);
	return number_of(t, e);
}

/* ---- questions ---- */

uint32_t window_find(const struct window_table *t, const struct window_key *key)
{
	struct packed_key packed = pack(key);
	const struct cell *e = find(t, *bucket_of(t, &packed), &packed);
	return e && e->n > 0 ? number_of(t, e) : 0;
}

unsigned window_count(const struct window_table *t, uint32_t handle, int64_t until, int64_t span,
	int64_t *ret_first)
{
	if (handle == 0)
		return 0;
	struct cell *e = cell_at(t, handle);
	int64_t latest = latest_of(e), after, first = INT64_MAX;
	unsigned count = 0;
	if (__builtin_sub_overflow(until, span, &after))
		after = INT64_MIN;
	struct run run = run_first(e);
	do {
		for (unsigned i = 0; i < run.n; i++) {
			int64_t time = latest - age_of(e, run.p[i]);
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
	return latest_of(cell_at(t, handle));
}

static int compare_times(const void *a, const void *b)
{
	int64_t x, y;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

static unsigned times_of(const struct window_table *t, struct cell *e, int64_t *ret)
{
	unsigned n = 0;
	struct run run = run_first(e);
	do {
		for (unsigned i = 0; i < run.n && n < WINDOW_MOST; i++)
			ret[n++] = latest_of(e) - age_of(e, run.p[i]);
	} while (run_next(t, &run));
	qsort(ret, n, sizeof(*ret), compare_times);
	return n;
}

unsigned window_times(
	const struct window_table *t, uint32_t handle, int64_t ret[static WINDOW_MOST])
{
	return handle ? times_of(t, cell_at(t, handle), ret) : 0;
}

void window_get_stats(const struct window_table *t, struct window_stats *ret)
{
	uint64_t cells = t->used - t->free_count;
	*ret = (struct window_stats){.tracked = t->tracked,
		.evicted = t->evicted,
		.bytes = cells * (sizeof(*t->cells) + sizeof(*t->changed)) +
			 sizeof(*t->buckets) * ((uint64_t)1 << (64 - t->shift)) +
			 t->gone_count * sizeof(*t->gone)};
}

/* ---- forgetting ---- */

void window_clear(struct window_table *t, const struct window_key *key)
{
	struct packed_key packed = pack(key);
	struct cell *e = find(t, *bucket_of(t, &packed), &packed);
	if (e)
		forget(t, e);
}

void window_sweep(struct window_table *t, int64_t before)
{
	for (uint32_t i = MIN_OF(t->used, (uint32_t)SWEEP_CELLS); i > 0; i--) {
		if (t->swept >= t->used)
			t->swept = 0;
		struct cell *c = &t->cells[t->swept++];
		if (c->kind == CELL_ENTRY && (c->n == 0 || latest_of(c) < before))
			forget(t, c);
	}
}

/* ---- the store's side ---- */

typedef int (*report_fn)(void *, const struct window_key *, const int64_t *, unsigned);

static bool is_expired(const struct cell *e, int64_t oldest)
{
	return e->n == 0 || latest_of(e) < oldest;
}

static int report_entry(
	const struct window_table *t, struct cell *e, int64_t oldest, report_fn fn, void *ctx)
{
	int64_t times[WINDOW_MOST];
	struct packed_key packed = pack_entry(e);
	struct window_key key = unpack(&packed);
	if (!is_expired(e, oldest))
		return fn(ctx, &key, times, times_of(t, e, times));
	return e->stored ? fn(ctx, &key, NULL, 0) : 0;
}

static int report(const struct window_table *t, int64_t oldest, report_fn fn, void *ctx)
{
	/* who left first: the same source may have come again since */
	for (uint32_t i = 0; i < t->gone_count; i++) {
		struct window_key key = unpack(&t->gone[i]);
		int r = fn(ctx, &key, NULL, 0);
		if (r != 0)
			return r;
	}
	for (uint32_t i = 0; i < t->changed_count; i++) {
		struct cell *e = cell_at(t, t->changed[i]);
		int r = e->dirty ? report_entry(t, e, oldest, fn, ctx) : 0;
		if (r != 0)
			return r;
	}
	return 0;
}

int window_dirty(struct window_table *t, int64_t oldest,
	int (*fn)(void *ctx, const struct window_key *key, const int64_t *times, unsigned n),
	void *ctx)
{
	begin_news(t);
	int r = report(t, oldest, fn, ctx);
	if (r != 0)
		return r;
	for (uint32_t i = 0; i < t->changed_count; i++) {
		struct cell *e = cell_at(t, t->changed[i]);
		e->listed = 0;
		if (!e->dirty)
			continue;
		e->dirty = 0;
		if (is_expired(e, oldest))
			set_empty(t, e); /* freed by window_sweep() */
		e->stored = e->n > 0;
	}
	t->reported = true;
	return 0;
}

void window_uncommitted(struct window_table *t)
{
	if (!t->reported)
		return;
	t->reported = false;
	for (uint32_t i = 0; i < t->changed_count; i++) {
		struct cell *e = cell_at(t, t->changed[i]);
		e->listed = 1;
		if (e->kind == CELL_ENTRY) {
			e->dirty = 1;
			e->stored = 1; /* what was to go may still be there */
		}
	}
}

void window_restore(
	struct window_table *t, const struct window_key *key, const int64_t *times, unsigned n)
{
	if (n > WINDOW_MOST) {
		times += n - WINDOW_MOST;
		n = WINDOW_MOST;
	}
	struct packed_key packed = pack(key);
	struct cell *e = find(t, *bucket_of(t, &packed), &packed);
	if (e)
		set_empty(t, e);
	e = n > 0 ? add(t, key, times, n, WINDOW_MOST) : e;
	if (e)
		e->stored = 1;
}
