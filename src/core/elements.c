/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/elements.h"

#include "base/util.h"

#include <errno.h>

#define SIZE_MIN 64
#define PAGE     1024u         /* elements: 56 KiB */
#define NOBODY   ENFORCE_LISTS /* the list of a place that is free */

static uint32_t hash_of(
	const struct elements *e, enum enforce_list list, const struct prefix *target)
{
	uint8_t bytes[18];
	memcpy(bytes, target->addr.b, 16);
	bytes[16] = target->len;
	bytes[17] = (uint8_t)list;
	return (uint32_t)hash_bytes(&e->key, bytes, sizeof(bytes));
}

/* Places count from 1. */
static struct element *at(const struct elements *e, uint32_t place)
{
	return &e->pages[(place - 1) / PAGE][(place - 1) % PAGE];
}

int elements_init(struct elements *e)
{
	*e = (struct elements){.size = SIZE_MIN};
	hash_key_draw(&e->key);
	e->slots = calloc(e->size, sizeof(*e->slots));
	return e->slots ? 0 : -ENOMEM;
}

static void free_others(struct element *el)
{
	for (struct member *m = el->first.next, *next; m; m = next) {
		next = m->next;
		free(m);
	}
}

void elements_clear(struct elements *e)
{
	for (uint32_t place = 1; place <= e->places; place++)
		if (at(e, place)->list != NOBODY)
			free_others(at(e, place));
	for (uint32_t i = 0; i * PAGE < e->places; i++)
		free(e->pages[i]);
	free(e->pages);
	e->pages = NULL;
	e->places = e->free = 0;
	e->used = 0;
	if (e->slots)
		memset(e->slots, 0, e->size * sizeof(*e->slots));
}

void elements_done(struct elements *e)
{
	elements_clear(e);
	free(e->slots);
	e->slots = NULL;
}

/* The slot that holds it, or the free one where it belongs. */
static size_t probe(const struct elements *e, uint32_t hash, enum enforce_list list,
	const struct prefix *target)
{
	size_t mask = e->size - 1, i = hash & mask;
	for (; e->slots[i].place; i = (i + 1) & mask) {
		if (e->slots[i].hash != hash)
			continue;
		const struct element *el = at(e, e->slots[i].place);
		if (el->list == list && prefix_eq(&el->target, target))
			break;
	}
	return i;
}

struct element *elements_find(
	const struct elements *e, enum enforce_list list, const struct prefix *target)
{
	size_t i = probe(e, hash_of(e, list, target), list, target);
	return e->slots[i].place ? at(e, e->slots[i].place) : NULL;
}

static int grow(struct elements *e)
{
	size_t size = e->size * 2, mask = size - 1;
	struct element_slot *slots = calloc(size, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < e->size; i++) {
		size_t to = e->slots[i].hash & mask;
		if (!e->slots[i].place)
			continue;
		while (slots[to].place)
			to = (to + 1) & mask;
		slots[to] = e->slots[i];
	}
	free(e->slots);
	e->slots = slots;
	e->size = size;
	return 0;
}

static int add_page(struct elements *e)
{
	uint32_t n = e->places / PAGE;
	struct element *page = malloc(PAGE * sizeof(*page));
	struct element **pages =
		page ? reallocarray(e->pages, n + 1, sizeof(struct element *)) : NULL;
	if (!pages) {
		free(page);
		return -ENOMEM;
	}
	pages[n] = page;
	e->pages = pages;
	return 0;
}

/* A place for one more; 0: no memory. */
static uint32_t take_place(struct elements *e)
{
	uint32_t place = e->free;
	if (place) {
		e->free = (uint32_t)at(e, place)->first.block;
		return place;
	}
	if (e->places == UINT32_MAX - PAGE || (e->places % PAGE == 0 && add_page(e) < 0))
		return 0;
	return ++e->places;
}

static struct element *element_new(
	struct elements *e, enum enforce_list list, const struct prefix *target)
{
	if (e->used * 4 >= e->size * 3 && grow(e) < 0)
		return NULL;
	uint32_t place = take_place(e), hash = hash_of(e, list, target);
	if (!place)
		return NULL;
	struct element *el = at(e, place);
	*el = (struct element){.target = *target, .list = (uint8_t)list};
	e->slots[probe(e, hash, list, target)] = (struct element_slot){hash, place};
	e->used++;
	return el;
}

/* Open addressing without tombstones: what was displaced by the hole moves back. */
static void close_hole(struct elements *e, size_t hole)
{
	size_t mask = e->size - 1;
	for (size_t i = (hole + 1) & mask; e->slots[i].place; i = (i + 1) & mask)
		if (((i - e->slots[i].hash) & mask) >= ((i - hole) & mask)) {
			e->slots[hole] = e->slots[i];
			e->slots[i].place = 0;
			hole = i;
		}
}

static void element_remove(struct elements *e, struct element *el)
{
	size_t i = probe(e, hash_of(e, el->list, &el->target), el->list, &el->target);
	uint32_t place = e->slots[i].place;
	e->slots[i].place = 0;
	e->used--;
	close_hole(e, i);
	free_others(el);
	el->list = NOBODY;
	el->first.block = e->free;
	e->free = place;
}

enum enforce_list block_list(enum block_direction direction)
{
	return direction == BLOCK_OUT ? ENFORCE_OUT : ENFORCE_IN;
}

bool block_is_withheld(const struct block *b)
{
	return b->state == BLOCK_FAILED &&
	       (strcmp(b->error, "RateCeiling") == 0 || strcmp(b->error, "AllowListed") == 0);
}

/* The share of a service in an element that has none yet. */
static struct member *add_member(struct element *el)
{
	struct member *m = calloc(1, sizeof(*m));
	if (m) {
		m->next = el->first.next;
		el->first.next = m;
	}
	return m;
}

struct member *elements_put(struct elements *e, const struct block *b)
{
	enum enforce_list list = block_list(b->direction);
	struct element *el = elements_find(e, list, &b->target);
	struct member *m = el ? element_member(el, b->service) : NULL;
	if (!el) {
		el = element_new(e, list, &b->target);
		m = el ? &el->first : NULL;
	} else if (!m) {
		m = add_member(el);
	}
	if (!m)
		return NULL;
	m->service = (unsigned)b->service & 0xfu;
	m->block = b->id;
	m->expires = b->expires;
	m->port = b->port;
	m->state = (unsigned)b->state & 0xfu;
	m->in_sync = false;
	m->withheld = block_is_withheld(b);
	return m;
}

void elements_remove(struct elements *e, const struct block *b)
{
	struct element *el = elements_find(e, block_list(b->direction), &b->target);
	struct member *gone = el ? element_member(el, b->service) : NULL;
	if (!gone)
		return;
	if (gone == &el->first && !gone->next) {
		element_remove(e, el);
		return;
	}
	struct member *before = &el->first;
	if (gone == before) { /* the second takes its place */
		gone = before->next;
		*before = *gone;
	} else {
		while (before->next != gone)
			before = before->next;
		before->next = gone->next;
	}
	free(gone);
}

struct member *element_member(struct element *el, enum service service)
{
	struct member *m = &el->first;
	while (m && m->service != service)
		m = m->next;
	return m;
}

bool element_wanted(const struct element *el, struct enforce_element *ret)
{
	bool wanted = false;
	struct enforce_element out = {.target = el->target, .list = el->list};
	for (const struct member *m = &el->first; m; m = m->next) {
		if (m->state == BLOCK_CANCELLING || m->withheld)
			continue;
		if (!wanted || m->expires > out.expires) {
			out.expires = m->expires;
			out.record = m->block;
		}
		wanted = true;
	}
	if (wanted)
		*ret = out;
	return wanted;
}

struct enforce_order elements_order(
	const struct elements *e, enum enforce_list list, const struct prefix *target)
{
	struct enforce_order order = {.element = {.target = *target, .list = list}};
	const struct element *el = elements_find(e, list, target);
	order.remove = !el || !element_wanted(el, &order.element);
	return order;
}

int elements_each(struct elements *e, int (*fn)(void *ctx, struct element *el), void *ctx)
{
	int r = 0;
	for (uint32_t place = 1; place <= e->places && r == 0; place++)
		if (at(e, place)->list != NOBODY)
			r = fn(ctx, at(e, place));
	return r;
}
