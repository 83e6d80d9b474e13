/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Orders of a long list, on their way to the enforcer. It works through what it is sent in turn,
 * so only some thousand are under way at a time: an attacker's order, and the question whether
 * somebody was answered, overtake the others. What waits is a name only; the order is made of
 * what the element is when its turn comes, so that it says nothing older than what overtook it.
 */
#include "core/private.h"

#include <errno.h>

#define UNDER_WAY 4096
#define PIECE     512
#define SIZE_MIN  1024

struct backlog_item {
	struct prefix target;
	uint8_t list; /* enum enforce_list */
};

bool backlog_waits(const struct core *c)
{
	return c->backlog.first < c->backlog.n;
}

void backlog_done(struct core *c)
{
	free(c->backlog.list);
	c->backlog = (struct backlog){0};
}

static int reserve(struct backlog *b, size_t n)
{
	if (b->n + n <= b->size)
		return 0;
	size_t size = MAX_OF(MAX_OF(2 * b->size, b->n + n), (size_t)SIZE_MIN);
	struct backlog_item *more = reallocarray(b->list, size, sizeof(*more));
	if (!more)
		return -ENOMEM;
	b->list = more;
	b->size = size;
	return 0;
}

int backlog_add(struct core *c, const struct enforce_order *orders, size_t n)
{
	struct backlog *b = &c->backlog;
	int r = reserve(b, n);
	for (size_t i = 0; r == 0 && i < n; i++)
		b->list[b->n++] = (struct backlog_item){
			orders[i].element.target, (uint8_t)orders[i].element.list};
	return r;
}

static size_t next_piece(struct core *c, struct enforce_order orders[static PIECE])
{
	struct backlog *b = &c->backlog;
	size_t n = 0;
	for (; n < PIECE && backlog_waits(c); n++, b->first++) {
		const struct backlog_item *item = &b->list[b->first];
		orders[n] = elements_order(&c->elements, item->list, &item->target);
	}
	return n;
}

int backlog_send(struct core *c)
{
	struct enforce_order orders[PIECE];
	int r = 0;
	while (r == 0 && backlog_waits(c) && c->under_way < UNDER_WAY)
		r = kernel_order(c, orders, next_piece(c, orders));
	if (!backlog_waits(c))
		backlog_done(c);
	return r;
}
