/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Custom blocks by the list: a hundred thousand in one transaction. Each is put as one alone would
 * be (custom_put.c); what the servers have of the new ones is made server by server, at once.
 */
#include "base/clock.h"
#include "core/custom.h"
#include "core/custom_put.h"

#include <errno.h>

/* Records one import may make: a mistake must not fill the disk. */
#define IMPORT_RECORDS_MAX 2000000
/* One that makes more is not audited address by address. */
#define AUDIT_EACH 1000

/* One of the many, as it was given. */
struct one {
	struct prefix target;
	enum block_direction direction;
	size_t index;
	int64_t id; /* of its new custom block; 0: there was one */
};

struct importing {
	struct custom_put put;
	const struct core_import *import;
	struct one *list; /* what may be blocked, each once, in the order of the store's tables */
	size_t n;
	size_t refused;
	struct custom_batch batch;
	size_t alike[BLOCK_OUT + 1]; /* new ones that audit_import() speaks for */
};

static void importing_done(struct importing *a)
{
	custom_put_done(&a->put);
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
static const char *why_not(const struct importing *a, const struct one *one)
{
	const struct custom_put *p = &a->put;
	if (one->direction != BLOCK_IN && one->direction != BLOCK_OUT)
		return "direction: in or out";
	if (a->import->expires && a->import->expires[one->index] <= p->now)
		return "the end lies in the past";
	enum protect_reason why = never_why(&p->never, p->here, &one->target);
	return why == PROTECT_NONE ? NULL : protect_reason_text(why);
}

static int select_targets(struct importing *a)
{
	const struct core_import *import = a->import;
	const struct custom_put *p = &a->put;
	a->list = calloc(MAX_OF(import->n, (size_t)1), sizeof(*a->list));
	if (!a->list)
		return -ENOMEM;
	for (size_t i = 0; i < import->n; i++) {
		struct one *one = &a->list[a->n];
		one->target = prefix_of(&import->targets[i].addr, import->targets[i].len);
		one->direction =
			import->directions ? import->directions[i] : import->common.direction;
		one->index = i;
		const char *why = why_not(a, one);
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
static void audit_import(struct importing *a, enum block_direction direction)
{
	struct custom_put *p = &a->put;
	struct core_custom_wish wish = a->import->common;
	const struct custom_block none = {0};
	size_t n = a->alike[direction];
	char object[64], after[CUSTOM_TEXT_MAX];
	if (n == 0)
		return;
	wish.direction = direction;
	p->wish = &wish;
	const struct custom_block cb = custom_put_changed(p, &(struct prefix){0}, &none);
	(void)snprintf(object, sizeof(object), "%zu addresses", n);
	const struct change change = {.what = "block.import",
		.object = object,
		.after = custom_text(&cb, p->servers.n, after)};
	audit_change(p->core, p->who, &change, "%zu given, %zu refused", a->import->n, a->refused);
	p->wish = &a->import->common;
}

/* p->wish: what it wants. What is there already is changed; the new ones' servers come later. */
static int put_one(struct importing *a, struct one *one)
{
	const struct custom_put *p = &a->put;
	const struct custom_block none = {0};
	struct custom_block cb = custom_put_changed(p, &one->target, &none);
	int r = store_custom_add(p->core->store, &a->batch, &cb);
	blocks_arm_expiry(p->core, cb.expires);
	if (r == STORE_EXISTS)
		return custom_put_one(p, &one->target);
	if (r != 0)
		return r;
	one->id = cb.id;
	if (is_alike(a, p->wish))
		a->alike[cb.direction]++;
	else
		custom_put_audit(p, &none, &cb);
	return 0;
}

static int put_list(struct importing *a)
{
	int r = 0;
	a->batch = (struct custom_batch){
		.account = a->put.who->account, .changed = a->put.now, .servers = a->put.servers.n};
	for (size_t i = 0; i < a->n && r == 0; i++) {
		const struct core_custom_wish wish = wish_of(a->import, &a->list[i]);
		a->put.wish = &wish;
		r = put_one(a, &a->list[i]);
	}
	a->put.wish = &a->import->common;
	return r;
}

static int note_older(void *ctx, int64_t id)
{
	return custom_ids_add(ctx, id);
}

/* Records that were there before begin a new life, one by one. */
static int want_older(struct core *c, const struct custom_ids *older, uint32_t host)
{
	int r = 0;
	for (unsigned i = 0; i < older->n && r == 0; i++) {
		struct custom_block cb;
		r = store_custom_get(c->store, older->ids[i], &cb);
		if (r == 0)
			r = custom_want(c, &cb, host, false);
	}
	return r;
}

/* The new records of this machine, whose ids are those of their custom blocks + ahead. */
static int order_all(struct importing *a, int64_t ahead, const struct custom_ids *older)
{
	struct block b = {.host = a->put.core->host.id, .state = BLOCK_WANTED};
	unsigned skipped = 0;
	int r = 0;
	for (size_t i = 0; i < a->n && r == 0; i++) {
		const struct one *one = &a->list[i];
		if (skipped < older->n && older->ids[skipped] == one->id) {
			skipped++;
			continue;
		}
		if (one->id == 0)
			continue;
		b.id = one->id + ahead;
		b.target = one->target;
		b.direction = one->direction;
		b.expires = wish_of(a->import, one).expires;
		r = blocks_made(a->put.core, &b);
	}
	return r;
}

static int cover(struct importing *a, uint32_t host)
{
	struct core *c = a->put.core;
	_cleanup_(custom_ids_done) struct custom_ids older = {0};
	bool here = host == c->host.id;
	int64_t ahead = 0;
	int r = store_custom_cover(c->store, &a->batch, host, !here, &ahead, note_older, &older);
	if (r == 0 && here)
		r = order_all(a, ahead, &older);
	if (!here && a->batch.first != 0)
		blocks_wished(c, host);
	return r == 0 ? want_older(c, &older, host) : r;
}

static int put_all(struct importing *a)
{
	const struct targets *servers = &a->put.servers;
	int r = put_list(a);
	for (unsigned i = 0; i < servers->n && r == 0; i++)
		r = cover(a, servers->ids[i]);
	audit_import(a, BLOCK_IN);
	audit_import(a, BLOCK_OUT);
	return r;
}

static int do_import(struct core *c, void *arg)
{
	struct importing *out = arg;
	_cleanup_(importing_done) struct importing a = *out;
	int r = custom_put_prepare(&a.put);
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
