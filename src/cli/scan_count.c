/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/scan_count.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/util.h"
#include "model/block.h"

#include <errno.h>

#define ENTRIES_MAX    ((uint32_t)1 << 21)
#define WINDOW_SOURCES 1000000u
#define WINDOW_BYTES   ((uint64_t)64 << 20)
#define HOST           1u /* one machine's log, or many machines' as one */

/* Finds entries of an array by a keyed hash of their key: open addressing, entry + 1. */
struct index {
	uint32_t *slots;
	uint32_t mask, count;
};

struct counts {
	struct window_table *windows;
	struct protect *protect;
	struct detector *detector;
	struct hash_key key;
	struct index source_index, user_index;
	struct source *sources;
	struct user *users;
	uint32_t source_size, user_size;
	struct totals totals;
	int64_t latest; /* time of the latest line that had one */
};

struct counts *counts_free(struct counts *c)
{
	if (!c)
		return NULL;
	(void)detector_free(c->detector);
	(void)protect_free(c->protect);
	(void)window_table_free(c->windows);
	for (uint32_t i = 0; i < c->user_index.count; i++)
		free(c->users[i].name);
	free(c->users);
	free(c->sources);
	free(c->user_index.slots);
	free(c->source_index.slots);
	free(c);
	return NULL;
}

struct counts *counts_new(const struct rule *rules, unsigned n)
{
	struct counts *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	hash_key_draw(&c->key);
	c->windows = window_table_new(WINDOW_SOURCES, WINDOW_BYTES);
	c->protect = protect_new();
	if (c->windows && c->protect)
		c->detector = detector_new(c->windows, c->protect);
	if (!c->detector || detector_set_rules(c->detector, rules, n) < 0)
		return counts_free(c);
	c->latest = EVENT_NO_TIME;
	c->totals.first = INT64_MAX;
	c->totals.last = EVENT_NO_TIME;
	return c;
}

/* ---- finding entries ---- */

static uint64_t hash_of_source(const struct counts *c, const struct prefix *p)
{
	unsigned char bytes[17];
	memcpy(bytes, p->addr.b, 16);
	bytes[16] = p->len;
	return hash_bytes(&c->key, bytes, sizeof(bytes));
}

static uint64_t hash_of_user(const struct counts *c, struct slice name)
{
	return hash_bytes(&c->key, name.n ? name.p : "", name.n);
}

static uint64_t hash_again(const struct counts *c, const struct index *x, uint32_t i)
{
	if (x == &c->source_index)
		return hash_of_source(c, &c->sources[i].prefix);
	return hash_of_user(c, (struct slice){c->users[i].name, c->users[i].length});
}

/* Makes room for one more entry in the array; NULL: there can be none. */
static void *grow_array(const struct index *x, void *array, uint32_t *size, size_t each)
{
	if (x->count == ENTRIES_MAX)
		return NULL;
	if (x->count < *size)
		return array;
	uint32_t more = *size ? *size * 2 : 1024;
	void *p = reallocarray(array, more, each);
	if (p)
		*size = more;
	return p;
}

/* The same in the index, which stays at most half full. */
static bool grow_index(struct counts *c, struct index *x)
{
	if (x->slots && x->count * 2 < x->mask)
		return true;
	uint32_t mask = x->slots ? x->mask * 2 + 1 : 4095;
	uint32_t *slots = calloc((size_t)mask + 1, sizeof(*slots));
	if (!slots)
		return false;
	for (uint32_t i = 0; i < x->count; i++) {
		uint32_t at = (uint32_t)hash_again(c, x, i) & mask;
		while (slots[at])
			at = (at + 1) & mask;
		slots[at] = i + 1;
	}
	free(x->slots);
	x->slots = slots;
	x->mask = mask;
	return true;
}

/* The number of a new entry, now in the index. */
static uint32_t take_entry(struct index *x, uint64_t hash)
{
	uint32_t at = (uint32_t)hash & x->mask;
	while (x->slots[at])
		at = (at + 1) & x->mask;
	x->slots[at] = ++x->count;
	return x->count - 1;
}

/* NULL: the table is full. */
static struct source *source_at(struct counts *c, const struct prefix *p)
{
	struct index *x = &c->source_index;
	uint64_t hash = hash_of_source(c, p);
	uint32_t at = (uint32_t)hash & x->mask;
	for (; x->slots && x->slots[at]; at = (at + 1) & x->mask)
		if (prefix_eq(&c->sources[x->slots[at] - 1].prefix, p))
			return &c->sources[x->slots[at] - 1];
	void *array = grow_array(x, c->sources, &c->source_size, sizeof(*c->sources));
	if (!array)
		return NULL;
	c->sources = array;
	if (!grow_index(c, x))
		return NULL;
	struct source *s = &c->sources[take_entry(x, hash)];
	*s = (struct source){.prefix = *p, .first = INT64_MAX, .last = EVENT_NO_TIME};
	return s;
}

static struct user *user_at(struct counts *c, struct slice name)
{
	struct index *x = &c->user_index;
	uint64_t hash = hash_of_user(c, name);
	uint32_t at = (uint32_t)hash & x->mask;
	for (; x->slots && x->slots[at]; at = (at + 1) & x->mask) {
		struct user *u = &c->users[x->slots[at] - 1];
		if (slice_eq((struct slice){u->name, u->length}, name))
			return u;
	}
	void *array = grow_array(x, c->users, &c->user_size, sizeof(*c->users));
	if (!array)
		return NULL;
	c->users = array;
	char *copy = grow_index(c, x) ? malloc(name.n + 1) : NULL;
	if (!copy)
		return NULL;
	memcpy(copy, name.n ? name.p : "", name.n);
	struct user *u = &c->users[take_entry(x, hash)];
	*u = (struct user){.name = copy, .length = (uint32_t)name.n};
	return u;
}

/* ---- counting ---- */

static void note_time(int64_t time, int64_t *first, int64_t *last)
{
	if (time == EVENT_NO_TIME)
		return;
	*first = MIN_OF(*first, time);
	*last = MAX_OF(*last, time);
}

/* What the rules would have done: while blocked, nothing of it would have arrived. */
static void judge(struct counts *c, struct source *s, const struct event *event,
	const struct verdict *v, int64_t now)
{
	if (s->blocks && now < s->until) {
		s->stopped += v->attempts;
		c->totals.stopped += v->attempts;
		window_clear(c->windows,
			&(struct window_key){
				.host = HOST, .service = event->service, .source = s->prefix});
		return;
	}
	if (!v->decided)
		return;
	if (s->blocks++ == 0) {
		s->blocked = now;
		c->totals.blocked_sources++;
	}
	c->totals.blocks++;
	bool permanent = v->decision.forbidden >= RULE_PERMANENT;
	s->until = permanent ? BLOCK_FOREVER : now + v->decision.forbidden;
}

static void count_failure(
	struct counts *c, const struct event *event, const struct verdict *v, int64_t now)
{
	c->totals.attempts += v->attempts;
	c->totals.by_service[event->service] += v->attempts;
	if (event->forgeable) {
		c->totals.forgeable += v->attempts;
		c->totals.forgeable_services |= SERVICE_BIT(event->service);
	}
	note_time(event->time, &c->totals.first, &c->totals.last);
	if (event->has_user) {
		struct user *u = user_at(c, event->user);
		if (u)
			u->attempts += v->attempts;
	}
	if (!event->has_src) {
		c->totals.without_source += v->attempts;
		return;
	}
	struct source *s = source_at(c, &v->source);
	if (!s) {
		c->totals.left_out += v->attempts;
		return;
	}
	s->attempts += v->attempts;
	s->services |= SERVICE_BIT(event->service);
	s->protected = v->refused;
	note_time(event->time, &s->first, &s->last);
	judge(c, s, event, v, now);
}

void counts_event(struct counts *c, const struct event *event)
{
	struct verdict v;
	if (event->time != EVENT_NO_TIME)
		c->latest = event->time;
	int64_t now = c->latest == EVENT_NO_TIME ? 0 : c->latest;
	detector_event(c->detector, HOST, event, now, &v);
	if (event->outcome == OUTCOME_FAILURE && v.attempts > 0)
		count_failure(c, event, &v, now);
	if (event->outcome != OUTCOME_SUCCESS)
		return;
	c->totals.successes++;
	if (event->has_src) {
		struct prefix p = protect_source(c->protect, &event->src);
		struct source *s = source_at(c, &p);
		if (s)
			s->successes++;
	}
}

void counts_totals(const struct counts *c, struct totals *ret)
{
	*ret = c->totals;
	ret->user_count = c->user_index.count;
	for (uint32_t i = 0; i < c->source_index.count; i++)
		ret->source_count += c->sources[i].attempts > 0;
}

static int compare_sources(const void *a, const void *b)
{
	const struct source *x = a, *y = b;
	if (x->attempts != y->attempts)
		return x->attempts < y->attempts ? 1 : -1;
	if (x->first != y->first)
		return x->first < y->first ? -1 : 1;
	return memcmp(&x->prefix, &y->prefix, sizeof(x->prefix));
}

static int compare_users(const void *a, const void *b)
{
	const struct user *x = a, *y = b;
	if (x->attempts != y->attempts)
		return x->attempts < y->attempts ? 1 : -1;
	int order = memcmp(x->name, y->name, MIN_OF(x->length, y->length));
	return order ? order : (x->length > y->length) - (x->length < y->length);
}

const struct source *counts_sources(struct counts *c)
{
	if (c->sources)
		qsort(c->sources, c->source_index.count, sizeof(*c->sources), compare_sources);
	return c->sources;
}

const struct user *counts_users(struct counts *c)
{
	if (c->users)
		qsort(c->users, c->user_index.count, sizeof(*c->users), compare_users);
	return c->users;
}
