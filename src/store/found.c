/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/found.h"

#include "store/sql.h"

#include <errno.h>
#include <stdlib.h>

int found_add(struct found *f, int64_t id, int64_t changed)
{
	if (f->n == f->size) {
		size_t size = f->size ? f->size * 2 : 64;
		struct found_item *items = realloc(f->items, size * sizeof(*items));
		if (!items)
			return -ENOMEM;
		f->items = items;
		f->size = size;
	}
	f->items[f->n++] = (struct found_item){id, changed};
	return 0;
}

int found_rows(struct found *f, struct query *q)
{
	int r = 0;
	while (r == 0 && sql_row(q) > 0) {
		int64_t id = sql_get_int(q), changed = sql_get_int(q);
		r = found_add(f, id, changed);
		if (r < 0)
			r = sql_error(q->s, r, "out of memory");
	}
	return sql_end(q, r);
}

static int compare(const void *a, const void *b)
{
	const struct found_item *x = a, *y = b;
	if (x->changed != y->changed)
		return x->changed < y->changed ? 1 : -1;
	return (x->id < y->id) - (x->id > y->id);
}

void found_sort(struct found *f)
{
	if (f->n)
		qsort(f->items, f->n, sizeof(*f->items), compare);
}

void found_done(struct found *f)
{
	free(f->items);
	*f = (struct found){0};
}
