/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lifting by address: every record that holds any part of it, on one server or
 * on all, whoever made it. A custom block that holds nothing anywhere after that is
 * disabled, so that nothing brings it back.
 */
#include "base/log.h"
#include "core/custom.h"
#include "core/private.h"

#include <errno.h>

struct lifting {
	struct core *core;
	int64_t account;
	const struct prefix *target; /* NULL: whatever is never blocked here */
	const struct targets *on;    /* NULL: all servers */
	struct block *list;
	unsigned n, size;
	struct custom_ids customs;
};

static void lifting_done(struct lifting *l)
{
	free(l->list);
	custom_ids_done(&l->customs);
}

static int add(struct lifting *l, const struct block *b)
{
	if (l->on && !targets_has(l->on, b->host))
		return 0;
	if (l->n == l->size) {
		unsigned size = l->size ? l->size * 2 : 16;
		struct block *more = reallocarray(l->list, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		l->list = more;
		l->size = size;
	}
	l->list[l->n++] = *b;
	return 0;
}

static int add_remote(void *ctx, const struct block *b)
{
	struct lifting *l = ctx;
	return block_is_remote(l->core, b) ? add(l, b) : 0;
}

/* This machine's, those that failed too: the next comparison would order them again. */
static int add_element(void *ctx, struct element *el)
{
	struct lifting *l = ctx;
	if (l->target ? !prefix_overlaps(l->target, &el->target)
		      : protect_prefix(l->core->protect, &el->target) == PROTECT_NONE)
		return 0;
	int r = 0;
	for (const struct member *m = &el->first; m && r >= 0; m = m->next) {
		struct block b;
		/* what is withheld because of that says so, and is in no kernel */
		if (m->state == BLOCK_CANCELLING || (!l->target && m->withheld))
			continue;
		r = store_block_get(l->core->store, m->block, &b);
		if (r == 0)
			r = add(l, &b);
	}
	return MIN_OF(r, 0);
}

static int collect_blocks(struct lifting *l)
{
	struct core *c = l->core;
	int r = 0;
	if (l->target)
		r = store_block_covering(c->store, l->account, l->target, add_remote, l);
	if (r == 0 && c->host.id != 0 && c->host.account == l->account)
		r = elements_each(&c->elements, add_element, l);
	return r;
}

struct failed {
	struct lifting *lifting;
	const struct custom_block *custom;
};

static int add_failed(void *ctx, const struct custom_instance *i)
{
	struct failed *f = ctx;
	struct core *c = f->lifting->core;
	struct block b;
	if (i->state != BLOCK_FAILED || i->host == c->host.id)
		return 0;
	int r = store_block_find(
		c->store, i->host, &f->custom->target, SERVICE_NONE, f->custom->direction, &b);
	return r == 0 ? add(f->lifting, &b) : MIN_OF(r, 0);
}

/* What an agent refused it might try again. Only for a custom block does anybody ask it to. */
static int collect_failed(struct lifting *l)
{
	int r = 0;
	for (unsigned i = 0; i < l->customs.n && r == 0; i++) {
		struct custom_block cb;
		struct failed f = {.lifting = l, .custom = &cb};
		r = store_custom_get(l->core->store, l->customs.ids[i], &cb);
		if (r == 0)
			r = store_custom_instances(l->core->store, &cb, add_failed, &f);
	}
	return r;
}

/* The custom blocks behind the records, and those of which there is no record in force. */
static int collect_customs(struct lifting *l)
{
	struct core *c = l->core;
	int r = l->target ? custom_overlapping(c, l->account, l->target, &l->customs) : 0;
	for (unsigned i = 0; i < l->n && r == 0; i++) {
		struct custom_block cb;
		const struct block *b = &l->list[i];
		if (b->service != SERVICE_NONE)
			continue;
		r = store_custom_find(c->store, b->account, &b->target, b->direction, &cb);
		if (r == 0 && cb.enabled)
			r = custom_ids_add(&l->customs, cb.id);
		r = MIN_OF(r, 0);
	}
	if (r == 0)
		custom_ids_sort(&l->customs);
	return r == 0 && l->target ? collect_failed(l) : r;
}

int lift_overlapping(struct core *c, const struct core_caller *who, const struct prefix *target,
	const struct targets *on, unsigned *ret_n)
{
	_cleanup_(lifting_done) struct lifting l = {
		.core = c, .account = who->account, .target = target, .on = on};
	int r = collect_blocks(&l);
	if (r == 0)
		r = collect_customs(&l);
	for (unsigned i = 0; i < l.n && r == 0; i++)
		r = operation_lift(c, who, &l.list[i]);
	unsigned disabled = 0;
	for (unsigned i = 0; i < l.customs.n && r == 0; i++)
		r = custom_lifted(c, who, l.customs.ids[i], &disabled);
	*ret_n = MAX_OF(l.n, disabled); /* one that had no server yet is something, too */
	return r;
}

int operations_lift_protected(struct core *c)
{
	const struct core_caller who = {.account = c->account.id, .who = "cordond"};
	unsigned n = 0;
	int r = store_begin(c->store);
	if (r == 0)
		r = lift_overlapping(c, &who, NULL, NULL, &n);
	if (r == 0 && n > 0)
		log_warning("%u blocks lifted: what they hold is never blocked now", n);
	return operation_end(c, r);
}

struct unblock {
	const struct core_caller *who;
	const struct prefix *target;
	const char *const *uuids;
	unsigned uuid_count;
	unsigned n;
	struct err *err;
};

static int do_unblock(struct core *c, void *arg)
{
	struct unblock *a = arg;
	char text[PREFIX_TEXT_MAX];
	_cleanup_(targets_done) struct targets on = {0};
	int r = targets_of(c->store, a->who->account, a->uuids, a->uuid_count, &on, NULL, a->err);
	if (r == 0)
		r = store_begin(c->store);
	if (r != 0)
		return r;
	r = lift_overlapping(c, a->who, a->target, a->uuid_count ? &on : NULL, &a->n);
	if (r == 0 && a->n == 0)
		r = err_set(a->err, CORE_NOT_FOUND, "%s is not blocked",
			prefix_format(a->target, text));
	return operation_end(c, r);
}

int core_unblock(struct core *c, const struct core_caller *who, const struct prefix *target,
	const char *const *uuids, unsigned n, unsigned *ret_n, struct err *err)
{
	struct unblock a = {
		.who = who, .target = target, .uuids = uuids, .uuid_count = n, .err = err};
	int r = core_call(c, do_unblock, &a);
	if (r == 0)
		*ret_n = a.n;
	return r;
}
