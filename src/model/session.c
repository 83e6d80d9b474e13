/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The table of sessions: `limit` slots, found through chained buckets, kept in
 * two lists by age (open and closed ones), so that making, finding, closing,
 * forgetting and evicting a session are each a few pointer steps.
 *
 * All arrays come zeroed from the kernel and are touched as they fill: slots
 * are handed out from the bottom and reused last freed first, so an idle table
 * costs nothing.
 *
 * The key is fixed (it is stored), the bucket is not: a multiplication with a
 * secret odd number spreads keys so that nobody can aim at one bucket, at a
 * fraction of SipHash's price (this runs for every line).
 *
 * Links are slot + 1; 0 is nothing.
 */
#include "model/session.h"

#include "base/clock.h"
#include "base/util.h"

#include <assert.h>
#include <sodium/randombytes.h>

/* How long a closed session is still found (event time). */
#define LINGER (5 * MS_SECOND)
/* Sessions looked at for forgetting whenever one is made. */
#define SWEEP_STEP 2

struct slot {
	struct session session; /* first: a session's slot is its address */
	uint32_t chain;         /* next in the bucket, or next free slot */
	bool listed;            /* is in table.news */
};

/* The sessions from oldest to newest. */
struct age_list {
	uint32_t oldest, newest;
};

struct batch {
	uint32_t *slots; /* numbers (not + 1) of changed slots, room for all of them */
	uint32_t count;
	uint64_t *gone; /* keys the store still has and we do not */
	uint32_t gone_count, gone_size;
};

struct session_table {
	uint32_t limit, count, used; /* used: slots ever handed out */
	uint32_t free;               /* slots given back */
	int64_t idle, latest;        /* latest: the time last heard of */
	uint64_t evicted;
	uint64_t salt, factor;
	unsigned shift;
	bool unsorted; /* restored sessions are not yet in order of age */
	struct slot *slots;
	uint32_t *buckets;
	struct age_list open, closed;
	struct batch news; /* for the store: what changed since the last report */
};

struct session_table *session_table_new(uint32_t limit, int64_t idle)
{
	struct session_table *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->limit = limit ? limit : 1;
	t->idle = idle;
	unsigned bits = 1;
	while (bits < 31 && (1u << bits) < t->limit)
		bits++;
	t->shift = 64 - bits;
	randombytes_buf(&t->salt, sizeof(t->salt));
	randombytes_buf(&t->factor, sizeof(t->factor));
	t->factor |= 1;
	t->slots = calloc(t->limit, sizeof(*t->slots));
	t->buckets = calloc((size_t)1 << bits, sizeof(*t->buckets));
	t->news.slots = calloc(t->limit, sizeof(*t->news.slots));
	if (!t->slots || !t->buckets || !t->news.slots)
		return session_table_free(t);
	return t;
}

struct session_table *session_table_free(struct session_table *t)
{
	if (t) {
		free(t->slots);
		free(t->buckets);
		free(t->news.slots);
		free(t->news.gone);
		free(t);
	}
	return NULL;
}

/* A fixed mixing step (the constants are primes near 2^64 / phi and its like). */
static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c55u;
	return h ^ h >> 29;
}

static uint64_t mix_slice(uint64_t h, struct slice s)
{
	h = mix(h, s.n);
	while (s.n >= 8) {
		uint64_t word;
		memcpy(&word, s.p, 8);
		h = mix(h, word);
		s = slice_skip(s, 8);
	}
	uint64_t rest = 0;
	for (size_t i = 0; i < s.n; i++)
		rest = rest << 8 | (unsigned char)s.p[i];
	return mix(h, rest);
}

uint64_t session_key(struct slice host, struct slice program, uint32_t pid)
{
	const char *dash = program.n ? memchr(program.p, '-', program.n) : NULL;
	if (dash)
		program = slice_between(program.p, dash);
	uint64_t h = mix_slice(mix_slice(0, host), program);
	h = mix(h, pid) * 0xd6e8feb86659fd93u;
	h ^= h >> 32;
	return h ? h : 1;
}

static uint32_t *bucket_of(struct session_table *t, uint64_t key)
{
	uint64_t h = (key ^ t->salt) * t->factor;
	return &t->buckets[(h ^ h >> 31) * t->factor >> t->shift];
}

static uint32_t link_of(const struct session_table *t, const struct session *s)
{
	return (uint32_t)((const struct slot *)s - t->slots) + 1;
}

static struct session *session_at(struct session_table *t, uint32_t link)
{
	return &t->slots[link - 1].session;
}

/* ---- order of age ---- */

static struct age_list *list_of(struct session_table *t, const struct session *s)
{
	return s->closed ? &t->closed : &t->open;
}

static void age_unlink(struct session_table *t, struct session *s)
{
	struct age_list *list = list_of(t, s);
	if (s->older)
		session_at(t, s->older)->newer = s->newer;
	else
		list->oldest = s->newer;
	if (s->newer)
		session_at(t, s->newer)->older = s->older;
	else
		list->newest = s->older;
}

static void age_append(struct session_table *t, struct session *s)
{
	struct age_list *list = list_of(t, s);
	s->older = list->newest;
	s->newer = 0;
	if (s->older)
		session_at(t, s->older)->newer = link_of(t, s);
	else
		list->oldest = link_of(t, s);
	list->newest = link_of(t, s);
}

struct aged {
	int64_t last;
	uint32_t link;
};

static int aged_compare(const void *a, const void *b)
{
	const struct aged *x = a, *y = b;
	return x->last < y->last ? -1 : x->last > y->last;
}

/* The store gives sessions back in its own order; once, before first use. */
static void age_sort(struct session_table *t)
{
	_cleanup_(freep) struct aged *all = calloc(t->count + 1, sizeof(*all));
	size_t n = 0;

	t->unsorted = false;
	if (!all)
		return; /* a worse choice of whom to forget, nothing else */
	for (uint32_t link = t->open.oldest; link; link = session_at(t, link)->newer)
		all[n++] = (struct aged){session_at(t, link)->last, link};
	qsort(all, n, sizeof(*all), aged_compare);
	t->open = (struct age_list){0};
	for (size_t i = 0; i < n; i++)
		age_append(t, session_at(t, all[i].link));
}

/* ---- making and forgetting ---- */

static void mark_dirty(struct session_table *t, struct session *s)
{
	struct slot *slot = &t->slots[link_of(t, s) - 1];
	s->dirty = true;
	if (!slot->listed) {
		slot->listed = true;
		t->news.slots[t->news.count++] = (uint32_t)(slot - t->slots);
	}
}

static void note_gone(struct batch *b, uint64_t key)
{
	if (b->gone_count == b->gone_size) {
		uint32_t size = b->gone_size ? b->gone_size * 2 : 64;
		uint64_t *p = realloc(b->gone, size * sizeof(*p));
		if (!p)
			return; /* its row stays until the key comes again */
		b->gone = p;
		b->gone_size = size;
	}
	b->gone[b->gone_count++] = key;
}

static void forget(struct session_table *t, struct session *s)
{
	uint32_t link = link_of(t, s);
	uint32_t *at = bucket_of(t, s->key);
	while (*at != link)
		at = &t->slots[*at - 1].chain;
	*at = t->slots[link - 1].chain;
	age_unlink(t, s);
	if (s->stored)
		note_gone(&t->news, s->key);
	*s = (struct session){0};
	t->slots[link - 1].chain = t->free;
	t->free = link;
	t->count--;
}

/* Also true when its time is far ahead: a clock stepped back, it means nothing now. */
static bool is_silent(const struct session *s, int64_t now, int64_t span)
{
	int64_t silent;
	if (__builtin_sub_overflow(now, s->last, &silent))
		return true;
	return silent > span || silent < -span;
}

static bool is_over(const struct session_table *t, const struct session *s, int64_t now)
{
	return is_silent(s, now, s->closed ? MIN_OF(LINGER, t->idle) : t->idle);
}

static void sweep_list(struct session_table *t, struct age_list *list, int64_t now, uint32_t most)
{
	for (; most > 0 && list->oldest; most--) {
		struct session *s = session_at(t, list->oldest);
		if (!is_over(t, s, now))
			return;
		forget(t, s);
	}
}

static void evict(struct session_table *t)
{
	if (t->closed.oldest) {
		forget(t, session_at(t, t->closed.oldest));
		return;
	}
	forget(t, session_at(t, t->open.oldest));
	t->evicted++;
}

static struct session *make(struct session_table *t, uint64_t key)
{
	if (t->count == t->limit)
		evict(t);
	uint32_t link = t->free;
	if (link)
		t->free = t->slots[link - 1].chain;
	else
		link = ++t->used;
	struct session *s = session_at(t, link);
	uint32_t *bucket = bucket_of(t, key);
	s->key = key;
	t->slots[link - 1].chain = *bucket;
	*bucket = link;
	t->count++;
	age_append(t, s);
	return s;
}

/* ---- the interface ---- */

struct session *session_find(struct session_table *t, uint64_t key)
{
	for (uint32_t link = *bucket_of(t, key); link; link = t->slots[link - 1].chain)
		if (session_at(t, link)->key == key)
			return session_at(t, link);
	return NULL;
}

struct session *session_get(struct session_table *t, uint64_t key, int64_t time)
{
	if (t->unsorted)
		age_sort(t);
	if (time == EVENT_NO_TIME)
		time = t->latest;
	t->latest = time;
	struct session *s = session_find(t, key);
	if (s && is_over(t, s, time)) {
		forget(t, s);
		s = NULL;
	}
	if (s) {
		age_unlink(t, s);
		age_append(t, s);
		s->last = MAX_OF(s->last, time);
	} else {
		sweep_list(t, &t->closed, time, SWEEP_STEP);
		sweep_list(t, &t->open, time, SWEEP_STEP);
		s = make(t, key);
		s->last = time;
	}
	mark_dirty(t, s);
	return s;
}

void session_renew(struct session *s)
{
	*s = (struct session){.key = s->key,
		.last = s->last,
		.dirty = s->dirty,
		.closed = s->closed,
		.stored = s->stored,
		.older = s->older,
		.newer = s->newer};
}

void session_close(struct session_table *t, struct session *s)
{
	if (s->closed)
		return;
	age_unlink(t, s);
	s->closed = true;
	age_append(t, s);
	mark_dirty(t, s);
}

void session_table_sweep(struct session_table *t, int64_t now)
{
	if (t->unsorted)
		age_sort(t);
	sweep_list(t, &t->closed, now, UINT32_MAX);
	sweep_list(t, &t->open, now, UINT32_MAX);
}

static int report(struct session_table *t, int (*fn)(void *ctx, const struct session *s), void *ctx)
{
	/* who left first: the same key may have come again since */
	for (uint32_t i = 0; i < t->news.gone_count; i++) {
		int r = fn(ctx, &(struct session){.key = t->news.gone[i], .closed = true});
		if (r != 0)
			return r;
	}
	for (uint32_t i = 0; i < t->news.count; i++) {
		struct session copy = t->slots[t->news.slots[i]].session;
		if (!copy.dirty)
			continue;
		copy.closed = false; /* it lingers: after a restart it leaves by its age */
		int r = fn(ctx, &copy);
		if (r != 0)
			return r;
	}
	return 0;
}

int session_table_dirty(
	struct session_table *t, int (*fn)(void *ctx, const struct session *s), void *ctx)
{
	int r = report(t, fn, ctx);
	if (r != 0)
		return r;
	for (uint32_t i = 0; i < t->news.count; i++) {
		struct slot *slot = &t->slots[t->news.slots[i]];
		slot->listed = false;
		slot->session.stored = slot->session.key != 0;
		slot->session.dirty = false;
	}
	t->news.count = t->news.gone_count = 0;
	return 0;
}

void session_table_restore(struct session_table *t, const struct session *stored)
{
	if (stored->key == 0 || stored->closed)
		return;
	struct session *s = session_find(t, stored->key);
	if (!s)
		s = make(t, stored->key);
	uint32_t older = s->older, newer = s->newer;
	assert(!s->closed);
	*s = *stored;
	s->older = older;
	s->newer = newer;
	s->dirty = false;
	s->stored = true;
	s->user_len = MIN_OF(s->user_len, (uint8_t)SESSION_USER_MAX);
	t->latest = MAX_OF(t->latest, s->last);
	t->unsorted = true;
}

uint32_t session_table_count(const struct session_table *t)
{
	return t->count;
}

uint64_t session_table_evicted(const struct session_table *t)
{
	return t->evicted;
}
