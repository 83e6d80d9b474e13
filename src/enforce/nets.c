/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "enforce/nets.h"

#include "base/util.h"

#include <errno.h>
#include <string.h>

void nets_done(struct nets *nets)
{
	free(nets->list);
	*nets = (struct nets){0};
}

void entries_done(struct entries *entries)
{
	free(entries->list);
	*entries = (struct entries){0};
}

int entries_add(struct entries *entries, const struct entry *entry)
{
	if (entries->most && entries->n == entries->most)
		return -E2BIG;
	if (entries->n == entries->size) {
		size_t size = entries->size ? 2 * entries->size : 16;
		struct entry *p = reallocarray(entries->list, size, sizeof(*p));
		if (!p)
			return -ENOMEM;
		entries->list = p;
		entries->size = size;
	}
	entries->list[entries->n++] = *entry;
	return 0;
}

static int prefix_compare(const struct prefix *a, const struct prefix *b)
{
	int r = memcmp(&a->addr, &b->addr, sizeof(a->addr));
	return r ? r : (int)a->len - (int)b->len;
}

/* Where prefix is, or would be. */
static size_t position(const struct nets *nets, const struct prefix *prefix)
{
	size_t low = 0, high = nets->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (prefix_compare(&nets->list[middle].prefix, prefix) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct nets *nets, size_t at, const struct prefix *prefix)
{
	return at < nets->n && prefix_eq(&nets->list[at].prefix, prefix);
}

const struct net *nets_find(const struct nets *nets, const struct prefix *prefix)
{
	size_t at = position(nets, prefix);
	return is_at(nets, at, prefix) ? &nets->list[at] : NULL;
}

bool nets_hold(const struct nets *nets, const struct addr *address)
{
	bool held = false;
	for (unsigned len = 0; len <= 128 && nets->n > 0 && !held; len++) {
		struct prefix p = prefix_of(address, len);
		held = nets_find(nets, &p) != NULL;
	}
	return held;
}

static int grow(struct nets *nets)
{
	if (nets->n < nets->size)
		return 0;
	if (nets->n >= NETS_MAX)
		return -ENOSPC;
	size_t size = nets->size ? 2 * nets->size : 64;
	struct net *p = reallocarray(nets->list, size, sizeof(*p));
	if (!p)
		return -ENOMEM;
	nets->list = p;
	nets->size = size;
	return 0;
}

int nets_put(struct nets *nets, const struct net *net)
{
	size_t at = position(nets, &net->prefix);
	if (!is_at(nets, at, &net->prefix)) {
		int r = grow(nets);
		if (r < 0)
			return r;
		memmove(nets->list + at + 1, nets->list + at, (nets->n - at) * sizeof(*net));
		nets->n++;
	}
	nets->list[at] = *net;
	return 0;
}

int nets_append(struct nets *nets, const struct net *net)
{
	int r = grow(nets);
	if (r < 0)
		return r;
	nets->list[nets->n++] = *net;
	return 0;
}

bool nets_drop(struct nets *nets, const struct prefix *prefix)
{
	size_t at = position(nets, prefix);
	if (!is_at(nets, at, prefix))
		return false;
	nets->n--;
	memmove(nets->list + at, nets->list + at + 1, (nets->n - at) * sizeof(*nets->list));
	return true;
}

void nets_expire(struct nets *nets, int64_t now)
{
	size_t kept = 0;
	for (size_t i = 0; i < nets->n; i++)
		if (nets->list[i].expires > now)
			nets->list[kept++] = nets->list[i];
	nets->n = kept;
}

/* By prefix; the longest-lived of equals first. */
static int net_compare(const void *a, const void *b)
{
	const struct net *x = a, *y = b;
	int r = prefix_compare(&x->prefix, &y->prefix);
	if (r || x->expires == y->expires)
		return r;
	return x->expires > y->expires ? -1 : 1;
}

void nets_sort(struct nets *nets)
{
	if (nets->n == 0)
		return;
	qsort(nets->list, nets->n, sizeof(*nets->list), net_compare);
	size_t kept = 1;
	for (size_t i = 1; i < nets->n; i++)
		if (!prefix_eq(&nets->list[i].prefix, &nets->list[kept - 1].prefix))
			nets->list[kept++] = nets->list[i];
	nets->n = kept;
}

/* The way from the left to the right through nested prefixes. */
struct walk {
	const struct net *open[129]; /* each within the one before, and outliving it */
	size_t depth;
	const struct net *first;
	struct addr next; /* the first address not yet said anything about */
	bool past;        /* there is none: the last one was the very last address */
	enum set_id set;
	struct entries *ranges;
	int error;
};

static struct addr addr_step(const struct addr *a, int by, bool *ret_past)
{
	struct addr out = *a;
	for (int i = 15; i >= 0; i--) {
		out.b[i] = (uint8_t)(out.b[i] + by);
		if (by > 0 ? out.b[i] != 0 : out.b[i] != 0xff)
			return out;
	}
	*ret_past = true;
	return out;
}

/* Says what the innermost open net says, from w->next up to and with last. */
static void say(struct walk *w, const struct addr *last)
{
	const struct net *net = w->open[w->depth - 1];
	if (w->past || memcmp(&w->next, last, sizeof(*last)) > 0 || w->error)
		return;
	struct entry e = {.first = w->next,
		.last = *last,
		.expires = net->expires,
		.record = net->record,
		.from = (uint32_t)(net - w->first),
		.set = (uint8_t)w->set};
	w->error = entries_add(w->ranges, &e);
	w->next = addr_step(last, 1, &w->past);
}

static void close_innermost(struct walk *w)
{
	struct addr last = element_last(&w->open[w->depth - 1]->prefix);
	say(w, &last);
	w->depth--;
}

static void enter(struct walk *w, const struct net *net)
{
	while (w->depth > 0 && !prefix_has(&w->open[w->depth - 1]->prefix, &net->prefix.addr))
		close_innermost(w);
	if (w->depth > 0) {
		if (w->open[w->depth - 1]->expires >= net->expires)
			return; /* what lies around it outlives it */
		bool none = false;
		struct addr before = addr_step(&net->prefix.addr, -1, &none);
		if (!none)
			say(w, &before);
	}
	w->next = net->prefix.addr;
	w->past = false;
	w->open[w->depth++] = net;
}

int nets_flatten(const struct nets *nets, enum set_id set, struct entries *ranges)
{
	struct walk w = {.first = nets->list, .set = set, .ranges = ranges};
	for (size_t i = 0; i < nets->n; i++)
		enter(&w, &nets->list[i]);
	while (w.depth > 0)
		close_innermost(&w);
	return w.error;
}
