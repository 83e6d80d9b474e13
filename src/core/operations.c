/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Operations on blocks that dialects name. Every operation of core runs on the
 * loop's thread in one durable transaction, is written to the audit in it, and
 * returns when it is committed.
 */
#include "base/clock.h"
#include "core/never.h"
#include "core/private.h"

#include <errno.h>

#define NAMED_MAX 4096 /* records one name of a dialect can mean */

static int end(struct core *c, int r, enum store_durability durability)
{
	if (r == 0)
		r = store_commit(c->store, durability);
	if (r == 0) {
		blocks_commit(c, 0);
		return 0;
	}
	store_rollback(c->store);
	blocks_undo(c, r); /* whoever asked is told that nothing was done: so it is */
	return r;
}

int operation_end(struct core *c, int r)
{
	return end(c, r, STORE_DURABLE);
}

int operation_end_replayable(struct core *c, int r)
{
	return end(c, r, STORE_REPLAYABLE);
}

int operation_not_agents(const struct core *c, struct err *err)
{
	return c->reports ? err_set(err, CORE_INVALID,
				    "this machine is an agent: its rules and its allow-list are "
				    "made on its server")
			  : 0;
}

struct records {
	struct block *list;
	unsigned n, size;
	const struct core_block_name *name; /* when they are what a name means */
	unsigned matched;
};

static void records_done(struct records *r)
{
	free(r->list);
}

static int records_add(struct records *r, const struct block *b)
{
	if (r->n == r->size) {
		unsigned size = r->size ? r->size * 2 : 16;
		struct block *more = reallocarray(r->list, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		r->list = more;
		r->size = size;
	}
	r->list[r->n++] = *b;
	return 0;
}

/* Two names may mean one record. */
static int collect_row(void *ctx, const struct block_row *row)
{
	struct records *out = ctx;
	const struct block *b = &row->block;
	if ((out->name->id != 0 && b->id != out->name->id) ||
		(b->service == SERVICE_NONE && out->name->service == SERVICE_NONE))
		return 0;
	out->matched++;
	for (unsigned i = 0; i < out->n; i++)
		if (out->list[i].id == b->id)
			return 0;
	return records_add(out, b);
}

/* Adds the records a name means, newest first; CORE_NOT_FOUND when there are none. */
static int find_named(
	struct core *c, int64_t account, const struct core_block_name *name, struct records *ret)
{
	struct host host;
	int64_t total;
	ret->name = name;
	ret->matched = 0;
	if (store_host_by_uuid(c->store, account, name->host_uuid, &host) != 0)
		return CORE_NOT_FOUND;
	struct block_query q = {.account = account,
		.host = host.id,
		.has_address = true,
		.address = name->address,
		.service = name->service,
		.limit = NAMED_MAX};
	int r = store_block_query(c->store, &q, collect_row, ret, &total);
	if (r < 0)
		return r;
	return ret->matched > 0 ? 0 : CORE_NOT_FOUND;
}

/* For the audit: "applied on web-3". */
static const char *describe(struct core *c, const struct block *b, char *text, size_t size)
{
	struct host h;
	bool known = store_host_get(c->store, b->host, &h) == 0;
	(void)snprintf(text, size, "%s on %s", block_state_name(b->state), known ? h.name : "?");
	return text;
}

int operation_lift(struct core *c, const struct core_caller *who, struct block *b)
{
	char object[PREFIX_TEXT_MAX], before[HOST_TEXT_MAX + 32];
	if (!block_is_active(b->state) && b->state != BLOCK_FAILED)
		return 0;
	describe(c, b, before, sizeof(before));
	int r = blocks_lift(c, b);
	const struct change change = {.what = "unblock",
		.object = prefix_format(&b->target, object),
		.before = before,
		.after = block_state_name(b->state)};
	audit_change(c, who, &change, "%s, %lld attempts",
		b->service ? service_name(b->service) : "by hand", (long long)b->attempts);
	return r;
}

struct cancel {
	const struct core_caller *who;
	const struct core_block_name *names;
	unsigned n;
	unsigned *ret_bad;
	struct err *err;
};

static int do_cancel(struct core *c, void *arg)
{
	struct cancel *a = arg;
	_cleanup_(records_done) struct records records = {0};
	int r = store_begin(c->store);
	for (unsigned i = 0; i < a->n && r == 0; i++) {
		r = find_named(c, a->who->account, &a->names[i], &records);
		if (r != 0 && a->ret_bad)
			*a->ret_bad = i;
		if (r == CORE_NOT_FOUND)
			(void)err_set(a->err, r, "no such block");
	}
	for (unsigned i = 0; i < records.n && r == 0; i++)
		r = operation_lift(c, a->who, &records.list[i]);
	return operation_end(c, r);
}

int core_blocks_cancel(struct core *c, const struct core_caller *who,
	const struct core_block_name *names, unsigned n, unsigned *ret_bad, struct err *err)
{
	struct cancel a = {.who = who, .names = names, .n = n, .ret_bad = ret_bad, .err = err};
	return core_call(c, do_cancel, &a);
}

struct renew {
	const struct core_caller *who;
	const struct core_block_name *name;
	struct err *err;
};

static int renew_one(struct core *c, const struct renew *a, struct block *b)
{
	char object[PREFIX_TEXT_MAX], before[HOST_TEXT_MAX + 32];
	int64_t now = clock_now(), time = blocks_forbidden_of(c, b->rule);
	describe(c, b, before, sizeof(before));
	blocks_begin_again(c, b, time >= RULE_PERMANENT ? BLOCK_FOREVER : now + time, now);
	int r = blocks_change(c, b, BLOCK_WANTED, "");
	blocks_arm_expiry(c, b->expires);
	const struct change change = {.what = "block",
		.object = prefix_format(&b->target, object),
		.before = before,
		.after = block_state_name(b->state)};
	audit_change(
		c, a->who, &change, "%s, again", b->service ? service_name(b->service) : "by hand");
	return r;
}

static int refuse_to_renew(struct core *c, const struct renew *a, const struct records *records)
{
	_cleanup_(never_done) struct never never = {0};
	int r = 0;
	for (unsigned i = 0; i < records->n && r == 0; i++) {
		const struct block *b = &records->list[i];
		if (!never.account)
			r = never_load(c, a->who->account, &never);
		if (r == 0)
			r = never_refuse(&never, !block_is_remote(c, b), &b->target, a->err);
	}
	return r;
}

static int do_renew(struct core *c, void *arg)
{
	struct renew *a = arg;
	struct host host;
	_cleanup_(records_done) struct records records = {0};
	int r = targets_find(c->store, a->who->account, a->name->host_uuid, &host);
	if (r == 0)
		r = store_begin(c->store);
	if (r != 0)
		return r;
	r = find_named(c, a->who->account, a->name, &records);
	if (r == 0)
		r = refuse_to_renew(c, a, &records);
	for (unsigned i = 0; i < records.n && r == 0; i++)
		r = renew_one(c, a, &records.list[i]);
	return operation_end(c, r);
}

int core_block_renew(struct core *c, const struct core_caller *who,
	const struct core_block_name *name, struct err *err)
{
	struct renew a = {.who = who, .name = name, .err = err};
	return core_call(c, do_renew, &a);
}
