/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Custom blocks made and changed: one, or a hundred thousand in one transaction.
 * Its servers are given anew each time; one that is no longer named lets go.
 */
#include "base/clock.h"
#include "core/custom.h"
#include "core/never.h"
#include "core/private.h"

#include <errno.h>

/* Records one import may make: a mistake must not fill the disk. */
#define IMPORT_RECORDS_MAX 2000000
/* One that makes more is not audited address by address. */
#define AUDIT_EACH 1000

struct put {
	struct core *core;
	const struct core_caller *who;
	enum core_custom_mode mode;
	const struct core_custom_wish *wish; /* of one, or what all share */
	unsigned *ret_bad;
	struct err *err;

	struct targets servers;
	bool here; /* this machine is one of them */
	struct never never;
	bool alike; /* one of many that are: audit_import() speaks for the new ones */
};

static void put_done(struct put *p)
{
	targets_done(&p->servers);
	never_done(&p->never);
}

/* Whom it is for, and what may be blocked there. */
static int prepare(struct put *p)
{
	struct core *c = p->core;
	const struct core_custom_wish *wish = p->wish;
	if (wish->direction != BLOCK_IN && wish->direction != BLOCK_OUT)
		return err_set(p->err, CORE_INVALID, "direction: in or out");
	if (wish->expires <= clock_now())
		return err_set(p->err, CORE_INVALID, "the end lies in the past");
	int r = wish->n == 0 ? targets_all(c->store, p->who->account, &p->servers)
			     : targets_of(c->store, p->who->account, wish->uuids, wish->n,
				       &p->servers, p->ret_bad, p->err);
	p->here = c->host.id != 0 && targets_has(&p->servers, c->host.id);
	return r == 0 ? never_load(c, p->who->account, &p->never) : r;
}

static int find_old(
	const struct put *p, const struct prefix *target, struct custom_block *ret, bool *ret_known)
{
	char text[PREFIX_TEXT_MAX];
	int r = store_custom_find(p->core->store, p->who->account, target, p->wish->direction, ret);
	if (r < 0)
		return r;
	*ret_known = r == 0;
	if (r == 0 && p->mode == CUSTOM_CREATE)
		return err_set(p->err, CORE_EXISTS, "there is a custom block of %s",
			prefix_format(target, text));
	if (r != 0 && p->mode == CUSTOM_MODIFY)
		return err_set(p->err, CORE_NOT_FOUND, "no custom block of %s",
			prefix_format(target, text));
	return 0;
}

/* What is changed while it is disabled stays so. One that had ended begins again. */
static bool stays_off(const struct put *p, const struct custom_block *old, int64_t now)
{
	return p->mode == CUSTOM_MODIFY && old->id != 0 && !old->enabled && old->expires > now;
}

/* old: all zero when there was none. */
static struct custom_block changed(
	const struct put *p, const struct prefix *target, const struct custom_block *old)
{
	int64_t now = clock_now();
	struct custom_block cb = *old;
	cb.account = p->who->account;
	cb.target = *target;
	cb.direction = p->wish->direction;
	cb.enabled = !stays_off(p, old, now);
	cb.everywhere = p->wish->n == 0;
	cb.expires = p->wish->expires;
	cb.created = old->id ? old->created : now;
	cb.changed = now;
	(void)snprintf(cb.why, sizeof(cb.why), "%s", p->wish->why ? p->wish->why : "");
	return cb;
}

/* Servers that are no longer named let go. */
static int leave(const struct put *p, const struct custom_block *cb)
{
	struct core *c = p->core;
	_cleanup_(targets_done) struct targets before = {0};
	int r = custom_servers(c, cb->id, &before);
	for (unsigned i = 0; i < before.n && r == 0; i++) {
		if (targets_has(&p->servers, before.ids[i]))
			continue;
		r = custom_drop(c, cb, before.ids[i]);
		if (r == 0)
			r = store_custom_target_remove(c->store, cb->id, before.ids[i]);
	}
	return r;
}

static int cover(const struct put *p, const struct custom_block *cb)
{
	int r = 0;
	for (unsigned i = 0; i < p->servers.n && r == 0; i++) {
		r = store_custom_target_put(p->core->store, cb->id, p->servers.ids[i]);
		if (r == 0 && cb->enabled)
			r = custom_want(p->core, cb, p->servers.ids[i], false);
	}
	return r;
}

static void audit_put(
	const struct put *p, const struct custom_block *old, const struct custom_block *cb)
{
	char object[PREFIX_TEXT_MAX], before[CUSTOM_TEXT_MAX] = "", after[CUSTOM_TEXT_MAX];
	if (old->id != 0)
		custom_text(old, old->servers, before);
	const struct change change = {.what = "block",
		.object = prefix_format(&cb->target, object),
		.before = before,
		.after = custom_text(cb, p->servers.n, after)};
	audit_change(p->core, p->who, &change, "by hand%s%s", cb->why[0] ? ": " : "", cb->why);
}

/* In a transaction. ret_known: it was there before. */
static int put_one(const struct put *p, const struct prefix *target, bool *ret_known)
{
	struct custom_block old = {0};
	bool known = false;
	int r = find_old(p, target, &old, &known);
	if (r != 0)
		return r;
	if (!known)
		old = (struct custom_block){0};
	struct custom_block cb = changed(p, target, &old);
	r = store_custom_put(p->core->store, &cb);
	if (r == 0 && known)
		r = leave(p, &cb);
	if (r == 0)
		r = cover(p, &cb);
	if (r == 0 && (known || !p->alike))
		audit_put(p, &old, &cb);
	*ret_known = known;
	return r;
}

static int do_put(struct core *c, void *arg)
{
	_cleanup_(put_done) struct put p = *(struct put *)arg;
	int r = prepare(&p);
	const struct prefix target = prefix_of(&p.wish->target.addr, p.wish->target.len);
	if (r == 0)
		r = never_refuse(&p.never, p.here, &target, p.err);
	if (r == 0)
		r = store_begin(c->store);
	if (r != 0)
		return r;
	bool known = false;
	r = put_one(&p, &target, &known);
	blocks_arm_expiry(c, p.wish->expires);
	return operation_end(c, r);
}

int core_custom_put(struct core *c, const struct core_caller *who, enum core_custom_mode mode,
	const struct core_custom_wish *wish, unsigned *ret_bad, struct err *err)
{
	struct put p = {
		.core = c, .who = who, .mode = mode, .wish = wish, .ret_bad = ret_bad, .err = err};
	return core_call(c, do_put, &p);
}

/* One of the many, as it was given. */
struct one {
	struct prefix target;
	enum block_direction direction;
	size_t index;
};

struct importing {
	struct put put;
	const struct core_import *import;
	struct one *list; /* what may be blocked, each once, in the order of the store's tables */
	size_t n;
	size_t refused;
};

static void importing_done(struct importing *a)
{
	put_done(&a->put);
	free(a->list);
}

/* The same twice: the later one counts, and comes first. */
static int by_address(const void *a, const void *b)
{
	const struct one *x = a, *y = b;
	int order = memcmp(&x->target, &y->target, sizeof(x->target));
	if (order == 0)
		order = (x->direction > y->direction) - (x->direction < y->direction);
	return order ? order : (x->index < y->index) - (x->index > y->index);
}

static void sort(struct importing *a)
{
	size_t n = 0;
	qsort(a->list, a->n, sizeof(*a->list), by_address);
	for (size_t i = 0; i < a->n; i++)
		if (n == 0 || !prefix_eq(&a->list[n - 1].target, &a->list[i].target) ||
			a->list[n - 1].direction != a->list[i].direction)
			a->list[n++] = a->list[i];
	a->n = n;
}

/* What one of them wants: what all share, and what it says itself. */
static struct core_custom_wish wish_of(const struct core_import *import, const struct one *one)
{
	struct core_custom_wish wish = import->common;
	wish.target = one->target;
	wish.direction = one->direction;
	if (import->expires)
		wish.expires = import->expires[one->index];
	if (import->whys && import->whys[one->index])
		wish.why = import->whys[one->index];
	return wish;
}

/* NULL: nothing is wrong with it. */
static const char *why_not(const struct importing *a, const struct one *one, int64_t now)
{
	const struct put *p = &a->put;
	if (one->direction != BLOCK_IN && one->direction != BLOCK_OUT)
		return "direction: in or out";
	if (a->import->expires && a->import->expires[one->index] <= now)
		return "the end lies in the past";
	enum protect_reason why = never_why(&p->never, p->here, &one->target);
	return why == PROTECT_NONE ? NULL : protect_reason_text(why);
}

static int select_targets(struct importing *a)
{
	const struct core_import *import = a->import;
	const struct put *p = &a->put;
	int64_t now = clock_now();
	a->list = calloc(MAX_OF(import->n, (size_t)1), sizeof(*a->list));
	if (!a->list)
		return -ENOMEM;
	for (size_t i = 0; i < import->n; i++) {
		struct one *one = &a->list[a->n];
		one->target = prefix_of(&import->targets[i].addr, import->targets[i].len);
		one->direction =
			import->directions ? import->directions[i] : import->common.direction;
		one->index = i;
		const char *why = why_not(a, one, now);
		a->n += why == NULL;
		a->refused += why != NULL;
		if (why && import->refused)
			import->refused(import->ctx, i, why);
	}
	if (a->refused > 0 && !import->skip_refused)
		return err_set(p->err, CORE_INVALID, "%zu of %zu cannot be blocked", a->refused,
			import->n);
	sort(a);
	if (a->n * MAX_OF(p->servers.n, 1u) > IMPORT_RECORDS_MAX)
		return err_set(p->err, CORE_INVALID, "%zu on %u servers are too many at once", a->n,
			p->servers.n);
	return 0;
}

static bool is_alike(const struct importing *a, const struct core_custom_wish *wish)
{
	const struct core_custom_wish *common = &a->import->common;
	const char *why = wish->why ? wish->why : "", *as = common->why ? common->why : "";
	return a->n > AUDIT_EACH && wish->expires == common->expires && strcmp(why, as) == 0;
}

/* So many new ones that are alike are one change: each says itself when it was made. What was
   there before has a row of its own, with what it was. */
static void audit_import(struct importing *a, enum block_direction direction, size_t n)
{
	struct put *p = &a->put;
	struct core_custom_wish wish = a->import->common;
	const struct custom_block none = {0};
	char object[64], after[CUSTOM_TEXT_MAX];
	if (n == 0)
		return;
	wish.direction = direction;
	p->wish = &wish;
	const struct custom_block cb = changed(p, &(struct prefix){0}, &none);
	(void)snprintf(object, sizeof(object), "%zu addresses", n);
	const struct change change = {.what = "block.import",
		.object = object,
		.after = custom_text(&cb, p->servers.n, after)};
	audit_change(p->core, p->who, &change, "%zu given, %zu refused", a->import->n, a->refused);
	p->wish = &a->import->common;
}

static int put_all(struct importing *a)
{
	size_t alike[] = {[BLOCK_IN] = 0, [BLOCK_OUT] = 0};
	int r = 0;
	for (size_t i = 0; i < a->n && r == 0; i++) {
		const struct core_custom_wish wish = wish_of(a->import, &a->list[i]);
		bool known = false;
		a->put.wish = &wish;
		a->put.alike = is_alike(a, &wish);
		r = put_one(&a->put, &a->list[i].target, &known);
		alike[wish.direction] += a->put.alike && !known;
		blocks_arm_expiry(a->put.core, wish.expires);
	}
	audit_import(a, BLOCK_IN, alike[BLOCK_IN]);
	audit_import(a, BLOCK_OUT, alike[BLOCK_OUT]);
	a->put.wish = &a->import->common;
	return r;
}

static int do_import(struct core *c, void *arg)
{
	struct importing *out = arg;
	_cleanup_(importing_done) struct importing a = *out;
	int r = prepare(&a.put);
	if (r == 0)
		r = select_targets(&a);
	if (r == 0)
		r = store_begin(c->store);
	if (r != 0)
		return r;
	out->n = a.n;
	return operation_end(c, put_all(&a));
}

int core_custom_import(struct core *c, const struct core_caller *who,
	const struct core_import *import, size_t *ret_done, struct err *err)
{
	struct importing a = {.import = import,
		.put = {.core = c,
			.who = who,
			.mode = CUSTOM_PUT,
			.wish = &import->common,
			.err = err}};
	int r = core_call(c, do_import, &a);
	if (r == 0)
		*ret_done = a.n;
	return r;
}
