/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "core/tally.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>

#define SIZE_MIN  16    /* all of it is gone over for each batch, be it of one line */
#define SIZE_KEEP 65536 /* a larger table is given back when it is emptied */
#define SPARSE    16    /* and one of which so small a part was used */

int tally_init(struct tally *t)
{
	*t = (struct tally){.size = SIZE_MIN};
	hash_key_draw(&t->key);
	t->slots = calloc(t->size, sizeof(*t->slots));
	return t->slots ? 0 : -ENOMEM;
}

void tally_done(struct tally *t)
{
	free(t->slots);
	*t = (struct tally){0};
}

static size_t slot_of(const struct tally *t, const struct tally_entry *e)
{
	struct {
		int64_t minute;
		uint8_t addr[16], len, service, zero[6];
	} key = {.minute = e->minute, .len = e->source.len, .service = (uint8_t)e->service};
	memcpy(key.addr, e->source.addr.b, sizeof(key.addr));
	return hash_bytes(&t->key, &key, sizeof(key)) & (t->size - 1);
}

static struct tally_entry *probe(const struct tally *t, const struct tally_entry *e)
{
	for (size_t i = slot_of(t, e);; i = (i + 1) & (t->size - 1)) {
		struct tally_entry *at = &t->slots[i];
		if (at->n == 0 || (at->minute == e->minute && at->service == e->service &&
					  prefix_eq(&at->source, &e->source)))
			return at;
	}
}

static int grow(struct tally *t)
{
	struct tally bigger = *t;
	bigger.size = t->size * 2;
	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < t->size; i++)
		if (t->slots[i].n)
			*probe(&bigger, &t->slots[i]) = t->slots[i];
	free(t->slots);
	*t = bigger;
	return 0;
}

int tally_add(struct tally *t, int64_t time, enum service service, const struct prefix *source,
	uint32_t n)
{
	if (t->used * 2 >= t->size && grow(t) < 0)
		return -ENOMEM;
	struct tally_entry e = {.minute = time / MS_MINUTE, .source = *source, .service = service};
	struct tally_entry *at = probe(t, &e);
	if (at->n == 0) {
		*at = e;
		t->used++;
	}
	at->n += n;
	return 0;
}

static int older_first(const void *a, const void *b)
{
	const struct tally_entry *x = a, *y = b;
	if (x->minute != y->minute)
		return x->minute < y->minute ? -1 : 1;
	return memcmp(&x->source, &y->source, sizeof(x->source));
}

int tally_drain(struct tally *t, int (*fn)(void *ctx, const struct tally_entry *e), void *ctx)
{
	/* pack, then sort: the store's table is in this order, so that rows append */
	size_t n = 0;
	for (size_t i = 0; i < t->size; i++)
		if (t->slots[i].n)
			t->slots[n++] = t->slots[i];
	qsort(t->slots, n, sizeof(*t->slots), older_first);
	int r = 0;
	for (size_t i = 0; i < n && r == 0; i++)
		r = fn(ctx, &t->slots[i]);
	tally_clear(t);
	return r;
}

void tally_clear(struct tally *t)
{
	/* emptying touches all of it: after catching up the single lines must not pay for that */
	if (t->size > SIZE_KEEP || (t->size > SIZE_MIN && t->used < t->size / SPARSE)) {
		struct tally_entry *small = calloc(SIZE_MIN, sizeof(*small));
		if (small) {
			free(t->slots);
			t->slots = small;
			t->size = SIZE_MIN;
			t->used = 0;
			return;
		}
	}
	memset(t->slots, 0, t->size * sizeof(*t->slots));
	t->used = 0;
}
