/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/elements.h"

#include "base/util.h"

#include <errno.h>

#define SIZE_MIN 64

static size_t slot_of(const struct elements *e, enum enforce_list list, const struct prefix *target)
{
	uint8_t bytes[18];
	memcpy(bytes, target->addr.b, 16);
	bytes[16] = target->len;
	bytes[17] = (uint8_t)list;
	return hash_bytes(&e->key, bytes, sizeof(bytes)) & (e->size - 1);
}

int elements_init(struct elements *e)
{
	*e = (struct elements){.size = SIZE_MIN};
	hash_key_draw(&e->key);
	e->slots = calloc(e->size, sizeof(struct element *));
	return e->slots ? 0 : -ENOMEM;
}

static void element_free(struct element *el)
{
	for (struct member *m = el->first.next, *next; m; m = next) {
		next = m->next;
		free(m);
	}
	free(el);
}

void elements_clear(struct elements *e)
{
	for (size_t i = 0; i < e->size && e->slots; i++)
		if (e->slots[i]) {
			element_free(e->slots[i]);
			e->slots[i] = NULL;
		}
	e->used = 0;
}

void elements_done(struct elements *e)
{
	elements_clear(e);
	free(e->slots);
	e->slots = NULL;
}

/* The slot that holds it, or the free one where it belongs. */
static size_t probe(const struct elements *e, enum enforce_list list, const struct prefix *target)
{
	size_t i = slot_of(e, list, target);
	while (e->slots[i] &&
		!(e->slots[i]->list == list && prefix_eq(&e->slots[i]->target, target)))
		i = (i + 1) & (e->size - 1);
	return i;
}

struct element *elements_find(
	const struct elements *e, enum enforce_list list, const struct prefix *target)
{
	return e->slots[probe(e, list, target)];
}

static int grow(struct elements *e)
{
	struct elements bigger = *e;
	bigger.size = e->size * 2;
	bigger.slots = calloc(bigger.size, sizeof(struct element *));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < e->size; i++)
		if (e->slots[i])
			bigger.slots[probe(&bigger, e->slots[i]->list, &e->slots[i]->target)] =
				e->slots[i];
	free(e->slots);
	*e = bigger;
	return 0;
}

static struct element *element_new(
	struct elements *e, enum enforce_list list, const struct prefix *target)
{
	if (e->used * 4 >= e->size * 3 && grow(e) < 0)
		return NULL;
	struct element *el = calloc(1, sizeof(*el));
	if (!el)
		return NULL;
	el->target = *target;
	el->list = (uint8_t)list;
	e->slots[probe(e, list, target)] = el;
	e->used++;
	return el;
}

/* Open addressing without tombstones: what was displaced by the hole moves back. */
static void close_hole(struct elements *e, size_t hole)
{
	size_t mask = e->size - 1;
	for (size_t i = (hole + 1) & mask; e->slots[i]; i = (i + 1) & mask) {
		size_t home = slot_of(e, e->slots[i]->list, &e->slots[i]->target);
		if (((i - home) & mask) >= ((i - hole) & mask)) {
			e->slots[hole] = e->slots[i];
			e->slots[i] = NULL;
			hole = i;
		}
	}
}

static void element_remove(struct elements *e, struct element *el)
{
	size_t i = probe(e, el->list, &el->target);
	e->slots[i] = NULL;
	e->used--;
	close_hole(e, i);
	element_free(el);
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

int elements_each(struct elements *e, int (*fn)(void *ctx, struct element *el), void *ctx)
{
	int r = 0;
	for (size_t i = 0; i < e->size && r == 0; i++)
		if (e->slots[i])
			r = fn(ctx, e->slots[i]);
	return r;
}
