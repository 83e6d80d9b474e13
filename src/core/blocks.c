/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a block. blocks_change() moves a record from one state to another: it stores the
 * record, keeps the memory's copy (elements) in step and stages the order the kernel needs.
 * blocks_acknowledge() is the short way for what is ordered already.
 *
 * Staged orders leave after the commit: the intent is stored before the kernel
 * hears of it. If the store cannot write, what blocks leaves all the same (with
 * its kernel timeout), and everything else is forgotten and read anew.
 *
 * Another machine's record has no share in this memory and this kernel: a new state
 * that its agent must bring about is a wish, and has a version of its own.
 */
#include "base/clock.h"
#include "base/log.h"
#include "core/private.h"
#include "core/repeat.h"

#include <errno.h>

#define STATES_HELD                                                                                \
	(1u << BLOCK_WANTED | 1u << BLOCK_APPLIED | 1u << BLOCK_FAILED | 1u << BLOCK_CANCELLING)
#define BEGUN_MAX       64 /* blocks of one transaction that the log names */
#define STORE_RETRY_MAX (30 * MS_SECOND)

static int load_one(void *ctx, const struct block *b)
{
	struct core *c = ctx;
	return elements_put(&c->elements, b) ? 0 : -ENOMEM;
}

int blocks_load(struct core *c)
{
	elements_clear(&c->elements);
	c->counted_count = 0;
	if (c->host.id == 0) /* a server watches no machine */
		return 0;
	return store_block_load(c->store, c->host.id, STATES_HELD, load_one, c);
}

/* Without memory for an order the start-up diff is the way out: ask for one. */
static void stage_order(struct core *c, const struct enforce_order *order)
{
	if (c->order_count == c->order_size) {
		size_t size = c->order_size ? c->order_size * 2 : 64;
		struct enforce_order *more = reallocarray(c->orders, size, sizeof(*more));
		if (!more) {
			kernel_sync_soon(c, MS_SECOND);
			return;
		}
		c->orders = more;
		c->order_size = size;
	}
	c->orders[c->order_count++] = *order;
}

/* Orders what the element of b should be now. */
static void stage_element(struct core *c, const struct block *b)
{
	struct enforce_order order =
		elements_order(&c->elements, block_list(b->direction), &b->target);
	order.tag = (uint64_t)b->id;
	stage_order(c, &order);
}

static bool state_is_held(enum block_state s)
{
	return STATES_HELD >> s & 1;
}

static struct member *member_of(const struct core *c, const struct block *b)
{
	struct element *el = elements_find(&c->elements, block_list(b->direction), &b->target);
	return el ? element_member(el, b->service) : NULL;
}

/* Where the member's failures are counted; NULL: none since the last flush. */
static struct counted *counted_of(const struct core *c, const struct member *m)
{
	/* a place of an earlier flush is recognised by another record in it, or none */
	struct counted *at = m && m->counted < c->counted_count ? &c->counted[m->counted] : NULL;
	return at && at->block == m->block ? at : NULL;
}

static struct counted *counted_new(struct core *c, struct member *m)
{
	if (c->counted_count == c->counted_size) {
		uint32_t size = c->counted_size ? c->counted_size * 2 : 64;
		struct counted *more = reallocarray(c->counted, size, sizeof(*more));
		if (!more)
			return NULL;
		c->counted = more;
		c->counted_size = size;
	}
	m->counted = c->counted_count++;
	c->counted[m->counted] = (struct counted){.block = m->block, .latest = INT64_MIN};
	return &c->counted[m->counted];
}

/* What was counted and is not yet stored belongs to the life b is in. */
static void settle(struct core *c, struct block *b)
{
	struct counted *at = counted_of(c, member_of(c, b));
	if (!at)
		return;
	b->attempts += at->n;
	b->latest_attempt = MAX_OF(b->latest_attempt, at->latest);
	at->block = 0;
}

void blocks_wished(struct core *c, uint32_t host)
{
	if (host == 0 || targets_add(&c->wished, host) < 0)
		c->wished_all = true;
}

static void tell_wished(struct core *c, const struct targets *hosts, bool all)
{
	if (c->ops->wished && (all || hosts->n > 0))
		c->ops->wished(c->ops->ctx, all ? NULL : hosts->ids, all ? 0 : hosts->n);
	if (c->reports && c->ops->reportable)
		c->ops->reportable(c->ops->ctx);
}

static void set_state(struct block *b, enum block_state state, const char *error)
{
	b->state = state;
	b->changed = clock_now();
	if (state == BLOCK_APPLIED)
		b->applied_once = true;
	(void)snprintf(b->error, sizeof(b->error), "%s", error);
}

/* What its agent shall do is for it to ask; nothing of it is kept here. */
static int change_remote(struct core *c, struct block *b, enum block_state state, const char *error)
{
	set_state(b, state, error);
	if (state == BLOCK_WANTED || state == BLOCK_CANCELLING) {
		int r = store_version_next(c->store, &b->wish);
		if (r < 0)
			return r;
		blocks_wished(c, b->host);
	}
	return store_block_put(c->store, b);
}

int blocks_change(struct core *c, struct block *b, enum block_state state, const char *error)
{
	if (block_is_remote(c, b))
		return change_remote(c, b, state, error);
	enum block_state before = b->state;
	bool was_stored = b->id != 0;
	c->touched = true;
	settle(c, b);
	set_state(b, state, error);

	int r = store_block_put(c->store, b);
	if (r < 0)
		return r;
	if (state_is_held(state)) {
		if (!elements_put(&c->elements, b))
			return -ENOMEM;
	} else {
		elements_remove(&c->elements, b);
	}
	/* who shares its element may wait for it to go */
	bool shared = elements_find(&c->elements, block_list(b->direction), &b->target) != NULL;
	bool kernel_told =
		state == BLOCK_WANTED || state == BLOCK_CANCELLING ||
		(state == BLOCK_EXPIRED && was_stored && (block_is_active(before) || shared));
	if (kernel_told)
		stage_element(c, b);
	return 0;
}

int blocks_made(struct core *c, const struct block *b)
{
	c->touched = true;
	if (!elements_put(&c->elements, b))
		return -ENOMEM;
	stage_element(c, b);
	return 0;
}

int blocks_acknowledge(struct core *c, struct member *m, enum block_state state, const char *error)
{
	c->touched = true;
	int r = store_block_state(c->store, m->block, state, error, clock_now());
	if (r != 0)
		return r;
	m->state = (unsigned)state & 0xfu;
	m->withheld = false;
	return 0;
}

/* Memory and store disagree after a failure: the store is right. */
static void reload(struct core *c)
{
	int r = pipeline_load(c);
	if (r == 0)
		r = blocks_load(c);
	sources_rewind(c);
	if (r < 0 && c->ops->failed)
		c->ops->failed(c->ops->ctx, "the store cannot be read");
}

/* After a failed commit only what blocks leaves; its record was not stored. */
static size_t keep_additions(struct enforce_order *orders, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++)
		if (!orders[i].remove) {
			orders[kept] = orders[i];
			orders[kept++].tag = 0;
		}
	return kept;
}

/* Answers may be lost to the store, and orders to the kernel. */
static void note_failure(struct core *c)
{
	c->counters.commit_failures++;
	c->out_of_step = true;
	c->store_retry = MIN_OF(MAX_OF(c->store_retry * 2, MS_SECOND), STORE_RETRY_MAX);
	log_error("the store cannot write: %s; blocking goes on, and what was read is read again",
		store_error(c->store));
}

static void log_block(const struct block *b)
{
	char address[PREFIX_TEXT_MAX], until[CLOCK_TEXT_MAX], again[32] = "";
	if (b->lives > 1)
		(void)snprintf(again, sizeof(again), ", %u times in a row", b->lives);
	log_info("block %s for %s: %lld failures, rule %s%s, until %s",
		prefix_format(&b->target, address), service_name(b->service),
		(long long)b->attempts, b->rule_name, again,
		b->expires == BLOCK_FOREVER ? "lifted" : clock_format(b->expires, until));
}

/*
 * Remembers that a block began. The log can be slow to take a line, so it waits until the
 * kernel has its order; and a flood of blocks must not become a flood of lines.
 */
static void note_begun(struct core *c, const struct block *b)
{
	if (!c->begun)
		c->begun = calloc(BEGUN_MAX, sizeof(*c->begun));
	if (c->begun && c->begun_count < BEGUN_MAX)
		c->begun[c->begun_count++] = *b;
	else
		c->begun_more++;
}

static void say_begun(struct core *c)
{
	size_t n = c->begun_count, more = c->begun_more;
	c->begun_count = c->begun_more = 0;
	for (size_t i = 0; i < n; i++)
		log_block(&c->begun[i]);
	if (more)
		log_info("and %zu more blocks", more);
}

void blocks_undo(struct core *c, int why)
{
	bool touched = c->touched;
	c->order_count = 0;
	c->begun_count = c->begun_more = 0;
	c->touched = false;
	c->wished.n = 0;
	c->wished_all = false;
	if (why < 0)
		note_failure(c);
	if (touched)
		reload(c);
}

void blocks_commit(struct core *c, int committed)
{
	/* the answers may come from within kernel_submit() and stage orders of their own */
	_cleanup_(freep) struct enforce_order *orders = take(c->orders);
	_cleanup_(targets_done) struct targets wished = c->wished;
	bool wished_all = c->wished_all;
	size_t n = c->order_count;
	bool touched = c->touched;
	c->order_count = c->order_size = 0;
	c->wished = (struct targets){0};
	c->wished_all = c->touched = false;
	if (committed < 0) {
		note_failure(c);
		n = keep_additions(orders, n);
	} else {
		c->store_retry = 0;
	}
	if (n > 0 && committed < 0)
		kernel_submit(c, orders, n);
	else if (n > 0)
		kernel_submit_stored(c, orders, n);
	if (committed == 0)
		tell_wished(c, &wished, wished_all);
	say_begun(c);
	if (committed < 0 && touched)
		reload(c);
	store_ready(c->store);
}

int64_t blocks_forbidden_of(struct core *c, int64_t rule)
{
	struct rule r;
	if (rule && store_rule_get(c->store, rule, &r) == 0)
		return r.forbidden;
	return c->system_rule.forbidden;
}

static int64_t end_of(int64_t from, int64_t forbidden)
{
	return forbidden >= RULE_PERMANENT ? BLOCK_FOREVER : from + forbidden;
}

static void name_rule(struct core *c, struct block *b, int64_t rule)
{
	struct rule stored;
	const struct rule *r = rules_find(c, rule);
	if (!r)
		r = store_rule_get(c->store, rule, &stored) == 0 ? &stored : &c->system_rule;
	b->rule = rule;
	b->source = r->source;
	memcpy(b->rule_name, r->name, sizeof(b->rule_name));
}

/* At most so many new blocks a minute: a mistake must not block the world. */
static bool over_ceiling(struct core *c)
{
	int64_t minute = clock_now() / MS_MINUTE;
	if (minute != c->ceiling_minute) {
		c->ceiling_minute = minute;
		c->ceiling_used = 0;
	}
	uint32_t most = c->settings->blocks_per_minute;
	if (most == 0 || c->ceiling_used++ < most)
		return false;
	c->counters.blocks_over_ceiling++;
	if (c->ceiling_used == most + 1) /* once a minute is enough */
		log_error("more than %u new blocks in a minute: not blocking any more until the "
			  "next (limits.blocks_per_minute)",
			most);
	return true;
}

bool blocks_at_ceiling(const struct core *c)
{
	uint32_t most = c->settings->blocks_per_minute;
	return most != 0 && c->ceiling_used > most && c->ceiling_minute == clock_now() / MS_MINUTE;
}

void blocks_audit_life(struct core *c, const struct block *old)
{
	char address[PREFIX_TEXT_MAX], from[CLOCK_TEXT_MAX], until[CLOCK_TEXT_MAX];
	struct audit_entry e = {.time = clock_now(), .account = old->account};
	(void)snprintf(e.who, sizeof(e.who), "rule");
	(void)snprintf(e.what, sizeof(e.what), "life");
	(void)snprintf(e.object, sizeof(e.object), "%s", prefix_format(&old->target, address));
	(void)snprintf(e.detail, sizeof(e.detail), "%s %s from %s to %s, %lld attempts, by %s",
		service_name(old->service), block_state_name(old->state),
		clock_format(old->created, from),
		old->expires == BLOCK_FOREVER ? "ever" : clock_format(old->expires, until),
		(long long)old->attempts, old->rule_name[0] ? old->rule_name : "hand");
	(void)store_audit_add(c->store, &e);
}

/* The source begins anew: what it did before its block was lifted is forgiven. */
static void forgive(struct core *c, const struct block *b)
{
	struct window_key key = {.host = b->host, .service = b->service, .source = b->target};
	if (block_is_remote(c, b))
		return; /* its agent counts, and forgives */
	c->touched = true;
	uint32_t row = window_clear(c->windows, &key);
	if (row)
		(void)store_window_remove(c->store, row);
}

int blocks_lift(struct core *c, struct block *b)
{
	/* one that failed here was never in the kernel: nothing to wait for. An agent would try it
	   again and has to be told */
	bool wait = block_is_active(b->state) || block_is_remote(c, b);
	if (!block_is_active(b->state) && b->state != BLOCK_FAILED)
		return 0;
	forgive(c, b);
	return blocks_change(c, b, wait ? BLOCK_CANCELLING : BLOCK_CANCELED, "");
}

void blocks_begin_again(struct core *c, struct block *b, int64_t expires, int64_t now)
{
	if (b->id != 0)
		blocks_audit_life(c, b);
	if (b->id == 0 || !block_is_active(b->state)) /* else it is the same life, renewed */
		b->lives = repeat_life(&c->settings->repeat, b, now);
	b->created = now;
	b->expires = expires;
	b->applied_once = false;
}

static int64_t decided_end(const struct core *c, const struct decision *d, uint32_t life)
{
	return end_of(
		d->latest_attempt, repeat_forbidden(&c->settings->repeat, d->forbidden, life));
}

/* The record of a decision: a new one, or the old one at the start of a new life. */
static void begin_life(struct core *c, struct block *b, const struct decision *d, bool known)
{
	uint32_t life = repeat_life(&c->settings->repeat, b, d->latest_attempt);
	if (known)
		blocks_audit_life(c, b);
	b->account = c->account.id;
	b->host = d->host;
	b->target = d->target;
	b->trigger = d->trigger;
	b->direction = BLOCK_IN;
	b->service = d->service;
	b->port = c->settings->ports[d->service];
	b->applied_once = false;
	b->created = d->latest_attempt;
	b->first_attempt = d->first_attempt;
	b->latest_attempt = d->latest_attempt;
	b->attempts = d->attempts;
	b->lives = life;
	b->expires = decided_end(c, d, life);
	name_rule(c, b, d->rule);
}

/* The record holds already and the failures went on: it may have to last longer. */
static void prolong(struct core *c, struct block *b, const struct decision *d)
{
	int64_t expires = decided_end(c, d, b->lives);
	bool withheld = block_is_withheld(b);
	if (withheld ? over_ceiling(c) : expires <= b->expires)
		return;
	c->counters.blocks_new += withheld;
	b->expires = MAX_OF(b->expires, expires);
	(void)blocks_change(c, b, BLOCK_WANTED, "");
}

void blocks_decide(struct core *c, const struct decision *d)
{
	struct block b = {0};
	int r = store_block_find(c->store, d->host, &d->target, d->service, BLOCK_IN, &b);
	if (r < 0)
		return; /* sticks in the transaction */
	bool known = r == 0, held = known && state_is_held(b.state);

	if (held && b.state != BLOCK_CANCELLING && b.expires > d->latest_attempt) {
		prolong(c, &b, d);
		return;
	}
	if (known && !held && b.expires > d->latest_attempt && b.created <= d->latest_attempt &&
		b.state == BLOCK_EXPIRED) {
		/* read late: these failures happened within the life that is over */
		(void)store_block_count(c->store, b.id, d->attempts, d->latest_attempt);
		return;
	}
	uint32_t life = repeat_life(&c->settings->repeat, &b, d->latest_attempt);
	bool over = decided_end(c, d, life) <= clock_now();
	if (known && over && b.created > d->latest_attempt)
		return; /* read so late that a later life is on record */
	settle(c, &b);
	begin_life(c, &b, d, known);
	if (over) {
		(void)blocks_change(c, &b, BLOCK_EXPIRED, ""); /* history only */
		return;
	}
	if (over_ceiling(c)) {
		(void)blocks_change(c, &b, BLOCK_FAILED, "RateCeiling");
		return;
	}
	c->counters.blocks_new++;
	note_begun(c, &b);
	(void)blocks_change(c, &b, BLOCK_WANTED, "");
	blocks_arm_expiry(c, b.expires);
}

bool blocks_count_failure(
	struct core *c, const struct prefix *source, enum service service, int64_t time, uint32_t n)
{
	if (c->elements.used == 0)
		return false;
	struct element *el = elements_find(&c->elements, ENFORCE_IN, source);
	struct member *m = el ? element_member(el, service) : NULL;
	if (!m || m->state == BLOCK_CANCELLING || m->expires <= time)
		return false;
	struct counted *at = counted_of(c, m);
	if (!at)
		at = counted_new(c, m);
	if (at) {
		at->n += n;
		at->latest = MAX_OF(at->latest, time);
	}
	return at != NULL;
}

void blocks_flush_counts(struct core *c)
{
	for (uint32_t i = 0; i < c->counted_count; i++)
		if (c->counted[i].block)
			(void)store_block_count(c->store, c->counted[i].block, c->counted[i].n,
				c->counted[i].latest);
	c->counted_count = 0;
}
