/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What people and their tools may change: blocks, the allow-list, rules. Each
 * operation runs on the loop's thread in one durable transaction, is written to
 * the audit in it, and returns when it is committed.
 */
#include "base/clock.h"
#include "base/log.h"
#include "core/private.h"
#include "core/repeat.h"

#include <errno.h>
#include <stdarg.h>

#define NAMED_MAX 4096 /* records one name of a dialect can mean */

static void audit(struct core *c, const struct core_caller *who, const char *what,
	const char *object, const char *format, ...) _printf_(5, 6);

static void audit(struct core *c, const struct core_caller *who, const char *what,
	const char *object, const char *format, ...)
{
	struct audit_entry e = {.time = clock_now(), .account = who->account};
	(void)snprintf(e.who, sizeof(e.who), "%s", who->who);
	(void)snprintf(e.what, sizeof(e.what), "%s", what);
	(void)snprintf(e.object, sizeof(e.object), "%s", object);
	va_list args;
	va_start(args, format);
	(void)vsnprintf(e.detail, sizeof(e.detail), format, args);
	va_end(args);
	(void)store_audit_add(c->store, &e);
}

/* Ends an operation's transaction: result of fn first, then of the commit. */
static int finish(struct core *c, int r)
{
	if (r == 0)
		r = store_commit(c->store, STORE_DURABLE);
	if (r == 0) {
		blocks_commit(c, 0);
		return 0;
	}
	store_rollback(c->store);
	blocks_undo(c, r); /* whoever asked is told that nothing was done: so it is */
	return r;
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

/* The source begins anew: what it did before its block was lifted is forgiven. */
static void forgive(struct core *c, const struct block *b)
{
	struct window_key key = {.host = b->host, .service = b->service, .source = b->target};
	c->touched = true;
	window_clear(c->windows, &key);
	(void)store_window_put(c->store, b->host, (int)b->service, &b->target, NULL, 0);
}

static int lift(struct core *c, const struct core_caller *who, struct block *b)
{
	char text[PREFIX_TEXT_MAX];
	switch (b->state) {
	case BLOCK_WANTED:
	case BLOCK_APPLIED:
		forgive(c, b);
		audit(c, who, "unblock", prefix_format(&b->target, text), "%s, %lld attempts",
			service_name(b->service), (long long)b->attempts);
		return blocks_change(c, b, BLOCK_CANCELLING, "");
	case BLOCK_FAILED: /* the kernel never had it: nothing to wait for */
		forgive(c, b);
		audit(c, who, "unblock", prefix_format(&b->target, text), "%s, was not in force",
			service_name(b->service));
		return blocks_change(c, b, BLOCK_CANCELED, "");
	default:
		return 0;
	}
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
		r = lift(c, a->who, &records.list[i]);
	return finish(c, r);
}

int core_blocks_cancel(struct core *c, const struct core_caller *who,
	const struct core_block_name *names, unsigned n, unsigned *ret_bad, struct err *err)
{
	struct cancel a = {.who = who, .names = names, .n = n, .ret_bad = ret_bad, .err = err};
	return core_call(c, do_cancel, &a);
}

static int refuse_protected(struct core *c, const struct prefix *target, struct err *err)
{
	char text[PREFIX_TEXT_MAX];
	enum protect_reason why = protect_prefix(c->protect, target);
	if (why == PROTECT_NONE)
		return 0;
	return err_set(err, CORE_PROTECTED, "%s is never blocked: %s", prefix_format(target, text),
		protect_reason_text(why));
}

/* By hand or by a dialect: an administrator at work is not cut off either. */
static int refuse_to_block(struct core *c, const struct prefix *target, struct err *err)
{
	char text[PREFIX_TEXT_MAX];
	int r = refuse_protected(c, target, err);
	if (r == 0 && exempt_session_within(c->exempt, target))
		r = err_set(err, CORE_PROTECTED, "%s is never blocked: %s",
			prefix_format(target, text), protect_reason_text(PROTECT_SESSION));
	return r;
}

static void begin_again(struct core *c, struct block *b, int64_t expires, int64_t now)
{
	if (b->id != 0)
		blocks_audit_life(c, b);
	if (b->id == 0 || !block_is_active(b->state)) /* else it is the same life, renewed */
		b->lives = repeat_life(&c->settings->repeat, b, now);
	b->created = now;
	b->expires = expires;
	b->applied_once = false;
}

struct renew {
	const struct core_caller *who;
	const struct core_block_name *name;
	struct err *err;
};

static int renew_one(struct core *c, const struct renew *a, struct block *b)
{
	char text[PREFIX_TEXT_MAX];
	int64_t now = clock_now(), time = blocks_forbidden_of(c, b->rule);
	begin_again(c, b, time >= RULE_PERMANENT ? BLOCK_FOREVER : now + time, now);
	audit(c, a->who, "block", prefix_format(&b->target, text), "%s, again",
		service_name(b->service));
	int r = blocks_change(c, b, BLOCK_WANTED, "");
	blocks_arm_expiry(c, b->expires);
	return r;
}

static int do_renew(struct core *c, void *arg)
{
	struct renew *a = arg;
	_cleanup_(records_done) struct records records = {0};
	int r = store_begin(c->store);
	if (r == 0)
		r = find_named(c, a->who->account, a->name, &records);
	for (unsigned i = 0; i < records.n && r == 0; i++)
		r = refuse_to_block(c, &records.list[i].target, a->err);
	for (unsigned i = 0; i < records.n && r == 0; i++)
		r = renew_one(c, a, &records.list[i]);
	return finish(c, r);
}

int core_block_renew(struct core *c, const struct core_caller *who,
	const struct core_block_name *name, struct err *err)
{
	struct renew a = {.who = who, .name = name, .err = err};
	return core_call(c, do_renew, &a);
}

struct by_hand {
	const struct core_caller *who;
	const struct prefix *target;
	enum block_direction direction;
	int64_t expires;
	const char *why;
	struct err *err;
};

static int do_by_hand(struct core *c, void *arg)
{
	struct by_hand *a = arg;
	char text[PREFIX_TEXT_MAX];
	int64_t now = clock_now();
	int r = refuse_to_block(c, a->target, a->err);
	if (r != 0)
		return r;
	if (a->expires <= now)
		return err_set(a->err, CORE_INVALID, "the end lies in the past");
	struct block b = {0};
	r = store_begin(c->store);
	if (r == 0)
		r = store_block_find(
			c->store, c->host.id, a->target, SERVICE_NONE, a->direction, &b);
	if (r >= 0) {
		begin_again(c, &b, a->expires, now);
		b.account = c->account.id;
		b.host = c->host.id;
		b.target = *a->target;
		b.trigger = a->target->addr;
		b.direction = a->direction;
		b.source = RULE_USER;
		b.first_attempt = b.latest_attempt = now;
		b.attempts = 0;
		(void)snprintf(b.rule_name, sizeof(b.rule_name), "%s", a->why ? a->why : "");
		audit(c, a->who, "block", prefix_format(a->target, text), "by hand: %s",
			b.rule_name);
		r = blocks_change(c, &b, BLOCK_WANTED, "");
		blocks_arm_expiry(c, b.expires);
	}
	return finish(c, r);
}

int core_block_by_hand(struct core *c, const struct core_caller *who, const struct prefix *target,
	enum block_direction direction, int64_t expires, const char *why, struct err *err)
{
	struct by_hand a = {.who = who,
		.target = target,
		.direction = direction,
		.expires = expires,
		.why = why,
		.err = err};
	return core_call(c, do_by_hand, &a);
}

struct overlap {
	struct core *core;
	const struct prefix *target; /* NULL: whatever is never blocked */
	struct records records;
};

/* Those that failed too: the next comparison would order them again. */
static int collect_overlap(void *ctx, struct element *el)
{
	struct overlap *o = ctx;
	if (o->target ? !prefix_overlaps(o->target, &el->target)
		      : protect_prefix(o->core->protect, &el->target) == PROTECT_NONE)
		return 0;
	int r = 0;
	for (const struct member *m = &el->first; m && r >= 0; m = m->next) {
		struct block b;
		if (m->state == BLOCK_CANCELLING)
			continue;
		r = store_block_get(o->core->store, m->block, &b);
		if (r == 0)
			r = records_add(&o->records, &b);
	}
	return MIN_OF(r, 0);
}

/* Lifts every record that holds any part of target; inside the caller's transaction. */
static int lift_overlapping(
	struct core *c, const struct core_caller *who, const struct prefix *target, unsigned *ret_n)
{
	struct overlap o = {.core = c, .target = target};
	int r = elements_each(&c->elements, collect_overlap, &o);
	_cleanup_(records_done) struct records records = o.records;
	for (unsigned i = 0; i < records.n && r == 0; i++)
		r = lift(c, who, &records.list[i]);
	*ret_n = records.n;
	return r;
}

int operations_lift_protected(struct core *c)
{
	const struct core_caller who = {.account = c->account.id, .who = "cordond"};
	unsigned n = 0;
	int r = store_begin(c->store);
	if (r == 0)
		r = lift_overlapping(c, &who, NULL, &n);
	if (r == 0 && n > 0)
		log_warning("%u blocks lifted: what they hold is never blocked now", n);
	return finish(c, r);
}

struct unblock {
	const struct core_caller *who;
	const struct prefix *target;
	unsigned n;
	struct err *err;
};

static int do_unblock(struct core *c, void *arg)
{
	struct unblock *a = arg;
	char text[PREFIX_TEXT_MAX];
	int r = store_begin(c->store);
	if (r == 0)
		r = lift_overlapping(c, a->who, a->target, &a->n);
	if (r == 0 && a->n == 0)
		r = err_set(a->err, CORE_NOT_FOUND, "%s is not blocked",
			prefix_format(a->target, text));
	return finish(c, r);
}

int core_unblock(struct core *c, const struct core_caller *who, const struct prefix *target,
	unsigned *ret_n, struct err *err)
{
	struct unblock a = {.who = who, .target = target, .err = err};
	int r = core_call(c, do_unblock, &a);
	if (r == 0)
		*ret_n = a.n;
	return r;
}

struct allow {
	const struct core_caller *who;
	const struct prefix *prefix;
	const char *why;
	struct err *err;
};

/* The kernel's allow-list is ordered like a block is. */
static void order_allow(struct core *c, const struct prefix *prefix, bool remove)
{
	struct enforce_order order = {.remove = remove,
		.element = {.target = *prefix, .list = ENFORCE_ALLOW, .expires = ENFORCE_FOREVER}};
	kernel_submit(c, &order, 1);
}

static int do_allow_add(struct core *c, void *arg)
{
	struct allow *a = arg;
	char text[PREFIX_TEXT_MAX];
	unsigned lifted = 0;
	struct allow_entry e = {.prefix = *a->prefix, .created = clock_now()};
	(void)snprintf(e.why, sizeof(e.why), "%s", a->why ? a->why : "");
	int r = store_begin(c->store);
	if (r == 0)
		r = store_allow_put(c->store, &e);
	audit(c, a->who, "allow.add", prefix_format(a->prefix, text), "%s", e.why);
	if (r == 0)
		r = lift_overlapping(c, a->who, a->prefix, &lifted);
	r = finish(c, r);
	if (r == 0) {
		order_allow(c, a->prefix, false);
		r = exempt_load_allow(c);
	}
	return r;
}

int core_allow_add(struct core *c, const struct core_caller *who, const struct prefix *prefix,
	const char *why, struct err *err)
{
	struct allow a = {.who = who, .prefix = prefix, .why = why, .err = err};
	return core_call(c, do_allow_add, &a);
}

static bool is_configured(const struct core *c, const struct prefix *prefix)
{
	for (unsigned i = 0; i < c->settings->allow_count; i++)
		if (prefix_eq(&c->settings->allow[i], prefix))
			return true;
	return false;
}

static int do_allow_remove(struct core *c, void *arg)
{
	struct allow *a = arg;
	char text[PREFIX_TEXT_MAX];
	prefix_format(a->prefix, text);
	if (is_configured(c, a->prefix))
		return err_set(a->err, CORE_INVALID, "%s is in the configuration file", text);
	int r = store_begin(c->store);
	if (r == 0)
		r = store_allow_remove(c->store, a->prefix);
	if (r == STORE_NOT_FOUND)
		r = err_set(a->err, CORE_NOT_FOUND, "%s is not on the allow-list", text);
	audit(c, a->who, "allow.remove", text, "%s", "");
	r = finish(c, r);
	if (r == 0) {
		order_allow(c, a->prefix, true);
		r = exempt_load_allow(c);
	}
	return r;
}

int core_allow_remove(
	struct core *c, const struct core_caller *who, const struct prefix *prefix, struct err *err)
{
	struct allow a = {.who = who, .prefix = prefix, .err = err};
	return core_call(c, do_allow_remove, &a);
}

struct rule_change {
	const struct core_caller *who;
	struct rule *rule;
	const char *name;
	struct err *err;
};

static int count_rule(void *ctx, const struct rule *r)
{
	(void)r;
	++*(unsigned *)ctx;
	return 0;
}

/* What does not fit could not be loaded at the next start. */
static int check_room(struct core *c, struct err *err)
{
	unsigned n = 0;
	int r = store_rule_each(c->store, c->account.id, count_rule, &n);
	if (r == 0 && n + SETTINGS_RULES_MAX + 1 >= RULES_MAX)
		r = err_set(err, CORE_INVALID, "there are %u rules: no more, please", n);
	return r;
}

static int find_rule(void *ctx, const struct rule *r)
{
	struct rule_change *a = ctx;
	if (strcmp(r->name, a->name) != 0)
		return 0;
	*a->rule = *r;
	return 1;
}

static bool rule_is_configured(const struct core *c, const char *name)
{
	for (unsigned i = 0; i < c->settings->rule_count; i++)
		if (strcmp(c->settings->rules[i].name, name) == 0)
			return true;
	return false;
}

static int check_rule(const struct rule *r, struct err *err)
{
	if (!r->name[0])
		return err_set(err, CORE_INVALID, "a rule needs a name");
	if (r->fail_count < 1 || r->fail_count > 1000)
		return err_set(err, CORE_INVALID, "failures: 1 to 1000");
	if (r->span < MS_SECOND || r->span > MS_DAY)
		return err_set(err, CORE_INVALID, "span: 1s to 24h");
	if (r->forbidden < MS_SECOND)
		return err_set(err, CORE_INVALID, "block time: 1s or more");
	if ((r->services & SERVICE_ALL) == 0)
		return err_set(err, CORE_INVALID, "a rule needs a service");
	return 0;
}

static int do_rule_put(struct core *c, void *arg)
{
	struct rule_change *a = arg;
	struct rule old;
	struct rule_change search = {.rule = &old, .name = a->rule->name};
	int r = check_rule(a->rule, a->err);
	if (r != 0)
		return r;
	int known = store_rule_each(c->store, a->who->account, find_rule, &search);
	if (known < 0)
		return known;
	if (known == 1 && old.source == RULE_BLINK)
		return err_set(a->err, CORE_INVALID,
			"the system rule is changed in the configuration file (system_rule)");
	if (rule_is_configured(c, a->rule->name))
		return err_set(a->err, CORE_INVALID, "rule %s is in the configuration file",
			a->rule->name);
	if (known == 1 && a->rule->id == 0)
		return err_set(a->err, CORE_EXISTS, "there is a rule %s", a->rule->name);
	if (known == 0 && (r = check_room(c, a->err)) != 0)
		return r;
	a->rule->account = a->who->account;
	a->rule->source = RULE_USER;
	a->rule->created = known == 1 ? old.created : clock_now();
	r = store_begin(c->store);
	if (r == 0)
		r = store_rule_put(c->store, a->rule);
	audit(c, a->who, known == 1 ? "rule.change" : "rule.add", a->rule->name,
		"%u in %lld ms, %lld ms", a->rule->fail_count, (long long)a->rule->span,
		(long long)a->rule->forbidden);
	r = finish(c, r);
	return r == 0 ? rules_load(c) : r;
}

int core_rule_put(struct core *c, const struct core_caller *who, struct rule *rule, struct err *err)
{
	struct rule_change a = {.who = who, .rule = rule, .err = err};
	return core_call(c, do_rule_put, &a);
}

static int do_rule_remove(struct core *c, void *arg)
{
	struct rule_change *a = arg;
	struct rule old;
	a->rule = &old;
	int known = store_rule_each(c->store, a->who->account, find_rule, a);
	if (known < 0)
		return known;
	if (known == 0)
		return err_set(a->err, CORE_NOT_FOUND, "no rule %s", a->name);
	if (old.source == RULE_BLINK || rule_is_configured(c, a->name))
		return err_set(
			a->err, CORE_INVALID, "rule %s is in the configuration file", a->name);
	int r = store_begin(c->store);
	if (r == 0)
		r = store_rule_remove(c->store, old.id);
	audit(c, a->who, "rule.remove", a->name, "%s", "");
	r = finish(c, r);
	return r == 0 ? rules_load(c) : r;
}

int core_rule_remove(
	struct core *c, const struct core_caller *who, const char *name, struct err *err)
{
	struct rule_change a = {.who = who, .name = name, .err = err};
	return core_call(c, do_rule_remove, &a);
}
