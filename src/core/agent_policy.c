/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's rules and allow-list on an agent: they take the place of those in the
 * store, whole. What the machine's own configuration file says stays.
 *
 * Rules decide in the order of their ids, latest first. So that they do here as on
 * the server, one that would come too early gets a new id; the others keep theirs, by which
 * records know them.
 */
#include "base/clock.h"
#include "core/following.h"
#include "core/private.h"

#include <errno.h>

struct stored_rules {
	struct core *core;
	struct rule *list;
	unsigned n;
};

/* Those that are the server's. */
static int collect_rule(void *ctx, const struct rule *rule)
{
	struct stored_rules *s = ctx;
	if (rule->source != RULE_USER || rules_is_configured(s->core, rule->account, rule->name) ||
		s->n == RULES_MAX)
		return 0;
	s->list[s->n++] = *rule;
	return 0;
}

static const struct rule *stored_of(const struct stored_rules *s, const char *name)
{
	for (unsigned i = 0; i < s->n; i++)
		if (strcmp(s->list[i].name, name) == 0)
			return &s->list[i];
	return NULL;
}

static bool is_wished(const struct wishes *w, const char *name)
{
	for (size_t i = 0; i < w->rule_count; i++)
		if (strcmp(w->rules[i].name, name) == 0)
			return true;
	return false;
}

static int remove_others(struct core *c, const struct stored_rules *s, const struct wishes *w)
{
	int r = 0;
	for (unsigned i = 0; i < s->n && r == 0; i++)
		if (!is_wished(w, s->list[i].name))
			r = store_rule_remove(c->store, s->list[i].id);
	return r;
}

/* *last: id of the rule before it, then its own. */
static int put_rule(
	struct core *c, const struct stored_rules *s, const struct rule *wished, int64_t *last)
{
	const struct rule *known = stored_of(s, wished->name);
	struct rule rule = *wished;
	int r = 0;
	if (rules_is_configured(c, c->account.id, wished->name))
		return 0;
	rule.id = known && known->id > *last ? known->id : 0;
	rule.account = c->account.id;
	rule.source = RULE_USER;
	rule.is_default = rule.enabled = true;
	rule.created = known ? known->created : clock_now();
	if (known && rule.id == 0)
		r = store_rule_remove(c->store, known->id);
	if (r == 0)
		r = store_rule_put(c->store, &rule);
	*last = rule.id;
	return r;
}

static int replace_rules(struct core *c, const struct wishes *w)
{
	_cleanup_(freep) struct rule *list = calloc(RULES_MAX, sizeof(*list));
	struct stored_rules stored = {.core = c, .list = list};
	int64_t last = 0;
	if (!list)
		return -ENOMEM;
	int r = store_rule_each(c->store, c->account.id, collect_rule, &stored);
	if (r == 0)
		r = remove_others(c, &stored, w);
	for (size_t i = w->rule_count; i-- > 0 && r == 0;) /* the oldest first */
		r = put_rule(c, &stored, &w->rules[i], &last);
	return r == 0 ? store_rule_host_put(c->store, c->host.id, 0) : r;
}

struct prefixes {
	struct prefix *list;
	size_t n, size;
};

static int collect_entry(void *ctx, const struct allow_entry *entry)
{
	struct prefixes *p = ctx;
	if (p->n == p->size) {
		size_t size = p->size ? p->size * 2 : 64;
		struct prefix *more = reallocarray(p->list, size, sizeof(*more));
		if (!more)
			return -ENOMEM;
		p->list = more;
		p->size = size;
	}
	p->list[p->n++] = entry->prefix;
	return 0;
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct prefix));
}

static bool is_among(const struct prefixes *sorted, const struct prefix *p)
{
	return sorted->n > 0 && bsearch(p, sorted->list, sorted->n, sizeof(*p), by_bytes) != NULL;
}

/* Both lists sorted. */
static int change_allow(
	struct core *c, const struct prefixes *stored, const struct prefixes *wished, bool *changed)
{
	int r = 0;
	for (size_t i = 0; i < stored->n && r == 0; i++)
		if (!is_among(wished, &stored->list[i])) {
			r = store_allow_remove(c->store, c->account.id, &stored->list[i]);
			*changed = true;
		}
	for (size_t i = 0; i < wished->n && r == 0; i++)
		if (!is_among(stored, &wished->list[i])) {
			struct allow_entry e = {.account = c->account.id,
				.prefix = wished->list[i],
				.why = "of the server",
				.created = clock_now()};
			r = store_allow_put(c->store, &e);
			*changed = true;
		}
	return r;
}

static int copy_wished(const struct wishes *w, struct prefixes *ret)
{
	ret->list = calloc(MAX_OF(w->allow_count, 1), sizeof(*ret->list));
	if (!ret->list)
		return -ENOMEM;
	for (size_t i = 0; i < w->allow_count; i++)
		ret->list[ret->n++] = prefix_of(&w->allow[i].addr, w->allow[i].len);
	qsort(ret->list, ret->n, sizeof(*ret->list), by_bytes);
	return 0;
}

static int replace_allow(struct core *c, const struct wishes *w, bool *changed)
{
	struct prefixes stored = {0}, wished = {0};
	int r = copy_wished(w, &wished);
	if (r == 0)
		r = store_allow_each(c->store, c->account.id, collect_entry, &stored);
	if (r == 0 && stored.n > 0)
		qsort(stored.list, stored.n, sizeof(*stored.list), by_bytes);
	if (r == 0)
		r = change_allow(c, &stored, &wished, changed);
	free(stored.list);
	free(wished.list);
	return r;
}

int policy_replace(struct core *c, const struct wishes *w, bool *ret_allow_changed)
{
	bool changed = false;
	int r = replace_rules(c, w);
	if (r == 0)
		r = replace_allow(c, w, &changed);
	if (r == 0)
		r = exempt_load_allow(c); /* reads what this transaction has written */
	if (r == 0)
		*ret_allow_changed = changed;
	return r;
}

int policy_follow(struct core *c, bool allow_changed)
{
	int r = rules_load(c);
	if (r != 0 || !allow_changed)
		return r;
	kernel_sync_soon(c, 0);
	return operations_lift_protected(c);
}
