/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An agent follows: what its server wants goes into the store with the version it
 * was wanted at, in one transaction, and from there to the kernel as any block of this machine
 * does. No wish waits for the disk: after a power loss the version is older too, and it is
 * asked for again. The kernel's answers change the records, and changed records are reported, which
 * is durable: the server learns what came of its wish, never only that it arrived.
 *
 * So each wish touches its record, even where nothing is left to do.
 */
#include "base/clock.h"
#include "base/log.h"
#include "core/following.h"
#include "core/private.h"

#include <errno.h>

#define STATES_HELD (1u << BLOCK_WANTED | 1u << BLOCK_APPLIED | 1u << BLOCK_FAILED)

/* By hand the machine's own command line says the same: see custom.c. */
static bool is_never_blocked(struct core *c, const struct prefix *target)
{
	return protect_prefix(c->protect, target) != PROTECT_NONE ||
	       exempt_session_within(c->exempt, target);
}

/* The record as it is wished, but for its times. */
static void describe(struct core *c, struct block *b, const struct wish *w)
{
	if (strcmp(b->rule_name, w->rule_name) != 0)
		b->rule = 0; /* the server's rule: ours of that name has another id */
	b->account = c->account.id;
	b->host = c->host.id;
	b->target = prefix_of(&w->target.addr, w->target.len);
	b->trigger = w->trigger;
	b->service = w->service;
	b->direction = w->direction;
	b->port = w->port;
	b->source = w->source;
	b->wish = w->version;
	memcpy(b->rule_name, w->rule_name, sizeof(b->rule_name));
}

static void begin(struct core *c, struct block *b, const struct wish *w, int64_t now)
{
	bool counts = b->id != 0 && (block_is_active(b->state) || b->service != SERVICE_NONE);
	blocks_begin_again(c, b, w->expires, now);
	if (counts)
		return;
	b->first_attempt = b->latest_attempt = now;
	b->attempts = 0;
}

static int take_on(struct core *c, struct block *b, const struct wish *w, int64_t now)
{
	bool as_it_is = b->id != 0 && b->state == BLOCK_APPLIED && b->expires == w->expires;
	if (!as_it_is)
		begin(c, b, w, now);
	describe(c, b, w);
	if (is_never_blocked(c, &b->target)) {
		if (block_is_active(b->state))
			kernel_sync_soon(c, 0); /* takes out what is withheld from now on */
		return blocks_change(c, b, BLOCK_FAILED, "AllowListed");
	}
	blocks_arm_expiry(c, b->expires);
	return blocks_change(c, b, as_it_is ? BLOCK_APPLIED : BLOCK_WANTED, "");
}

static int let_go(struct core *c, struct block *b, const struct wish *w, int64_t now)
{
	bool known = b->id != 0;
	if (!known && w->expires <= now)
		return 0; /* never was, and the server does not wait for an answer */
	if (known && STATES_HELD >> b->state & 1) {
		b->wish = w->version;
		return blocks_lift(c, b);
	}
	if (!known) { /* wished and lifted while nobody was here: the answer is a record, too */
		describe(c, b, w);
		b->expires = w->expires;
		b->created = b->first_attempt = b->latest_attempt = now;
		b->state = BLOCK_CANCELED;
	}
	b->wish = w->version;
	return blocks_change(c, b, b->state, "");
}

static int follow_one(struct core *c, const struct wish *w, int64_t now, int64_t *ret_id)
{
	struct block b = {0};
	struct prefix target = prefix_of(&w->target.addr, w->target.len);
	int r = store_block_find(c->store, c->host.id, &target, w->service, w->direction, &b);
	if (r < 0)
		return r;
	if (w->lift || w->expires <= now)
		r = let_go(c, &b, w, now);
	else
		r = take_on(c, &b, w, now);
	*ret_id = b.id;
	return r;
}

static int mention(struct following *f, int64_t id)
{
	if (f->mentioned_count == f->mentioned_size) {
		size_t size = f->mentioned_size ? f->mentioned_size * 2 : 256;
		int64_t *more = reallocarray(f->mentioned, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		f->mentioned = more;
		f->mentioned_size = size;
	}
	f->mentioned[f->mentioned_count++] = id;
	return 0;
}

static int follow_blocks(struct core *c, const struct wishes *w)
{
	int64_t now = clock_now();
	int r = 0;
	for (size_t i = 0; i < w->block_count && r == 0; i++) {
		int64_t id = 0;
		r = follow_one(c, &w->blocks[i], now, &id);
		if (r == 0 && c->following->in_snapshot)
			r = mention(c->following, id);
	}
	return r;
}

static int by_id(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

struct wished {
	const struct following *following; /* NULL: whatever was wished */
	struct block *list;
	size_t n, size;
};

/* Records the server once wished by hand; who attacked this machine is its own affair. */
static int collect_unmentioned(void *ctx, const struct block *b)
{
	struct wished *w = ctx;
	const struct following *f = w->following;
	if (b->wish == 0 || b->service != SERVICE_NONE)
		return 0;
	if (f && f->mentioned_count > 0 &&
		bsearch(&b->id, f->mentioned, f->mentioned_count, sizeof(b->id), by_id))
		return 0;
	if (w->n == w->size) {
		size_t size = w->size ? w->size * 2 : 64;
		struct block *more = reallocarray(w->list, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		w->list = more;
		w->size = size;
	}
	w->list[w->n++] = *b;
	return 0;
}

/* Lifts what was wished and is not in the snapshot (NULL: all of it). In a transaction. */
static int lift_unmentioned(struct core *c, struct following *f)
{
	struct wished w = {.following = f};
	if (f && f->mentioned_count > 0)
		qsort(f->mentioned, f->mentioned_count, sizeof(*f->mentioned), by_id);
	int r = store_block_each(c->store, c->host.id, STATES_HELD, collect_unmentioned, &w);
	_cleanup_(freep) struct block *list = w.list;
	for (size_t i = 0; i < w.n && r == 0; i++)
		r = blocks_lift(c, &list[i]);
	return r;
}

/* An answer to a question that was asked before everything began anew, or that came twice. */
static bool is_stale(const struct following *f, const struct wishes *w)
{
	return !w->snapshot && !f->in_snapshot && (f->version == 0 || w->version < f->version);
}

/* In a transaction. *ret_version: what is followed when it is committed. */
static int follow(struct core *c, const struct wishes *w, bool *allow, int64_t *ret_version)
{
	struct following *f = c->following;
	int r = w->has_policy ? policy_replace(c, w, allow) : 0; /* what it protects comes first */
	if (r == 0)
		r = follow_blocks(c, w);
	if (r == 0 && f->in_snapshot && !w->more)
		r = lift_unmentioned(c, f);
	/* half a snapshot is none: after a restart it is asked for again */
	*ret_version = f->in_snapshot && w->more ? 0 : w->version;
	return r == 0 ? following_put(c, META_VERSION, *ret_version) : r;
}

static int do_follow(struct core *c, void *arg)
{
	const struct wishes *w = arg;
	struct following *f = c->following;
	bool allow_changed = false;
	int64_t version = 0;
	if (!c->reports || is_stale(f, w))
		return 0;
	if (w->snapshot) {
		following_reset(f);
		f->in_snapshot = true;
	}
	int r = store_begin(c->store);
	if (r == 0)
		r = follow(c, w, &allow_changed, &version);
	r = operation_end_replayable(c, r);
	if (r != 0) {
		following_reset(f);
		if (w->has_policy && exempt_load_allow(c) < 0)
			log_error("the allow-list cannot be read: %s", store_error(c->store));
		return r;
	}
	f->version = version;
	f->cursor = w->version;
	if (!w->more)
		following_reset(f);
	return w->has_policy ? policy_follow(c, allow_changed) : 0;
}

int core_wishes_follow(struct core *c, const struct wishes *wishes)
{
	struct wishes w = *wishes;
	return core_call(c, do_follow, &w);
}

/* In a transaction. */
static int forget_server(struct core *c, bool *allow_changed)
{
	const struct wishes none = {0};
	int r = lift_unmentioned(c, NULL);
	if (r == 0)
		r = policy_replace(c, &none, allow_changed);
	if (r == 0)
		r = store_report_forget(c->store);
	if (r == 0)
		r = following_put(c, META_VERSION, 0);
	if (r == 0)
		r = following_put(c, META_BATCH, 0);
	if (r == 0)
		r = store_meta_put(c->store, META_SERVER, "");
	return r == 0 ? store_meta_put(c->store, META_ENROLMENT, "") : r;
}

static int do_dismissed(struct core *c, void *arg)
{
	bool allow_changed = false;
	(void)arg;
	if (!c->reports)
		return 0;
	int r = store_begin(c->store);
	if (r == 0)
		r = forget_server(c, &allow_changed);
	r = operation_end(c, r);
	if (r != 0) {
		(void)exempt_load_allow(c);
		return r;
	}
	c->reports = false;
	store_report_off(c->store);
	following_reset(c->following);
	c->following->version = c->following->batch = 0;
	return policy_follow(c, allow_changed);
}

int core_agent_dismissed(struct core *c)
{
	return core_call(c, do_dismissed, NULL);
}
