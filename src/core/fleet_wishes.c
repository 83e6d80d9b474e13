/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one agent shall do that it does not know yet, read at one moment: records
 * wished after its version, and, when they changed since, the rules and the allow-list
 * that hold there. Who comes with nothing, or with a version that this database never
 * gave or has lost, gets a snapshot.
 *
 * A record that has ended is told as lifted, with an end that is over: whoever has it
 * lets it go, who never had it has nothing to answer for.
 */
#include "base/log.h"
#include "core/private.h"

#include <errno.h>

#define STATES_OVER (1u << BLOCK_EXPIRED | 1u << BLOCK_CANCELED)

struct asking {
	const struct core *core;
	struct store *store;
	struct host host;
	struct wishes *w;
	size_t block_size; /* allocated */
	unsigned rows;     /* looked at */
	int64_t latest;    /* version of the latest of them */
	int64_t own_rule;  /* 0: the default ones */
};

static struct wish wish_of(const struct block *b)
{
	bool over = STATES_OVER >> b->state & 1;
	struct wish w = {.target = b->target,
		.trigger = b->trigger,
		.service = b->service,
		.direction = b->direction,
		.lift = over || b->state == BLOCK_CANCELLING,
		.expires = over ? MIN_OF(b->expires, b->changed) : b->expires,
		.version = b->wish,
		.port = b->port,
		.source = b->source};
	memcpy(w.rule_name, b->rule_name, sizeof(w.rule_name));
	return w;
}

static int add_block(void *ctx, const struct block *b)
{
	struct asking *a = ctx;
	a->rows++;
	a->latest = b->wish;
	if (a->w->snapshot && STATES_OVER >> b->state & 1)
		return 0;
	if (a->w->block_count == a->block_size) {
		size_t size = a->block_size ? a->block_size * 2 : 64;
		struct wish *more = reallocarray(a->w->blocks, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		a->w->blocks = more;
		a->block_size = size;
	}
	a->w->blocks[a->w->block_count++] = wish_of(b);
	return 0;
}

static int read_blocks(struct asking *a, int64_t after)
{
	int r = store_wish_each(a->store, a->host.id, after, WISHES_BLOCKS_MAX, add_block, a);
	if (r == 0 && a->rows == WISHES_BLOCKS_MAX) {
		a->w->more = true;
		a->w->version = a->latest;
	}
	return r;
}

static int add_rule(void *ctx, const struct rule *rule)
{
	struct asking *a = ctx;
	bool holds = a->own_rule ? rule->id == a->own_rule : rule->is_default;
	if (rule->source != RULE_USER || !rule->enabled || !holds)
		return 0;
	if (a->w->rule_count == RULES_MAX)
		return -ENOSPC;
	a->w->rules[a->w->rule_count++] = *rule;
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	return x->id > y->id ? -1 : x->id < y->id;
}

/* In the order in which they decide. */
static int read_rules(struct asking *a)
{
	int r = store_rule_host_get(a->store, a->host.id, &a->own_rule);
	if (r < 0)
		return r;
	if (r == STORE_NOT_FOUND)
		a->own_rule = 0;
	a->w->rules = calloc(RULES_MAX, sizeof(*a->w->rules));
	if (!a->w->rules)
		return -ENOMEM;
	r = store_rule_each(a->store, a->host.account, add_rule, a);
	qsort(a->w->rules, a->w->rule_count, sizeof(*a->w->rules), newest_first);
	if (a->w->rule_count > WISHES_RULES_MAX) {
		log_warning("server %s gets the latest %d of %zu rules: more do not fit",
			a->host.name, WISHES_RULES_MAX, a->w->rule_count);
		a->w->rule_count = WISHES_RULES_MAX;
	}
	return r;
}

static int read_allow(struct asking *a)
{
	int r = exempt_allow_list(
		a->core, a->store, a->host.account, &a->w->allow, &a->w->allow_count);
	if (a->w->allow_count > WISHES_ALLOW_MAX) {
		log_error("server %s gets %d of %zu entries of the allow-list: more do not fit",
			a->host.name, WISHES_ALLOW_MAX, a->w->allow_count);
		a->w->allow_count = WISHES_ALLOW_MAX;
	}
	return r;
}

static int read_policy(struct asking *a, int64_t after)
{
	int64_t version = 0;
	int r = store_policy_version(a->store, a->host.account, &version);
	if (r != 0 || (!a->w->snapshot && version <= after))
		return MIN_OF(r, 0);
	a->w->has_policy = true;
	r = read_rules(a);
	return r == 0 ? read_allow(a) : r;
}

/* All of one moment: the caller holds a snapshot of the store. */
static int read_all(struct asking *a, uint32_t host, int64_t after)
{
	int r = store_host_get(a->store, host, &a->host);
	if (r == STORE_NOT_FOUND || (r == 0 && a->host.retired))
		return CORE_DENIED;
	if (r == 0)
		r = store_version_latest(a->store, &a->w->version);
	if (r < 0)
		return r;
	a->w->snapshot = after <= 0 || after > a->w->version || versions_is_lost(a->core, after);
	r = read_policy(a, after);
	return r == 0 ? read_blocks(a, a->w->snapshot ? 0 : after) : r;
}

int core_wishes(struct core_reader *r, uint32_t host, int64_t after, struct wishes *ret)
{
	struct wishes wishes = {0};
	struct asking a = {.core = r->core, .store = r->store, .w = &wishes};
	int result = store_snapshot(r->store);
	if (result < 0)
		return result;
	result = read_all(&a, host, after);
	store_snapshot_end(r->store);
	if (result == 0) {
		r->core->counters.wishes_told += wishes.snapshot || wishes.has_policy ||
						 wishes.more || wishes.block_count > 0;
		*ret = wishes;
	} else {
		wishes_done(&wishes);
	}
	return result;
}
