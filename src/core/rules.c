/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules in force on this machine: its own user's rule where it has one,
 * else the default ones, made with `cordon rules` or an API or by the configuration
 * file; and the built-in system rule, in this order. The first that a source's
 * failures reach decides.
 *
 * All live in table rule, so that a block can name its rule for ever; the
 * system rule and the configuration's follow the file at every start.
 */
#include "base/clock.h"
#include "core/private.h"

#include <errno.h>

struct collected {
	struct rule *list;
	unsigned n;
};

static int collect(void *ctx, const struct rule *r)
{
	struct collected *out = ctx;
	if (out->n == RULES_MAX)
		return -ENOSPC;
	out->list[out->n++] = *r;
	return 0;
}

static const struct rule *by_name(
	const struct collected *rules, const char *name, enum rule_source source)
{
	for (unsigned i = 0; i < rules->n; i++)
		if (rules->list[i].source == source && strcmp(rules->list[i].name, name) == 0)
			return &rules->list[i];
	return NULL;
}

static int keep(
	struct core *c, const struct collected *stored, const struct rule *from, struct rule *ret)
{
	const struct rule *old = by_name(stored, from->name, from->source);
	struct rule r = *from;
	r.id = old ? old->id : 0;
	r.created = old ? old->created : clock_now();
	r.account = c->account.id;
	r.enabled = r.is_default = true;
	int result = store_rule_put(c->store, &r);
	if (result == 0 && ret)
		*ret = r;
	return result;
}

static int newest_first(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	if (x->source != y->source)
		return x->source == RULE_USER ? -1 : 1;
	return x->id > y->id ? -1 : x->id < y->id;
}

bool rules_is_configured(const struct core *c, int64_t account, const char *name)
{
	for (unsigned i = 0; i < c->settings->rule_count; i++)
		if (strcmp(c->settings->rules[i].name, name) == 0)
			return account == c->account.id;
	return false;
}

void rules_touch(struct core *c, int64_t account)
{
	(void)store_policy_touch(c->store, account);
	blocks_wished(c, 0);
}

/* A rule that left the file leaves the table. Their names are kept in meta, one a line. */
static void drop_unconfigured(struct core *c, const struct collected *stored)
{
	char names[SETTINGS_RULES_MAX * RULE_NAME_MAX];
	if (store_meta_get(c->store, "configured_rules", names, sizeof(names)) != 0)
		return;
	char *rest = names;
	for (char *name; (name = strsep(&rest, "\n"));) {
		const struct rule *old = by_name(stored, name, RULE_USER);
		if (old && !rules_is_configured(c, c->account.id, name))
			(void)store_rule_remove(c->store, old->id);
	}
}

/* Brings what the configuration fixes into the table. */
static int store_configured(struct core *c, const struct collected *stored)
{
	_cleanup_(buf_done) struct buf names = BUF_NULL;
	int r = store_begin(c->store);
	if (r < 0)
		return r;
	drop_unconfigured(c, stored);
	for (unsigned i = 0; i < c->settings->rule_count; i++) {
		(void)keep(c, stored, &c->settings->rules[i], NULL);
		buf_printf(&names, "%s%s", i ? "\n" : "", c->settings->rules[i].name);
	}
	(void)store_meta_put(c->store, "configured_rules", names.p ? names.p : "");
	(void)keep(c, stored, &c->settings->system_rule, &c->system_rule);
	/* nobody knows what else the file said before, of its allow-list above all */
	(void)store_policy_touch(c->store, c->account.id);
	return store_commit(c->store, STORE_DURABLE);
}

/* Its own rule takes the place of the default ones. */
static bool holds(const struct rule *r, int64_t own)
{
	if (!r->enabled)
		return false;
	return r->source == RULE_BLINK || (own ? r->id == own : r->is_default);
}

/* Every decision names one of them; only one that has left since is looked up. */
static int remember(struct core *c, const struct rule *list, unsigned n)
{
	struct rule *copy = calloc(MAX_OF(n, 1u), sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, list, n * sizeof(*copy));
	free(c->rules);
	c->rules = copy;
	c->rule_count = n;
	return 0;
}

const struct rule *rules_find(const struct core *c, int64_t id)
{
	for (unsigned i = 0; i < c->rule_count; i++)
		if (c->rules[i].id == id)
			return &c->rules[i];
	return NULL;
}

int rules_load(struct core *c)
{
	_cleanup_(freep) struct rule *list = calloc(RULES_MAX, sizeof(*list));
	if (!list)
		return -ENOMEM;
	struct collected rules = {.list = list};
	int r = store_rule_each(c->store, c->account.id, collect, &rules);
	if (r == 0 && c->system_rule.id == 0) {
		r = store_configured(c, &rules);
		rules.n = 0;
		if (r == 0)
			r = store_rule_each(c->store, c->account.id, collect, &rules);
	}
	int64_t own = 0;
	if (r == 0 && c->host.id != 0)
		r = store_rule_host_get(c->store, c->host.id, &own);
	if (r < 0)
		return r;
	unsigned n = 0;
	for (unsigned i = 0; i < rules.n; i++)
		if (holds(&list[i], own))
			list[n++] = list[i];
	qsort(list, n, sizeof(*list), newest_first);
	r = remember(c, list, n);
	return r == 0 ? detector_set_rules(c->detector, list, n) : r;
}
