/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An account's allow-list: what it names is lifted, and never blocked on any of its servers. */
#include "base/clock.h"
#include "core/private.h"

/* With the file's they fit what an agent is told at once. */
#define OWN_MAX (WISHES_ALLOW_MAX - SETTINGS_ALLOW_MAX)

struct allow {
	const struct core_caller *who;
	const struct prefix *prefix;
	const char *why;
	struct err *err;
};

/* The kernel's allow-list is ordered like a block is. */
static int follow(struct core *c, const struct allow *a, bool remove)
{
	struct enforce_order order = {.remove = remove,
		.element = {
			.target = *a->prefix, .list = ENFORCE_ALLOW, .expires = ENFORCE_FOREVER}};
	if (a->who->account != c->account.id)
		return 0; /* this machine is the first account's */
	kernel_submit(c, &order, 1);
	return exempt_load_allow(c);
}

static bool is_configured(const struct core *c, const struct allow *a)
{
	for (unsigned i = 0; i < c->settings->allow_count; i++)
		if (prefix_eq(&c->settings->allow[i], a->prefix))
			return a->who->account == c->account.id;
	return false;
}

struct search {
	const struct prefix *prefix;
	unsigned others;
	struct allow_entry found;
};

static int find_entry(void *ctx, const struct allow_entry *e)
{
	struct search *s = ctx;
	s->others++;
	if (!prefix_eq(&e->prefix, s->prefix))
		return 0;
	s->found = *e;
	return 1;
}

static const char *describe(bool there, const struct allow_entry *e)
{
	return !there ? "" : e->why[0] ? e->why : "allowed";
}

static int put(struct core *c, const struct allow *a, const struct allow_entry *e,
	struct search *ret_old, bool *ret_known)
{
	int known = store_allow_each(c->store, a->who->account, find_entry, ret_old);
	if (known < 0)
		return known;
	*ret_known = known == 1;
	if (known == 0 && ret_old->others >= OWN_MAX)
		return err_set(a->err, CORE_INVALID,
			"the allow-list has %u entries: no more, please", ret_old->others);
	return store_allow_put(c->store, e);
}

static int do_allow_add(struct core *c, void *arg)
{
	struct allow *a = arg;
	char text[PREFIX_TEXT_MAX];
	unsigned lifted = 0;
	bool known = false;
	struct search old = {.prefix = a->prefix};
	struct allow_entry e = {
		.account = a->who->account, .prefix = *a->prefix, .created = clock_now()};
	(void)snprintf(e.why, sizeof(e.why), "%s", a->why ? a->why : "");
	int r = operation_not_agents(c, a->err);
	if (r == 0)
		r = store_begin(c->store);
	if (r != 0)
		return r;
	r = put(c, a, &e, &old, &known);
	const struct change change = {.what = "allow.add",
		.object = prefix_format(a->prefix, text),
		.before = describe(known, &old.found),
		.after = describe(true, &e)};
	audit_change(c, a->who, &change, "%s", e.why);
	rules_touch(c, a->who->account);
	if (r == 0)
		r = lift_overlapping(c, a->who, a->prefix, NULL, &lifted);
	r = operation_end(c, r);
	return r == 0 ? follow(c, a, false) : r;
}

int core_allow_add(struct core *c, const struct core_caller *who, const struct prefix *prefix,
	const char *why, struct err *err)
{
	struct allow a = {.who = who, .prefix = prefix, .why = why, .err = err};
	return core_call(c, do_allow_add, &a);
}

static int do_allow_remove(struct core *c, void *arg)
{
	struct allow *a = arg;
	char text[PREFIX_TEXT_MAX];
	struct search old = {.prefix = a->prefix};
	prefix_format(a->prefix, text);
	int r = operation_not_agents(c, a->err);
	if (r == 0 && is_configured(c, a))
		r = err_set(a->err, CORE_INVALID, "%s is in the configuration file", text);
	if (r == 0)
		r = store_begin(c->store);
	if (r != 0)
		return r;
	int known = store_allow_each(c->store, a->who->account, find_entry, &old);
	r = known < 0 ? known : store_allow_remove(c->store, a->who->account, a->prefix);
	if (r == STORE_NOT_FOUND)
		r = err_set(a->err, CORE_NOT_FOUND, "%s is not on the allow-list", text);
	const struct change change = {
		.what = "allow.remove", .object = text, .before = describe(known == 1, &old.found)};
	audit_change(c, a->who, &change, "%s", "");
	rules_touch(c, a->who->account);
	r = operation_end(c, r);
	return r == 0 ? follow(c, a, true) : r;
}

int core_allow_remove(
	struct core *c, const struct core_caller *who, const struct prefix *prefix, struct err *err)
{
	struct allow a = {.who = who, .prefix = prefix, .err = err};
	return core_call(c, do_allow_remove, &a);
}
