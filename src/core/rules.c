/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules in force: those made with `cordon rules` or an API, those of the
 * configuration file, and the built-in system rule, in this order. The first
 * that a source's failures reach decides.
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
	r.enabled = true;
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

static bool is_configured(const struct core *c, const char *name)
{
	for (unsigned i = 0; i < c->settings->rule_count; i++)
		if (strcmp(c->settings->rules[i].name, name) == 0)
			return true;
	return false;
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
		if (old && !is_configured(c, name))
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
	return store_commit(c->store, STORE_DURABLE);
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
	if (r != 0)
		return r;
	unsigned n = 0;
	for (unsigned i = 0; i < rules.n; i++)
		if (list[i].enabled)
			list[n++] = list[i];
	qsort(list, n, sizeof(*list), newest_first);
	return detector_set_rules(c->detector, list, n);
}
