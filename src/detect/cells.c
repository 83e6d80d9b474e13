/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding, making and letting go of entries; who leaves when the budget is used
 * up. A cell keeps its place in the list of changes when it is given back, so
 * that no cell is ever listed twice and the list needs no more room than cells.
 * A source that left and the one that has its cell now are one row of the store.
 */
#include "detect/cells.h"

/* Sources looked at to find one that may leave. */
#define SAMPLE 16

uint64_t cells_hash(const struct window_table *t, const struct packed_key *key)
{
	return hash_bytes(&t->key, key, sizeof(*key));
}

static bool is_entry_of(const struct cell *e, const struct packed_key *key)
{
	return addr_eq(&e->addr, &key->addr) && e->host == key->host && e->len == key->len &&
	       e->service == key->service;
}

struct cell *cells_find(const struct window_table *t, uint32_t bucket, const struct packed_key *key)
{
	for (uint32_t number = bucket; number; number = cell_at(t, number)->link)
		if (is_entry_of(cell_at(t, number), key))
			return cell_at(t, number);
	return NULL;
}

/* ---- cells ---- */

void cells_release(struct window_table *t, struct cell *c)
{
	if (c->stored)
		cells_mark_dirty(t, c);
	*c = (struct cell){.link = t->free, .listed = c->listed, .stored = c->stored};
	t->free = cell_number(t, c);
	t->free_count++;
}

void cells_release_chunks(struct window_table *t, struct cell *e)
{
	while (e->more) {
		struct cell *chunk = cell_at(t, e->more);
		e->more = chunk->link;
		cells_release(t, chunk);
	}
}

void cells_mark_dirty(struct window_table *t, struct cell *c)
{
	if (c->listed)
		return;
	c->listed = 1;
	t->changed[t->changed_count++] = cell_number(t, c);
}

void cells_reach(struct window_table *t, uint32_t number)
{
	while (t->used < number)
		cells_release(t, &t->cells[t->used++]);
}

static void unlink_entry(struct window_table *t, struct cell *e)
{
	struct packed_key key = cells_key_of(e);
	uint32_t number = cell_number(t, e), *at = cells_bucket(t, cells_hash(t, &key));
	while (*at != number)
		at = &cell_at(t, *at)->link;
	*at = e->link;
}

void cells_empty(struct window_table *t, struct cell *e)
{
	cells_release_chunks(t, e);
	t->tracked -= e->n > 0;
	e->n = 0;
}

void cells_forget(struct window_table *t, struct cell *e)
{
	cells_empty(t, e);
	unlink_entry(t, e);
	cells_release(t, e);
	t->entries--;
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
	return a->n != b->n ? a->n < b->n : entry_latest(a) < entry_latest(b);
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
	cells_forget(t, victim);
	return true;
}

struct cell *cells_take(struct window_table *t, enum cell_kind kind, const struct cell *but)
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

struct cell *cells_make(struct window_table *t, const struct packed_key *key, uint32_t *bucket)
{
	if (t->entries >= t->sources && !evict(t, NULL))
		return NULL;
	struct cell *e = cells_take(t, CELL_ENTRY, NULL);
	if (!e)
		return NULL;
	e->addr = key->addr;
	e->host = key->host;
	e->service = key->service & 7u;
	e->len = key->len;
	e->link = *bucket;
	*bucket = cell_number(t, e);
	t->entries++;
	t->made++;
	return e;
}
